//! What a site agrees on with its clients.

use std::sync::Arc;

use rustls::server::{ClientHello, NoServerSessionStorage, ResolvesServerCert, WebPkiClientVerifier};
use rustls::sign::CertifiedKey;
use rustls::version::{TLS12, TLS13};
use rustls::{Error, ServerConfig};

use super::process::{Audience, provider};
use super::{Authorities, Identity, Managed, Process};

/// The protocol by which an authority asks for a challenge's certificate (RFC 8737).
pub(super) const ACME: &[u8] = b"acme-tls/1";
const HTTP_2: &[u8] = b"h2";

/// What of a site's configuration matters here.
#[derive(Clone, Debug, Default)]
pub struct Terms {
    pub identities: Vec<Arc<Identity>>,
    /// In their place, or beside them.
    pub managed: Option<Arc<Managed>>,
    pub client: Option<ClientTerms>,
    /// Whether HTTP/2 is offered.
    pub http2: bool,
}

/// Which certificates clients are asked for.
#[derive(Clone, Debug)]
pub struct ClientTerms {
    pub authorities: Arc<Authorities>,
    pub required: bool,
}

/// A site's terms as rustls takes them.
#[derive(Debug)]
pub struct Offer {
    config: Arc<ServerConfig>,
    shown: Arc<Shown>,
    audience: u64,
}

impl Offer {
    /// # Errors
    /// When they are of no use together, which says what.
    pub fn new(terms: &Terms, process: &Process) -> Result<Self, Error> {
        let builder =
            ServerConfig::builder_with_provider(provider()).with_protocol_versions(&[&TLS13, &TLS12])?;
        let (builder, audience) = match &terms.client {
            None => (builder.with_no_client_auth(), Audience::Everybody),
            Some(client) => {
                let audience = Audience::Certified {
                    authorities: Arc::clone(&client.authorities),
                    required: client.required,
                };
                (builder.with_client_cert_verifier(verifier(client)?), audience)
            }
        };
        let shown = Arc::new(Shown::new(terms));
        let mut config = builder.with_cert_resolver(Arc::clone(&shown) as Arc<dyn ResolvesServerCert>);
        config.alpn_protocols = protocols(terms);
        let audience = process.audience(&audience)?;
        config.ticketer = audience.tickets;
        // Ours is an order that somebody has thought about.
        config.ignore_client_order = true;
        // Tickets serve both versions, and hold nothing here.
        config.session_storage = Arc::new(NoServerSessionStorage {});
        config.key_log = Arc::clone(process.key_log());
        Ok(Self { config: Arc::new(config), shown, audience: audience.id })
    }

    /// Which clients come in by it: the same number for all offers that ask the same of them.
    pub const fn audience(&self) -> u64 {
        self.audience
    }

    pub(super) fn config(&self) -> &Arc<ServerConfig> {
        &self.config
    }

    /// Whether there is anything to show a client.
    pub(super) fn has_identity(&self) -> bool {
        !self.shown.identities.is_empty()
            || self.shown.managed.as_ref().is_some_and(|managed| managed.identity().is_some())
    }

    /// Why not, where that is known.
    pub(super) fn trouble(&self) -> Option<String> {
        self.shown.managed.as_ref()?.trouble()
    }
}

fn verifier(client: &ClientTerms) -> Result<Arc<dyn rustls::server::danger::ClientCertVerifier>, Error> {
    let roots = Arc::clone(client.authorities.roots());
    let builder = WebPkiClientVerifier::builder_with_provider(roots, provider());
    let builder = if client.required { builder } else { builder.allow_unauthenticated() };
    builder.build().map_err(|error| Error::General(error.to_string()))
}

fn protocols(terms: &Terms) -> Vec<Vec<u8>> {
    let http2 = terms.http2.then_some(HTTP_2);
    let acme = terms.managed.is_some().then_some(ACME);
    let http1: [&[u8]; 2] = [b"http/1.1", b"http/1.0"];
    http2.into_iter().chain(http1).chain(acme).map(<[u8]>::to_vec).collect()
}

/// The certificates of one site.
#[derive(Debug)]
struct Shown {
    /// Those with short signatures first.
    identities: Vec<Arc<Identity>>,
    managed: Option<Arc<Managed>>,
}

impl Shown {
    fn new(terms: &Terms) -> Self {
        let mut identities = terms.identities.clone();
        identities.sort_by_key(|identity| identity.kind);
        Self { identities, managed: terms.managed.clone() }
    }
}

impl ResolvesServerCert for Shown {
    /// The first whose signature the client can check.
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        if is_challenge(&hello) {
            let identity = self.managed.as_ref()?.challenge(hello.server_name()?)?;
            return Some(Arc::clone(identity.certified()));
        }
        let managed = self.managed.as_ref().and_then(|managed| managed.identity());
        let mut all = self.identities.iter().chain(&managed);
        let fits = |identity: &&Arc<Identity>| {
            identity.certified().key.choose_scheme(hello.signature_schemes()).is_some()
        };
        all.find(fits).map(|identity| Arc::clone(identity.certified()))
    }
}

/// An authority offers that protocol alone (RFC 8737 3).
pub(super) fn is_challenge(hello: &ClientHello<'_>) -> bool {
    hello.alpn().is_some_and(|mut offered| offered.next() == Some(ACME) && offered.next().is_none())
}
