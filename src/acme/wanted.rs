//! What is to be obtained, from whom, and how.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::tls::{Authorities, Managed};

/// A certificate that is to be there.
#[derive(Clone, Debug)]
pub struct Wanted {
    /// Names and directory, and where the certificate goes to.
    pub managed: Arc<Managed>,
    /// Whom the authority may write to.
    pub email: Option<String>,
    /// Whom the directory's own certificate is to be from; `None` is whom the system trusts.
    pub authorities: Option<Arc<Authorities>>,
    pub way: Way,
    pub listening: Listening,
}

/// How the authority is shown that a name is ours.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Way {
    /// RFC 8555 8.3
    Http,
    /// RFC 8737
    TlsAlpn,
    /// RFC 8555 8.4, by a command that sets a record and removes it.
    Dns { command: Vec<String> },
}

/// TCP ports of our own listeners.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Listening {
    pub plain: BTreeSet<u16>,
    pub tls: BTreeSet<u16>,
}

impl Wanted {
    pub(super) fn directory(&self) -> &str {
        &self.managed.directory
    }

    pub(super) fn names(&self) -> &[String] {
        &self.managed.names
    }

    /// For messages: `example.com and 2 more`.
    pub(super) fn title(&self) -> String {
        match self.names() {
            [] => String::new(),
            [name] => name.clone(),
            [name, other] => format!("{name} and {other}"),
            [name, others @ ..] => format!("{name} and {} more", others.len()),
        }
    }
}

impl PartialEq for Wanted {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.managed, &other.managed)
            && self.email == other.email
            && self.authorities == other.authorities
            && self.way == other.way
            && self.listening == other.listening
    }
}

impl Eq for Wanted {}

impl Way {
    /// As RFC 8555 calls it.
    pub(super) const fn name(&self) -> &'static str {
        match self {
            Self::Http => "http-01",
            Self::TlsAlpn => "tls-alpn-01",
            Self::Dns { .. } => "dns-01",
        }
    }
}
