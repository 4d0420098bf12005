//! Addresses, each named for the side it is on, so that none is ever a bare `SocketAddr`.

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::str::FromStr;

/// Where rproxy listens for clients.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ListenAddr {
    /// Every address of the machine, IPv4 and IPv6 by one dual-stack socket: written `":80"`.
    Any(u16),
    /// One address: `"127.0.0.1:8080"`, `"[::]:80"` (IPv6 only, as in nginx).
    Tcp(SocketAddr),
    /// A Unix socket: `"unix:/run/rproxy.sock"`.
    Unix(PathBuf),
}

impl ListenAddr {
    /// The TCP port, if there is one.
    pub fn port(&self) -> Option<u16> {
        match self {
            Self::Any(port) => Some(*port),
            Self::Tcp(addr) => Some(addr.port()),
            Self::Unix(_) => None,
        }
    }
}

impl FromStr for ListenAddr {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if let Some(path) = text.strip_prefix("unix:") {
            return unix_path(path).map(Self::Unix);
        }
        if let Some(port) = text.strip_prefix(':') {
            return parse_port(port).map(Self::Any);
        }
        if let Some(port) = text.strip_prefix("*:") {
            return parse_port(port).map(Self::Any);
        }
        text.parse::<SocketAddr>().map(Self::Tcp).map_err(|_| listen_help(text))
    }
}

impl fmt::Display for ListenAddr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Any(port) => write!(f, ":{port}"),
            Self::Tcp(addr) => write!(f, "{addr}"),
            Self::Unix(path) => write!(f, "unix:{}", path.display()),
        }
    }
}

/// Who is on the other end of a client connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClientAddr {
    Tcp(SocketAddr),
    /// A peer on a Unix socket has no address.
    Unix,
}

impl ClientAddr {
    /// The peer's address, with IPv4-mapped IPv6 addresses of dual-stack sockets written as IPv4.
    pub fn ip(&self) -> Option<IpAddr> {
        match self {
            Self::Tcp(addr) => Some(addr.ip().to_canonical()),
            Self::Unix => None,
        }
    }

    pub fn port(&self) -> Option<u16> {
        match self {
            Self::Tcp(addr) => Some(addr.port()),
            Self::Unix => None,
        }
    }
}

impl fmt::Display for ClientAddr {
    /// As in nginx's `$remote_addr`: the address without its port, or `unix:`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.ip() {
            Some(ip) => write!(f, "{ip}"),
            None => f.write_str("unix:"),
        }
    }
}

/// Writes an address as text. Each request has it written two or three times, and going by `Display`
/// would take a twentieth of all its instructions.
pub fn write_ip(out: &mut Vec<u8>, ip: IpAddr) {
    match ip {
        IpAddr::V4(ip) => {
            let [first, rest @ ..] = ip.octets();
            out.extend_from_slice(itoa::Buffer::new().format(first).as_bytes());
            for octet in rest {
                out.push(b'.');
                out.extend_from_slice(itoa::Buffer::new().format(octet).as_bytes());
            }
        }
        IpAddr::V6(ip) => out.extend_from_slice(ip.to_string().as_bytes()),
    }
}

/// Where one server of an upstream is found.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum UpstreamAddr {
    Tcp(SocketAddr),
    /// A name to be resolved at run time: `"app.internal:8000"`.
    Name {
        host: String,
        port: u16,
    },
    Unix(PathBuf),
}

impl UpstreamAddr {
    /// The Unix socket's path, if it is one.
    pub fn unix_path(&self) -> Option<&Path> {
        match self {
            Self::Unix(path) => Some(path),
            Self::Tcp(_) | Self::Name { .. } => None,
        }
    }
}

impl FromStr for UpstreamAddr {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if let Some(path) = text.strip_prefix("unix:") {
            return unix_path(path).map(Self::Unix);
        }
        if let Ok(addr) = text.parse::<SocketAddr>() {
            return nonzero(addr.port()).map(|_| Self::Tcp(addr));
        }
        let (host, port) = text.rsplit_once(':').ok_or_else(|| upstream_help(text))?;
        if !is_host_name(host) {
            return Err(upstream_help(text));
        }
        let port = parse_port(port).and_then(nonzero)?;
        Ok(Self::Name { host: host.to_ascii_lowercase(), port })
    }
}

impl fmt::Display for UpstreamAddr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(addr) => write!(f, "{addr}"),
            Self::Name { host, port } => write!(f, "{host}:{port}"),
            Self::Unix(path) => write!(f, "unix:{}", path.display()),
        }
    }
}

/// `sun_path` of `sockaddr_un(7)` holds 108 bytes with its closing NUL.
const UNIX_PATH_MAX: usize = 107;

fn unix_path(path: &str) -> Result<PathBuf, String> {
    if path.is_empty() {
        return Err("`unix:` is followed by the path of a socket, like `unix:/run/app.sock`".into());
    }
    if path.len() > UNIX_PATH_MAX {
        return Err(format!(
            "the socket's path has {} bytes, but the kernel takes {UNIX_PATH_MAX} at most",
            path.len()
        ));
    }
    Ok(PathBuf::from(path))
}

fn parse_port(text: &str) -> Result<u16, String> {
    if text.is_empty() || !text.bytes().all(|b| b.is_ascii_digit()) {
        return Err(format!("`{text}` is not a port number"));
    }
    text.parse().map_err(|_| format!("port {text} is out of range: ports go up to 65535"))
}

fn nonzero(port: u16) -> Result<u16, String> {
    if port == 0 { Err("port 0 cannot be connected to".into()) } else { Ok(port) }
}

/// RFC 1123 host names, with the underscore that container networks use.
fn is_host_name(host: &str) -> bool {
    !host.is_empty()
        && host.len() <= 253
        && host.split('.').all(|label| {
            !label.is_empty()
                && label.len() <= 63
                && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
        })
        && !host.rsplit('.').next().is_some_and(|last| last.bytes().all(|b| b.is_ascii_digit()))
}

fn listen_help(text: &str) -> String {
    format!(
        "`{text}` is not an address to listen on; write \"ip:port\", \"[::]:80\", \":80\" or \"unix:/path\""
    )
}

fn upstream_help(text: &str) -> String {
    format!(
        "`{text}` is not a server's address; write \"ip:port\", \"[::1]:8000\", \"name:8000\" or \"unix:/path\""
    )
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn addresses_are_written_as_they_are_displayed(ip: IpAddr) {
            let mut text = Vec::new();
            write_ip(&mut text, ip);
            prop_assert_eq!(text, ip.to_string().into_bytes());
        }
    }
}
