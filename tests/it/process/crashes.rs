//! Apps that die, do not start, or do not end.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use rustix::process::{Signal, kill_process};

use super::{COMMAND, config, is_alive, master, pid, pool, server};
use crate::support::Proxy;
use crate::support::kernel::eventually;

/// Each process of the app leaves its pid in `pids`.
const LEAVE_PID: &str = "open('pids', 'a').write(f'{os.getpid()}\\n')";

fn pids(directory: &Path) -> Vec<rustix::process::Pid> {
    let all = fs::read_to_string(directory.join("pids")).unwrap_or_default();
    all.lines().map(pid).collect()
}

#[test]
fn a_crashed_app_is_started_again_over_its_stale_socket() {
    let proxy = pool("", "answer('served')").start();
    let first = master(&proxy, 1);
    kill_process(first, Signal::KILL).unwrap();
    proxy.wait_for_log("app ended (signal: 9 (SIGKILL))");
    assert_eq!(proxy.get("/").text(), "served");
    assert_ne!(master(&proxy, 2), first);
}

#[test]
fn stop_ends_the_workers_with_their_master() {
    let mut proxy = pool("", &format!("os.fork(); os.fork(); {LEAVE_PID}\nanswer('served')")).start();
    eventually("four processes run", || pids(proxy.dir()).len() == 4);
    proxy.signal(Signal::TERM);
    assert_eq!(proxy.wait().code(), Some(0));
    assert!(!pids(proxy.dir()).into_iter().any(is_alive));
}

#[test]
fn a_dead_master_takes_its_workers_along() {
    let orphan = "answer('served', 1)\n\
        worker = os.fork()\n\
        if worker: open('pids', 'w').write(str(worker)); os._exit(3)\n\
        answer('orphan')";
    let proxy = pool("", orphan).start();
    proxy.wait_for_log("app ended (exit status: 3)");
    proxy.log.wait_for_nth("started `", 2);
    assert!(!is_alive(pids(proxy.dir())[0]));
}

#[test]
fn what_ignores_sigterm_is_killed_after_its_stop_timeout() {
    let deaf = server("signal.signal(signal.SIGTERM, signal.SIG_IGN)", "answer('served')");
    let toml = config(&format!("{COMMAND}stop_timeout = \"100ms\""));
    let mut proxy = Proxy::config(&toml).file("app.py", deaf).start();
    let app = master(&proxy, 1);
    proxy.signal(Signal::TERM);
    assert_eq!(proxy.wait().code(), Some(0));
    proxy.wait_for_log("and was killed; give `stop_timeout` more time if it needs it");
    assert!(!is_alive(app));
}

#[test]
fn a_second_stop_waits_for_nobody() {
    let deaf = server("signal.signal(signal.SIGTERM, signal.SIG_IGN)", "answer('served')");
    let toml = config(&format!("{COMMAND}stop_timeout = \"10m\""));
    let mut proxy = Proxy::config(&toml).file("app.py", deaf).start();
    let app = master(&proxy, 1);
    proxy.signal(Signal::TERM);
    proxy.wait_for_log("stopping");
    proxy.signal(Signal::TERM);
    assert_eq!(proxy.wait().code(), Some(0));
    assert!(!is_alive(app));
}

#[test]
fn a_missing_program_is_explained_and_tried_again() {
    let proxy = Proxy::config(&config("command = [\"./app\", \"{socket}\"]")).launch();
    let reason = proxy.wait_for_log("cannot start");
    assert!(reason.contains("no such file") && reason.contains("ERROR"), "{reason}");
    let file = proxy.dir().join("app");
    fs::write(&file, format!("#!/usr/bin/env python3\n{}", server("", "answer('served')"))).unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o755)).unwrap();
    proxy.wait_for_log("app is ready");
}

#[test]
fn a_program_outside_of_path_is_told_with_the_path() {
    let toml = config("command = [\"no-such-server\"]\nenvironment = { PATH = \"/nowhere/bin\" }");
    let proxy = Proxy::config(&toml).launch();
    let reason = proxy.wait_for_log("cannot start `no-such-server`");
    assert!(reason.contains("not in PATH (/nowhere/bin); install it, or write its path"), "{reason}");
}

#[test]
fn stop_does_not_wait_for_the_next_start() {
    let mut proxy = Proxy::config(&config("command = [\"./app\"]")).launch();
    // By now the pauses are longer than a test may take in all.
    proxy.log.wait_for_nth("starting again in", 4);
    proxy.signal(Signal::TERM);
    assert_eq!(proxy.wait().code(), Some(0));
}

#[test]
fn an_app_that_never_answers_is_ended_in_time_and_told_why() {
    let toml = config(&format!("{COMMAND}start_timeout = \"2s\""));
    let proxy = Proxy::config(&toml).file("app.py", server("", "signal.pause()")).launch();
    let reason = proxy.wait_for_log("app did not answer GET / within 2s and was ended");
    assert!(reason.contains("took the connection, but did not answer"), "{reason}");
    assert!(reason.contains("`start_timeout`"), "{reason}");
    proxy.log.wait_for_nth("started `", 2);
}

#[test]
fn what_an_app_prints_is_in_the_log_line_by_line() {
    let proxy = pool("print('one\\ntwo \\x1b[31m'); print('three', file=sys.stderr)", "answer('')").start();
    for line in ["one", "two \\u{1b}[31m", "three"] {
        assert!(proxy.wait_for_log(&format!(" {line} ")).contains("name=\"app\""), "{line}");
    }
}
