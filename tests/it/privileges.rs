//! Root's rights are given up once everything is bound.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};

use rustix::process::Signal;

use crate::support::kernel::eventually;
use crate::support::proxy::Builder;
use crate::support::raw::Client;
use crate::support::{Proxy, Request};

/// Of `nobody`, who is on every machine.
const NOBODY: u32 = 65534;
/// `CAP_NET_BIND_SERVICE`, capabilities(7).
const LOW_PORTS: u64 = 1 << 10;

/// Nobody else can give up rights.
fn is_root() -> bool {
    let root = rustix::process::geteuid().is_root();
    if !root {
        println!("this test needs root, and has seen nothing");
    }
    root
}

fn config(listen: &str) -> String {
    format!(
        "[server]\nuser = \"nobody\"\n[log]\naccess = \"access.log\"\n[[site]]\nlisten = [{listen}]\n\
         [[site.location]]\nmatch = \"/\"\nrespond = {{ body = \"page\" }}\n"
    )
}

/// In a directory that is the user's.
fn of_nobody(listen: &str) -> Builder {
    let builder = Proxy::config(&config(listen));
    chown(builder.dir(), Some(NOBODY), Some(NOBODY)).unwrap();
    builder
}

/// An address of this process alone, since low ports cannot be had at random.
fn own(last: u8, port: u16) -> String {
    let [_, _, high, low] = std::process::id().to_be_bytes();
    format!("127.{}.{}.{last}:{port}", high % 200 + 10, low)
}

/// A line of the status of each thread.
fn of_threads(proxy: &Proxy, name: &str) -> Vec<String> {
    let tasks = fs::read_dir(format!("/proc/{}/task", proxy.pid())).unwrap();
    let statuses = tasks.map(|task| fs::read_to_string(task.unwrap().path().join("status")).unwrap());
    let line = |status: String| {
        let line = status.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
        line.unwrap().split_whitespace().collect::<Vec<_>>().join(" ")
    };
    statuses.map(line).collect()
}

fn assert_of_all_threads(proxy: &Proxy, name: &str, expected: &str) {
    let found = of_threads(proxy, name);
    assert!(found.len() >= 4 && found.iter().all(|found| found == expected), "{name}: {found:?}");
}

#[test]
fn every_thread_is_the_user_and_has_no_rights_but_its_own() {
    if !is_root() {
        return;
    }
    let proxy = of_nobody("\"127.0.0.1:0\"").start();
    assert_eq!(proxy.get("/").text(), "page");
    for name in ["Uid", "Gid"] {
        assert_of_all_threads(&proxy, name, "65534 65534 65534 65534");
    }
    assert_of_all_threads(&proxy, "Groups", "65534");
    for name in ["CapInh", "CapPrm", "CapEff", "CapAmb"] {
        assert_of_all_threads(&proxy, name, &format!("{:016x}", 0));
    }
    assert_of_all_threads(&proxy, "NoNewPrivs", "1");
    proxy.wait_for_log("running as user nobody (65534), group 65534");
}

#[test]
fn low_ports_can_be_bound_by_a_reload_if_the_first_had_one() {
    if !is_root() {
        return;
    }
    let [first, second] = [own(1, 81), own(2, 82)];
    let mut proxy = of_nobody(&format!("{first:?}")).start();
    assert_of_all_threads(&proxy, "CapEff", &format!("{LOW_PORTS:016x}"));
    assert_of_all_threads(&proxy, "Uid", "65534 65534 65534 65534");
    let outcome = proxy.reload(&config(&format!("{first:?}, {second:?}")));
    assert!(outcome.contains("in force"), "{outcome}");
    for address in [&first, &second] {
        assert_eq!(Client::connect(address).exchange(&Request::get("/")).text(), "page");
    }
    proxy.signal(Signal::TERM);
    assert_eq!(proxy.wait().code(), Some(0));
}

#[test]
fn the_right_to_bind_low_ports_is_not_for_apps() {
    if !is_root() {
        return;
    }
    let listen = own(3, 83);
    let app = "import os, sys\nfrom http.server import BaseHTTPRequestHandler, HTTPServer\n\
        class App(BaseHTTPRequestHandler):\n\
        \x20   def do_GET(self):\n\
        \x20       body = [line for line in open('/proc/self/status', 'rb') if line.startswith(b'CapEff')][0]\n\
        \x20       self.send_response(200)\n\
        \x20       self.send_header('Content-Length', str(len(body)))\n\
        \x20       self.end_headers()\n\
        \x20       self.wfile.write(body)\n\
        HTTPServer(('127.0.0.1', int(sys.argv[1])), App).serve_forever()\n";
    let config = format!(
        "[server]\nuser = \"nobody\"\n[[site]]\nlisten = [{listen:?}]\n[[site.location]]\nmatch = \"/\"\n\
         proxy = \"app\"\n[upstream.app]\nservers = [\"127.0.0.1:8000\"]\n[upstream.app.process]\n\
         command = [\"python3\", \"app.py\", \"{{port}}\"]\n"
    );
    let builder = Proxy::config(&config).file("app.py", app);
    chown(builder.dir(), Some(NOBODY), Some(NOBODY)).unwrap();
    let proxy = builder.start();
    assert_of_all_threads(&proxy, "CapEff", &format!("{LOW_PORTS:016x}"));
    let answer = Client::connect(&listen).exchange(&Request::get("/"));
    assert_eq!(answer.text(), format!("CapEff:\t{:016x}\n", 0));
}

#[test]
fn logs_are_the_user_s_and_can_be_rotated() {
    if !is_root() {
        return;
    }
    let proxy = of_nobody("\"127.0.0.1:0\"").start();
    let path = proxy.dir().join("access.log");
    let facts = fs::metadata(&path).unwrap();
    assert_eq!((facts.uid(), facts.gid()), (NOBODY, NOBODY));
    fs::rename(&path, path.with_extension("1")).unwrap();
    proxy.signal(Signal::USR1);
    eventually("the file is there again", || path.exists());
    proxy.get("/after");
    eventually("the line is written", || fs::read_to_string(&path).unwrap().contains("/after"));
}

#[test]
fn a_link_of_the_user_s_is_no_log_that_root_opens() {
    if !is_root() {
        return;
    }
    let builder = of_nobody("\"127.0.0.1:0\"");
    let secret = tempfile::NamedTempFile::new().unwrap();
    std::os::unix::fs::symlink(secret.path(), builder.dir().join("access.log")).unwrap();
    let said = String::from_utf8(builder.run().stderr).unwrap();
    assert!(said.contains("access.log cannot be opened") && said.contains("write the path"), "{said}");
    assert_eq!(fs::metadata(secret.path()).unwrap().uid(), 0);
}

#[test]
fn a_configuration_that_the_user_cannot_read_is_told_of_at_the_start() {
    if !is_root() {
        return;
    }
    let builder = of_nobody("\"127.0.0.1:0\"");
    let file = builder.dir().join("site.toml");
    fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
    let proxy = builder.start();
    let line = proxy.wait_for_log("reloads will be refused");
    assert!(line.contains("site.toml") && line.contains("chgrp"), "{line}");
    assert_eq!(proxy.get("/").text(), "page");
}

#[test]
fn without_root_the_user_stays_and_that_is_told() {
    let mut proxy = Proxy::config(&config("\"127.0.0.1:0\"")).without_rights().start();
    let line = proxy.wait_for_log("`user` has no effect");
    assert!(line.contains("start rproxy as root"), "{line}");
    assert_eq!(proxy.get("/").text(), "page");
    proxy.signal(Signal::TERM);
    proxy.wait();
}

#[test]
fn another_user_takes_a_new_start_and_a_reload_says_so() {
    let of = |user: &str| {
        format!(
            "[server]\n{user}\n[[site]]\nlisten = [\"127.0.0.1:0\"]\n\
             [[site.location]]\nmatch = \"/\"\nrespond = {{}}\n"
        )
    };
    let proxy = Proxy::config(&of("")).start();
    proxy.reload(&of("user = \"nobody\""));
    proxy.wait_for_log("`user` and `group` stay as they are until rproxy is started anew");
}
