//! What all listeners of the process share, whatever configuration is in force.

use std::fmt::{self, Write as _};
use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::server::ProducesTickets;
use rustls::{CipherSuite, KeyLog, NoKeyLog};

use super::{Authorities, ManagedIdentities};

/// Session tickets and identities that outlast a configuration.
#[derive(Debug)]
pub struct Process {
    audiences: Mutex<Audiences>,
    key_log: Arc<dyn KeyLog>,
    identities: Arc<ManagedIdentities>,
}

/// Those that there have been lately.
#[derive(Debug, Default)]
struct Audiences {
    last: u64,
    known: Vec<Known>,
}

/// Who proved the same can resume each other's sessions, and none of anybody else.
#[derive(Clone, Debug)]
pub(super) struct Known {
    audience: Audience,
    /// Never that of another one.
    pub id: u64,
    pub tickets: Arc<dyn ProducesTickets>,
}

/// Who may resume a session: only clients that had to prove the same (CVE-2025-23419).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Audience {
    Everybody,
    /// Who has a certificate of these, if all have to.
    Certified {
        authorities: Arc<Authorities>,
        required: bool,
    },
}

/// As many policies for clients are remembered. Those of configurations long gone need no tickets.
const AUDIENCES: usize = 64;

impl Default for Process {
    fn default() -> Self {
        Self { audiences: Mutex::default(), key_log: Arc::new(NoKeyLog), identities: Arc::default() }
    }
}

impl Process {
    /// With session secrets written to `key_log`, if anybody is to read along.
    ///
    /// # Errors
    /// When that file cannot be opened.
    pub fn new(key_log: Option<&Path>) -> io::Result<Self> {
        let key_log: Arc<dyn KeyLog> = match key_log {
            Some(file) => Arc::new(KeyFile::open(file)?),
            None => Arc::new(NoKeyLog),
        };
        Ok(Self { audiences: Mutex::default(), key_log, identities: Arc::default() })
    }

    /// Those that an authority signs while the server runs.
    pub fn identities(&self) -> &Arc<ManagedIdentities> {
        &self.identities
    }

    pub(super) fn key_log(&self) -> &Arc<dyn KeyLog> {
        &self.key_log
    }

    /// What is kept of an audience: the keys of its session tickets are the same in all event loops, new ones come
    /// every few hours, and they are never written anywhere.
    pub(super) fn audience(&self, audience: &Audience) -> Result<Known, rustls::Error> {
        let mut audiences = self.audiences.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = audiences.known.iter().find(|known| known.audience == *audience) {
            return Ok(known.clone());
        }
        audiences.last += 1;
        let tickets = aws_lc_rs::Ticketer::new()?;
        let known = Known { audience: audience.clone(), id: audiences.last, tickets };
        if audiences.known.len() >= AUDIENCES {
            audiences.known.remove(0);
        }
        audiences.known.push(known.clone());
        Ok(known)
    }
}

/// The cryptography of all connections.
pub(super) fn provider() -> Arc<CryptoProvider> {
    static PROVIDER: OnceLock<Arc<CryptoProvider>> = OnceLock::new();
    Arc::clone(PROVIDER.get_or_init(|| {
        let mut provider = aws_lc_rs::default_provider();
        // Both are strong for long; the shorter key is less work for either side.
        provider.cipher_suites.sort_by_key(|suite| !is_aes_128(suite.suite()));
        Arc::new(provider)
    }))
}

const fn is_aes_128(suite: CipherSuite) -> bool {
    matches!(
        suite,
        CipherSuite::TLS13_AES_128_GCM_SHA256
            | CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256
            | CipherSuite::TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256
    )
}

/// Secrets of sessions, in the format of NSS's key log (draft-ietf-tls-keylogfile).
struct KeyFile(Mutex<File>);

impl KeyFile {
    fn open(file: &Path) -> io::Result<Self> {
        OpenOptions::new().append(true).create(true).mode(0o600).open(file).map(Mutex::new).map(Self)
    }
}

impl KeyLog for KeyFile {
    fn log(&self, label: &str, client_random: &[u8], secret: &[u8]) {
        let mut line = format!("{label} ");
        for (bytes, end) in [(client_random, ' '), (secret, '\n')] {
            for byte in bytes {
                // A text takes whatever is written to it.
                let _ = write!(line, "{byte:02x}");
            }
            line.push(end);
        }
        let mut file = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // Who reads along misses a session: no reason to refuse the client.
        let _ = file.write_all(line.as_bytes());
    }
}

impl fmt::Debug for KeyFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("KeyFile")
    }
}
