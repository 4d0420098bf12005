//! Files that are not in memory: their disk is waited for on threads that may wait, and the event loop goes on.

use std::collections::HashMap;
use std::fs::File;
use std::io::Write;
use std::path::Path;

use rustix::fs::{Advice, fadvise};
use rustix::process::Signal;
use tempfile::TempDir;

use crate::support::trace::Trace;
use crate::support::{Client, Origin, Proxy, Request, SlowDisk};

/// Bytes that differ from place to place. They repeat after a prime number, which no buffer is a multiple of.
fn pattern(offset: usize, length: usize) -> Vec<u8> {
    const PRIME: usize = 65_521;
    let byte = |at: usize| u8::try_from((at * 31 + at / 251) % 256).unwrap();
    let block: Vec<u8> = (0..PRIME).map(byte).collect();
    let start = offset % PRIME;
    block.repeat((start + length) / PRIME + 1)[start..start + length].to_vec()
}

/// One system call of a running rproxy.
#[derive(Debug)]
struct Call {
    thread: u32,
    name: String,
    /// What stands between the parentheses.
    arguments: String,
    result: i64,
}

/// Puts together what strace cut because another thread came in between.
fn calls(lines: &[String], file: &str) -> Vec<Call> {
    let mut begun: HashMap<&str, &str> = HashMap::new();
    let mut calls = Vec::new();
    for line in lines {
        let Some((thread, rest)) = line.split_once(' ') else { continue };
        let rest = rest.trim_start();
        if let Some(beginning) = rest.strip_suffix("<unfinished ...>") {
            begun.insert(thread, beginning);
            continue;
        }
        let whole = match rest.strip_prefix("<... ").and_then(|resumed| resumed.split_once("resumed>")) {
            Some((_, end)) => format!("{}{end}", begun.remove(thread).unwrap_or_default()),
            None => rest.to_owned(),
        };
        let parsed = whole.rsplit_once(" = ").zip(whole.split_once('('));
        let Some(((call, result), (name, _))) = parsed.filter(|_| whole.contains(file)) else { continue };
        calls.push(Call {
            thread: thread.parse().unwrap(),
            name: name.to_owned(),
            arguments: call[name.len() + 1..].trim_end().trim_end_matches(')').to_owned(),
            result: result.split_whitespace().next().unwrap().parse().unwrap(),
        });
    }
    calls
}

impl Call {
    /// The last number of the arguments, or the one so many before it.
    fn number(&self, from_end: usize) -> usize {
        self.arguments.rsplit(", ").nth(from_end).unwrap().parse().unwrap()
    }

    fn is_to_client(&self) -> bool {
        self.name == "sendfile" && !self.arguments.contains("</dev/null")
    }

    /// Where a sendfile begins: `5<TCP:[…]>, 9</file>, [0] => [4096], 4096`.
    fn offset(&self) -> usize {
        let (_, offset) = self.arguments.split_once(", [").unwrap();
        offset.split_once(']').unwrap().0.parse().unwrap()
    }
}

/// What of a file its event loop may send: pages that another thread has read, or that it has looked at.
struct Known {
    pages: Vec<bool>,
    last_look: Option<usize>,
}

const PAGE: usize = 4096;
const STRIDE: usize = 128 * 1024;

impl Known {
    fn mark(&mut self, from: usize, to: usize) {
        let end = to.div_ceil(PAGE).min(self.pages.len());
        self.pages[from / PAGE..end].fill(true);
    }

    fn look(&mut self, at: usize, found: bool) {
        if found {
            let from = self.last_look.filter(|last| (*last..=*last + STRIDE).contains(&at)).unwrap_or(at);
            self.mark(from, at + 1);
        }
        self.last_look = found.then_some(at);
    }

    fn has(&self, from: usize, to: usize) -> bool {
        self.pages[from / PAGE..to.div_ceil(PAGE)].iter().all(|known| *known)
    }
}

#[test]
fn nothing_is_sent_that_was_not_seen_in_memory_or_read_by_another_thread() {
    const SIZE: usize = 300 << 20;
    // A file system on a disk, which the temp directory may not be.
    let directory = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let content = pattern(0, SIZE);
    let mut file = File::create(directory.path().join("cold.bin")).unwrap();
    file.write_all(&content).unwrap();
    file.sync_all().unwrap();
    let proxy = files_of(directory.path()).start();
    fadvise(&file, 0, None, Advice::DontNeed).unwrap();
    let trace = Trace::attach(proxy.pid(), "sendfile,preadv2");
    let body = proxy.get("/cold.bin").body;
    let calls = calls(&trace.finish(), "/cold.bin>");
    assert!(body == content);
    let sender = calls.iter().find(|call| call.is_to_client()).unwrap().thread;
    let mut known = Known { pages: vec![false; SIZE / PAGE], last_look: None };
    let mut read_elsewhere = 0;
    for call in &calls {
        match (&*call.name, call.thread == sender) {
            // To nowhere, so that it is in memory.
            ("sendfile", false) => {
                let read = usize::try_from(call.result).unwrap();
                read_elsewhere += read;
                known.mark(call.offset(), call.offset() + read);
            }
            ("preadv2", true) => known.look(call.number(1), call.result == 1),
            ("sendfile", true) => {
                let (from, count) = (call.offset(), call.number(0));
                assert!(known.has(from, (from + count).min(SIZE)), "{call:?}");
            }
            _ => panic!("{call:?}"),
        }
    }
    assert!(read_elsewhere > 0, "the file was in memory all the time");
}

/// Twelve parts of what is remembered, and a bit.
const OVERLAY_SIZE: usize = (12 << 20) + 5000;

/// One event loop with a file that nobody has read yet, on an overlay over a disk.
fn on_overlay() -> (Proxy, TempDir) {
    let directory = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let [below, above] = ["below", "above"].map(|name| directory.path().join(name));
    for path in [&below, &above] {
        std::fs::create_dir(path).unwrap();
    }
    let mut file = File::create(below.join("cold.bin")).unwrap();
    file.write_all(&pattern(0, OVERLAY_SIZE)).unwrap();
    file.sync_all().unwrap();
    fadvise(&file, 0, None, Advice::DontNeed).unwrap();
    let config = format!(
        "[server]\nworkers = 1\n\n[[site]]\nlisten = [\"127.0.0.1:0\"]\n\n\
         [[site.location]]\nmatch = \"/\"\nfiles = \"{}\"\n",
        above.display()
    );
    (Proxy::config(&config).overlay(&below, &above).start(), directory)
}

/// What follows an attached strace sees until all of `downloads` are there.
fn traced(proxy: &Proxy, downloads: usize) -> Vec<Call> {
    let trace = Trace::attach(proxy.pid(), "sendfile,preadv2,statx,fstatfs");
    for _ in 0..downloads {
        assert!(proxy.get("/cold.bin").body == pattern(0, OVERLAY_SIZE));
    }
    calls(&trace.finish(), "/cold.bin>")
}

#[test]
fn a_file_of_an_overlay_is_read_by_another_thread_before_it_is_sent() {
    let (proxy, _directory) = on_overlay();
    let calls = traced(&proxy, 1);
    let sender = calls.iter().find(|call| call.is_to_client()).unwrap().thread;
    let (mut read, mut sent) = (0, 0);
    for call in &calls {
        match (&*call.name, call.thread == sender) {
            // To nowhere, so that it is in memory.
            ("sendfile", false) => {
                assert_eq!(call.offset(), read);
                read += usize::try_from(call.result).unwrap();
            }
            ("sendfile", true) => {
                assert!(call.offset() + call.number(0) <= read, "{call:?}");
                sent += usize::try_from(call.result.max(0)).unwrap();
            }
            // The event loop asks only what the kernel knows by itself.
            ("statx", true) => assert!(call.arguments.contains("AT_STATX_DONT_SYNC"), "{call:?}"),
            ("preadv2", true) | ("fstatfs" | "statx", false) => {}
            _ => panic!("{call:?}"),
        }
    }
    assert_eq!([read, sent], [OVERLAY_SIZE; 2]);
}

#[test]
fn a_file_of_an_overlay_is_read_once_for_all() {
    let (proxy, _directory) = on_overlay();
    assert!(proxy.get("/cold.bin").body == pattern(0, OVERLAY_SIZE));
    let calls = traced(&proxy, 3);
    let sender = calls[0].thread;
    let mut sent = 0;
    for call in &calls {
        assert_eq!(call.thread, sender, "{call:?}");
        match &*call.name {
            "sendfile" => sent += usize::try_from(call.result.max(0)).unwrap(),
            // There is nothing that a look could read.
            "preadv2" => assert_eq!(call.result, -1, "{call:?}"),
            "statx" => {}
            _ => panic!("{call:?}"),
        }
    }
    assert_eq!(sent, 3 * OVERLAY_SIZE);
}

#[test]
fn parts_of_a_file_of_an_overlay_are_those_asked_for() {
    let (proxy, _directory) = on_overlay();
    let mut client = proxy.connect();
    for (first, length) in [(5_000_000, 200_000), (0, 100_000), (5_100_000, 3_000_000), (3, 12_000_000)] {
        let range = format!("bytes={first}-{}", first + length - 1);
        let response = client.exchange(&Request::get("/cold.bin").header("Range", &range));
        assert_eq!(response.status, 206);
        assert!(response.body == pattern(first, length), "{range}");
    }
}

fn files_of(directory: &Path) -> crate::support::proxy::Builder {
    Proxy::site(&format!("[[site.location]]\nmatch = \"/\"\nfiles = \"{}\"\n", directory.to_str().unwrap()))
}

/// One event loop with a directory on a slow disk, one in memory, and an application. The disk has to be let
/// go of first: what waits for it cannot end.
fn one_loop(application: &Origin) -> (Proxy, SlowDisk) {
    let disk = SlowDisk::mount();
    let config = format!(
        r#"[server]
workers = 1

[log]
access = "stdout"

[[site]]
listen = ["127.0.0.1:0"]

[[site.location]]
match = "/slow/"
files = "{}"

[[site.location]]
match = "/hot/"
files = "hot"

[[site.location]]
match = "/app/"
proxy = "app"

[upstream.app]
servers = ["{}"]
"#,
        disk.path().display(),
        application.address()
    );
    (Proxy::config(&config).file("hot/hot.bin", pattern(0, 200_000)).start(), disk)
}

/// A download of a part that no other asks for. Nothing of it can come yet.
fn held(proxy: &Proxy, number: usize) -> Client {
    let mut client = proxy.connect();
    let start = number * PART;
    let range = format!("bytes={start}-{}", start + PART - 1);
    client.send(Request::get("/slow/held.bin").header("Range", &range).bytes());
    client
}

const DOWNLOADS: usize = 30;
const PART: usize = SlowDisk::HELD_SIZE / DOWNLOADS;

#[test]
fn a_disk_that_hangs_stops_nobody_else() {
    let application = Origin::ok("ok");
    let (proxy, mut disk) = one_loop(&application);
    let mut downloads: Vec<Client> = (0..DOWNLOADS).map(|number| held(&proxy, number)).collect();
    disk.log.wait_for_nth("held at", 2);
    let hot = pattern(0, 200_000);
    let mut client = proxy.connect();
    for _ in 0..300 {
        assert!(client.exchange(&Request::get("/hot/hot.bin")).body == hot);
        assert_eq!(client.exchange(&Request::get("/app/")).text(), "ok");
    }
    disk.go();
    for (number, download) in downloads.iter_mut().enumerate() {
        let response = download.response();
        assert_eq!(response.status, 206);
        assert!(response.body == pattern(number * PART, PART), "download {number}");
    }
}

#[test]
fn a_client_that_leaves_a_disk_that_hangs_is_noticed() {
    let application = Origin::ok("ok");
    let (proxy, disk) = one_loop(&application);
    let download = held(&proxy, 3);
    disk.log.wait_for("held at");
    drop(download);
    proxy.wait_for_access("/slow/held.bin");
    proxy.wait_for_log("client-left");
}

#[test]
fn a_disk_that_hangs_does_not_keep_rproxy_from_ending() {
    let application = Origin::ok("ok");
    let (mut proxy, disk) = one_loop(&application);
    let _download = held(&proxy, 3);
    disk.log.wait_for("held at");
    proxy.signal(Signal::TERM);
    proxy.signal(Signal::INT);
    proxy.wait();
}

#[test]
fn a_disk_that_fails_cuts_the_download_and_says_so() {
    let disk = SlowDisk::mount();
    let proxy = files_of(disk.path()).start();
    let mut client = proxy.connect();
    client.send(Request::get("/broken.bin").bytes());
    assert_eq!(client.head().header("content-length"), Some(&*SlowDisk::BROKEN_SIZE.to_string()));
    let body = client.rest();
    assert!((1..=SlowDisk::BROKEN_SIZE / 2).contains(&body.len()), "{} bytes", body.len());
    assert!(body == pattern(0, body.len()));
    let line = proxy.wait_for_log("file-read");
    assert!(line.contains("Input/output error"), "{line}");
}
