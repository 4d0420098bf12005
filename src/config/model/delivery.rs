//! Of a location: its files, and how its answers are sent.

use std::collections::BTreeMap;
use std::fmt;
use std::num::NonZeroU64;
use std::path::PathBuf;

use crate::http::{Template, Try};

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
    pub mime_types: BTreeMap<String, String>,
    /// Of text without one of its own; `None` leaves it without.
    pub charset: Option<String>,
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

/// A content coding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Coding {
    Zstd,
    Brotli,
    Gzip,
}

impl Coding {
    pub const ALL: [Self; 3] = [Self::Zstd, Self::Brotli, Self::Gzip];

    /// As the configuration writes it.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Zstd => "zstd",
            Self::Brotli => "br",
            Self::Gzip => "gzip",
        }
    }
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

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Levels {
    pub zstd: u32,
    pub brotli: u32,
    pub gzip: u32,
}

/// `limit_rate`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LimitRate {
    /// Bytes a second.
    pub rate: NonZeroU64,
    /// So many bytes of each answer go at full speed.
    pub after: u64,
}
