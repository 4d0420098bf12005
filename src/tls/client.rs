//! The TLS that servers are spoken to over.

mod distrust;
mod system;
mod unverified;

use std::fmt;
use std::io;
use std::net::IpAddr;
use std::sync::Arc;

use rustls::client::Resumption;
use rustls::pki_types::ServerName;
use rustls::version::{TLS12, TLS13};
use rustls::{ClientConfig, RootCertStore};

pub use self::distrust::Distrust;
use self::unverified::Unverified;
use super::process::provider;
use super::{Authorities, Identity};
use crate::net::Stream;

/// Sessions that can be resumed, of all servers together.
const SESSIONS: usize = 1024;

/// What is asked of servers, and what they are told.
#[derive(Clone, Debug)]
pub struct Expectations<'a> {
    /// Whose name the certificate has to bear, and SNI says; `None` is the host in each server's address.
    pub name: Option<&'a str>,
    /// Whom it has to be from; `None` is whom the system trusts.
    pub authorities: Option<&'a Authorities>,
    /// Whether it is checked at all.
    pub verify: bool,
    /// What we show of ourselves.
    pub identity: Option<&'a Identity>,
    /// Whether HTTP/2 is to be spoken, and nothing else.
    pub http2: bool,
}

/// Agrees with servers on keys. Sessions are resumed, by all event loops.
pub struct Client {
    /// Or why nobody can be trusted.
    config: Result<Arc<ClientConfig>, Distrust>,
    name: Option<String>,
    http2: bool,
}

impl Client {
    pub fn new(expected: &Expectations<'_>) -> Self {
        Self {
            config: config(expected).map(Arc::new),
            name: expected.name.map(ToOwned::to_owned),
            http2: expected.http2,
        }
    }

    /// Why no server will be spoken to, where that is known beforehand.
    pub fn problem(&self) -> Option<&Distrust> {
        self.config.as_ref().err()
    }

    /// Makes an encrypted stream of a plain one to `host`. A socket has none.
    ///
    /// # Errors
    /// What is wrong with the server, or with us as it says.
    pub async fn connect(&self, stream: Stream, host: Option<&str>) -> Result<Stream, Distrust> {
        let config = self.config.clone()?;
        let stream = stream.connect_tls(config, self.server_name(host)?).await.map_err(Distrust::from)?;
        let chosen = stream.alpn();
        // RFC 7301 3.2: one who does not know of this names none, and means HTTP/1.1.
        if self.http2 && chosen.as_deref() != Some(b"h2") {
            return Err(Distrust::NoHttp2);
        }
        Ok(stream)
    }

    fn server_name(&self, host: Option<&str>) -> Result<ServerName<'static>, Distrust> {
        // Without a name nothing is checked, as the configuration has seen to.
        let name = self.name.as_deref().or(host).unwrap_or("localhost");
        let bare = name.trim_matches(['[', ']']);
        if let Ok(ip) = bare.parse::<IpAddr>() {
            return Ok(ServerName::IpAddress(ip.into()));
        }
        let name = bare.strip_suffix('.').unwrap_or(bare);
        ServerName::try_from(name.to_owned()).map_err(|_| Distrust::NoName(name.into()))
    }
}

fn config(expected: &Expectations<'_>) -> Result<ClientConfig, Distrust> {
    let builder =
        ClientConfig::builder_with_provider(provider()).with_protocol_versions(&[&TLS13, &TLS12])?;
    let builder = if expected.verify {
        builder.with_root_certificates(roots(expected.authorities)?)
    } else {
        builder.dangerous().with_custom_certificate_verifier(Arc::new(Unverified::new(&provider())))
    };
    let mut config = match expected.identity {
        Some(identity) => builder.with_client_cert_resolver(Arc::new(rustls::sign::SingleCertAndKey::from(
            Arc::clone(identity.certified()),
        ))),
        None => builder.with_no_client_auth(),
    };
    let protocol: &[u8] = if expected.http2 { b"h2" } else { b"http/1.1" };
    config.alpn_protocols = vec![protocol.to_vec()];
    config.resumption = Resumption::in_memory_sessions(SESSIONS);
    Ok(config)
}

pub(super) fn roots(authorities: Option<&Authorities>) -> Result<Arc<RootCertStore>, Distrust> {
    match authorities {
        Some(authorities) => Ok(Arc::clone(authorities.roots())),
        None => system::roots().map_err(Distrust::NoAuthorities),
    }
}

/// What TLS has to do with a stream's error, if it is of that kind.
pub fn explain(error: &io::Error) -> Option<Distrust> {
    distrust::of(error)
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").field("name", &self.name).field("http2", &self.http2).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
