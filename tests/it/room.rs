//! How many clients there may be at once, and what becomes of the others.

use std::process::Command;
use std::time::{Duration, Instant};

use crate::support::kernel::{eventually, processor_time};
use crate::support::{Client, Proxy, Request};

fn config(server: &str) -> String {
    format!(
        "[server]\nadmin = \"unix:admin.sock\"\n{server}\n[timeouts]\nheader = \"10m\"\nkeep_alive = \"10m\"\n\
         [[site]]\nlisten = [\"127.0.0.1:0\"]\n[[site.location]]\nmatch = \"/\"\nrespond = {{ body = \"page\" }}\n"
    )
}

/// The value of one sample of the metrics.
fn sample(proxy: &Proxy, name: &str) -> usize {
    let admin = format!("unix:{}", proxy.dir().join("admin.sock").display());
    let metrics = Client::connect(&admin).exchange(&Request::get("/metrics"));
    let line = metrics.text().lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    line.unwrap_or_else(|| panic!("no {name} in\n{}", metrics.text())).parse().unwrap()
}

/// Clients that have begun a request each.
fn busy(proxy: &Proxy, count: usize) -> Vec<Client> {
    let begin = |_| {
        let mut client = proxy.connect();
        client.send("GET / HTTP/1.1\r\n");
        client
    };
    (0..count).map(begin).collect()
}

/// Whether a request that was begun is answered.
fn is_served(client: &mut Client) -> bool {
    client.send("Host: localhost\r\n\r\n").response().text() == "page"
}

#[test]
fn clients_beyond_the_limit_are_told_so_at_once() {
    let proxy = Proxy::config(&config("max_connections = 10")).start();
    let mut clients = busy(&proxy, 10);
    eventually("all are in", || sample(&proxy, "rproxy_connections") == 10);
    assert_eq!(sample(&proxy, "rproxy_connections_max"), 10);
    let mut late = proxy.connect();
    let refused = late.exchange(&Request::get("/"));
    assert_eq!((refused.status, refused.header("retry-after")), (503, Some("1")));
    assert_eq!(refused.header("connection"), Some("close"));
    assert!(late.is_closed());
    // Without a word of its own as well.
    assert_eq!(proxy.connect().response().status, 503);
    assert_eq!(sample(&proxy, "rproxy_connections_refused_total"), 2);
    let line = proxy.wait_for_log("all 10 connections are taken");
    assert!(line.contains("raise `max_connections`"), "{line}");
    assert!(clients.iter_mut().all(is_served));
    drop(clients);
    eventually("there is room again", || proxy.get("/").status == 200);
    assert_eq!(proxy.log.all().iter().filter(|line| line.contains("are taken")).count(), 1);
}

#[test]
fn the_longest_idle_make_room_for_new_ones() {
    let proxy = Proxy::config(&config("workers = 1\nmax_connections = 10")).start();
    let mut clients: Vec<Client> = (0..10).map(|_| proxy.connect()).collect();
    // In the other order than they came.
    for client in clients.iter_mut().rev() {
        assert_eq!(client.exchange(&Request::get("/")).status, 200);
    }
    assert_eq!(proxy.get("/").status, 200);
    assert!(clients.pop().unwrap().is_closed());
    proxy.wait_for_log("those that are idle for longest are ended");
    // One too many, and one that ends.
    for client in &mut clients {
        assert_eq!(client.exchange(&Request::get("/")).status, 200);
    }
    assert_eq!(sample(&proxy, "rproxy_connections_refused_total"), 0);
}

#[test]
fn no_more_make_room_than_it_takes() {
    let proxy = Proxy::config(&config("workers = 1\nmax_connections = 320")).start();
    let _crowd: Vec<Client> = (0..400).map(|_| proxy.connect()).collect();
    // Whoever comes after them is answered after they have been let in.
    assert_eq!(proxy.get("/").status, 200);
    eventually("the limit holds", || sample(&proxy, "rproxy_connections") <= 320);
    let left = sample(&proxy, "rproxy_connections");
    assert!(left >= 290, "only {left} were left");
    assert_eq!(sample(&proxy, "rproxy_connections_refused_total"), 0);
}

#[test]
fn idle_connections_of_one_event_loop_make_room_in_another() {
    let proxy = Proxy::config(&config("workers = 2\nmax_connections = 8")).start();
    let mut kept = Vec::new();
    for _ in 0..40 {
        let mut client = proxy.connect();
        assert_eq!(client.exchange(&Request::get("/")).status, 200);
        kept.push(client);
    }
    eventually("the limit holds", || sample(&proxy, "rproxy_connections") <= 8);
}

/// Room for 80 files, and 300 clients who want to come in.
#[test]
fn more_clients_than_files_cost_little_and_are_forgotten_in_no_time() {
    for server in ["workers = 2", "workers = 2\nmax_connections = 1000"] {
        let proxy = Proxy::config(&config(server)).file_limit(80).start();
        let mut early = busy(&proxy, 1).remove(0);
        eventually("it is in", || sample(&proxy, "rproxy_connections") == 1);
        let knock = |_| {
            let mut client = proxy.connect();
            let _ = client.try_send("GET / HTTP/1.1\r\n");
            client
        };
        let crowd: Vec<Client> = (0..300).map(knock).collect();
        let is_told = |line: &str| line.contains("cannot accept") || line.contains("are taken");
        let line = proxy.log.wait_for_line(is_told).unwrap();
        assert!(line.contains("limit of open files"), "{line}");
        let (before, begun) = (processor_time(proxy.pid()), Instant::now());
        eventually("a second goes by", || begun.elapsed() >= Duration::from_secs(1));
        let spent = processor_time(proxy.pid()).saturating_sub(before);
        assert!(spent < begun.elapsed() / 2, "{spent:?} of {:?} went into nothing", begun.elapsed());
        assert!(is_served(&mut early), "who is in is still served");
        drop(crowd);
        let gone = Instant::now();
        eventually("it serves again", || proxy.connect().exchange(&Request::get("/")).status == 200);
        assert!(gone.elapsed() < Duration::from_secs(2), "{:?}", gone.elapsed());
        assert!(proxy.log.all().iter().filter(|line| is_told(line)).count() <= 2, "{:#?}", proxy.log.all());
    }
}

#[test]
fn a_reload_changes_the_limit() {
    let proxy = Proxy::config(&config("max_connections = 2")).start();
    let mut clients = busy(&proxy, 2);
    eventually("both are in", || sample(&proxy, "rproxy_connections") == 2);
    assert_eq!(proxy.get("/").status, 503);
    proxy.reload(&config("max_connections = 3"));
    assert_eq!(proxy.get("/").status, 200);
    assert!(clients.iter_mut().all(is_served));
}

#[test]
fn check_tells_of_a_limit_that_the_one_of_files_keeps_from_being_reached() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("site.toml"), config("max_connections = 1000")).unwrap();
    let check = |files: u32| {
        let script = format!("ulimit -n {files}; exec \"$0\" check -c site.toml");
        let mut shell = Command::new("sh");
        shell.current_dir(folder.path()).args(["-c", &script, env!("CARGO_BIN_EXE_rproxy")]);
        let output = shell.output().unwrap();
        assert_eq!(output.status.code(), Some(0));
        String::from_utf8_lossy(&output.stderr).into_owned()
    };
    assert_eq!(check(2000), "");
    let warning = check(1999);
    assert!(
        warning.contains("there may be 1999 open files") && warning.contains("site.toml:3:"),
        "{warning}"
    );
}
