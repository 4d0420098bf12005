//! Which of several servers answers: the choice is the whole process's, whichever event loop makes it.

use std::collections::HashMap;
use std::sync::Mutex;
use std::sync::mpsc::channel;
use std::time::{Duration, Instant};

use crate::support::origin::ok;
use crate::support::{Origin, Proxy, Request, Transport};

/// Origins that answer with their own index.
fn origins(count: usize) -> Vec<Origin> {
    (0..count).map(|index| Origin::ok(&index.to_string())).collect()
}

/// As in the configuration.
fn servers(origins: &[&Origin]) -> String {
    origins.iter().map(|origin| format!("{:?}", origin.address())).collect::<Vec<_>>().join(", ")
}

/// Two event loops before these servers.
fn balanced(servers: &str, more: &str) -> Proxy {
    on_loops(2, servers, more)
}

fn on_loops(count: usize, servers: &str, more: &str) -> Proxy {
    Proxy::config(&format!(
        "[server]\nworkers = {count}\n[log]\naccess = \"stdout\"\n[[site]]\nlisten = [\"127.0.0.1:0\"]\n\
         [[site.location]]\nmatch = \"/\"\nproxy = \"app\"\n[upstream.app]\nservers = [{servers}]\n{more}\n"
    ))
    .start()
}

/// How many of `count` requests, each on a connection of its own, each server answered.
fn answers(proxy: &Proxy, count: usize) -> HashMap<String, usize> {
    let mut answers = HashMap::new();
    for _ in 0..count {
        *answers.entry(proxy.get("/").text().to_owned()).or_default() += 1;
    }
    answers
}

#[test]
fn each_server_answers_by_its_weight() {
    let [a, b, c] = &origins(3)[..] else { panic!("three were made") };
    let proxy = balanced(
        &format!(
            "{{ address = \"{}\", weight = 5 }}, \"{}\", {{ address = \"{}\", weight = 2 }}",
            a.address(),
            b.address(),
            c.address()
        ),
        "",
    );
    let answers = answers(&proxy, 16);
    assert_eq!([answers["0"], answers["1"], answers["2"]], [10, 2, 4]);
}

#[test]
fn a_backup_answers_only_when_the_others_cannot_be_reached() {
    let mut origins = origins(2);
    let proxy = balanced(
        &format!("{{ address = \"{}\", backup = true }}, \"{}\"", origins[0].address(), origins[1].address()),
        "",
    );
    assert_eq!(answers(&proxy, 6), HashMap::from([("1".to_owned(), 6)]));
    drop(origins.remove(1));
    assert_eq!(answers(&proxy, 6), HashMap::from([("0".to_owned(), 6)]));
}

/// The server that is still at work gets no second request while others are free.
#[test]
fn the_server_with_the_fewest_requests_answers() {
    let busy = Origin::hanging();
    let free = Origin::ok("free");
    let proxy = balanced(&servers(&[&busy, &free]), "balance = \"least_conn\"");
    let mut waiting = proxy.connect();
    waiting.send(Request::get("/").bytes());
    busy.wait_for_request(1);
    assert_eq!(answers(&proxy, 10), HashMap::from([("free".to_owned(), 10)]));
    assert_eq!(busy.requests().len(), 1);
}

/// Its first answer is a long time coming; until then the others are asked, and hardly anyone else after it.
#[test]
fn a_slow_server_is_asked_less() {
    let (answer, told) = channel();
    let told = Mutex::new(told);
    let slow = Origin::new(Transport::Tcp, move |peer| {
        while peer.request().is_some() {
            // From its second answer on it is as quick as the other, which nobody finds out.
            let _ = told.lock().unwrap().recv();
            peer.send(ok("slow"));
        }
    });
    let quick = Origin::ok("quick");
    // One loop: two that choose in the same instant may choose the same.
    let proxy = on_loops(1, &servers(&[&slow, &quick]), "balance = \"p2c\"");
    // Nothing is known of either, so one of two requests is for each.
    let mut clients = [proxy.connect(), proxy.connect()];
    for client in &mut clients {
        client.send(Request::get("/").bytes());
    }
    slow.wait_for_request(1);
    proxy.wait_for_access(" 200 5 ");
    let begin = Instant::now();
    while begin.elapsed() < Duration::from_millis(300) {
        assert_eq!(proxy.get("/").text(), "quick");
    }
    answer.send(()).unwrap();
    drop(answer);
    let mut both = clients.map(|mut client| client.response().text().to_owned());
    both.sort();
    assert_eq!(both, ["quick", "slow"]);
    // Now and then it is tried: one of sixteen times, so that a quarter comes up less than once in a million.
    assert!(answers(&proxy, 64)["quick"] > 48);
}

#[test]
fn chance_favours_nobody_for_long() {
    let origins = origins(2);
    let proxy = balanced(&servers(&origins.iter().collect::<Vec<_>>()), "balance = \"random\"");
    let answers = answers(&proxy, 64);
    // Less often wrong than the machine breaks: 2 * P(X <= 8) of 64 fair coins is below 10^-9.
    assert!(answers.values().all(|count| *count > 8), "{answers:?}");
}

/// The same key finds the same server, also after a restart, and another one while its own is down.
#[test]
fn a_key_stays_with_its_server() {
    let mut origins = origins(3);
    let addresses = servers(&origins.iter().collect::<Vec<_>>());
    let start = || balanced(&addresses, "balance = { hash = \"$arg_user\" }");
    let owners = |proxy: &Proxy| -> Vec<usize> {
        let owner = |user| proxy.get(&format!("/?user={user}")).text().parse().unwrap();
        (0..30).map(owner).collect()
    };
    let proxy = start();
    let before = owners(&proxy);
    assert!((0..3).all(|server| before.contains(&server)), "{before:?}");
    assert_eq!(owners(&proxy), before);
    assert_eq!(owners(&start()), before);
    drop(origins.remove(1));
    for (before, after) in before.iter().zip(owners(&proxy)) {
        assert!(after != 1 && (*before == 1 || *before == after), "{before} has become {after}");
    }
}

#[test]
fn a_name_that_does_not_resolve_stops_neither_the_start_nor_the_others() {
    let origin = Origin::ok("page");
    let addresses = format!("\"no-such-host.invalid:80\", {:?}", origin.address());
    let proxy = balanced(&addresses, "resolve = \"1s\"\ntimeouts = { connect = \"1s\" }");
    assert_eq!(answers(&proxy, 4), HashMap::from([("page".to_owned(), 4)]));
}

/// A name's connections belong to its server, so looking it up again closes none.
#[test]
fn a_named_server_keeps_its_connections() {
    let origin = Origin::ok("page");
    let port = origin.address().rsplit_once(':').unwrap().1;
    let proxy = on_loops(1, &format!("\"localhost:{port}\""), "resolve = \"1s\"");
    let begin = Instant::now();
    while begin.elapsed() < Duration::from_millis(1200) {
        assert_eq!(proxy.get("/").text(), "page");
    }
    assert_eq!(origin.connections(), 1);
}
