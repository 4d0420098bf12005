//! Where an answer leads on to.

use std::fmt;

use ::http::HeaderValue;
use bytes::Bytes;

use crate::http::escape::encode_spoken;
use crate::http::log_escape::append_escaped;
use crate::http::{Cause, Fault, Target};

/// The field that names it, with its value as the application has written it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Destination {
    Redirect(HeaderValue),
    Sendfile(HeaderValue),
}

/// What it comes to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Lead {
    /// The name of a location, without the at sign.
    Named(String),
    /// A target that is matched anew.
    Target(Target),
    /// A path on disk: absolute, without empty or dot segments and without a slash at its end.
    File(Vec<u8>),
}

impl Destination {
    pub fn lead(&self) -> Result<Lead, Fault> {
        match self {
            Self::Redirect(value) => redirect(&unicode(value.as_bytes())),
            Self::Sendfile(value) => plain_path(&unicode(value.as_bytes())).map(Lead::File),
        }
    }
}

/// As it stands in a log's line.
impl fmt::Display for Destination {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (name, value) = match self {
            Self::Redirect(value) => ("X-Accel-Redirect", value),
            Self::Sendfile(value) => ("X-Sendfile", value),
        };
        let mut text = Vec::new();
        append_escaped(&mut text, value.as_bytes());
        write!(f, "{name} \"{}\"", String::from_utf8_lossy(&text))
    }
}

/// Percent-encoding is undone once, by [`Target::parse`]. What an application has forgotten to encode, as
/// many do with blanks, is taken as it is. As in nginx no segment may climb: that is a path of which a
/// client has written a part.
fn redirect(value: &[u8]) -> Result<Lead, Fault> {
    if let Some(name) = value.strip_prefix(b"@") {
        return Ok(Lead::Named(String::from_utf8_lossy(name).into_owned()));
    }
    let mut raw = Vec::with_capacity(value.len());
    encode_spoken(value, &mut raw);
    let target = Target::parse(Bytes::from(raw))?;
    let path = value.split(|byte| *byte == b'?').next().unwrap_or_default();
    let decoded: Vec<u8> = percent_encoding::percent_decode(path).collect();
    if decoded.split(|byte| *byte == b'/').any(|segment| segment == b"..") {
        return Err(Fault::new(Cause::BadPath, "the path climbs"));
    }
    Ok(Lead::Target(target))
}

/// Not decoded: a percent sign is one in the file's name.
pub fn plain_path(path: &[u8]) -> Result<Vec<u8>, Fault> {
    if !path.starts_with(b"/") {
        return Err(Fault::new(Cause::SendfileOutside, "the path is not absolute"));
    }
    let mut plain = Vec::with_capacity(path.len());
    for segment in path.split(|byte| *byte == b'/') {
        match segment {
            b"" | b"." => {}
            b".." => return Err(Fault::new(Cause::SendfileOutside, "the path climbs")),
            segment => {
                plain.push(b'/');
                plain.extend_from_slice(segment);
            }
        }
    }
    Ok(plain)
}

/// WSGI has the bytes of a field as Latin-1 (PEP 3333): a name beyond ASCII comes so when the application
/// has not made UTF-8 of it first.
fn unicode(value: &[u8]) -> Vec<u8> {
    if std::str::from_utf8(value).is_ok() {
        return value.to_vec();
    }
    value.iter().map(|byte| char::from(*byte)).collect::<String>().into_bytes()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn redirected(value: &[u8]) -> Result<(String, Option<String>), Cause> {
        let text = |bytes: &Bytes| String::from_utf8(bytes.to_vec()).unwrap();
        match Destination::Redirect(HeaderValue::from_bytes(value).unwrap()).lead() {
            Ok(Lead::Target(target)) => Ok((text(&target.path), target.query.as_ref().map(text))),
            Ok(other) => panic!("{other:?}"),
            Err(fault) => Err(fault.cause),
        }
    }

    fn file(value: &[u8]) -> Result<String, Cause> {
        match Destination::Sendfile(HeaderValue::from_bytes(value).unwrap()).lead() {
            Ok(Lead::File(path)) => Ok(String::from_utf8(path).unwrap()),
            Ok(other) => panic!("{other:?}"),
            Err(fault) => Err(fault.cause),
        }
    }

    #[test]
    fn a_redirect_is_decoded_once_and_taken_as_it_is_meant() {
        for (value, path) in [
            (&b"/p/a.pdf"[..], "/p/a.pdf"),
            (b"/p/a%20b.pdf", "/p/a b.pdf"),
            (b"/p/a b.pdf", "/p/a b.pdf"),
            (b"/p/%C3%BC%2525.pdf", "/p/ü%25.pdf"),
            ("/p/ü.pdf".as_bytes(), "/p/ü.pdf"),
            (b"/p/\xfc.pdf", "/p/ü.pdf"),
            (b"/p/a#b.pdf", "/p/a#b.pdf"),
            (b"/p/\"<a>\"", "/p/\"<a>\""),
            (b"/p//a", "/p/a"),
            (b"/p/a%3Fb", "/p/a?b"),
        ] {
            assert_eq!(redirected(value), Ok((path.to_owned(), None)), "{value:?}");
        }
        assert_eq!(redirected(b"/p?a=b c&d"), Ok(("/p".into(), Some("a=b%20c&d".into()))));
    }

    #[test]
    fn a_redirect_that_is_no_path_or_climbs_is_refused() {
        for value in
            ["", "a", "http://host/a", "/p/../a", "/p/%2e%2e/a", "/p/..%2fa", "/p/..", "/%zz", "/a%", "/a%00"]
        {
            assert_eq!(redirected(value.as_bytes()), Err(Cause::BadPath), "{value}");
        }
        assert_eq!(redirected(b"/p/..a?../b"), Ok(("/p/..a".into(), Some("../b".into()))));
    }

    #[test]
    fn an_at_sign_names_a_location() {
        let lead = Destination::Redirect(HeaderValue::from_static("@media")).lead();
        assert_eq!(lead.unwrap(), Lead::Named("media".into()));
    }

    #[test]
    fn a_path_on_disk_is_not_decoded() {
        for (value, path) in [
            (&b"/srv/a%20b.pdf"[..], "/srv/a%20b.pdf"),
            (b"/srv/a b?c#d.pdf", "/srv/a b?c#d.pdf"),
            (b"//srv/./a/", "/srv/a"),
            ("/srv/ü".as_bytes(), "/srv/ü"),
            (b"/srv/\xfc", "/srv/ü"),
            (b"/", ""),
        ] {
            assert_eq!(file(value), Ok(path.to_owned()), "{value:?}");
        }
        for value in ["", "a", "./a", "@a", "/srv/../etc/passwd", "/.."] {
            assert_eq!(file(value.as_bytes()), Err(Cause::SendfileOutside), "{value}");
        }
    }

    #[test]
    fn a_line_of_the_log_holds_no_bytes_that_disturb_it() {
        let destination = Destination::Redirect(HeaderValue::from_bytes(b"/a\"\xff").unwrap());
        assert_eq!(destination.to_string(), r#"X-Accel-Redirect "/a\x22\xFF""#);
    }

    proptest! {
        #[test]
        fn whatever_an_application_says_leads_somewhere_plain(value: Vec<u8>) {
            let Ok(value) = HeaderValue::from_bytes(&value) else { return Ok(()) };
            for destination in [Destination::Redirect(value.clone()), Destination::Sendfile(value)] {
                let path = match destination.lead() {
                    Ok(Lead::Target(target)) => target.path.to_vec(),
                    Ok(Lead::File(path)) => path,
                    Ok(Lead::Named(_)) | Err(_) => continue,
                };
                let mut segments = path.split(|byte| *byte == b'/').skip(1);
                prop_assert!(segments.all(|name| !matches!(name, b"." | b"..")) && !path.contains(&0));
            }
        }
    }
}
