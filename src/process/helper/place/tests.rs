use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixListener;

use tempfile::TempDir;

use super::*;
use crate::process::spec::tests::spec;

fn unix(dir: &TempDir, name: &str) -> UpstreamAddr {
    UpstreamAddr::Unix(dir.path().join(name))
}

/// A pool with one socket that it is told of.
fn pool(dir: &TempDir) -> ProcessSpec {
    ProcessSpec { servers: vec![unix(dir, "app.sock")], ..spec(&["app", "--bind=unix:{socket}"], &[]) }
}

async fn find(spec: &ProcessSpec, taken: &[UpstreamAddr]) -> (UpstreamAddr, Vec<UpstreamAddr>) {
    let (mut place, occupied) = Place::find(spec, taken).await.unwrap();
    (place.addresses.remove(0), occupied)
}

#[tokio::test]
async fn the_first_generation_has_what_is_written_and_the_next_a_sibling() {
    let dir = TempDir::new().unwrap();
    let spec = pool(&dir);
    let (first, _) = find(&spec, &[]).await;
    assert_eq!(first, unix(&dir, "app.sock"));
    let (second, occupied) = find(&spec, std::slice::from_ref(&first)).await;
    assert_eq!((&second, occupied.len()), (&unix(&dir, "app.sock.2"), 0));
    assert_eq!(find(&spec, &[first, second]).await.0, unix(&dir, "app.sock.3"));
    assert_eq!(find(&spec, &[unix(&dir, "app.sock.2")]).await.0, unix(&dir, "app.sock"));
}

#[tokio::test]
async fn a_port_is_followed_by_any_that_is_free() {
    let spec = spec(&["app", "{port}"], &["127.0.0.1:1"]);
    let written = spec.servers[0].clone();
    assert_eq!(find(&spec, &[]).await.0, written);
    let UpstreamAddr::Tcp(next) = find(&spec, &[written]).await.0 else { panic!("no TCP") };
    assert!(next.ip().is_loopback() && next.port() > 1);
}

#[tokio::test]
async fn what_somebody_answers_on_is_left_to_them_and_told() {
    let dir = TempDir::new().unwrap();
    let _theirs = UnixListener::bind(dir.path().join("app.sock")).unwrap();
    let (address, occupied) = find(&pool(&dir), &[]).await;
    assert_eq!((address, occupied), (unix(&dir, "app.sock.2"), vec![unix(&dir, "app.sock")]));
}

#[tokio::test]
async fn a_socket_whose_backlog_is_full_is_somebodys() {
    let dir = TempDir::new().unwrap();
    let path = dir.path().join("app.sock");
    let full = Socket::new(Domain::UNIX, Type::STREAM, None).unwrap();
    full.bind(&SockAddr::unix(&path).unwrap()).unwrap();
    full.listen(0).unwrap();
    let _waiting = UnixStream::connect(&path).unwrap();
    assert_eq!(find(&pool(&dir), &[]).await.0, unix(&dir, "app.sock.2"));
}

#[tokio::test]
async fn the_socket_of_a_dead_process_is_removed() {
    let dir = TempDir::new().unwrap();
    drop(UnixListener::bind(dir.path().join("app.sock")).unwrap());
    assert_eq!(find(&pool(&dir), &[]).await.0, unix(&dir, "app.sock"));
    assert!(!dir.path().join("app.sock").exists());
}

#[tokio::test]
async fn a_file_that_is_no_socket_is_left_alone() {
    let dir = TempDir::new().unwrap();
    std::fs::write(dir.path().join("app.sock"), "precious").unwrap();
    assert_eq!(find(&pool(&dir), &[]).await.0, unix(&dir, "app.sock.2"));
    assert_eq!(std::fs::read_to_string(dir.path().join("app.sock")).unwrap(), "precious");
}

#[tokio::test]
async fn the_written_path_leads_to_the_one_that_serves() {
    let dir = TempDir::new().unwrap();
    let _serving = UnixListener::bind(dir.path().join("app.sock.2")).unwrap();
    let written = unix(&dir, "app.sock");
    link(&written, Some(&unix(&dir, "app.sock.2")));
    assert!(UnixStream::connect(dir.path().join("app.sock")).is_ok());
    assert_eq!(find(&pool(&dir), &[]).await.0, written, "it is nobody's but ours");
    assert!(dir.path().join("app.sock").symlink_metadata().is_err());
}

#[tokio::test]
async fn links_of_others_are_left_alone() {
    let dir = TempDir::new().unwrap();
    symlink("elsewhere", dir.path().join("app.sock")).unwrap();
    assert_eq!(find(&pool(&dir), &[]).await.0, unix(&dir, "app.sock.2"));
    assert!(dir.path().join("app.sock").symlink_metadata().is_ok());
}

#[test]
fn sockets_that_are_passed_on_listen_before_the_app_starts() {
    let dir = TempDir::new().unwrap();
    let spec = ProcessSpec { servers: vec![unix(&dir, "run/app.sock")], ..spec(&["app", "{fd}"], &[]) };
    let mut place = Place::written(&spec);
    place.prepare(&spec).unwrap();
    let path = dir.path().join("run/app.sock");
    assert!(UnixStream::connect(&path).is_ok());
    assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o666);
    fs::remove_file(&path).unwrap();
    place.prepare(&spec).unwrap();
    assert!(UnixStream::connect(&path).is_ok(), "an app that takes its file away gets a new one");
    place.give_up();
    assert!(!path.exists());
}

#[test]
fn placeholders_are_filled_in_everywhere() {
    let mut spec =
        spec(&["app", "unix:{socket}", "--port={port}", "fd://{fd}"], &["unix:/a", "127.0.0.1:80"]);
    spec.environment.insert("PORT".into(), "{port}".into());
    let filled = Place::written(&spec).filled_in(&spec);
    assert_eq!(filled.command, ["app", "unix:/a", "--port=80", "fd://3"]);
    assert_eq!(filled.environment["PORT"], "80");
}
