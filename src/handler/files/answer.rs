//! From what was found to a response: the only file of this folder that knows statuses.

use std::rc::Rc;

use ::http::{HeaderValue, Method, StatusCode, header};

use super::representation::Representation;
use crate::http::conditional::{self, Verdict};
use crate::http::range::{self, ByteRange, Selection};
use crate::http::{Cause, Fault, Request, Response, encode_path, multipart};

/// What a request's path leads to.
#[derive(Debug)]
pub enum Found {
    Missing,
    File(Rc<Representation>),
    /// A directory, asked for without its closing slash.
    Directory,
    /// A directory with none of the index files.
    NoIndex,
}

/// Files are read; everything else is for someone else.
pub fn allow(method: &Method) -> Result<(), Fault> {
    if *method == Method::GET || *method == Method::HEAD {
        return Ok(());
    }
    let fault = Fault::new(Cause::MethodNotAllowed, method.as_str());
    Err(fault.with_header(header::ALLOW, HeaderValue::from_static("GET, HEAD")))
}

/// `place` is where the operator has to look when nothing can be sent.
pub fn answer(request: &Request, found: &Found, place: impl FnOnce() -> String) -> Result<Response, Fault> {
    match found {
        Found::File(file) => represent(request, file),
        Found::Directory => add_slash(request),
        // As nginx does: the directory is there, but there is nothing to show of it.
        Found::NoIndex => Err(Fault::new(Cause::Forbidden, format!("{}: has no index file", place()))),
        Found::Missing => Err(Fault::new(Cause::NotFound, place())),
    }
}

/// Preconditions first, then Range (RFC 9110 13.2.1), which counts for GET only (14.2).
fn represent(request: &Request, file: &Representation) -> Result<Response, Fault> {
    match conditional::evaluate(&request.method, &request.headers, &file.validators) {
        Verdict::Proceed => {}
        Verdict::NotModified => return Ok(not_modified(file)),
        Verdict::Failed => return Err(Cause::PreconditionFailed.into()),
    }
    match select(request, file) {
        Selection::Whole => Ok(whole(request, file)),
        Selection::Part(range) => Ok(partial(file, range)),
        Selection::Parts(ranges) => Ok(parts(file, &ranges).unwrap_or_else(|| whole(request, file))),
        Selection::Unsatisfiable => Err(Fault::from(Cause::RangeNotSatisfiable)
            .with_header(header::CONTENT_RANGE, range::unsatisfied(file.length))),
    }
}

fn select(request: &Request, file: &Representation) -> Selection {
    let asked = request.method == Method::GET && request.headers.contains_key(header::RANGE);
    if asked && conditional::range_applies(&request.headers, &file.validators) {
        range::select(&request.headers, file.length)
    } else {
        Selection::Whole
    }
}

fn whole(request: &Request, file: &Representation) -> Response {
    let mut response = Response { headers: file.headers.clone(), ..Response::default() };
    if request.method == Method::HEAD {
        response.headers.insert(header::CONTENT_LENGTH, file.length.into());
    } else {
        response.body = file.body();
    }
    response
}

fn partial(file: &Representation, range: ByteRange) -> Response {
    let mut response = Response::new(StatusCode::PARTIAL_CONTENT).with_body(file.part(range));
    response.headers.clone_from(&file.headers);
    response.headers.insert(header::CONTENT_RANGE, range::content_range(range, file.length));
    response
}

/// RFC 9110 15.3.7.2: each part has a Content-Range, and the whole has none.
fn parts(file: &Representation, ranges: &[ByteRange]) -> Option<Response> {
    let content_type = file.headers.get(header::CONTENT_TYPE);
    let (multipart, body) =
        multipart::byteranges(content_type, file.length, ranges, |range| file.piece(range))?;
    let mut response = Response::new(StatusCode::PARTIAL_CONTENT).with_body(body);
    response.headers.clone_from(&file.headers);
    response.headers.insert(header::CONTENT_TYPE, multipart);
    Some(response)
}

/// RFC 9110 15.4.5: what a cache needs to go on with its copy, and nothing that describes a body.
fn not_modified(file: &Representation) -> Response {
    let mut response = Response::new(StatusCode::NOT_MODIFIED);
    for name in [header::ETAG, header::LAST_MODIFIED] {
        if let Some(value) = file.headers.get(&name) {
            response.headers.insert(name, value.clone());
        }
    }
    response
}

/// So that relative links in its index lead below it. The path is written anew from its normal form:
/// `//host/` would be another server, and a decoded CR LF another field.
fn add_slash(request: &Request) -> Result<Response, Fault> {
    let path = &request.target.path;
    let slashes = path.iter().take_while(|byte| **byte == b'/').count();
    let mut location = vec![b'/'];
    encode_path(path.get(slashes..).unwrap_or_default(), &mut location);
    location.push(b'/');
    if let Some(query) = &request.target.query {
        location.push(b'?');
        location.extend_from_slice(query);
    }
    let location = HeaderValue::from_bytes(&location)
        .map_err(|_| Fault::new(Cause::BadPath, "the query cannot stand in Location"))?;
    Ok(Response::new(StatusCode::MOVED_PERMANENTLY).with_header(header::LOCATION, location))
}
