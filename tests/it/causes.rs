//! Every named cause of failure, brought about for real: its status, its name in both logs, and a ledger
//! that no cause is left out of.

use std::fs;
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::os::unix::net::UnixListener;
use std::path::Path;

use rproxy::http::Cause;

use crate::support::proxy::Builder;
use crate::support::{Origin, Proxy, Request, Transport};

/// Causes that no test of this binary can bring about, and why.
const NOT_INDUCED: &[(Cause, &str)] = &[
    (Cause::BodyTooSlow, "takes half a minute: the server's own tests do it with a clock that they move"),
    (Cause::ClientTooSlow, "takes a minute: the server's own tests do it with a clock that they move"),
    (Cause::Internal, "is a bug"),
];

#[test]
fn every_cause_has_a_test() {
    let sources = sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it"));
    let is_induced = |cause: &Cause| sources.contains(&format!("\"{}\"", cause.name()));
    let (excused, owed): (Vec<_>, Vec<_>) =
        Cause::ALL.iter().partition(|cause| NOT_INDUCED.iter().any(|(excused, _)| excused == *cause));
    let missing: Vec<_> = owed.iter().filter(|cause| !is_induced(cause)).map(|cause| cause.name()).collect();
    assert!(missing.is_empty(), "no test brings these about: {missing:?}");
    let stale: Vec<_> = excused.iter().filter(|cause| is_induced(cause)).map(|cause| cause.name()).collect();
    assert!(stale.is_empty(), "these are excused, but have a test: {stale:?}");
}

fn sources(folder: &Path) -> String {
    let paths = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    paths.map(|path| if path.is_dir() { sources(&path) } else { fs::read_to_string(path).unwrap() }).collect()
}

#[test]
fn names_are_unique_and_remedies_are_one_line() {
    let mut names: Vec<_> = Cause::ALL.iter().map(|cause| cause.name()).collect();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), Cause::ALL.len());
    assert!(names.len() >= 25);
    for cause in Cause::ALL {
        assert!(!cause.remedy().is_empty() && !cause.remedy().contains('\n'), "{}", cause.name());
        assert!(cause.status().is_client_error() || cause.status().is_server_error(), "{}", cause.name());
    }
}

/// A site with short limits: files at `/`, and everything below `/app` for `server`.
fn site(server: &str) -> Builder {
    Proxy::config(&format!(
        "[log]\nlevel = \"debug\"\naccess_format = \"$status $cause $request\"\n\
         [[site]]\nlisten = [\"127.0.0.1:0\"]\nhosts = [\"localhost\"]\nmax_body = 100\n\
         timeouts = {{ header = \"500ms\", body = \"300ms\", send = \"300ms\" }}\n\
         [[site.location]]\nmatch = \"/\"\nfiles = \"www\"\n\
         [[site.location]]\nmatch = \"/app\"\nproxy = \"app\"\n\
         [upstream.app]\nservers = [\"{server}\"]\nretry = {{ window = \"0s\" }}\n"
    ))
    .file("www/page.txt", "page")
}

/// Both logs have it.
fn assert_told(proxy: &Proxy, status: u16, cause: &str) {
    proxy.wait_for_access(&format!("{status} {cause} "));
    let line = proxy.wait_for_log(&format!("cause=\"{cause}\""));
    // What is simply not there happens too often to be told by default, or explained.
    assert!(line.contains("remedy=") || cause == "not-found", "{line}");
}

#[test]
fn what_clients_get_wrong() {
    let origin = Origin::ok("hello");
    let proxy = site(origin.address()).start();
    symlink("/etc/hostname", proxy.dir().join("www/leaves")).unwrap();
    let get =
        |target: &str, fields: &str| format!("GET {target} HTTP/1.1\r\nHost: localhost\r\n{fields}\r\n");
    let chunked = "Transfer-Encoding: chunked\r\n\r\nzz\r\n";
    for (cause, status, bytes) in [
        ("malformed-request", 400, "GARBAGE\r\n\r\n".into()),
        ("bad-host", 400, "GET / HTTP/1.1\r\n\r\n".into()),
        ("unknown-host", 421, "GET / HTTP/1.1\r\nHost: stranger.test\r\n\r\n".into()),
        ("bad-path", 400, get("/%zz", "")),
        ("method-not-allowed", 405, "DELETE / HTTP/1.1\r\nHost: localhost\r\n\r\n".into()),
        ("not-implemented", 501, get("/", "Transfer-Encoding: gzip, chunked\r\n")),
        ("version-not-supported", 505, "GET / HTTP/3.0\r\nHost: localhost\r\n\r\n".into()),
        ("expectation-failed", 417, get("/", "Expect: tea\r\n")),
        ("header-too-large", 431, get("/", &"X-A: b\r\n".repeat(200))),
        ("target-too-long", 414, get(&format!("/{}", "a".repeat(10_000)), "")),
        ("body-too-large", 413, get("/app", "Content-Length: 101\r\n")),
        ("malformed-body", 400, format!("POST /app HTTP/1.1\r\nHost: localhost\r\n{chunked}")),
        ("body-timeout", 408, get("/app", "Content-Length: 10\r\n")),
        ("header-timeout", 408, "GET / HTTP/1.1\r\nHost: localh".into()),
        ("not-found", 404, get("/missing", "")),
        ("forbidden", 403, get("/leaves", "")),
        ("precondition-failed", 412, get("/page.txt", "If-Match: \"other\"\r\n")),
        ("range-not-satisfiable", 416, get("/page.txt", "Range: bytes=99-\r\n")),
    ] {
        let response = proxy.connect().send(bytes).response();
        assert_eq!(response.status, status, "{cause}");
        assert_told(&proxy, status, cause);
    }
}

#[test]
fn a_client_that_stops_reading() {
    let proxy = site("127.0.0.1:1").file("www/large.bin", vec![b'x'; 64 << 20]).start();
    let mut client = proxy.connect();
    client.send(Request::get("/large.bin").bytes()).head();
    assert_told(&proxy, 200, "client-stalled");
}

/// One request to the application fails as it should.
fn assert_fails(proxy: &Proxy, request: &Request, status: u16, cause: &str) {
    assert_eq!(proxy.send(request).status, status);
    assert_told(proxy, status, cause);
}

/// The kernel knows no way to a link-local address without an interface, and says so at once.
#[test]
fn an_address_that_leads_nowhere() {
    assert_fails(&site("[fe80::1]:80").start(), &Request::get("/app"), 502, "connect-failed");
}

/// RFC 6761 6.4: nothing has a name in `.invalid`.
#[test]
fn a_name_that_does_not_resolve() {
    assert_fails(&site("app.invalid:80").start(), &Request::get("/app"), 502, "resolve-failed");
}

#[test]
fn a_socket_that_may_not_be_used() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("app.sock");
    let _listener = UnixListener::bind(&path).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o000)).unwrap();
    let proxy = site(&format!("unix:{}", path.display())).without_privileges().start();
    assert_fails(&proxy, &Request::get("/app"), 502, "permission-denied");
}

#[test]
fn a_kept_connection_that_ends_with_the_next_request() {
    let origin = Origin::new(Transport::Tcp, |peer| {
        peer.request();
        peer.send("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
        peer.request();
    });
    // One event loop, so that the second request meets the connection of the first.
    let proxy = Proxy::config(&format!(
        "[server]\nworkers = 1\n[log]\naccess_format = \"$status $cause $request\"\n\
         [[site]]\nlisten = [\"127.0.0.1:0\"]\n[[site.location]]\nmatch = \"/\"\nproxy = \"http://{}\"\n",
        origin.address()
    ))
    .start();
    assert_eq!(proxy.get("/").status, 200);
    assert_fails(&proxy, &Request::post("/", "paid"), 502, "reused-connection-closed");
}

/// The other server's answer hides it from the client, not from the operator.
#[test]
fn a_status_that_counts_as_no_answer() {
    let (busy, well) =
        (Origin::answering("HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n"), Origin::ok("well"));
    let proxy = Proxy::config(&format!(
        "[log]\naccess_format = \"$status <$upstream_status>\"\n[[site]]\nlisten = [\"127.0.0.1:0\"]\n\
         [[site.location]]\nmatch = \"/\"\nproxy = \"app\"\n[upstream.app]\nservers = [\"{}\", \"{}\"]\n\
         retry = {{ on = [\"503\"] }}\npassive = {{ fails = 1 }}\nhealth = false\n",
        busy.address(),
        well.address()
    ))
    .start();
    for _ in 0..2 {
        assert_eq!(proxy.get("/").text(), "well");
    }
    proxy.wait_for_access("200 <503, 200>");
    let line = proxy.wait_for_log("refused-by-status");
    assert!(line.contains(busy.address()) && line.contains("remedy="), "{line}");
}

#[test]
fn an_upstream_that_nobody_new_may_be_sent_to() {
    let origin = Origin::ok("");
    let draining = format!("{{ address = \"{}\", drain = true }}", origin.address());
    let proxy = Proxy::config(&format!(
        "[log]\naccess_format = \"$status $cause $request\"\n[[site]]\nlisten = [\"127.0.0.1:0\"]\n\
         [[site.location]]\nmatch = \"/\"\nproxy = \"app\"\n[upstream.app]\nservers = [{draining}]\n"
    ))
    .start();
    assert_fails(&proxy, &Request::get("/"), 503, "no-server");
    assert_eq!(origin.connections(), 0);
}

/// As of a server that stops with connections in its backlog.
#[test]
fn a_connection_that_is_reset_unread() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let server = std::thread::spawn(move || {
        let (stream, _): (TcpStream, _) = listener.accept().unwrap();
        // What was received and not read makes the kernel's close a reset.
        assert!(stream.peek(&mut [0]).unwrap() > 0);
    });
    let proxy = site(&address.to_string()).start();
    assert_fails(&proxy, &Request::post("/app", "paid"), 502, "reset-before-answer");
    server.join().unwrap();
}
