//! What a content coding changes in a response's fields.

use ::http::header::{
    ACCEPT_ENCODING, ACCEPT_RANGES, CONTENT_ENCODING, CONTENT_LENGTH, ETAG, HeaderName, HeaderValue, VARY,
};

use super::Coding;
use crate::http::Fields;

/// Checksums over bytes that are others once coded (RFC 9530, RFC 3230, RFC 2616 14.15).
const DIGESTS: [HeaderName; 4] = [
    HeaderName::from_static("content-digest"),
    HeaderName::from_static("repr-digest"),
    HeaderName::from_static("digest"),
    HeaderName::from_static("content-md5"),
];

/// Says that the content is coded, and takes out what was true of it before only.
pub fn mark_coded(headers: &mut Fields, coding: Coding) {
    headers.insert(CONTENT_ENCODING, HeaderValue::from_static(coding.token()));
    headers.remove(CONTENT_LENGTH);
    headers.remove(ACCEPT_RANGES);
    remove_digests(headers);
    weaken_etag(headers);
}

/// Whether caches are told that the response depends on what the client can decode.
pub fn varies_by_coding(headers: &Fields) -> bool {
    let mut members = headers.get_all(VARY).flat_map(|line| line.as_bytes().split(|byte| *byte == b','));
    members.any(|member| {
        let member = member.trim_ascii();
        member == b"*" || member.eq_ignore_ascii_case(ACCEPT_ENCODING.as_str().as_bytes())
    })
}

/// Tells caches so (RFC 9110 12.5.5).
pub fn vary_by_coding(headers: &mut Fields) {
    if varies_by_coding(headers) {
        return;
    }
    let merged = headers.get_single(VARY).and_then(|line| {
        let line = line.as_bytes();
        HeaderValue::from_bytes(&[line, b", Accept-Encoding"].concat()).ok().filter(|_| !line.is_empty())
    });
    match merged {
        Some(line) => headers.insert(VARY, line),
        None => headers.append(VARY, HeaderValue::from_static("Accept-Encoding")),
    }
}

/// In trailers as well: they may come there as soon as they are known.
pub(super) fn remove_digests(fields: &mut Fields) {
    fields.retain(|name| !DIGESTS.contains(name));
}

/// The bytes differ from those the strong one names, but what they say does not (RFC 9110 8.8.1). What is no
/// entity tag cannot be weakened.
pub fn weaken_etag(headers: &mut Fields) {
    let Some(etag) = headers.get(ETAG).map(HeaderValue::as_bytes) else { return };
    if etag.starts_with(b"W/\"") {
        return;
    }
    let weak = etag.starts_with(b"\"").then(|| HeaderValue::from_bytes(&[b"W/", etag].concat()).ok());
    match weak.flatten() {
        Some(weak) => headers.insert(ETAG, weak),
        None => headers.remove(ETAG),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fields(lines: &[(&'static str, &'static str)]) -> Fields {
        let line = |(name, value): &(&'static str, &'static str)| {
            (HeaderName::from_static(name), HeaderValue::from_static(value))
        };
        lines.iter().map(line).collect()
    }

    #[test]
    fn coded_content_loses_what_was_said_of_its_bytes() {
        let mut headers = fields(&[
            ("content-type", "text/html"),
            ("content-length", "10"),
            ("accept-ranges", "bytes"),
            ("content-md5", "x"),
            ("digest", "x"),
            ("content-digest", "x"),
            ("repr-digest", "x"),
            ("content-encoding", "identity"),
        ]);
        mark_coded(&mut headers, Coding::Brotli);
        assert_eq!(headers, fields(&[("content-type", "text/html"), ("content-encoding", "br")]));
    }

    #[test]
    fn only_strong_entity_tags_are_weakened() {
        for (given, expected) in
            [("\"a\"", Some("W/\"a\"")), ("W/\"a\"", Some("W/\"a\"")), ("a", None), ("W/a", None)]
        {
            let mut headers = fields(&[("etag", given)]);
            weaken_etag(&mut headers);
            assert_eq!(headers.get(ETAG).map(|etag| etag.to_str().unwrap()), expected, "{given}");
        }
    }

    #[test]
    fn vary_is_merged_into_what_is_there() {
        for (given, expected) in [
            (&[][..], &["Accept-Encoding"][..]),
            (&["Cookie"], &["Cookie, Accept-Encoding"]),
            (&["Cookie", "Origin"], &["Cookie", "Origin", "Accept-Encoding"]),
            (&[""], &["", "Accept-Encoding"]),
        ] {
            let mut headers: Fields =
                given.iter().map(|line| (VARY, HeaderValue::from_static(line))).collect();
            vary_by_coding(&mut headers);
            assert_eq!(headers.get_all(VARY).collect::<Vec<_>>(), expected);
        }
    }

    #[test]
    fn vary_that_says_so_already_is_left_alone() {
        for given in ["*", "accept-encoding", "Cookie ,ACCEPT-ENCODING", "Accept-Encoding, Origin"] {
            let mut headers = fields(&[("vary", given)]);
            vary_by_coding(&mut headers);
            assert_eq!(headers, fields(&[("vary", given)]));
        }
    }
}
