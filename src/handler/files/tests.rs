mod answers;
mod attacks;
mod attempts;
mod conditions;
mod kept;

use std::fs::{self, File};
use std::os::unix::fs::{FileExt, symlink};
use std::path::Path;
use std::time::{Duration, SystemTime};

use ::http::{HeaderName, Method, StatusCode, header};
use bytes::Bytes;
use proptest::prelude::*;
use tempfile::TempDir;

use super::*;
use crate::http::testing::{request, request_with};
use crate::http::{Body, Cause, Template};
use crate::http::{Candidate, Fallback};

/// A site below `root/`, and `secret.txt` beside it.
struct Site {
    temp: TempDir,
    hot: Rc<HotFiles>,
}

impl Site {
    fn new(files: &[(&str, &str)]) -> Self {
        let site = Self { temp: tempfile::tempdir().unwrap(), hot: Rc::default() };
        fs::create_dir(site.root()).unwrap();
        fs::write(site.temp.path().join("secret.txt"), "secret").unwrap();
        for (path, content) in files {
            site.write(path, content);
        }
        site
    }

    fn root(&self) -> PathBuf {
        self.temp.path().join("root")
    }

    /// Puts a file in place as deployments should, by renaming; an hour old, so that it may be kept.
    fn write(&self, path: &str, content: &str) {
        let new = self.temp.path().join("new");
        fs::write(&new, content).unwrap();
        age(&new, 3600);
        let path = self.root().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::rename(new, path).unwrap();
    }

    fn files(&self, change: impl FnOnce(&mut Settings)) -> Files {
        let mut settings = Settings {
            directory: self.root(),
            below: None,
            strip: Strip::Prefix,
            index: vec!["index.html".into(), "index.htm".into()],
            listing: false,
            symlinks: Symlinks::Inside,
            r#try: None,
            types: MediaTypes::default(),
            auto_cache: false,
            is_private: false,
            precompressed: Vec::new(),
            compress: None,
        };
        change(&mut settings);
        Files::new(settings, Rc::clone(&self.hot), Witness::default())
    }
}

fn age(path: &Path, seconds: u64) {
    let file = File::options().write(true).open(path).unwrap();
    file.set_modified(SystemTime::now() - Duration::from_secs(seconds)).unwrap();
}

/// Has a request answered of whose path so many bytes matched.
fn handle(files: &Files, request: Request, matched: usize) -> Result<Outcome, Fault> {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(files.handle(Box::new(Request { matched, ..request })))
}

fn respond(files: &Files, request: Request) -> Result<Response, Fault> {
    match handle(files, request, 1)? {
        Outcome::Response(response) => Ok(response),
        other => panic!("{other:?}"),
    }
}

fn get(files: &Files, target: &str) -> Response {
    respond(files, request(target)).unwrap()
}

fn get_with(files: &Files, target: &str, fields: &[(&str, &str)]) -> Response {
    respond(files, request_with(target, fields)).unwrap()
}

fn cause(files: &Files, target: &str) -> Cause {
    respond(files, request(target)).unwrap_err().cause
}

fn content(body: &Body) -> String {
    let bytes = match body {
        Body::Empty => Vec::new(),
        Body::Bytes(bytes) => bytes.to_vec(),
        Body::File(range) => {
            let file = File::from(range.file.as_fd().try_clone_to_owned().unwrap());
            let mut bytes = vec![0; usize::try_from(range.length).unwrap()];
            file.read_exact_at(&mut bytes, range.offset).unwrap();
            bytes
        }
        other => panic!("{other:?}"),
    };
    String::from_utf8(bytes).unwrap()
}

fn field(response: &Response, name: HeaderName) -> &str {
    response.headers.get(name).map_or("", |value| value.to_str().unwrap())
}
