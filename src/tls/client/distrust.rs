//! Why a server is not spoken to, with what can be done about it.

use std::io;
use std::net::IpAddr;

use rustls::pki_types::UnixTime;
use rustls::{AlertDescription, CertificateError, Error, InvalidMessage};

/// A server that we do not trust, or that does not trust us.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Distrust {
    #[error(
        "no authorities are known to this system ({0}): install the package ca-certificates, or name them by `ca`"
    )]
    NoAuthorities(String),
    #[error("`{0}` is not a name that a certificate could be for: write it as `name`")]
    NoName(Box<str>),
    #[error("it does not speak TLS there: use `protocol = \"http\"`, or the port for TLS")]
    NotTls,
    #[error("it did not agree on HTTP/2 (ALPN `h2`): leave out `http2`, or have it offer that")]
    NoHttp2,
    #[error("its certificate expired{0}")]
    Expired(String),
    #[error("its certificate is not valid yet{0}: look at the clocks of both machines")]
    NotYet(String),
    #[error("its certificate is not for `{expected}`: it is for {}: write one of these as `name`", listed(.presented))]
    WrongName { expected: String, presented: Vec<String> },
    #[error("its certificate is from nobody who is trusted here: name its authority by `ca`")]
    UnknownAuthority,
    #[error("its certificate is not one of a server that could be checked ({0})")]
    BadCertificate(String),
    #[error("it wants a certificate of us: write `cert` and `key`")]
    WantsCertificate,
    #[error("it refuses our certificate ({0})")]
    RefusesCertificate(String),
    #[error("it says that nothing can be agreed on ({0})")]
    Refused(String),
    #[error("it speaks faulty TLS ({0})")]
    Faulty(String),
    #[error("it closed the connection instead of agreeing on keys")]
    Closed,
    #[error("the connection broke ({0})")]
    Broken(String),
}

impl Distrust {
    /// Whether its certificate is the reason.
    pub const fn is_of_certificate(&self) -> bool {
        matches!(
            self,
            Self::Expired(_)
                | Self::NotYet(_)
                | Self::WrongName { .. }
                | Self::UnknownAuthority
                | Self::BadCertificate(_)
        )
    }
}

impl From<io::Error> for Distrust {
    fn from(error: io::Error) -> Self {
        match of(&error) {
            Some(distrust) => distrust,
            None if error.kind() == io::ErrorKind::UnexpectedEof => Self::Closed,
            None => Self::Broken(error.to_string()),
        }
    }
}

/// Of an error that is one of TLS.
pub(super) fn of(error: &io::Error) -> Option<Distrust> {
    let error = error.get_ref()?.downcast_ref::<Error>()?;
    Some(error.clone().into())
}

impl From<Error> for Distrust {
    fn from(error: Error) -> Self {
        match error {
            Error::InvalidCertificate(error) => of_certificate(error),
            Error::AlertReceived(alert) => of_alert(alert),
            Error::InvalidMessage(InvalidMessage::InvalidContentType) => Self::NotTls,
            Error::NoApplicationProtocol => Self::NoHttp2,
            error => Self::Faulty(error.to_string()),
        }
    }
}

fn of_certificate(error: CertificateError) -> Distrust {
    match error {
        CertificateError::Expired => Distrust::Expired(String::new()),
        CertificateError::ExpiredContext { not_after, .. } => Distrust::Expired(on(not_after)),
        CertificateError::NotValidYet => Distrust::NotYet(String::new()),
        CertificateError::NotValidYetContext { not_before, .. } => {
            Distrust::NotYet(format!(", but{}", on(not_before)))
        }
        CertificateError::NotValidForNameContext { expected, presented } => Distrust::WrongName {
            expected: expected.to_str().into_owned(),
            presented: presented.iter().map(|name| bare(name)).collect(),
        },
        CertificateError::UnknownIssuer => Distrust::UnknownAuthority,
        // A self-signed one that says of itself that it is an authority's.
        CertificateError::Other(error) if error.to_string().contains("CaUsedAsEndEntity") => {
            Distrust::UnknownAuthority
        }
        error => Distrust::BadCertificate(error.to_string()),
    }
}

fn of_alert(alert: AlertDescription) -> Distrust {
    let name = format!("alert {alert:?}");
    match alert {
        AlertDescription::CertificateRequired => Distrust::WantsCertificate,
        AlertDescription::NoApplicationProtocol => Distrust::NoHttp2,
        AlertDescription::BadCertificate
        | AlertDescription::UnsupportedCertificate
        | AlertDescription::CertificateRevoked
        | AlertDescription::CertificateExpired
        | AlertDescription::CertificateUnknown
        | AlertDescription::UnknownCA
        | AlertDescription::AccessDenied => Distrust::RefusesCertificate(name),
        _ => Distrust::Refused(name),
    }
}

/// ` on 2001-01-01`
fn on(time: UnixTime) -> String {
    let time = std::time::UNIX_EPOCH + std::time::Duration::from_secs(time.as_secs());
    format!(" on {}", httpdate::fmt_http_date(time))
}

fn listed(names: &[String]) -> String {
    if names.is_empty() { "no name at all".into() } else { names.join(", ") }
}

/// `DnsName("a.test")` and `IpAddress(127.0.0.1)` without what is around them.
fn bare(name: &str) -> String {
    let inner = name.split_once('(').and_then(|(_, rest)| rest.strip_suffix(')')).unwrap_or(name);
    let inner = inner.trim_matches('"');
    // An address may come in another form than it is written in.
    inner.parse::<IpAddr>().map_or_else(|_| inner.to_owned(), |address| address.to_string())
}
