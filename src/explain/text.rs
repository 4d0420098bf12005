//! An explanation for people.

use std::fmt::{self, Write};

use super::Explanation;
use super::explanation::{Answer, Candidate, Found, Kind, Site, Told, ToldSetting};

/// How its parts are set apart where a terminal shows them.
#[derive(Clone, Copy)]
struct Style {
    title: &'static str,
    good: &'static str,
    weak: &'static str,
    end: &'static str,
}

const PLAIN: Style = Style { title: "", good: "", weak: "", end: "" };

const COLOR: Style = Style { title: "\x1b[1m", good: "\x1b[32m", weak: "\x1b[2m", end: "\x1b[0m" };

impl Explanation {
    /// As text, in lines for a terminal.
    pub fn to_text(&self, color: bool) -> String {
        let mut page = Page { text: String::new(), style: if color { COLOR } else { PLAIN } };
        page.request(self);
        page.site(self);
        page.steps(self);
        page.answer(&self.answer);
        page.settings(&self.settings);
        page.text
    }
}

struct Page {
    text: String,
    style: Style,
}

impl Page {
    fn line(&mut self, line: fmt::Arguments<'_>) {
        // Writing to a string cannot fail.
        let _ = writeln!(self.text, "{}", printable(&line.to_string()));
    }

    fn title(&mut self, title: &str) {
        let Style { title: begin, end, .. } = self.style;
        let _ = writeln!(self.text, "\n{begin}{title}{end}");
    }

    /// Rows of columns, each as wide as its widest cell; the first tells how a row is drawn.
    fn table<const N: usize>(&mut self, rows: &[(Tone, [String; N])]) {
        let mut widths = [0; N];
        for (_, row) in rows {
            for (width, cell) in widths.iter_mut().zip(row) {
                *width = (*width).max(cell.chars().count());
            }
        }
        for (tone, row) in rows {
            let cells = row.iter().zip(widths).map(|(cell, width)| format!("{:width$}", printable(cell)));
            let cells = cells.collect::<Vec<_>>().join("  ");
            let begin = match tone {
                Tone::Good => self.style.good,
                Tone::Weak => self.style.weak,
                Tone::Plain => "",
            };
            let end = if begin.is_empty() { "" } else { self.style.end };
            let _ = writeln!(self.text, "  {begin}{}{end}", cells.trim_end());
        }
    }

    fn request(&mut self, told: &Explanation) {
        let asked = &told.request;
        self.line(format_args!("{} {} of {}", asked.method, asked.target, asked.host));
        self.line(format_args!("  from {} on the listener {}", asked.peer, asked.listener));
        for (name, value) in &asked.headers {
            self.line(format_args!("  {name}: {value}"));
        }
        for note in &told.notes {
            self.line(format_args!("  note: {note}"));
        }
    }

    fn site(&mut self, told: &Explanation) {
        if told.site.is_none() && told.other_sites.is_empty() {
            return;
        }
        self.title("Site");
        let row = |tone, word: &str, site: &Site| {
            let hosts = if site.hosts.is_empty() { "(default)".to_owned() } else { site.hosts.join(", ") };
            (tone, [word.to_owned(), hosts, site.place.clone(), site.why.clone()])
        };
        let chosen = told.site.iter().map(|site| row(Tone::Good, "wins", site));
        let rows: Vec<_> =
            chosen.chain(told.other_sites.iter().map(|site| row(Tone::Weak, "loses", site))).collect();
        self.table(&rows);
    }

    fn steps(&mut self, told: &Explanation) {
        if told.site.is_none() {
            self.title("Refused");
        }
        for step in &told.steps {
            match step {
                Told::Secure { place } => {
                    self.line(format_args!("  leads to https, by `https_only` ({place})"));
                }
                Told::Search { path, candidates } => {
                    self.title(&format!("Location of {}", printable(path)));
                    let row = |one: &Candidate| {
                        let (tone, word) =
                            if one.wins { (Tone::Good, "wins") } else { (Tone::Weak, "loses") };
                        let location = &one.location;
                        (
                            tone,
                            [word.into(), location.r#match.clone(), location.place.clone(), one.why.clone()],
                        )
                    };
                    let (winners, losers): (Vec<_>, Vec<_>) = candidates.iter().partition(|one| one.wins);
                    self.table(&winners.into_iter().chain(losers).map(row).collect::<Vec<_>>());
                }
                Told::Enter { location } => {
                    self.title("Location by its name");
                    let row = ["goes on".into(), location.r#match.clone(), location.place.clone()];
                    self.table(&[(Tone::Good, row)]);
                }
                Told::Rewrite { from, to, place, path, target } => self.line(format_args!(
                    "  rewrite  {from} to {to} ({place}): the path is {path}, a server is asked for {target}"
                )),
                Told::Keep { from, place } => {
                    self.line(format_args!("  rewrite  {from} ({place}) does not match"));
                }
                Told::Try { path } => self.line(format_args!("  try      {path}")),
                Told::Look { path, found } => self.line(format_args!("  look     {path}: {}", seen(*found))),
                Told::Twin { path } => self.line(format_args!("  twin     {path} is sent in its place")),
                Told::Send { upstream } => self.line(format_args!("  ask      the upstream {upstream}")),
                Told::Fail { status, cause, detail } => {
                    let cause = cause.map(|cause| format!(" {cause}")).unwrap_or_default();
                    self.line(format_args!("  fail     {status}{cause}: {detail}"));
                }
            }
        }
    }

    fn answer(&mut self, answer: &Answer) {
        self.title("Answer");
        let status =
            answer.status.map_or_else(|| "the application's status".into(), |status| status.to_string());
        let what = match (answer.kind, &answer.file, &answer.redirect, &answer.page) {
            (Kind::File, Some(file), ..) => format!(", the file {file}"),
            (Kind::Listing, ..) => ", the list of a directory".into(),
            (Kind::Redirect, _, Some(to), _) => format!(", a redirect to {to}"),
            (Kind::Error, .., Some(page)) => format!(", the page {page}"),
            (Kind::Error, ..) => ", a plain page".into(),
            (Kind::Respond, ..) => ", as the location says".into(),
            _ => String::new(),
        };
        let length = answer.body_length.filter(|length| *length > 0);
        let length = length.map(|length| format!(", {length} bytes")).unwrap_or_default();
        self.line(format_args!("  {status}{what}{length}"));
        self.table(&fields(&answer.headers));
        let Some(sent) = &answer.upstream else { return };
        self.title(&format!("Upstream {} ({})", sent.name, sent.place));
        match &sent.server {
            Some(server) => self.line(format_args!("  asks {server}")),
            None => self.line(format_args!("  asks one of {}", sent.servers.join(", "))),
        }
        self.line(format_args!("  {}", sent.request_line));
        self.table(&fields(&sent.headers));
    }

    fn settings(&mut self, settings: &[ToldSetting]) {
        for of in ["location", "site", "upstream"] {
            let row = |one: &ToldSetting| {
                let tone = if one.place.is_some() { Tone::Plain } else { Tone::Weak };
                let place = one.place.clone().unwrap_or_else(|| "default".into());
                (tone, [place, format!("{} = {}", one.key, one.value)])
            };
            let rows: Vec<_> = settings.iter().filter(|one| one.of == of).map(row).collect();
            if !rows.is_empty() {
                self.title(&format!("Settings of the {of}"));
                self.table(&rows);
            }
        }
    }
}

#[derive(Clone, Copy)]
enum Tone {
    Plain,
    Good,
    Weak,
}

fn fields(fields: &[(String, String)]) -> Vec<(Tone, [String; 1])> {
    fields.iter().map(|(name, value)| (Tone::Plain, [format!("{name}: {value}")])).collect()
}

const fn seen(found: Found) -> &'static str {
    match found {
        Found::Missing => "there is none",
        Found::File => "a file",
        Found::Directory => "a directory",
        Found::Unfit => "no path of a file that may be sent",
        Found::Refused => "it cannot be opened",
    }
}

/// What was asked for must not move the terminal's cursor.
fn printable(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for c in text.chars() {
        if c.is_control() { shown.extend(c.escape_default()) } else { shown.push(c) }
    }
    shown
}
