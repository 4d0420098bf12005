//! Content codings (RFC 9110 8.4.1): which one a client wants, what is worth one, and the encoders.

mod accept;
mod body;
mod encoder;
mod fields;
mod media;
mod policy;
mod room;
mod stream;
#[cfg(test)]
pub mod testing;

use std::str::FromStr;

pub use accept::Accepted;
pub use body::encode_body;
pub use encoder::{Encoder, Levels, compress};
pub use fields::{mark_coded, varies_by_coding, vary_by_coding, weaken_etag};
pub use media::{MediaPattern, MediaPatternError, MediaPatterns};
pub use policy::Policy;
pub use stream::Compressed;

/// A content coding that is spoken here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Coding {
    /// RFC 8878.
    Zstd,
    /// RFC 7932.
    Brotli,
    /// RFC 1952.
    Gzip,
}

impl Coding {
    /// All of them, the one preferred first: for content compressed on the fly it is the fastest at its ratio.
    pub const ALL: [Self; 3] = [Self::Zstd, Self::Brotli, Self::Gzip];

    /// Its name in Content-Encoding and in the configuration.
    pub const fn token(self) -> &'static str {
        match self {
            Self::Zstd => "zstd",
            Self::Brotli => "br",
            Self::Gzip => "gzip",
        }
    }

    /// What the names of files so compressed end in.
    pub const fn extension(self) -> &'static str {
        match self {
            Self::Zstd => ".zst",
            Self::Brotli => ".br",
            Self::Gzip => ".gz",
        }
    }

    /// Case does not count (RFC 9110 8.4.1), and old clients write x-gzip (8.4.1.3).
    fn from_token(token: &[u8]) -> Option<Self> {
        let names = |coding: &Self| token.eq_ignore_ascii_case(coding.token().as_bytes());
        Self::ALL.into_iter().find(names).or(token.eq_ignore_ascii_case(b"x-gzip").then_some(Self::Gzip))
    }
}

/// The word is not the name of a coding spoken here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a content coding known here: there are \"zstd\", \"br\" and \"gzip\"")]
pub struct UnknownCoding;

impl FromStr for Coding {
    type Err = UnknownCoding;

    fn from_str(word: &str) -> Result<Self, Self::Err> {
        Self::ALL.into_iter().find(|coding| coding.token() == word).ok_or(UnknownCoding)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_coding_is_read_by_the_name_it_is_written_with() {
        for coding in Coding::ALL {
            assert_eq!(coding.token().parse(), Ok(coding));
        }
        for word in ["", "BR", "brotli", "x-gzip", "deflate", " gzip"] {
            assert_eq!(word.parse::<Coding>(), Err(UnknownCoding), "{word:?}");
        }
    }
}
