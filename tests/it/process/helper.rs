//! The process that runs the pools.

use rustix::process::{Pid, Signal, kill_process};

use super::{children, is_alive, master, pool};
use crate::support::Proxy;
use crate::support::kernel::eventually;

fn of(pid: u32) -> Pid {
    Pid::from_raw(pid.try_into().unwrap()).unwrap()
}

fn helper(proxy: &Proxy) -> Pid {
    let [helper] = children(proxy.pid())[..] else { panic!("rproxy has other children") };
    of(helper)
}

#[test]
fn there_is_none_without_a_pool() {
    let proxy = Proxy::files().directory("www").start();
    assert!(children(proxy.pid()).is_empty());
}

#[test]
fn rproxy_itself_forks_nothing_else() {
    let proxy = pool("", "answer('served')").start();
    let helper = helper(&proxy);
    kill_process(master(&proxy, 1), Signal::KILL).unwrap();
    proxy.log.wait_for_nth("app is ready", 2);
    assert_eq!(children(proxy.pid()), [u32::try_from(helper.as_raw_pid()).unwrap()]);
    assert_eq!(children(helper.as_raw_pid().try_into().unwrap()).len(), 1);
}

#[test]
fn orphans_of_an_app_leave_no_zombies_behind() {
    let orphans = "for _ in range(5):\n\
        \x20   parent = os.fork()\n\
        \x20   if not parent:\n\
        \x20       if not os.fork(): os.setsid(); time.sleep(0.05)\n\
        \x20       os._exit(0)\n\
        \x20   os.waitpid(parent, 0)\n\
        answer('served')";
    let proxy = pool("import time", orphans).start();
    let helper = helper(&proxy).as_raw_pid().try_into().unwrap();
    eventually("only the app is left", || children(helper).len() == 1);
    assert_eq!(proxy.get("/").text(), "served");
    kill_process(master(&proxy, 1), Signal::KILL).unwrap();
    proxy.wait_for_log("app ended (signal: 9 (SIGKILL))");
}

#[test]
fn when_rproxy_is_killed_the_pools_end() {
    let mut proxy = pool("", "os.fork()\nanswer('served')").start();
    let (helper, app) = (helper(&proxy), master(&proxy, 1));
    let worker = children(app.as_raw_pid().try_into().unwrap())[0];
    proxy.signal(Signal::KILL);
    assert_eq!(proxy.wait().code(), None);
    eventually("all of them have ended", || ![helper, app, of(worker)].into_iter().any(is_alive));
    assert!(!proxy.dir().join("run/app.sock").exists());
}

#[test]
fn when_it_dies_itself_another_one_starts_the_pools_anew() {
    let proxy = pool("", "os.fork()\nanswer('served')").start();
    let (first, app) = (helper(&proxy), master(&proxy, 1));
    kill_process(first, Signal::KILL).unwrap();
    proxy.wait_for_log(
        "the process that runs the pools has ended (signal: 9 (SIGKILL)); the pools start anew",
    );
    proxy.log.wait_for_nth("app is ready", 2);
    assert!(!is_alive(app));
    assert_eq!(proxy.get("/").text(), "served");
    assert_ne!(helper(&proxy), first);
}

#[test]
fn signals_of_a_terminal_are_nothing_to_it() {
    let proxy = pool("", "answer('served')").start();
    for signal in [Signal::INT, Signal::HUP, Signal::QUIT, Signal::TERM, Signal::USR1, Signal::USR2] {
        kill_process(helper(&proxy), signal).unwrap();
    }
    kill_process(master(&proxy, 1), Signal::KILL).unwrap();
    proxy.log.wait_for_nth("app is ready", 2);
    assert_eq!(proxy.get("/").text(), "served");
}

#[test]
fn its_commands_are_not_for_users() {
    for command in ["supervise", "launch"] {
        let rproxy = std::process::Command::new(env!("CARGO_BIN_EXE_rproxy"))
            .arg(command)
            .stdin(std::process::Stdio::null())
            .output()
            .unwrap();
        assert_eq!(rproxy.status.code(), Some(3));
        assert!(String::from_utf8_lossy(&rproxy.stderr).contains("this command is for rproxy itself"));
    }
}
