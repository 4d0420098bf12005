//! Whom we believe where we are the client ourselves.

use std::error::Error;
use std::io;

use rustls::{CertificateError, ClientConfig};

use super::Authorities;
use super::client::roots;
use super::process::provider;

/// For connections to whom these authorities vouch for; `None` is whom the system trusts. Reads files.
///
/// # Errors
/// When the system trusts nobody.
pub fn client_config(authorities: Option<&Authorities>) -> io::Result<ClientConfig> {
    let roots = roots(authorities).map_err(io::Error::other)?;
    let builder = ClientConfig::builder_with_provider(provider());
    let builder = builder.with_safe_default_protocol_versions().map_err(io::Error::other)?;
    Ok(builder.with_root_certificates(roots).with_no_client_auth())
}

/// Whether a connection failed since a certificate is not valid yet, or no longer: it may be our clock.
pub fn is_about_time(error: &(dyn Error + 'static)) -> bool {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(rustls::Error::InvalidCertificate(why)) = error.downcast_ref() {
            return matches!(
                why,
                CertificateError::Expired
                    | CertificateError::ExpiredContext { .. }
                    | CertificateError::NotValidYet
                    | CertificateError::NotValidYetContext { .. }
            );
        }
        // The cause of what was wrapped by it is not what was wrapped.
        let wrapped = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
        next = wrapped.map(|wrapped| wrapped as &(dyn Error + 'static)).or_else(|| error.source());
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_certificate_out_of_its_time_is_found_behind_what_wraps_it() {
        let wrap = |why| io::Error::other(io::Error::other(rustls::Error::InvalidCertificate(why)));
        assert!(is_about_time(&wrap(CertificateError::NotValidYet)));
        assert!(is_about_time(&wrap(CertificateError::Expired)));
        assert!(!is_about_time(&wrap(CertificateError::UnknownIssuer)));
        assert!(!is_about_time(&io::Error::other("expired")));
    }
}
