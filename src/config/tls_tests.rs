use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::model::{Acme, Challenge, Hsts, Protocol, Site, UpstreamTls};
use super::{Config, Loaded, Report, diff, load};
use crate::net::ListenAddr;
use crate::tls::KeyKind;

fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("static_fixtures/tls")
}

/// Puts the throwaway certificates there, each also under its name with an `x` behind it.
pub fn copy_certificates(folder: &Path) {
    for entry in fs::read_dir(fixtures()).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|extension| extension == "pem" || extension == "key") {
            let name = path.file_name().unwrap().to_str().unwrap();
            fs::copy(&path, folder.join(name)).unwrap();
            fs::copy(&path, folder.join(format!("{name}x"))).unwrap();
        }
    }
}

/// A folder with certificates, and a configuration in it.
struct Folder(tempfile::TempDir);

impl Folder {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        copy_certificates(folder.path());
        Self(folder)
    }

    fn load(&self, text: &str) -> Result<Loaded, Report> {
        let file = self.0.path().join("site.toml");
        fs::write(&file, text).unwrap();
        load(&file)
    }

    fn good(&self, text: &str) -> Config {
        self.load(text).unwrap_or_else(|report| panic!("{report}")).config
    }

    /// One file takes another's place.
    fn replace(&self, old: &str, new: &str) {
        fs::copy(fixtures().join(new), self.0.path().join(old)).unwrap();
    }
}

const LOCATION: &str = "[[site.location]]\nmatch = \"/\"\nrespond = {}\n";

fn site(keys: &str) -> String {
    format!("[[site]]\n{keys}\n{LOCATION}")
}

fn loaded(keys: &str) -> Site {
    Folder::new().good(&site(keys)).sites.remove(0)
}

fn upstream(keys: &str) -> (Protocol, Option<UpstreamTls>) {
    let text = format!(
        "[[site]]\nlisten = [\":80\"]\n[[site.location]]\nmatch = \"/\"\nproxy = \"app\"\n[upstream.app]\n{keys}\n"
    );
    let upstream = Folder::new().good(&text).upstreams.remove(0);
    (upstream.protocol, upstream.tls)
}

const BOTH: &str = "listen = [\":80\"]\nlisten_tls = [\":443\"]\n";
const PAIR: &str = "tls = { cert = \"localhost.pem\", key = \"localhost.key\" }\n";

#[test]
fn a_site_has_all_its_addresses_and_knows_which_are_with_tls() {
    let site = loaded(&format!("{BOTH}{PAIR}"));
    assert_eq!(site.listen, [ListenAddr::Any(80), ListenAddr::Any(443)]);
    assert_eq!(site.listen_tls, [ListenAddr::Any(443)]);
    assert!(site.http2 && !site.h2c && !site.https_only && site.hsts.is_none());
    let identity = &site.tls.identities[0];
    assert_eq!((identity.kind, identity.names[0].as_str()), (KeyKind::Ecdsa, "localhost"));
    assert_eq!(site.timeouts.handshake, Duration::from_secs(10));
}

#[test]
fn a_site_may_be_with_tls_only() {
    let site = loaded(&format!("listen_tls = [\":443\"]\n{PAIR}"));
    assert_eq!(site.listen, site.listen_tls);
}

#[test]
fn certificates_of_two_kinds_stand_side_by_side() {
    let site = loaded(&format!(
        "{BOTH}tls = {{ cert = [\"localhost.pem\", \"localhost-rsa.pem\"], key = [\"localhost.key\", \"localhost-rsa.key\"] }}"
    ));
    let kinds: Vec<KeyKind> = site.tls.identities.iter().map(|one| one.kind).collect();
    assert_eq!(kinds, [KeyKind::Ecdsa, KeyKind::Rsa]);
}

#[test]
fn https_only_may_stand_in_either_table() {
    assert!(loaded(&format!("{BOTH}https_only = true\n{PAIR}")).https_only);
    assert!(loaded(&format!("{BOTH}{}", PAIR.replace(" }", ", https_only = true }"))).https_only);
}

#[test]
fn clients_have_to_show_certificates_unless_that_is_optional() {
    let with = |keys: &str| {
        let client =
            loaded(&format!("{BOTH}{}", PAIR.replace(" }", &format!(", client_ca = \"ca.pem\"{keys} }}"))));
        client.tls.client.unwrap().required
    };
    assert!(with(""));
    assert!(with(", client_verify = \"required\""));
    assert!(!with(", client_verify = \"optional\""));
}

#[test]
fn hsts_is_for_a_year_unless_it_says_otherwise() {
    let year = Duration::from_hours(365 * 24);
    let with =
        |hsts: &str| loaded(&format!("{BOTH}{}", PAIR.replace(" }", &format!(", hsts = {hsts} }}")))).hsts;
    assert_eq!(with("false"), None);
    assert_eq!(with("true"), Some(Hsts { max_age: year, subdomains: false, preload: false }));
    assert_eq!(
        with("{ max_age = \"2y\", subdomains = true, preload = true }"),
        Some(Hsts { max_age: 2 * year, subdomains: true, preload: true })
    );
}

#[test]
fn acme_needs_nothing_but_the_hosts() {
    let acme = |keys: &str| {
        loaded(&format!("{BOTH}hosts = [\"a.test\"]\ntls = {{ acme = {keys} }}")).tls.acme.unwrap()
    };
    let directory = "https://acme-v02.api.letsencrypt.org/directory".to_owned();
    let plain = Acme { email: None, directory, authorities: None, challenge: Challenge::Http01 };
    assert_eq!(acme("{}"), plain);
    let written = acme(
        "{ email = \"ops@a.test\", directory = \"https://127.0.0.1:14000/dir\", ca = \"ca.pem\", \
         challenge = \"tls-alpn-01\" }",
    );
    assert_eq!(written.email.as_deref(), Some("ops@a.test"));
    assert_eq!(written.directory, "https://127.0.0.1:14000/dir");
    assert_eq!(written.challenge, Challenge::TlsAlpn01);
    assert!(written.authorities.is_some());
}

#[test]
fn a_hook_is_looked_for_beside_the_file() {
    let folder = Folder::new();
    let text = format!(
        "{BOTH}hosts = [\"*.a.test\"]\ntls = {{ acme = {{ challenge = \"dns-01\", hook = [\"./hook\", \"now\"] }} }}"
    );
    let acme = folder.good(&site(&text)).sites.remove(0).tls.acme.unwrap();
    let hook = folder.0.path().join("hook").to_str().unwrap().to_owned();
    assert_eq!(acme.challenge, Challenge::Dns01 { command: vec![hook, "now".into()] });
}

#[test]
fn upstreams_speak_what_is_said() {
    let plain = "servers = [\"a.test:443\"]\n";
    let tls = UpstreamTls { name: None, authorities: None, verify: true, identity: None };
    assert_eq!(upstream(plain), (Protocol::Http, None));
    assert_eq!(upstream(&format!("{plain}protocol = \"h2c\"")), (Protocol::H2c, None));
    assert_eq!(upstream(&format!("{plain}protocol = \"https\"")), (Protocol::Https, Some(tls.clone())));
    assert_eq!(upstream(&format!("{plain}protocol = \"https\"\nhttp2 = true")), (Protocol::H2, Some(tls)));
    let (_, tls) = upstream(
        "servers = [\"unix:app.sock\"]\nprotocol = \"https\"\n\
         tls = { name = \"App.internal\", ca = \"ca.pem\", cert = \"client.pem\", key = \"client.key\" }",
    );
    let tls = tls.unwrap();
    assert_eq!(tls.name.as_deref(), Some("app.internal"));
    assert!(tls.verify && tls.authorities.is_some() && tls.identity.is_some());
}

#[test]
fn a_scheme_in_proxy_says_what_is_spoken_and_the_port() {
    for (url, protocol, name) in [
        ("http://A.test", Protocol::Http, "http://a.test:80"),
        ("https://A.test", Protocol::Https, "https://a.test:443"),
        ("https://a.test:8443", Protocol::Https, "https://a.test:8443"),
        ("h2c://127.0.0.1", Protocol::H2c, "h2c://127.0.0.1:80"),
    ] {
        let text =
            format!("[[site]]\nlisten = [\":80\"]\n[[site.location]]\nmatch = \"/\"\nproxy = \"{url}\"\n");
        let upstream = Folder::new().good(&text).upstreams.remove(0);
        assert_eq!((upstream.protocol, upstream.name.as_str()), (protocol, name));
        assert_eq!(upstream.tls.is_some_and(|tls| tls.verify), protocol == Protocol::Https);
    }
}

#[test]
fn a_certificate_that_was_replaced_is_a_change() {
    let folder = Folder::new();
    let text =
        site(&format!("{BOTH}hosts = [\"localhost\"]\n{}", PAIR.replace(" }", ", client_ca = \"ca.pem\" }")));
    let before = folder.load(&text).unwrap();
    let mut watched = before.warnings.watched().clone();
    assert!(diff(&before.config, &folder.good(&text)).is_empty());
    assert!(!watched.refresh());
    folder.replace("localhost.pem", "localhost-rsa.pem");
    assert!(watched.refresh());
    folder.replace("localhost.key", "localhost-rsa.key");
    assert!(watched.refresh());
    folder.replace("ca.pem", "other-ca.pem");
    assert!(watched.refresh());
    let told = diff(&before.config, &folder.good(&text)).to_string();
    let path = folder.0.path().display();
    assert_eq!(
        told,
        format!(
            "~ site localhost: the certificate in {path}/localhost.pem (valid until 2100-01-01)\n\
             ~ site localhost: the authorities in {path}/ca.pem"
        )
    );
}

#[test]
fn an_upstreams_certificates_that_were_replaced_are_a_change() {
    let folder = Folder::new();
    let text = "[[site]]\nlisten = [\":80\"]\n[[site.location]]\nmatch = \"/\"\nproxy = \"app\"\n[upstream.app]\n\
                servers = [\"a.test:443\"]\nprotocol = \"https\"\n\
                tls = { ca = \"ca.pem\", cert = \"client.pem\", key = \"client.key\" }\n";
    let before = folder.good(text);
    folder.replace("client.pem", "other.pem");
    folder.replace("client.key", "other.key");
    folder.replace("ca.pem", "other-ca.pem");
    let told = diff(&before, &folder.good(text));
    assert_eq!(told.lines().count(), 2, "{told}");
    assert!(told.lines().all(|line| line.starts_with("~ upstream app: the ")), "{told}");
}

#[test]
fn garbage_in_the_place_of_a_certificate_is_refused_where_it_is_named() {
    let folder = Folder::new();
    let text = site(&format!("{BOTH}{PAIR}"));
    let mut watched = folder.load(&text).unwrap().warnings.watched().clone();
    fs::write(folder.0.path().join("localhost.pem"), "garbage").unwrap();
    assert!(watched.refresh());
    let report = folder.load(&text).unwrap_err().to_string();
    assert!(report.contains("`localhost.pem` cannot be used: no certificate is in it"), "{report}");
    assert!(report.contains("site.toml:4:16"), "{report}");
}

#[test]
fn every_file_of_tls_is_known_by_name() {
    let folder = Folder::new();
    let text = site(
        "listen_tls = [\":443\"]\n\
         tls = { cert = \"localhost.pem\", key = \"localhost.key\", client_ca = \"ca.pem\" }",
    );
    let upstream = "[[site]]\nlisten = [\":80\"]\n[[site.location]]\nmatch = \"/\"\nproxy = \"app\"\n[upstream.app]\n\
                    servers = [\"a.test:443\"]\nprotocol = \"https\"\n\
                    tls = { ca = \"other-ca.pem\", cert = \"client.pem\", key = \"client.key\" }\n";
    let config = folder.good(&format!("{text}{upstream}"));
    let name = |path: &Path| path.file_name().unwrap().to_str().unwrap().to_owned();
    let of_site: Vec<String> = config.sites[0].tls.files().map(name).collect();
    assert_eq!(of_site, ["localhost.pem", "localhost.key", "ca.pem"]);
    let of_upstream: Vec<String> = config.upstreams[0].tls.as_ref().unwrap().files().map(name).collect();
    assert_eq!(of_upstream, ["client.pem", "client.key", "other-ca.pem"]);
}
