//! Does what the operator wants while rproxy serves: one thing after the other, and a stop at any time.

use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use super::certificates::Certificates;
use super::pools::{Former, Managed};
use super::wishes::{Wish, Wishes};
use crate::control::{self, Reply};
use crate::handover::Successor;
use crate::reload::{Outcome, Running};
use crate::runtime::{self, Phase};
use crate::systemd::Notifier;

/// What `systemctl status` shows.
const SERVING: &str = "serving";
const REFUSED: &str = "serving; the last reload was refused, and the log says why";

/// Between two attempts to start an event loop that failed.
const RESTART: Duration = Duration::from_secs(1);

/// Why this process serves no longer.
#[derive(Debug)]
pub(super) enum Ended {
    Asked,
    /// Another process serves in its place.
    Succeeded(Successor),
}

/// Serves until it is to stop.
pub(super) async fn until_stop(
    file: &Path,
    running: &mut Running,
    pools: &mut Managed,
    certificates: &mut Certificates,
    wishes: &mut Wishes,
    notifier: &mut Notifier,
) -> Ended {
    notifier.ready(SERVING);
    loop {
        let wish = tokio::select! {
            wish = wishes.next() => wish,
            next = pools.next() => {
                pools.follow(next, running).await;
                continue;
            }
            () = notifier.stay_alive(running.beat()) => continue,
            index = running.failed() => {
                restart(running, index).await;
                continue;
            }
        };
        match wish {
            Wish::Stop => return Ended::Asked,
            Wish::Leave(successor) => {
                notifier.is_served_by(successor.pid);
                if successor.takes_over().await {
                    return Ended::Succeeded(successor);
                }
                notifier.is_served_by(std::process::id());
            }
            Wish::ReopenLogs => runtime::reopen_logs(running.log()),
            Wish::Reload(reply) if wishes.hands_over() => put_off(reply),
            Wish::Reload(reply) => {
                let beat = running.beat();
                let reload = reload(file, reply, running, pools, certificates, wishes);
                if announced(notifier, beat, reload).await.is_break() {
                    return Ended::Asked;
                }
            }
            Wish::Changed => {
                let beat = running.beat();
                let reload = reload(file, None, running, pools, certificates, wishes);
                if announced(notifier, beat, reload).await.is_break() {
                    return Ended::Asked;
                }
            }
            Wish::Restart(name, reply) => pools.restart(&name, reply),
            Wish::Upgrade => wishes.hand_over(running.parcels()),
        }
    }
}

/// Has the service manager know of a reload and of its end, unless that is broken off by a stop. Whoever watches
/// is shown life meanwhile: a file may be on a disk that takes its time, and everybody is served all the same.
async fn announced(
    notifier: &mut Notifier,
    beat: impl AsyncFn(),
    reload: impl Future<Output = Option<Outcome>>,
) -> ControlFlow<()> {
    notifier.reloading();
    let outcome = tokio::select! {
        biased;
        outcome = reload => outcome,
        () = notifier.stay_alive(beat) => None,
    };
    match outcome {
        None => return ControlFlow::Break(()),
        Some(Outcome::Rejected(_)) => notifier.ready(REFUSED),
        Some(Outcome::Applied(_) | Outcome::Unchanged) => notifier.ready(SERVING),
    }
    ControlFlow::Continue(())
}

/// What this process took up now would be lost with it, or keep the new one from an address.
fn put_off(reply: Option<Reply>) {
    let reason = "no reload while a new process is being started: it reads the configuration by itself, and takes \
                  up what changes meanwhile once it serves; if it fails, reload again";
    tracing::warn!("{reason}");
    if let Some(reply) = reply {
        reply.done(control::Outcome::Rejected(reason.into()));
    }
}

/// Takes up the file as it is now, unless that is broken off by a stop.
async fn reload(
    file: &Path,
    reply: Option<Reply>,
    running: &mut Running,
    pools: &mut Managed,
    certificates: &mut Certificates,
    wishes: &mut Wishes,
) -> Option<Outcome> {
    let former = Former::of(&running.snapshot());
    let replies: Vec<Reply> = reply.into_iter().chain(wishes.take_reloads()).collect();
    let log = Arc::clone(running.log());
    let outcome = tokio::select! {
        (outcome, watched) = running.reload(file) => {
            wishes.watch(watched, &outcome);
            tell(&outcome);
            Some(outcome)
        }
        () = wishes.until_stop(&log) => None,
    };
    if outcome.is_some() {
        pools.update(&former, running).await;
        certificates.follow(&running.snapshot());
    }
    for reply in replies {
        reply.done(match &outcome {
            Some(Outcome::Applied(changes)) => control::Outcome::Done(changes.clone()),
            Some(Outcome::Unchanged) => control::Outcome::Done(Vec::new()),
            Some(Outcome::Rejected(report)) => control::Outcome::Rejected(report.clone()),
            None => control::Outcome::Rejected("rproxy is stopping".into()),
        });
    }
    outcome
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

/// Ends the event loops when their requests have ended, their grace is over, or another stop is asked for.
/// Returns whether it was.
pub(super) async fn drain(
    ended: &Ended,
    running: &mut Running,
    wishes: &mut Wishes,
    notifier: &Notifier,
) -> bool {
    wishes.refuse_all();
    let phase = last_phase(ended, running, notifier);
    let log = Arc::clone(running.log());
    let stopped = tokio::select! {
        () = running.drain(phase) => false,
        () = wishes.until_stop(&log) => true,
    };
    if stopped {
        tracing::warn!("stopping at once");
        running.stop().await;
    }
    wishes.refuse_all();
    stopped
}

/// How the event loops are to end.
fn last_phase(ended: &Ended, running: &Running, notifier: &Notifier) -> Phase {
    let snapshot = running.snapshot();
    let server = &snapshot.config.server;
    match ended {
        Ended::Asked => {
            tracing::info!("stopping: requests in flight have {:?}", server.shutdown_grace);
            notifier.stopping("stopping: requests in flight are being finished");
            Phase::Draining(server.shutdown_grace)
        }
        Ended::Succeeded(successor) => {
            let (pid, grace) = (successor.pid, server.upgrade_grace);
            tracing::info!(pid, "the new process serves; requests in flight here have {grace:?}");
            Phase::HandingOver(grace)
        }
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn life_is_shown_while_a_reload_takes_its_time() {
        let limit = Duration::from_secs(30);
        let mut notifier = Notifier::telling_nobody(limit / 2);
        let beats = Cell::new(0);
        let reload = async {
            tokio::time::sleep(limit * 2).await;
            Some(Outcome::Unchanged)
        };
        let ended = announced(&mut notifier, async || beats.set(beats.get() + 1), reload).await;
        assert!(ended.is_continue());
        assert!(beats.get() >= 4, "at once, and then each half of the limit: {}", beats.get());
    }
}
