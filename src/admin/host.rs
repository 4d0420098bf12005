//! Which hosts the operator's door answers to.

use std::net::{Ipv4Addr, Ipv6Addr};

use ::http::Request;
use ::http::header::HOST;

/// Whether a request names its host by something that no name server can point here: an address, or
/// `localhost`. A page of another site whose name suddenly resolves to 127.0.0.1 names that site.
pub fn is_unforgeable<B>(request: &Request<B>) -> bool {
    let mut fields = request.headers().get_all(HOST).iter();
    let (Some(field), None) = (fields.next(), fields.next()) else { return false };
    let of_target = request.uri().authority().is_none_or(|authority| is_literal(authority.as_str()));
    of_target && field.to_str().is_ok_and(is_literal)
}

fn is_literal(authority: &str) -> bool {
    if let Some(rest) = authority.strip_prefix('[') {
        return rest.split_once(']').is_some_and(|(ip, port)| {
            ip.parse::<Ipv6Addr>().is_ok() && (port.is_empty() || port.strip_prefix(':').is_some_and(is_port))
        });
    }
    let (host, port) = authority.split_once(':').map_or((authority, None), |(host, port)| (host, Some(port)));
    let is_known = host.eq_ignore_ascii_case("localhost") || host.parse::<Ipv4Addr>().is_ok();
    is_known && port.is_none_or(is_port)
}

fn is_port(text: &str) -> bool {
    text.bytes().all(|b| b.is_ascii_digit()) && text.parse::<u16>().is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answered(target: &str, hosts: &[&str]) -> bool {
        let request = Request::builder().uri(target);
        let request = hosts.iter().fold(request, |request, host| request.header(HOST, *host));
        is_unforgeable(&request.body(()).unwrap())
    }

    #[test]
    fn addresses_and_localhost_are_answered() {
        for host in ["127.0.0.1", "127.0.0.1:9145", "LocalHost:80", "[::1]", "[::1]:9145", "10.1.2.3:1"] {
            assert!(answered("/", &[host]), "{host}");
        }
        assert!(answered("http://127.0.0.1:9145/", &["127.0.0.1:9145"]));
    }

    #[test]
    fn names_are_not() {
        for host in [
            "",
            "evil.example",
            "evil.example:9145",
            "localhost.evil.example",
            "127.0.0.1.evil.example",
            "127.0.0.1:80:80",
            "127.0.0.1:",
            "127.0.0.1:99999",
            "2130706433",
            "[::1].evil",
            "[evil]",
            "user@127.0.0.1",
        ] {
            assert!(!answered("/", &[host]), "{host}");
        }
        assert!(!answered("/", &[]));
        assert!(!answered("/", &["127.0.0.1", "127.0.0.1"]));
        assert!(!answered("http://evil.example/", &["127.0.0.1"]));
    }
}
