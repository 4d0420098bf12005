//! One certificate: what is in use, what is being obtained, and when not to ask.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};

use super::{Lock, blocking, file};
use crate::tls::{Identity, Problem};

/// Where one certificate is kept, with the key that belongs to it in the same file: nobody ever sees one without
/// the other.
#[derive(Clone, Debug)]
pub(in crate::acme) struct Folder(PathBuf);

/// When it was stored, and what it is or why it is of no use.
pub(in crate::acme) type Stored = (SystemTime, Result<Arc<Identity>, Problem>);

/// An order that the authority has taken, and the key its certificate is to be for. In JSON, for us alone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::acme) struct OpenOrder {
    pub url: String,
    /// PKCS #8 in PEM.
    pub key: String,
}

impl Folder {
    pub(super) const fn new(path: PathBuf) -> Self {
        Self(path)
    }

    pub fn path(&self) -> &Path {
        &self.0
    }

    /// Certificate, chain and key.
    pub fn identity_file(&self) -> PathBuf {
        self.0.join("identity.pem")
    }

    /// While it is held, nobody else orders this certificate. Whether it had to be waited for.
    ///
    /// # Errors
    /// When the state directory cannot be written to.
    pub async fn lock(&self) -> io::Result<(Lock, bool)> {
        Lock::acquire(self.0.join("lock")).await
    }

    /// What is stored if it was stored at another time than `known`, and when it was.
    ///
    /// # Errors
    /// When nobody can tell whether there is something.
    pub async fn newer(&self, known: Option<SystemTime>) -> io::Result<Option<Stored>> {
        let path = self.identity_file();
        blocking(move || {
            let modified = match std::fs::metadata(&path).and_then(|metadata| metadata.modified()) {
                Ok(modified) => modified,
                Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
                Err(error) => return Err(error),
            };
            if known == Some(modified) {
                return Ok(None);
            }
            Ok(Some((modified, Identity::load(&path, &path).map(Arc::new))))
        })
        .await
    }

    /// # Errors
    /// When the state directory cannot be written to.
    pub async fn write_identity(&self, key: &str, chain: &str) -> io::Result<()> {
        let (path, content) = (self.identity_file(), format!("{}\n{}\n", key.trim_end(), chain.trim_end()));
        blocking(move || file::write(&path, content.as_bytes())).await
    }

    /// The order that was begun and not finished. One that cannot be read is none: another one can be made.
    pub async fn order(&self) -> Option<OpenOrder> {
        let path = self.0.join("order.json");
        let text = blocking(move || file::read(&path)).await.ok().flatten()?;
        serde_json::from_str(&text).ok()
    }

    /// # Errors
    /// When the state directory cannot be written to.
    pub async fn write_order(&self, order: &OpenOrder) -> io::Result<()> {
        let (path, text) = (self.0.join("order.json"), serde_json::to_string_pretty(order)?);
        blocking(move || file::write(&path, text.as_bytes())).await
    }

    /// # Errors
    /// When the state directory cannot be written to.
    pub async fn remove_order(&self) -> io::Result<()> {
        let path = self.0.join("order.json");
        blocking(move || file::remove(&path)).await
    }

    /// Until when this certificate is not to be asked for, by whatever process.
    pub async fn pause(&self) -> Option<SystemTime> {
        let path = self.0.join("not-before");
        let text = blocking(move || file::read(&path)).await.ok().flatten()?;
        UNIX_EPOCH.checked_add(Duration::from_secs(text.trim().parse().ok()?))
    }

    /// # Errors
    /// When the state directory cannot be written to.
    pub async fn set_pause(&self, until: Option<SystemTime>) -> io::Result<()> {
        let path = self.0.join("not-before");
        blocking(move || match until {
            Some(until) => {
                let seconds = until.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
                file::write(&path, seconds.to_string().as_bytes())
            }
            None => file::remove(&path),
        })
        .await
    }
}
