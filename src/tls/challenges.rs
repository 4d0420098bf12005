//! What authorities look for under `/.well-known/acme-challenge/` (RFC 8555 8.3).

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};

use crate::net::Waiting;

/// Where authorities look.
const PREFIX: &[u8] = b"/.well-known/acme-challenge/";

/// A token is 128 bits or more in base64; authorities use some 43 characters.
const MAX_TOKEN: usize = 128;

/// An answer is a token and the hash of a key.
const MAX_ANSWER: u64 = 512;

/// So many are looked for on disk at once by each event loop. Who asks for more than that is no authority.
const LOOKS_MAX: usize = 2;

thread_local! {
    static LOOKS: Waiting = Waiting::new(LOOKS_MAX);
}

/// The answers to challenges of all certificates that are being obtained, by this process or by another one that
/// has the same directory for them.
#[derive(Debug, Default)]
pub struct Challenges {
    answers: RwLock<BTreeMap<String, Arc<str>>>,
    directory: RwLock<Option<PathBuf>>,
}

impl Challenges {
    /// The token that a path asks for; `None` if it asks for none.
    pub fn token(path: &[u8]) -> Option<&str> {
        let token = path.strip_prefix(PREFIX)?;
        let is_base64 = token.iter().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'));
        let fits = is_base64 && (1..=MAX_TOKEN).contains(&token.len());
        str::from_utf8(token).ok().filter(|_| fits)
    }

    /// What is to be answered for a token. Another process may have asked for it: then it is on disk, where it is
    /// looked for without holding up anybody else. `None` is for others to answer.
    pub async fn answer(&self, token: &str) -> Option<Arc<str>> {
        if let Some(answer) = self.known(token) {
            return Some(answer);
        }
        let file = self.directory.read().unwrap_or_else(PoisonError::into_inner).as_ref()?.join(token);
        let looks = LOOKS.with(Waiting::clone);
        looks.run(move || read(&file)).await.ok().flatten()
    }

    fn known(&self, token: &str) -> Option<Arc<str>> {
        self.answers.read().unwrap_or_else(PoisonError::into_inner).get(token).cloned()
    }

    pub fn set(&self, token: &str, answer: &str) {
        let mut answers = self.answers.write().unwrap_or_else(PoisonError::into_inner);
        answers.insert(token.to_owned(), answer.into());
    }

    pub fn remove(&self, token: &str) {
        self.answers.write().unwrap_or_else(PoisonError::into_inner).remove(token);
    }

    /// Where other processes leave theirs; `None` if nobody has any.
    pub fn look_in(&self, directory: Option<PathBuf>) {
        *self.directory.write().unwrap_or_else(PoisonError::into_inner) = directory;
    }
}

fn read(file: &Path) -> Option<Arc<str>> {
    let metadata = std::fs::metadata(file).ok().filter(std::fs::Metadata::is_file)?;
    let text = (metadata.len() <= MAX_ANSWER).then(|| std::fs::read_to_string(file).ok()).flatten()?;
    Some(text.trim_end().into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_what_base64_is_made_of() {
        let long = format!("/.well-known/acme-challenge/{}", "a".repeat(129));
        for (path, token) in [
            ("/.well-known/acme-challenge/aB9-_", Some("aB9-_")),
            ("/.well-known/acme-challenge/", None),
            ("/.well-known/acme-challenge/../x", None),
            ("/.well-known/acme-challenge/a.b", None),
            ("/.well-known/acme-challenge/a/b", None),
            ("/.well-known/acme-challenge", None),
            (&long, None),
        ] {
            assert_eq!(Challenges::token(path.as_bytes()), token, "{path}");
        }
    }

    #[tokio::test]
    async fn answers_of_other_processes_are_found_where_they_leave_them() {
        let (directory, challenges) = (tempfile::tempdir().unwrap(), Challenges::default());
        std::fs::write(directory.path().join("theirs"), "theirs.hash\n").unwrap();
        std::fs::write(directory.path().join("large"), "x".repeat(513)).unwrap();
        challenges.set("ours", "ours.hash");
        assert_eq!(challenges.answer("theirs").await, None);
        challenges.look_in(Some(directory.path().to_owned()));
        assert_eq!(challenges.answer("ours").await.as_deref(), Some("ours.hash"));
        assert_eq!(challenges.answer("theirs").await.as_deref(), Some("theirs.hash"));
        assert_eq!(challenges.answer("large").await, None);
        assert_eq!(challenges.answer("nobodys").await, None);
        challenges.remove("ours");
        assert_eq!(challenges.answer("ours").await, None);
    }
}
