//! From a request to the page, the metrics or the API.

use ::http::header::{
    ALLOW, CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderName, REFERRER_POLICY,
    X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
};
use ::http::{HeaderValue, Method, Request, Response, StatusCode};
use bytes::Bytes;
use http_body_util::Full;

use super::{Door, host, json, metrics, page};
use crate::observe::Status;

const TEXT: &str = "text/plain; charset=utf-8";

/// Nothing is loaded, run, framed, kept or guessed at. No `Access-Control-Allow-Origin`: pages elsewhere
/// have no business here.
const GUARDS: [(HeaderName, &str); 6] = [
    (CACHE_CONTROL, "no-store"),
    (X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (CONTENT_SECURITY_POLICY, "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'"),
    (X_FRAME_OPTIONS, "DENY"),
    (REFERRER_POLICY, "no-referrer"),
    (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
];

pub fn answer<B>(request: &Request<B>, door: Door, look: &dyn Fn() -> Status) -> Response<Full<Bytes>> {
    if door == Door::Tcp && !host::is_unforgeable(request) {
        let text = "this is answered only by an address or as localhost\n";
        return respond(StatusCode::MISDIRECTED_REQUEST, TEXT, text.into());
    }
    let (content_type, show): (_, fn(&Status) -> String) = match request.uri().path() {
        "/" => ("text/html; charset=utf-8", page::page),
        "/metrics" => ("text/plain; version=0.0.4; charset=utf-8", metrics::metrics),
        "/api/status" => ("application/json", json::json),
        _ => return respond(StatusCode::NOT_FOUND, TEXT, "there is /, /metrics and /api/status\n".into()),
    };
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        let mut refused =
            respond(StatusCode::METHOD_NOT_ALLOWED, TEXT, "this can only be looked at\n".into());
        refused.headers_mut().insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
        return refused;
    }
    respond(StatusCode::OK, content_type, show(&look()))
}

fn respond(status: StatusCode, content_type: &'static str, body: String) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::from(body));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    headers.extend(GUARDS.map(|(name, value)| (name, HeaderValue::from_static(value))));
    response
}

#[cfg(test)]
mod tests {
    use super::super::testing::status;
    use super::*;

    fn ask(method: Method, target: &str, host: &str, door: Door) -> Response<Full<Bytes>> {
        let request = Request::builder().method(method).uri(target).header("host", host);
        answer(&request.body(()).unwrap(), door, &status)
    }

    #[test]
    fn there_are_three_things_to_see() {
        for (target, content_type) in [
            ("/", "text/html; charset=utf-8"),
            ("/metrics", "text/plain; version=0.0.4; charset=utf-8"),
            ("/api/status?x", "application/json"),
        ] {
            let response = ask(Method::GET, target, "127.0.0.1", Door::Tcp);
            assert_eq!(response.status(), 200, "{target}");
            assert_eq!(response.headers()["content-type"], content_type);
            assert_eq!(response.headers()["cache-control"], "no-store");
            assert!(!response.headers().contains_key("access-control-allow-origin"));
        }
        assert_eq!(ask(Method::GET, "/metrics/", "127.0.0.1", Door::Tcp).status(), 404);
    }

    #[test]
    fn it_can_only_be_looked_at() {
        for method in [Method::POST, Method::DELETE, Method::OPTIONS] {
            let response = ask(method, "/metrics", "127.0.0.1", Door::Tcp);
            assert_eq!(response.status(), 405);
            assert_eq!(response.headers()["allow"], "GET, HEAD");
        }
        assert_eq!(ask(Method::HEAD, "/metrics", "127.0.0.1", Door::Tcp).status(), 200);
    }

    #[test]
    fn a_name_is_not_answered_but_on_a_unix_socket() {
        assert_eq!(ask(Method::GET, "/", "evil.example", Door::Tcp).status(), 421);
        assert_eq!(ask(Method::GET, "/", "evil.example", Door::Unix).status(), 200);
    }
}
