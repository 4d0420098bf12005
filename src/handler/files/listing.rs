//! `listing = true`, nginx's `autoindex`: what a directory holds, as a page or as JSON.
//!
//! All of it is made in one go by [`list`], which reads the disk and so belongs on a blocking thread.
//! What it needs of the request is taken from it before, since requests stay on their own thread.

mod entries;
mod json;
mod order;
mod page;

use std::ffi::CStr;
use std::os::fd::OwnedFd;

use ::http::{HeaderValue, Method, StatusCode, header};
use bytes::Bytes;
use rustix::fs::Stat;
use rustix::io::Errno;
use sha2::{Digest, Sha256};

use crate::http::conditional::{self, Validators, Verdict};
use crate::http::{Cause, Fault, Fields, Request, Response, prefers_json};
use order::Sort;

/// What of a request its listing depends on.
#[derive(Clone, Debug)]
pub struct Wanted {
    /// Of the URL, decoded, with its closing slash.
    path: Bytes,
    /// How many of the folders on the way to this one are in the location's directory as well.
    depth: usize,
    format: Format,
    sort: Sort,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Format {
    Page,
    Json,
}

impl Wanted {
    /// `relative` is the path of the directory below that of the location, without slashes at its ends.
    pub fn of(request: &Request, relative: &[u8]) -> Self {
        let query = request.target.query.as_deref().unwrap_or_default();
        let format = match argument(query, b"format") {
            Some(b"json") => Format::Json,
            Some(b"html") => Format::Page,
            _ if prefers_json(&request.headers) => Format::Json,
            _ => Format::Page,
        };
        let depth = relative.split(|byte| *byte == b'/').filter(|name| !name.is_empty()).count();
        let sort = Sort::named(argument(query, b"sort"), argument(query, b"order"));
        Self { path: request.target.path.clone(), depth, format, sort }
    }
}

/// The first value of an argument. What is asked for here has no need of escapes.
fn argument<'a>(query: &'a [u8], name: &[u8]) -> Option<&'a [u8]> {
    let mut arguments = query.split(|byte| *byte == b'&');
    arguments.find_map(|argument| argument.strip_prefix(name)?.strip_prefix(b"="))
}

/// Reads a directory and writes its listing; blocks. `follow` tells what a symbolic link of that name leads
/// to, by the rules that files are opened by, and nothing if it would be refused.
pub fn list(
    directory: OwnedFd,
    wanted: &Wanted,
    follow: &dyn Fn(&CStr) -> Option<Stat>,
) -> Result<Listing, Errno> {
    let mut contents = entries::read(directory, wanted.depth == 0, follow)?;
    order::sort(&mut contents.entries, wanted.sort);
    Ok(match wanted.format {
        Format::Page => Listing::page(page::page(&contents, wanted)),
        Format::Json => Listing::new("application/json", json::json(&contents, wanted)),
    })
}

/// A listing, ready to be sent.
#[derive(Debug)]
pub struct Listing {
    headers: Fields,
    validators: Validators,
    body: Bytes,
}

impl Listing {
    fn page(text: String) -> Self {
        let mut listing = Self::new("text/html; charset=utf-8", text);
        let policy = HeaderValue::from_static(page::POLICY);
        listing.headers.insert(header::CONTENT_SECURITY_POLICY, policy);
        // Names of folders are nothing that other sites have to know.
        listing.headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("same-origin"));
        listing
    }

    fn new(media_type: &'static str, text: String) -> Self {
        let body = Bytes::from(text);
        let validators = Validators { etag: entity_tag(&body), modified: None };
        let mut headers = Fields::with_capacity(7);
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(media_type));
        headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
        headers.insert(header::VARY, HeaderValue::from_static("Accept"));
        headers.insert(header::ETAG, validators.etag.clone());
        Self { headers, validators, body }
    }

    /// The answer to a GET or HEAD. A part of a listing is of no use to anybody, so Range does not count.
    pub fn answer(self, request: &Request) -> Result<Response, Fault> {
        match conditional::evaluate(&request.method, &request.headers, &self.validators) {
            Verdict::Proceed => Ok(self.whole(&request.method)),
            Verdict::NotModified => Ok(self.not_modified()),
            Verdict::Failed => Err(Cause::PreconditionFailed.into()),
        }
    }

    fn whole(self, method: &Method) -> Response {
        let mut response = Response { headers: self.headers, ..Response::default() };
        if *method == Method::HEAD {
            response.headers.insert(header::CONTENT_LENGTH, self.body.len().into());
            response
        } else {
            response.with_body(self.body)
        }
    }

    /// RFC 9110 15.4.5
    fn not_modified(mut self) -> Response {
        self.headers.retain(|name| [header::ETAG, header::CACHE_CONTROL, header::VARY].contains(name));
        Response { status: StatusCode::NOT_MODIFIED, headers: self.headers, ..Response::default() }
    }
}

/// Of the content: a directory's own times do not change with what its files hold. Half of a hash is enough.
fn entity_tag(body: &[u8]) -> HeaderValue {
    let half = Sha256::digest(body).iter().take(16).fold(0_u128, |half, byte| half << 8 | u128::from(*byte));
    // Digits in quotes cannot be refused.
    HeaderValue::try_from(format!("\"{half:032x}\"")).unwrap_or(HeaderValue::from_static("\"\""))
}

#[cfg(test)]
mod tests;
