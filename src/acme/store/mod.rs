//! What outlives the process: accounts, certificates, and what authorities look for, in files that several
//! processes may share.

mod account;
mod file;
mod folder;
mod lock;
mod token;

use std::io;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

pub(super) use account::{AccountFile, StoredAccount};
pub(super) use folder::{Folder, OpenOrder};
pub(super) use lock::Lock;
pub(super) use token::Token;

use super::Wanted;

/// `state` of `[server]`, and in it what is ours.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct State(PathBuf);

impl State {
    pub fn new(state: &Path) -> Self {
        Self(state.join("acme"))
    }

    /// Of one certificate.
    pub fn folder(&self, wanted: &Wanted) -> Folder {
        let names = wanted.names();
        let of = names.iter().fold(wanted.directory().to_owned(), |of, name| of + "\n" + name);
        let first = names.first().map(|name| name.replace('*', "_")).unwrap_or_default();
        Folder::new(self.0.join("certificates").join(unique(&first, &of)))
    }

    /// Of one person at one authority.
    pub fn account(&self, directory: &str, email: Option<&str>) -> AccountFile {
        let host = directory.split('/').nth(2).unwrap_or_default().replace(':', "_");
        let of = format!("{directory}\n{}", email.unwrap_or_default());
        AccountFile::new(&self.0.join("accounts").join(unique(&host, &of)))
    }

    /// Where answers to challenges lie.
    pub fn tokens(&self) -> PathBuf {
        self.0.join("http-01")
    }
}

/// A file's name that a person can read, and that nothing else has.
fn unique(readable: &str, of: &str) -> String {
    let digest = Sha256::digest(of.as_bytes());
    let hash = digest.iter().take(6).fold(String::new(), |hash, byte| format!("{hash}{byte:02x}"));
    format!("{readable}-{hash}")
}

/// Does what waits for the disk on a thread that may wait.
pub(super) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> io::Result<T> {
    tokio::task::spawn_blocking(work).await.unwrap_or_else(|error| Err(io::Error::other(error)))
}
