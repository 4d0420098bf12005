//! Listening on a Unix socket.

use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::process::Output;

use rustix::process::Signal;

use crate::support::proxy::Builder;
use crate::support::stream::Stream;
use crate::support::{Client, Origin, Proxy, Request};

const SITE: &str = "[log]\naccess = \"stdout\"\n[[site]]\nlisten = [\"unix:here.sock\"]\n\
                    [[site.location]]\nmatch = \"/\"\nfiles = \"www\"\n";

fn builder() -> Builder {
    Proxy::config(SITE).file("www/page.txt", "page")
}

fn get(proxy: &Proxy) -> String {
    Client::connect(&proxy.addresses()[0]).exchange(&Request::get("/page.txt")).text().to_owned()
}

fn refused(builder: &Builder) -> String {
    let Output { status, stderr, .. } = builder.run();
    let errors = String::from_utf8(stderr).unwrap();
    assert_eq!(status.code(), Some(3), "{errors}");
    assert!(errors.contains("here.sock"), "{errors}");
    errors
}

#[test]
fn requests_are_answered_and_logged_without_an_address() {
    let proxy = builder().start();
    assert_eq!(get(&proxy), "page");
    proxy.wait_for_access("unix: - - [");
}

#[test]
fn every_event_loop_answers_on_it() {
    let proxy = builder().start();
    for _ in 0..50 {
        assert_eq!(get(&proxy), "page");
    }
}

#[test]
fn an_application_gets_one_well_formed_set_of_fields() {
    let origin = Origin::ok("");
    let proxy = Proxy::config(&format!(
        "[[site]]\nlisten = [\"unix:here.sock\"]\n[[site.location]]\nmatch = \"/\"\nproxy = \"http://{}\"\n",
        origin.address()
    ))
    .start();
    let request = Request::get("/").header("X-Forwarded-For", "6.6.6.6").header("X-Real-IP", "6.6.6.6");
    assert_eq!(Client::connect(&proxy.addresses()[0]).exchange(&request).status, 200);
    let received = origin.wait_for_request(1);
    assert!(!received.head.contains("6.6.6.6"), "{}", received.head);
    assert_eq!(received.header("x-forwarded-proto"), Some("http"));
}

/// As nginx has it: who may connect is said by the directory.
#[test]
fn the_socket_is_open_to_all_and_goes_with_its_server() {
    let mut proxy = builder().start();
    let path = proxy.dir().join("here.sock");
    assert_eq!(mode(&path), 0o666);
    proxy.signal(Signal::TERM);
    proxy.wait();
    assert!(!path.exists());
}

#[test]
fn the_socket_of_one_that_is_gone_is_replaced() {
    let builder = builder();
    drop(UnixListener::bind(builder.dir().join("here.sock")).unwrap());
    assert_eq!(get(&builder.start()), "page");
}

#[test]
fn the_socket_of_one_that_lives_is_left_alone() {
    let builder = builder();
    let held = UnixListener::bind(builder.dir().join("here.sock")).unwrap();
    let path = builder.dir().join("here.sock");
    let errors = refused(&builder);
    assert!(errors.contains("another process listens"), "{errors}");
    assert!(Stream::try_connect(&format!("unix:{}", path.display())).is_ok(), "it still listens");
    drop(held);
}

#[test]
fn a_file_that_is_no_socket_is_left_alone() {
    let builder = builder().file("here.sock", "precious");
    let path = builder.dir().join("here.sock");
    let errors = refused(&builder);
    assert!(errors.contains("no socket"), "{errors}");
    assert_eq!(std::fs::read_to_string(path).unwrap(), "precious");
}

#[test]
fn it_can_be_started_again_after_it_was_killed() {
    let folder = tempfile::tempdir().unwrap();
    let site = SITE.replace("here.sock", &folder.path().join("kept.sock").display().to_string());
    let mut first = Proxy::config(&site).file("www/page.txt", "page").start();
    first.signal(Signal::KILL);
    first.wait();
    assert_eq!(get(&Proxy::config(&site).file("www/page.txt", "page").start()), "page");
}

fn mode(path: &Path) -> u32 {
    std::fs::metadata(path).unwrap().permissions().mode() & 0o777
}

fn with_access(access: &str) -> String {
    SITE.replace("\"unix:here.sock\"", &format!("{{ address = \"unix:here.sock\", {access} }}"))
}

#[test]
fn its_permissions_may_be_said_and_changed_by_a_reload() {
    let proxy = Proxy::config(&with_access("mode = \"0600\"")).file("www/page.txt", "page").start();
    let path = proxy.dir().join("here.sock");
    assert_eq!(mode(&path), 0o600);
    assert_eq!(get(&proxy), "page");
    let outcome = proxy.reload(&with_access("mode = \"0660\""));
    assert!(outcome.contains("in force"), "{outcome}");
    assert_eq!(mode(&path), 0o660);
    assert_eq!(get(&proxy), "page");
}

#[test]
fn its_user_and_group_may_be_said() {
    let root = rustix::process::geteuid().is_root();
    let builder = Proxy::config(&with_access("mode = \"0660\", user = \"nobody\", group = \"65534\""));
    let builder = builder.file("www/page.txt", "page");
    if root {
        let proxy = builder.start();
        let facts = std::fs::metadata(proxy.dir().join("here.sock")).unwrap();
        assert_eq!((facts.uid(), facts.gid()), (65534, 65534));
        assert_eq!(get(&proxy), "page");
    } else {
        let errors = refused(&builder);
        assert!(errors.contains("only root gives files away"), "{errors}");
        assert!(!builder.dir().join("here.sock").exists());
    }
}

/// Somebody has put another server in its place.
#[test]
fn a_socket_that_is_another_s_by_now_is_left_alone() {
    let mut proxy = builder().start();
    let path = proxy.dir().join("here.sock");
    std::fs::remove_file(&path).unwrap();
    let theirs = UnixListener::bind(&path).unwrap();
    proxy.signal(Signal::TERM);
    proxy.wait();
    assert!(path.exists());
    drop(theirs);
}
