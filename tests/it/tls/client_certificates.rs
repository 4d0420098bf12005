use super::{connect, get, refusal, saying, site};
use crate::support::tls::{Options, fixture, identity};
use crate::support::{Origin, Proxy, Request, Tls};

fn showing(certificate: &str) -> Tls {
    Tls::with("localhost", Options { certificate: Some(certificate), ..Options::default() })
}

fn asking(how: &str) -> Proxy {
    let tls = format!("client_ca = \"{}\"\n{how}", fixture("ca.pem"));
    Proxy::config(&(site(&tls, "") + &saying("$ssl_client_verify $ssl_client_s_dn"))).start()
}

#[test]
fn who_has_no_certificate_does_not_come_in() {
    let proxy = asking("");
    let refusal_text = refusal(&proxy, &Tls::to("localhost"));
    assert!(refusal_text.contains("CertificateRequired"), "{refusal_text}");
    assert!(get(&proxy, &showing("client"), "/").text().starts_with("SUCCESS "));
}

#[test]
fn a_certificate_of_somebody_else_is_refused() {
    for how in ["", "client_verify = \"optional\""] {
        let proxy = asking(how);
        let refusal_text = refusal(&proxy, &showing("other"));
        assert!(
            refusal_text.contains("UnknownCA") || refusal_text.contains("BadCertificate"),
            "{refusal_text}"
        );
    }
}

#[test]
fn who_may_have_a_certificate_is_known_by_it() {
    let proxy = asking("client_verify = \"optional\"");
    assert_eq!(get(&proxy, &Tls::to("localhost"), "/").text(), "NONE ");
    let known = get(&proxy, &showing("client"), "/");
    assert!(known.text().starts_with("SUCCESS ") && known.text().contains("CN=alice"), "{}", known.text());
}

#[test]
fn an_application_is_told_who_it_is_only_as_configured() {
    let origin = Origin::echo();
    let tls = format!("client_ca = \"{}\"\nclient_verify = \"optional\"", fixture("ca.pem"));
    let location = |path: &str, headers: &str| {
        format!("[[site.location]]\nmatch = \"{path}\"\nproxy = \"app\"\n{headers}\n")
    };
    let told = "headers.request = { set = { X-Client = \"$ssl_client_s_dn\" } }";
    let config = site(&tls, "")
        + &location("/", "")
        + &location("/told", told)
        + &format!("[upstream.app]\nservers = [\"{}\"]\n", origin.address());
    let proxy = Proxy::config(&config).start();
    let forged = |path| Request::get(path).header("X-Client", "CN=mallory");
    connect(&proxy, &showing("client")).exchange(&forged("/"));
    assert_eq!(origin.wait_for_request(1).header("x-client"), Some("CN=mallory"), "nothing is configured");
    connect(&proxy, &showing("client")).exchange(&forged("/told"));
    assert!(origin.wait_for_request(2).header("x-client").unwrap().contains("CN=alice"));
    connect(&proxy, &Tls::to("localhost")).exchange(&forged("/told"));
    assert_eq!(origin.wait_for_request(3).header("x-client"), None, "a forged one is removed");
}

/// `localhost` lets everybody in, `a.localhost` wants certificates.
fn two() -> Proxy {
    let sites =
        [("localhost", String::new()), ("a.localhost", format!("client_ca = \"{}\"\n", fixture("ca.pem")))];
    let sites = sites.map(|(host, tls)| {
        format!(
            "[[site]]\nlisten_tls = [\"127.0.0.1:0\"]\nhosts = [\"{host}\"]\n[site.tls]\n{}{tls}{}",
            identity("localhost"),
            saying("$host $ssl_client_verify")
        )
    });
    Proxy::config(&sites.concat()).start()
}

#[test]
fn a_connection_to_one_site_does_not_reach_another_that_wants_certificates() {
    let proxy = two();
    let mut client = connect(&proxy, &Tls::to("localhost"));
    let response = client.exchange(&Request::get("/").header("Host", "a.localhost"));
    assert_eq!(response.status, 421);
    proxy.wait_for_log("other-certificate");
    assert!(client.is_closed());
    let mut client = connect(&proxy, &Tls::to("localhost"));
    assert_eq!(client.exchange(&Request::get("/").header("Host", "localhost")).text(), "localhost NONE");
    let options = Options { certificate: Some("client"), trusting: true, ..Options::default() };
    let mut client = connect(&proxy, &Tls::with("a.localhost", options));
    assert_eq!(
        client.exchange(&Request::get("/").header("Host", "a.localhost")).text(),
        "a.localhost SUCCESS"
    );
}

#[test]
fn a_session_of_one_site_opens_no_other() {
    let proxy = two();
    let tls = Tls::with("localhost", Options { trusting: true, ..Options::default() });
    for _ in 0..2 {
        connect(&proxy, &tls).exchange(&Request::get("/").header("Host", "localhost"));
    }
    let refusal_text = refusal(&proxy, &tls.named("a.localhost"));
    assert!(refusal_text.contains("CertificateRequired"), "{refusal_text}");
}

#[test]
fn whoever_came_before_certificates_were_asked_for_is_sent_away() {
    let config = |tls: &str| site(tls, "") + &saying("$ssl_client_verify");
    let proxy = Proxy::config(&config("")).start();
    let mut early = connect(&proxy, &Tls::to("localhost"));
    assert_eq!(early.exchange(&Request::get("/").header("Host", "localhost")).text(), "NONE");
    let wanted = format!("client_ca = \"{}\"", fixture("ca.pem"));
    assert!(proxy.reload(&config(&wanted)).contains("in force"));
    assert_eq!(early.exchange(&Request::get("/").header("Host", "localhost")).status, 421);
    assert!(early.is_closed());
    assert_eq!(get(&proxy, &showing("client"), "/").text(), "SUCCESS");
}

#[test]
fn who_does_not_say_which_site_it_wants_gets_into_no_other() {
    let open = format!(
        "[[site]]\nlisten_tls = [\"127.0.0.1:0\"]\nhosts = [\"127.0.0.1\"]\n[site.tls]\n{}{}",
        identity("localhost"),
        saying("open")
    );
    let closed = format!(
        "[[site]]\nlisten_tls = [\"127.0.0.1:0\"]\n[site.tls]\n{}client_ca = \"{}\"\n{}",
        identity("localhost"),
        fixture("ca.pem"),
        saying("closed")
    );
    let proxy = Proxy::config(&(open + &closed)).start();
    let mut client = connect(&proxy, &Tls::to("127.0.0.1"));
    assert_eq!(client.exchange(&Request::get("/").header("Host", "127.0.0.1")).text(), "open");
    assert_eq!(client.exchange(&Request::get("/").header("Host", "a.test")).status, 421);
}
