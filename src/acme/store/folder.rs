//! One certificate: what is in use, what is being obtained, and when not to ask.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};

use super::{Lock, blocking, file};
use crate::acme::schedule::Embargo;
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

    /// While it is held, nobody else orders this certificate.
    ///
    /// # Errors
    /// When the state directory cannot be written to.
    pub async fn lock(&self) -> io::Result<Lock> {
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
    pub async fn pause(&self) -> Option<Embargo> {
        let path = self.pause_file();
        let read = blocking(move || Ok((file::read(&path)?, std::fs::metadata(&path)?.modified()?)));
        let (text, since) = read.await.ok()?;
        let until = UNIX_EPOCH.checked_add(Duration::from_secs(text?.trim().parse().ok()?))?;
        Some(Embargo { since, until })
    }

    /// Where [`Self::pause`] is.
    pub fn pause_file(&self) -> PathBuf {
        self.0.join("not-before")
    }

    /// # Errors
    /// When the state directory cannot be written to.
    pub async fn set_pause(&self, until: Option<SystemTime>) -> io::Result<()> {
        let path = self.pause_file();
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

#[cfg(test)]
mod tests {
    use std::fs::File;

    use super::*;

    #[tokio::test]
    async fn a_pause_that_was_written_in_the_future_is_none() {
        let state = tempfile::tempdir().unwrap();
        let folder = Folder::new(state.path().join("folder"));
        let (now, hour) = (SystemTime::now(), Duration::from_secs(3600));
        folder.set_pause(Some(now + 3 * hour)).await.unwrap();
        assert!(folder.pause().await.unwrap().left(now) > 2 * hour);
        let file = File::options().write(true).open(folder.pause_file()).unwrap();
        file.set_modified(now + 2 * hour).unwrap();
        assert_eq!(folder.pause().await.unwrap().left(now), Duration::ZERO);
    }
}
