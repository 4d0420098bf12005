//! Of a location: its files, and how its answers are sent.

use std::collections::BTreeMap;
use std::fmt;
use std::num::NonZeroU64;
use std::path::PathBuf;

use crate::coding::{Coding, Levels};
use crate::http::{Charset, Extension, MediaType, Template, Try};

#[derive(Clone, Debug)]
pub struct Files {
    pub directory: Directory,
    /// Whether the matched prefix is kept (nginx `root`) instead of stripped (nginx `alias`).
    pub keep_prefix: bool,
    pub index: Vec<String>,
    /// Whether a directory without an index is shown.
    pub listing: bool,
    pub symlinks: Symlinks,
    pub r#try: Option<Try>,
    pub cache: CachePolicy,
    /// Codings whose twins are looked for, the preferred one first.
    pub precompressed: Vec<Coding>,
    /// Media types by extension, `*` for names that tell none, over the built-in ones.
    pub mime_types: BTreeMap<Extension, MediaType>,
    /// Of text without one of its own.
    pub charset: Charset,
}

/// Where files are: a directory, and below it one that each request names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Directory {
    /// Nothing outside of it is ever opened.
    pub base: PathBuf,
    pub below: Option<Template>,
}

impl fmt::Display for Directory {
    /// As it is written, with the dollar signs doubled that begin no variable.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let base = self.base.to_string_lossy().replace('$', "$$");
        match &self.below {
            None => f.write_str(&base),
            Some(below) => write!(f, "{}/{below}", base.trim_end_matches('/')),
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Symlinks {
    Inside,
    Follow,
    Deny,
}

/// `cache`: whether Cache-Control is made of what a file is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CachePolicy {
    Off,
    Auto,
}

/// `compress`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Compress {
    /// The preferred one first.
    pub codings: Vec<Coding>,
    /// Media types like `text/*` and `*+json`; `None` is the built-in list.
    pub types: Option<Vec<String>>,
    /// Shorter bodies are left alone.
    pub min_size: u64,
    pub levels: Levels,
    /// Whether answers that set cookies are compressed as well.
    pub cookies: bool,
}

/// `limit_rate`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LimitRate {
    /// Bytes a second.
    pub rate: NonZeroU64,
    /// So many bytes of each answer go at full speed.
    pub after: u64,
}
