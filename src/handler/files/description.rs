//! What the files of a location are said to be: the fields that each has in every answer.

use ::http::{HeaderValue, header};

use crate::coding::{Coding, Policy};
use crate::http::conditional::Validators;
use crate::http::{Fields, MediaTypes, auto_cache_control};

#[derive(Debug)]
pub struct Description {
    pub types: MediaTypes,
    /// Whether Cache-Control is made of a file's name and type.
    pub auto_cache: bool,
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
        let varies = self.precompressed || self.is_compressible(&content_type);
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
            headers.append(header::CACHE_CONTROL, auto_cache_control(path));
        }
        headers
    }

    fn is_compressible(&self, content_type: &HeaderValue) -> bool {
        self.compress.as_ref().is_some_and(|policy| policy.covers(content_type, None))
    }

    /// The policy, if it holds for a file of this type and length.
    pub fn compresses(&self, headers: &Fields, length: u64) -> Option<&Policy> {
        let content_type = headers.get(header::CONTENT_TYPE)?;
        self.compress.as_ref().filter(|policy| policy.covers(content_type, Some(length)))
    }
}
