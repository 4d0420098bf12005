//! A new binary takes the listening sockets over, or does not, and no client notices.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;

use rustix::process::Signal;

use crate::support::kernel::{self, eventually};
use crate::support::proxy::{self, Builder};
use crate::support::raw::Client;
use crate::support::stream::{Stream, Transport};
use crate::support::{Origin, Proxy, Request};

const SITE: &str = "[server]\nworkers = 2\n[log]\naccess = \"off\"\n\
                    [[site]]\nlisten = [\"127.0.0.1:0\", \"unix:here.sock\"]\n\
                    [[site.location]]\nmatch = \"/\"\nrespond = { body = \"here\" }\n\
                    [[site.location]]\nmatch = \"/files/\"\nfiles = \"www\"\n";

fn site() -> Builder {
    Proxy::config(SITE)
}

fn is_answered(address: &str) {
    assert_eq!(Client::connect(address).exchange(&Request::get("/")).text(), "here");
}

/// Puts a script in the place of the binary.
fn replace_by(proxy: &Proxy, script: &str) {
    let (new, link) = (proxy.dir().join("new"), proxy.dir().join("rproxy"));
    fs::write(&new, format!("#!/bin/sh\n{script}\n")).unwrap();
    fs::set_permissions(&new, fs::Permissions::from_mode(0o755)).unwrap();
    fs::rename(new, link).unwrap();
}

/// Puts the binary back.
fn restore(proxy: &Proxy) {
    let (new, link) = (proxy.dir().join("new"), proxy.dir().join("rproxy"));
    std::os::unix::fs::symlink(proxy::PROGRAM, &new).unwrap();
    fs::rename(new, link).unwrap();
}

/// Clients that want nothing but answers, one after the other, until they are told to stop.
struct Crowd {
    stop: AtomicBool,
    answered: AtomicUsize,
}

impl Crowd {
    fn new() -> Self {
        Self { stop: AtomicBool::new(false), answered: AtomicUsize::new(0) }
    }

    /// A connection for each request.
    fn come_and_go(&self, address: &str) {
        while !self.stop.load(Ordering::Relaxed) {
            let request = Request::get("/").header("Connection", "close");
            assert_eq!(Client::connect(address).exchange(&request).text(), "here");
            self.answered.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// One connection for as long as the server keeps it.
    fn stay(&self, address: &str) {
        let mut client = Client::connect(address);
        while !self.stop.load(Ordering::Relaxed) {
            let response = client.exchange(&Request::get("/"));
            assert_eq!(response.text(), "here");
            if response.header("connection") == Some("close") {
                client = Client::connect(address);
            }
            self.answered.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Returns when so many more requests have been answered.
    fn wait_for_more(&self, count: usize) {
        let goal = self.answered.load(Ordering::Relaxed) + count;
        eventually("the crowd is answered", || self.answered.load(Ordering::Relaxed) >= goal);
    }
}

/// Tells the crowd to stop also when the test fails.
struct Stop<'a>(&'a Crowd);

impl Drop for Stop<'_> {
    fn drop(&mut self) {
        self.0.stop.store(true, Ordering::Relaxed);
    }
}

#[test]
fn no_request_fails_while_one_process_follows_the_other() {
    let mut proxy = site().start();
    let addresses = proxy.addresses().to_vec();
    let crowd = Crowd::new();
    thread::scope(|scope| {
        let stop = Stop(&crowd);
        for address in &addresses {
            for _ in 0..3 {
                scope.spawn(|| crowd.come_and_go(address));
                scope.spawn(|| crowd.stay(address));
            }
        }
        for _ in 0..8 {
            crowd.wait_for_more(100);
            proxy.upgrade();
        }
        crowd.wait_for_more(100);
        drop(stop);
    });
    assert_eq!(proxy.wait_for_first().code(), Some(0));
    assert!(!proxy.log.all().iter().any(|line| line.contains("ERROR")), "{:?}", proxy.log.all());
}

#[test]
fn connections_that_wait_to_be_accepted_are_not_lost() {
    let mut proxy = site().start();
    // Neither process accepts now: what connects waits in the queues.
    proxy.signal(Signal::STOP);
    let waiting: Vec<_> = (0..40).map(|_| proxy.connect()).collect();
    proxy.signal(Signal::CONT);
    proxy.upgrade();
    for mut client in waiting {
        assert_eq!(client.exchange(&Request::get("/")).text(), "here");
    }
}

#[test]
fn a_kept_connection_is_answered_once_more_and_then_closed() {
    let mut proxy = site().start();
    let mut kept = proxy.connect();
    assert_eq!(kept.exchange(&Request::get("/")).header("connection"), None);
    proxy.upgrade();
    // The new process is ready a moment before the former one's event loops have heard of it.
    eventually("its last answer", || {
        let answer = kept.exchange(&Request::get("/"));
        assert_eq!(answer.text(), "here");
        answer.header("connection") == Some("close")
    });
    assert!(kept.is_closed());
    assert_eq!(proxy.wait_for_first().code(), Some(0));
}

/// It would be lost with the former process, or keep the new one from an address.
#[test]
fn no_reload_comes_between_a_new_process_and_its_sockets() {
    let mut proxy = site().linked("rproxy").start();
    let go_on = held(&proxy);
    proxy.signal(Signal::USR2);
    proxy.wait_for_log("handing over");
    let told = proxy.reload(&SITE.replace("\"here\"", "\"there\""));
    assert!(told.contains("reads the configuration by itself"), "{told}");
    is_answered(&proxy.addresses()[0]);
    go_on();
    proxy.follow();
    assert_eq!(proxy.wait_for_first().code(), Some(0));
    assert_eq!(Client::connect(&proxy.addresses()[0]).exchange(&Request::get("/")).text(), "there");
}

#[test]
fn a_download_goes_on_in_the_former_process() {
    let content = vec![b'x'; 32 << 20];
    let mut proxy = site().file("www/large.bin", &content).start();
    let mut client = proxy.connect();
    client.send(Request::get("/files/large.bin").bytes());
    client.head();
    proxy.upgrade();
    is_answered(&proxy.addresses()[0]);
    assert!(client.take(content.len()) == content);
    // Its head was sent before the upgrade, so the client does not know yet that there is only one more.
    assert_eq!(client.exchange(&Request::get("/")).header("connection"), Some("close"));
    assert_eq!(proxy.wait_for_first().code(), Some(0));
}

/// Sends back what it gets.
fn echo() -> Origin {
    Origin::new(Transport::Tcp, |peer| {
        peer.request();
        peer.send("HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n");
        loop {
            let bytes = peer.some();
            if bytes.is_empty() {
                return;
            }
            peer.send(bytes);
        }
    })
}

fn websocket(origin: &Origin, grace: &str) -> (Proxy, Client) {
    let proxy = Proxy::config(&format!(
        "[server]\nupgrade_grace = \"{grace}\"\n[[site]]\nlisten = [\"127.0.0.1:0\"]\n\
         [[site.location]]\nmatch = \"/\"\nproxy = \"http://{}\"\n",
        origin.address()
    ))
    .start();
    let mut client = proxy.connect();
    client.send(Request::get("/").header("Connection", "upgrade").header("Upgrade", "websocket").bytes());
    assert_eq!(client.head().status, 101);
    (proxy, client)
}

#[test]
fn a_websocket_goes_on_in_the_former_process() {
    let origin = echo();
    let (mut proxy, mut client) = websocket(&origin, "1h");
    proxy.upgrade();
    client.send("still there?");
    assert_eq!(client.take(12), b"still there?");
    drop(client);
    assert_eq!(proxy.wait_for_first().code(), Some(0));
}

#[test]
fn a_websocket_holds_the_former_process_no_longer_than_its_grace() {
    let origin = echo();
    let (mut proxy, mut client) = websocket(&origin, "200ms");
    proxy.upgrade();
    assert!(client.is_closed());
    proxy.wait_for_log("cut off");
    assert_eq!(proxy.wait_for_first().code(), Some(0));
}

#[test]
fn a_binary_that_does_not_start_leaves_the_former_process_serving() {
    let mut proxy = site().linked("rproxy").start();
    let pid = proxy.pid();
    for (nth, (script, reason)) in
        [("echo broken >&2; exit 7", "exit status: 7"), ("kill -9 $$", "signal: 9")].into_iter().enumerate()
    {
        replace_by(&proxy, script);
        proxy.signal(Signal::USR2);
        let line = proxy.log.wait_for_nth("the upgrade has failed", nth + 1);
        assert!(line.contains(reason), "{line}");
        for address in proxy.addresses() {
            is_answered(address);
        }
    }
    fs::remove_file(proxy.dir().join("rproxy")).unwrap();
    proxy.signal(Signal::USR2);
    let line = proxy.log.wait_for_nth("the upgrade has failed", 3);
    assert!(line.contains("cannot be started: No such file"), "{line}");
    restore(&proxy);
    proxy.upgrade();
    assert_ne!(proxy.pid(), pid);
    for address in proxy.addresses() {
        is_answered(address);
    }
}

#[test]
fn a_configuration_that_became_invalid_leaves_the_former_process_serving() {
    let mut proxy = site().start();
    proxy.write(&SITE.replace("workers = 2", "worker = 2"));
    proxy.signal(Signal::USR2);
    proxy.wait_for_log("did you mean `workers`?");
    proxy.wait_for_log("the upgrade has failed");
    for address in proxy.addresses() {
        is_answered(address);
    }
    proxy.write(SITE);
    proxy.upgrade();
    for address in proxy.addresses() {
        is_answered(address);
    }
}

#[test]
fn an_address_that_cannot_be_bound_leaves_the_former_process_serving() {
    let other = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = other.local_addr().unwrap();
    let proxy = site().start();
    proxy.write(&SITE.replace("\"127.0.0.1:0\"", &format!("\"127.0.0.1:0\", \"{taken}\"")));
    proxy.signal(Signal::USR2);
    proxy.wait_for_log("another process listens there");
    proxy.wait_for_log("the upgrade has failed");
    // The socket's file is the former process's still.
    for address in proxy.addresses() {
        is_answered(address);
    }
}

/// A new process that waits until a test lets it go on.
fn held(proxy: &Proxy) -> impl FnOnce() + use<> {
    let gate = proxy.dir().join("gate");
    rustix::fs::mkfifoat(rustix::fs::CWD, &gate, rustix::fs::Mode::RWXU).unwrap();
    replace_by(proxy, &format!("read go <{}; exec {} \"$@\"", gate.display(), proxy::PROGRAM));
    move || fs::write(gate, "go\n").unwrap()
}

#[test]
fn no_second_upgrade_begins_while_one_is_under_way() {
    let mut proxy = site().linked("rproxy").start();
    let go_on = held(&proxy);
    proxy.signal(Signal::USR2);
    proxy.wait_for_log("is started anew");
    proxy.signal(Signal::USR2);
    proxy.wait_for_log("no second one begins");
    is_answered(&proxy.addresses()[0]);
    go_on();
    proxy.follow();
    let starts = proxy.log.all().iter().filter(|line| line.contains("is started anew")).count();
    assert_eq!(starts, 1);
}

#[test]
fn a_stop_ends_a_new_process_that_is_not_ready() {
    let mut proxy = site().linked("rproxy").start();
    let _go_on = held(&proxy);
    proxy.signal(Signal::USR2);
    proxy.wait_for_log("is started anew");
    proxy.signal(Signal::TERM);
    // The log is closed when the last process has ended that writes to it.
    assert_eq!(proxy.wait().code(), Some(0));
}

#[test]
fn what_is_configured_anew_holds_after_the_upgrade() {
    let mut proxy = site().start();
    let [tcp, unix] = [&proxy.addresses()[0], &proxy.addresses()[1]].map(Clone::clone);
    // Fewer event loops have to take several sockets each, more have to share them; a listener goes, one comes.
    for workers in [1, 3] {
        let config = SITE.replace("workers = 2", &format!("workers = {workers}"));
        proxy.write(&config.replace("unix:here.sock", "unix:there.sock"));
        proxy.upgrade();
        assert_eq!(kernel::threads(proxy.pid(), "loop-"), workers);
        for _ in 0..30 {
            is_answered(&tcp);
        }
        is_answered(&unix.replace("here.sock", "there.sock"));
        eventually("the former file is gone", || Stream::try_connect(&unix).is_err());
    }
}

#[test]
fn the_socket_file_outlives_the_former_process_and_goes_with_the_last() {
    let mut proxy = site().start();
    proxy.upgrade();
    assert_eq!(proxy.wait_for_first().code(), Some(0));
    let file = proxy.dir().join("here.sock");
    is_answered(&proxy.addresses()[1]);
    proxy.signal(Signal::TERM);
    assert!(proxy.log.wait_until_closed());
    assert!(!file.exists());
}

#[test]
fn the_status_page_moves_along() {
    let mut proxy =
        Proxy::config(&format!("[server]\nadmin = \"127.0.0.1:0\"\n{}", SITE.replace("[server]\n", "")))
            .start();
    let page = proxy.log.wait_for("status page on");
    let page = page.rsplit_once("http://").unwrap().1.to_owned();
    proxy.upgrade();
    assert_eq!(proxy.wait_for_first().code(), Some(0));
    assert_eq!(Client::connect(&page).exchange(&Request::get("/api/status")).status, 200);
}

#[test]
fn orders_reach_the_process_that_has_taken_over() {
    let mut proxy = site().start();
    proxy.upgrade();
    assert_eq!(proxy.wait_for_first().code(), Some(0));
    let told = proxy.order(&["reload"]);
    assert_eq!((told.status.code(), told.stdout), (Some(0), b"no change\n".to_vec()));
}
