//! A certificate with its chain and its key.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rustls::SignatureAlgorithm;
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::CertifiedKey;
use x509_parser::prelude::{FromDer, GeneralName, X509Certificate, X509Error};

use super::pem::{self, Problem};

/// Which signatures a key makes: a client that can check one kind may not be able to check the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum KeyKind {
    Ecdsa,
    Ed25519,
    Rsa,
}

impl KeyKind {
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ecdsa => "ECDSA",
            Self::Ed25519 => "Ed25519",
            Self::Rsa => "RSA",
        }
    }
}

/// A certificate, the chain behind it, and the key that belongs to it.
#[derive(Clone)]
pub struct Identity {
    pub cert: PathBuf,
    pub key: PathBuf,
    pub kind: KeyKind,
    /// The names it is for, lower case, wildcards as they are written.
    pub names: Vec<String>,
    pub not_before: SystemTime,
    pub not_after: SystemTime,
    certified: Arc<CertifiedKey>,
}

impl Identity {
    /// Reads and checks both files: every certificate is one, each signs the one before it, and the key is that
    /// of the first.
    ///
    /// # Errors
    /// What is wrong with which file, and what may help.
    pub fn load(cert: &Path, key: &Path) -> Result<Self, Problem> {
        let chain = pem::certificates(cert)?;
        let secret = pem::key(key)?;
        Self::new(chain, &secret, cert, key)
    }

    /// Of what has been read already; the paths only say where from.
    ///
    /// # Errors
    /// As for [`Self::load`].
    pub fn new(
        chain: Vec<CertificateDer<'static>>,
        secret: &PrivateKeyDer<'static>,
        cert: &Path,
        key: &Path,
    ) -> Result<Self, Problem> {
        let identity = Self::unmatched(chain, secret, cert, key)?;
        identity.certified.keys_match().map_err(|_| {
            Problem::new(key, format!("the key does not belong to the certificate in {}", cert.display()))
                .help("`openssl x509 -pubkey` of the certificate and `openssl pkey -pubout` of the key have to print the same")
        })?;
        Ok(identity)
    }

    /// The same without a look whether the key belongs to the certificate: a challenge's (RFC 8737 3) says something
    /// that is critical, and that verifiers refuse to read.
    ///
    /// # Errors
    /// As for [`Self::load`].
    pub fn unmatched(
        chain: Vec<CertificateDer<'static>>,
        secret: &PrivateKeyDer<'static>,
        cert: &Path,
        key: &Path,
    ) -> Result<Self, Problem> {
        let signing = aws_lc_rs::sign::any_supported_type(secret)
            .map_err(|error| Problem::new(key, format!("the key is of no known kind: {error}")))?;
        let kind = match signing.algorithm() {
            SignatureAlgorithm::RSA => KeyKind::Rsa,
            SignatureAlgorithm::ED25519 => KeyKind::Ed25519,
            _ => KeyKind::Ecdsa,
        };
        let facts = Facts::of(&chain, cert)?;
        let Facts { names, not_before, not_after } = facts;
        Ok(Self {
            cert: cert.to_owned(),
            key: key.to_owned(),
            kind,
            names,
            not_before,
            not_after,
            certified: Arc::new(CertifiedKey::new(chain, signing)),
        })
    }

    /// As rustls takes it.
    pub fn certified(&self) -> &Arc<CertifiedKey> {
        &self.certified
    }

    /// How much longer it is valid; nothing once it has expired.
    pub fn lasts(&self, now: SystemTime) -> Duration {
        self.not_after.duration_since(now).unwrap_or_default()
    }

    /// Whether it is for that host, by exact name or by wildcard (RFC 9525 6.3).
    pub fn is_for(&self, host: &str) -> bool {
        // An address of IPv6 stands in brackets where a port could follow.
        let host = host.trim_matches(['[', ']']);
        let parent = host.split_once('.').map(|(_, parent)| parent);
        self.names.iter().any(|name| match name.strip_prefix("*.") {
            Some(suffix) => parent.is_some_and(|parent| parent.eq_ignore_ascii_case(suffix)),
            None => name.eq_ignore_ascii_case(host),
        })
    }
}

/// What a certificate says of itself.
struct Facts {
    names: Vec<String>,
    not_before: SystemTime,
    not_after: SystemTime,
}

impl Facts {
    fn of(chain: &[CertificateDer<'_>], file: &Path) -> Result<Self, Problem> {
        let parsed = chain.iter().enumerate().map(|(index, der)| match X509Certificate::from_der(der) {
            Ok((_, certificate)) => Ok(certificate),
            Err(error) => Err(Problem::new(file, format!("certificate {} is damaged: {error}", index + 1))),
        });
        let parsed = parsed.collect::<Result<Vec<_>, _>>()?;
        check_order(&parsed, file)?;
        let Some(first) = parsed.first() else { return Err(Problem::new(file, "no certificate is in it")) };
        let validity = first.validity();
        Ok(Self {
            names: names(first),
            not_before: time(validity.not_before.timestamp()),
            not_after: time(validity.not_after.timestamp()),
        })
    }
}

/// Clients build the chain from what they get: one that is out of order, or of somebody else, fails with some.
fn check_order(chain: &[X509Certificate<'_>], file: &Path) -> Result<(), Problem> {
    for (index, pair) in chain.windows(2).enumerate() {
        let [one, next] = pair else { continue };
        if one.issuer() != next.subject() {
            let what = format!(
                "certificate {} was issued by `{}`, but `{}` follows it",
                index + 1,
                one.issuer(),
                next.subject()
            );
            return Err(Problem::new(file, what)
                .help("first the site's own certificate, then each one's issuer, without the root"));
        }
        if one.verify_signature(Some(next.public_key())) == Err(X509Error::SignatureVerificationError) {
            let what = format!("certificate {} was not signed by the one that follows it", index + 1);
            return Err(Problem::new(file, what)
                .help("its issuer has several certificates of that name: take the chain that came with it"));
        }
    }
    Ok(())
}

fn names(certificate: &X509Certificate<'_>) -> Vec<String> {
    let alternative = certificate.subject_alternative_name().ok().flatten();
    let listed = alternative.iter().flat_map(|extension| &extension.value.general_names);
    listed
        .filter_map(|name| match name {
            GeneralName::DNSName(name) => Some(name.to_ascii_lowercase()),
            GeneralName::IPAddress(bytes) => address(bytes),
            _ => None,
        })
        .collect()
}

fn address(bytes: &[u8]) -> Option<String> {
    let v4 = <[u8; 4]>::try_from(bytes).map(std::net::IpAddr::from);
    let v6 = || <[u8; 16]>::try_from(bytes).map(std::net::IpAddr::from);
    v4.or_else(|_| v6()).ok().map(|address| address.to_string())
}

fn time(seconds: i64) -> SystemTime {
    let distance = Duration::from_secs(seconds.unsigned_abs());
    let there = if seconds < 0 { UNIX_EPOCH.checked_sub(distance) } else { UNIX_EPOCH.checked_add(distance) };
    there.unwrap_or(UNIX_EPOCH)
}

impl PartialEq for Identity {
    /// By what is shown to clients: a key belongs to its certificate.
    fn eq(&self, other: &Self) -> bool {
        self.cert == other.cert && self.key == other.key && self.certified.cert == other.certified.cert
    }
}

impl Eq for Identity {}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Identity")
            .field("cert", &self.cert)
            .field("names", &self.names)
            .finish_non_exhaustive()
    }
}
