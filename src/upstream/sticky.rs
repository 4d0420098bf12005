//! A cookie that brings a client back to its server.

use ::http::HeaderValue;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use super::Server;
use crate::http::Template;

/// A cookie whose value is a signature of a server's address: it tells nothing of that, nobody else can
/// make one, and it is the same after a restart and on every machine with the same secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StickyCookie {
    name: Box<str>,
    variable: Template,
    secret: Box<[u8]>,
}

/// The cookie's value for each server of an upstream.
#[derive(Debug)]
pub(super) struct Bindings {
    cookie: StickyCookie,
    values: Box<[String]>,
}

impl StickyCookie {
    pub fn new(name: &str, secret: &[u8]) -> Self {
        Self { name: name.into(), variable: Template::cookie(name), secret: secret.into() }
    }

    /// The client's own.
    pub(super) fn variable(&self) -> &Template {
        &self.variable
    }

    pub(super) fn bind(self, servers: &[Server]) -> Bindings {
        let values = servers.iter().map(|server| self.sign(server.endpoint.identity())).collect();
        Bindings { cookie: self, values }
    }

    fn sign(&self, label: &str) -> String {
        // HMAC takes keys of any length, so there is no error to be had.
        let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(&self.secret) else { return String::new() };
        mac.update(label.as_bytes());
        let signature = mac.finalize().into_bytes();
        // 128 bits of it cannot be guessed either.
        let bytes = signature.first_chunk().copied().map_or(0, u128::from_be_bytes);
        format!("{bytes:032x}")
    }
}

impl Bindings {
    /// The server that a client's cookie is for.
    pub(super) fn index(&self, value: &[u8]) -> Option<usize> {
        if value.is_empty() {
            return None;
        }
        self.values.iter().position(|known| known.as_bytes() == value)
    }

    /// For as long as the browser is open, as application servers keep their sessions.
    pub(super) fn set(&self, index: usize, secure: bool) -> Option<HeaderValue> {
        let (name, value) = (&self.cookie.name, self.values.get(index)?);
        let attributes = if secure { "; Secure" } else { "" };
        HeaderValue::from_str(&format!("{name}={value}; Path=/; HttpOnly; SameSite=Lax{attributes}")).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::upstream::balance::testing::servers;

    fn bindings(secret: &[u8]) -> Bindings {
        StickyCookie::new("route", secret).bind(&servers(&[1, 1, 1]))
    }

    fn value(bindings: &Bindings, index: usize) -> String {
        let cookie = bindings.set(index, false).unwrap().to_str().unwrap().to_owned();
        cookie.strip_prefix("route=").unwrap().split(';').next().unwrap().to_owned()
    }

    #[test]
    fn a_value_leads_back_to_its_server() {
        let bindings = bindings(b"secret");
        for index in 0..3 {
            assert_eq!(bindings.index(value(&bindings, index).as_bytes()), Some(index));
        }
        assert!(bindings.set(3, false).is_none());
    }

    #[test]
    fn values_are_the_same_after_a_restart_and_others_with_another_secret() {
        assert_eq!(value(&bindings(b"secret"), 1), value(&bindings(b"secret"), 1));
        assert_ne!(value(&bindings(b"secret"), 1), value(&bindings(b"Secret"), 1));
        assert_ne!(value(&bindings(b"secret"), 1), value(&bindings(b"secret"), 2));
    }

    /// Computed with another implementation: were it to change, every client would lose its session with
    /// the update.
    #[test]
    fn values_stay_what_they_are() {
        assert_eq!(value(&bindings(b"secret"), 0), PINNED);
    }

    const PINNED: &str = "8b851dc1add3e96f659aac2df29dbcb9";

    #[test]
    fn what_is_no_value_binds_to_nobody() {
        let bindings = bindings(b"secret");
        for forged in ["", "0", "127.0.0.1:1000", &"0".repeat(32), &value(&bindings, 0)[1..]] {
            assert_eq!(bindings.index(forged.as_bytes()), None, "{forged}");
        }
    }

    #[test]
    fn only_over_tls_the_cookie_is_for_tls_alone() {
        let bindings = bindings(b"secret");
        assert!(
            bindings
                .set(0, true)
                .unwrap()
                .to_str()
                .unwrap()
                .ends_with("; Path=/; HttpOnly; SameSite=Lax; Secure")
        );
        assert!(!bindings.set(0, false).unwrap().to_str().unwrap().contains("Secure"));
    }
}
