//! Upstreams from one configuration to the next: health, counts, queue and connections.

use super::{assert_applied, get};
use crate::support::kernel::eventually;
use crate::support::origin::ok;
use crate::support::{Origin, Proxy, Request, Transport};

/// Everything goes to this upstream; `rest` follows its `servers`.
fn to(servers: &[&str], rest: &str) -> String {
    let servers: Vec<String> = servers.iter().map(|addr| format!("\"{addr}\"")).collect();
    format!(
        "[[site]]\nlisten = [\"127.0.0.1:0\"]\n[[site.location]]\nmatch = \"/\"\nproxy = \"app\"\n\
         [upstream.app]\nservers = [{}]\n{rest}",
        servers.join(", ")
    )
}

/// Without an answer to `/hold` until it is closed.
fn holding() -> Origin {
    Origin::new(Transport::Tcp, |peer| {
        while let Some(request) = peer.request() {
            if request.request_line().contains("/hold") {
                return peer.wait_for_close();
            }
            peer.send(ok("answer"));
        }
    })
}

#[test]
fn idle_connections_are_used_on() {
    let origin = Origin::ok("answer");
    let config = format!("{}\n[server]\nworkers = 1\n", to(&[origin.address()], ""));
    let proxy = Proxy::config(&config).start();
    for keep_alive in ["", "keep_alive = { idle = 8, timeout = \"20s\" }\n"] {
        proxy.get("/");
        assert_applied(
            &proxy.reload(
                &format!(
                    "{config}[[site]]\nlisten = [\"unix:{}.sock\"]\n\
            [[site.location]]\nmatch = \"/\"\nrespond = {{ body = \"x\" }}\n",
                    keep_alive.len()
                )
                .replace("[server]", &format!("{keep_alive}[server]")),
            ),
        );
        proxy.get("/");
    }
    assert_eq!(origin.connections(), 1);
}

#[test]
fn a_new_server_has_its_share_and_one_that_is_gone_none() {
    let [first, second] = [Origin::ok("first"), Origin::ok("second")];
    let proxy = Proxy::config(&to(&[first.address()], "")).start();
    assert_eq!(proxy.get("/").text(), "first");
    assert_applied(&proxy.reload(&to(&[first.address(), second.address()], "")));
    let mut client = proxy.connect();
    let mut answers = [get(&mut client, "/"), get(&mut client, "/")];
    answers.sort();
    assert_eq!(answers, ["first", "second"]);
    assert_applied(&proxy.reload(&to(&[second.address()], "")));
    assert_eq!([get(&mut client, "/"), get(&mut client, "/")], ["second", "second"]);
}

#[test]
fn a_server_that_is_down_stays_down() {
    let origin = Origin::ok("up");
    let health = "health = { interval = \"1h\", timeout = \"1s\" }\n";
    let down = "127.0.0.1:1";
    let passive = "passive = { fails = 1, window = \"1h\", eject = \"1h\" }\n";
    let proxy = Proxy::config(&to(&[down, origin.address()], passive)).start();
    proxy.get("/");
    proxy.get("/");
    proxy.wait_for_log("is left alone");
    assert_applied(&proxy.reload(&to(&[origin.address(), down], &format!("{passive}{health}"))));
    for _ in 0..4 {
        assert_eq!(proxy.get("/").text(), "up");
    }
    let told = proxy.log.all().iter().filter(|line| line.contains("is left alone")).count();
    assert_eq!(told, 1, "it was asked again");
}

#[test]
fn who_waits_in_the_queue_goes_on_waiting_for_its_turn() {
    let origin = holding();
    let config = |size: u32| {
        to(&[], &format!("queue = {{ size = {size}, timeout = \"60s\" }}\n"))
            .replace("[]", &format!("[{{ address = \"{}\", max_conns = 1 }}]", origin.address()))
    };
    let proxy = Proxy::config(&config(10)).start();
    let mut at_work = proxy.connect();
    at_work.send(Request::get("/hold").bytes());
    origin.wait_for_request(1);
    let mut waiting = proxy.connect();
    waiting.send(Request::get("/waits").bytes());
    assert_applied(&proxy.reload(&config(20)));
    // It comes after the reload, and so behind whoever waits already.
    let mut behind = proxy.connect();
    behind.send(Request::get("/behind").bytes());
    drop(at_work);
    assert_eq!(waiting.response().text(), "answer");
    assert_eq!(behind.response().text(), "answer");
    let order: Vec<_> = origin.requests().iter().map(|request| request.request_line().to_owned()).collect();
    assert_eq!(order, ["GET /hold HTTP/1.1", "GET /waits HTTP/1.1", "GET /behind HTTP/1.1"]);
}

#[test]
fn checks_begin_with_the_reload_that_asks_for_them_and_end_with_their_server() {
    let [first, second] = [Origin::ok("first"), Origin::ok("second")];
    let checked = "health = { path = \"/up\", interval = \"1s\", timeout = \"1s\" }\n";
    let proxy = Proxy::config(&to(&[first.address()], "")).start();
    assert_applied(&proxy.reload(&to(&[first.address()], checked)));
    assert_eq!(first.wait_for_request(1).request_line(), "GET /up HTTP/1.1");
    assert_applied(&proxy.reload(&to(&[second.address()], checked)));
    let asked = first.requests().len();
    second.wait_for_request(3);
    assert!(first.requests().len() <= asked + 1, "a server that is gone is still checked");
}

#[test]
fn connections_to_a_server_that_is_gone_are_closed() {
    let [first, second] = [Origin::ok("first"), Origin::ok("second")];
    let kept = "keep_alive = { idle = 8, timeout = \"1h\" }\n";
    let proxy = Proxy::config(&to(&[first.address()], kept)).start();
    proxy.get("/");
    let before = crate::support::kernel::descriptors(proxy.pid());
    assert_applied(&proxy.reload(&to(&[second.address()], kept)));
    eventually("its connection is closed", || crate::support::kernel::descriptors(proxy.pid()) < before);
}
