use crate::support::kernel::{self, eventually};
use crate::support::origin::{Conversation, Received, ok};
use crate::support::proxy::Builder;
use crate::support::{Client, Gunicorn, Origin, Proxy, Request, Transport, over_tcp_and_unix, repository};

const MIB: usize = 1 << 20;

over_tcp_and_unix! {
    two_workers_stay_free_while_200_clients_trickle,
}

/// With its own temp directory, so that only its own files are seen there.
fn to(address: &str) -> Builder {
    Proxy::to(address).own_temp()
}

/// Begins a request whose body is taken: the client waits until it is asked for it.
fn begin_upload(proxy: &Proxy, fields: &str) -> Client {
    let mut client = proxy.connect();
    client.send(format!("POST /upload HTTP/1.1\r\nHost: localhost\r\nExpect: 100-continue\r\n{fields}\r\n"));
    assert_eq!(client.take(25), b"HTTP/1.1 100 Continue\r\n\r\n");
    client
}

fn pattern(size: usize) -> Vec<u8> {
    (0..=250).cycle().take(size).collect()
}

#[test]
fn an_application_sees_nothing_of_200_trickling_clients() {
    let origin = Origin::ok("page");
    let proxy = to(origin.address()).start();
    let mut uploads: Vec<Client> = (0..200).map(|_| begin_upload(&proxy, "Content-Length: 5\r\n")).collect();
    for byte in ["h", "e", "l", "l"] {
        for upload in &mut uploads {
            upload.send(byte);
        }
        assert_eq!(proxy.get("/").text(), "page");
    }
    // Not even a connection: those there are served the pages.
    assert_eq!(origin.requests().len(), 4);
    assert!(origin.connections() <= 4, "an upload was passed on early");
    for upload in &mut uploads {
        assert_eq!(upload.send("o").response().status, 200);
    }
    let requests = origin.requests();
    assert!(requests[4..].iter().all(|request| request.body == b"hello"));
    assert_eq!(requests.len(), 204);
}

/// The case that this is for: without buffering two clients are enough.
fn two_workers_stay_free_while_200_clients_trickle(transport: Transport) {
    let gunicorn = Gunicorn::serving("shop:app", &repository("tests/apps/flask_shop"), "sync", transport)
        .workers(2)
        .start();
    let proxy = to(gunicorn.address()).start();
    let mut uploads: Vec<Client> = (0..200).map(|_| begin_upload(&proxy, "Content-Length: 3\r\n")).collect();
    for byte in ["a", "b"] {
        for upload in &mut uploads {
            upload.send(byte);
        }
        assert_eq!(proxy.get("/where").status, 200);
    }
    for upload in &mut uploads {
        upload.send("c");
    }
    for upload in &mut uploads {
        assert_eq!(upload.response().json("bytes"), "3");
    }
}

#[test]
fn a_body_without_length_gets_one_however_large() {
    let origin = Origin::ok("");
    let proxy = to(origin.address()).start();
    for size in [0, 1, 64 * 1024, 64 * 1024 + 1, 3 * MIB] {
        let mut client = begin_upload(&proxy, "Transfer-Encoding: chunked\r\n");
        let body = pattern(size);
        for chunk in body.chunks(50_000) {
            client.send(format!("{:x}\r\n", chunk.len())).send(chunk).send("\r\n");
        }
        assert_eq!(client.send("0\r\n\r\n").response().status, 200);
        let received = origin.requests().pop().unwrap();
        assert_eq!(received.header("content-length"), Some(&*size.to_string()));
        assert_eq!(received.header("transfer-encoding"), None);
        assert!(received.body == body, "{size} bytes");
    }
}

#[test]
fn a_large_body_is_on_disk_until_it_is_sent() {
    let origin = Origin::ok("thanks");
    let proxy = to(origin.address()).start();
    let body = pattern(MIB);
    let mut client = begin_upload(&proxy, &format!("Content-Length: {MIB}\r\n"));
    client.send(&body[..MIB / 2]);
    eventually("the body is on disk", || proxy.spooled() == 1);
    assert_eq!(origin.connections(), 0);
    assert_eq!(client.send(&body[MIB / 2..]).response().text(), "thanks");
    assert!(origin.requests()[0].body == body);
    eventually("its file is closed", || proxy.spooled() == 0);
}

/// An answer may take as long as it likes: its request has been dealt with.
#[test]
fn the_file_is_freed_when_an_answer_begins() {
    let origin = Origin::new(Transport::Tcp, |peer| {
        peer.request();
        peer.send("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nbegun").wait_for_close();
    });
    let proxy = to(origin.address()).start();
    let mut client = proxy.connect();
    client.send(Request::post("/", pattern(MIB)).bytes());
    assert_eq!(client.head().status, 200);
    eventually("its file is closed", || proxy.spooled() == 0);
}

#[test]
fn nobody_hears_of_a_client_that_leaves_inside_its_upload() {
    let origin = Origin::ok("");
    let proxy = to(origin.address()).start();
    let mut client = begin_upload(&proxy, &format!("Content-Length: {MIB}\r\n"));
    client.send(pattern(MIB / 2));
    eventually("the body is on disk", || proxy.spooled() == 1);
    drop(client);
    proxy.wait_for_access("\"POST /upload HTTP/1.1\"");
    eventually("its file is closed", || proxy.spooled() == 0);
    assert_eq!(origin.connections(), 0);
}

#[test]
fn a_body_that_breaks_its_framing_never_reaches_an_application() {
    let origin = Origin::ok("");
    let proxy = to(origin.address()).start();
    let mut client = begin_upload(&proxy, "Transfer-Encoding: chunked\r\n");
    assert_eq!(client.send("5\r\nhello\r\nnonsense\r\n").response().status, 400);
    assert_eq!(origin.connections(), 0);
}

#[test]
fn a_large_upload_costs_little_memory() {
    const SIZE: usize = 100 * MIB;
    let origin = Origin::new(Transport::Tcp, |peer| {
        let Some(head) = peer.head() else { return };
        assert!(head.to_ascii_lowercase().contains(&format!("\r\ncontent-length: {SIZE}\r\n")), "{head}");
        let mut left = SIZE;
        while left > 0 {
            left -= peer.some().len();
        }
        peer.send(ok("all of it"));
    });
    let proxy = to(origin.address()).start();
    let before = kernel::most_resident(proxy.pid());
    let mut client = begin_upload(&proxy, &format!("Content-Length: {SIZE}\r\n"));
    let block = pattern(MIB);
    for _ in 0..SIZE / MIB {
        client.send(&block);
    }
    assert_eq!(client.response().text(), "all of it");
    let more = kernel::most_resident(proxy.pid()) - before;
    assert!(more < 8 * MIB as u64, "{more} bytes more");
}

/// Each has its 64 KiB and a read's worth; the rest is the allocator's, and the threads' that write.
#[test]
fn a_hundred_slow_uploads_cost_little_memory() {
    let origin = Origin::ok("");
    let proxy = to(origin.address()).start();
    let before = kernel::resident(proxy.pid());
    let body = pattern(MIB);
    let uploads: Vec<Client> = (0..100)
        .map(|_| {
            let mut client = begin_upload(&proxy, &format!("Content-Length: {MIB}\r\n"));
            client.send(&body[..MIB - 1]);
            client
        })
        .collect();
    eventually("all are on disk", || proxy.spooled() == 100);
    let each = kernel::resident(proxy.pid()).saturating_sub(before) / 100;
    assert!(each < 256 * 1024, "{each} bytes for each");
    drop(uploads);
    eventually("their files are closed", || proxy.spooled() == 0);
}

/// Tells of requests as soon as their heads are there, and answers with their bodies.
fn tell_early(peer: &mut Conversation) {
    while let Some(head) = peer.head() {
        peer.record(Received { head, body: Vec::new(), connection: peer.number() });
        let mut body = Vec::new();
        while body.len() < 7 {
            body.extend(peer.some());
        }
        peer.send(ok(&String::from_utf8(body).unwrap()));
    }
}

#[test]
fn what_is_to_stream_streams() {
    let origin = Origin::new(Transport::Tcp, tell_early);
    let address = origin.address();
    let proxy = Proxy::site(&format!(
        "[[site.location]]\nmatch = \"/\"\nproxy = \"http://{address}\"\n\
         [[site.location]]\nmatch = \"/stream\"\nproxy = \"http://{address}\"\nbuffer_request = false\n"
    ))
    .start();
    for (count, (path, fields)) in
        [("/stream", ""), ("/", "Content-Type: application/grpc+proto\r\n")].into_iter().enumerate()
    {
        let mut client = proxy.connect();
        client.send(format!(
            "POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 7\r\n{fields}\r\nthe "
        ));
        origin.wait_for_request(count + 1);
        assert_eq!(client.send("end").response().text(), "the end");
    }
}

/// An upload larger than the disk, and others beside it.
#[test]
fn a_full_disk_makes_a_body_stream_and_hurts_nobody_else() {
    let origin = Origin::new(Transport::Tcp, |peer| {
        while let Some(request) = peer.request() {
            peer.send(ok(&request.body.len().to_string()));
        }
    });
    let proxy = Proxy::to(origin.address()).own_disk("1m").start();
    let body = pattern(8 * MIB);
    for framing in [format!("Content-Length: {}\r\n", body.len()), "Transfer-Encoding: chunked\r\n".into()] {
        let is_chunked = framing.contains("chunked");
        let mut large = begin_upload(&proxy, &framing);
        let (first, rest) = body.split_at(4 * MIB);
        let mut send = |piece: &[u8]| {
            if is_chunked {
                large.send(format!("{:x}\r\n", piece.len())).send(piece).send("\r\n");
            } else {
                large.send(piece);
            }
        };
        send(first);
        proxy.wait_for_log("spool-full");
        let small = Request::post("/", pattern(1000));
        assert_eq!(proxy.send(&small).text(), "1000");
        send(rest);
        if is_chunked {
            large.send("0\r\n\r\n");
        }
        assert_eq!(large.response().status, 200);
        let received = origin.requests().pop().unwrap();
        assert!(dechunked(&received.body, is_chunked) == body, "the body changed");
    }
    let lines = proxy.log.all();
    assert_eq!(lines.iter().filter(|line| line.contains("spool-full")).count(), 1, "once a minute");
    // Room again: what fits is buffered as before.
    assert_eq!(proxy.send(&Request::post("/", pattern(MIB / 2))).text(), (MIB / 2).to_string());
}

fn dechunked(body: &[u8], is_chunked: bool) -> Vec<u8> {
    if !is_chunked {
        return body.to_vec();
    }
    let (mut rest, mut content) = (body, Vec::new());
    while let Some(end) = memchr::memmem::find(rest, b"\r\n") {
        let size = usize::from_str_radix(std::str::from_utf8(&rest[..end]).unwrap(), 16).unwrap();
        content.extend_from_slice(&rest[end + 2..end + 2 + size]);
        rest = &rest[end + 2 + size + 2..];
    }
    content
}

#[test]
fn without_a_temp_directory_bodies_stream_and_the_start_says_so() {
    let origin = Origin::ok("");
    let builder = Proxy::to(origin.address());
    let missing = builder.dir().join("missing").to_str().unwrap().to_owned();
    let proxy = builder.env("TMPDIR", &missing).start();
    assert!(proxy.wait_for_log("cannot be buffered on disk").contains(&missing));
    let body = pattern(MIB);
    assert_eq!(proxy.send(&Request::post("/", &*body)).status, 200);
    assert!(origin.requests()[0].body == body);
}

/// Where an application must not wait for any client, the client is told that there is no room.
#[test]
fn a_body_that_has_to_be_buffered_and_cannot_be_is_refused() {
    let origin = Origin::ok("taken");
    let proxy = Proxy::site(&format!(
        "[[site.location]]\nmatch = \"/\"\nproxy = \"http://{}\"\nbuffer_request = \"required\"\n",
        origin.address()
    ))
    .own_disk("1m")
    .start();
    let answer = proxy.send(&Request::post("/", pattern(4 * MIB)));
    assert_eq!(answer.status, 507);
    assert!(proxy.wait_for_log("spool-full").contains("ERROR"));
    assert_eq!(origin.connections(), 0);
    assert_eq!(proxy.send(&Request::post("/", pattern(MIB / 2))).text(), "taken");
}

/// Debian's /tmp is one of those.
#[test]
fn a_temp_directory_that_is_memory_is_told_of_at_the_start() {
    let origin = Origin::ok("");
    let proxy = Proxy::to(origin.address()).own_disk("1m").start();
    let line = proxy.wait_for_log("TMPDIR");
    assert!(line.contains("is memory (tmpfs)") && line.contains("free=1048576"), "{line}");
}

/// The application reads the request a first time, then closes without a word.
#[test]
fn a_put_from_disk_is_repeated_when_a_kept_connection_was_closed() {
    let origin = Origin::new(Transport::Tcp, |peer| {
        peer.request();
        peer.send(ok("first"));
        if peer.number() == 0 {
            peer.request();
        }
    });
    let proxy = to(origin.address()).start();
    // One client: each event loop keeps its own connections.
    let mut client = proxy.connect();
    assert_eq!(client.exchange(&Request::get("/")).text(), "first");
    let body = pattern(MIB);
    assert_eq!(client.exchange(&Request::new("PUT", "/").body(&*body)).text(), "first");
    let puts = origin.requests().into_iter().filter(|request| request.head.starts_with("PUT "));
    assert!(puts.map(|request| (request.connection, request.body)).eq([(0, body.clone()), (1, body)]));
}
