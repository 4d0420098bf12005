//! Does what the operator wants while rproxy serves: one thing after the other, and a stop at any time.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use super::wishes::{Wish, Wishes};
use crate::control::{self, Reply};
use crate::reload::{Outcome, Running};
use crate::runtime::{self, Phase};

/// Between two attempts to start an event loop that failed.
const RESTART: Duration = Duration::from_secs(1);

/// Serves until it is to stop.
pub(super) async fn until_stop(file: &Path, running: &mut Running, wishes: &mut Wishes) {
    loop {
        let wish = tokio::select! {
            wish = wishes.next() => wish,
            index = running.failed() => {
                restart(running, index).await;
                continue;
            }
        };
        match wish {
            Wish::Stop => return,
            Wish::ReopenLogs => runtime::reopen_logs(running.log()),
            Wish::Reload(reply) => match reload(file, reply, running, wishes).await {
                Ended::Early => return,
                Ended::Whole => {}
            },
            Wish::Changed => match reload(file, None, running, wishes).await {
                Ended::Early => return,
                Ended::Whole => {}
            },
            Wish::Restart(name, reply) => {
                let message = format!("the upstream `{name}` has no `process` that rproxy runs");
                reply.done(control::Outcome::Rejected(message));
            }
            Wish::Upgrade => tracing::warn!("handing over to a new binary is not yet supported"),
        }
    }
}

/// Whether something was broken off by a stop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ended {
    Early,
    Whole,
}

/// Takes up the file as it is now.
async fn reload(file: &Path, reply: Option<Reply>, running: &mut Running, wishes: &mut Wishes) -> Ended {
    let replies: Vec<Reply> = reply.into_iter().chain(wishes.take_reloads()).collect();
    let log = Arc::clone(running.log());
    let (outcome, ended) = tokio::select! {
        (outcome, watched) = running.reload(file) => {
            wishes.watch(watched, &outcome);
            tell(&outcome);
            (outcome, Ended::Whole)
        }
        () = wishes.until_stop(&log) => (Outcome::Rejected("rproxy is stopping".into()), Ended::Early),
    };
    for reply in replies {
        reply.done(match &outcome {
            Outcome::Applied(changes) => control::Outcome::Done(changes.clone()),
            Outcome::Unchanged => control::Outcome::Done(Vec::new()),
            Outcome::Rejected(report) => control::Outcome::Rejected(report.clone()),
        });
    }
    ended
}

fn tell(outcome: &Outcome) {
    match outcome {
        Outcome::Applied(changes) => {
            tracing::info!("reload: the new configuration is in force:\n{}", changes.join("\n"));
        }
        Outcome::Unchanged => tracing::info!("reload: no change"),
        Outcome::Rejected(report) => tracing::error!(
            "reload: refused, and the old configuration goes on serving:\n{}",
            report.trim_end()
        ),
    }
}

async fn restart(running: &mut Running, index: usize) {
    if let Err(error) = running.restart(index) {
        tracing::error!(
            "the event loop cannot be started anew: {error}; the others serve on, and it is tried again"
        );
        tokio::time::sleep(RESTART).await;
    }
}

/// Ends the event loops when their requests have ended, their grace is over, or a second stop is asked for.
pub(super) async fn drain(running: &mut Running, wishes: &mut Wishes) {
    wishes.refuse_all();
    let grace = running.snapshot().config.server.shutdown_grace;
    tracing::info!("stopping: requests in flight have {grace:?}");
    let log = Arc::clone(running.log());
    let stopped = tokio::select! {
        () = running.drain(Phase::Draining(grace)) => false,
        () = wishes.until_stop(&log) => true,
    };
    if stopped {
        tracing::warn!("stopping at once");
        running.stop().await;
    }
    wishes.refuse_all();
}
