//! What connections to the servers of an upstream are made of.

use std::sync::Arc;

use ::http::uri::Scheme;

use crate::tls::Client;

/// How servers are spoken to, beneath the requests.
#[derive(Clone, Debug, Default)]
pub struct Transport {
    /// Whether requests share connections, by HTTP/2 known beforehand (RFC 9113 3.3).
    pub http2: bool,
    /// `None` is in the clear.
    pub tls: Option<Arc<Client>>,
}

impl Transport {
    /// Of what is asked for, where the protocol wants it said (RFC 9113 8.3.1).
    pub(super) fn scheme(&self) -> Scheme {
        if self.tls.is_some() { Scheme::HTTPS } else { Scheme::HTTP }
    }
}

impl PartialEq for Transport {
    /// Two that expect the same of servers but are not one have not met the same of them.
    fn eq(&self, other: &Self) -> bool {
        let tls = match (&self.tls, &other.tls) {
            (Some(tls), Some(other)) => Arc::ptr_eq(tls, other),
            (None, None) => true,
            _ => false,
        };
        self.http2 == other.http2 && tls
    }
}

impl Eq for Transport {}
