//! `[site.tls]`, and the TLS that upstreams are spoken to over.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use crate::tls::{Authorities, Identity};

/// `[site.tls]`
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tls {
    /// Read from files and checked: at most one for each kind of key. Empty where `acme` obtains them.
    pub identities: Vec<Arc<Identity>>,
    pub acme: Option<Acme>,
    pub client: Option<ClientCertificates>,
}

impl Tls {
    /// All that every reload reads again.
    pub fn files(&self) -> impl Iterator<Item = &Path> {
        let acme = self.acme.as_ref().and_then(|acme| acme.authorities.as_ref());
        let clients = self.client.as_ref().map(|client| &client.authorities);
        of(&self.identities).chain(acme.into_iter().chain(clients).map(|one| one.file.as_path()))
    }
}

impl UpstreamTls {
    /// All that every reload reads again.
    pub fn files(&self) -> impl Iterator<Item = &Path> {
        of(&self.identity).chain(self.authorities.iter().map(|one| one.file.as_path()))
    }
}

fn of<'a>(identities: impl IntoIterator<Item = &'a Arc<Identity>>) -> impl Iterator<Item = &'a Path> {
    identities.into_iter().flat_map(|one| [one.cert.as_path(), one.key.as_path()])
}

/// `acme`: certificates from an authority (RFC 8555), for all hosts of the site.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Acme {
    pub email: Option<String>,
    /// The authority's directory.
    pub directory: String,
    /// Whom the directory's own certificate is to be from; `None` is whom the system trusts.
    pub authorities: Option<Arc<Authorities>>,
    pub challenge: Challenge,
}

/// How the authority is shown that a name is ours.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Challenge {
    /// A file on port 80 (RFC 8555 8.3).
    Http01,
    /// A certificate on port 443 (RFC 8737).
    TlsAlpn01,
    /// A record that this command sets and removes (RFC 8555 8.4).
    Dns01 { command: Vec<String> },
}

/// `client_ca`: who may come in, or be known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientCertificates {
    pub authorities: Arc<Authorities>,
    /// Whether those who show none are turned away.
    pub required: bool,
}

/// `hsts`: Strict-Transport-Security (RFC 6797).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hsts {
    pub max_age: Duration,
    pub subdomains: bool,
    pub preload: bool,
}

/// What a server of an upstream speaks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Protocol {
    #[default]
    Http,
    /// HTTP/2 without TLS, known beforehand (RFC 9113 3.3).
    H2c,
    /// HTTP/1.1 over TLS.
    Https,
    /// HTTP/2 over TLS.
    H2,
}

/// `[upstream.NAME.tls]`: how the servers prove who they are, and rproxy to them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UpstreamTls {
    /// Whose name the certificate has to bear, and SNI says; `None` is the host in each server's address.
    pub name: Option<String>,
    /// Whom it has to be from; `None` is whom the system trusts.
    pub authorities: Option<Arc<Authorities>>,
    /// Whether it is checked at all.
    pub verify: bool,
    /// What rproxy shows of itself.
    pub identity: Option<Arc<Identity>>,
}

/// Where certificates of `acme` are kept, and who is told of session keys.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TlsProcess {
    /// `[server] state`
    pub state: PathBuf,
    /// `[server] tls_key_log`: session secrets for whoever looks at the wire (SSLKEYLOGFILE).
    pub key_log: Option<PathBuf>,
}
