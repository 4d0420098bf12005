//! Files that are compressed on their way, and small ones once for all who ask.

use std::fs::{self, File};
use std::path::Path;
use std::time::{Duration, SystemTime};

use crate::support::decode::decode;
use crate::support::{Client, Origin, PATIENCE, Proxy, Request, Response, kernel};

fn serving(keys: &str) -> Proxy {
    let builder = Proxy::site(&format!("[[site.location]]\nmatch = \"/\"\nfiles = \"www\"\n{keys}"))
        .file("www/page.html", text(20_000))
        .file("www/script.js", text(300_000))
        .file("www/long.txt", text(3_000_000))
        .file("www/tiny.txt", "tiny")
        .file("www/photo.jpg", text(20_000))
        .file("www/noise.txt", noise(20_000));
    for name in ["page.html", "script.js", "long.txt", "tiny.txt", "photo.jpg", "noise.txt"] {
        age(&builder.dir().join("www").join(name));
    }
    builder.start()
}

/// Something that compresses well, and of which no two places are the same.
fn text(length: usize) -> String {
    let lines = (0..length).map(|line| format!("line {line} of a text that goes on\n"));
    lines.flat_map(String::into_bytes).take(length).map(char::from).collect()
}

/// What no encoder makes shorter.
fn noise(length: usize) -> Vec<u8> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()[3]
    };
    (0..length).map(|_| next()).collect()
}

/// An hour old, so that it may be kept.
fn age(path: &Path) {
    let file = File::options().write(true).open(path).unwrap();
    file.set_modified(SystemTime::now() - Duration::from_secs(3600)).unwrap();
}

fn ask(proxy: &Proxy, path: &str, accept: &str) -> Response {
    proxy.send(&Request::get(path).header("Accept-Encoding", accept))
}

fn decoded(response: &Response) -> Vec<u8> {
    match response.header("content-encoding") {
        None => response.body.clone(),
        Some(coding) => decode(coding, &response.body).unwrap(),
    }
}

#[test]
fn files_of_any_size_are_compressed_in_the_coding_that_is_liked_best() {
    let proxy = serving("compress = true\n");
    for path in ["/page.html", "/script.js", "/long.txt"] {
        let plain = proxy.get(path);
        for accept in ["zstd", "br", "gzip"] {
            // Twice: made for the first, kept for the second.
            for _ in 0..2 {
                let response = ask(&proxy, path, accept);
                assert_eq!(response.header("content-encoding"), Some(accept), "{path}");
                assert!(decoded(&response) == plain.body, "{path} {accept}");
                assert!(response.body.len() * 4 < plain.body.len(), "{path}: {} bytes", response.body.len());
                assert_eq!(response.header("content-type"), plain.header("content-type"));
                assert_eq!(response.header("vary"), Some("Accept-Encoding"));
                assert_eq!(response.header("accept-ranges"), None);
            }
        }
        assert_eq!(plain.header("vary"), Some("Accept-Encoding"));
    }
}

#[test]
fn a_small_file_is_compressed_once_and_has_a_length() {
    let proxy = serving("compress = true\n");
    let [first, second] = [(); 2].map(|()| ask(&proxy, "/script.js", "gzip"));
    assert_eq!(first.body, second.body);
    assert_eq!(second.header("content-length"), Some(second.body.len().to_string().as_str()));
    assert_eq!(ask(&proxy, "/long.txt", "gzip").header("transfer-encoding"), Some("chunked"));
}

#[test]
fn what_would_gain_nothing_is_left_alone() {
    let proxy = serving("compress = true\n");
    for path in ["/tiny.txt", "/photo.jpg", "/noise.txt"] {
        for _ in 0..2 {
            let response = ask(&proxy, path, "zstd, br, gzip");
            assert_eq!((response.status, response.header("content-encoding")), (200, None), "{path}");
            assert!(response.header("accept-ranges").is_some(), "{path}");
        }
    }
}

#[test]
fn the_settings_of_compression_are_heeded() {
    let proxy = serving(
        "compress = { codings = [\"gzip\", \"br\"], types = [\"image/*\"], min_size = \"15KiB\", levels = { gzip = 1 } }\n",
    );
    let photo = ask(&proxy, "/photo.jpg", "zstd, br, gzip");
    assert_eq!(photo.header("content-encoding"), Some("gzip"));
    assert_eq!(ask(&proxy, "/page.html", "gzip").header("content-encoding"), None);
    let best = serving("compress = { types = [\"image/*\"], levels = { gzip = 9 } }\n");
    assert!(ask(&best, "/photo.jpg", "gzip").body.len() < photo.body.len());
}

#[test]
fn each_coding_has_a_weak_tag_of_its_own() {
    let proxy = serving("compress = true\n");
    for path in ["/page.html", "/long.txt"] {
        let [plain, gzip, br] = ["identity", "gzip", "br"]
            .map(|accept| ask(&proxy, path, accept).header("etag").unwrap().to_owned());
        assert!(plain.starts_with('"') && gzip.starts_with("W/\"") && gzip != br, "{plain} {gzip} {br}");
        let conditional = |accept: &str, tag: &str| {
            proxy
                .send(&Request::get(path).header("Accept-Encoding", accept).header("If-None-Match", tag))
                .status
        };
        assert_eq!(conditional("gzip", &gzip), 304);
        assert_eq!(conditional("br", &gzip), 200);
        assert_eq!(conditional("identity", &plain), 304);
    }
}

#[test]
fn parts_are_of_the_file_as_it_is() {
    let proxy = serving("compress = true\n");
    for path in ["/page.html", "/long.txt"] {
        let request = Request::get(path).header("Accept-Encoding", "gzip").header("Range", "bytes=0-5");
        let response = proxy.send(&request);
        assert_eq!((response.status, response.text()), (206, "line 0"), "{path}");
        assert_eq!(response.header("content-encoding"), None);
        assert_eq!(response.header("vary"), Some("Accept-Encoding"));
    }
}

#[test]
fn head_tells_of_the_coding() {
    let proxy = serving("compress = true\n");
    let get = ask(&proxy, "/page.html", "gzip");
    let head = proxy.send(&Request::new("HEAD", "/page.html").header("Accept-Encoding", "gzip"));
    for name in ["content-encoding", "etag", "vary", "content-length", "content-type"] {
        assert_eq!(head.header(name), get.header(name), "{name}");
    }
    let head = proxy.send(&Request::new("HEAD", "/long.txt").header("Accept-Encoding", "gzip"));
    assert_eq!((head.header("content-encoding"), head.header("content-length")), (Some("gzip"), None));
}

#[test]
fn a_replaced_file_is_never_answered_by_what_was_made_of_the_old_one() {
    let proxy = serving("compress = true\n");
    assert!(decoded(&ask(&proxy, "/page.html", "gzip")).starts_with(b"line 0"));
    let new = proxy.dir().join("new.html");
    let verses = text(5000).replace("line", "verse");
    fs::write(&new, &verses).unwrap();
    age(&new);
    fs::rename(&new, proxy.dir().join("www/page.html")).unwrap();
    let asked = std::time::Instant::now();
    let seen = std::iter::repeat_with(|| ask(&proxy, "/page.html", "gzip"))
        .take_while(|_| asked.elapsed() < PATIENCE)
        .find(|response| decoded(response).starts_with(b"verse 0"));
    assert_eq!(decoded(&seen.unwrap()), verses.as_bytes());
}

#[test]
fn a_twin_comes_before_what_would_be_made_here() {
    let proxy = Proxy::site(
        "[[site.location]]\nmatch = \"/\"\nfiles = \"www\"\nprecompressed = [\"gzip\"]\ncompress = true\n",
    )
    .file("www/a.txt", text(5000))
    .file("www/a.txt.gz", "the twin")
    .start();
    assert_eq!(ask(&proxy, "/a.txt", "zstd, gzip").text(), "the twin");
    assert_eq!(ask(&proxy, "/a.txt", "zstd").header("content-encoding"), Some("zstd"));
}

#[test]
fn what_is_not_to_be_transformed_is_sent_as_it_is() {
    let proxy = serving("compress = true\ncache_control = \"public, no-transform\"\n");
    assert_eq!(ask(&proxy, "/page.html", "gzip").header("content-encoding"), None);
}

#[test]
fn many_clients_of_a_long_file_take_bounded_memory() {
    let proxy = serving("compress = true\n");
    ask(&proxy, "/long.txt", "zstd");
    let before = kernel::resident(proxy.pid());
    let mut clients: Vec<_> = (0..50).map(|_| proxy.connect()).collect();
    for client in &mut clients {
        client.send(Request::get("/long.txt").header("Accept-Encoding", "zstd").bytes());
    }
    for client in &mut clients {
        client.head();
    }
    let each = kernel::resident(proxy.pid()).saturating_sub(before) / 50;
    assert!(each < 4 << 20, "{each} bytes for each client");
}

/// Has applications send a file that would be compressed, and its answer to this client.
fn sent_by(said: &str, path: &str, fields: &[(&str, &str)]) -> Response {
    let redirect = format!("HTTP/1.1 200 OK\r\nContent-Length: 0\r\nX-Accel-Redirect: {path}\r\n{said}\r\n");
    let origin = Origin::answering(redirect);
    let proxy = Proxy::site(&format!(
        "[[site.location]]\nmatch = \"/protected/\"\nfiles = \"media\"\ninternal = true\ncompress = true\n\
         [[site.location]]\nmatch = \"/\"\nproxy = \"app\"\n[upstream.app]\nservers = [\"{}\"]\n",
        origin.address()
    ))
    .file("media/doc.txt", text(5000))
    .file("media/9f8a7c", text(5000));
    for name in ["doc.txt", "9f8a7c"] {
        age(&proxy.dir().join("media").join(name));
    }
    let accepts = fields.iter().any(|(name, _)| *name == "Accept-Encoding");
    let request =
        if accepts { Request::get("/") } else { Request::get("/").header("Accept-Encoding", "gzip") };
    proxy.start().send(&fields.iter().fold(request, |request, (name, value)| request.header(name, value)))
}

#[test]
fn what_an_application_says_of_a_file_decides_whether_it_is_compressed() {
    let coding = |said: &str, path: &str| {
        let response = sent_by(said, path, &[]);
        assert_eq!(decoded(&response).len(), 5000, "{said}");
        response.header("content-encoding").map(str::to_owned)
    };
    let gzip = Some("gzip".to_owned());
    assert_eq!(coding("", "/protected/doc.txt"), gzip);
    assert_eq!(coding("Cache-Control: private, no-transform\r\n", "/protected/doc.txt"), None);
    assert_eq!(coding("Set-Cookie: a=1\r\n", "/protected/doc.txt"), None);
    assert_eq!(coding("Content-Type: image/png\r\n", "/protected/doc.txt"), None);
    assert_eq!(coding("", "/protected/9f8a7c"), None);
    assert_eq!(coding("Content-Type: text/html\r\n", "/protected/9f8a7c"), gzip);
    for accept in ["gzip", "identity"] {
        let fields = [("Accept-Encoding", accept)];
        let response = sent_by("Content-Type: text/html\r\n", "/protected/9f8a7c", &fields);
        assert_eq!(response.header("vary"), Some("Accept-Encoding"), "{accept}");
    }
}

#[test]
fn parts_of_a_file_have_the_type_that_the_application_says() {
    let response =
        sent_by("Content-Type: text/x-said\r\n", "/protected/doc.txt", &[("Range", "bytes=0-1,1000-1001")]);
    assert_eq!(response.status, 206);
    assert_eq!(response.text().matches("Content-Type: text/x-said\r\n").count(), 2, "{}", response.text());
}

#[test]
fn clients_that_know_no_chunks_get_long_files_as_they_are() {
    let proxy = serving("compress = true\n");
    let ask = |path: &str| {
        let mut client = proxy.connect();
        client.send(format!("GET {path} HTTP/1.0\r\nHost: a\r\nAccept-Encoding: gzip\r\n\r\n"));
        let response = client.response();
        (response.header("content-length").is_some(), response.header("content-encoding").map(str::to_owned))
    };
    assert_eq!(ask("/long.txt"), (true, None));
    assert_eq!(ask("/page.html"), (true, Some("gzip".into())));
}

#[test]
fn more_clients_than_there_is_room_for_get_the_file_as_it_is() {
    let proxy = Proxy::config(
        "[server]\nworkers = 1\n[[site]]\nlisten = [\"127.0.0.1:0\"]\n\
         [[site.location]]\nmatch = \"/\"\nfiles = \"www\"\ncompress = true\n",
    );
    // More than sockets take of it, so that nobody is done who does not read.
    let proxy = proxy.file("www/large.txt", noise(16 << 20)).start();
    let ask = || {
        let mut client = proxy.connect();
        client.send(Request::get("/large.txt").header("Accept-Encoding", "br").bytes());
        client
    };
    let mut clients: Vec<_> = (0..150).map(|_| ask()).collect();
    let is_coded = |client: &mut Client| client.head().header("content-encoding") == Some("br");
    assert_eq!(clients.iter_mut().filter_map(|client| is_coded(client).then_some(())).count(), 51);
    drop(clients);
    kernel::eventually("there is room again", || is_coded(&mut ask()));
}
