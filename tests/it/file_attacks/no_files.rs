use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::process::Command;

use crate::support::proxy::Builder;
use crate::support::{Proxy, Request};

/// One event loop: if it waited for one of these, nobody would be answered.
const SITE: &str = "[server]\nworkers = 1\n\n[log]\naccess = \"stdout\"\n\n[[site]]\nlisten = [\"127.0.0.1:0\"]\n\
    [[site.location]]\nmatch = \"/\"\nfiles = \"www\"\nsymlinks = \"follow\"\n";

fn tree() -> Builder {
    let builder = Proxy::config(SITE).file("www/page.html", "page").without_privileges();
    let www = builder.dir().join("www");
    make("mkfifo", &[www.join("fifo").to_str().unwrap()]);
    drop(UnixListener::bind(www.join("socket")).unwrap());
    // Reading it has no end. That it is reached by a link makes it no less of a device.
    symlink("/dev/zero", www.join("zero")).unwrap();
    symlink("/dev/tty", www.join("terminal")).unwrap();
    symlink(www.join("fifo"), www.join("fifo-link")).unwrap();
    if rustix::process::geteuid().is_root() {
        make("mknod", &[www.join("device").to_str().unwrap(), "c", "1", "5"]);
    }
    builder.file("www/unreadable.txt", "hidden").file("www/closed/file.txt", "hidden")
}

fn make(command: &str, arguments: &[&str]) {
    assert!(Command::new(command).args(arguments).status().unwrap().success(), "{command}");
}

fn forbid(path: &Path) {
    fs::set_permissions(path, Permissions::from_mode(0o000)).unwrap();
}

#[test]
fn what_is_no_file_is_refused_and_holds_nobody_up() {
    let proxy = tree().start();
    let mut others = proxy.connect();
    for path in ["/fifo", "/fifo-link", "/socket", "/zero", "/terminal", "/device", "/fifo/", "/zero/x"] {
        for method in ["GET", "HEAD"] {
            let mut asking = proxy.connect();
            asking.send(Request::new(method, path).bytes());
            assert_eq!(others.exchange(&Request::get("/page.html")).text(), "page", "{path}");
            let response = asking.response_to(method);
            assert!(matches!(response.status, 403 | 404), "{path}: {response:?}");
        }
    }
}

/// Somebody may write into it, and must not find that his words were served.
#[test]
fn a_fifo_with_a_writer_is_not_read() {
    let proxy = tree().start();
    // Opened for both, it never waits for its other end.
    let mut fifo = fs::OpenOptions::new().read(true).write(true).open(proxy.dir().join("www/fifo")).unwrap();
    std::io::Write::write_all(&mut fifo, b"words").unwrap();
    assert_eq!(proxy.get("/fifo").status, 403);
    let mut words = [0; 5];
    std::io::Read::read_exact(&mut fifo, &mut words).unwrap();
    assert_eq!(&words, b"words");
}

#[test]
fn what_may_not_be_read_is_forbidden() {
    let builder = tree();
    let closed = builder.dir().join("www/closed");
    forbid(&builder.dir().join("www/unreadable.txt"));
    forbid(&closed);
    let proxy = builder.start();
    for path in ["/unreadable.txt", "/closed/file.txt", "/closed/", "/closed/missing.txt"] {
        let response = proxy.get(path);
        assert_eq!(response.status, 403, "{path}");
        assert!(!response.text().contains("hidden"), "{path}");
    }
    assert_eq!(proxy.get("/page.html").text(), "page");
    // So that the directory can be removed by whoever runs the tests.
    fs::set_permissions(closed, Permissions::from_mode(0o700)).unwrap();
}

/// What was answered from memory before is looked at again.
#[test]
fn a_file_that_may_no_longer_be_read_is_not_served_any_more() {
    let proxy = tree().start();
    let path = proxy.dir().join("www/page.html");
    let long_ago = std::time::SystemTime::now() - std::time::Duration::from_secs(3600);
    fs::File::open(&path).unwrap().set_modified(long_ago).unwrap();
    let mut client = proxy.connect();
    assert_eq!(client.exchange(&Request::get("/page.html")).text(), "page");
    forbid(&path);
    crate::support::kernel::eventually("it is forbidden", || {
        client.exchange(&Request::get("/page.html")).status == 403
    });
}
