//! A listing for people: one page that loads nothing, runs nothing and sorts by links.

use std::fmt::Write;

use super::Wanted;
use super::entries::{Contents, Entry, Kind, MOST};
use super::order::{Key, Sort};
use crate::http::{Date, encode_path, escape_html, short_size};

/// Nothing but the style that the page brings itself, known by its hash (CSP 3, 2.3.1).
pub const POLICY: &str = "default-src 'none'; style-src 'sha256-pM0MA541YElsNwFI5/SrrwX0GisfscA+Tb8bFOsxQ9g='; base-uri 'none'; form-action 'none'";

const STYLE: &str = include_str!("page.css");

pub fn page(contents: &Contents, wanted: &Wanted) -> String {
    let mut out = String::with_capacity(4096 + contents.entries.len() * 320);
    let title = escape_html(&String::from_utf8_lossy(&wanted.path));
    // Writing to a string cannot fail.
    let _ = write!(
        out,
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<title>{title}</title>\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"color-scheme\" content=\"light dark\">\n<meta name=\"robots\" content=\"noindex\">\n\
         <link rel=\"alternate\" type=\"application/json\" href=\"?format=json\">\n\
         <style>{STYLE}</style>\n</head>\n<body>\n",
    );
    heading(&mut out, wanted);
    out.push_str("<main>\n");
    if contents.truncated {
        let _ = writeln!(
            out,
            "<p class=\"note\">There is more: only {} entries were read.</p>",
            grouped(MOST as u64)
        );
    }
    table(&mut out, contents, wanted);
    out.push_str("</main>\n");
    let _ = write!(
        out,
        "<footer><p>{}</p><p><a href=\"?format=json\">JSON</a></p></footer>\n</body>\n</html>\n",
        summary(&contents.entries)
    );
    out
}

/// The way here: the location's directory, the folders in it, and this one.
fn heading(out: &mut String, wanted: &Wanted) {
    let (base, folders) = way(&wanted.path, wanted.depth);
    out.push_str("<header>\n");
    let parents = folders.len();
    let mut names = vec![base];
    names.extend(folders.iter().map(|name| String::from_utf8_lossy(name).into_owned()));
    let current = names.pop().unwrap_or_default();
    if parents > 0 {
        out.push_str("<nav aria-label=\"Parent folders\"><ol>\n");
        for (name, up) in names.iter().zip((1..=parents).rev()) {
            let _ = writeln!(out, "<li><a href=\"{}\">{}</a></li>", "../".repeat(up), escape_html(name));
        }
        out.push_str("</ol></nav>\n");
    }
    let _ = writeln!(out, "<h1>{}</h1>\n</header>", escape_html(&current));
}

/// The path of the location's directory with its slashes, and the names of the folders from there to here.
fn way(path: &[u8], depth: usize) -> (String, Vec<&[u8]>) {
    let mut base = path.strip_suffix(b"/").unwrap_or(path);
    let mut folders = Vec::new();
    while folders.len() < depth
        && let Some(slash) = memchr::memrchr(b'/', base)
        && let Some((before, name)) = base.split_at_checked(slash)
    {
        folders.push(name.get(1..).unwrap_or_default());
        base = before;
    }
    folders.reverse();
    (format!("{}/", String::from_utf8_lossy(base)), folders)
}

fn table(out: &mut String, contents: &Contents, wanted: &Wanted) {
    out.push_str("<table>\n<thead><tr>");
    for key in Key::ALL {
        column(out, key, wanted.sort);
    }
    out.push_str("</tr></thead>\n<tbody>\n");
    if wanted.depth > 0 {
        out.push_str("<tr class=\"u\"><th scope=\"row\"><a href=\"../\">Parent folder</a></th><td></td><td></td></tr>\n");
    }
    contents.entries.iter().for_each(|entry| row(out, entry));
    out.push_str("</tbody>\n</table>\n");
    if contents.entries.is_empty() {
        out.push_str("<p class=\"empty\">There is nothing in this folder.</p>\n");
    }
}

fn column(out: &mut String, key: Key, sort: Sort) {
    let (aria, next) = match (key == sort.key, sort.descending) {
        (true, false) => (" aria-sort=\"ascending\"", sort.reversed()),
        (true, true) => (" aria-sort=\"descending\"", sort.reversed()),
        (false, _) => ("", Sort::first(key)),
    };
    let title = match key {
        Key::Name => "Name",
        Key::Size => "Size",
        Key::Date => "Modified <small>(UTC)</small>",
    };
    let order = if next.descending { "desc" } else { "asc" };
    let _ = write!(
        out,
        "<th scope=\"col\"{aria}><a href=\"?sort={}&amp;order={order}\">{title}</a></th>",
        key.name()
    );
}

fn row(out: &mut String, entry: &Entry) {
    let (class, slash) = if entry.is_directory() { ("d", "/") } else { ("f", "") };
    let name = escape_html(&String::from_utf8_lossy(&entry.name));
    let _ = write!(
        out,
        "<tr class=\"{class}\"><th scope=\"row\"><a href=\"{}\">{name}{slash}</a></th>",
        escape_html(&link(entry))
    );
    match entry.kind {
        Kind::Directory => out.push_str("<td></td>"),
        Kind::File(size) => {
            let _ = write!(out, "<td title=\"{}\">{}</td>", bytes(size), short_size(size));
        }
    }
    let _ = writeln!(out, "<td>{}</td></tr>", entry.modified.map(time).unwrap_or_default());
}

/// Relative to the directory, so that it holds behind proxies that put a prefix before it; the dot keeps
/// `javascript:x` a name.
pub fn link(entry: &Entry) -> String {
    let mut link = b"./".to_vec();
    encode_path(&entry.name, &mut link);
    if entry.is_directory() {
        link.push(b'/');
    }
    String::from_utf8_lossy(&link).into_owned()
}

fn time(date: Date) -> String {
    let exact = date.to_rfc3339();
    let (day, time) = exact.split_once('T').unwrap_or_default();
    let time = time.get(..5).unwrap_or_default();
    format!("<time datetime=\"{exact}\">{day} <span>{time}</span></time>")
}

fn summary(entries: &[Entry]) -> String {
    let folders = entries.iter().filter(|entry| entry.is_directory()).count();
    let files = entries.len() - folders;
    let sum = entries.iter().fold(0_u64, |sum, entry| sum.saturating_add(entry.size()));
    let counted = |count: usize, name: &str| {
        format!("{} {name}{}", grouped(count as u64), if count == 1 { "" } else { "s" })
    };
    let (folders, files) = (counted(folders, "folder"), counted(files, "file"));
    format!("{folders}, {files}, <span title=\"{}\">{}</span>", bytes(sum), short_size(sum))
}

fn bytes(count: u64) -> String {
    format!("{} byte{}", grouped(count), if count == 1 { "" } else { "s" })
}

/// `1 234 567`, as ISO 80000-1 groups digits.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let groups: Vec<&[u8]> = digits.as_bytes().rchunks(3).rev().collect();
    String::from_utf8_lossy(&groups.join(&b' ')).into_owned()
}

#[cfg(test)]
mod tests;
