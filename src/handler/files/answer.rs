//! From what was found to a response: the only file of this folder that knows statuses.

use std::rc::Rc;

use ::http::{HeaderValue, Method, StatusCode, header};

use super::reader::Reader;
use super::representation::Representation;
use crate::coding::{Coding, Compressed, Encoder, Policy};
use crate::http::conditional::{self, Validators, Verdict};
use crate::http::range::{self, ByteRange, Selection};
use crate::http::{Body, Cause, Fault, Fields, Request, Response, Stream, encode_path, multipart};

/// What a request's path leads to.
#[derive(Debug)]
pub enum Found {
    Missing,
    File(Rc<Representation>),
    /// A directory, asked for without its closing slash.
    Directory,
    /// A directory with none of the index files, and where it is.
    NoIndex(Box<[u8]>),
}

/// Files are read; everything else is for someone else.
pub fn allow(method: &Method) -> Result<(), Fault> {
    if *method == Method::GET || *method == Method::HEAD {
        return Ok(());
    }
    let fault = Fault::new(Cause::MethodNotAllowed, method.as_str());
    Err(fault.with_header(header::ALLOW, HeaderValue::from_static("GET, HEAD")))
}

/// `place` is where the operator has to look.
pub fn missing(place: &str) -> Fault {
    Fault::new(Cause::NotFound, place)
}

/// As nginx does: the directory is there, but there is nothing to show of it.
pub fn no_index(place: &str) -> Fault {
    Fault::new(Cause::Forbidden, format!("{place}: has no index file"))
}

/// Preconditions first, then Range (RFC 9110 13.2.1), which counts for GET only (14.2).
pub fn represent(request: &Request, file: &Representation) -> Result<Response, Fault> {
    if let Some(response) = precondition(request, &file.validators, &file.headers)? {
        return Ok(response);
    }
    match select(request, file) {
        Selection::Whole => Ok(whole(request, file)),
        Selection::Part(range) => Ok(partial(file, range)),
        Selection::Parts(ranges) => Ok(parts(request, file, &ranges).unwrap_or_else(|| whole(request, file))),
        Selection::Unsatisfiable => Err(Fault::from(Cause::RangeNotSatisfiable)
            .with_header(header::CONTENT_RANGE, range::unsatisfied(file.length))),
    }
}

/// A file that is compressed while it is sent: nobody knows its length yet, and there are no parts of it.
/// `plain` is its content.
pub fn compress(
    request: &Request,
    file: &Representation,
    coding: Coding,
    policy: &Policy,
    plain: Reader,
) -> Result<Response, Fault> {
    let validators = file.state.weak_validators(coding);
    let mut headers = file.headers.clone();
    headers.insert(header::ETAG, validators.etag.clone());
    headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static(coding.token()));
    headers.remove(header::ACCEPT_RANGES);
    if let Some(response) = precondition(request, &validators, &headers)? {
        return Ok(response);
    }
    let mut response = Response { headers, ..Response::default() };
    if request.method != Method::HEAD {
        let encoder = Encoder::new(coding, &policy.levels, Some(file.length))?;
        let plain = Stream::new(Some(file.length), plain);
        response.body = Body::Stream(Stream::new(None, Compressed::new(plain, encoder, false)));
    }
    Ok(response)
}

fn precondition(
    request: &Request,
    validators: &Validators,
    headers: &Fields,
) -> Result<Option<Response>, Fault> {
    match conditional::evaluate(&request.method, &request.headers, validators) {
        Verdict::Proceed => Ok(None),
        Verdict::NotModified => Ok(Some(not_modified(headers))),
        Verdict::Failed => Err(Cause::PreconditionFailed.into()),
    }
}

/// Whether parts are asked for.
pub fn wants_ranges(request: &Request) -> bool {
    request.method == Method::GET && request.headers.contains_key(header::RANGE)
}

fn select(request: &Request, file: &Representation) -> Selection {
    if wants_ranges(request) && conditional::range_applies(&request.headers, &file.validators) {
        range::select(&request.headers, file.length)
    } else {
        Selection::Whole
    }
}

/// To a HEAD the writer tells the length of the body and leaves it at that.
fn whole(request: &Request, file: &Representation) -> Response {
    let mut response = Response { headers: file.headers.clone(), body: file.body(), ..Response::default() };
    if request.method == Method::HEAD && file.length == 0 {
        response.headers.insert(header::CONTENT_LENGTH, 0.into());
    }
    response
}

/// What is read rather than sent by `sendfile(2)`: players look at a few bytes here and there.
const SMALL: u64 = 16 * 1024;

fn partial(file: &Representation, range: ByteRange) -> Response {
    let body = if range.length <= SMALL { file.small_piece(range).into() } else { file.part(range) };
    let mut response = Response::new(StatusCode::PARTIAL_CONTENT).with_body(body);
    response.headers.clone_from(&file.headers);
    response.headers.insert(header::CONTENT_RANGE, range::content_range(range, file.length));
    response
}

/// RFC 9110 15.3.7.2: each part has a Content-Range, and the whole has none.
fn parts(request: &Request, file: &Representation, ranges: &[ByteRange]) -> Option<Response> {
    let said_type = request.said.as_deref().and_then(|said| said.get(header::CONTENT_TYPE));
    let content_type = said_type.or_else(|| file.headers.get(header::CONTENT_TYPE));
    let total = ranges.iter().map(|range| range.length).fold(0, u64::saturating_add);
    let cut = |range| if total <= SMALL { file.small_piece(range) } else { file.piece(range) };
    let (multipart, body) = multipart::byteranges(content_type, file.length, ranges, cut)?;
    let mut response = Response::new(StatusCode::PARTIAL_CONTENT).with_body(body);
    response.headers.clone_from(&file.headers);
    response.headers.insert(header::CONTENT_TYPE, multipart);
    Some(response)
}

/// RFC 9110 15.4.5: what a cache needs to go on with its copy, and nothing that describes a body.
fn not_modified(headers: &Fields) -> Response {
    let mut response = Response::new(StatusCode::NOT_MODIFIED);
    for name in [header::ETAG, header::LAST_MODIFIED, header::CACHE_CONTROL, header::VARY] {
        if let Some(value) = headers.get(&name) {
            response.headers.insert(name, value.clone());
        }
    }
    response
}

/// So that relative links in its index lead below it. The path is written anew from its normal form:
/// `//host/` would be another server, and a decoded CR LF another field.
pub fn add_slash(request: &Request) -> Result<Response, Fault> {
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
