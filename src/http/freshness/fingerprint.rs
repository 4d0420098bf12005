//! Whether a name carries a hash of the content.
//!
//! Hexadecimal ones are told from numbers, dates, words and UUIDs nearly always. A letter hash of Vite or
//! esbuild may look like a word; only those are taken that no word looks like. Of random names that is
//! four in five of webpack's and Parcel's eight digits, nearly all of Django's twelve and of longer ones, and a
//! third or more of Vite's and of esbuild's.

/// What bundlers make of code: the only files whose hash may be of any length.
const CODE: [&[u8]; 5] = [b"js", b"mjs", b"cjs", b"css", b"wasm"];

/// What they put beside it.
#[rustfmt::skip]
const ASSETS: [&[u8]; 20] = [
    b"png", b"jpg", b"jpeg", b"gif", b"webp", b"avif", b"jxl", b"svg", b"ico", b"woff", b"woff2", b"ttf",
    b"otf", b"eot", b"mp3", b"ogg", b"m4a", b"mp4", b"webm", b"json",
];

/// What they put between hash and extension.
const INFIXES: [&[u8]; 4] = [b".chunk", b".bundle", b".min", b".module"];

/// Vite's, Rollup's and esbuild's hashes.
const LETTERS: usize = 8;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Code,
    Asset,
    Other,
}

pub fn is_fingerprinted(name: &[u8]) -> bool {
    let Some((stem, extension)) = split_last(name, b'.') else { return false };
    let kind = Kind::of(extension);
    let stem = INFIXES.iter().find_map(|infix| stem.strip_suffix(*infix)).unwrap_or(stem);
    !holds_uuid(stem) && (is_dotted(stem, kind) || is_dashed(stem, kind))
}

impl Kind {
    fn of(extension: &[u8]) -> Self {
        match extension {
            code if CODE.contains(&code) => Self::Code,
            asset if ASSETS.contains(&asset) => Self::Asset,
            _ => Self::Other,
        }
    }
}

/// `app.3f2a9c1b.js` of webpack and Parcel; Django hashes files of every kind, to 12 digits.
fn is_dotted(stem: &[u8], kind: Kind) -> bool {
    split_last(stem, b'.').is_some_and(|(_, hash)| match (kind, hash.len()) {
        (_, 12) | (Kind::Code | Kind::Asset, 8..=32 | 40 | 64) => is_hexadecimal(hash),
        _ => false,
    })
}

/// `app-3f2a9c1b.js`, `index-BsJK3x9_.js`, `main-QX7K2ABC.js`. Photo services and uploads number their files
/// in hexadecimal as well, so other files than code need a length that hashes have.
fn is_dashed(stem: &[u8], kind: Kind) -> bool {
    let hexadecimal = split_last(stem, b'-').is_some_and(|(_, hash)| match (kind, hash.len()) {
        (Kind::Code, 8..=32 | 40 | 64) | (Kind::Asset, 8 | 20 | 32 | 40 | 64) => is_hexadecimal(hash),
        _ => false,
    });
    hexadecimal
        || stem.len().checked_sub(LETTERS).and_then(|at| stem.split_at_checked(at)).is_some_and(
            |(before, hash)| match before.strip_suffix(b"-") {
                None | Some(b"") => false,
                Some(before) => {
                    (kind != Kind::Other && is_base64(hash))
                        || (kind == Kind::Code && is_base32(hash, before == b"chunk"))
                }
            },
        )
}

/// Lower-case digits that change between letters and decimal digits as words with numbers do not: `cafe2024`
/// changes once. Neither a date with something behind it nor a UUID without its dashes.
fn is_hexadecimal(hash: &[u8]) -> bool {
    let pieces = || hash.chunk_by(|one, next| one.is_ascii_digit() == next.is_ascii_digit());
    let is_word = |piece: &[u8]| piece.len() > 3 && piece.iter().all(u8::is_ascii_alphabetic);
    hash.iter().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
        && pieces().count() > 2
        && (hash.len() >= 12 || !pieces().any(is_word))
        && hash.iter().filter(|byte| byte.is_ascii_alphabetic()).count() > 1
        && !hash.windows(8).any(is_date)
        && !is_bare_uuid(hash)
}

/// `20240115`
fn is_date(digits: &[u8]) -> bool {
    let [c1, c2, y1, y2, m1, m2, d1, d2] = digits else { return false };
    let plausible = matches!((c1, c2), (b'1', b'9') | (b'2', b'0'))
        && matches!((m1, m2), (b'0', b'1'..=b'9') | (b'1', b'0'..=b'2'))
        && matches!((d1, d2), (b'0', b'1'..=b'9') | (b'1' | b'2', _) | (b'3', b'0' | b'1'));
    plausible && [y1, y2, d2].iter().all(|digit| digit.is_ascii_digit())
}

/// `550e8400-e29b-41d4-a716-446655440000`: an upload's name, whatever is in it.
fn holds_uuid(stem: &[u8]) -> bool {
    stem.windows(36).any(|uuid| {
        uuid.iter().enumerate().all(|(at, byte)| match at {
            8 | 13 | 18 | 23 => *byte == b'-',
            _ => byte.is_ascii_hexdigit(),
        })
    })
}

/// The versions in use (RFC 9562 5) with the variant. One MD5 in 21 looks the same.
fn is_bare_uuid(hash: &[u8]) -> bool {
    hash.len() == 32
        && matches!(hash.get(12), Some(b'1' | b'4' | b'7'))
        && matches!(hash.get(16), Some(b'8' | b'9' | b'a' | b'b'))
}

/// Base64url that reads like no name: at least four short pieces as people write them (`My`, `Own`, `2`), two
/// of which are letters without a vowel. A mark between two of them is what people part words by.
fn is_base64(hash: &[u8]) -> bool {
    let is_mark = |byte: &u8| matches!(byte, b'-' | b'_');
    let start = hash.iter().position(|byte| !is_mark(byte)).unwrap_or(hash.len());
    let end = hash.iter().rposition(|byte| !is_mark(byte)).map_or(start, |last| last + 1);
    let inner = hash.get(start..end).unwrap_or_default();
    let is_plain = inner.iter().all(u8::is_ascii_alphanumeric);
    let is_mixed = inner.iter().any(u8::is_ascii_uppercase) && inner.iter().any(u8::is_ascii_lowercase);
    let belongs = |one: &u8, next: &u8| {
        class(*one) == class(*next) || (one.is_ascii_uppercase() && next.is_ascii_lowercase())
    };
    let is_odd = |piece: &&[u8]| piece.iter().all(|byte| byte.is_ascii_alphabetic() && !is_vowel(*byte));
    let pieces = || inner.chunk_by(belongs);
    is_plain
        && is_mixed
        && pieces().count() >= 4
        && pieces().all(|piece| piece.len() < 5)
        && pieces().filter(is_odd).count() >= 2
}

fn class(byte: u8) -> u8 {
    match byte {
        b'A'..=b'Z' => 0,
        b'a'..=b'z' => 1,
        _ => 2,
    }
}

fn is_vowel(byte: u8) -> bool {
    matches!(byte.to_ascii_lowercase(), b'a' | b'e' | b'i' | b'o' | b'u' | b'y')
}

/// Base32 with digits in two places; words in capitals have theirs in one, `CHAPTER2`. Nobody but
/// esbuild calls a file a chunk.
fn is_base32(hash: &[u8], chunk: bool) -> bool {
    let numbers = hash.chunk_by(|one, next| one.is_ascii_digit() == next.is_ascii_digit());
    let numbers = numbers.filter(|piece| piece.iter().all(u8::is_ascii_digit)).count();
    hash.iter().all(|byte| matches!(byte, b'A'..=b'Z' | b'2'..=b'7'))
        && hash.iter().any(u8::is_ascii_uppercase)
        && numbers >= if chunk { 1 } else { 2 }
}

/// At the last one of those, with something before it.
fn split_last(text: &[u8], separator: u8) -> Option<(&[u8], &[u8])> {
    let at = memchr::memrchr(separator, text).filter(|at| *at > 0)?;
    Some((text.get(..at)?, text.get(at + 1..)?))
}
