use std::fmt;
use std::hash::{DefaultHasher, Hasher};

use memchr::memmem;

use super::corpus::Case;
use crate::support::{Client, Request, Response};

/// One thing in which two answers to the same request differ.
#[derive(Debug)]
pub struct Difference<'a> {
    pub case: &'a Case,
    /// `status`, `body` or the name of a field.
    pub what: &'static str,
    pub nginx: String,
    pub rproxy: String,
}

/// Fields that mean the same from whichever server, so that their values have to be equal.
const FIELDS: &[&str] = &[
    "Content-Type",
    "Content-Length",
    "Content-Range",
    "Location",
    "Accept-Ranges",
    "Last-Modified",
    "Vary",
    "Allow",
    "Cache-Control",
];

/// A different status, coding or number of parts is reported alone, since all else follows from it.
pub fn compare<'a>(case: &'a Case, nginx: &Response, rproxy: &Response) -> Vec<Difference<'a>> {
    let (nginx, rproxy) = (without_boundary(nginx), without_boundary(rproxy));
    let differs = |what: &'static str, aspect: &dyn Fn(&Response) -> String| {
        let (nginx, rproxy) = (aspect(&nginx), aspect(&rproxy));
        (nginx != rproxy).then_some(Difference { case, what, nginx, rproxy })
    };
    let first = differs("status", &|response| response.status.to_string())
        .or_else(|| differs("Content-Encoding", &|response| field(response, "Content-Encoding")))
        .or_else(|| differs("parts", &parts));
    if let Some(first) = first {
        return vec![first];
    }
    let mut found: Vec<_> =
        FIELDS.iter().filter_map(|name| differs(name, &|response| field(response, name))).collect();
    found.extend(differs("ETag", &strength));
    found.extend(differs("body", &body));
    found
}

/// Both have pages of their own for errors and redirects, which need not be alike.
fn has_own_page(response: &Response) -> bool {
    response.status >= 300 && response.status != 304
}

fn field(response: &Response, name: &str) -> String {
    if has_own_page(response) && matches!(name, "Content-Type" | "Content-Length") {
        return String::new();
    }
    response.header_values(name).join(" and ")
}

fn parts(response: &Response) -> String {
    let several = field(response, "Content-Type").starts_with("multipart/byteranges");
    if several { memmem::find_iter(&response.body, b"\r\nContent-Range: ").count() } else { 1 }.to_string()
}

/// What it says is each server's own affair.
fn strength(response: &Response) -> String {
    match response.header("etag") {
        None => String::new(),
        Some(tag) if tag.starts_with("W/") => "weak".into(),
        Some(_) => "strong".into(),
    }
}

fn body(response: &Response) -> String {
    if has_own_page(response) {
        return String::new();
    }
    let start: String = String::from_utf8_lossy(&response.body).chars().take(40).collect();
    let mut hasher = DefaultHasher::new();
    hasher.write(&response.body);
    format!("{} bytes, {:016x}, {start:?}", response.body.len(), hasher.finish())
}

/// Parts of a body are told apart by a line that each server makes up, of a length of its own.
fn without_boundary(response: &Response) -> Response {
    let mut response = response.clone();
    let boundary = response.header("content-type").and_then(|value| value.split_once("boundary="));
    if let Some((_, boundary)) = boundary {
        let boundary = boundary.trim_matches('"').to_owned();
        let body = String::from_utf8(response.body).unwrap().replace(&boundary, "BOUNDARY");
        response.headers.retain(|(name, _)| !name.eq_ignore_ascii_case("content-length"));
        for (_, value) in &mut response.headers {
            *value = value.replace(&boundary, "BOUNDARY").replace("\"BOUNDARY\"", "BOUNDARY");
        }
        response.body = body.into_bytes();
    }
    response
}

impl Difference<'_> {
    pub fn is(&self, what: &str, nginx: &str, rproxy: &str) -> bool {
        (self.what, self.nginx.as_str(), self.rproxy.as_str()) == (what, nginx, rproxy)
    }

    /// Of the table in the document.
    pub fn row(&self) -> String {
        let cell = |text: &str| {
            let text = text.replace('|', "\\|");
            if text.is_empty() { "none".to_owned() } else { format!("`{text}`") }
        };
        let Self { case, what, nginx, rproxy } = self;
        format!("| {} | {what} | {} | {} |\n", cell(&case.to_string()), cell(nginx), cell(rproxy))
    }
}

impl fmt::Display for Difference<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {} is `{}` of nginx and `{}` of rproxy", self.case, self.what, self.nginx, self.rproxy)
    }
}

/// A server's own entity tags, which stand in for `TAG` and `ZIPPED-TAG` of a request.
#[derive(Debug)]
pub struct Tags {
    files: Vec<(&'static str, String, String)>,
}

impl Tags {
    /// Asks for those of the files whose conditions are tried.
    pub fn new(connect: impl Fn() -> Client) -> Self {
        let tags = super::corpus::CONDITIONAL.iter().map(|path| {
            let tag = |coding: &str| {
                let request = Request::get(path).header("Accept-Encoding", coding);
                connect().exchange(&request).header("etag").unwrap().to_owned()
            };
            (*path, tag("identity"), tag("gzip"))
        });
        Self { files: tags.collect() }
    }

    pub fn request(&self, case: &Case) -> Request {
        let tags = self.files.iter().find(|(path, ..)| *path == case.target);
        let mut request = Request::new(case.method, &case.target);
        for (name, value) in &case.fields {
            let value = match tags {
                Some((_, plain, zipped)) => value.replace("ZIPPED-TAG", zipped).replace("TAG", plain),
                None => value.clone(),
            };
            request = request.header(name, &value);
        }
        request
    }
}
