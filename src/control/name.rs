//! From the path of a configuration file to the names its server is found by.

use std::fmt::Write;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use sha2::{Digest, Sha256};

/// The names to be found by, the best first: of the path as it was given, made absolute, and, where links lead
/// elsewhere, of the file it comes to.
///
/// The first still holds after a deployment that turned a link (`current/rproxy.toml`, a mounted ConfigMap);
/// the second finds a server that was started by another link than the one given now.
///
/// # Errors
/// When there is no current directory that a relative path could start from.
pub(super) fn names(config: &Path) -> io::Result<Vec<String>> {
    let given = std::path::absolute(config)?;
    let mut names = vec![name(&given)];
    if let Ok(real) = std::fs::canonicalize(&given)
        && real != given
    {
        names.push(name(&real));
    }
    Ok(names)
}

/// A path may be longer than the kernel takes for a name, its hash never is.
fn name(path: &Path) -> String {
    let digest = Sha256::digest(path.as_os_str().as_bytes());
    let mut name = String::from("rproxy/");
    for byte in digest.iter().take(16) {
        let _ = write!(name, "{byte:02x}");
    }
    name
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_has_one_name_however_it_is_given() {
        let directory = std::env::current_dir().unwrap();
        assert_eq!(names(Path::new("x.toml")).unwrap(), names(&directory.join("x.toml")).unwrap());
        assert_eq!(names(Path::new("./x.toml")).unwrap(), names(Path::new("x.toml")).unwrap());
        assert_ne!(names(Path::new("x.toml")).unwrap(), names(Path::new("y.toml")).unwrap());
    }

    #[test]
    fn a_link_is_known_by_itself_and_by_what_it_leads_to() {
        let dir = tempfile::TempDir::new().unwrap();
        let root = dir.path().canonicalize().unwrap();
        std::fs::write(root.join("real.toml"), "").unwrap();
        std::os::unix::fs::symlink("real.toml", root.join("link.toml")).unwrap();
        let real = names(&root.join("real.toml")).unwrap();
        let link = names(&root.join("link.toml")).unwrap();
        assert_eq!((real.len(), link.len()), (1, 2));
        assert_eq!(link[1], real[0]);
    }

    #[test]
    fn every_name_fits_into_an_address() {
        let long = format!("/{}", "a/".repeat(2000));
        assert!(names(Path::new(&long)).unwrap().iter().all(|name| name.len() < 108));
    }
}
