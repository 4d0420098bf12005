//! From one configuration to the next: what changes is served at once, what does not goes on as if nothing were.

mod crowds;
mod drills;
mod listeners;
mod orders;
mod upstreams;
mod watching;

use crate::support::{Client, Proxy, Request};

/// A site on a free port that answers everything with this text.
fn answering(text: &str) -> String {
    format!(
        "[[site]]\nlisten = [\"127.0.0.1:0\"]\n[[site.location]]\nmatch = \"/\"\nrespond = {{ body = \"{text}\" }}\n"
    )
}

fn assert_applied(outcome: &str) {
    assert!(outcome.contains("in force"), "{outcome}");
}

fn assert_refused(outcome: &str) {
    assert!(outcome.contains("refused"), "{outcome}");
}

fn get(client: &mut Client, path: &str) -> String {
    client.exchange(&Request::get(path)).text().to_owned()
}

#[test]
fn a_kept_connection_sees_the_new_configuration_with_its_next_request() {
    let proxy = Proxy::config(&answering("old")).start();
    let mut client = proxy.connect();
    assert_eq!(get(&mut client, "/"), "old");
    assert_applied(&proxy.reload(&answering("new")));
    assert_eq!(get(&mut client, "/"), "new");
}

#[test]
fn what_means_the_same_is_no_change() {
    let proxy = Proxy::config(&answering("page")).start();
    let same = format!("# A comment.\n{}max_body = \"256MiB\"\n", answering("page"));
    assert!(proxy.reload(&same).contains("no change"));
    assert!(proxy.hang_up().contains("no change"));
    assert!(!proxy.log.all().iter().any(|line| line.contains("in force")));
}

#[test]
fn a_bad_file_leaves_everything_and_is_reported_in_full() {
    let proxy = Proxy::config(&answering("old")).start();
    assert_refused(&proxy.reload(&answering("new").replace("listen", "lissen").replace("match", "mach")));
    for line in ["unknown key `lissen`", "did you mean `listen`?", "unknown key `mach`", "site.toml:2:1"] {
        proxy.wait_for_log(line);
    }
    assert_eq!(proxy.get("/").text(), "old");
    assert_applied(&proxy.reload(&answering("new")));
    assert_eq!(proxy.get("/").text(), "new");
}

#[test]
fn a_test_that_fails_leaves_everything_and_is_told_with_its_line() {
    let tested =
        |text: &str, status: u16| format!("{}[[test]]\nurl = \"/\"\nstatus = {status}\n", answering(text));
    let proxy = Proxy::config(&tested("old", 200)).start();
    assert_refused(&proxy.reload(&tested("new", 404)));
    for line in ["the status is 200, not 404", "site.toml:8:10"] {
        proxy.wait_for_log(line);
    }
    assert_eq!(proxy.get("/").text(), "old");
    assert_applied(&proxy.reload(&tested("new", 200)));
    assert_eq!(proxy.get("/").text(), "new");
}

#[test]
fn a_request_belongs_to_the_configuration_of_the_moment_its_head_is_whole() {
    let proxy = Proxy::config(&answering("old")).start();
    let mut client = proxy.connect();
    let head = Request::get("/").bytes();
    client.send(&head[..20]);
    assert_applied(&proxy.reload(&answering("new")));
    client.send(&head[20..]);
    assert_eq!(client.response().text(), "new");
}

#[test]
fn a_download_goes_on_although_its_location_is_gone() {
    let content = vec![b'x'; 16 << 20];
    let proxy = Proxy::files().file("www/large.bin", &content).start();
    let mut client = proxy.connect();
    client.send(Request::get("/large.bin").bytes());
    let head = client.head();
    assert_eq!(head.status, 200);
    assert_applied(&proxy.reload(&answering("no files any more")));
    std::fs::remove_file(proxy.dir().join("www/large.bin")).unwrap();
    assert!(client.take(content.len()) == content, "another content");
    assert_eq!(get(&mut client, "/large.bin"), "no files any more");
}

#[test]
fn an_error_page_is_read_again() {
    let site = "errors = { \"404\" = \"404.html\" }\n[[site.location]]\nmatch = \"/only\"\nrespond = { body = \"x\" }\n";
    let proxy = Proxy::site(site).file("404.html", "first").start();
    assert_eq!(proxy.get("/missing").text(), "first");
    std::fs::write(proxy.dir().join("404.html"), "second").unwrap();
    assert_applied(&proxy.hang_up());
    assert_eq!(proxy.get("/missing").text(), "second");
}

#[test]
fn the_status_page_moves() {
    let at = |admin: &str| format!("[server]\nadmin = \"{admin}\"\n{}", answering("page"));
    let proxy = Proxy::config(&at("unix:one.sock")).start();
    let look = |name: &str| {
        let address = format!("unix:{}", proxy.dir().join(name).display());
        Client::connect(&address).exchange(&Request::get("/api/status")).status
    };
    assert_eq!(look("one.sock"), 200);
    assert_applied(&proxy.reload(&at("unix:two.sock")));
    assert_eq!(look("two.sock"), 200);
    assert!(!proxy.dir().join("one.sock").exists());
    assert_applied(&proxy.reload(&answering("page")));
    assert!(!proxy.dir().join("two.sock").exists());
}

#[test]
fn what_takes_a_new_start_is_told() {
    let with = |workers: u32| format!("[server]\nworkers = {workers}\n{}", answering("page"));
    let proxy = Proxy::config(&with(1)).start();
    assert_applied(&proxy.reload(&with(2)));
    proxy.wait_for_log("`workers` stays 1 until rproxy is started anew");
}
