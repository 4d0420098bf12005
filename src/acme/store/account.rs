//! The key of an account, and what the authority calls it.

use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::{Lock, blocking, file};

/// Where one account is kept.
#[derive(Debug)]
pub(in crate::acme) struct AccountFile {
    path: PathBuf,
    lock: PathBuf,
}

/// In JSON, for us alone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::acme) struct StoredAccount {
    pub directory: String,
    pub email: Option<String>,
    /// PKCS #8 in PEM.
    pub key: String,
    /// `None` until the authority has told it: then the key is offered to it again, and it is the same account.
    pub url: Option<String>,
}

impl AccountFile {
    /// `path` without an extension.
    pub(super) fn new(path: &Path) -> Self {
        let named = |extension: &str| PathBuf::from(format!("{}.{extension}", path.display()));
        Self { path: named("json"), lock: named("lock") }
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// While it is held, nobody else makes this account.
    ///
    /// # Errors
    /// When the state directory cannot be written to.
    pub async fn lock(&self) -> io::Result<Lock> {
        Lock::acquire(self.lock.clone()).await
    }

    /// # Errors
    /// When the file is there and cannot be read: a new account would leave the old one behind.
    pub async fn read(&self) -> io::Result<Option<StoredAccount>> {
        let path = self.path.clone();
        blocking(move || match file::read(&path)? {
            Some(text) => serde_json::from_str(&text).map(Some).map_err(io::Error::other),
            None => Ok(None),
        })
        .await
    }

    /// # Errors
    /// When the state directory cannot be written to.
    pub async fn write(&self, account: &StoredAccount) -> io::Result<()> {
        let (path, text) = (self.path.clone(), serde_json::to_string_pretty(account)?);
        blocking(move || file::write(&path, text.as_bytes())).await
    }
}
