//! What a service manager gives, and what it is told.

use std::fs;
use std::net::TcpListener;
use std::os::unix::net::UnixDatagram;

use rustix::process::Signal;
use tempfile::TempDir;

use crate::support::proxy::Builder;
use crate::support::raw::Client;
use crate::support::{PATIENCE, Proxy, Request};

const SITE: &str = "[[site]]\nlisten = [\"127.0.0.1:0\"]\n\
                    [[site.location]]\nmatch = \"/\"\nrespond = { body = \"here\" }\n";

/// The end of `NOTIFY_SOCKET` that a service manager has.
struct Manager {
    socket: UnixDatagram,
    dir: TempDir,
}

impl Manager {
    fn new() -> Self {
        let dir = TempDir::new().unwrap();
        let socket = UnixDatagram::bind(dir.path().join("notify")).unwrap();
        socket.set_read_timeout(Some(PATIENCE)).unwrap();
        Self { socket, dir }
    }

    fn starts(&self, builder: Builder) -> Builder {
        builder.env("NOTIFY_SOCKET", self.dir.path().join("notify").to_str().unwrap())
    }

    /// The next message, as its lines.
    fn told(&self) -> Vec<String> {
        let mut message = [0; 4096];
        let length = self.socket.recv(&mut message).expect("a message");
        String::from_utf8(message[..length].to_vec()).unwrap().lines().map(str::to_owned).collect()
    }
}

#[test]
fn it_is_told_of_start_reloads_and_stop() {
    let manager = Manager::new();
    let proxy = manager.starts(Proxy::config(SITE)).start();
    assert_eq!(manager.told(), ["READY=1", "STATUS=serving"]);
    proxy.write(&SITE.replace("match", "mach"));
    for status in ["STATUS=serving; the last reload was refused, and the log says why", "STATUS=serving"] {
        proxy.hang_up();
        let reloading = manager.told();
        assert_eq!(reloading[0], "RELOADING=1");
        assert!(reloading[1].strip_prefix("MONOTONIC_USEC=").unwrap().parse::<u64>().is_ok());
        assert_eq!(manager.told(), ["READY=1", status]);
        proxy.write(SITE);
    }
    proxy.signal(Signal::TERM);
    let stopping = manager.told();
    assert_eq!(stopping[0], "STOPPING=1");
    assert!(stopping[1].starts_with("STATUS=stopping"), "{stopping:?}");
}

#[test]
fn it_is_told_at_half_its_limit_that_every_loop_turns() {
    let manager = Manager::new();
    let _proxy = manager.starts(Proxy::config(SITE)).env("WATCHDOG_USEC", "100000").start();
    assert_eq!(manager.told(), ["READY=1", "STATUS=serving"]);
    for _ in 0..5 {
        assert_eq!(manager.told(), ["WATCHDOG=1"]);
    }
}

#[test]
fn it_is_told_which_process_has_taken_over() {
    let manager = Manager::new();
    let mut proxy = manager.starts(Proxy::config(SITE)).start();
    assert_eq!(manager.told(), ["READY=1", "STATUS=serving"]);
    proxy.upgrade();
    assert_eq!(manager.told(), [format!("MAINPID={}", proxy.pid()), "READY=1".into()]);
    assert_eq!(manager.told(), ["READY=1", "STATUS=serving"]);
}

#[test]
fn a_watchdog_goes_on_for_the_process_that_has_taken_over() {
    let manager = Manager::new();
    let script = "import os, sys\nos.environ['WATCHDOG_PID'] = str(os.getpid())";
    let builder = manager.starts(started_by(Proxy::config(SITE), script));
    let mut proxy = builder.env("WATCHDOG_USEC", "100000").start();
    proxy.upgrade();
    assert_eq!(proxy.wait_for_first().code(), Some(0));
    while manager.told()[0] != format!("MAINPID={}", proxy.pid()) {}
    while manager.told() != ["WATCHDOG=1"] {}
}

#[test]
fn a_pool_is_not_told_where_the_service_manager_is() {
    let manager = Manager::new();
    let pool = "import os, signal, socket\n\
                open('environment', 'w').write('\\n'.join(os.environ))\n\
                s = socket.socket(socket.AF_UNIX); s.bind('app.sock'); s.listen(); signal.pause()";
    let site = format!(
        "[[site]]\nlisten = [\"127.0.0.1:0\"]\n[[site.location]]\nmatch = \"/\"\nproxy = \"app\"\n\
         [upstream.app]\nservers = [\"unix:app.sock\"]\n\
         process = {{ command = [\"python3\", \"-c\", '''{pool}'''] }}\n"
    );
    let builder = manager.starts(Proxy::config(&site)).env("LISTEN_FDNAMES", "x").env("PASSED", "on");
    let proxy = builder.env("WATCHDOG_USEC", "60000000").start();
    let environment = fs::read_to_string(proxy.dir().join("environment")).unwrap();
    let seen: Vec<&str> = environment.lines().collect();
    assert!(seen.contains(&"PASSED"), "{seen:?}");
    for name in ["NOTIFY_SOCKET", "WATCHDOG_USEC", "LISTEN_FDNAMES"] {
        assert!(!seen.contains(&name), "{name}");
    }
}

/// A program in Python that becomes rproxy at its end.
fn started_by(builder: Builder, script: &str) -> Builder {
    let program = crate::support::proxy::PROGRAM;
    let text =
        format!("#!/usr/bin/env python3\n{script}\nos.execv('{program}', ['{program}'] + sys.argv[1:])\n");
    builder.script("activator", &text)
}

/// No other test listens there, so that a port which was free still is.
const HERE: &str = "127.0.0.7";

fn free_port() -> u16 {
    TcpListener::bind((HERE, 0)).unwrap().local_addr().unwrap().port()
}

/// Starts it with listening sockets as systemd passes them: `LISTEN_FDS` from descriptor 3 on.
fn activated(config: &str, tcp: &[u16], unix: &[&str]) -> Builder {
    let builder = Proxy::config(config);
    let paths: Vec<_> = unix.iter().map(|name| builder.dir().join(name)).collect();
    let script = format!(
        "import os, socket, sys\n\
         sockets = [socket.create_server(('{HERE}', port)) for port in {tcp:?}]\n\
         for path in {paths:?}:\n    sockets.append(socket.socket(socket.AF_UNIX))\n    \
         sockets[-1].bind(path)\n    sockets[-1].listen()\n\
         for at, s in enumerate(sockets): os.dup2(s.fileno(), 100 + at)\n\
         for at in range(len(sockets)): os.dup2(100 + at, 3 + at)\n\
         os.closerange(100, 100 + len(sockets))\n\
         os.environ.update(LISTEN_FDS=str(len(sockets)), LISTEN_PID=str(os.getpid()))"
    );
    started_by(builder, &script)
}

fn listening_on(addresses: &str) -> String {
    SITE.replace("\"127.0.0.1:0\"", addresses)
}

fn is_answered(address: &str) {
    assert_eq!(Client::connect(address).exchange(&Request::get("/")).text(), "here");
}

#[test]
fn sockets_it_has_bound_are_served_by_their_addresses() {
    let port = free_port();
    let config = listening_on(&format!("\"{HERE}:{port}\", \"unix:here.sock\""));
    let mut proxy = activated(&config, &[port], &["here.sock"]).start();
    let addresses = proxy.addresses().to_vec();
    assert_eq!(addresses.len(), 2);
    for _ in 0..20 {
        for address in &addresses {
            is_answered(address);
        }
    }
    // They stay its own in the next process too.
    proxy.upgrade();
    for address in &addresses {
        is_answered(address);
    }
    proxy.signal(Signal::TERM);
    assert!(proxy.log.wait_until_closed());
    assert!(proxy.dir().join("here.sock").exists(), "the file is the service manager's");
}

#[test]
fn a_socket_that_nothing_listens_on_is_warned_about() {
    let port = free_port();
    let proxy = activated(SITE, &[port], &[]).start();
    let line = proxy.wait_for_log("nothing listens there");
    assert!(line.contains("WARN") && line.contains(&format!("{HERE}:{port}")), "{line}");
    is_answered(&proxy.addresses()[0]);
}

#[test]
fn a_socket_of_it_can_be_left_and_asked_for_again() {
    let port = free_port();
    let address = format!("{HERE}:{port}");
    let both = listening_on(&format!("\"127.0.0.1:0\", \"{address}\""));
    let mut proxy = activated(&both, &[port], &[]).start();
    is_answered(&address);
    proxy.upgrade();
    proxy.reload(SITE);
    proxy.wait_for_log("no longer listening on");
    proxy.reload(&both);
    is_answered(&address);
}

#[test]
fn what_is_no_listening_socket_stops_the_start() {
    let script = "import os, sys\nos.dup2(os.open('/dev/null', os.O_RDONLY), 3, inheritable=True)\n\
                  os.environ.update(LISTEN_FDS='1', LISTEN_PID=str(os.getpid()))";
    let output = started_by(Proxy::config(SITE), script).run();
    let errors = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(3), "{errors}");
    assert!(errors.contains("ListenStream="), "{errors}");
}
