use std::fs;

use rustls::SignatureScheme;

use super::{answering, get, refusal, saying, site};
use crate::support::kernel::eventually;
use crate::support::tls::{Options, fixture, identity};
use crate::support::{Client, Proxy, Request, Tls};

fn of(schemes: &[SignatureScheme]) -> Tls {
    Tls::with("localhost", Options { schemes: Some(schemes.to_vec()), ..Options::default() })
}

/// The names of the certificate that a client is shown, as DER has them: enough to tell one from another.
fn shown(proxy: &Proxy, tls: &Tls) -> Vec<u8> {
    let stream = tls.connect(proxy.addr()).unwrap();
    stream.conn.peer_certificates().unwrap()[0].to_vec()
}

fn der(name: &str) -> Vec<u8> {
    use rustls::pki_types::CertificateDer;
    use rustls::pki_types::pem::PemObject;
    CertificateDer::from_pem_file(fixture(&format!("{name}.pem"))).unwrap().to_vec()
}

#[test]
fn each_client_sees_the_certificate_whose_signature_it_can_check() {
    let files = |end| {
        format!(
            "[\"{}\", \"{}\"]",
            fixture(&format!("localhost-rsa.{end}")),
            fixture(&format!("localhost.{end}"))
        )
    };
    let config = format!(
        "[[site]]\nlisten_tls = [\"127.0.0.1:0\"]\n[site.tls]\ncert = {}\nkey = {}\n{}",
        files("pem"),
        files("key"),
        saying("here")
    );
    let proxy = Proxy::config(&config).start();
    assert_eq!(
        shown(&proxy, &of(&[SignatureScheme::RSA_PSS_SHA256, SignatureScheme::ECDSA_NISTP256_SHA256])),
        der("localhost")
    );
    assert_eq!(shown(&proxy, &of(&[SignatureScheme::RSA_PSS_SHA256])), der("localhost-rsa"));
    assert!(of(&[SignatureScheme::ED25519]).connect(proxy.addr()).is_err());
}

/// Three sites on one address, each with a certificate of its own, which need not be for its name.
fn three(default: bool) -> Proxy {
    let mut config = String::new();
    let hosts = [("hosts = [\"a.test\"]", "localhost"), ("hosts = [\"*.a.test\"]", "localhost-rsa")];
    for (hosts, certificate) in hosts.into_iter().chain(default.then_some(("", "other"))) {
        let site = format!(
            "[[site]]\nlisten_tls = [\"127.0.0.1:0\"]\n{hosts}\n[site.tls]\n{}{}",
            identity(certificate),
            saying("$host")
        );
        config.push_str(&site);
    }
    Proxy::config(&config).start()
}

fn trusting(name: &str) -> Tls {
    Tls::with(name, Options { trusting: true, ..Options::default() })
}

#[test]
fn a_site_is_found_by_the_name_that_the_client_asks_for() {
    let proxy = three(true);
    for (name, certificate) in [
        ("a.test", "localhost"),
        ("b.a.test", "localhost-rsa"),
        ("c.b.A.test", "localhost-rsa"),
        ("b.test", "other"),
        ("127.0.0.1", "other"),
    ] {
        assert_eq!(shown(&proxy, &trusting(name)), der(certificate), "{name}");
    }
}

#[test]
fn a_name_that_nobody_has_is_refused_unless_there_is_a_default_site() {
    let proxy = three(false);
    for name in ["b.test", "127.0.0.1"] {
        let refusal = refusal(&proxy, &trusting(name));
        assert!(refusal.contains("UnrecognisedName"), "{name}: {refusal}");
    }
    proxy.wait_for_log("there is no default site");
    assert_eq!(shown(&proxy, &trusting("a.test")), der("localhost"));
}

#[test]
fn a_site_named_by_its_address_needs_no_name() {
    let config = format!(
        "[[site]]\nlisten_tls = [\"127.0.0.1:0\"]\nhosts = [\"127.0.0.1\"]\n[site.tls]\n{}{}",
        identity("localhost"),
        saying("$host")
    );
    let proxy = Proxy::config(&config).start();
    let mut client = Client::over_tls(&Tls::to("127.0.0.1"), proxy.addr()).unwrap();
    assert_eq!(client.exchange(&Request::get("/").header("Host", "127.0.0.1")).text(), "127.0.0.1");
}

/// A site whose certificate can be replaced.
fn replaceable() -> Proxy {
    let config = format!(
        "[[site]]\nlisten_tls = [\"127.0.0.1:0\"]\n[site.tls]\ncert = \"site.pem\"\nkey = \"site.key\"\n{}",
        saying("here")
    );
    let read = |name: &str| fs::read(fixture(name)).unwrap();
    Proxy::config(&config)
        .file("site.pem", read("localhost.pem"))
        .file("site.key", read("localhost.key"))
        .start()
}

fn replace(proxy: &Proxy, name: &str, contents: &[u8]) {
    let new = proxy.dir().join("new");
    fs::write(&new, contents).unwrap();
    fs::rename(new, proxy.dir().join(name)).unwrap();
}

#[test]
fn a_renewed_certificate_is_taken_up_without_a_word() {
    let proxy = replaceable();
    let mut old = super::connect(&proxy, &trusting("localhost"));
    for end in ["key", "pem"] {
        replace(&proxy, &format!("site.{end}"), &fs::read(fixture(&format!("localhost-rsa.{end}"))).unwrap());
    }
    eventually("the new one is shown", || shown(&proxy, &trusting("localhost")) == der("localhost-rsa"));
    assert_eq!(old.exchange(&Request::get("/")).text(), "here");
}

#[test]
fn garbage_in_the_place_of_a_certificate_is_refused_and_the_old_one_kept() {
    let proxy = replaceable();
    replace(&proxy, "site.pem", b"-----BEGIN CERTIFICATE-----\ngarbage\n-----END CERTIFICATE-----\n");
    proxy.wait_for_log("cannot be used");
    assert_eq!(shown(&proxy, &trusting("localhost")), der("localhost"));
    replace(&proxy, "site.pem", &fs::read(fixture("localhost-rsa.pem")).unwrap());
    proxy.wait_for_log("does not belong to the certificate");
    assert_eq!(shown(&proxy, &trusting("localhost")), der("localhost"));
}

#[test]
fn an_expired_certificate_is_served_and_told_of() {
    let config = format!(
        "[[site]]\nlisten_tls = [\"127.0.0.1:0\"]\n[site.tls]\n{}{}",
        identity("expired"),
        saying("here")
    );
    let proxy = Proxy::config(&config).start();
    proxy.wait_for_log("has expired");
    assert_eq!(get(&proxy, &trusting("localhost"), "/").text(), "here");
}

#[test]
fn session_secrets_are_written_only_where_the_operator_says_so() {
    let proxy = answering("here");
    let named = proxy.dir().join("keys.log");
    get(&proxy, &Tls::to("localhost"), "/");
    assert!(!named.exists());
    let config = format!("[server]\ntls_key_log = \"keys.log\"\n{}{}", site("", ""), saying("here"));
    let proxy = Proxy::config(&config).env("SSLKEYLOGFILE", "elsewhere.log").start();
    proxy.wait_for_log("can read all that is sent over TLS");
    get(&proxy, &Tls::to("localhost"), "/");
    let secrets = fs::read_to_string(proxy.dir().join("keys.log")).unwrap();
    assert!(secrets.contains("CLIENT_TRAFFIC_SECRET_0 "), "{secrets}");
    assert!(!proxy.dir().join("elsewhere.log").exists());
}

/// An authority of a name that others may have as well.
fn authority() -> (String, rcgen::Issuer<'static, rcgen::KeyPair>) {
    let mut parameters = rcgen::CertificateParams::new(Vec::new()).unwrap();
    parameters.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    let key = rcgen::KeyPair::generate().unwrap();
    let pem = parameters.self_signed(&key).unwrap().pem();
    (pem, rcgen::Issuer::new(parameters, key))
}

#[test]
fn a_chain_whose_next_certificate_did_not_sign_is_refused_though_its_name_fits() {
    let ((right, issuer), (wrong, _)) = (authority(), authority());
    let key = rcgen::KeyPair::generate().unwrap();
    let own =
        rcgen::CertificateParams::new(vec!["localhost".into()]).unwrap().signed_by(&key, &issuer).unwrap();
    let config = format!(
        "[[site]]\nlisten_tls = [\"127.0.0.1:0\"]\n[site.tls]\ncert = \"site.pem\"\nkey = \"site.key\"\n{}",
        saying("here")
    );
    let chained = |next: &str| {
        let site = Proxy::config(&config).file("site.pem", own.pem() + next);
        site.file("site.key", key.serialize_pem())
    };
    let refused = chained(&wrong).run();
    assert_eq!(refused.status.code(), Some(1));
    let report = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(report.contains("was not signed by the one that follows it"), "{report}");
    let proxy = chained(&right).start();
    assert_eq!(get(&proxy, &trusting("localhost"), "/").text(), "here");
}

#[test]
fn a_site_named_by_an_address_of_ipv6_is_found_without_a_name() {
    let config = format!(
        "[[site]]\nlisten_tls = [\"[::1]:0\"]\nhosts = [\"[::1]\"]\n[site.tls]\n{}{}",
        identity("localhost"),
        saying("$host")
    );
    let proxy = Proxy::config(&config).start();
    let mut client = Client::over_tls(&Tls::to("::1"), proxy.addr()).unwrap();
    assert_eq!(client.exchange(&Request::get("/").header("Host", "[::1]")).text(), "[::1]");
    assert!(!proxy.log.all().iter().any(|line| line.contains("not for the host")), "it is for that host");
}
