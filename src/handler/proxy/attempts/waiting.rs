//! A request's waits: in the queue for a server that is busy, and for one that is to come back.

use std::rc::Rc;

use tokio::time::Instant;

use super::{Attempts, Next};
use crate::http::{Cause, Fault};
use crate::upstream::{Dialer, Lease};

impl Attempts<'_> {
    /// Waits in the queue for a server that is busy.
    pub(in crate::handler::proxy) async fn wait_for_turn(
        &mut self,
        dialer: &Rc<Dialer>,
    ) -> Result<Lease, Fault> {
        let since = self.take_place()?;
        let (begin, limit) = (Instant::now(), self.upstream.settings.queue.timeout);
        let lease = dialer.wait(self.wanted(), since, since + limit).await;
        self.record.queued += begin.elapsed();
        match lease {
            Some(lease) => Ok(lease),
            None => Err(self.give_up_waiting()),
        }
    }

    /// Nobody is left to be tried in this round. Waits until another begins, if one may.
    pub(in crate::handler::proxy) async fn wait_for_return(&mut self) -> Result<(), Fault> {
        if self.next != Next::AtOnce {
            let limit = match self.next {
                Next::AwaitReturn => self.upstream.settings.retry.window,
                Next::AwaitRoom => self.upstream.settings.queue.timeout,
                Next::GiveUp | Next::AtOnce => return Err(self.give_up()),
            };
            let since = self.take_place()?;
            // When checks have called all servers down for that long, nobody waits any more.
            let down = self.upstream.down_since().filter(|down| *down < since).unwrap_or(since);
            let begin = Instant::now();
            let again = self.patience.wait(down + limit, self.next == Next::AwaitRoom).await;
            self.record.queued += begin.elapsed();
            if !again {
                return Err(self.give_up());
            }
            // What the log says of one round holds for the others.
            (self.fault, self.next) = (None, Next::GiveUp);
            if self.sent == 0 {
                self.record.attempts.clear();
            }
        }
        self.next = Next::GiveUp;
        self.tried.clear();
        Ok(())
    }

    /// When the request began to wait for the first time: its rank among those who do.
    fn take_place(&mut self) -> Result<Instant, Fault> {
        if self.place.is_none() {
            self.place = self.upstream.place();
        }
        if self.place.is_none() {
            let (name, size) = (&self.upstream.name, self.upstream.settings.queue.size);
            self.failed(Fault::new(
                Cause::QueueFull,
                format!("{size} requests wait for upstream `{name}` already"),
            ));
            return Err(self.give_up());
        }
        self.handling.set_waiting(true);
        Ok(self.patience.begin())
    }

    pub(super) fn leave_place(&mut self) {
        if self.place.take().is_some() {
            self.handling.set_waiting(false);
        }
    }

    fn give_up_waiting(&mut self) -> Fault {
        let waited = self.record.queued.as_secs_f64();
        let detail = format!(
            "waited {waited:.1} s for upstream `{}`, whose servers are all at work on as many requests as they may; \
             {} wait",
            self.upstream.name,
            self.upstream.waiting()
        );
        self.failed(Fault::new(Cause::QueueTimeout, detail));
        self.give_up()
    }
}
