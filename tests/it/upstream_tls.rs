//! Servers that are spoken to over TLS: who is trusted, who is not, and what the operator is told.

use crate::support::{Proxy, Request, Script, repository};

const ORIGIN: &str = "tls_origin.py";

fn fixture(name: &str) -> String {
    repository("static_fixtures/tls").join(name).display().to_string()
}

/// A server with that certificate.
fn origin(identity: &str, arguments: &[&str]) -> Script {
    let (cert, key) = (fixture(&format!("{identity}.pem")), fixture(&format!("{identity}.key")));
    Script::start(ORIGIN, &[&[cert.as_str(), key.as_str()], arguments].concat())
}

/// A proxy to `host` at that port, with this `tls`.
fn proxy_to(host: &str, origin: &Script, tls: &str) -> Proxy {
    Proxy::site(&format!(
        "[[site.location]]\nmatch = \"/\"\nproxy = \"app\"\n\n[upstream.app]\nservers = [\"{host}:{}\"]\n\
         protocol = \"https\"\nretry = {{ window = \"0s\" }}\ntimeouts = {{ connect = \"2s\" }}\ntls = {{ {tls} }}\n",
        origin.port()
    ))
    .start()
}

fn our_ca() -> String {
    format!("ca = \"{}\"", fixture("ca.pem"))
}

/// The request fails, and the operator reads why.
fn refused(proxy: &Proxy, cause: &str, said: &str) {
    assert_eq!(proxy.get("/").status, 502);
    let line = proxy.wait_for_log(cause);
    assert!(line.contains(said) && line.contains("remedy="), "{line}");
}

#[test]
fn a_server_of_a_private_authority_is_trusted_by_name_and_by_address() {
    let origin = origin("localhost", &[]);
    for (host, sni) in [("localhost", "localhost"), ("127.0.0.1", "None")] {
        let response = proxy_to(host, &origin, &our_ca()).get("/page?x=1");
        assert_eq!(response.status, 200, "{}", response.text());
        assert!(response.text().starts_with("GET /page?x=1 HTTP/1.1\n"), "{}", response.text());
        origin.lines.wait_for(&format!("alpn=http/1.1 sni={sni} "));
    }
}

#[test]
fn the_scheme_that_is_forwarded_is_the_clients() {
    let origin = origin("localhost", &[]);
    let response = proxy_to("localhost", &origin, &our_ca()).get("/");
    let text = response.text();
    assert!(text.contains("X-Forwarded-Proto: http\n"), "{text}");
    assert!(text.contains("X-Forwarded-Port: "), "{text}");
}

#[test]
fn the_certificate_may_be_for_another_name_that_is_written() {
    let origin = origin("localhost", &[]);
    let tls = format!("name = \"localhost\", {}", our_ca());
    assert_eq!(proxy_to("127.0.0.1", &origin, &tls).get("/").status, 200);
    origin.lines.wait_for("sni=localhost");
}

#[test]
fn large_bodies_go_both_ways() {
    let origin = origin("localhost", &[]);
    let proxy = proxy_to("localhost", &origin, &our_ca());
    let body = vec![b'x'; 5 << 20];
    let response = proxy.send(&Request::post("/", body));
    assert!(response.text().ends_with("\n\n5242880"), "{}", response.text());
}

#[test]
fn an_upgraded_connection_stays_encrypted() {
    let origin = origin("localhost", &[]);
    let proxy = proxy_to("localhost", &origin, &our_ca());
    let mut client = proxy.connect();
    client.send(Request::get("/").header("Connection", "upgrade").header("Upgrade", "echo").bytes());
    assert_eq!(client.head().status, 101);
    for word in ["hello", "again"] {
        client.send(word);
        assert_eq!(client.take(5), word.as_bytes());
    }
}

#[test]
fn connections_are_kept_and_sessions_resumed() {
    for version in [&[][..], &["--tls12"]] {
        let origin = origin("localhost", version);
        let proxy = proxy_to("localhost", &origin, &our_ca());
        for _ in 0..3 {
            // The session's tickets come behind the handshake, and are nobody's answer.
            assert_eq!(proxy.get("/").status, 200);
        }
        assert_eq!(proxy.get("/close").status, 200);
        assert_eq!(proxy.get("/").status, 200);
        origin.lines.wait_for("resumed=True");
        let agreed = origin.lines.all().iter().filter(|line| line.starts_with("agreed")).count();
        assert!((2..=4).contains(&agreed), "{agreed} connections for 5 requests");
    }
}

#[test]
fn a_name_that_the_certificate_is_not_for_is_refused() {
    let origin = origin("localhost", &[]);
    let proxy = proxy_to("127.0.0.1", &origin, &format!("name = \"other.test\", {}", our_ca()));
    refused(&proxy, "upstream-certificate-refused", "it is for localhost, *.localhost, 127.0.0.1, ::1");
}

#[test]
fn an_expired_certificate_is_refused() {
    let origin = origin("expired", &[]);
    let proxy = proxy_to("localhost", &origin, &our_ca());
    refused(&proxy, "upstream-certificate-refused", "expired on");
}

#[test]
fn an_unknown_authority_is_refused() {
    let origin = origin("other", &[]);
    let proxy = proxy_to("127.0.0.1", &origin, &format!("name = \"other.test\", {}", our_ca()));
    refused(&proxy, "upstream-certificate-refused", "name its authority by `ca`");
}

#[test]
fn nothing_is_checked_where_that_is_said() {
    let origin = origin("expired", &[]);
    let proxy = proxy_to("localhost", &origin, "verify = false");
    assert_eq!(proxy.get("/").status, 200);
}

#[test]
fn a_server_that_wants_a_certificate_gets_it() {
    let origin = origin("localhost", &["--client-ca", &fixture("ca.pem")]);
    let (cert, key) = (fixture("client.pem"), fixture("client.key"));
    let tls = format!("cert = \"{cert}\", key = \"{key}\", {}", our_ca());
    assert_eq!(proxy_to("localhost", &origin, &tls).get("/").status, 200);
    assert!(origin.lines.wait_for("agreed").contains("alice"));
    refused(&proxy_to("localhost", &origin, &our_ca()), "upstream-tls-failed", "write `cert` and `key`");
}

#[test]
fn plain_text_is_never_taken_for_an_answer() {
    for behaviour in ["plain-first", "plain"] {
        let origin = origin("localhost", &["--behaviour", behaviour]);
        let proxy = proxy_to("localhost", &origin, &our_ca());
        refused(&proxy, "upstream-tls-failed", "does not speak TLS");
    }
}

#[test]
fn a_server_that_agrees_on_nothing_is_given_up_in_time() {
    let origin = origin("localhost", &["--behaviour", "silent"]);
    let proxy = proxy_to("localhost", &origin, &our_ca());
    assert_eq!(proxy.get("/").status, 504);
    assert!(proxy.wait_for_log("connect-timeout").contains("no keys were agreed on"));
}

#[test]
fn a_server_without_http_2_is_named() {
    let origin = origin("localhost", &[]);
    let proxy = Proxy::site(&format!(
        "[[site.location]]\nmatch = \"/\"\nproxy = \"app\"\n\n[upstream.app]\nservers = [\"localhost:{}\"]\n\
         protocol = \"https\"\nhttp2 = true\nretry = {{ window = \"0s\" }}\ntls = {{ {} }}\n",
        origin.port(),
        our_ca()
    ))
    .start();
    refused(&proxy, "upstream-no-http2", "leave out `http2`");
}

#[test]
fn a_server_written_in_place_is_checked_as_the_system_has_it() {
    let origin = origin("localhost", &[]);
    let port = origin.port();
    let site = format!("[[site.location]]\nmatch = \"/\"\nproxy = \"https://localhost:{port}\"\n");
    let trusting = Proxy::site(&site).env("SSL_CERT_FILE", &fixture("ca.pem")).start();
    assert_eq!(trusting.get("/").status, 200);
    let distrusting = Proxy::site(&site).env("SSL_CERT_FILE", &fixture("other-ca.pem")).start();
    refused(&distrusting, "upstream-certificate-refused", "name its authority by `ca`");
}

#[test]
fn another_authority_ends_the_trust_that_connections_were_made_with() {
    let origin = origin("localhost", &[]);
    let config = |ca: &str| {
        format!(
            "[[site]]\nlisten = [\"127.0.0.1:0\"]\n[[site.location]]\nmatch = \"/\"\nproxy = \"app\"\n\
             [upstream.app]\nservers = [\"localhost:{}\"]\nprotocol = \"https\"\nretry = {{ window = \"0s\" }}\n\
             keep_alive = {{ timeout = \"60s\" }}\ntls = {{ ca = \"{}\" }}\n",
            origin.port(),
            fixture(ca)
        )
    };
    let proxy = Proxy::config(&config("ca.pem")).start();
    assert_eq!(proxy.get("/").status, 200);
    let told = proxy.reload(&config("other-ca.pem"));
    assert!(told.starts_with("in force"), "{told}");
    refused(&proxy, "upstream-certificate-refused", "name its authority by `ca`");
}

#[test]
fn checks_speak_as_requests_do() {
    let origin = origin("expired", &[]);
    let proxy = Proxy::site(&format!(
        "[[site.location]]\nmatch = \"/\"\nproxy = \"app\"\n\n[upstream.app]\nservers = [\"localhost:{}\"]\n\
         protocol = \"https\"\ntls = {{ {} }}\nhealth = {{ path = \"/\", interval = \"3s\", timeout = \"3s\", fall = 1 }}\n",
        origin.port(),
        our_ca()
    ))
    .start();
    assert!(proxy.wait_for_log("is down").contains("expired on"));
}
