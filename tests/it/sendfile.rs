//! How the bytes of files get to the socket: by `sendfile(2)`, or from memory without touching the disk;
//! and what becomes of files that change under way.

use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::path::Path;
use std::time::{Duration, Instant, SystemTime};

use crate::support::trace::{self, Trace};
use crate::support::{Client, Proxy, Request};

/// Bytes that differ from place to place. They repeat after a prime number, which no buffer is a multiple of.
fn pattern(seed: usize, length: usize) -> Vec<u8> {
    const PRIME: usize = 65_521;
    let block: Vec<u8> =
        (0..PRIME).map(|at| ((at * 31 + at / 251 + seed) % 256).try_into().unwrap()).collect();
    let mut pattern = block.repeat(length / PRIME + 1);
    pattern.truncate(length);
    pattern
}

/// What was written just now may be written again within the same tick: only settled files are kept.
fn settle(path: &Path) {
    File::open(path).unwrap().set_modified(SystemTime::now() - Duration::from_secs(3600)).unwrap();
}

/// Much less fits into the socket than the file has, so most of it is still to be sent.
fn slow(proxy: &Proxy) -> Client {
    let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap();
    socket.set_recv_buffer_size(16 * 1024).unwrap();
    socket.connect(&proxy.addr().into()).unwrap();
    Client::over(socket.into())
}

#[test]
fn a_large_file_goes_through_sendfile_and_is_never_read() {
    let content = pattern(0, 3 << 20);
    let proxy = Proxy::files().file("www/large.bin", &content).start();
    let trace = Trace::attach(proxy.pid(), "sendfile,sendfile64,read,pread64,readv,preadv,mmap,splice");
    let response = proxy.get("/large.bin");
    let calls = trace.finish();
    assert!(response.body == content);
    assert!(trace::count(&calls, "sendfile", "/www/large.bin>") > 0, "{}", calls.join("\n"));
    let other: Vec<_> = calls.iter().filter(|line| !line.contains(" sendfile(")).collect();
    assert!(!other.iter().any(|line| line.contains("large.bin")), "{other:#?}");
}

#[test]
fn a_range_of_a_large_file_goes_through_sendfile_too() {
    let content = pattern(0, 3 << 20);
    let proxy = Proxy::files().file("www/large.bin", &content).start();
    let trace = Trace::attach(proxy.pid(), "sendfile,read,pread64");
    let response = proxy.send(&Request::get("/large.bin").header("Range", "bytes=1000000-1999999"));
    let calls = trace.finish();
    assert!(response.body == content[1_000_000..2_000_000]);
    assert!(trace::count(&calls, "sendfile", "[1000000]") > 0, "{}", calls.join("\n"));
}

#[test]
fn offsets_may_need_more_than_32_bits() {
    use std::os::unix::fs::FileExt;
    let builder = Proxy::files().directory("www");
    let file = File::create(builder.dir().join("www/huge.bin")).unwrap();
    file.set_len(6 << 30).unwrap();
    file.write_all_at(b"far away", (5 << 30) - 4).unwrap();
    let proxy = builder.start();
    let mut client = proxy.connect();
    let range = format!("bytes={}-{}", (5_u64 << 30) - 4, (5_u64 << 30) + 3);
    assert_eq!(client.exchange(&Request::get("/huge.bin").header("Range", &range)).text(), "far away");
    let whole = client.exchange(&Request::new("HEAD", "/huge.bin"));
    assert_eq!(whole.header("content-length"), Some("6442450944"));
}

/// As `nc -N` and old clients do it.
#[test]
fn a_client_that_ended_its_direction_still_gets_its_file() {
    let content = pattern(0, 16 << 20);
    let proxy = Proxy::files().file("www/large.bin", &content).start();
    let mut client = slow(&proxy);
    client.send(Request::get("/large.bin").bytes()).finish();
    assert!(client.response().body == content);
}

#[test]
fn a_hot_small_file_is_answered_from_memory() {
    let builder = Proxy::files().file("www/hot.txt", "hot");
    settle(&builder.dir().join("www/hot.txt"));
    let proxy = builder.start();
    // One connection, and so one event loop with its memory.
    let mut client = proxy.connect();
    assert_eq!(client.exchange(&Request::get("/hot.txt")).text(), "hot");
    let trace =
        Trace::attach(proxy.pid(), "openat,openat2,open,stat,fstat,statx,newfstatat,read,pread64,sendfile");
    let begun = Instant::now();
    for _ in 0..200 {
        assert_eq!(client.exchange(&Request::get("/hot.txt")).text(), "hot");
    }
    // A file is trusted for a second, so as many seconds went by, as often it may have been looked at.
    let looks = usize::try_from(begun.elapsed().as_secs()).unwrap() + 2;
    let calls = trace.finish();
    for call in ["openat", "openat2", "open", "statx", "fstat"] {
        assert!(trace::count(&calls, call, "") <= 2 * looks, "{call} in {}", calls.join("\n"));
    }
    for call in ["sendfile", "pread64", "read"] {
        assert_eq!(trace::count(&calls, call, "hot.txt"), 0, "{call} in {}", calls.join("\n"));
    }
}

#[test]
fn a_hot_file_that_changes_is_served_anew() {
    let builder = Proxy::files().file("www/hot.txt", "old");
    let path = builder.dir().join("www/hot.txt");
    settle(&path);
    let proxy = builder.start();
    let mut client = proxy.connect();
    let old = client.exchange(&Request::get("/hot.txt"));
    assert_eq!(old.text(), "old");
    fs::write(&path, "new").unwrap();
    crate::support::kernel::eventually("the new content is served", || {
        let now = client.exchange(&Request::get("/hot.txt"));
        assert_eq!(now.text() == "new", now.header("etag") != old.header("etag"));
        now.text() == "new"
    });
}

/// Many at once, each slow, each with another request behind: any mistake in offsets, in the order of
/// writes or in whose bytes are whose would show.
#[test]
fn slow_readers_get_every_byte_right() {
    const READERS: usize = 6;
    let content = pattern(0, 64 << 20);
    let other = pattern(1, 300_000);
    let proxy = Proxy::files().file("www/large.bin", &content).file("www/other.bin", &other).start();
    std::thread::scope(|scope| {
        for reader in 0..READERS {
            let (proxy, content, other) = (&proxy, &content, &other);
            scope.spawn(move || {
                let mut client = slow(proxy);
                client.send(Request::get("/large.bin").bytes()).send(Request::get("/other.bin").bytes());
                client.send(Request::get("/large.bin").header("Range", "bytes=7-99").bytes());
                assert_eq!(client.head().header("content-length"), Some("67108864"));
                let mut at = 0;
                while at < content.len() {
                    // Pieces of different sizes, so that readers are at different places.
                    let piece = client.take((50_000 + 7_777 * reader).min(content.len() - at));
                    assert!(piece == content[at..at + piece.len()], "reader {reader} at {at}");
                    at += piece.len();
                }
                assert!(client.response().body == *other, "reader {reader}, second answer");
                assert!(client.response().body == content[7..100], "reader {reader}, third answer");
            });
        }
    });
}

/// A file of which a slow client has seen the beginning.
fn half_sent(length: usize) -> (Proxy, Client, Vec<u8>) {
    let content = pattern(0, length);
    let proxy = Proxy::files().file("www/file.bin", &content).file("www/other.txt", "other").start();
    let mut client = slow(&proxy);
    client.send(Request::get("/file.bin").bytes());
    client.head();
    assert!(client.take(1000) == content[..1000]);
    (proxy, client, content)
}

#[test]
fn a_file_truncated_while_sent_cuts_its_answer_and_nothing_else() {
    let (proxy, mut client, content) = half_sent(32 << 20);
    client.send(Request::get("/other.txt").bytes());
    let file = OpenOptions::new().write(true).open(proxy.dir().join("www/file.bin")).unwrap();
    file.set_len(64 * 1024).unwrap();
    let rest = client.rest();
    assert!(rest.len() < content.len() - 1000, "the answer was filled up");
    // What waits in the socket is the file's own pages, which the kernel clears behind the new end.
    let expected = rest.iter().zip(&content[1000..]).all(|(sent, was)| sent == was || *sent == 0);
    assert!(expected, "something else was sent behind the end");
    proxy.wait_for_log("file-truncated");
    assert_eq!(proxy.get("/other.txt").text(), "other");
}

#[test]
fn a_file_replaced_while_sent_goes_out_as_it_was() {
    let (proxy, mut client, content) = half_sent(32 << 20);
    fs::write(proxy.dir().join("www/new.bin"), "new").unwrap();
    fs::rename(proxy.dir().join("www/new.bin"), proxy.dir().join("www/file.bin")).unwrap();
    assert!(client.take(content.len() - 1000) == content[1000..]);
    assert_eq!(client.exchange(&Request::get("/other.txt")).text(), "other");
}

#[test]
fn a_file_grown_while_sent_keeps_the_length_that_was_announced() {
    let (proxy, mut client, content) = half_sent(32 << 20);
    let mut file = OpenOptions::new().append(true).open(proxy.dir().join("www/file.bin")).unwrap();
    file.write_all(b"more").unwrap();
    assert!(client.take(content.len() - 1000) == content[1000..]);
    assert_eq!(client.exchange(&Request::get("/other.txt")).text(), "other");
}
