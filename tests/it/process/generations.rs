//! One generation follows another.

use std::os::unix::net::UnixStream;

use rustix::process::{Signal, kill_process};

use super::{COMMAND, config, is_alive, master, pool, server};
use crate::support::Proxy;
use crate::support::kernel::eventually;

/// An app that answers with a variable of its environment.
fn versioned() -> Proxy {
    let app = server("print('this is', os.environ['V'])", "answer(os.environ['V'])");
    Proxy::config(&version("one")).file("app.py", app).start()
}

fn version(text: &str) -> String {
    config(&format!("{COMMAND}environment = {{ V = \"{text}\" }}"))
}

fn assert_applied(outcome: &str) {
    assert!(outcome.contains("in force"), "{outcome}");
}

#[test]
fn a_changed_pool_is_replaced_by_one_beside_it() {
    let proxy = versioned();
    assert_eq!(proxy.get("/").text(), "one");
    let first = master(&proxy, 1);
    assert_applied(&proxy.reload(&version("two")));
    eventually("the new one answers", || proxy.get("/").text() == "two");
    proxy.wait_for_log("app stopped");
    assert!(!is_alive(first));
    assert!(proxy.dir().join("run/app.sock.2").exists());
    assert_applied(&proxy.reload(&version("three")));
    eventually("the third one answers", || proxy.get("/").text() == "three");
    proxy.log.wait_for_nth("app stopped", 2);
    eventually("nothing is left of the second", || !proxy.dir().join("run/app.sock.2").exists());
}

#[test]
fn the_written_path_always_leads_to_the_one_that_serves() {
    let proxy = versioned();
    let path = proxy.dir().join("run/app.sock");
    assert!(UnixStream::connect(&path).is_ok());
    proxy.reload(&version("two"));
    proxy.wait_for_log("app stopped");
    eventually("the path leads to the second", || UnixStream::connect(&path).is_ok());
    assert!(path.is_symlink());
    proxy.reload(&version("three"));
    proxy.log.wait_for_nth("app stopped", 2);
    assert!(UnixStream::connect(&path).is_ok());
    assert!(!path.is_symlink());
}

#[test]
fn a_pool_that_means_the_same_goes_on() {
    let proxy = versioned();
    let first = master(&proxy, 1);
    let other =
        version("one").replace("[upstream.app.process]", "health = { path = \"/\" }\n[upstream.app.process]");
    assert_applied(&proxy.reload(&format!("{other}stop_timeout = \"5s\"\n")));
    assert_eq!(proxy.get("/").text(), "one");
    assert!(is_alive(first));
    assert!(!proxy.log.all().iter().any(|line| line.contains("generation=2")));
}

#[test]
fn a_new_generation_that_ends_leaves_the_old_one_serving() {
    let proxy = versioned();
    let first = master(&proxy, 1);
    let broken = version("two").replace("app.py", "broken.py");
    std::fs::write(proxy.dir().join("broken.py"), "raise SystemExit('no such database')").unwrap();
    assert_applied(&proxy.reload(&broken));
    let reason = proxy.wait_for_log("app ended (exit status: 1) before it answered");
    assert!(reason.contains("generation=2") && reason.contains("its last lines are above"), "{reason}");
    proxy.wait_for_log("no such database");
    assert_eq!(proxy.get("/").text(), "one");
    assert!(is_alive(first));
    assert_applied(&proxy.reload(&version("three")));
    eventually("a good one follows", || proxy.get("/").text() == "three");
}

#[test]
fn a_new_generation_that_only_listens_does_not_take_over() {
    let proxy = versioned();
    let mute = server("", "signal.pause()");
    std::fs::write(proxy.dir().join("mute.py"), mute).unwrap();
    let toml = version("two").replace("app.py", "mute.py");
    assert_applied(&proxy.reload(&format!("{toml}start_timeout = \"2s\"\n")));
    proxy.wait_for_log("did not answer GET / within 2s");
    assert_eq!(proxy.get("/").text(), "one");
}

#[test]
fn what_the_health_check_asks_for_decides_over_a_new_generation() {
    let proxy = versioned();
    let check = "health = { path = \"/ready\", status = \"204\" }\n[upstream.app.process]";
    let toml = version("two").replace("[upstream.app.process]", check);
    assert_applied(&proxy.reload(&format!("{toml}start_timeout = \"2s\"\n")));
    let reason = proxy.wait_for_log("did not answer GET /ready within 2s");
    assert!(reason.contains("answered 200 to GET /ready, where 204 passes"), "{reason}");
}

#[test]
fn a_crash_of_the_one_that_serves_does_not_disturb_the_next() {
    let proxy = versioned();
    kill_process(master(&proxy, 1), Signal::KILL).unwrap();
    assert_applied(&proxy.reload(&version("two")));
    eventually("the new one answers", || proxy.get("/").text() == "two");
}

#[test]
fn pools_come_and_go_with_the_configuration() {
    let plain = "[[site]]\nlisten = [\"127.0.0.1:0\"]\n[[site.location]]\nmatch = \"/\"\nrespond = { body = \"none\" }\n";
    let proxy = Proxy::config(plain).file("app.py", server("", "answer(os.environ['V'])")).start();
    assert_applied(&proxy.reload(&version("one")));
    eventually("it answers", || proxy.get("/").text() == "one");
    let app = master(&proxy, 1);
    assert_applied(&proxy.reload(plain));
    assert_eq!(proxy.get("/").text(), "none");
    proxy.wait_for_log("app stopped");
    assert!(!is_alive(app));
}

#[test]
fn a_pool_that_comes_back_before_it_has_ended_goes_on() {
    let plain = "[[site]]\nlisten = [\"127.0.0.1:0\"]\n[[site.location]]\nmatch = \"/\"\nrespond = { body = \"none\" }\n";
    let proxy = versioned();
    // Who is about to ask for it keeps it from ending.
    let mut asking = proxy.connect();
    asking.send("POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\nExpect: 100-continue\r\n\r\n");
    let interim = "HTTP/1.1 100 Continue\r\n\r\n";
    assert_eq!(asking.take(interim.len()), interim.as_bytes());
    assert_applied(&proxy.reload(plain));
    assert_applied(&proxy.reload(&version("one")));
    assert_eq!(proxy.get("/").text(), "one");
    asking.send("x");
    assert_eq!(asking.response().text(), "one");
    assert_eq!(proxy.log.all().iter().filter(|line| line.contains("started `")).count(), 1);
}

#[test]
fn without_a_placeholder_the_old_one_ends_first_and_requests_wait() {
    let fixed = |text: &str| version(text).replace("\"{socket}\"", "\"run/app.sock\"");
    let app = server("", "answer(os.environ['V'])");
    let proxy = Proxy::config(&fixed("one")).file("app.py", app).directory("run").start();
    assert_applied(&proxy.reload(&fixed("two")));
    proxy.wait_for_log("the old generation ends before the new one starts");
    proxy.wait_for_log("app stopped");
    assert_eq!(proxy.get("/").text(), "two");
}

#[test]
fn who_is_on_the_way_to_the_old_one_gets_its_answer() {
    let slow = "os.fork()\n\
        while True:\n\
        \x20   peer, _ = s.accept()\n\
        \x20   asked = peer.recv(65536)\n\
        \x20   if b'/slow' in asked:\n\
        \x20       open('got', 'w')\n\
        \x20       while not os.path.exists('go'): time.sleep(0.01)\n\
        \x20   peer.sendall(b'HTTP/1.0 200 OK\\r\\nContent-Length: 3\\r\\n\\r\\none')\n\
        \x20   peer.close()";
    let proxy = pool("", slow).start();
    let mut waiting = proxy.connect();
    waiting.send("GET /slow HTTP/1.1\r\nHost: localhost\r\n\r\n");
    eventually("it is at work", || proxy.dir().join("got").exists());
    let first = master(&proxy, 1);
    let app = server("", "answer('two')");
    std::fs::write(proxy.dir().join("two.py"), app).unwrap();
    assert_applied(&proxy.reload(&config(&COMMAND.replace("app.py", "two.py"))));
    eventually("the new one answers", || proxy.get("/").text() == "two");
    assert!(is_alive(first), "somebody still waits for its answer");
    std::fs::write(proxy.dir().join("go"), "").unwrap();
    assert_eq!(waiting.response().text(), "one");
    proxy.wait_for_log("app stopped");
}
