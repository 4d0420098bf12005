use proptest::prelude::*;
use sha2::{Digest, Sha256};

use super::super::{Format, Wanted};
use super::*;

fn file(name: &[u8], size: u64) -> Entry {
    Entry { name: name.into(), kind: Kind::File(size), modified: Date::from_seconds(1_795_256_100) }
}

fn folder(name: &[u8]) -> Entry {
    Entry { name: name.into(), kind: Kind::Directory, modified: None }
}

fn wanted(path: &'static str, depth: usize) -> Wanted {
    let sort = Sort::first(Key::Name);
    Wanted { path: path.as_bytes().into(), depth, format: Format::Page, sort }
}

fn shown(entries: Vec<Entry>, wanted: &Wanted) -> String {
    page(&Contents { entries, truncated: false }, wanted)
}

#[test]
fn entries_have_name_size_and_date() {
    let page = shown(vec![folder(b"css"), file(b"a.txt", 1_234_567)], &wanted("/files/", 0));
    for text in [
        "<title>/files/</title>",
        "<h1>/files/</h1>",
        "<tr class=\"d\"><th scope=\"row\"><a href=\"./css/\">css/</a></th><td></td><td></td></tr>",
        "<a href=\"./a.txt\">a.txt</a></th><td title=\"1 234 567 bytes\">1.1 MiB</td>",
        "<time datetime=\"2026-11-21T10:15:00Z\">2026-11-21 <span>10:15</span></time>",
        "<p>1 folder, 1 file, <span title=\"1 234 567 bytes\">1.1 MiB</span></p>",
        "<meta name=\"robots\" content=\"noindex\">",
        "<meta name=\"color-scheme\" content=\"light dark\">",
    ] {
        assert!(page.contains(text), "no {text} in\n{page}");
    }
    assert!(!page.contains("Parent folder") && !page.contains("<nav"));
}

#[test]
fn parents_lead_back_to_the_directory_of_the_location() {
    let page = shown(vec![], &wanted("/files/a b/<c>/", 2));
    for text in [
        "<li><a href=\"../../\">/files/</a></li>\n<li><a href=\"../\">a b</a></li>",
        "<h1>&lt;c&gt;</h1>",
        "<a href=\"../\">Parent folder</a>",
        "There is nothing in this folder.",
        "0 folders, 0 files",
    ] {
        assert!(page.contains(text), "no {text} in\n{page}");
    }
}

#[test]
fn a_way_is_never_longer_than_its_path() {
    for (path, depth, expected) in [
        ("/", 0, "/ "),
        ("/", 3, "/ "),
        ("/a/", 0, "/a/ "),
        ("/a/", 1, "/ a"),
        ("/a/b/", 1, "/a/ b"),
        ("/a/b/", 9, "/ a b"),
        ("", 2, "/ "),
    ] {
        let (base, folders) = way(path.as_bytes(), depth);
        let folders: Vec<_> = folders.iter().map(|name| String::from_utf8_lossy(name)).collect();
        assert_eq!(format!("{base} {}", folders.join(" ")), expected, "{path} {depth}");
    }
}

#[test]
fn columns_say_how_they_are_sorted_and_turn_it_round() {
    for (key, descending, name, size, date) in [
        (Key::Name, false, ("ascending", "desc"), ("", "desc"), ("", "desc")),
        (Key::Name, true, ("descending", "asc"), ("", "desc"), ("", "desc")),
        (Key::Size, true, ("", "asc"), ("descending", "asc"), ("", "desc")),
        (Key::Date, false, ("", "asc"), ("", "desc"), ("ascending", "desc")),
    ] {
        let page = shown(vec![], &Wanted { sort: Sort { key, descending }, ..wanted("/", 0) });
        for (column, (aria, order)) in [("name", name), ("size", size), ("date", date)] {
            let aria = if aria.is_empty() { String::new() } else { format!(" aria-sort=\"{aria}\"") };
            let expected = format!("<th scope=\"col\"{aria}><a href=\"?sort={column}&amp;order={order}\">");
            assert!(page.contains(&expected), "no {expected} for {key:?} in\n{page}");
        }
    }
}

#[test]
fn names_stay_names() {
    for (name, href, text) in [
        (&b"javascript:alert(1)"[..], "./javascript:alert(1)", "javascript:alert(1)"),
        (b"a\"b'c", "./a%22b&#39;c", "a&quot;b&#39;c"),
        (b"<script>&amp;", "./%3Cscript%3E&amp;amp;", "&lt;script&gt;&amp;amp;"),
        (b"what?#100%", "./what%3F%23100%25", "what?#100%"),
        (b"line\nfeed", "./line%0Afeed", "line\nfeed"),
        (b"\xff.txt", "./%FF.txt", "\u{fffd}.txt"),
        ("grün".as_bytes(), "./gr%C3%BCn", "grün"),
        (b"back\\slash", "./back%5Cslash", "back\\slash"),
        (b"  two  ", "./%20%20two%20%20", "  two  "),
    ] {
        let page = shown(vec![file(name, 1)], &wanted("/", 0));
        let expected = format!("<a href=\"{href}\">{text}</a>");
        assert!(page.contains(&expected), "no {expected} in\n{page}");
    }
}

#[test]
fn what_was_left_out_is_said() {
    let page = page(&Contents { entries: vec![], truncated: true }, &wanted("/", 0));
    assert!(page.contains("There is more: only 10 000 entries were read."));
}

#[test]
fn the_page_runs_and_loads_nothing() {
    let page = shown(vec![file(b"a", 1)], &wanted("/", 0));
    for text in ["<script", "src=", "://", "style=", "@import", "url("] {
        assert!(!page.contains(text), "{text} in\n{page}");
    }
}

#[test]
fn the_policy_names_the_style_of_the_page() {
    let page = shown(vec![], &wanted("/", 0));
    let style = page.split_once("<style>").unwrap().1.split_once("</style>").unwrap().0;
    let hash = base64(&Sha256::digest(style.as_bytes()));
    assert!(POLICY.contains(&format!("'sha256-{hash}'")), "the style's hash is {hash}");
}

/// RFC 4648 4
fn base64(bytes: &[u8]) -> String {
    let alphabet = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let group = |part: &[u8]| {
        let bits = (0..3).fold(0, |bits, at| bits << 8 | usize::from(*part.get(at).unwrap_or(&0)));
        let letter = |at: usize| if at > part.len() { b'=' } else { alphabet[bits >> (18 - 6 * at) & 63] };
        [0, 1, 2, 3].map(|at| char::from(letter(at)))
    };
    bytes.chunks(3).flat_map(group).collect()
}

#[test]
fn digits_are_grouped_by_three() {
    for (number, expected) in
        [(0, "0"), (999, "999"), (1000, "1 000"), (u64::MAX, "18 446 744 073 709 551 615")]
    {
        assert_eq!(grouped(number), expected);
    }
    assert_eq!((bytes(1), bytes(0)), ("1 byte".into(), "0 bytes".into()));
}

proptest! {
    #[test]
    fn no_name_leaves_its_place(name in prop::collection::vec(any::<u8>(), 1..30)) {
        let link = link(&file(&name, 1));
        prop_assert!(link.starts_with("./") && link.is_ascii());
        prop_assert!(!link.contains(['"', '<', '>', '?', '#', ' ', '\\', '\n']));
        let decoded: Vec<u8> = percent_encoding::percent_decode_str(&link[2..]).collect();
        prop_assert_eq!(&decoded, &name);
        let page = shown(vec![file(&name, 1)], &wanted("/", 0));
        let plain = shown(vec![file(b"x", 1)], &wanted("/", 0));
        for mark in ['<', '>', '"'] {
            prop_assert_eq!(page.matches(mark).count(), plain.matches(mark).count());
        }
    }
}
