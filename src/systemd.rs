//! What the service manager is told (sd_notify(3)): systemd with `Type=notify`, and others that do the same.
//!
//! Without `NOTIFY_SOCKET` in the environment nobody is told anything, and nothing is different.

use std::time::Duration;

use sd_notify::NotifyState;
use tokio::time::{Instant, sleep_until, timeout};

/// The way to the service manager.
#[derive(Debug)]
pub struct Notifier {
    is_told: bool,
    /// Half of what the service manager waits for a sign of life.
    period: Option<Duration>,
    next: Instant,
}

impl Notifier {
    /// As the environment says.
    pub fn new() -> Self {
        let is_told = std::env::var_os("NOTIFY_SOCKET").is_some();
        let period = sd_notify::watchdog_enabled().filter(|_| is_told).map(|limit| limit / 2);
        Self { is_told, period, next: Instant::now() }
    }

    /// For who only shows life, and never does.
    #[cfg(test)]
    pub fn telling_nobody(period: Duration) -> Self {
        Self { is_told: false, period: Some(period), next: Instant::now() }
    }

    /// Everything serves.
    pub fn ready(&self, status: &str) {
        self.tell(&[NotifyState::Ready, NotifyState::Status(status)]);
    }

    /// The configuration is being read again; [`Self::ready`] follows, however that goes.
    pub fn reloading(&self) {
        // What came before this moment is no answer to the order (systemd.service(5), `Type=notify-reload`).
        match NotifyState::monotonic_usec_now() {
            Ok(now) => self.tell(&[NotifyState::Reloading, now]),
            Err(error) => tracing::warn!("the service manager cannot be told of the reload: {error}"),
        }
    }

    pub fn stopping(&self, status: &str) {
        self.tell(&[NotifyState::Stopping, NotifyState::Status(status)]);
    }

    /// A word for `systemctl status`.
    pub fn status(&self, status: &str) {
        self.tell(&[NotifyState::Status(status)]);
    }

    /// That process is the service from now on.
    pub fn is_served_by(&self, pid: u32) {
        self.tell(&[NotifyState::MainPid(pid), NotifyState::Ready]);
    }

    /// Tells the service manager in time that this process lives, if it wants to know: as long as `beat` is
    /// ready each time, which is to show that all threads turn. When one does not, no more is told, and the
    /// service manager does what its unit says. Never returns; can be dropped and called again.
    pub async fn stay_alive(&mut self, beat: impl AsyncFn()) {
        let Some(period) = self.period else { return std::future::pending().await };
        loop {
            sleep_until(self.next).await;
            if timeout(period, beat()).await.is_ok() {
                self.tell(&[NotifyState::Watchdog]);
                self.next = Instant::now() + period;
            } else {
                tracing::error!(
                    "an event loop has not turned for {period:?}; if that goes on, the service manager ends \
                     this process (WatchdogSec=)"
                );
            }
        }
    }

    fn tell(&self, states: &[NotifyState<'_>]) {
        if self.is_told
            && let Err(error) = sd_notify::notify(states)
        {
            tracing::warn!("the service manager cannot be told {states:?}: {error}; is NOTIFY_SOCKET right?");
        }
    }
}

impl Default for Notifier {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::future::pending;

    use super::*;

    const LIMIT: Duration = Duration::from_secs(30);

    fn notifier(period: Option<Duration>) -> Notifier {
        Notifier { is_told: false, period, next: Instant::now() }
    }

    #[tokio::test(start_paused = true)]
    async fn life_is_shown_twice_within_the_limit() {
        let beats = Cell::new(0);
        let beat = async || beats.set(beats.get() + 1);
        let mut notifier = notifier(Some(LIMIT / 2));
        // Broken off again and again, as by signals that come in.
        for _ in 0..60 {
            let _ = timeout(LIMIT / 20, notifier.stay_alive(beat)).await;
        }
        assert_eq!(beats.get(), 7, "at once, and then each half of the limit");
    }

    #[tokio::test(start_paused = true)]
    async fn who_shows_no_life_is_not_told_of_as_alive() {
        let mut notifier = notifier(Some(LIMIT / 2));
        let first = notifier.next;
        let _ = timeout(LIMIT * 3, notifier.stay_alive(async || pending().await)).await;
        assert_eq!(notifier.next, first, "no sign of life was sent, which would have moved it");
    }

    #[tokio::test(start_paused = true)]
    async fn nobody_is_asked_for_life_without_a_watchdog() {
        let beat = async || panic!("nobody wants to know");
        assert!(timeout(LIMIT, notifier(None).stay_alive(beat)).await.is_err());
    }
}
