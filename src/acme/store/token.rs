//! Answers to challenges, where every process that has the directory finds them.

use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use tokio::runtime::Handle;

use super::{blocking, file};

/// What is older was left by a process that was killed: no authority looks for so long.
const STALE: Duration = Duration::from_secs(24 * 3600);

/// One answer. Goes with this value.
#[derive(Debug)]
pub(in crate::acme) struct Token {
    path: PathBuf,
}

impl Token {
    /// # Errors
    /// When the state directory cannot be written to.
    pub async fn write(folder: PathBuf, token: &str, answer: &str) -> io::Result<Self> {
        let (path, answer) = (folder.join(token), answer.to_owned());
        let token = Self { path: path.clone() };
        blocking(move || {
            remove_stale(&folder);
            file::write(&path, answer.as_bytes())
        })
        .await?;
        Ok(token)
    }
}

impl Drop for Token {
    fn drop(&mut self) {
        let path = std::mem::take(&mut self.path);
        // Nobody waits for it: what is left at the end of the process is removed when it is stale.
        if let Ok(runtime) = Handle::try_current() {
            runtime.spawn_blocking(move || file::remove(&path));
        }
    }
}

fn remove_stale(folder: &Path) {
    let now = SystemTime::now();
    let files = std::fs::read_dir(folder).into_iter().flatten().flatten();
    for file in files {
        let modified = file.metadata().and_then(|metadata| metadata.modified());
        let age = modified.map(|modified| now.duration_since(modified).unwrap_or_default());
        if age.is_ok_and(|age| age > STALE) {
            let _ = std::fs::remove_file(file.path());
        }
    }
}
