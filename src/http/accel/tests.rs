use super::*;
use crate::http::{Attempt, Tried, Tunnel};

fn to(rate: u64) -> Rate {
    Rate::Limited(LimitRate { rate: NonZeroU64::new(rate).unwrap(), after: 0 })
}

fn fields(lines: &[(&'static str, &'static str)]) -> Fields {
    lines
        .iter()
        .map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value)))
        .collect()
}

/// What is left of an answer's fields, as `name: value` lines.
fn lines(headers: &Fields) -> Vec<String> {
    headers.iter().map(|(name, value)| format!("{name}: {}", value.to_str().unwrap())).collect()
}

fn handover(said: &[(&'static str, &'static str)]) -> Handover {
    let mut response = Response { headers: fields(said), ..Response::default() };
    let accel = Accel::take(&mut response.headers).expect("a word to the front server");
    accel.apply(&mut response).expect("a destination")
}

fn applied(handover: &Handover, status: u16, below: &[(&'static str, &'static str)]) -> Vec<String> {
    let mut response = Response { headers: fields(below), ..Response::new(status.try_into().unwrap()) };
    handover.apply(&mut response);
    assert_eq!(response.status, status);
    lines(&response.headers)
}

#[test]
fn an_ordinary_answer_is_left_alone() {
    let mut headers = fields(&[("content-type", "text/html"), ("x-access", "1"), ("x-sendfile-type", "x")]);
    let before = headers.clone();
    assert!(Accel::take(&mut headers).is_none());
    assert_eq!(headers, before);
}

#[test]
fn none_of_them_is_left_but_the_word_on_buffering() {
    let mut headers = fields(&[
        ("x-accel-redirect", "/a"),
        ("x-accel-redirect", "/b"),
        ("x-sendfile", "/c"),
        ("x-accel-unknown", "1"),
        ("x-accel-expires", "1"),
        ("x-accel-limit-rate", "1"),
        ("x-accel-charset", "x"),
        ("x-accel-buffering", "no"),
        ("x-b", "1"),
    ]);
    let accel = Accel::take(&mut headers).unwrap();
    assert_eq!(lines(&headers), ["x-accel-buffering: no", "x-b: 1"]);
    assert_eq!(accel.destination, Some(Destination::Redirect(HeaderValue::from_static("/a"))));
    assert!(streams(&headers));
    assert_eq!(take_buffering(&mut headers), Some(false));
    assert_eq!(lines(&headers), ["x-b: 1"]);
    assert_eq!((take_buffering(&mut headers), streams(&headers)), (None, false));
}

#[test]
fn an_answer_without_destination_gets_its_charset() {
    let said = fields(&[("content-type", "text/plain"), ("x-accel-charset", "koi8-r")]);
    let mut response = Response { headers: said, ..Response::default() };
    let accel = Accel::take(&mut response.headers).unwrap();
    assert!(accel.apply(&mut response).is_none());
    assert_eq!(lines(&response.headers), ["content-type: text/plain; charset=koi8-r"]);
}

#[test]
fn a_tunnel_leads_nowhere_else() {
    let tunnel = Tunnel::new(tokio::io::empty(), "".into());
    let mut response = Response { body: Body::Tunnel(tunnel), ..Response::default() };
    response.headers = fields(&[("x-accel-redirect", "/a"), ("upgrade", "websocket")]);
    let accel = Accel::take(&mut response.headers).unwrap();
    assert!(accel.apply(&mut response).is_none());
    assert_eq!(lines(&response.headers), ["upgrade: websocket"]);
}

#[test]
fn a_rate_is_bytes_a_second_or_none() {
    let rate = |text: &'static str| limit_rate(&HeaderValue::from_static(text));
    assert_eq!(rate("4096"), Some(to(4096)));
    for none in ["0", "off", "OFF"] {
        assert_eq!(rate(none), Some(Rate::Unlimited), "{none}");
    }
    for nonsense in ["", "-1", "+1", "1k", "99999999999999999999999", "fast"] {
        assert_eq!(rate(nonsense), None, "{nonsense}");
    }
}

#[test]
fn what_the_application_says_wins_but_for_what_describes_its_body() {
    let handover = handover(&[
        ("x-accel-redirect", "/a"),
        ("x-accel-buffering", "no"),
        ("content-type", "application/pdf"),
        ("content-disposition", "attachment"),
        ("content-length", "0"),
        ("content-encoding", "gzip"),
        ("content-range", "bytes 0-0/1"),
        ("etag", "\"theirs\""),
        ("last-modified", "never"),
        ("accept-ranges", "none"),
        ("date", "then"),
        ("server", "gunicorn"),
        ("content-digest", "x"),
        ("set-cookie", "a=1"),
        ("set-cookie", "b=2"),
        ("content-security-policy", "sandbox"),
        ("vary", "Cookie"),
    ]);
    let file = [
        ("content-type", "text/plain"),
        ("etag", "\"ours\""),
        ("vary", "Accept-Encoding"),
        ("cache-control", "no-cache"),
    ];
    for status in [200, 206] {
        assert_eq!(
            applied(&handover, status, &file),
            [
                "etag: \"ours\"",
                "vary: Accept-Encoding",
                "cache-control: no-cache",
                "content-type: application/pdf",
                "content-disposition: attachment",
                "set-cookie: a=1",
                "set-cookie: b=2",
                "content-security-policy: sandbox",
                "vary: Cookie",
            ]
        );
    }
}

#[test]
fn a_304_gets_what_may_stand_there_and_an_error_only_cookies() {
    let handover = handover(&[
        ("x-sendfile", "/a"),
        ("content-type", "application/pdf"),
        ("set-cookie", "a=1"),
        ("cache-control", "private"),
        ("vary", "Cookie"),
        ("x-frame-options", "DENY"),
    ]);
    assert_eq!(
        applied(&handover, 304, &[("etag", "\"ours\""), ("cache-control", "public")]),
        ["etag: \"ours\"", "set-cookie: a=1", "cache-control: private", "vary: Cookie"]
    );
    for status in [301, 403, 404, 412, 416, 502] {
        assert_eq!(
            applied(&handover, status, &[("content-type", "text/plain"), ("set-cookie", "b=2")]),
            ["content-type: text/plain", "set-cookie: b=2", "set-cookie: a=1"],
            "{status}"
        );
    }
}

#[test]
fn an_answer_in_parts_keeps_the_type_that_tells_them_apart() {
    let handover = handover(&[("x-accel-redirect", "/a"), ("content-type", "application/pdf")]);
    let parts = [("content-type", "multipart/byteranges; boundary=x")];
    assert_eq!(applied(&handover, 206, &parts), ["content-type: multipart/byteranges; boundary=x"]);
    assert_eq!(applied(&handover, 200, &parts), ["content-type: application/pdf"]);
}

#[test]
fn what_varies_alike_is_said_once() {
    let handover = handover(&[("x-accel-redirect", "/a"), ("vary", "Cookie")]);
    assert_eq!(applied(&handover, 200, &[("vary", "Cookie")]), ["vary: Cookie"]);
}

#[test]
fn the_lifetime_and_the_charset_of_a_file_are_the_applications() {
    let handover = handover(&[
        ("x-accel-redirect", "/a"),
        ("x-accel-expires", "60"),
        ("x-accel-charset", "koi8-r"),
        ("content-type", "text/plain"),
    ]);
    assert_eq!(
        applied(&handover, 200, &[]),
        ["cache-control: private, max-age=60", "content-type: text/plain; charset=koi8-r"]
    );
}

#[test]
fn the_later_of_two_handovers_wins_where_it_says_anything() {
    let earlier = handover(&[
        ("x-accel-redirect", "/a"),
        ("x-accel-limit-rate", "100"),
        ("set-cookie", "a=1"),
        ("cache-control", "private"),
        ("x-first", "1"),
    ]);
    let mut both =
        handover(&[("x-accel-redirect", "/b"), ("set-cookie", "b=2"), ("cache-control", "no-store")]);
    both.follow(earlier);
    assert_eq!(both.limit_rate, Some(to(100)));
    assert_eq!(both.destination, Destination::Redirect(HeaderValue::from_static("/b")));
    assert_eq!(
        applied(&both, 200, &[]),
        ["set-cookie: a=1", "x-first: 1", "set-cookie: b=2", "cache-control: no-store"]
    );
}

#[test]
fn what_the_servers_made_of_it_goes_along() {
    let mut response = Response { headers: fields(&[("x-sendfile", "/a")]), ..Response::default() };
    let attempts = [Attempt::begin("127.0.0.1:1".into())].into_iter().collect();
    response.trace.upstream = Some(Box::new(Tried { attempts, ..Tried::default() }));
    let accel = Accel::take(&mut response.headers).unwrap();
    let tried = accel.apply(&mut response).unwrap().tried.unwrap();
    assert_eq!((tried.attempts.len(), response.trace.upstream.is_none()), (1, true));
}
