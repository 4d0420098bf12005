//! Whom this machine trusts.

use std::sync::{Arc, OnceLock};

use rustls::RootCertStore;

/// The certificates of the system's authorities, read once there are some: what is missing may be installed later.
///
/// # Errors
/// Why there are none.
pub(super) fn roots() -> Result<Arc<RootCertStore>, String> {
    static ROOTS: OnceLock<Arc<RootCertStore>> = OnceLock::new();
    match ROOTS.get() {
        Some(roots) => Ok(Arc::clone(roots)),
        None => load().map(|roots| Arc::clone(ROOTS.get_or_init(|| roots))),
    }
}

fn load() -> Result<Arc<RootCertStore>, String> {
    let found = rustls_native_certs::load_native_certs();
    let mut roots = RootCertStore::empty();
    // Some are of kinds that nobody can check any more.
    roots.add_parsable_certificates(found.certs);
    match found.errors.first() {
        _ if !roots.is_empty() => Ok(Arc::new(roots)),
        Some(error) => Err(error.to_string()),
        None => Err("there is none".into()),
    }
}
