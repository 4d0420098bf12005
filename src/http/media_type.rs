//! The media type of a file, by the extension of its name.

mod table;

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use ::http::HeaderValue;

/// What a file is when its name does not tell: browsers save such a thing rather than guess.
const UNKNOWN: &str = "application/octet-stream";

/// Of an extension that is looked up, in bytes.
const LONGEST: usize = 32;

/// The Content-Type of a file where no configuration says otherwise.
pub fn media_type(path: &[u8]) -> HeaderValue {
    Charset::Utf8.built_in(with_extension(path, table::lookup).unwrap_or(UNKNOWN))
}

/// Whether the extension of a name is that of some kind of file, or just a dot in a name.
pub fn has_known_extension(path: &[u8]) -> bool {
    with_extension(path, table::lookup).is_some()
}

/// What a location makes of names: nginx's `types`, `default_type` and `charset`.
#[derive(Clone, Debug)]
pub struct MediaTypes {
    configured: BTreeMap<Box<[u8]>, HeaderValue>,
    unknown: HeaderValue,
    charset: Charset,
}

impl MediaTypes {
    /// The configured types from the outermost level to the innermost: the last of an extension counts.
    pub fn new<'a>(
        configured: impl IntoIterator<Item = (&'a Extension, &'a MediaType)>,
        charset: Charset,
    ) -> Self {
        let mut types = Self { configured: BTreeMap::new(), unknown: charset.built_in(UNKNOWN), charset };
        for (extension, media_type) in configured {
            let value = types.charset.configured(media_type);
            match extension {
                Extension::Unknown => types.unknown = value,
                Extension::Known(name) => {
                    types.configured.insert(name.as_bytes().into(), value);
                }
            }
        }
        types
    }

    /// The Content-Type of a file, by its path or name. Configured types and static text are shared, so
    /// that only a built-in type under a charset of the operator's own is written anew.
    pub fn of(&self, path: &[u8]) -> HeaderValue {
        let found = with_extension(path, |extension| {
            let configured = self.configured.get(extension).cloned();
            configured.or_else(|| table::lookup(extension).map(|known| self.charset.built_in(known)))
        });
        found.unwrap_or_else(|| self.unknown.clone())
    }
}

impl Default for MediaTypes {
    fn default() -> Self {
        Self::new([], Charset::default())
    }
}

/// The charset that text is said to be in where its type does not say.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Charset {
    #[default]
    Utf8,
    /// A token.
    Named(Box<str>),
    /// Browsers guess, or believe the document.
    Off,
}

impl Charset {
    /// Of a type in the table, where that of text says UTF-8.
    fn built_in(&self, known: &'static str) -> HeaderValue {
        let bare = known.split_once(';').map_or(known, |(bare, _)| bare);
        match self {
            Self::Named(name) if bare.len() < known.len() => with_charset(bare, name),
            Self::Utf8 => HeaderValue::from_static(known),
            Self::Named(_) | Self::Off => HeaderValue::from_static(bare),
        }
    }

    fn configured(&self, media_type: &MediaType) -> HeaderValue {
        match self {
            Self::Utf8 if media_type.lacks_charset() => with_charset(&media_type.0, "utf-8"),
            Self::Named(name) if media_type.lacks_charset() => with_charset(&media_type.0, name),
            _ => to_header(&media_type.0),
        }
    }
}

impl FromStr for Charset {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "off" => Ok(Self::Off),
            text if text.eq_ignore_ascii_case("utf-8") => Ok(Self::Utf8),
            text if is_token(text) => Ok(Self::Named(text.into())),
            _ => Err("is no charset: one is named like `utf-8`, and `off` names none".into()),
        }
    }
}

impl fmt::Display for Charset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Utf8 => "utf-8",
            Self::Named(name) => name,
            Self::Off => "off",
        })
    }
}

/// A media type as configured, with parameters or without (RFC 9110 8.3.1).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MediaType(Box<str>);

impl MediaType {
    fn lacks_charset(&self) -> bool {
        let mut parts = self.0.split(';').map(str::trim);
        let is_text = parts.next().is_some_and(is_text);
        let is_charset = |part: &str| {
            part.split_once('=').is_some_and(|(name, _)| name.trim().eq_ignore_ascii_case("charset"))
        };
        is_text && !parts.any(is_charset)
    }
}

impl FromStr for MediaType {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let mut parts = text.split(';').map(str::trim);
        let essence = parts.next().and_then(|essence| essence.split_once('/'));
        let named = essence.is_some_and(|(kind, subtype)| is_token(kind) && is_token(subtype));
        if named && parts.all(is_parameter) {
            Ok(Self(text.trim().into()))
        } else {
            Err("is no media type: one is written like `text/plain` or `text/plain; charset=utf-8`".into())
        }
    }
}

impl fmt::Display for MediaType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Which names a configured type is for.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Extension {
    /// `*`: those that tell nothing, nginx's `default_type`.
    Unknown,
    /// In lower case, without its dot.
    Known(Box<str>),
}

impl FromStr for Extension {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let name = text.strip_prefix('.').unwrap_or(text);
        let possible = (1..=LONGEST).contains(&name.len())
            && name.bytes().all(|byte| byte.is_ascii_graphic() && !matches!(byte, b'.' | b'/' | b'*'));
        match text {
            "*" => Ok(Self::Unknown),
            _ if possible => Ok(Self::Known(name.to_ascii_lowercase().into())),
            _ => Err("is no extension: one is written like `md`, and `*` is for all unknown ones".into()),
        }
    }
}

impl fmt::Display for Extension {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Unknown => "*",
            Self::Known(name) => name,
        })
    }
}

/// Looks up what stands behind the last dot of the last segment, unless that dot begins the name, in
/// lower case.
fn with_extension<T>(path: &[u8], look_up: impl FnOnce(&[u8]) -> Option<T>) -> Option<T> {
    let name = path.rsplit(|byte| *byte == b'/').next()?;
    let dot = memchr::memrchr(b'.', name).filter(|dot| *dot > 0)?;
    let extension = name.get(dot + 1..)?;
    let mut folded = [0_u8; LONGEST];
    let folded = folded.get_mut(..extension.len())?;
    folded.copy_from_slice(extension);
    folded.make_ascii_lowercase();
    look_up(folded)
}

/// JSON is UTF-8 and has no such parameter (RFC 8259 11), and what is not text has none either.
fn is_text(essence: &str) -> bool {
    let essence = essence.to_ascii_lowercase();
    let (kind, subtype) = essence.split_once('/').unwrap_or_default();
    let is_script = ["javascript", "x-javascript", "ecmascript"].contains(&subtype);
    let is_xml = ["xml", "xml-dtd", "xml-external-parsed-entity"].contains(&subtype);
    kind == "text" || subtype.ends_with("+xml") || (kind == "application" && (is_script || is_xml))
}

fn with_charset(bare: &str, charset: &str) -> HeaderValue {
    to_header(&format!("{bare}; charset={charset}"))
}

fn to_header(text: &str) -> HeaderValue {
    // Tokens and quoted strings of visible ASCII cannot be refused.
    HeaderValue::from_str(text).unwrap_or(HeaderValue::from_static(UNKNOWN))
}

fn is_parameter(text: &str) -> bool {
    let Some((name, value)) = text.split_once('=') else { return false };
    let quoted = value.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
    let is_plain = |byte: u8| matches!(byte, b' '..=b'~') && !matches!(byte, b'"' | b'\\' | b';');
    is_token(name) && (is_token(value) || quoted.is_some_and(|inner| inner.bytes().all(is_plain)))
}

/// RFC 9110 5.6.2
fn is_token(text: &str) -> bool {
    !text.is_empty()
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte))
}

#[cfg(test)]
mod tests;
