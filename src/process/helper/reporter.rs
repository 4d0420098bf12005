//! What the helper has to say: to the main process, or to whoever reads stderr once that is gone.

use std::io::Write;

use tokio::sync::mpsc;

use crate::process::channel::Outgoing;
use crate::process::protocol::{Level, News};

/// So many are on their way at most. An app that prints faster than it is read has to wait.
const ON_THEIR_WAY: usize = 256;

#[derive(Clone, Debug)]
pub(super) struct Reporter {
    to: mpsc::Sender<News>,
}

impl Reporter {
    pub(super) fn new() -> (Self, mpsc::Receiver<News>) {
        let (to, news) = mpsc::channel(ON_THEIR_WAY);
        (Self { to }, news)
    }

    pub(super) async fn tell(&self, news: News) {
        // Nobody is left to hear it only when the helper itself ends.
        let _ = self.to.send(news).await;
    }

    /// A line for the log.
    pub(super) async fn say(&self, level: Level, name: &str, text: impl Into<String>) {
        self.tell(News::Line { level, name: name.into(), text: text.into() }).await;
    }
}

/// Passes news on until all reporters are gone, whether or not somebody listens: those who have something
/// to say must not wait for ever.
pub(super) async fn pass_on(mut news: mpsc::Receiver<News>, mut to: Outgoing<News>) {
    let mut is_heard = true;
    while let Some(news) = news.recv().await {
        is_heard = is_heard && to.send(&news).await.is_ok();
        if let (false, News::Line { name, text, .. }) = (is_heard, news) {
            let _ = writeln!(std::io::stderr(), "{name}: {text}");
        }
    }
}
