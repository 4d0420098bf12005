//! Whose signatures count.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;

use super::pem::{self, Problem};

/// Certificates of authorities, from one file.
#[derive(Clone, Debug)]
pub struct Authorities {
    pub file: PathBuf,
    certificates: Vec<CertificateDer<'static>>,
    roots: Arc<RootCertStore>,
}

impl Authorities {
    /// Reads them. An empty file would let nobody in, and a damaged one perhaps anybody: neither is taken.
    ///
    /// # Errors
    /// A file that cannot be read, or in which something is no certificate of an authority.
    pub fn load(file: &Path) -> Result<Self, Problem> {
        let certificates = pem::certificates(file)?;
        let mut roots = RootCertStore::empty();
        for (index, certificate) in certificates.iter().enumerate() {
            roots.add(certificate.clone()).map_err(|error| {
                Problem::new(file, format!("certificate {} cannot be an authority's: {error}", index + 1))
            })?;
        }
        Ok(Self { file: file.to_owned(), certificates, roots: Arc::new(roots) })
    }

    pub fn roots(&self) -> &Arc<RootCertStore> {
        &self.roots
    }
}

impl PartialEq for Authorities {
    fn eq(&self, other: &Self) -> bool {
        self.file == other.file && self.certificates == other.certificates
    }
}

impl Eq for Authorities {}
