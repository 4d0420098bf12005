//! The certificate that says nothing but the answer to a challenge (RFC 8737 3).

use std::path::Path;

use rcgen::{CertificateParams, CustomExtension, DistinguishedName, KeyPair};

use crate::acme::trouble::Trouble;
use crate::tls::Identity;

/// SHA-256
const DIGEST: usize = 32;

/// Signed by itself, for one name, with the digest of the key authorization in an extension that nobody else
/// understands.
pub(super) fn certificate(name: &str, digest: &[u8]) -> Result<Identity, Trouble> {
    let failed =
        |why: String| Trouble::new(format!("no certificate for a challenge can be made: {why}"), BUG);
    if digest.len() != DIGEST {
        return Err(failed(format!("a digest of {} bytes", digest.len())));
    }
    let of_rcgen = |error: rcgen::Error| failed(error.to_string());
    let key = KeyPair::generate().map_err(of_rcgen)?;
    let mut parameters = CertificateParams::new([name.to_owned()]).map_err(of_rcgen)?;
    parameters.distinguished_name = DistinguishedName::new();
    parameters.custom_extensions = vec![CustomExtension::new_acme_identifier(digest)];
    let certificate = parameters.self_signed(&key).map_err(of_rcgen)?;
    let secret = key.serialize_der().try_into().map_err(|error: &str| failed(error.into()))?;
    let nowhere = Path::new("(made for a challenge)");
    Identity::unmatched(vec![certificate.der().clone()], &secret, nowhere, nowhere)
        .map_err(|problem| failed(problem.to_string()))
}

const BUG: &str = "report this as a bug of rproxy";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_for_that_name_and_says_the_digest() {
        let identity = certificate("a.test", &[7; 32]).unwrap();
        assert_eq!(identity.names, ["a.test"]);
        let der = identity.certified().cert[0].to_vec();
        // The extension's OID, critical, and an octet string within an octet string (RFC 8737 3).
        let extension = [
            &[0x06, 0x08, 0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x01, 0x1f][..],
            &[0x01, 0x01, 0xff, 0x04, 0x22, 0x04, 0x20],
            &[7; 32],
        ]
        .concat();
        assert!(memchr::memmem::find(&der, &extension).is_some());
        assert!(certificate("a.test", &[7; 31]).is_err());
    }
}
