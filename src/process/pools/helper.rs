//! The helper process as it is seen from here.

use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream as StdStream;
use std::path::Path;
use std::process::Stdio;

use tokio::net::UnixStream;
use tokio::process::{Child, Command};
use tokio::sync::mpsc;

use crate::process::channel::{self, Incoming, Outgoing};
use crate::process::ourselves;
use crate::process::protocol::{Level, News, Order};

/// A running helper. It stops its pools and ends when this value is gone.
#[derive(Debug)]
pub(super) struct Helper {
    orders: mpsc::UnboundedSender<Order>,
}

/// What a helper has told, or how it ended.
#[derive(Debug)]
pub(super) enum Told {
    News(News),
    Gone(String),
}

impl Helper {
    pub(super) fn start(program: &Path, tell: mpsc::UnboundedSender<Told>) -> io::Result<Self> {
        let (stream, theirs) = StdStream::pair()?;
        stream.set_nonblocking(true)?;
        let stream = UnixStream::from_std(stream)?;
        let child = Command::from(ourselves(program, "supervise"))
            // A terminal's signals are for the main process, which then says what is to be done.
            .process_group(0)
            .stdin(Stdio::from(OwnedFd::from(theirs)))
            .stdout(Stdio::null())
            .spawn()?;
        let (incoming, outgoing) = channel::open(stream);
        let (orders, given) = mpsc::unbounded_channel();
        tokio::spawn(pass_on(given, outgoing));
        tokio::spawn(listen(incoming, child, tell));
        Ok(Self { orders })
    }

    /// One that does nothing but listen, and what it hears.
    #[cfg(test)]
    pub(super) fn that_listens() -> (Self, mpsc::UnboundedReceiver<Order>) {
        let (orders, given) = mpsc::unbounded_channel();
        (Self { orders }, given)
    }

    /// One that has died hears nothing, which is told of soon enough.
    pub(super) fn order(&self, order: Order) {
        let _ = self.orders.send(order);
    }
}

async fn pass_on(mut orders: mpsc::UnboundedReceiver<Order>, mut to: Outgoing<Order>) {
    while let Some(order) = orders.recv().await {
        if let Err(error) = to.send(&order).await {
            tracing::error!(target: "process", "the process that runs the pools cannot be told what to do: {error}");
            return;
        }
    }
}

/// Reads on whatever else this process is doing: an app that prints must not have to wait.
async fn listen(mut from: Incoming<News>, mut child: Child, tell: mpsc::UnboundedSender<Told>) {
    let told_off = loop {
        match from.next().await {
            Ok(Some(news)) => {
                log(&news);
                // Lines come as fast as an app prints, and nobody else has a use for them.
                if !matches!(news, News::Line { .. }) {
                    let _ = tell.send(Told::News(news));
                }
            }
            Ok(None) => break None,
            Err(error) => break Some(error),
        }
    };
    if told_off.is_some() {
        let _ = child.start_kill();
    }
    let how = match (told_off, child.wait().await) {
        (Some(error), _) => format!("it was not understood: {error}"),
        (None, Ok(status)) => status.to_string(),
        (None, Err(error)) => error.to_string(),
    };
    let _ = tell.send(Told::Gone(how));
}

fn log(news: &News) {
    match news {
        News::Started { name, generation, group, command } => {
            tracing::info!(target: "process", name, generation, pid = group, "started `{command}`");
        }
        News::Ready { name, generation, after, .. } => {
            tracing::info!(target: "process", name, generation, "app is ready after {after:.1?}");
        }
        News::Failed { name, generation, reason, lines, .. } => {
            let more = if lines.is_empty() { "" } else { "; its last lines are above" };
            tracing::error!(target: "process", name, generation, "{reason}{more}");
        }
        News::Line { level, name, text } => match level {
            Level::Error => tracing::error!(target: "process", name, "{text}"),
            Level::Warn => tracing::warn!(target: "process", name, "{text}"),
            Level::Info => tracing::info!(target: "process", name, "{text}"),
        },
        News::Down { .. } | News::Ended { .. } => {}
    }
}
