use std::path::{Path, PathBuf};

use rustls::CertificateError;
use rustls::pki_types::UnixTime;

use super::*;

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("static_fixtures/tls").join(name)
}

fn expecting(authorities: Option<&Authorities>) -> Expectations<'_> {
    Expectations { name: None, authorities, verify: true, identity: None, http2: false }
}

/// Both ends of a socket pair: what the client makes of a server with that certificate.
async fn met(identity: &str, expected: &Expectations<'_>, host: &str) -> Result<Stream, Distrust> {
    let identity =
        Identity::load(&fixture(&format!("{identity}.pem")), &fixture(&format!("{identity}.key"))).unwrap();
    let server = rustls::ServerConfig::builder_with_provider(provider())
        .with_protocol_versions(&[&TLS13, &TLS12])
        .unwrap()
        .with_no_client_auth()
        .with_cert_resolver(Arc::new(rustls::sign::SingleCertAndKey::from(Arc::clone(identity.certified()))));
    let (ours, theirs) = tokio::net::UnixStream::pair().unwrap();
    let server =
        crate::net::TlsStream::server(Stream::Unix(theirs), Arc::new(server), bytes::BytesMut::default())
            .unwrap();
    let client = Client::new(expected);
    let (met, _) = tokio::join!(client.connect(Stream::Unix(ours), Some(host)), server.handshake());
    met
}

#[tokio::test]
async fn a_server_is_trusted_by_its_names_and_its_authority() {
    let ca = Authorities::load(&fixture("ca.pem")).unwrap();
    for host in ["localhost", "LOCALHOST", "localhost.", "127.0.0.1", "::1", "[::1]"] {
        assert!(met("localhost", &expecting(Some(&ca)), host).await.unwrap().is_secure(), "{host}");
    }
    let named = Expectations { name: Some("localhost"), ..expecting(Some(&ca)) };
    assert!(met("localhost", &named, "192.0.2.1").await.is_ok());
}

#[tokio::test]
async fn others_are_refused_with_what_may_help() {
    let ca = Authorities::load(&fixture("ca.pem")).unwrap();
    for (identity, host, said) in [
        ("localhost", "other.test", "it is for localhost, *.localhost, 127.0.0.1, ::1"),
        ("localhost", "127.0.0.2", "is not for `127.0.0.2`"),
        ("expired", "localhost", "expired on"),
        ("other", "other.test", "name its authority by `ca`"),
    ] {
        let distrust = met(identity, &expecting(Some(&ca)), host).await.unwrap_err();
        assert!(distrust.is_of_certificate());
        assert!(distrust.to_string().contains(said), "{distrust}");
    }
    let system = met("localhost", &expecting(None), "localhost").await.unwrap_err();
    assert!(matches!(system, Distrust::UnknownAuthority | Distrust::NoAuthorities(_)), "{system}");
}

#[tokio::test]
async fn nothing_is_checked_where_that_is_said() {
    let expected = Expectations { verify: false, ..expecting(None) };
    assert!(met("expired", &expected, "anything").await.is_ok());
    assert!(Client::new(&expected).problem().is_none());
}

#[tokio::test]
async fn a_server_without_http_2_is_named_where_that_is_wanted() {
    let ca = Authorities::load(&fixture("ca.pem")).unwrap();
    let expected = Expectations { http2: true, ..expecting(Some(&ca)) };
    assert_eq!(met("localhost", &expected, "localhost").await.unwrap_err(), Distrust::NoHttp2);
}

#[test]
fn dates_are_told_as_people_write_them() {
    let not_after = UnixTime::since_unix_epoch(std::time::Duration::ZERO);
    let error = CertificateError::ExpiredContext { time: UnixTime::now(), not_after };
    let distrust = Distrust::from(rustls::Error::InvalidCertificate(error));
    assert_eq!(distrust.to_string(), "its certificate expired on Thu, 01 Jan 1970 00:00:00 GMT");
}
