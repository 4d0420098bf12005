//! Several ranges in one request (RFC 9110 14 and 15.3.7.2), and files whose offsets need more than 32 bits.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::time::{Duration, SystemTime};

use crate::support::{Client, Proxy, Request, Response};

/// One part of a multipart/byteranges body.
#[derive(Debug, PartialEq, Eq)]
struct Part {
    content_type: String,
    content_range: String,
    bytes: Vec<u8>,
}

/// Reads a multipart body to its very last byte. The lengths are those that its Content-Range fields tell.
fn parts(response: &Response) -> Vec<Part> {
    assert_eq!((response.status, response.header("content-range")), (206, None), "{response:?}");
    let content_type = response.header("content-type").unwrap();
    let boundary = content_type.strip_prefix("multipart/byteranges; boundary=").expect(content_type);
    let (mut parts, mut rest) = (Vec::new(), &response.body[..]);
    let end = format!("\r\n--{boundary}--\r\n");
    while rest != end.as_bytes() {
        let head_end = memchr::memmem::find(rest, b"\r\n\r\n").expect("a part has a head") + 4;
        let head = std::str::from_utf8(&rest[..head_end]).unwrap();
        let fields = head.strip_prefix(&format!("\r\n--{boundary}\r\n")).expect(head);
        let field = |name: &str| {
            fields
                .lines()
                .find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
                .expect(name)
                .to_owned()
        };
        let content_range = field("Content-Range");
        let (first, last) = content_range.strip_prefix("bytes ").unwrap().split_once('-').unwrap();
        let (last, _) = last.split_once('/').unwrap();
        let length = last.parse::<u64>().unwrap() + 1 - first.parse::<u64>().unwrap();
        let (bytes, behind) = rest[head_end..].split_at(usize::try_from(length).unwrap());
        parts.push(Part { content_type: field("Content-Type"), content_range, bytes: bytes.to_vec() });
        rest = behind;
    }
    parts
}

/// A file in memory and one that the kernel sends, each with a connection to ask for it on.
fn both(test: impl Fn(&mut Client, &str, &[u8])) {
    for (path, length) in [("/small.txt", 60_000_u64), ("/large.txt", 3_000_000)] {
        let content: Vec<u8> = (0..length).map(|at| b'a' + u8::try_from(at * 31 % 23).unwrap()).collect();
        let builder = Proxy::files().file(&format!("www{path}"), &content);
        let file = File::open(builder.dir().join("www").join(&path[1..])).unwrap();
        file.set_modified(SystemTime::now() - Duration::from_secs(3600)).unwrap();
        let proxy = builder.start();
        let mut client = proxy.connect();
        // Whatever is kept of it is kept now.
        assert!(client.exchange(&Request::get(path)).body == content);
        test(&mut client, path, &content);
    }
}

fn ask(client: &mut Client, path: &str, range: &str) -> Response {
    client.exchange(&Request::get(path).header("Range", range))
}

#[test]
fn ranges_apart_come_as_parts_in_their_order() {
    both(|client, path, content| {
        let length = content.len();
        let response = ask(client, path, "bytes=50000-50999, 10-19, -7");
        let expected = [50_000..51_000, 10..20, length - 7..length].map(|range| Part {
            content_type: "text/plain; charset=utf-8".into(),
            content_range: format!("bytes {}-{}/{length}", range.start, range.end - 1),
            bytes: content[range].to_vec(),
        });
        assert_eq!(parts(&response), expected);
        assert!(client.exchange(&Request::get(path)).body == content, "the answer behind");
    });
}

#[test]
fn ranges_that_nearly_touch_are_one_part_of_a_plain_206() {
    both(|client, path, content| {
        let response = ask(client, path, "bytes=150-199,100-149,0-9,20-89");
        assert_eq!(response.status, 206);
        assert_eq!(response.header("content-range"), Some(&*format!("bytes 0-199/{}", content.len())));
        assert_eq!(response.header("content-type"), Some("text/plain; charset=utf-8"));
        assert!(response.body == content[..200]);
    });
}

#[test]
fn only_ranges_that_are_there_count() {
    both(|client, path, content| {
        let beyond = content.len() + 5;
        let found = parts(&ask(client, path, &format!("bytes={beyond}-,5-6,-0,40000-40001")));
        assert_eq!(
            found.iter().map(|part| &part.bytes[..]).collect::<Vec<_>>(),
            [&content[5..7], &content[40_000..40_002]]
        );
        let nothing = ask(client, path, &format!("bytes={beyond}-,-0"));
        assert_eq!(nothing.status, 416);
        assert_eq!(nothing.header("content-range"), Some(&*format!("bytes */{}", content.len())));
    });
}

#[test]
fn no_answer_is_longer_than_the_file() {
    let list = |count: usize, range: &dyn Fn(usize) -> String| {
        format!("bytes={}", (0..count).map(range).collect::<Vec<_>>().join(","))
    };
    both(|client, path, content| {
        let step = content.len() / 100;
        for (range, status) in [
            (list(1300, &|n| format!("{n}-")), 200),
            (list(8000, &|_| "0-".into()), 200),
            (list(101, &|n| format!("{0}-{0}", n * 300)), 200),
            ("bytes=-9223372036854775808,-9223372036854775807".into(), 200),
            ("bytes=0-,1-,-1".into(), 200),
            (list(100, &|n| format!("{}-{}", n * step, n * step + step - 140)), 206),
            (list(100, &|n| format!("{}-{}", n * step, n * step + step - 120)), 206),
            (list(100, &|n| format!("{0}-{0}", n * step)), 206),
        ] {
            let response = ask(client, path, &range);
            assert_eq!(response.status, status, "{range}");
            assert!(response.body.len() <= content.len(), "{} bytes for {range}", response.body.len());
        }
    });
}

#[test]
fn head_and_validators_of_another_file_get_no_parts() {
    both(|client, path, _| {
        let two = Request::get(path).header("Range", "bytes=0-9,30000-30009");
        let whole = client.exchange(&Request::get(path));
        let (tag, date) = (whole.header("etag").unwrap(), whole.header("last-modified").unwrap());
        for (condition, status) in [(tag, 206), (date, 206), ("\"other\"", 200)] {
            assert_eq!(client.exchange(&two.clone().header("If-Range", condition)).status, status);
        }
        let head = client.exchange(&Request::new("HEAD", path).header("Range", "bytes=0-9,30000-30009"));
        assert_eq!((head.status, head.header("content-length")), (200, whole.header("content-length")));
    });
}

const FOUR_GIB: u64 = 1 << 32;
const FIVE_GIB: u64 = 5 << 30;

/// A file of 5 GiB that takes next to no disk: all zeros but for what stands around the fourth, and at its end.
fn huge() -> Proxy {
    let builder = Proxy::files().directory("www");
    let file = File::create(builder.dir().join("www/huge.bin")).unwrap();
    file.set_len(FIVE_GIB).unwrap();
    file.write_all_at(b"before|behind", FOUR_GIB - 7).unwrap();
    file.write_all_at(b"the end", FIVE_GIB - 7).unwrap();
    file.set_modified(SystemTime::now() - Duration::from_secs(3600)).unwrap();
    builder.start()
}

#[test]
fn ranges_may_lie_on_either_side_of_4_gib() {
    let proxy = huge();
    let mut client = proxy.connect();
    for (range, told, content) in [
        ("bytes=4294967289-4294967294", "bytes 4294967289-4294967294/5368709120", "before"),
        ("bytes=4294967295-4294967295", "bytes 4294967295-4294967295/5368709120", "|"),
        ("bytes=4294967296-4294967301", "bytes 4294967296-4294967301/5368709120", "behind"),
        ("bytes=4294967289-4294967301", "bytes 4294967289-4294967301/5368709120", "before|behind"),
        ("bytes=-3", "bytes 5368709117-5368709119/5368709120", "end"),
        ("bytes=5368709113-", "bytes 5368709113-5368709119/5368709120", "the end"),
    ] {
        let response = ask(&mut client, "/huge.bin", range);
        assert_eq!((response.status, response.header("content-range")), (206, Some(told)));
        assert_eq!(response.text(), content, "{range}");
    }
    assert_eq!(ask(&mut client, "/huge.bin", "bytes=5368709120-").status, 416);
}

#[test]
fn lengths_above_4_gib_are_told_whole() {
    let proxy = huge();
    let whole = proxy.send(&Request::new("HEAD", "/huge.bin"));
    assert_eq!(whole.header("content-length"), Some("5368709120"));
    for (range, length) in [
        ("bytes=1-", "5368709119"),
        ("bytes=0-4294967295", "4294967296"),
        ("bytes=-4294967297", "4294967297"),
    ] {
        let mut client = proxy.connect();
        client.send(Request::get("/huge.bin").header("Range", range).bytes());
        assert_eq!(client.head().header("content-length"), Some(length), "{range}");
    }
}

#[test]
fn parts_may_lie_across_4_gib() {
    let proxy = huge();
    let response = proxy.send(
        &Request::get("/huge.bin")
            .header("Range", "bytes=-3,4294967289-4294967301,0-1,4294000000-4294000001"),
    );
    let found: Vec<_> = parts(&response)
        .into_iter()
        .map(|part| (part.content_range, part.bytes.escape_ascii().to_string()))
        .collect();
    let expected = [
        ("bytes 5368709117-5368709119/5368709120", "end"),
        ("bytes 4294967289-4294967301/5368709120", "before|behind"),
        ("bytes 0-1/5368709120", "\\x00\\x00"),
        ("bytes 4294000000-4294000001/5368709120", "\\x00\\x00"),
    ];
    assert_eq!(found, expected.map(|(range, text)| (range.to_owned(), text.to_owned())));
}

#[test]
fn both_validators_of_a_huge_file_let_its_parts_be_had() {
    let proxy = huge();
    let whole = proxy.send(&Request::new("HEAD", "/huge.bin"));
    let part = Request::get("/huge.bin").header("Range", "bytes=4294967296-4294967301");
    for validator in ["etag", "last-modified"] {
        let response = proxy.send(&part.clone().header("If-Range", whole.header(validator).unwrap()));
        assert_eq!((response.status, response.text()), (206, "behind"), "{validator}");
    }
    // What has changed meanwhile comes whole.
    let mut client = proxy.connect();
    client.send(part.header("If-Range", "\"other\"").bytes());
    let head = client.head();
    assert_eq!((head.status, head.header("content-length")), (200, Some("5368709120")));
}
