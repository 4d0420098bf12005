//! Who the client is, behind trusted proxies.

use ipnet::IpNet;

/// Whose forwarding headers are believed.
#[derive(Clone, Debug, Default)]
pub struct TrustedProxies {
    pub networks: Vec<IpNet>,
    /// `"unix:"`: peers on Unix listeners.
    pub unix: bool,
}
