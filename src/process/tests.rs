use std::io;
use std::path::Path;

use tempfile::TempDir;
use tokio::time::timeout;

use super::*;

const LONG: Duration = Duration::from_secs(20);

/// An app server in small: runs `before`, listens on the socket it is given, then runs `after`.
fn app(dir: &Path, before: &str, after: &str) -> ProcessSpec {
    let socket = dir.join("run/app.sock");
    let script = format!(
        "import os, signal, socket, sys, time\n\
         {before}\n\
         s = socket.socket(socket.AF_UNIX); s.bind(sys.argv[1]); s.listen()\n\
         {after}\n"
    );
    ProcessSpec {
        name: "app".into(),
        command: vec!["python3".into(), "-c".into(), script, socket.display().to_string()],
        directory: dir.to_path_buf(),
        servers: vec![UpstreamAddr::Unix(socket)],
    }
}

async fn within<T>(work: impl Future<Output = T>) -> T {
    timeout(LONG, work).await.expect("took too long")
}

async fn reaches(state: &mut watch::Receiver<State>, wanted: State) {
    within(state.wait_for(|state| *state == wanted)).await.expect("pool is gone");
}

/// Whether a living process holds the FIFO that the app made and keeps open.
fn somebody_lives(fifo: &Path) -> bool {
    // Opening for writing without blocking fails with ENXIO when nobody has it open for reading.
    use rustix::fs::{Mode, OFlags, open};
    open(fifo, OFlags::WRONLY | OFlags::NONBLOCK, Mode::empty()).is_ok()
}

const HOLD_FIFO: &str = "os.mkfifo('alive'); keep = os.open('alive', os.O_RDWR)";

#[tokio::test]
async fn makes_the_directory_and_is_ready_once_the_socket_answers() {
    let dir = TempDir::new().unwrap();
    let supervisor = Supervisor::start(vec![app(dir.path(), "", "signal.pause()")]);
    let mut state = supervisor.state("app").unwrap();
    within(supervisor.ready()).await;
    assert!(tokio::net::UnixStream::connect(dir.path().join("run/app.sock")).await.is_ok());
    within(supervisor.stop(LONG)).await;
    assert_eq!(*state.borrow_and_update(), State::Stopped);
}

#[tokio::test]
async fn is_ready_once_a_tcp_port_answers() {
    let dir = TempDir::new().unwrap();
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let addr = free.local_addr().unwrap();
    drop(free);
    let script = "import signal, socket, sys\n\
         s = socket.create_server(('127.0.0.1', int(sys.argv[1])))\n\
         signal.pause()";
    let supervisor = Supervisor::start(vec![ProcessSpec {
        name: "app".into(),
        command: vec!["python3".into(), "-c".into(), script.into(), addr.port().to_string()],
        directory: dir.path().into(),
        servers: vec![UpstreamAddr::Tcp(addr)],
    }]);
    within(supervisor.ready()).await;
    assert!(tokio::net::TcpStream::connect(addr).await.is_ok());
    within(supervisor.stop(LONG)).await;
}

#[tokio::test]
async fn starts_again_over_the_stale_socket_of_a_crash() {
    let dir = TempDir::new().unwrap();
    let crash_once = "try: os.close(os.open('once', os.O_CREAT | os.O_EXCL))\n\
         except FileExistsError: signal.pause()\n\
         s.accept(); os.abort()";
    let supervisor = Supervisor::start(vec![app(dir.path(), "", crash_once)]);
    let mut state = supervisor.state("app").unwrap();
    reaches(&mut state, State::Down).await;
    assert!(dir.path().join("run/app.sock").exists(), "the crash leaves its socket behind");
    reaches(&mut state, State::Ready).await;
    within(supervisor.stop(LONG)).await;
}

#[tokio::test]
async fn stop_ends_the_workers_with_their_master() {
    let dir = TempDir::new().unwrap();
    let supervisor =
        Supervisor::start(vec![app(dir.path(), HOLD_FIFO, "os.fork(); os.fork(); signal.pause()")]);
    within(supervisor.ready()).await;
    assert!(somebody_lives(&dir.path().join("alive")));
    within(supervisor.stop(LONG)).await;
    assert!(!somebody_lives(&dir.path().join("alive")));
}

#[tokio::test]
async fn a_dead_master_takes_its_workers_along() {
    let dir = TempDir::new().unwrap();
    let orphan = format!("os.path.exists('alive') and signal.pause()\n{HOLD_FIFO}");
    let supervisor =
        Supervisor::start(vec![app(dir.path(), &orphan, "os.fork() and os._exit(3); signal.pause()")]);
    let mut state = supervisor.state("app").unwrap();
    reaches(&mut state, State::Down).await;
    reaches(&mut state, State::Starting).await;
    assert!(!somebody_lives(&dir.path().join("alive")));
    within(supervisor.stop(LONG)).await;
}

#[tokio::test]
async fn kills_what_ignores_sigterm_after_the_grace() {
    let dir = TempDir::new().unwrap();
    let deaf = format!("signal.signal(signal.SIGTERM, signal.SIG_IGN); {HOLD_FIFO}");
    let supervisor = Supervisor::start(vec![app(dir.path(), &deaf, "time.sleep(3600)")]);
    within(supervisor.ready()).await;
    within(supervisor.stop(Duration::from_millis(100))).await;
    assert!(!somebody_lives(&dir.path().join("alive")));
}

#[tokio::test]
async fn keeps_trying_a_program_that_is_not_there() {
    let dir = TempDir::new().unwrap();
    let missing = ProcessSpec { command: vec!["./app".into()], ..app(dir.path(), "", "") };
    let supervisor = Supervisor::start(vec![missing]);
    let mut state = supervisor.state("app").unwrap();
    reaches(&mut state, State::Down).await;
    std::fs::write(
        dir.path().join("app"),
        "#!/bin/sh\nexec python3 -c '
import signal, socket
s = socket.socket(socket.AF_UNIX); s.bind(\"run/app.sock\"); s.listen()
signal.pause()'\n",
    )
    .unwrap();
    std::process::Command::new("chmod").arg("+x").arg(dir.path().join("app")).status().unwrap();
    reaches(&mut state, State::Ready).await;
    within(supervisor.stop(LONG)).await;
}

#[tokio::test]
async fn stop_does_not_wait_for_the_next_start() {
    let dir = TempDir::new().unwrap();
    let missing = ProcessSpec { command: vec!["./app".into()], ..app(dir.path(), "", "") };
    let supervisor = Supervisor::start(vec![missing]);
    let mut state = supervisor.state("app").unwrap();
    reaches(&mut state, State::Down).await;
    within(supervisor.stop(LONG)).await;
    assert_eq!(*state.borrow_and_update(), State::Stopped);
}

#[tokio::test]
async fn leaves_a_file_that_is_no_socket_alone() {
    let dir = TempDir::new().unwrap();
    let path = dir.path().join("data");
    std::fs::write(&path, "precious").unwrap();
    assert!(!ready::prepare(&UpstreamAddr::Unix(path.clone())).await.unwrap());
    assert_eq!(std::fs::read_to_string(path).unwrap(), "precious");
}

#[tokio::test]
async fn leaves_a_socket_that_answers_alone_and_tells() {
    let dir = TempDir::new().unwrap();
    let path = dir.path().join("app.sock");
    let _listener = std::os::unix::net::UnixListener::bind(&path).unwrap();
    assert!(ready::prepare(&UpstreamAddr::Unix(path.clone())).await.unwrap());
    assert!(path.exists());
}

#[test]
fn a_missing_program_is_explained_with_its_remedy() {
    let spec = ProcessSpec { command: vec!["gunicorn".into()], ..app(Path::new("/"), "", "") };
    let text = keeper::explain(&spec, &io::ErrorKind::NotFound.into());
    assert!(text.contains("`gunicorn`") && text.contains("PATH") && text.contains("install"), "{text}");
}
