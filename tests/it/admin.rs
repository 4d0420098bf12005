//! The operator's door: the status page, metrics, and the API.

use std::os::unix::fs::PermissionsExt;

use crate::support::kernel::eventually;
use crate::support::proxy::{ABSENT, Builder};
use crate::support::raw::Client;
use crate::support::{Origin, Proxy, Request, Response};

/// A site with a page, an application and one that is down; `admin` is where the status page is.
fn watched(admin: &str, origin: &Origin) -> Builder {
    Proxy::config(&format!(
        "[server]\nadmin = \"{admin}\"\n[[site]]\nlisten = [\"127.0.0.1:0\"]\n\
         [[site.location]]\nmatch = \"/\"\nrespond = {{ body = \"page\" }}\n\
         [[site.location]]\nmatch = \"/app\"\nproxy = \"app\"\n\
         [[site.location]]\nmatch = \"/down\"\nproxy = \"absent\"\n\
         [upstream.app]\nservers = [\"{}\"]\n{ABSENT}",
        origin.address()
    ))
}

/// Where the status page is, as the log has it.
fn address(proxy: &Proxy) -> String {
    let line = proxy.wait_for_log("status page on ");
    let (_, address) = line.split_once("status page on ").unwrap();
    address.trim().trim_start_matches("http://").to_owned()
}

fn look(address: &str, target: &str) -> Response {
    Client::connect(address).exchange(&Request::get(target).header("Host", "127.0.0.1"))
}

/// The value of one sample.
fn sample(address: &str, name: &str) -> u64 {
    let metrics = look(address, "/metrics");
    let line = metrics.text().lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    line.unwrap_or_else(|| panic!("no {name} in\n{}", metrics.text())).parse().unwrap()
}

#[test]
fn metrics_follow_what_happens() {
    let origin = Origin::ok("hello");
    let proxy = watched("127.0.0.1:0", &origin).start();
    let admin = address(&proxy);
    let missing = "rproxy_failures_total{cause=\"socket-missing\",side=\"upstream\"}";
    assert_eq!(sample(&admin, missing), 0);
    assert_eq!(proxy.get("/down").status, 502);
    assert_eq!(proxy.get("/down").status, 502);
    assert_eq!(proxy.get("/app").text(), "hello");
    let app = format!("{{upstream=\"app\",server=\"{}\"}}", origin.address());
    // A request is counted when its last byte is out, which its client may see first.
    eventually("all three are counted", || {
        sample(&admin, missing) == 2 && sample(&admin, "rproxy_requests_total{class=\"2xx\"}") == 1
    });
    assert_eq!(sample(&admin, "rproxy_requests_total{class=\"5xx\"}"), 2);
    assert_eq!(sample(&admin, &format!("rproxy_server_requests_total{app}")), 1);
    assert_eq!(sample(&admin, &format!("rproxy_server_failures_total{app}")), 0);
    assert_eq!(sample(&admin, &format!("rproxy_server_requests_in_flight{app}")), 0);
    assert!(sample(&admin, "rproxy_sent_bytes_total") > 300);
    // The page's own connections are not the clients'.
    let _client = proxy.connect();
    eventually("the connection is counted", || sample(&admin, "rproxy_connections") == 1);
}

#[test]
fn a_request_at_work_is_seen() {
    let origin = Origin::hanging();
    let proxy = watched("127.0.0.1:0", &origin).start();
    let admin = address(&proxy);
    let mut client = proxy.connect();
    client.send(Request::get("/app").bytes());
    origin.wait_for_request(1);
    let app = format!("{{upstream=\"app\",server=\"{}\"}}", origin.address());
    assert_eq!(sample(&admin, &format!("rproxy_server_requests_in_flight{app}")), 1);
    assert_eq!(sample(&admin, "rproxy_connections"), 1);
    drop(client);
    let left = "rproxy_failures_total{cause=\"client-left\",side=\"client\"}";
    eventually("it is over", || sample(&admin, left) == 1);
    assert_eq!(sample(&admin, &format!("rproxy_server_requests_in_flight{app}")), 0);
}

/// Its client leaves at last, and both logs and metrics tell how long it had waited.
#[test]
fn a_request_in_the_queue_is_seen() {
    let origin = Origin::hanging();
    let proxy = Proxy::config(&format!(
        "[server]\nadmin = \"127.0.0.1:0\"\n[log]\naccess_format = \"$request_uri <$upstream_addr> $queue_time $cause\"\n\
         [[site]]\nlisten = [\"127.0.0.1:0\"]\n[[site.location]]\nmatch = \"/\"\nproxy = \"app\"\n\
         [upstream.app]\nservers = [{{ address = \"{}\", max_conns = 1 }}]\n",
        origin.address()
    ))
    .start();
    let admin = address(&proxy);
    let waiting = "rproxy_upstream_queue_requests{upstream=\"app\"}";
    let (mut first, mut second) = (proxy.connect(), proxy.connect());
    first.send(Request::get("/first").bytes());
    origin.wait_for_request(1);
    second.send(Request::get("/second").bytes());
    eventually("it waits", || sample(&admin, waiting) == 1);
    assert!(look(&admin, "/").text().contains("1 of at most"));
    drop(second);
    let line = proxy.wait_for_access("/second");
    assert!(line.starts_with("/second <-> 0.") && line.ends_with(" client-left"), "{line}");
    drop(first);
    let line = proxy.wait_for_access("/first");
    assert_eq!(line, format!("/first <{}> 0.000 client-left", origin.address()));
    eventually("nobody waits", || sample(&admin, waiting) == 0);
    assert_eq!(sample(&admin, "rproxy_upstream_queue_seconds_count{upstream=\"app\"}"), 1);
}

#[test]
fn every_line_of_the_metrics_is_one_that_prometheus_reads() {
    let proxy = watched("127.0.0.1:0", &Origin::ok("")).start();
    let metrics = look(&address(&proxy), "/metrics");
    assert_eq!(metrics.header("content-type"), Some("text/plain; version=0.0.4; charset=utf-8"));
    let line = regex::Regex::new(
        r#"^(# HELP [a-z_]+ \S.*|# TYPE [a-z_]+ (counter|gauge)|rproxy_[a-z_]+(\{[a-z]+="([^"\\]|\\.)*"(,[a-z]+="([^"\\]|\\.)*")*\})? \d+(\.\d+)?)$"#,
    );
    let line = line.unwrap();
    for text in metrics.text().lines() {
        assert!(line.is_match(text), "{text}");
    }
    assert!(metrics.text().ends_with('\n'));
}

#[test]
fn the_api_says_the_same_as_json() {
    let proxy = watched("127.0.0.1:0", &Origin::ok("")).start();
    let admin = address(&proxy);
    proxy.get("/down");
    eventually("it is counted", || look(&admin, "/api/status").text().contains("socket-missing"));
    let status = look(&admin, "/api/status");
    assert_eq!(status.header("content-type"), Some("application/json"));
    let text = status.text();
    assert!(text.contains("\"name\": \"absent\"") && text.contains("missing.sock"), "{text}");
}

#[test]
fn the_page_tells_of_servers_and_causes_and_nothing_of_requests() {
    let origin = Origin::ok("");
    let proxy = watched("127.0.0.1:0", &origin).start();
    let admin = address(&proxy);
    let secret = Request::get("/down/secret-path?token=secret").header("Cookie", "secret=1");
    proxy.send(&secret.header("User-Agent", "<secret>"));
    eventually("it is counted", || look(&admin, "/").text().contains("socket-missing"));
    let page = look(&admin, "/");
    assert_eq!(page.header("content-type"), Some("text/html; charset=utf-8"));
    let text = page.text();
    assert!(text.contains(origin.address()) && text.contains("missing.sock"), "{text}");
    assert!(text.contains("start the app server, or correct"), "{text}");
    assert!(!text.contains("secret") && !text.contains("<script"), "{text}");
}

#[test]
fn it_can_only_be_looked_at() {
    let proxy = watched("127.0.0.1:0", &Origin::ok("")).start();
    let admin = address(&proxy);
    let ask = |method: &str, target: &str, host: &str| {
        Client::connect(&admin).exchange(&Request::new(method, target).header("Host", host))
    };
    let post = ask("POST", "/", "127.0.0.1");
    assert_eq!((post.status, post.header("allow")), (405, Some("GET, HEAD")));
    assert_eq!(ask("HEAD", "/metrics", "localhost").status, 200);
    assert_eq!(ask("GET", "/favicon.ico", "127.0.0.1").status, 404);
}

/// DNS rebinding: a page of another site, whose name resolves to us all at once.
#[test]
fn a_name_that_a_name_server_gives_is_not_answered() {
    let proxy = watched("127.0.0.1:0", &Origin::ok("")).start();
    let admin = address(&proxy);
    for host in ["evil.example", "localhost.evil.example", &format!("evil.example:{}", proxy.addr().port())] {
        let request =
            Request::get("/api/status").header("Host", host).header("Origin", "http://evil.example");
        let response = Client::connect(&admin).exchange(&request);
        assert_eq!(response.status, 421, "{host}");
        assert_eq!(response.header("access-control-allow-origin"), None);
        assert!(!response.text().contains("app"), "{}", response.text());
    }
}

#[test]
fn a_unix_socket_is_for_its_user_and_group() {
    let mut proxy = watched("unix:admin.sock", &Origin::ok("")).start();
    let path = proxy.dir().join("admin.sock");
    assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o660);
    let mut client = Client::connect(&format!("unix:{}", path.display()));
    let response = client.exchange(&Request::get("/metrics").header("Host", "any.name"));
    assert_eq!(response.status, 200);
    proxy.signal(rustix::process::Signal::TERM);
    proxy.wait();
    assert!(!path.exists());
}

#[test]
fn it_is_off_unless_asked_for() {
    let proxy = Proxy::to(Origin::ok("").address()).start();
    assert!(!proxy.log.all().iter().any(|line| line.contains("status page")));
}

#[test]
fn an_address_that_is_taken_stops_the_start() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let admin = taken.local_addr().unwrap().to_string();
    let output = watched(&admin, &Origin::ok("")).run();
    assert_eq!(output.status.code(), Some(3));
    let log = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(log.contains(&admin) && log.contains("another process listens there"), "{log}");
    assert!(log.contains("change `admin`"), "{log}");
}

#[test]
fn clients_that_hold_it_do_not_hold_the_site() {
    let proxy = watched("127.0.0.1:0", &Origin::ok("")).start();
    let admin = address(&proxy);
    let silent: Vec<_> = (0..100).map(|_| Client::connect(&admin)).collect();
    assert_eq!(proxy.get("/").text(), "page");
    drop(silent);
    assert_eq!(look(&admin, "/metrics").status, 200);
}
