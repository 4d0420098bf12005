//! What is shown to an authority, while it looks.

mod alpn;
mod hook;

use std::path::PathBuf;
use std::sync::Arc;

use instant_acme::KeyAuthorization;

use self::hook::Record;
use super::store::Token;
use super::trouble::Trouble;
use super::{Wanted, Way};
use crate::tls::{Challenges, Managed};

/// Where answers are put.
#[derive(Clone, Debug)]
pub(super) struct Stage {
    pub challenges: Arc<Challenges>,
    /// For other processes that get the request.
    pub tokens: PathBuf,
}

/// An answer that the authority can see. It goes with this value, also when an attempt is given up.
#[derive(Debug)]
#[expect(dead_code, reason = "what counts is when they are dropped")]
pub(super) enum Shown {
    Http(Answer, Token),
    TlsAlpn(Certificate),
    Dns(Record),
}

/// In memory, for our own event loops.
#[derive(Debug)]
pub(super) struct Answer {
    challenges: Arc<Challenges>,
    token: String,
}

/// A certificate that nobody is shown who does not ask for it.
#[derive(Debug)]
pub(super) struct Certificate {
    managed: Arc<Managed>,
    name: String,
}

impl Stage {
    /// Shows the answer to a challenge about `name`, which is without a wildcard's star.
    pub async fn show(
        &self,
        wanted: &Wanted,
        name: &str,
        token: &str,
        authorization: &KeyAuthorization,
    ) -> Result<Shown, Trouble> {
        match &wanted.way {
            Way::Http => {
                let answer = self.answer(token, authorization.as_str());
                let file = Token::write(self.tokens.clone(), token, authorization.as_str()).await;
                let file = file.map_err(|error| Trouble::of_disk(&self.tokens, &error))?;
                Ok(Shown::Http(answer, file))
            }
            Way::TlsAlpn => {
                let shown = Certificate::show(&wanted.managed, name, authorization.digest().as_ref());
                shown.map(Shown::TlsAlpn)
            }
            Way::Dns { command } => {
                Record::present(command, name, &authorization.dns_value()).await.map(Shown::Dns)
            }
        }
    }

    /// Has our event loops answer for a token.
    pub fn answer(&self, token: &str, answer: &str) -> Answer {
        self.challenges.set(token, answer);
        Answer { challenges: Arc::clone(&self.challenges), token: token.to_owned() }
    }
}

impl Certificate {
    /// Has our event loops show a certificate that says `digest`.
    pub fn show(managed: &Arc<Managed>, name: &str, digest: &[u8]) -> Result<Self, Trouble> {
        managed.set_challenge(name, Arc::new(alpn::certificate(name, digest)?));
        Ok(Self { managed: Arc::clone(managed), name: name.to_owned() })
    }
}

impl Drop for Answer {
    fn drop(&mut self) {
        self.challenges.remove(&self.token);
    }
}

impl Drop for Certificate {
    fn drop(&mut self) {
        self.managed.remove_challenge(&self.name);
    }
}
