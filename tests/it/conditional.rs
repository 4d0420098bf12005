//! Preconditions and ranges (RFC 9110 13 and 14), from a file in memory and from one that is sent by the
//! kernel.

use crate::support::{Client, Proxy, Request, Response};

const PAST: &str = "Sun, 06 Nov 1994 08:49:37 GMT";
const FUTURE: &str = "Fri, 31 Dec 9999 23:59:59 GMT";

struct File {
    client: Client,
    path: &'static str,
    tag: String,
    date: String,
    content: String,
    _proxy: Proxy,
}

impl File {
    /// A small file that was left alone for long, and one that is too large for memory.
    fn both() -> [Self; 2] {
        ["/small.txt", "/large.txt"].map(Self::new)
    }

    fn new(path: &'static str) -> Self {
        let digits = "0123456789".repeat(if path == "/small.txt" { 10 } else { 100_000 });
        let builder = Proxy::files().file(&format!("www{path}"), &digits);
        let file = std::fs::File::open(builder.dir().join("www").join(&path[1..])).unwrap();
        let long_ago = std::time::SystemTime::now() - std::time::Duration::from_secs(3600);
        file.set_modified(long_ago).unwrap();
        let proxy = builder.start();
        let mut client = proxy.connect();
        let first = client.exchange(&Request::get(path));
        let field = |name| first.header(name).unwrap().to_owned();
        Self {
            client,
            path,
            tag: field("etag"),
            date: field("last-modified"),
            content: digits,
            _proxy: proxy,
        }
    }

    /// `TAG` and `DATE` stand for the file's own.
    fn ask(&mut self, method: &str, fields: &[(&str, &str)]) -> Response {
        let mut request = Request::new(method, self.path);
        for (name, value) in fields {
            request = request.header(name, &value.replace("TAG", &self.tag).replace("DATE", &self.date));
        }
        self.client.exchange(&request)
    }

    fn get(&mut self, fields: &[(&str, &str)]) -> Response {
        self.ask("GET", fields)
    }
}

#[test]
fn preconditions_are_weighed_in_their_order() {
    #[rustfmt::skip]
    let table: &[(&[(&str, &str)], u16)] = &[
        (&[("If-Match", "TAG")], 200),
        (&[("If-Match", "\"x\", TAG")], 200),
        (&[("If-Match", "*")], 200),
        (&[("If-Match", "\"x\"")], 412),
        (&[("If-Match", "W/TAG")], 412),
        (&[("If-Unmodified-Since", "DATE")], 200),
        (&[("If-Unmodified-Since", PAST)], 412),
        (&[("If-Match", "TAG"), ("If-Unmodified-Since", PAST)], 200),
        (&[("If-None-Match", "TAG")], 304),
        (&[("If-None-Match", "W/TAG")], 304),
        (&[("If-None-Match", "\"x\", TAG")], 304),
        (&[("If-None-Match", "*")], 304),
        (&[("If-None-Match", "\"x\"")], 200),
        (&[("If-Modified-Since", "DATE")], 304),
        (&[("If-Modified-Since", FUTURE)], 304),
        (&[("If-Modified-Since", PAST)], 200),
        (&[("If-Modified-Since", "yesterday")], 200),
        (&[("If-None-Match", "\"x\""), ("If-Modified-Since", "DATE")], 200),
        (&[("If-Match", "\"x\""), ("If-None-Match", "TAG")], 412),
        (&[("If-None-Match", "TAG"), ("Range", "bytes=0-1")], 304),
    ];
    for mut file in File::both() {
        for (fields, status) in table {
            assert_eq!(file.get(fields).status, *status, "{} {fields:?}", file.path);
        }
    }
}

#[test]
fn not_modified_keeps_the_validators_and_has_no_body() {
    for mut file in File::both() {
        let response = file.get(&[("If-None-Match", "TAG")]);
        assert_eq!(response.header("etag"), Some(&*file.tag));
        assert_eq!(response.header("content-length"), None);
        // The next answer on the connection is read from its first byte.
        assert_eq!(file.get(&[]).text(), file.content);
    }
}

#[test]
fn one_range_is_cut_out() {
    for mut file in File::both() {
        let length = file.content.len();
        let table = [
            ("bytes=0-0".to_owned(), 0..1),
            ("bytes=3-7".to_owned(), 3..8),
            ("bytes=10-".to_owned(), 10..length),
            ("bytes=-5".to_owned(), length - 5..length),
            (format!("bytes=-{}", length * 2), 0..length),
            (format!("bytes={}-", length - 1), length - 1..length),
            ("bytes=90-99999999999999".to_owned(), 90..length),
        ];
        for (range, part) in table {
            let response = file.get(&[("Range", &range)]);
            assert_eq!(response.status, 206, "{range}");
            let told = format!("bytes {}-{}/{length}", part.start, part.end - 1);
            assert_eq!(response.header("content-range"), Some(&*told), "{range}");
            assert_eq!(response.header("etag"), Some(&*file.tag));
            assert_eq!(response.text(), &file.content[part], "{range}");
        }
    }
}

#[test]
fn a_range_behind_the_end_is_told_the_length() {
    for mut file in File::both() {
        let length = file.content.len();
        for range in [format!("bytes={length}-"), "bytes=-0".to_owned()] {
            let response = file.get(&[("Range", &range)]);
            assert_eq!(response.status, 416, "{range}");
            assert_eq!(response.header("content-range"), Some(&*format!("bytes */{length}")), "{range}");
        }
    }
}

#[test]
fn ranges_that_are_none_or_that_multiply_get_the_whole_file() {
    let overlapping = format!("bytes={}", vec!["0-"; 1300].join(","));
    let faulty =
        ["bytes=5-2", "bytes=x-y", "lines=1-2", "bytes=", "bytes=-9223372036854775808-1", &overlapping];
    for mut file in File::both() {
        for range in faulty {
            let response = file.get(&[("Range", range)]);
            assert_eq!((response.status, response.body.len()), (200, file.content.len()), "{range}");
        }
    }
}

#[test]
fn head_has_no_ranges() {
    for mut file in File::both() {
        let response = file.ask("HEAD", &[("Range", "bytes=0-1")]);
        assert_eq!(response.status, 200);
        assert_eq!(response.header("content-length"), Some(&*file.content.len().to_string()));
    }
}

#[test]
fn if_range_sends_the_part_of_this_very_file_only() {
    for mut file in File::both() {
        for (condition, status) in [("TAG", 206), ("DATE", 206), ("\"x\"", 200), ("W/TAG", 200), (PAST, 200)]
        {
            let response = file.get(&[("Range", "bytes=0-1"), ("If-Range", condition)]);
            assert_eq!(response.status, status, "{condition}");
        }
    }
}
