use std::rc::Rc;

use proptest::prelude::*;

use super::*;
use crate::http::testing::request_with;
use crate::http::{Client, Connection, Fields, TrustedProxies};
use crate::net::ClientAddr;

/// The fields of a request from 192.0.2.7 for `Example.com:8080`, as an upstream sees them.
fn forward(trusted: bool, fields: &[(&str, &str)]) -> Fields {
    let mut request = request_with("/", fields);
    resolve(&mut request, trusted);
    forward_headers(&mut request);
    request.headers
}

fn resolve(request: &mut Request, trusted: bool) {
    let networks = if trusted { vec!["192.0.2.0/24".parse().unwrap()] } else { Vec::new() };
    let trusted = TrustedProxies { networks, unix: trusted };
    request.client = Client::resolve(&request.connection, &request.headers, &trusted);
}

fn value(headers: &Fields, name: &str) -> String {
    headers.get_all(name).map(|value| value.to_str().unwrap()).collect::<Vec<_>>().join(" | ")
}

#[test]
fn a_request_carries_its_origin_without_any_key() {
    let headers = forward(false, &[]);
    for (name, expected) in [
        ("x-forwarded-for", "192.0.2.7"),
        ("x-real-ip", "192.0.2.7"),
        ("x-forwarded-proto", "http"),
        ("x-forwarded-host", "Example.com:8080"),
        ("x-forwarded-port", "8080"),
    ] {
        assert_eq!(value(&headers, name), expected, "{name}");
    }
    assert_eq!(value(&headers, "x-request-id").len(), 32);
    assert_eq!(headers.len(), 7);
}

/// Everything a client could try at once.
const FORGED: &[(&str, &str)] = &[
    ("connection", "x-forwarded-for, x-forwarded-proto, x-real-ip, x-request-id, close"),
    ("x-forwarded-for", "6.6.6.6"),
    ("x-forwarded-for", "7.7.7.7"),
    ("x-forwarded-proto", "https"),
    ("x-forwarded-host", "evil.example"),
    ("x-forwarded-port", "1"),
    ("x-real-ip", "6.6.6.6"),
    ("x-request-id", "forged"),
    ("x_forwarded_for", "6.6.6.6"),
    ("x-forwarded-prefix", "/evil"),
    ("forwarded", "for=6.6.6.6"),
];

#[test]
fn forged_fields_are_replaced() {
    let headers = forward(false, FORGED);
    assert_eq!(value(&headers, "x-forwarded-for"), "192.0.2.7");
    assert_eq!(value(&headers, "x-real-ip"), "192.0.2.7");
    assert_eq!(value(&headers, "x-forwarded-proto"), "http");
    assert_eq!(value(&headers, "x-forwarded-host"), "Example.com:8080");
    assert_eq!(value(&headers, "x-forwarded-port"), "8080");
    assert_ne!(value(&headers, "x-request-id"), "forged");
    assert_eq!(headers.len(), 7);
}

#[test]
fn a_trusted_proxys_word_is_kept() {
    let headers = forward(
        true,
        &[
            ("x-forwarded-for", "6.6.6.6, 203.0.113.9"),
            ("x-forwarded-proto", "https"),
            ("x-forwarded-host", "shop.example"),
            ("x-request-id", "abc-1"),
        ],
    );
    assert_eq!(value(&headers, "x-forwarded-for"), "6.6.6.6, 203.0.113.9, 192.0.2.7");
    assert_eq!(value(&headers, "x-real-ip"), "203.0.113.9");
    assert_eq!(value(&headers, "x-forwarded-proto"), "https");
    assert_eq!(value(&headers, "x-forwarded-host"), "shop.example");
    assert_eq!(value(&headers, "x-forwarded-port"), "443");
    assert_eq!(value(&headers, "x-request-id"), "abc-1");
}

#[test]
fn a_trusted_proxys_muddled_word_is_not() {
    let headers = forward(
        true,
        &[
            ("x-forwarded-host", "a.example, b.example"),
            ("x-forwarded-port", "0"),
            ("x-forwarded-for", "6.6.6.6, nonsense, 203.0.113.9"),
            ("x-request-id", "a"),
            ("x-request-id", "b"),
        ],
    );
    assert_eq!(value(&headers, "x-forwarded-host"), "Example.com:8080");
    assert_eq!(value(&headers, "x-forwarded-port"), "8080");
    assert_eq!(value(&headers, "x-forwarded-for"), "203.0.113.9, 192.0.2.7");
    assert_eq!(value(&headers, "x-request-id").len(), 32);
}

#[test]
fn rfc_7239_becomes_the_one_dialect() {
    let headers = forward(true, &[("forwarded", "for=\"[2001:db8::1]:9\";proto=https, for=10.0.0.1")]);
    assert_eq!(value(&headers, "x-forwarded-for"), "2001:db8::1, 10.0.0.1, 192.0.2.7");
    assert!(!headers.contains_key("forwarded"));
}

fn forward_from_unix(trusted: bool, fields: &[(&str, &str)]) -> Fields {
    let mut request = request_with("/", fields);
    request.connection = Rc::new(Connection {
        peer: ClientAddr::Unix,
        local: None,
        scheme: Scheme::Http,
        secured: None,
        listener: Rc::clone(&request.connection.listener),
    });
    resolve(&mut request, trusted);
    forward_headers(&mut request);
    request.headers
}

#[test]
fn a_peer_without_an_address_adds_none() {
    let fields = [("x-forwarded-for", "203.0.113.9"), ("x-real-ip", "6.6.6.6")];
    assert_eq!(value(&forward_from_unix(true, &fields), "x-forwarded-for"), "203.0.113.9");
    assert_eq!(value(&forward_from_unix(true, &fields), "x-real-ip"), "203.0.113.9");
    let nameless = [forward_from_unix(false, &fields), forward_from_unix(true, &[])];
    assert!(nameless.iter().all(|headers| !headers.contains_key("x-forwarded-for")));
    assert!(nameless.iter().all(|headers| !headers.contains_key("x-real-ip")));
}

#[test]
fn an_http_1_0_request_without_host_has_none_to_tell() {
    let mut request = request_with("/", &[("x-forwarded-host", "evil.example")]);
    request.authority = Authority::default();
    forward_headers(&mut request);
    assert!(!request.headers.contains_key("x-forwarded-host"));
    assert_eq!(value(&request.headers, "x-forwarded-port"), "80");
}

const SET: [&str; 6] = [
    "x-forwarded-for",
    "x-forwarded-proto",
    "x-forwarded-host",
    "x-forwarded-port",
    "x-real-ip",
    "x-request-id",
];

fn any_field() -> impl Strategy<Value = (String, String)> {
    let known = FORGED.iter().map(|(name, _)| (*name).to_owned()).chain(
        [
            "te",
            "upgrade",
            "proxy-authorization",
            "script-name",
            "keep-alive",
            "transfer-encoding",
            "x-scheme",
        ]
        .map(str::to_owned),
    );
    let name = prop_oneof![prop::sample::select(known.collect::<Vec<_>>()), "[a-z_-]{1,9}"];
    let value = prop_oneof![
        prop::sample::select(vec![
            "https",
            "1.1.1.1, 2.2.2.2",
            "close",
            "x-forwarded-for, host, cookie, te",
            "a@b"
        ])
        .prop_map(str::to_owned),
        "[!-~]{0,9}",
    ];
    (name, value)
}

proptest! {
    #[test]
    fn whatever_is_sent_each_field_has_one_value(
        fields in prop::collection::vec(any_field(), 0..20),
        trusted: bool,
    ) {
        let fields: Vec<_> = fields.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        let headers = forward(trusted, &fields);
        for name in SET {
            prop_assert_eq!(headers.get_all(name).count(), 1, "{}", name);
        }
        for name in headers.keys().map(HeaderName::as_str) {
            prop_assert!(!name.contains('_') && !name.starts_with("proxy-"), "{}", name);
            let hop = ["connection", "te", "upgrade", "keep-alive", "transfer-encoding", "forwarded", "script-name"];
            prop_assert!(!hop.contains(&name), "{}", name);
        }
        let client = headers.get("x-real-ip").unwrap().to_str().unwrap().parse::<std::net::IpAddr>();
        prop_assert!(client.is_ok());
    }
}

#[test]
fn the_application_learns_when_the_request_came_in() {
    let mut request = request_with("/", &[("x-request-start", "t=1.000")]);
    let ago = std::time::Duration::from_secs(60);
    request.received = request.received.checked_sub(ago).unwrap();
    forward_headers(&mut request);
    let start = value(&request.headers, "x-request-start");
    let seconds: f64 = start.strip_prefix("t=").unwrap().parse().unwrap();
    let now = since_1970(SystemTime::now()).as_secs_f64();
    assert!((59.9..62.0).contains(&(now - seconds)), "{start}");
    assert_eq!(start.split_once('.').unwrap().1.len(), 3, "{start}");
}

#[test]
fn a_trusted_proxy_knows_better_when_the_request_came_in() {
    let headers = forward(true, &[("x-request-start", "t=1700000000.123")]);
    assert_eq!(value(&headers, "x-request-start"), "t=1700000000.123");
    assert!(value(&forward(true, &[]), "x-request-start").starts_with("t="));
}

#[test]
fn what_is_forwarded_once_more_tells_no_more() {
    for trusted in [false, true] {
        let mut request = request_with("/", &[("x-forwarded-for", "198.51.100.1"), ("accept", "*/*")]);
        resolve(&mut request, trusted);
        forward_headers(&mut request);
        let lines = |request: &Request| {
            let mut lines: Vec<_> = request.headers.iter().map(|field| format!("{field:?}")).collect();
            lines.retain(|line| !line.contains("x-request-start"));
            lines.sort();
            lines
        };
        let once = lines(&request);
        forward_headers(&mut request);
        assert_eq!(lines(&request), once);
    }
}
