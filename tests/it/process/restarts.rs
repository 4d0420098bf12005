//! `rproxy restart NAME`.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use super::{COMMAND, config, is_alive, master, pool, server};
use crate::support::{Proxy, Request, repository, venv};

fn restart(proxy: &Proxy, name: &str) -> (Option<i32>, String) {
    let output = proxy.order(&["restart", name]);
    (output.status.code(), String::from_utf8([output.stdout, output.stderr].concat()).unwrap())
}

#[test]
fn it_is_done_when_the_new_generation_serves() {
    let proxy = pool("", "answer(str(os.getpid()))").start();
    let first = proxy.get("/").text().to_owned();
    let (code, text) = restart(&proxy, "app");
    assert_eq!(code, Some(0), "{text}");
    assert!(text.starts_with("generation 2 of `app` serves after "), "{text}");
    assert_ne!(proxy.get("/").text(), first);
    proxy.wait_for_log("app stopped");
}

#[test]
fn it_takes_up_what_is_on_disk_now_or_tells_why_not() {
    let proxy = pool("", "answer('old')").start();
    let first = master(&proxy, 1);
    let file = proxy.dir().join("app.py");
    std::fs::write(&file, "raise SystemExit('no such database')").unwrap();
    let (code, text) = restart(&proxy, "app");
    assert_eq!(code, Some(1), "{text}");
    assert!(text.contains("app ended (exit status: 1) before it answered\n  no such database"), "{text}");
    assert_eq!(proxy.get("/").text(), "old");
    assert!(is_alive(first));
    std::fs::write(&file, server("", "answer('new')")).unwrap();
    assert_eq!(restart(&proxy, "app").0, Some(0));
    assert_eq!(proxy.get("/").text(), "new");
}

#[test]
fn a_pool_that_has_not_come_up_is_started_anew() {
    let proxy = Proxy::config(&config(COMMAND)).launch();
    proxy.log.wait_for_nth("starting again in", 5);
    std::fs::write(proxy.dir().join("app.py"), server("", "answer('served')")).unwrap();
    proxy.wait_for_log("INFO ready");
    let (code, text) = restart(&proxy, "app");
    assert_eq!(code, Some(0), "{text}");
}

#[test]
fn a_name_that_is_no_pools_is_told_with_those_that_are() {
    let proxy = pool("", "answer('')").start();
    let (code, text) = restart(&proxy, "shop");
    assert_eq!(code, Some(1), "{text}");
    assert!(text.contains("`shop` has no `process`") && text.contains("`app` can be restarted"), "{text}");
}

#[test]
fn many_who_ask_at_once_are_all_told() {
    let proxy = pool("", "answer('served')").start();
    std::thread::scope(|scope| {
        let askers: Vec<_> = (0..4).map(|_| scope.spawn(|| restart(&proxy, "app"))).collect();
        for asker in askers {
            let (code, text) = asker.join().unwrap();
            assert_eq!(code, Some(0), "{text}");
        }
    });
    assert_eq!(proxy.get("/").text(), "served");
}

/// With a tiny application.
fn gunicorn(server: &str, bind: &str, class: &str) -> String {
    format!(
        "[[site]]\nlisten = [\"127.0.0.1:0\"]\n[[site.location]]\nmatch = \"/\"\nproxy = \"app\"\n\
         [upstream.app]\nservers = [\"{server}\"]\n[upstream.app.process]\n\
         command = [\"{}\", \"-m\", \"gunicorn\", \"tiny:wsgi\", \"--no-control-socket\", \"--workers\", \"2\", \
         {class}, \"--bind\", \"{bind}\"]\n\
         directory = \"{}\"\nenvironment = {{ PYTHONDONTWRITEBYTECODE = \"1\" }}\n",
        venv::python().display(),
        repository("tests/apps/tiny").display(),
    )
}

/// GETs and POSTs on kept connections and on new ones; each has to be answered by a worker.
fn load(proxy: &Proxy, over: &AtomicBool, answered: &AtomicUsize) {
    let mut client = proxy.connect();
    while !over.load(Ordering::Relaxed) {
        for request in [Request::get("/"), Request::new("POST", "/").body("sent")] {
            for response in [client.exchange(&request), proxy.send(&request)] {
                assert_eq!(response.status, 200, "{}", response.text());
                assert!(response.text().contains(" GET ") || response.text().ends_with(" POST sent"));
                answered.fetch_add(1, Ordering::Relaxed);
            }
        }
    }
}

fn assert_no_request_fails(restarts: usize, bind: &str, class: &str) {
    let server = "unix:run/app.sock";
    let proxy = Proxy::config(&gunicorn(server, bind, class)).start();
    let (over, answered) = (AtomicBool::new(false), AtomicUsize::new(0));
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| load(&proxy, &over, &answered));
        }
        for _ in 0..restarts {
            let before = answered.load(Ordering::Relaxed);
            let (code, text) = restart(&proxy, "app");
            assert_eq!(code, Some(0), "{text}");
            assert!(answered.load(Ordering::Relaxed) > before, "there was no load");
        }
        over.store(true, Ordering::Relaxed);
    });
    let log = proxy.log.all();
    let failures: Vec<_> = log.iter().filter(|line| line.contains("cause=")).collect();
    assert!(failures.is_empty(), "{failures:#?}");
}

#[test]
fn fifty_restarts_of_sync_workers_fail_no_request() {
    assert_no_request_fails(50, "unix:{socket}", "\"--worker-class\", \"sync\"");
}

#[test]
fn twenty_restarts_of_threaded_workers_fail_no_request() {
    assert_no_request_fails(20, "fd://{fd}", "\"--threads\", \"4\"");
}
