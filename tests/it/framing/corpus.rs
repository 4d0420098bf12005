//! Reads `static_fixtures/framing`: its README says what the lines mean.

use std::fs;
use std::path::Path;

/// One raw request, or several, on a connection of their own.
pub struct Case {
    pub name: String,
    pub bytes: Vec<u8>,
    /// The client ends its direction behind the bytes.
    pub eof: bool,
    pub answers: Vec<Answer>,
    pub end: End,
    pub upstream: Vec<Forwarded>,
}

pub struct Answer {
    pub statuses: Vec<u16>,
    pub optional: bool,
    pub bodyless: bool,
    pub body: Option<Vec<u8>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    Keep,
    Close,
    Sync,
    Tunnel,
}

/// A request as the application has to get it.
#[derive(Default)]
pub struct Forwarded {
    pub line: Vec<u8>,
    pub has: Vec<(String, Vec<u8>)>,
    pub lacks: Vec<(String, Option<Vec<u8>>)>,
    pub body: Vec<u8>,
}

/// Every case of one file, those with several values once for each.
pub fn load(file: &str) -> Vec<Case> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("static_fixtures/framing").join(file);
    let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    text.split("\n== ").skip(1).flat_map(|block| expand(file, block)).collect()
}

/// The names of all files, in order.
pub fn files() -> Vec<String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("static_fixtures/framing");
    let mut names: Vec<String> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "txt"))
        .map(|path| path.file_name().unwrap().to_str().unwrap().to_owned())
        .collect();
    names.sort();
    names
}

fn expand(file: &str, block: &str) -> Vec<Case> {
    let values: Vec<&str> =
        block.lines().filter_map(|line| line.strip_prefix("each:")).map(str::trim).collect();
    if values.is_empty() {
        return vec![parse(file, block, None)];
    }
    values.iter().map(|value| parse(file, block, Some(value))).collect()
}

fn parse(file: &str, block: &str, value: Option<&str>) -> Case {
    let mut lines = block.lines();
    let title = lines.next().unwrap_or_default();
    let name = match value {
        Some(value) => format!("{file}: {title} [{value}]"),
        None => format!("{file}: {title}"),
    };
    let bytes_of = |text: &str| unescape(&text.replace("\\{each}", value.unwrap_or("\\{each}")));
    let mut case =
        Case { name, bytes: vec![], eof: false, answers: vec![], end: End::Keep, upstream: vec![] };
    for line in lines.filter(|line| !line.is_empty() && !line.starts_with('#') && !line.starts_with("each:"))
    {
        assert!(case.read(line, &bytes_of).is_some(), "{}: cannot read `{line}`", case.name);
    }
    assert!(case.end != End::Keep || !case.answers.is_empty(), "{}: no answer is given", case.name);
    case
}

impl Case {
    fn read(&mut self, line: &str, bytes_of: &dyn Fn(&str) -> Vec<u8>) -> Option<()> {
        let (key, rest) = line.trim_start().split_once(' ').unwrap_or((line.trim_start(), ""));
        match key {
            "|" => self.bytes.extend([bytes_of(rest), b"\r\n".to_vec()].concat()),
            ">" => self.bytes.extend(bytes_of(rest)),
            "eof" => self.eof = true,
            "answer:" => (self.answers, self.end) = answers(rest, bytes_of)?,
            "upstream:" => self.upstream.push(Forwarded { line: bytes_of(rest), ..Forwarded::default() }),
            "body:" => self.upstream.last_mut()?.body = bytes_of(rest),
            "has:" => {
                let (name, value) = rest.split_once(':')?;
                self.upstream.last_mut()?.has.push((text(bytes_of(name))?, bytes_of(value.trim())));
            }
            "lacks:" => {
                let (name, value) =
                    rest.split_once(':').map_or((rest, None), |(name, value)| (name, Some(value)));
                let value = value.map(|value| bytes_of(value.trim()));
                self.upstream.last_mut()?.lacks.push((text(bytes_of(name))?, value));
            }
            _ => return None,
        }
        Some(())
    }
}

fn text(bytes: Vec<u8>) -> Option<String> {
    String::from_utf8(bytes).ok()
}

/// Reads `100?, 200 /echo/x, keep`.
fn answers(text: &str, bytes_of: &dyn Fn(&str) -> Vec<u8>) -> Option<(Vec<Answer>, End)> {
    let mut items: Vec<&str> = text.split(", ").collect();
    let end = match items.pop()? {
        "keep" => End::Keep,
        "close" => End::Close,
        "sync" => End::Sync,
        "tunnel" => End::Tunnel,
        _ => return None,
    };
    let answer = |item: &str| {
        let (statuses, body) = item.split_once(' ').map_or((item, None), |(a, b)| (a, Some(bytes_of(b))));
        let (statuses, optional) = statuses.strip_suffix('?').map_or((statuses, false), |rest| (rest, true));
        let (statuses, bodyless) =
            statuses.strip_suffix(":head").map_or((statuses, false), |rest| (rest, true));
        let statuses = statuses.split('/').map(str::parse).collect::<Result<_, _>>().ok()?;
        Some(Answer { statuses, optional, bodyless, body })
    };
    Some((items.into_iter().map(answer).collect::<Option<_>>()?, end))
}

/// Turns escapes into the bytes they stand for.
pub fn unescape(text: &str) -> Vec<u8> {
    let mut out = Vec::new();
    let mut rest = text;
    while let Some(at) = rest.find('\\') {
        out.extend_from_slice(&rest.as_bytes()[..at]);
        rest = &rest[at + 1..];
        let mut taken = 1;
        match rest.as_bytes()[0] {
            b'r' => out.push(b'\r'),
            b'n' => out.push(b'\n'),
            b't' => out.push(b'\t'),
            b's' => out.push(b' '),
            b'0' => out.push(0),
            b'\\' => out.push(b'\\'),
            b'x' => {
                out.push(u8::from_str_radix(&rest[1..3], 16).unwrap());
                taken = 3;
            }
            b'{' => {
                taken = closing(rest);
                let (count, inner) = rest[1..taken - 1].split_once('*').unwrap();
                out.extend(unescape(inner).repeat(count.parse().unwrap()));
            }
            other => panic!("unknown escape \\{} in {text}", char::from(other)),
        }
        rest = &rest[taken..];
    }
    out.extend_from_slice(rest.as_bytes());
    out
}

/// The length of the braces that `text` begins with, and what is in them.
fn closing(text: &str) -> usize {
    let mut depth = 0;
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            b'{' => depth += 1,
            b'}' => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return at + 1;
        }
    }
    panic!("a brace stays open in {text}")
}
