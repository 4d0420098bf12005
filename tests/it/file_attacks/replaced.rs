use std::collections::HashMap;
use std::fs::{self, File};
use std::io::Write;
use std::path::Path;
use std::sync::mpsc;
use std::time::{Duration, SystemTime};

use crate::support::{Client, Proxy, Request, Response, kernel};

const CLIENTS: usize = 4;
/// Of each client, at least.
const REQUESTS: usize = 400;
/// How many answers there are between two versions.
const ANSWERS: usize = 3;
/// What is kept in memory, and what is sent by the kernel.
const SIZES: [usize; 2] = [6_000, 300_000];

/// Says its number all over, and has a length of its own.
fn version(number: usize, size: usize) -> Vec<u8> {
    let mut content = format!("version {number:08}\n").repeat(size / 17).into_bytes();
    content.resize(size + number % 1000, b'.');
    content
}

/// Of which version a body is, if it is the whole of one.
fn number_of(body: &[u8], size: usize) -> Option<usize> {
    let number = std::str::from_utf8(body.get(8..16)?).ok()?.parse().ok()?;
    (body == version(number, size)).then_some(number)
}

/// What a client has seen: the entity tag of each version, in order.
struct Reader {
    size: usize,
    tags: Vec<(usize, String)>,
    answers: usize,
}

impl Reader {
    fn new(size: usize) -> Self {
        Self { size, tags: Vec::new(), answers: 0 }
    }

    /// Whether it has not seen enough yet. A file in memory shows a new version once a second.
    fn take(&mut self, response: &Response) -> bool {
        assert_eq!(response.status, 200);
        let number =
            number_of(&response.body, self.size).unwrap_or_else(|| panic!("not one version: {response:?}"));
        let last = self.tags.last().map_or(0, |(number, _)| *number);
        assert!(number >= last, "version {number} came after {last}");
        if number > last {
            self.tags.push((number, response.header("etag").unwrap().to_owned()));
        }
        self.answers += 1;
        self.answers < REQUESTS || self.tags.len() < 3
    }
}

/// Long unchanged, so that it may be kept in memory.
fn settle(file: &File, number: usize) {
    let age = Duration::from_secs(1_000_000_000 - u64::try_from(number).unwrap());
    file.set_modified(SystemTime::now() - age).unwrap();
}

fn replace(directory: &Path, number: usize, size: usize) {
    let new = directory.join("new.txt");
    let mut file = File::create(&new).unwrap();
    file.write_all(&version(number, size)).unwrap();
    // Half of them look as if nobody had touched them for long, as after `rsync -t` or `cp -p`.
    if number.is_multiple_of(2) {
        settle(&file, number);
    }
    fs::rename(&new, directory.join("file.txt")).unwrap();
}

/// Has each client ask for as long as `take` says so, and meanwhile calls `write` with 2, 3 and so on: once for
/// every few answers, so that neither side starves the other. One connection each, and so one event loop: what
/// that has seen once, it does not forget.
fn read_while<T: Send + Sync>(
    proxy: &Proxy,
    write: impl Fn(usize) + Send,
    start: impl Fn() -> T + Sync,
    take: impl Fn(&mut T, &Response) -> bool + Sync,
) -> Vec<T> {
    let read = |answered: mpsc::SyncSender<()>| {
        let (mut client, mut seen) = (proxy.connect(), start());
        while take(&mut seen, &client.exchange(&Request::get("/file.txt"))) {
            // A writer that is gone has panicked, and says why itself.
            let _ = answered.send(());
        }
        seen
    };
    let (answered, answers) = mpsc::sync_channel(2 * CLIENTS);
    std::thread::scope(|scope| {
        // Ends with the last of the clients.
        scope.spawn(move || answers.iter().step_by(ANSWERS).zip(2..).for_each(|((), number)| write(number)));
        let clients = std::iter::repeat_n(answered, CLIENTS).map(|answered| scope.spawn(|| read(answered)));
        let clients: Vec<_> = clients.collect();
        clients.into_iter().map(|client| client.join().unwrap()).collect()
    })
}

#[test]
fn a_file_that_is_replaced_is_one_version_or_the_other() {
    for size in SIZES {
        let proxy = Proxy::files().file("www/file.txt", version(1, size)).start();
        let directory = proxy.dir().join("www");
        let write = |number| replace(&directory, number, size);
        let start = || Reader::new(size);
        let readers = read_while(&proxy, write, start, Reader::take);
        let mut versions = HashMap::new();
        for (number, tag) in readers.into_iter().flat_map(|reader| reader.tags) {
            let known = *versions.entry(tag.clone()).or_insert(number);
            assert_eq!(known, number, "two versions are both {tag}");
        }
    }
}

#[test]
fn a_replaced_file_is_seen_soon_and_never_goes_back() {
    for size in SIZES {
        let proxy = Proxy::files().file("www/file.txt", version(1, size)).start();
        let directory = proxy.dir().join("www");
        let mut clients = [proxy.connect(), proxy.connect(), proxy.connect()];
        let mut readers = clients.each_ref().map(|_| Reader::new(size));
        for number in (2..14).step_by(2) {
            replace(&directory, number, size);
            kernel::eventually("the new file is seen by all", || {
                clients.iter_mut().zip(&mut readers).for_each(|(client, reader)| {
                    reader.take(&client.exchange(&Request::get("/file.txt")));
                });
                readers.iter().all(|reader| reader.tags.last().is_some_and(|(seen, _)| *seen == number))
            });
        }
    }
}

/// Who overwrites a file in place has its readers see both versions at once, from any server. But none of that is
/// kept: with the writer gone, what is served is what is there.
#[test]
fn a_file_rewritten_in_place_is_served_as_it_ends_up() {
    for size in SIZES {
        let proxy = Proxy::files().file("www/file.txt", version(1000, size)).start();
        let path = proxy.dir().join("www/file.txt");
        let write = |number| {
            let mut file = File::options().write(true).open(&path).unwrap();
            file.write_all(&version(1000 * number, size)).unwrap();
            settle(&file, number);
        };
        let take = |answers: &mut usize, response: &Response| {
            assert_eq!((response.status, response.body.len()), (200, size));
            *answers += 1;
            *answers < REQUESTS
        };
        read_while(&proxy, write, || 0, take);
        let last = fs::read(&path).unwrap();
        let mut client = proxy.connect();
        let serves_it = |client: &mut Client| client.exchange(&Request::get("/file.txt")).body == last;
        kernel::eventually("the last version is served", || serves_it(&mut client));
        assert!((0..100).all(|_| serves_it(&mut client)));
    }
}

/// A file that is removed while it is sent has been sent whole; then it is missing, and back when it is back.
#[test]
fn a_removed_file_is_missing_and_a_new_one_found() {
    for size in SIZES {
        let proxy = Proxy::files().file("www/file.txt", version(2, size)).start();
        let path = proxy.dir().join("www/file.txt");
        settle(&File::open(&path).unwrap(), 2);
        let mut client = proxy.connect();
        for number in [4, 6, 8] {
            assert_eq!(client.exchange(&Request::get("/file.txt")).status, 200);
            fs::remove_file(&path).unwrap();
            kernel::eventually("it is missing", || client.exchange(&Request::get("/file.txt")).status == 404);
            replace(path.parent().unwrap(), number, size);
            kernel::eventually("it is back", || {
                let response = client.exchange(&Request::get("/file.txt"));
                response.status == 200 && number_of(&response.body, size) == Some(number)
            });
        }
    }
}

/// Cut or whole, and never longer than announced; what is cut ends the connection.
#[test]
fn a_file_truncated_again_and_again_never_yields_bytes_it_never_had() {
    let size = 2 << 20;
    let proxy =
        Proxy::files().file("www/file.txt", version(1000, size)).file("www/other.txt", "other").start();
    let file = File::options().write(true).open(proxy.dir().join("www/file.txt")).unwrap();
    let whole = version(1000, size);
    for round in 0..60 {
        let mut client = proxy.connect();
        client.send(Request::get("/file.txt").bytes());
        let head = client.head();
        let announced: usize = head.header("content-length").unwrap().parse().unwrap();
        file.set_len(1000 * round).unwrap();
        let mut body = Vec::new();
        while body.len() < announced {
            let Some(piece) = client.some() else { break };
            body.extend(piece);
        }
        assert!(body.len() <= announced);
        let expected = body.iter().zip(&whole).all(|(sent, was)| sent == was || *sent == 0);
        assert!(expected, "round {round}: bytes that were never there");
        std::os::unix::fs::FileExt::write_all_at(&file, &whole, 0).unwrap();
    }
    assert_eq!(proxy.get("/other.txt").text(), "other");
}
