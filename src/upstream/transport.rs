//! What connections to the servers of an upstream are made of.

/// How servers are spoken to, beneath the requests.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Transport {
    /// Whether requests share connections, by HTTP/2 known beforehand (RFC 9113 3.3).
    pub http2: bool,
}
