use std::path::PathBuf;

use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;
use tokio::runtime::{Builder, LocalOptions};

use super::*;
use crate::config;

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
        let mut running = Running::bind(config::load(&self.file()).unwrap().config).unwrap();
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
    running.drain(Phase::Draining(std::time::Duration::from_secs(10))).await;
    running.end().unwrap();
}

use crate::runtime::Phase;

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
        assert!(matches!(running.reload(&place.file()).await, Outcome::Applied(_)));
        assert_eq!(place.ask().await, "new");
        end(running).await;
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
        assert!(matches!(running.reload(&place.file()).await, Outcome::Applied(_)));
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
        assert!(matches!(running.reload(&place.file()).await, Outcome::Rejected(_)));
        running.restart(0).unwrap();
        assert_eq!(place.ask().await, "old");
        end(running).await;
    });
}
