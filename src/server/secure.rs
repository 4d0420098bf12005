//! Connections of a listener with TLS, until keys are agreed on.

use std::net::{IpAddr, SocketAddr};
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::io::Io;
use super::refusal;
use crate::http::{ClientCertificate, Scheme, Secured};
use crate::net::Stream;
use crate::observe::{Handshake, Seldom, Shard};
use crate::tls::{Acceptor, Agreement, Application, Refusal};

/// What to say of refused clients, now and then.
#[derive(Debug, Default)]
pub(super) struct Complaints {
    no_identity: Seldom,
    unknown_name: Seldom,
}

/// A connection that can be spoken on.
pub(super) struct Agreed {
    pub stream: Stream,
    pub scheme: Scheme,
    pub secured: Option<Box<Secured>>,
    pub application: Application,
}

impl Agreed {
    pub fn plain(stream: Stream) -> Self {
        Self { stream, scheme: Scheme::Http, secured: None, application: Application::Http1 }
    }

    fn of(stream: Stream, agreement: Agreement) -> Self {
        let Agreement { protocol, cipher, server_name, application, audience, client_subject, .. } =
            agreement;
        let client = client_subject.map(|subject| ClientCertificate { subject });
        let secured = Secured { protocol, cipher, server_name, audience, client };
        Self { stream, scheme: Scheme::Https, secured: Some(Box::new(secured)), application }
    }
}

/// Agrees on keys with a client, within `limit`. `None` if it does not come to that: the client has been told.
pub(super) async fn agree(
    stream: Stream,
    local: Option<SocketAddr>,
    acceptor: Arc<Acceptor>,
    limit: Duration,
    (complaints, counts): (&Complaints, &Shard),
) -> Option<Agreed> {
    let address: Option<IpAddr> = local.map(|local| local.ip().to_canonical());
    let accepted = tokio::time::timeout(limit, acceptor.accept(stream, address)).await;
    counts.handshake(match &accepted {
        Ok(Ok((_, agreement))) if agreement.is_resumed => Handshake::Resumed,
        Ok(Ok(_)) => Handshake::Full,
        _ => Handshake::Failed,
    });
    match accepted {
        Ok(Ok((_, Agreement { application: Application::Challenge, server_name, .. }))) => {
            let name = server_name.unwrap_or_default();
            tracing::info!("an authority has seen the challenge of {name}");
            None
        }
        Ok(Ok((stream, agreement))) => Some(Agreed::of(stream, agreement)),
        Ok(Err(refusal)) => {
            complaints.tell(&refusal);
            if let Refusal::PlainHttp(stream) = refusal {
                refusal::answer_plain(&stream);
                refusal::linger(Io::new(stream)).await;
            }
            None
        }
        Err(_) => {
            tracing::debug!("a TLS handshake was not over after {limit:?}");
            None
        }
    }
}

impl Complaints {
    /// What clients do wrong is theirs to know, and the world is full of scanners. What is ours is told.
    fn tell(&self, refusal: &Refusal) {
        let now = Instant::now();
        match refusal {
            Refusal::NoIdentity { .. } => {
                if let Some(count) = self.no_identity.count(now) {
                    let remedy = "look above for what `acme` says of it";
                    tracing::error!(count, remedy, "TLS refused: {refusal}");
                }
            }
            Refusal::UnknownName(_) | Refusal::NoName => {
                if let Some(count) = self.unknown_name.count(now) {
                    let remedy = "add the name to `hosts` of a site with `listen_tls`, or leave `hosts` out \
                                  of one: it is then for everybody";
                    tracing::info!(count, remedy, "TLS refused: {refusal}");
                }
            }
            Refusal::PlainHttp(_) | Refusal::NotTls | Refusal::Failed(_) => {
                tracing::debug!("TLS refused: {refusal}");
            }
        }
    }
}

/// The acceptor of a listener in one event loop; none where it speaks plain HTTP.
pub(super) type Current = Rc<std::cell::RefCell<Option<Arc<Acceptor>>>>;
