use std::collections::BTreeMap;
use std::fs;

use proptest::prelude::*;

use super::table::TYPES;
use super::*;

fn types(configured: &[(&str, &str)], charset: &str) -> MediaTypes {
    let configured: Vec<(Extension, MediaType)> = configured
        .iter()
        .map(|(extension, media_type)| (extension.parse().unwrap(), media_type.parse().unwrap()))
        .collect();
    let pairs = configured.iter().map(|(extension, media_type)| (extension, media_type));
    MediaTypes::new(pairs, charset.parse().unwrap())
}

#[test]
fn text_carries_its_charset_and_the_rest_does_not() {
    for (name, expected) in [
        ("index.html", "text/html; charset=utf-8"),
        ("css/a.css", "text/css; charset=utf-8"),
        ("app.js", "text/javascript; charset=utf-8"),
        ("logo.svg", "image/svg+xml; charset=utf-8"),
        ("feed.xml", "text/xml; charset=utf-8"),
        ("main.tsx", "text/plain; charset=utf-8"),
        ("data.json", "application/json"),
        ("site.webmanifest", "application/manifest+json"),
        ("code.wasm", "application/wasm"),
        ("text.woff2", "font/woff2"),
        ("photo.jpg", "image/jpeg"),
        ("photo.avif", "image/avif"),
        ("photo.jxl", "image/jxl"),
        ("burst.heics", "image/heic-sequence"),
        ("clip.mp4", "video/mp4"),
        ("clip.m4s", "video/iso.segment"),
        ("clip.mpd", "application/dash+xml; charset=utf-8"),
        ("part.3mf", "model/3mf"),
        ("chair.usdz", "model/vnd.usdz+zip"),
        ("shell.cast", "application/x-asciicast"),
    ] {
        assert_eq!(media_type(name.as_bytes()), expected, "{name}");
        assert_eq!(MediaTypes::default().of(name.as_bytes()), expected, "{name}");
    }
}

#[test]
fn the_last_extension_counts_in_either_case() {
    assert_eq!(media_type(b"PHOTO.JPG"), "image/jpeg");
    assert_eq!(media_type(b"app.min.js.map"), "application/json");
    assert_eq!(media_type(b"backup.tar.gz"), "application/gzip");
    assert_eq!(types(&[(".Foo", "text/foo")], "off").of(b"/a/B.fOO"), "text/foo");
}

#[test]
fn names_that_tell_nothing_are_octets() {
    for name in ["", "README", "a.", ".html", "dir.html/file", "x.unknown", "x.webmanifest2", "x.h\u{0}tml"] {
        assert_eq!(media_type(name.as_bytes()), UNKNOWN, "{name}");
        assert!(!has_known_extension(name.as_bytes()), "{name}");
    }
    assert!(has_known_extension(b"/a/b.Html"));
}

#[test]
fn a_star_is_the_type_of_names_that_tell_nothing() {
    let types = types(&[("*", "text/plain")], "utf-8");
    assert_eq!(types.of(b"README"), "text/plain; charset=utf-8");
    assert_eq!(types.of(b"x.unknown"), "text/plain; charset=utf-8");
    assert_eq!(types.of(b"x.html"), "text/html; charset=utf-8");
}

#[test]
fn the_innermost_type_of_an_extension_counts() {
    let types = types(&[("md", "text/x-outer"), ("log", "text/log"), ("md", "text/x-inner")], "off");
    assert_eq!(types.of(b"a.md"), "text/x-inner");
    assert_eq!(types.of(b"a.log"), "text/log");
    assert_eq!(types.of(b"a.png"), "image/png");
}

#[test]
fn another_charset_is_put_on_the_same_types() {
    let configured = [("foo", "text/foo"), ("bar", "application/bar"), ("dat", "text/x;charset=koi8-r")];
    let types = types(&configured, "windows-1252");
    for (name, expected) in [
        ("a.html", "text/html; charset=windows-1252"),
        ("a.js", "text/javascript; charset=windows-1252"),
        ("a.svg", "image/svg+xml; charset=windows-1252"),
        ("a.json", "application/json"),
        ("a.wasm", "application/wasm"),
        ("a.foo", "text/foo; charset=windows-1252"),
        ("a.bar", "application/bar"),
        ("a.dat", "text/x;charset=koi8-r"),
        ("README", "application/octet-stream"),
    ] {
        assert_eq!(types.of(name.as_bytes()), expected, "{name}");
    }
}

#[test]
fn without_a_charset_types_stay_as_they_are() {
    let types = types(&[("foo", "text/foo"), ("dat", "text/x; Charset=\"koi8-r\"")], "off");
    for (name, expected) in [
        ("a.html", "text/html"),
        ("a.svg", "image/svg+xml"),
        ("a.json", "application/json"),
        ("a.foo", "text/foo"),
        ("a.dat", "text/x; Charset=\"koi8-r\""),
    ] {
        assert_eq!(types.of(name.as_bytes()), expected, "{name}");
    }
}

#[test]
fn text_is_told_by_its_type() {
    for (media_type, expected) in [
        ("text/x", true),
        ("TEXT/HTML", true),
        ("text/html; level=1", true),
        ("text/html; charset=x", false),
        ("text/html; CHARSET=\"x\"", false),
        ("application/javascript", true),
        ("application/x-javascript", true),
        ("application/xml", true),
        ("application/xml-dtd", true),
        ("model/x3d+xml", true),
        ("application/json", false),
        ("application/ld+json", false),
        ("application/wasm", false),
        ("image/png", false),
    ] {
        assert_eq!(media_type.parse::<MediaType>().unwrap().lacks_charset(), expected, "{media_type}");
    }
}

#[test]
fn what_is_no_type_extension_or_charset_is_refused() {
    for text in [
        "",
        "text",
        "text/",
        "/html",
        "a/b/c",
        "text/html;",
        "text/html; x",
        "text/h tml",
        "a/b; c=\"",
        "a/b; c=\"\"\"",
        "text/html\r\nx: y",
        "text/ü",
        "a/b; c=d e",
    ] {
        assert!(text.parse::<MediaType>().is_err(), "{text:?}");
    }
    for text in ["", ".", "a.b", "a/b", "**", "ü", "a b", &"x".repeat(LONGEST + 1)] {
        assert!(text.parse::<Extension>().is_err(), "{text:?}");
    }
    for text in ["", "utf 8", "a;b", "ü", "\"x\""] {
        assert!(text.parse::<Charset>().is_err(), "{text:?}");
    }
}

#[test]
fn what_was_read_is_written_the_same() {
    for text in ["utf-8", "off", "koi8-r"] {
        assert_eq!(text.parse::<Charset>().unwrap().to_string(), text);
    }
    assert_eq!("UTF-8".parse::<Charset>(), Ok(Charset::Utf8));
    for (text, written) in [("*", "*"), (".MD", "md"), ("7z", "7z")] {
        assert_eq!(text.parse::<Extension>().unwrap().to_string(), written);
    }
    assert_eq!(" text/x; a=b ".parse::<MediaType>().unwrap().to_string(), "text/x; a=b");
}

#[test]
fn the_table_is_sorted_in_lower_case_and_holds_valid_types() {
    assert!(TYPES.len() >= 300);
    assert!(TYPES.is_sorted_by(|(one, _), (next, _)| one < next));
    for (extension, media_type) in TYPES {
        let known = extension.parse::<Extension>().unwrap();
        assert_eq!(known.to_string(), *extension);
        assert!(media_type.parse::<MediaType>().is_ok(), "{media_type}");
        let (bare, parameter) = media_type.split_once(';').unwrap_or((media_type, ""));
        assert_eq!(is_text(bare), parameter == " charset=utf-8", "{media_type}");
        assert!(is_text(bare) || parameter.is_empty(), "{media_type}");
    }
}

/// What nginx says otherwise, and why it is not followed.
const UNLIKE_NGINX: &[(&str, &str)] = &[
    ("bmp", "image/bmp is registered (RFC 7903); x-ms-bmp never was"),
    ("deb", "a package has a registered type, which browsers save as well"),
    ("dmg", "a disk image has a type that says so, which browsers save as well"),
    ("js", "application/javascript is obsolete (RFC 9239)"),
    ("m4a", "audio/mp4 is registered (RFC 4337), and what all browsers play"),
    ("m4v", "video/mp4 is registered (RFC 4337), and what all browsers play"),
    ("rar", "application/vnd.rar is registered"),
    ("svgz", "it would need Content-Encoding: gzip, without which no browser shows it"),
];

/// The types of the installed nginx by extension; `None` where there is none.
fn nginx() -> Option<BTreeMap<String, String>> {
    let text = fs::read_to_string("/etc/nginx/mime.types").ok()?;
    let text: String = text.lines().map(|line| line.split('#').next().unwrap().to_owned() + "\n").collect();
    let inner = text.split_once('{').unwrap().1.rsplit_once('}').unwrap().0;
    let rules = inner.split(';').map(|rule| rule.split_whitespace().map(str::to_owned).collect::<Vec<_>>());
    Some(
        rules
            .flat_map(|rule| rule.iter().skip(1).map(|e| (e.clone(), rule[0].clone())).collect::<Vec<_>>())
            .collect(),
    )
}

#[test]
fn what_differs_from_nginx_differs_for_a_reason() {
    let Some(nginx) = nginx() else { return };
    assert!(nginx.len() > 90, "{} extensions were read", nginx.len());
    let differing: Vec<&str> = nginx
        .iter()
        .filter(|(extension, theirs)| {
            types(&[], "off").of(format!("x.{extension}").as_bytes()) != theirs.as_str()
        })
        .map(|(extension, _)| extension.as_str())
        .collect();
    let explained: Vec<&str> = UNLIKE_NGINX.iter().map(|(extension, _)| *extension).collect();
    assert_eq!(differing, explained);
}

proptest! {
    #[test]
    fn any_name_is_taken(name: Vec<u8>) {
        prop_assert!(!media_type(&name).is_empty());
    }

    #[test]
    fn whatever_is_read_as_a_type_can_be_sent(text in "[ -~]{0,20}/[ -~]{0,20}", charset in "[ -~]{1,9}") {
        if let (Ok(media_type), Ok(charset)) = (text.parse::<MediaType>(), charset.parse()) {
            let types = MediaTypes::new([(&Extension::Unknown, &media_type)], charset);
            let shown = types.of(b"x");
            prop_assert!(shown.to_str().unwrap().starts_with(media_type.to_string().as_str()));
        }
    }
}
