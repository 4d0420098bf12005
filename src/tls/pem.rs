//! Certificates and keys as they are in files (RFC 7468).

use std::io;
use std::path::{Path, PathBuf};

use rustls::pki_types::pem::{self, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

/// A certificate's file is some kilobytes. Something larger is no such file.
const MAX_SIZE: u64 = 1024 * 1024;

/// Why a file with a certificate or a key is of no use.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}: {what}", file.display())]
pub struct Problem {
    pub file: PathBuf,
    pub what: String,
    pub help: Option<String>,
}

impl Problem {
    pub(super) fn new(file: &Path, what: impl Into<String>) -> Self {
        Self { file: file.to_owned(), what: what.into(), help: None }
    }

    #[must_use]
    pub(super) fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }
}

/// Every certificate of a file, in its order.
pub(super) fn certificates(file: &Path) -> Result<Vec<CertificateDer<'static>>, Problem> {
    let text = read(file)?;
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&text).collect();
    let found = found.map_err(|error| damaged(file, &error))?;
    if found.is_empty() {
        let what = "no certificate is in it";
        let help = if holds_key(&text) { "it is a key: are `cert` and `key` swapped?" } else { PEM_HELP };
        return Err(Problem::new(file, what).help(help));
    }
    Ok(found)
}

/// The first key of a file.
pub(super) fn key(file: &Path) -> Result<PrivateKeyDer<'static>, Problem> {
    let text = read(file)?;
    match PrivateKeyDer::from_pem_slice(&text) {
        Ok(key) => Ok(key),
        Err(pem::Error::NoItemsFound) if contains(&text, b"-----BEGIN ENCRYPTED PRIVATE KEY") => {
            Err(Problem::new(file, "the key is encrypted, and nobody could ask for its password")
                .help("decrypt it: `openssl pkey -in FILE -out NEW`, and let nobody else read it"))
        }
        Err(pem::Error::NoItemsFound) if contains(&text, b"-----BEGIN CERTIFICATE") => {
            Err(Problem::new(file, "no key is in it")
                .help("it is a certificate: are `cert` and `key` swapped?"))
        }
        Err(pem::Error::NoItemsFound) => Err(Problem::new(file, "no key is in it").help(PEM_HELP)),
        Err(error) => Err(damaged(file, &error)),
    }
}

const PEM_HELP: &str = "the file has to be PEM: text with `-----BEGIN …-----` lines";

fn read(file: &Path) -> Result<Vec<u8>, Problem> {
    let unreadable = |error: io::Error| {
        let problem = Problem::new(file, format!("it cannot be read: {error}"));
        match error.kind() {
            io::ErrorKind::NotFound => Problem::new(file, "there is no such file"),
            io::ErrorKind::PermissionDenied => {
                problem.help("keys are for few to read: let the user that starts rproxy read it")
            }
            _ => problem,
        }
    };
    let size = std::fs::metadata(file).map_err(unreadable)?.len();
    if size > MAX_SIZE {
        return Err(Problem::new(file, format!("it has {size} bytes, and so is no certificate or key")));
    }
    std::fs::read(file).map_err(unreadable)
}

fn holds_key(text: &[u8]) -> bool {
    contains(text, b"PRIVATE KEY-----")
}

fn contains(text: &[u8], part: &[u8]) -> bool {
    memchr::memmem::find(text, part).is_some()
}

fn damaged(file: &Path, error: &pem::Error) -> Problem {
    Problem::new(file, format!("it is damaged: {error}"))
}
