//! What was agreed on with a client.

use std::fmt::Write as _;

use rustls::pki_types::CertificateDer;
use rustls::{CipherSuite, CommonState, HandshakeKind, ProtocolVersion};
use x509_parser::prelude::{FromDer, X509Certificate, X509Name};

use super::offer::ACME;

/// What was agreed on with a client, and who it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Agreement {
    /// As OpenSSL calls it.
    pub protocol: &'static str,
    /// As OpenSSL calls it.
    pub cipher: &'static str,
    /// Whom the client asked for, lower case.
    pub server_name: Option<Box<str>>,
    pub application: Application,
    /// What was asked of it ([`super::Offer::audience`]).
    pub audience: u64,
    /// Whether keys of an earlier connection were used.
    pub is_resumed: bool,
    /// Of the certificate that the client has proven to be its own (RFC 4514).
    pub client_subject: Option<Box<str>>,
}

/// What is spoken next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Application {
    Http1,
    Http2,
    /// Nothing: an authority has seen what it wanted to see (RFC 8737).
    Challenge,
}

impl Agreement {
    pub(super) fn of(common: &CommonState, server_name: Option<Box<str>>, audience: u64) -> Self {
        let application = match common.alpn_protocol() {
            Some(b"h2") => Application::Http2,
            Some(ACME) => Application::Challenge,
            _ => Application::Http1,
        };
        let shown = common.peer_certificates().and_then(<[_]>::first);
        Self {
            protocol: protocol(common.protocol_version()),
            cipher: common.negotiated_cipher_suite().map_or("", |suite| cipher(suite.suite())),
            server_name,
            application,
            audience,
            is_resumed: common.handshake_kind() == Some(HandshakeKind::Resumed),
            client_subject: shown.map(subject),
        }
    }
}

fn protocol(version: Option<ProtocolVersion>) -> &'static str {
    match version {
        Some(ProtocolVersion::TLSv1_3) => "TLSv1.3",
        Some(ProtocolVersion::TLSv1_2) => "TLSv1.2",
        _ => "",
    }
}

fn cipher(suite: CipherSuite) -> &'static str {
    match suite {
        CipherSuite::TLS13_AES_128_GCM_SHA256 => "TLS_AES_128_GCM_SHA256",
        CipherSuite::TLS13_AES_256_GCM_SHA384 => "TLS_AES_256_GCM_SHA384",
        CipherSuite::TLS13_CHACHA20_POLY1305_SHA256 => "TLS_CHACHA20_POLY1305_SHA256",
        CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256 => "ECDHE-ECDSA-AES128-GCM-SHA256",
        CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384 => "ECDHE-ECDSA-AES256-GCM-SHA384",
        CipherSuite::TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256 => "ECDHE-ECDSA-CHACHA20-POLY1305",
        CipherSuite::TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256 => "ECDHE-RSA-AES128-GCM-SHA256",
        CipherSuite::TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384 => "ECDHE-RSA-AES256-GCM-SHA384",
        CipherSuite::TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256 => "ECDHE-RSA-CHACHA20-POLY1305",
        other => other.as_str().unwrap_or(""),
    }
}

fn subject(certificate: &CertificateDer<'_>) -> Box<str> {
    // What was verified can be read.
    let Ok((_, certificate)) = X509Certificate::from_der(certificate) else { return Box::default() };
    distinguished_name(certificate.subject()).into()
}

/// The name by RFC 4514: from the last part to the first, as in nginx's `$ssl_client_s_dn`.
fn distinguished_name(name: &X509Name<'_>) -> String {
    let parts: Vec<_> = name.iter_rdn().collect();
    let parts = parts.into_iter().rev().map(|part| {
        let attributes = part.iter().map(|attribute| {
            let kind = attribute.attr_type();
            let known = x509_parser::objects::oid2abbrev(kind, x509_parser::objects::oid_registry());
            let kind = known.map_or_else(|_| kind.to_id_string(), ToOwned::to_owned);
            format!("{kind}={}", escaped(attribute.as_str().unwrap_or_default()))
        });
        attributes.collect::<Vec<_>>().join("+")
    });
    parts.collect::<Vec<_>>().join(",")
}

/// RFC 4514 2.4: what separates parts, and spaces at either end. Nothing that could end a header's line is kept.
fn escaped(value: &str) -> String {
    let last = value.chars().count().saturating_sub(1);
    let mut out = String::with_capacity(value.len());
    for (index, c) in value.chars().enumerate() {
        match c {
            '"' | '+' | ',' | ';' | '<' | '>' | '\\' => out.extend(['\\', c]),
            ' ' if index == 0 || index == last => out.push_str("\\ "),
            '#' if index == 0 => out.push_str("\\#"),
            c if c.is_control() || !c.is_ascii() => {
                let mut bytes = [0; 4];
                for byte in c.encode_utf8(&mut bytes).bytes() {
                    // A text takes whatever is written to it.
                    let _ = write!(out, "\\{byte:02X}");
                }
            }
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_separates_parts_of_a_name_is_escaped() {
        assert_eq!(escaped("a, b"), "a\\, b");
        assert_eq!(escaped(" a "), "\\ a\\ ");
        assert_eq!(escaped("#1"), "\\#1");
        assert_eq!(escaped("a\r\nX: y"), "a\\0D\\0AX: y");
        assert_eq!(escaped("ü"), "\\C3\\BC");
    }
}
