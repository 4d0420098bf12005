//! Logs that are rotated, whose disk is full, or that nobody reads.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Instant;

use rustix::process::Signal;

use crate::support::kernel::eventually;
use crate::support::proxy::Builder;
use crate::support::raw::Client;
use crate::support::{Origin, PATIENCE, Proxy, Request};

/// Pages from memory, with these keys of `[log]`.
fn logging(log: &str) -> Builder {
    Proxy::config(&format!(
        "[server]\nadmin = \"unix:admin.sock\"\n[log]\n{log}\n[[site]]\nlisten = [\"127.0.0.1:0\", \"unix:here.sock\"]\n\
         [[site.location]]\nmatch = \"/\"\nrespond = {{ body = \"page\" }}\n"
    ))
}

fn lines(path: &Path) -> usize {
    fs::read_to_string(path).map_or(0, |text| text.lines().count())
}

/// Lines of all files of a log, rotated ones too.
fn all_lines(directory: &Path, name: &str) -> usize {
    let files = fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path());
    let logs = files.filter(|path| path.file_name().unwrap().to_string_lossy().starts_with(name));
    logs.map(|path| lines(&path)).sum()
}

/// The value of one sample of the metrics.
fn sample(proxy: &Proxy, name: &str) -> usize {
    let admin = format!("unix:{}", proxy.dir().join("admin.sock").display());
    let metrics = Client::connect(&admin).exchange(&Request::get("/metrics"));
    let line = metrics.text().lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    line.unwrap_or_else(|| panic!("no {name} in\n{}", metrics.text())).parse().unwrap()
}

/// Asks on two connections for as long as `meanwhile` takes; how many requests there were.
fn under_load(proxy: &Proxy, meanwhile: impl FnOnce()) -> usize {
    let (requests, over) = (AtomicUsize::new(0), AtomicBool::new(false));
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                let mut client = proxy.connect();
                while !over.load(Ordering::Relaxed) {
                    client.exchange(&Request::get("/"));
                    requests.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
        meanwhile();
        over.store(true, Ordering::Relaxed);
    });
    requests.into_inner()
}

fn rotated(path: &Path, number: usize) -> PathBuf {
    path.with_extension(format!("log.{number}"))
}

/// By name and signal, as logrotate's `postrotate`; by name with a new file in its place (`create`); by name alone.
#[test]
fn no_line_is_lost_over_a_hundred_rotations_under_load() {
    let mut proxy = logging("access = \"access.log\"").start();
    let path = proxy.dir().join("access.log");
    let requests = under_load(&proxy, || {
        for number in 0..100 {
            eventually("something is written", || lines(&path) > 0);
            fs::rename(&path, rotated(&path, number)).unwrap();
            match number {
                _ if number % 33 == 32 => {}
                _ if number % 2 == 0 => fs::write(&path, "").unwrap(),
                _ => proxy.signal(Signal::USR1),
            }
        }
    });
    proxy.signal(Signal::TERM);
    proxy.wait();
    assert_eq!(all_lines(proxy.dir(), "access.log"), requests);
}

/// logrotate's `copytruncate`: who writes goes on at the new end of the file, not behind a hole.
#[test]
fn a_log_that_is_copied_and_emptied_goes_on_from_its_beginning() {
    let proxy = logging("access = \"access.log\"").start();
    let path = proxy.dir().join("access.log");
    let mut client = proxy.connect();
    for number in 0..10 {
        for _ in 0..50 {
            client.exchange(&Request::get("/"));
        }
        eventually("all is written", || lines(&path) == 50);
        fs::copy(&path, rotated(&path, number)).unwrap();
        fs::OpenOptions::new().write(true).open(&path).unwrap().set_len(0).unwrap();
    }
    assert_eq!(all_lines(proxy.dir(), "access.log"), 500);
    client.exchange(&Request::get("/last"));
    eventually("the line is written", || lines(&path) == 1);
    assert!(!fs::read(&path).unwrap().contains(&0));
}

#[test]
fn a_log_that_cannot_be_opened_anew_stays_in_use_and_is_told_of_once() {
    let proxy = logging("access = \"logs/access.log\"").directory("logs").start();
    let [logs, moved] = ["logs", "moved"].map(|name| proxy.dir().join(name));
    fs::rename(&logs, &moved).unwrap();
    proxy.signal(Signal::USR1);
    let line = proxy.wait_for_log("cannot be opened anew");
    assert!(line.contains("logs/access.log") && line.contains("create its directory"), "{line}");
    proxy.get("/kept");
    eventually("the old file is in use", || lines(&moved.join("access.log")) == 1);
    fs::create_dir(&logs).unwrap();
    eventually("the new one is, without a signal", || {
        proxy.get("/");
        lines(&logs.join("access.log")) > 0
    });
    assert_eq!(proxy.log.all().iter().filter(|line| line.contains("opened anew")).count(), 1);
}

/// What the proxy sees of a path in its own file systems.
fn inside(proxy: &Proxy, path: &str) -> PathBuf {
    let seen = proxy.dir().join(path);
    PathBuf::from(format!("/proc/{}/root{}", proxy.pid(), seen.display()))
}

#[test]
fn a_full_disk_costs_lines_which_are_counted_and_no_request() {
    let proxy = logging("access = \"tmp/access.log\"").own_disk("64k").start();
    let (filler, log) = (inside(&proxy, "tmp/filler"), inside(&proxy, "tmp/access.log"));
    fs::write(&filler, vec![b'x'; 48 << 10]).unwrap();
    let dropped = "rproxy_access_log_dropped_lines_total";
    let mut client = proxy.connect();
    let mut ask = |count: usize| {
        for _ in 0..count {
            assert_eq!(client.exchange(&Request::get("/")).text(), "page");
        }
    };
    ask(500);
    let line = proxy.wait_for_log("the access log cannot be written");
    assert!(line.contains("No space left") && line.contains("free some of its disk"), "{line}");
    eventually("lost lines are counted", || sample(&proxy, dropped) > 0);
    fs::remove_file(filler).unwrap();
    ask(20);
    proxy.wait_for_log("the access log can be written again");
    let whole = || {
        let text = fs::read_to_string(&log).unwrap();
        text.lines().filter(|line| line.ends_with("\" 200 4 \"-\" \"-\"") && line.starts_with("127.")).count()
    };
    eventually("every line is written or counted", || whole() + sample(&proxy, dropped) == 520);
}

/// `rproxy | something` that stands still.
#[test]
fn a_reader_of_the_access_log_that_stands_still_holds_up_nothing() {
    const REQUESTS: usize = 1_500;
    let mut proxy = logging("access = \"stdout\"").start();
    proxy.get("/");
    proxy.wait_for_access("GET");
    proxy.access.pause();
    let agent = "x".repeat(15_000);
    let mut client = proxy.connect();
    for _ in 0..REQUESTS {
        let request = Request::get("/").header("User-Agent", &agent);
        assert_eq!(client.exchange(&request).text(), "page");
    }
    let dropped = "rproxy_access_log_dropped_lines_total";
    eventually("lines are lost", || sample(&proxy, dropped) > 0);
    proxy.access.resume();
    proxy.wait_for_log("could not be written as fast as it grew");
    eventually("every line is written or counted", || {
        proxy.access.all().len() + sample(&proxy, dropped) == REQUESTS + 1
    });
    // Once more, and to the end: that does not wait for it for long.
    proxy.access.pause();
    for _ in 0..REQUESTS {
        client.exchange(&Request::get("/").header("User-Agent", &agent));
    }
    let begun = Instant::now();
    proxy.signal(Signal::TERM);
    assert_eq!(proxy.wait().code(), Some(0));
    assert!(begun.elapsed() < PATIENCE / 2, "{:?}", begun.elapsed());
}

/// A terminal that was stopped, or a journal that is: here the pool of an application prints without end.
#[test]
fn a_reader_of_the_error_log_that_stands_still_holds_up_nothing() {
    let origin = Origin::ok("page");
    let address = origin.address();
    let command = "until [ -e go ]; do sleep 0.02; done; seq 1000000 1060000; exec sleep 1000";
    let mut proxy = Proxy::config(&format!(
        "[server]\nadmin = \"unix:admin.sock\"\n[[site]]\nlisten = [\"127.0.0.1:0\"]\n\
         [[site.location]]\nmatch = \"/\"\nproxy = \"app\"\n[upstream.app]\nservers = [\"{address}\"]\n\
         [upstream.app.process]\ncommand = [\"sh\", \"-c\", \"{command}\"]\n"
    ))
    .start();
    proxy.log.pause();
    fs::write(proxy.dir().join("go"), "").unwrap();
    let lost = "rproxy_error_log_dropped_lines_total";
    eventually("lines are lost", || {
        assert_eq!(proxy.get("/").text(), "page");
        sample(&proxy, lost) > 0
    });
    proxy.log.resume();
    let line = proxy.wait_for_log("the error log could not be written as fast as it grew");
    assert!(line.contains("WARN") && line.contains("lines were lost"), "{line}");
    proxy.signal(Signal::TERM);
    assert_eq!(proxy.wait().code(), Some(0));
}

#[test]
fn the_error_log_may_be_a_file_and_is_rotated_like_the_other() {
    let mut proxy = logging("error = \"error.log\"").launch();
    let path = proxy.dir().join("error.log");
    let has = |path: &Path, text: &str| fs::read_to_string(path).is_ok_and(|log| log.contains(text));
    eventually("it serves", || has(&path, "INFO ready"));
    let address = format!("unix:{}", proxy.dir().join("here.sock").display());
    Client::connect(&address).send("GARBAGE\r\n\r\n").response();
    eventually("a failure is told", || has(&path, "malformed-request"));
    fs::rename(&path, rotated(&path, 1)).unwrap();
    proxy.signal(Signal::USR1);
    eventually("the file is there again", || path.exists());
    proxy.signal(Signal::TERM);
    assert_eq!(proxy.wait().code(), Some(0));
    assert!(has(&path, "stopped") && !has(&rotated(&path, 1), "stopped"));
    assert_eq!(proxy.log.all(), Vec::<String>::new());
}

#[test]
fn what_keeps_it_from_starting_is_on_the_standard_error_all_the_same() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let output = Proxy::config(&format!(
        "[log]\nerror = \"error.log\"\n[[site]]\nlisten = [\"{address}\"]\n\
         [[site.location]]\nmatch = \"/\"\nrespond = {{}}\n"
    ))
    .run();
    assert_eq!(output.status.code(), Some(3));
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(told.contains(&address) && told.contains("another process listens there"), "{told}");
}

/// Its application and both logs know a request by one id: that of a trusted proxy, or else one of ours.
#[test]
fn a_request_has_one_id_everywhere() {
    let origin = Origin::ok("page");
    let proxy = Proxy::config(&format!(
        "[server]\ntrusted_proxies = [\"127.0.0.2\"]\n[log]\naccess_format = \"$request_uri $request_id\"\n\
         [[site]]\nlisten = [\"127.0.0.1:0\"]\n[[site.location]]\nmatch = \"/\"\nproxy = \"http://{}\"\n",
        origin.address()
    ))
    .start();
    let ask = |source: &str, path: &str, id: &str| {
        let request = Request::get(path).header("X-Request-ID", id);
        assert_eq!(Client::connect_from(source, proxy.addr()).exchange(&request).status, 200);
        let line = proxy.wait_for_access(&format!("{path} "));
        line.rsplit_once(' ').unwrap().1.to_owned()
    };
    let long = "x".repeat(129);
    let logged = [
        ask("127.0.0.2", "/trusted", "abc-1.2:3"),
        ask("127.0.0.1", "/stranger", "abc-1.2:3"),
        ask("127.0.0.2", "/quotes", "a\"b c"),
        ask("127.0.0.2", "/long", &long),
    ];
    let sent: Vec<String> =
        origin.requests().iter().map(|request| request.header("x-request-id").unwrap().to_owned()).collect();
    assert_eq!(sent, logged);
    assert_eq!(logged[0], "abc-1.2:3");
    assert!(logged[1..].iter().all(|id| id.len() == 32 && id.bytes().all(|b| b.is_ascii_hexdigit())));
}

#[test]
fn a_reload_turns_the_access_log_elsewhere_without_losing_a_line() {
    let config = |access: &str| {
        format!(
            "[log]\naccess = \"{access}\"\n[[site]]\nlisten = [\"127.0.0.1:0\"]\n\
             [[site.location]]\nmatch = \"/\"\nrespond = {{ body = \"page\" }}\n"
        )
    };
    let mut proxy = Proxy::config(&config("access.1")).start();
    let requests = under_load(&proxy, || {
        for round in 2..12 {
            let outcome = proxy.reload(&config(&format!("access.{}", round % 3)));
            assert!(outcome.contains("in force"), "{outcome}");
        }
    });
    let outcome = proxy.reload(&config("missing/access.log"));
    assert!(outcome.contains("refused"), "{outcome}");
    assert!(proxy.log.wait_for("missing/access.log cannot be opened").contains("create its directory"));
    proxy.get("/");
    let requests = requests + 1;
    proxy.reload(&config("off"));
    eventually("all is written", || all_lines(proxy.dir(), "access.") == requests);
    proxy.get("/unseen");
    proxy.reload(&config("access.1"));
    proxy.get("/seen");
    proxy.signal(Signal::TERM);
    proxy.wait();
    assert_eq!(all_lines(proxy.dir(), "access."), requests + 1);
}

#[test]
fn a_reload_changes_how_much_the_error_log_says_and_where() {
    let config = |log: &str| {
        format!(
            "[log]\n{log}\n[[site]]\nlisten = [\"unix:here.sock\"]\n\
             [[site.location]]\nmatch = \"/\"\nrespond = {{ body = \"page\" }}\n"
        )
    };
    let mut proxy = Proxy::config(&config("level = \"info\"")).start();
    let complain = || Client::connect(&proxy.addresses()[0]).send("GARBAGE\r\n\r\n").response();
    complain();
    proxy.wait_for_log("INFO the request line is not valid");
    proxy.write(&config("format = \"json\""));
    proxy.signal(Signal::HUP);
    proxy.wait_for_log(r#""message":"reload: "#);
    complain();
    proxy.wait_for_log(r#""cause":"malformed-request""#);
    proxy.write(&config("error = \"error.log\""));
    proxy.signal(Signal::HUP);
    let path = proxy.dir().join("error.log");
    let log = || fs::read_to_string(&path).unwrap_or_default();
    eventually("it says so there", || log().contains("in force"));
    complain();
    eventually("the failure is told there", || log().contains("malformed-request"));
    let quiet = proxy.reload(&config("error = \"error.log\"\nlevel = \"error\""));
    assert!(quiet.contains("in force"), "{quiet}");
    proxy.signal(Signal::TERM);
    proxy.wait();
    assert!(!log().contains("stopped"));
}
