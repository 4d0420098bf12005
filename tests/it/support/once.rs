//! Directories that take long to make: made once, for all tests of all processes, and kept below
//! `target/` until what they are made from changes.

use std::fs::{self, File};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};

/// The directory for `name` and `key`, filled by `make` unless it is there.
pub fn directory(name: &str, key: impl Hash, make: impl FnOnce(&Path)) -> PathBuf {
    let mut hasher = DefaultHasher::new();
    key.hash(&mut hasher);
    let base = Path::new(env!("CARGO_TARGET_TMPDIR"));
    fs::create_dir_all(base).unwrap();
    let done = base.join(format!("{name}-{:016x}", hasher.finish()));
    // Held until the function returns; the kernel lets go of it when a process dies.
    let lock = File::create(done.with_extension("lock")).unwrap();
    lock.lock().unwrap();
    if !done.exists() {
        // A name of its own until complete, so that an interrupted attempt is never taken for the thing.
        let partial = done.with_extension("partial");
        let _ = fs::remove_dir_all(&partial);
        fs::create_dir_all(&partial).unwrap();
        make(&partial);
        fs::rename(&partial, &done).unwrap();
    }
    done
}
