//! The TLS side of a listener: whom a client asks for, and what is agreed on with it.

use std::collections::BTreeMap;
use std::fmt;
use std::future::poll_fn;
use std::io;
use std::net::IpAddr;
use std::sync::Arc;

use bytes::BytesMut;
use rustls::server::{Accepted, Acceptor as Greeting};

use super::offer::is_challenge;
use super::{Agreement, Offer};
use crate::net::{Stream, TlsStream};

/// A client's first words are some hundred bytes, with post-quantum keys two thousand.
const MAX_HELLO: usize = 64 * 1024;
const READ: usize = 4 * 1024;
/// The first byte of a handshake's record (RFC 8446 5.1).
const HANDSHAKE: u8 = 22;

type Choose = dyn Fn(&[u8]) -> Option<usize> + Send + Sync;

/// Agrees with clients on behalf of all sites of a listener.
pub struct Acceptor {
    /// The site of a host, lower case; of the empty one the default site.
    choose: Box<Choose>,
    /// By the site's index.
    offers: BTreeMap<usize, Arc<Offer>>,
}

impl fmt::Debug for Acceptor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Acceptor").field("sites", &self.offers.keys()).finish_non_exhaustive()
    }
}

/// Why a client does not come in.
#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    #[error("the client speaks plain HTTP where TLS is spoken")]
    PlainHttp(Stream),
    #[error("the client does not speak TLS")]
    NotTls,
    #[error("no site here is called `{0}`, and there is no default site")]
    UnknownName(Box<str>),
    #[error("the client does not say which site it wants, and there is no default site")]
    NoName,
    #[error("there is no certificate for `{name}` yet{}", .why.as_ref().map(|why| format!(": {why}")).unwrap_or_default())]
    NoIdentity { name: Box<str>, why: Option<String> },
    #[error("{0}")]
    Failed(io::Error),
}

impl From<io::Error> for Refusal {
    fn from(error: io::Error) -> Self {
        Self::Failed(error)
    }
}

/// Alerts that are sent before there is a session (RFC 8446 6).
#[derive(Clone, Copy)]
enum Alert {
    InternalError = 80,
    UnrecognizedName = 112,
}

impl Acceptor {
    pub fn new(
        offers: impl IntoIterator<Item = (usize, Arc<Offer>)>,
        choose: impl Fn(&[u8]) -> Option<usize> + Send + Sync + 'static,
    ) -> Self {
        Self { choose: Box::new(choose), offers: offers.into_iter().collect() }
    }

    /// Makes an encrypted stream of a plain one. `local` is where the client has come to.
    ///
    /// # Errors
    /// Why there is none. The client has been told, as far as it listens.
    pub async fn accept(
        &self,
        stream: Stream,
        local: Option<IpAddr>,
    ) -> Result<(Stream, Agreement), Refusal> {
        let mut read = BytesMut::new();
        let Some(accepted) = greet(&stream, &mut read).await? else { return Err(Refusal::PlainHttp(stream)) };
        let hello = accepted.client_hello();
        let name =
            hello.server_name().map(|name| name.trim_end_matches('.').to_ascii_lowercase().into_boxed_str());
        let offer = match self.offer(name.as_deref(), local) {
            Ok(offer) if offer.has_identity() || is_challenge(&hello) => offer,
            Ok(offer) => {
                tell(&stream, Alert::InternalError);
                let name = name.unwrap_or_else(|| "default site".into());
                return Err(Refusal::NoIdentity { name, why: offer.trouble() });
            }
            Err(refusal) => {
                tell(&stream, Alert::UnrecognizedName);
                return Err(refusal);
            }
        };
        drop(accepted);
        let tls = TlsStream::server(stream, Arc::clone(offer.config()), read)?;
        tls.handshake().await?;
        let agreement = tls.with_agreement(|common| Agreement::of(common, name, offer.audience()));
        Ok((Stream::Tls(Box::new(tls)), agreement))
    }

    /// What the site offers that a client asks for by name or, if it has none to ask for, by address.
    fn offer(&self, name: Option<&str>, local: Option<IpAddr>) -> Result<&Arc<Offer>, Refusal> {
        let address = local.map(host).unwrap_or_default();
        let site = (self.choose)(name.unwrap_or(&address).as_bytes());
        let offer = site.and_then(|site| self.offers.get(&site));
        offer.ok_or_else(|| name.map_or(Refusal::NoName, |name| Refusal::UnknownName(name.into())))
    }
}

/// An address as a site is called by it.
fn host(address: IpAddr) -> String {
    match address {
        IpAddr::V4(address) => address.to_string(),
        IpAddr::V6(address) => format!("[{address}]"),
    }
}

/// Reads a client's first words; `None` if they are HTTP's. What was read stays in `read`.
async fn greet(stream: &Stream, read: &mut BytesMut) -> Result<Option<Accepted>, Refusal> {
    let mut greeting = Greeting::default();
    loop {
        let before = read.len();
        if poll_fn(|cx| stream.poll_read(cx, read, READ)).await? == 0 {
            return Err(Refusal::Failed(io::ErrorKind::UnexpectedEof.into()));
        }
        match read.first() {
            Some(&HANDSHAKE) | None => {}
            Some(byte) if byte.is_ascii_uppercase() => return Ok(None),
            Some(_) => return Err(Refusal::NotTls),
        }
        if read.len() > MAX_HELLO {
            return Err(Refusal::NotTls);
        }
        let mut new = read.get(before..).unwrap_or_default();
        while !new.is_empty() {
            greeting.read_tls(&mut new)?;
            match greeting.accept() {
                Ok(None) => {}
                Ok(Some(accepted)) => return Ok(Some(accepted)),
                Err((error, mut alert)) => {
                    let mut bytes = Vec::new();
                    alert.write_all(&mut bytes)?;
                    let _ = stream.try_write(&bytes);
                    return Err(Refusal::Failed(io::Error::new(io::ErrorKind::InvalidData, error)));
                }
            }
        }
    }
}

/// A fatal alert in a record of its own. Who does not read it sees the end of the connection.
fn tell(stream: &Stream, alert: Alert) {
    let _ = stream.try_write(&[21, 3, 3, 0, 2, 2, alert as u8]);
}
