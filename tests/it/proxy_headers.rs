//! What an application is told about its client, and what of the connection stays with it.

use crate::support::origin::Received;
use crate::support::{Origin, Proxy, Request};

/// The request as the application gets it.
fn forwarded(request: &Request) -> (Received, Proxy) {
    forwarded_by("", request)
}

/// `extra` stands above the site, `[server]` for one.
fn forwarded_by(extra: &str, request: &Request) -> (Received, Proxy) {
    let origin = Origin::ok("");
    let proxy = Proxy::config(&format!(
        "{extra}\n[log]\naccess = \"stdout\"\n[[site]]\nlisten = [\"127.0.0.1:0\"]\n\
         [[site.location]]\nmatch = \"/\"\nproxy = \"http://{}\"\n",
        origin.address()
    ))
    .start();
    assert_eq!(proxy.send(request).status, 200);
    (origin.wait_for_request(1), proxy)
}

#[test]
fn a_request_carries_its_origin_without_any_key() {
    let (received, _proxy) = forwarded(&Request::get("/page").header("Host", "Shop.example:8443"));
    assert_eq!(received.header("host"), Some("Shop.example:8443"));
    assert_eq!(received.header("x-forwarded-for"), Some("127.0.0.1"));
    assert_eq!(received.header("x-real-ip"), Some("127.0.0.1"));
    assert_eq!(received.header("x-forwarded-proto"), Some("http"));
    assert_eq!(received.header("x-forwarded-host"), Some("Shop.example:8443"));
    assert_eq!(received.header("x-forwarded-port"), Some("8443"));
    assert!(received.header("x-request-id").is_some_and(|id| id.len() >= 16));
}

#[test]
fn every_request_has_an_id_of_its_own() {
    let origin = Origin::ok("");
    let proxy = Proxy::to(origin.address()).start();
    let mut client = proxy.connect();
    (0..3).for_each(|_| drop(client.exchange(&Request::get("/"))));
    let requests = origin.requests();
    let mut ids: Vec<_> = requests.iter().map(|request| request.header("x-request-id")).collect();
    ids.dedup();
    assert_eq!(ids.len(), 3);
}

/// Each twice, in odd spelling, and named in Connection, as Apache's CVE-2022-31813 was used.
#[test]
fn forged_fields_are_replaced_by_one_true_value() {
    let mut request =
        Request::get("/").header("Connection", "X-Forwarded-For, x-real-ip, Host, X-Request-ID");
    let forged = [
        ("X-Forwarded-For", "6.6.6.6", "127.0.0.1"),
        ("x-real-ip", "6.6.6.6", "127.0.0.1"),
        ("X-FORWARDED-PROTO", "https", "http"),
        ("X-Forwarded-Host", "evil.test", "localhost"),
    ];
    for (name, value, _) in forged {
        request = request.header(name, value).header(name, value);
    }
    let (received, _proxy) =
        forwarded(&request.header("X-Request-ID", "forged").header("Forwarded", "for=6.6.6.6"));
    for (name, _, truth) in forged {
        assert_eq!(received.header_values(name), [truth], "{name}");
    }
    assert_eq!(received.header("host"), Some("localhost"));
    assert_ne!(received.header("x-request-id"), Some("forged"));
    assert_eq!(received.header("forwarded"), None);
    assert!(!received.head.contains("6.6.6.6"), "{}", received.head);
}

#[test]
fn a_trusted_proxy_is_believed_and_its_chain_goes_on() {
    let request = Request::get("/")
        .header("X-Forwarded-For", "6.6.6.6, 203.0.113.9")
        .header("X-Forwarded-Proto", "https")
        .header("X-Forwarded-Host", "shop.example");
    let (received, proxy) = forwarded_by("[server]\ntrusted_proxies = [\"127.0.0.0/8\"]", &request);
    assert_eq!(received.header("x-forwarded-for"), Some("6.6.6.6, 203.0.113.9, 127.0.0.1"));
    assert_eq!(received.header("x-real-ip"), Some("203.0.113.9"));
    assert_eq!(received.header("x-forwarded-proto"), Some("https"));
    assert_eq!(received.header("x-forwarded-host"), Some("shop.example"));
    // The log names the client, not the proxy.
    proxy.wait_for_access("203.0.113.9 - - [");
}

#[test]
fn a_stranger_is_not_believed_where_others_are() {
    let request = Request::get("/").header("X-Forwarded-For", "6.6.6.6");
    let (received, proxy) = forwarded_by("[server]\ntrusted_proxies = [\"10.0.0.0/8\"]", &request);
    assert_eq!(received.header("x-forwarded-for"), Some("127.0.0.1"));
    proxy.wait_for_access("127.0.0.1 - - [");
}

/// WSGI makes `HTTP_X_REAL_IP` of `X_Real_IP` too.
#[test]
fn names_with_underscores_are_dropped() {
    let request =
        Request::get("/").header("X_Real_IP", "6.6.6.6").header("X-Real_IP", "6.6.6.6").header("X-A", "1");
    let (received, _proxy) = forwarded(&request);
    assert!(!received.head.contains('_'), "{}", received.head);
    assert_eq!(received.header("x-a"), Some("1"));
}

#[test]
fn hop_by_hop_fields_end_here() {
    let names =
        ["Keep-Alive", "Proxy-Connection", "Proxy-Authorization", "TE", "Upgrade", "X-Private", "Proxy"];
    let mut request = Request::get("/").header("Connection", "close, X-Private").header("X-Kept", "yes");
    for name in names {
        request = request.header(name, "x");
    }
    let (received, _proxy) = forwarded(&request);
    for name in names {
        assert_eq!(received.header(name), None, "{name}");
    }
    assert_eq!(received.header("x-kept"), Some("yes"));
}

#[test]
fn an_answers_hop_by_hop_fields_end_here_and_others_are_kept_as_they_are() {
    let origin = Origin::answering(
        "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: X-Private\r\nX-Private: 1\r\nKeep-Alive: timeout=9\r\n\
         Proxy-Connection: close\r\nSet-Cookie: a=1\r\nSet-Cookie: b=2\r\nServer: app\r\nX-Latin: caf\u{e9}\r\n\
         Date: Sun, 06 Nov 1994 08:49:37 GMT\r\n\r\n",
    );
    let response = Proxy::to(origin.address()).start().get("/");
    for name in ["x-private", "keep-alive", "proxy-connection"] {
        assert_eq!(response.header(name), None, "{name}");
    }
    assert_eq!(response.header_values("set-cookie"), ["a=1", "b=2"]);
    assert_eq!(response.header("server"), Some("app"));
    assert_eq!(response.header("x-latin"), Some("café"));
    assert_eq!(response.header("date"), Some("Sun, 06 Nov 1994 08:49:37 GMT"));
}

#[test]
fn an_answer_without_date_gets_one() {
    let origin = Origin::answering("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    let response = Proxy::to(origin.address()).start().get("/");
    httpdate::parse_http_date(response.header("date").expect("RFC 9110 6.6.1 wants a date")).unwrap();
}

#[test]
fn the_target_arrives_as_the_client_wrote_it() {
    let origin = Origin::ok("");
    let proxy = Proxy::to(origin.address()).start();
    let targets = [
        "/a%2Fb",
        "/a/./b/../c//d",
        "/%41%7e",
        "/;p=1/x",
        "/?",
        "/?a=%zz&b=\"c\"",
        "/caf%C3%A9?q=%C3%A9&q=+",
        "/a|b^c",
    ];
    for (count, target) in targets.iter().enumerate() {
        assert_eq!(proxy.get(target).status, 200, "{target}");
        assert_eq!(origin.wait_for_request(count + 1).request_line(), format!("GET {target} HTTP/1.1"));
    }
}

#[test]
fn an_absolute_target_is_sent_in_origin_form_with_its_host() {
    let (received, _proxy) =
        forwarded(&Request::get("http://Shop.example:81/x?y").header("Host", "other.test"));
    assert_eq!(received.request_line(), "GET /x?y HTTP/1.1");
    assert_eq!(received.header("host"), Some("Shop.example:81"));
    assert_eq!(received.header("x-forwarded-host"), Some("Shop.example:81"));
}

#[test]
fn options_asterisk_reaches_the_application() {
    let (received, _proxy) = forwarded(&Request::new("OPTIONS", "*"));
    assert_eq!(received.request_line(), "OPTIONS * HTTP/1.1");
}

#[test]
fn http_1_0_is_forwarded_as_1_1() {
    let origin = Origin::ok("page");
    let proxy = Proxy::to(origin.address()).start();
    let mut client = proxy.connect();
    client.send("GET /old HTTP/1.0\r\n\r\n");
    assert_eq!(client.response().text(), "page");
    assert!(client.is_closed());
    let received = origin.wait_for_request(1);
    assert_eq!(received.request_line(), "GET /old HTTP/1.1");
    assert_eq!(received.header_values("host").len(), 1);
}

#[test]
fn configured_fields_have_the_last_word() {
    let origin =
        Origin::answering("HTTP/1.1 200 OK\r\nContent-Length: 0\r\nServer: app\r\nX-Powered-By: PHP\r\n\r\n");
    let proxy = Proxy::site(&format!(
        "[[site.location]]\nmatch = \"/\"\nproxy = \"http://{}\"\n\
         headers.request = {{ set = {{ X-Env = \"prod\", X-Forwarded-Host = \"$host\", X-Path = \"$request_uri\" }}, remove = [\"X-Debug\"] }}\n\
         headers.response = {{ set = {{ X-Frame-Options = \"DENY\", X-Served = \"$upstream_addr\" }}, remove = [\"Server\"] }}\n",
        origin.address()
    ))
    .start();
    let request = Request::get("/p?q")
        .header("Host", "Shop.example:1")
        .header("X-Debug", "1")
        .header("X-Env", "forged");
    let response = proxy.send(&request);
    let received = origin.wait_for_request(1);
    assert_eq!(received.header("x-env"), Some("prod"));
    assert_eq!(received.header("x-forwarded-host"), Some("shop.example"));
    assert_eq!(received.header("x-path"), Some("/p?q"));
    assert_eq!(received.header("x-debug"), None);
    assert_eq!(response.header("x-frame-options"), Some("DENY"));
    assert_eq!(response.header("x-served"), Some(origin.address()));
    assert_eq!(response.header("server"), None);
    assert_eq!(response.header("x-powered-by"), Some("PHP"));
}

fn milliseconds_now() -> u128 {
    std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_millis()
}

fn milliseconds_of(start: &str) -> u128 {
    start.strip_prefix("t=").and_then(|time| time.replace('.', "").parse().ok()).expect(start)
}

#[test]
fn the_application_learns_when_the_first_byte_of_the_request_was_here() {
    let origin = Origin::ok("");
    let proxy = Proxy::config(&format!(
        "[server]\nworkers = 1\n[[site]]\nlisten = [\"127.0.0.1:0\"]\n\
         [[site.location]]\nmatch = \"/\"\nproxy = \"http://{}\"\n",
        origin.address()
    ))
    .start();
    let before = milliseconds_now();
    let mut client = proxy.connect();
    client.send("GET / HTTP/1.1\r\nX-Request-Start: t=1.000\r\n");
    // The one event loop has read that much when it has answered somebody who came later.
    proxy.get("/other");
    let between = milliseconds_now();
    client.send("Host: localhost\r\n\r\n").response();
    let received = origin.wait_for_request(2);
    let start = milliseconds_of(received.header("x-request-start").unwrap());
    assert!((before..=between).contains(&start), "{before} {start} {between}");
}

#[test]
fn a_trusted_proxy_says_when_a_request_came_in() {
    let request = Request::get("/").header("X-Request-Start", "t=1700000000.123");
    let (received, _proxy) = forwarded_by("[server]\ntrusted_proxies = [\"127.0.0.1\"]", &request);
    assert_eq!(received.header("x-request-start"), Some("t=1700000000.123"));
}
