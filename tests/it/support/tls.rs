//! A client that agrees on keys, and says how.

use std::io::{self, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::{
    ClientConfig, ClientConnection, DigitallySignedStruct, RootCertStore, SignatureScheme, StreamOwned,
    SupportedProtocolVersion,
};

use super::{PATIENCE, repository};

/// How a client speaks TLS. Sessions are resumed by clones of the same.
#[derive(Clone, Debug)]
pub struct Tls {
    config: Arc<ClientConfig>,
    name: String,
}

/// A file of `static_fixtures/tls`.
pub fn fixture(name: &str) -> String {
    repository(format!("static_fixtures/tls/{name}")).display().to_string()
}

/// The lines of `[site.tls]` for one of the fixtures' certificates.
pub fn identity(name: &str) -> String {
    format!("cert = \"{}\"\nkey = \"{}\"\n", fixture(&format!("{name}.pem")), fixture(&format!("{name}.key")))
}

/// How one that is made anew differs from any other.
#[derive(Default)]
pub struct Options<'a> {
    pub versions: Option<&'a [&'static SupportedProtocolVersion]>,
    pub schemes: Option<Vec<SignatureScheme>>,
    pub protocols: &'a [&'a str],
    /// A certificate of the fixtures to show.
    pub certificate: Option<&'a str>,
    /// Any certificate will do.
    pub trusting: bool,
}

impl Tls {
    /// Asks for that name, and believes the fixtures' authority.
    pub fn to(name: &str) -> Self {
        Self::with(name, Options::default())
    }

    pub fn with(name: &str, options: Options<'_>) -> Self {
        let provider = Arc::new(aws_lc_rs::default_provider());
        let builder = ClientConfig::builder_with_provider(Arc::clone(&provider));
        let versions = options.versions.unwrap_or(rustls::ALL_VERSIONS);
        let builder = builder.with_protocol_versions(versions).unwrap();
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_file(fixture("ca.pem")).unwrap()).unwrap();
        let builder = builder.with_root_certificates(roots);
        let mut config = match options.certificate {
            None => builder.with_no_client_auth(),
            Some(file) => {
                let chain = CertificateDer::pem_file_iter(fixture(&format!("{file}.pem"))).unwrap();
                let key = PrivateKeyDer::from_pem_file(fixture(&format!("{file}.key"))).unwrap();
                builder.with_client_auth_cert(chain.map(Result::unwrap).collect(), key).unwrap()
            }
        };
        if options.trusting || options.schemes.is_some() {
            let schemes = options.schemes.unwrap_or_else(|| all_schemes(&provider));
            config.dangerous().set_certificate_verifier(Arc::new(Trusting { provider, schemes }));
        }
        config.alpn_protocols = options.protocols.iter().map(|name| name.as_bytes().to_vec()).collect();
        Self { config: Arc::new(config), name: name.to_owned() }
    }

    /// The same to another name, with the same sessions.
    pub fn named(&self, name: &str) -> Self {
        Self { config: Arc::clone(&self.config), name: name.to_owned() }
    }

    /// A connection with agreed keys, or what went wrong with them.
    pub fn connect(&self, addr: SocketAddr) -> io::Result<StreamOwned<ClientConnection, TcpStream>> {
        let socket = TcpStream::connect(addr)?;
        socket.set_read_timeout(Some(PATIENCE))?;
        socket.set_write_timeout(Some(PATIENCE))?;
        let name = ServerName::try_from(self.name.clone()).unwrap();
        let session = ClientConnection::new(Arc::clone(&self.config), name).map_err(io::Error::other)?;
        let mut stream = StreamOwned::new(session, socket);
        while stream.conn.is_handshaking() {
            stream.conn.complete_io(&mut stream.sock)?;
        }
        stream.flush()?;
        Ok(stream)
    }
}

fn all_schemes(provider: &CryptoProvider) -> Vec<SignatureScheme> {
    provider.signature_verification_algorithms.supported_schemes()
}

/// Checks signatures, but not who made them.
#[derive(Debug)]
struct Trusting {
    provider: Arc<CryptoProvider>,
    schemes: Vec<SignatureScheme>,
}

impl ServerCertVerifier for Trusting {
    fn verify_server_cert(
        &self,
        _end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let known = &self.provider.signature_verification_algorithms;
        rustls::crypto::verify_tls12_signature(message, cert, signature, known)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let known = &self.provider.signature_verification_algorithms;
        rustls::crypto::verify_tls13_signature(message, cert, signature, known)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.schemes.clone()
    }
}
