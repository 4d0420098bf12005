use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;
use tokio::runtime::{Builder, LocalOptions};

use super::*;
use crate::config;
use crate::handover::Inheritance;
use crate::runtime::{Phase, Placements};

/// A site on a Unix socket that answers everything with this text.
struct Place {
    dir: TempDir,
}

impl Place {
    fn new(text: &str) -> Self {
        let place = Self { dir: tempfile::tempdir().unwrap() };
        place.write(text);
        place
    }

    fn write(&self, text: &str) {
        let config = format!(
            "[server]\nworkers = 1\n[log]\naccess = \"off\"\n[[site]]\nlisten = [\"unix:site.sock\"]\n\
             [[site.location]]\nmatch = \"/\"\nrespond = {{ body = \"{text}\" }}\n"
        );
        std::fs::write(self.file(), config).unwrap();
    }

    fn file(&self) -> PathBuf {
        self.dir.path().join("site.toml")
    }

    fn serve(&self) -> Running {
        let config = config::load(&self.file()).unwrap().config;
        let mut running = Running::bind(config, Inheritance::default()).unwrap();
        running.serve().unwrap();
        running
    }

    async fn connect(&self) -> UnixStream {
        UnixStream::connect(self.dir.path().join("site.sock")).await.unwrap()
    }

    async fn ask(&self) -> String {
        asked(self.connect().await).await
    }
}

async fn asked(mut client: UnixStream) -> String {
    client.write_all(b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").await.unwrap();
    let mut answer = String::new();
    client.read_to_string(&mut answer).await.unwrap();
    answer.rsplit("\r\n\r\n").next().unwrap().to_owned()
}

/// On a runtime like that of the control thread.
fn in_control(test: impl Future<Output = ()>) {
    Builder::new_current_thread().enable_all().build_local(LocalOptions::default()).unwrap().block_on(test);
}

async fn end(mut running: Running) {
    running.drain(Phase::Draining(Duration::from_secs(10))).await;
    running.end().unwrap();
}

#[test]
fn an_event_loop_that_failed_is_started_anew_and_serves_who_has_connected_meanwhile() {
    in_control(async {
        let place = Place::new("page");
        let mut running = place.serve();
        assert_eq!(place.ask().await, "page");
        running.crash(0);
        assert_eq!(running.failed().await, 0);
        let waiting = place.connect().await;
        running.restart(0).unwrap();
        assert_eq!(asked(waiting).await, "page");
        place.write("new");
        assert!(matches!(running.reload(&place.file()).await.0, Outcome::Applied(_)));
        assert_eq!(place.ask().await, "new");
        end(running).await;
    });
}

#[test]
fn a_pool_that_moves_is_no_other_configuration() {
    in_control(async {
        let place = Place::new("page");
        let mut running = place.serve();
        let first = running.status();
        running.place(Placements::new()).await.unwrap();
        assert_eq!((running.status(), first.generation), (first, 1));
        place.write("\"");
        assert!(matches!(running.reload(&place.file()).await.0, Outcome::Rejected(_)));
        running.place(Placements::new()).await.unwrap();
        assert!(running.status().refused.is_some(), "the file is no better for it");
        place.write("new");
        assert!(matches!(running.reload(&place.file()).await.0, Outcome::Applied(_)));
        assert_eq!((running.status().generation, running.status().refused), (2, None));
        end(running).await;
    });
}

#[test]
fn a_start_that_fails_leaves_no_socket_behind() {
    in_control(async {
        let place = Place::new("page");
        let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let admin = format!("[server]\nadmin = \"{}\"\n", taken.local_addr().unwrap());
        let config = std::fs::read_to_string(place.file()).unwrap().replace("[server]\n", &admin);
        std::fs::write(place.file(), config).unwrap();
        let config = config::load(&place.file()).unwrap().config;
        let error = Running::bind(config, Inheritance::default()).unwrap_err();
        assert!(error.to_string().contains("change `admin`"), "{error}");
        assert!(!place.dir.path().join("site.sock").exists());
    });
}

#[test]
fn a_reload_that_is_broken_off_leaves_the_old_configuration() {
    in_control(async {
        let place = Place::new("old");
        let mut running = place.serve();
        place.write("new");
        {
            let file = place.file();
            let mut reload = std::pin::pin!(running.reload(&file));
            let look = std::future::poll_fn(|cx| std::task::Poll::Ready(reload.as_mut().poll(cx)));
            assert!(look.await.is_pending());
        }
        assert_eq!(place.ask().await, "old");
        assert!(matches!(running.reload(&place.file()).await.0, Outcome::Applied(_)));
        assert_eq!(place.ask().await, "new");
        end(running).await;
    });
}

#[test]
fn an_event_loop_that_fails_during_a_reload_has_it_refused() {
    in_control(async {
        let place = Place::new("old");
        let mut running = place.serve();
        running.crash(0);
        running.failed().await;
        place.write("new");
        assert!(matches!(running.reload(&place.file()).await.0, Outcome::Rejected(_)));
        running.restart(0).unwrap();
        assert_eq!(place.ask().await, "old");
        end(running).await;
    });
}

#[test]
fn an_event_loop_that_stands_still_is_told_of() {
    let told = Told::default();
    let subscriber = tracing_subscriber::fmt().with_writer(told.clone()).with_ansi(false).finish();
    tracing::subscriber::with_default(subscriber, || {
        in_control(async {
            let running = Place::new("page").serve();
            running.stall(0, Duration::from_secs(3));
            told.until("it turns again after ").await;
            assert!(told.text().contains("an event loop has not turned for 1s"), "{}", told.text());
            end(running).await;
        });
    });
}

#[test]
fn a_process_shows_no_life_while_an_event_loop_does_not_turn() {
    in_control(async {
        let place = Place::new("page");
        let mut running = place.serve();
        running.beat()().await;
        running.crash(0);
        running.failed().await;
        let beat = running.beat();
        assert!(tokio::time::timeout(Duration::from_millis(50), beat()).await.is_err());
        running.restart(0).unwrap();
        running.beat()().await;
        end(running).await;
    });
}

/// What was logged.
#[derive(Clone, Default)]
struct Told(Arc<Mutex<Vec<u8>>>);

impl Told {
    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }

    async fn until(&self, text: &str) {
        while !self.text().contains(text) {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
}

impl std::io::Write for Told {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl<'a> tracing_subscriber::fmt::MakeWriter<'a> for Told {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}
