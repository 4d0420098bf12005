//! The files of a configuration, kept to point into them.

use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// More than any configuration has; less than what would hurt to read by mistake.
const MAX_SIZE: u64 = 16 << 20;

/// A file that was read.
#[derive(Clone, Debug)]
pub struct Source {
    /// As it was named, for messages.
    pub shown: PathBuf,
    /// Where it lies, without dependence on the working directory.
    pub path: PathBuf,
    pub text: Arc<str>,
}

impl Source {
    pub fn new(shown: PathBuf, text: &str) -> Self {
        let path = absolute(&shown);
        Self { shown, path, text: text.into() }
    }

    /// Takes it for a file that lies at the same place below another directory.
    pub fn moved(mut self, from: &Path, to: &Path) -> Self {
        if let Ok(below) = self.path.strip_prefix(from) {
            self.path = to.join(below);
        }
        self
    }

    /// What relative paths of this file are relative to.
    pub fn directory(&self) -> &Path {
        self.path.parent().unwrap_or(Path::new("/"))
    }

    /// The line of a byte, counted from 1.
    pub fn line(&self, offset: usize) -> usize {
        let before = self.text.as_bytes().get(..offset).unwrap_or(self.text.as_bytes());
        memchr::memchr_iter(b'\n', before).count() + 1
    }

    /// Where the line that holds a byte begins.
    pub fn line_start(&self, offset: usize) -> usize {
        let before = self.text.as_bytes().get(..offset).unwrap_or(self.text.as_bytes());
        memchr::memrchr(b'\n', before).map_or(0, |at| at + 1)
    }

    /// Where the line that holds a byte ends, without its line break.
    pub fn line_end(&self, offset: usize) -> usize {
        let behind = self.text.as_bytes().get(offset..).unwrap_or_default();
        let end = memchr::memchr(b'\n', behind).map_or(self.text.len(), |at| offset + at);
        if self.text.as_bytes().get(offset..end).is_some_and(|line| line.ends_with(b"\r")) {
            end - 1
        } else {
            end
        }
    }
}

pub fn absolute(path: &Path) -> PathBuf {
    // Fails for an empty path or without a working directory; the path as written must do then.
    std::path::absolute(path).unwrap_or_else(|_| path.to_owned())
}

/// Why a file cannot be used.
#[derive(Debug)]
pub enum Unreadable {
    /// Why there is no text.
    Missing(String),
    /// The text with its foreign bytes replaced, and where the first one stood.
    NotUtf8 { text: String, at: usize },
}

/// Reads a file whole.
pub fn read(path: &Path) -> Result<String, Unreadable> {
    let bytes = read_bytes(path).map_err(Unreadable::Missing)?;
    String::from_utf8(bytes).map_err(|error| {
        let at = error.utf8_error().valid_up_to();
        Unreadable::NotUtf8 { text: String::from_utf8_lossy(error.as_bytes()).into_owned(), at }
    })
}

fn read_bytes(path: &Path) -> Result<Vec<u8>, String> {
    let about = fs::metadata(path).map_err(|error| explain(&error))?;
    // A pipe or a device could keep the reader waiting for ever.
    if !about.is_file() {
        let what = if about.is_dir() { "a directory" } else { "not a regular file" };
        return Err(format!("it is {what}"));
    }
    let file = fs::File::open(path).map_err(|error| explain(&error))?;
    let mut bytes = Vec::new();
    file.take(MAX_SIZE + 1).read_to_end(&mut bytes).map_err(|error| explain(&error))?;
    if bytes.len() as u64 > MAX_SIZE {
        return Err("it is larger than 16 MiB".into());
    }
    Ok(bytes)
}

/// Without the number that the standard library adds.
fn explain(error: &std::io::Error) -> String {
    match error.kind() {
        std::io::ErrorKind::NotFound => "there is no such file".into(),
        std::io::ErrorKind::PermissionDenied => "permission denied".into(),
        _ => error.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_found_whatever_their_break() {
        let source = Source::new("x".into(), "a\r\nbc\nd");
        assert_eq!((source.line(0), source.line(4), source.line(6), source.line(99)), (1, 2, 3, 3));
        assert_eq!((source.line_start(4), source.line_end(4)), (3, 5));
        assert_eq!((source.line_start(0), source.line_end(0)), (0, 1));
        assert_eq!((source.line_start(6), source.line_end(6)), (6, 7));
        assert_eq!(source.line_end(99), 7);
    }

    #[test]
    fn a_file_past_the_limit_is_refused() {
        let file = tempfile::NamedTempFile::new().unwrap();
        file.as_file().set_len(MAX_SIZE + 1).unwrap();
        let Err(Unreadable::Missing(reason)) = read(file.path()) else { panic!("was read") };
        assert_eq!(reason, "it is larger than 16 MiB");
    }

    #[test]
    fn a_device_is_not_read() {
        let Err(Unreadable::Missing(reason)) = read(Path::new("/dev/zero")) else { panic!("was read") };
        assert_eq!(reason, "it is not a regular file");
    }
}
