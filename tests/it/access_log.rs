//! One line for each request, whatever becomes of it, and no request that waits for its line.

use std::fs;

use rustix::process::Signal;

use crate::support::kernel::eventually;
use crate::support::proxy::{ABSENT, Builder};
use crate::support::{Origin, Proxy, Request, Transport};

/// Pages from memory, and the log where `access` says.
fn logging(access: &str) -> Builder {
    Proxy::config(&format!(
        "[log]\naccess = \"{access}\"\n[[site]]\nlisten = [\"127.0.0.1:0\"]\nhosts = [\"localhost\"]\n\
         [[site.location]]\nmatch = \"/\"\nrespond = {{ body = \"page\" }}\n"
    ))
}

#[test]
fn a_line_is_in_the_combined_format() {
    let proxy = logging("stdout").start();
    proxy.send(
        &Request::get("/a%20b?c").header("Referer", "http://from.test/").header("User-Agent", "test/1"),
    );
    let line = proxy.wait_for_access("GET");
    let combined = regex::Regex::new(
        r#"^127\.0\.0\.1 - - \[\d\d/[A-Z][a-z]{2}/\d{4}:\d\d:\d\d:\d\d [+-]\d{4}\] "GET /a%20b\?c HTTP/1\.1" 200 4 "http://from\.test/" "test/1"$"#,
    );
    assert!(combined.unwrap().is_match(&line), "{line}");
}

#[test]
fn each_request_has_exactly_one_line_whatever_becomes_of_it() {
    let origin = Origin::ok("hello");
    let proxy = Proxy::site(&format!(
        "hosts = [\"localhost\"]\n[[site.location]]\nmatch = \"/\"\nfiles = \"www\"\n\
         [[site.location]]\nmatch = \"/app\"\nproxy = \"http://{}\"\n\
         [[site.location]]\nmatch = \"/down\"\nproxy = \"absent\"\n{ABSENT}",
        origin.address()
    ))
    .file("www/page.txt", "page")
    .start();
    let mut client = proxy.connect();
    client.exchange(&Request::get("/page.txt"));
    client.exchange(&Request::get("/missing"));
    client.exchange(&Request::new("HEAD", "/page.txt"));
    client.exchange(&Request::get("/app"));
    client.exchange(&Request::get("/down"));
    client.exchange(&Request::get("/page.txt").header("Range", "bytes=0-1"));
    proxy.send(&Request::get("/").header("Host", "stranger.test"));
    let mut garbage = proxy.connect();
    garbage.send("GARBAGE\r\n\r\n").response();
    let expected = [
        "\"GET /page.txt HTTP/1.1\" 200 4 ",
        "\"GET /missing HTTP/1.1\" 404 ",
        "\"HEAD /page.txt HTTP/1.1\" 200 0 ",
        "\"GET /app HTTP/1.1\" 200 5 ",
        "\"GET /down HTTP/1.1\" 502 ",
        "\"GET /page.txt HTTP/1.1\" 206 2 ",
        "\"GET / HTTP/1.1\" 421 ",
        "\"GARBAGE\" 400 ",
    ];
    for line in expected {
        proxy.wait_for_access(line);
    }
    assert_eq!(proxy.access.all().len(), expected.len());
}

#[test]
fn nothing_a_client_sends_ends_its_line_or_reaches_the_terminal() {
    let proxy = logging("stdout").start();
    proxy.send(&Request::get("/\"quote").header("User-Agent", "a\"b\\c\t\u{e9}"));
    let line = proxy.wait_for_access("quote");
    assert!(line.contains(r#""GET /\x22quote HTTP/1.1" 200 4 "-" "a\x22b\x5Cc"#), "{line}");
    let mut client = proxy.connect();
    client.send("GET /\u{1b}[31m HTTP/1.1\r\nHost: x\r\n\r\n").response();
    let line = proxy.wait_for_access("31m");
    assert!(line.contains(r"\x1B[31m") && line.is_ascii(), "{line}");
}

#[test]
fn off_is_silent() {
    let mut proxy = logging("off").start();
    assert_eq!(proxy.get("/").text(), "page");
    proxy.signal(Signal::TERM);
    proxy.wait();
    assert!(proxy.access.all().is_empty());
}

#[test]
fn usr1_opens_the_file_anew() {
    let proxy = logging("access.log").start();
    let (path, rotated) = (proxy.dir().join("access.log"), proxy.dir().join("access.log.1"));
    let has =
        |path: &std::path::Path, text: &str| fs::read_to_string(path).is_ok_and(|log| log.contains(text));
    proxy.get("/before");
    eventually("the line is written", || has(&path, "/before"));
    fs::rename(&path, &rotated).unwrap();
    proxy.signal(Signal::USR1);
    eventually("the file is there again", || path.exists());
    proxy.get("/after");
    eventually("the line is written", || has(&path, "/after"));
    assert!(!has(&rotated, "/after") && has(&rotated, "/before"));
}

#[test]
fn what_was_logged_last_is_written_when_it_stops() {
    let mut proxy = logging("access.log").start();
    proxy.get("/last");
    proxy.signal(Signal::TERM);
    proxy.wait();
    assert!(fs::read_to_string(proxy.dir().join("access.log")).unwrap().contains("/last"));
}

#[test]
fn a_full_disk_does_not_hurt_requests() {
    let proxy = logging("/dev/full").start();
    let mut client = proxy.connect();
    for _ in 0..500 {
        assert_eq!(client.exchange(&Request::get("/")).text(), "page");
    }
    proxy.wait_for_log("the access log cannot be written");
    assert_eq!(proxy.get("/").text(), "page");
    // Said once, not for each request.
    assert_eq!(proxy.log.all().iter().filter(|line| line.contains("cannot be written")).count(), 1);
}

/// A reader of our output that has gone (`rproxy | head`) must not end the server.
#[test]
fn a_closed_standard_output_does_not_hurt_requests() {
    let proxy = logging("stdout").deaf_stdout().start();
    assert_eq!(proxy.get("/").text(), "page");
    proxy.wait_for_log("the access log cannot be written");
    assert_eq!(proxy.get("/").text(), "page");
}

/// A page from memory at `/`, an application at `/app`, and a log in this format.
fn formatted(format: &str, app: &str) -> Proxy {
    Proxy::config(&format!(
        "[log]\naccess_format = \"{format}\"\n[[site]]\nlisten = [\"127.0.0.1:0\"]\n\
         [[site.location]]\nmatch = \"/\"\nrespond = {{ body = \"page\" }}\n\
         [[site.location]]\nmatch = \"/app\"\nproxy = \"app\"\n\
         [upstream.app]\nservers = [{app}]\ntimeouts = {{ read = \"1s\" }}\nretry = {{ window = \"0s\" }}\n"
    ))
    .start()
}

const UPSTREAM: &str = "$request_uri <$upstream_addr> <$upstream_status> <$upstream_header_time> \
                        <$upstream_response_time> <$queue_time> <$cause>";

#[test]
fn a_template_tells_which_servers_were_tried_and_how_long_they_took() {
    let origin = Origin::ok("hello");
    let app = format!("\"unix:missing.sock\", \"{}\"", origin.address());
    let proxy = formatted(UPSTREAM, &app);
    let missing = proxy.dir().join("missing.sock");
    proxy.get("/page");
    assert_eq!(proxy.wait_for_access("/page"), "/page <-> <-> <-> <-> <-> <->");
    proxy.get("/app/1");
    let line = proxy.wait_for_access("/app/1");
    let servers = format!("/app/1 <unix:{}, {}> <502, 200> <-, 0.0", missing.display(), origin.address());
    assert!(line.starts_with(&servers), "{line}");
    assert!(line.ends_with("> <0.000> <->"), "{line}");
}

#[test]
fn a_failure_is_in_the_access_log_by_its_name() {
    let proxy = formatted(UPSTREAM, "\"unix:missing.sock\"");
    assert_eq!(proxy.get("/app").status, 502);
    let line = proxy.wait_for_access("/app");
    assert!(line.contains("missing.sock> <502> <->") && line.ends_with("<socket-missing>"), "{line}");
}

/// nginx's times: the head is one thing, the last byte another.
#[test]
fn a_streamed_answer_has_taken_as_long_as_its_server_took() {
    let (say, told) = std::sync::mpsc::channel();
    let told = std::sync::Mutex::new(told);
    let origin = Origin::new(Transport::Tcp, move |peer| {
        peer.request();
        peer.send("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello");
        told.lock().unwrap().recv().unwrap();
        peer.send("world");
    });
    let format =
        "$request_uri header=$upstream_header_time response=$upstream_response_time total=$request_time";
    let proxy = formatted(format, &format!("\"{}\"", origin.address()));
    let mut client = proxy.connect();
    client.send(Request::get("/app").bytes()).head();
    assert_eq!(client.take(5), b"hello");
    let begun = std::time::Instant::now();
    eventually("some time has passed", || begun.elapsed().as_millis() > 150);
    say.send(()).unwrap();
    assert_eq!(client.take(5), b"world");
    let line = proxy.wait_for_access("/app");
    let time = |name: &str| -> f64 {
        let (_, rest) = line.split_once(&format!("{name}=")).unwrap();
        rest.split(' ').next().unwrap().parse().expect(&line)
    };
    assert!(time("response") >= time("header") + 0.14, "{line}");
    assert!(time("total") >= time("response"), "{line}");
}

#[test]
fn a_streamed_answer_that_breaks_off_says_so() {
    let origin = Origin::answering("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello");
    let proxy =
        formatted("$status $body_bytes_sent $upstream_status $cause", &format!("\"{}\"", origin.address()));
    let mut client = proxy.connect();
    client.send(Request::get("/app").bytes()).head();
    assert_eq!(client.rest(), b"hello");
    proxy.wait_for_access("200 5 200 upstream-read-timeout");
}

#[test]
fn a_client_that_leaves_before_its_answer_has_a_line_of_its_own() {
    let origin = Origin::hanging();
    let proxy = formatted(UPSTREAM, &format!("\"{}\"", origin.address()));
    let mut client = proxy.connect();
    client.send(Request::get("/app/left").bytes());
    origin.wait_for_request(1);
    drop(client);
    let line = proxy.wait_for_access("/app/left");
    let server = format!("/app/left <{}> <-> <-> <0.", origin.address());
    assert!(line.starts_with(&server) && line.ends_with("<client-left>"), "{line}");
    assert!(proxy.wait_for_log("client-left").contains(origin.address()));
    assert_eq!(proxy.get("/page").status, 200);
    assert_eq!(proxy.wait_for_access("/page"), "/page <-> <-> <-> <-> <-> <->");
}

#[test]
fn json_lines_are_objects_whatever_a_client_sends() {
    let proxy = formatted("json", "\"unix:missing.sock\"");
    proxy.send(&Request::get("/\"a\\").header("User-Agent", "\u{e9}\"\\\t"));
    let mut client = proxy.connect();
    client.send(b"GET /\x1b\xff\x00 HTTP/1.1\r\nHost: x\r\n\r\n").response();
    proxy.get("/app");
    let python = "import json,sys\nfor line in sys.stdin: print(json.loads(line)['status'], json.loads(line)['cause'])";
    let lines = ["/\\\"a", "u001b", "/app"].map(|text| proxy.wait_for_access(text));
    let mut reader = std::process::Command::new("python3")
        .args(["-c", python])
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let mut input = reader.stdin.take().unwrap();
    std::io::Write::write_all(&mut input, (lines.join("\n") + "\n").as_bytes()).unwrap();
    drop(input);
    let output = reader.wait_with_output().unwrap();
    assert_eq!(
        String::from_utf8_lossy(&output.stdout),
        "200 None\n400 malformed-request\n502 socket-missing\n"
    );
}
