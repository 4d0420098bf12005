use proptest::prelude::*;

use super::*;
use crate::http::encode_path;

fn path(raw: &[u8]) -> Option<Vec<u8>> {
    Target::parse(Bytes::copy_from_slice(raw)).ok().map(|target| target.path.to_vec())
}

#[test]
fn paths_take_their_normal_form() {
    for (raw, normal) in [
        ("/", "/"),
        ("/a/b.css", "/a/b.css"),
        ("/.well-known/x", "/.well-known/x"),
        ("/...", "/..."),
        ("/a/..b/.c", "/a/..b/.c"),
        ("//a///b//", "/a/b/"),
        ("/./a/./b/.", "/a/b/"),
        ("/a/../b", "/b"),
        ("/a/b/..", "/a/"),
        ("/a/b/../", "/a/"),
        ("/a//../b", "/b"),
        ("/a/..", "/"),
        ("/%61", "/a"),
        ("/%2e/a/%2E%2e/b", "/b"),
        ("/a%2fb", "/a/b"),
        ("/a%2f%2fb", "/a/b"),
        ("/a/%2f../b", "/b"),
        ("/%252e%252e/", "/%2e%2e/"),
        ("/a%20b%3fc%23d%25", "/a b?c#d%"),
        (r"/a\..\b", r"/a\..\b"),
        ("/a;b=c/..;/d", "/a;b=c/..;/d"),
        ("/caf%C3%A9", "/café"),
        ("/café", "/café"),
        ("/a?b/../c", "/a"),
    ] {
        assert_eq!(path(raw.as_bytes()).as_deref(), Some(normal.as_bytes()), "{raw}");
    }
}

#[test]
fn faulty_paths_are_refused() {
    for raw in [
        "",
        "a",
        "*",
        "?a",
        "/..",
        "/../a",
        "/a/../..",
        "/a/../../b",
        "/%2e%2e",
        "/%2e%2e%2fetc",
        "/..%2f",
        "/%",
        "/%2",
        "/%zz",
        "/%+1",
        "/% 1",
        "/%00",
        "/a%00b",
        "/%0a",
        "/%7f",
        "/a b",
        "/a\tb",
        "/a#b",
        "/a?b#c",
        "/a?b c",
        "/a?\r\n",
        "%2fa",
        "/%u0041",
        "/.%2e/",
        "//..//a",
        "/./..",
    ] {
        let fault = Target::parse(Bytes::from(raw)).map(|target| target.path).expect_err(raw);
        assert_eq!(fault.cause, Cause::BadPath);
    }
}

#[test]
fn the_query_is_what_follows_the_first_question_mark() {
    let query = |raw: &'static str| Target::parse(Bytes::from(raw)).unwrap().query;
    assert_eq!(query("/a"), None);
    assert_eq!(query("/a?"), Some(Bytes::new()));
    assert_eq!(query("/a?b=%2F?c"), Some(Bytes::from("b=%2F?c")));
}

#[test]
fn a_normal_path_is_not_copied() {
    let raw = Bytes::from("/static/app.js?v=1");
    let target = Target::parse(raw.clone()).unwrap();
    assert_eq!(target.path.as_ptr(), raw.as_ptr());
}

/// Written for plainness: all at once, by lists.
fn naive(raw: &[u8]) -> Option<Vec<u8>> {
    let raw = raw.split(|b| *b == b'?').next()?;
    let decoded: Vec<u8> = percent_encoding::percent_decode(raw).collect();
    let escapes = memchr::memchr_iter(b'%', raw).count();
    let valid = raw.windows(3).filter(|w| w[0] == b'%' && w[1..].iter().all(u8::is_ascii_hexdigit)).count();
    let refused = decoded.iter().any(u8::is_ascii_control) || raw.iter().any(|b| b" #".contains(b));
    if escapes != valid || refused || !raw.starts_with(b"/") {
        return None;
    }
    let mut segments: Vec<&[u8]> = Vec::new();
    for segment in decoded.split(|b| *b == b'/') {
        match segment {
            b"" | b"." => {}
            b".." => drop(segments.pop()?),
            _ => segments.push(segment),
        }
    }
    let last = decoded.rsplit(|b| *b == b'/').next()?;
    let mut path = segments.iter().fold(Vec::new(), |path, segment| [&path, &b"/"[..], segment].concat());
    if path.is_empty() || matches!(last, b"" | b"." | b"..") {
        path.push(b'/');
    }
    Some(path)
}

/// Paths made of what normalisation turns on.
fn tricky() -> impl Strategy<Value = Vec<u8>> {
    let part = prop::sample::select(vec![
        "/", "/", "/", ".", "..", "%2f", "%2E", "%", "%25", "a", "b", "?", "#", "%00", " ", "\\", ";",
        "\u{e9}", "%e9",
    ]);
    prop::collection::vec(part, 0..16).prop_map(|parts| format!("/{}", parts.concat()).into_bytes())
}

proptest! {
    #[test]
    fn a_naive_implementation_agrees(raw in tricky()) {
        let query_is_valid = !raw.split(|b| *b == b'?').skip(1).flatten().any(|b| b" #".contains(b));
        prop_assume!(query_is_valid);
        prop_assert_eq!(path(&raw), naive(&raw));
    }

    #[test]
    fn what_comes_out_is_normal(raw in prop_oneof![tricky(), prop::collection::vec(any::<u8>(), 0..40)]) {
        let Some(path) = path(&raw) else { return Ok(()) };
        prop_assert!(path.starts_with(b"/"));
        prop_assert!(!path.windows(2).any(|pair| pair == b"//"));
        prop_assert!(!path.split(|b| *b == b'/').any(|segment| matches!(segment, b"." | b"..")));
        prop_assert!(!path.iter().any(u8::is_ascii_control));
    }

    #[test]
    fn a_normal_path_stays_as_it_is(raw in tricky()) {
        let Some(normal) = path(&raw) else { return Ok(()) };
        let mut encoded = Vec::new();
        encode_path(&normal, &mut encoded);
        prop_assert_eq!(path(&encoded), Some(normal));
    }
}
