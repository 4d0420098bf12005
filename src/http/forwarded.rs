//! Who the client is, behind trusted proxies.

use std::net::IpAddr;

use ::http::HeaderName;
use ipnet::IpNet;

use super::chain::{Hop, parse_scheme, read_chain};
use super::{Client, Connection, Fields};
use crate::net::ClientAddr;

pub const X_FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");

/// Whose forwarding headers are believed.
#[derive(Clone, Debug, Default)]
pub struct TrustedProxies {
    pub networks: Vec<IpNet>,
    /// `"unix:"`: peers on Unix listeners.
    pub unix: bool,
}

impl TrustedProxies {
    pub fn trusts(&self, peer: &ClientAddr) -> bool {
        peer.ip().map_or(self.unix, |ip| self.trusts_ip(ip))
    }

    fn trusts_ip(&self, ip: IpAddr) -> bool {
        self.networks.iter().any(|network| network.contains(&ip))
    }
}

impl Client {
    /// The peer; or, where that is a trusted proxy, the nearest hop that is none. If all are, the
    /// farthest.
    pub fn resolve(connection: &Connection, headers: &Fields, trusted: &TrustedProxies) -> Self {
        let peer = Self {
            ip: connection.peer.ip(),
            port: connection.peer.port(),
            peer_trusted: trusted.trusts(&connection.peer),
            scheme: connection.scheme,
        };
        if !peer.peer_trusted {
            return peer;
        }
        let chain = read_chain(headers);
        let hop = chain.iter().find(|hop| !trusted.trusts_ip(hop.ip)).or(chain.last());
        let said = headers.get_single(X_FORWARDED_PROTO).and_then(|value| parse_scheme(value.as_bytes()));
        let scheme = said.or(hop.and_then(|hop| hop.scheme)).unwrap_or(peer.scheme);
        match hop {
            Some(Hop { ip, port, .. }) => Self { ip: Some(*ip), port: *port, scheme, ..peer },
            None => Self { scheme, ..peer },
        }
    }
}

#[cfg(test)]
mod tests {
    use std::rc::Rc;

    use super::super::Scheme;
    use super::super::testing::request_with;
    use super::*;

    fn trusted(networks: &[&str]) -> TrustedProxies {
        TrustedProxies { networks: networks.iter().map(|text| text.parse().unwrap()).collect(), unix: false }
    }

    /// The client of a request whose peer is 192.0.2.7.
    fn client(networks: &[&str], fields: &[(&str, &str)]) -> (String, Scheme) {
        let request = request_with("/", fields);
        let client = Client::resolve(&request.connection, &request.headers, &trusted(networks));
        (client.ip.unwrap().to_string(), client.scheme)
    }

    #[test]
    fn an_untrusted_peer_is_the_client() {
        let fields =
            [("x-forwarded-for", "1.1.1.1"), ("x-forwarded-proto", "https"), ("forwarded", "for=2.2.2.2")];
        assert_eq!(client(&[], &fields), ("192.0.2.7".into(), Scheme::Http));
        assert_eq!(client(&["10.0.0.0/8"], &fields), ("192.0.2.7".into(), Scheme::Http));
    }

    #[test]
    fn the_nearest_untrusted_hop_is_the_client() {
        let networks = ["192.0.2.0/24", "10.0.0.0/8"];
        for (chain, ip) in [
            ("1.1.1.1", "1.1.1.1"),
            ("6.6.6.6, 1.1.1.1", "1.1.1.1"),
            ("6.6.6.6, 1.1.1.1, 10.0.0.1", "1.1.1.1"),
            ("10.0.0.3, 10.0.0.1", "10.0.0.3"),
            ("6.6.6.6, nonsense, 10.0.0.1", "10.0.0.1"),
            ("nonsense", "192.0.2.7"),
            ("::ffff:1.1.1.1", "1.1.1.1"),
        ] {
            assert_eq!(client(&networks, &[("x-forwarded-for", chain)]).0, ip, "{chain}");
        }
        let both = [("x-forwarded-for", "1.1.1.1"), ("forwarded", "for=2.2.2.2")];
        assert_eq!(client(&networks, &both).0, "1.1.1.1");
        assert_eq!(client(&networks, &both[1..]).0, "2.2.2.2");
    }

    #[test]
    fn the_scheme_is_believed_of_one_clear_value() {
        let scheme = |fields: &[(&str, &str)]| client(&["192.0.2.7/32"], fields).1;
        assert_eq!(scheme(&[("x-forwarded-proto", "HTTPS")]), Scheme::Https);
        assert_eq!(scheme(&[("forwarded", "for=1.1.1.1;proto=https")]), Scheme::Https);
        for faulty in ["https, http", "https,https", "wss", "", "on"] {
            assert_eq!(scheme(&[("x-forwarded-proto", faulty)]), Scheme::Http, "{faulty}");
        }
        assert_eq!(scheme(&[("x-forwarded-proto", "https"), ("x-forwarded-proto", "https")]), Scheme::Http);
    }

    #[test]
    fn a_peer_on_a_unix_socket_is_trusted_by_its_own_word() {
        let request = request_with("/", &[("x-forwarded-for", "1.1.1.1")]);
        let connection = Connection {
            peer: ClientAddr::Unix,
            local: None,
            scheme: Scheme::Http,
            secured: None,
            listener: Rc::clone(&request.connection.listener),
        };
        let resolve = |unix| {
            let trusted = TrustedProxies { networks: vec!["0.0.0.0/0".parse().unwrap()], unix };
            Client::resolve(&connection, &request.headers, &trusted).ip
        };
        assert_eq!(resolve(false), None);
        assert_eq!(resolve(true), Some("1.1.1.1".parse().unwrap()));
    }
}
