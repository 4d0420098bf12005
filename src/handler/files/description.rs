//! What the files of a location are said to be: the fields that each has in every answer.

use ::http::{HeaderValue, header};

use super::representation::Representation;
use crate::coding::{Coding, Policy};
use crate::http::conditional::Validators;
use crate::http::{Fields, MediaTypes, Request, auto_cache_control};

#[derive(Debug)]
pub struct Description {
    pub types: MediaTypes,
    /// Whether Cache-Control is made of a file's name and type.
    pub auto_cache: bool,
    /// Whether the files are for those whom an application lets have them: no shared cache may keep them.
    pub is_private: bool,
    /// Whether there may be twins.
    pub precompressed: bool,
    /// What is compressed on the fly.
    pub compress: Option<Policy>,
}

impl Description {
    /// The fields of a 200 for the file at `path`, or for what a coding makes of it.
    pub fn fields(&self, path: &[u8], validators: &Validators, coding: Option<Coding>) -> Fields {
        let mut headers = Fields::with_capacity(8);
        let content_type = self.types.of(path);
        let varies = self.may_have_twins(&content_type) || self.is_compressible(&content_type);
        headers.append(header::CONTENT_TYPE, content_type);
        if let Some(modified) = validators.modified {
            headers.append(header::LAST_MODIFIED, modified.date.to_header());
        }
        headers.append(header::ETAG, validators.etag.clone());
        if let Some(coding) = coding {
            headers.append(header::CONTENT_ENCODING, HeaderValue::from_static(coding.token()));
        }
        if varies {
            headers.append(header::VARY, HeaderValue::from_static("Accept-Encoding"));
        }
        if self.auto_cache {
            headers.append(header::CACHE_CONTROL, self.cache_control(path));
        }
        headers
    }

    fn cache_control(&self, path: &[u8]) -> HeaderValue {
        let value = auto_cache_control(path);
        match value.as_bytes().strip_prefix(b"public, ") {
            Some(rest) if self.is_private => {
                HeaderValue::from_bytes(&[b"private, ", rest].concat()).unwrap_or(value)
            }
            _ => value,
        }
    }

    /// Whether a file of this type may have a twin. What is compressed in itself has none, and is not looked
    /// for beside; nor do caches need to keep it once for each kind of client.
    pub fn may_have_twins(&self, content_type: &HeaderValue) -> bool {
        self.precompressed && !is_compressed(content_type)
    }

    fn is_compressible(&self, content_type: &HeaderValue) -> bool {
        self.compress.as_ref().is_some_and(|policy| policy.covers(content_type, None))
    }

    /// The policy, if it holds for this file. What an application says that has it sent counts as well.
    pub fn compresses(&self, file: &Representation, request: &Request) -> Option<&Policy> {
        let said = request.said.as_deref();
        let said_type = said.and_then(|said| said.get(header::CONTENT_TYPE));
        let content_type = said_type.or_else(|| file.headers.get(header::CONTENT_TYPE))?;
        let holds = |policy: &&Policy| {
            policy.covers(content_type, Some(file.length)) && said.is_none_or(|said| policy.allows(said))
        };
        self.compress.as_ref().filter(holds)
    }
}

/// Pictures, films, sounds, fonts for the web and archives.
fn is_compressed(content_type: &HeaderValue) -> bool {
    const EXCEPTIONS: [&[u8]; 4] = [b"image/svg+xml", b"image/bmp", b"image/x-icon", b"image/tiff"];
    const TYPES: [&[u8]; 9] = [
        b"image/",
        b"video/",
        b"audio/",
        b"font/woff",
        b"application/zip",
        b"application/gzip",
        b"application/zstd",
        b"application/x-7z-compressed",
        b"application/x-xz",
    ];
    let said = content_type.as_bytes();
    TYPES.iter().any(|start| said.starts_with(start))
        && !EXCEPTIONS.iter().any(|start| said.starts_with(start))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_that_are_compressed_in_themselves_have_no_twins() {
        let types = MediaTypes::default();
        for (name, expected) in [
            ("a.jpg", true),
            ("a.webp", true),
            ("a.mp4", true),
            ("a.mp3", true),
            ("a.woff2", true),
            ("a.zip", true),
            ("a.svg", false),
            ("a.ico", false),
            ("a.ttf", false),
            ("a.js", false),
            ("a.wasm", false),
            ("a.data", false),
        ] {
            assert_eq!(is_compressed(&types.of(name.as_bytes())), expected, "{name}");
        }
    }
}
