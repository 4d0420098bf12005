//! The event loops while they serve, and their end.

use std::io;
#[cfg(test)]
use std::time::Duration;
use std::time::Instant;

use futures_util::future::{join_all, select_all};

use super::Running;
use crate::handover::Parcel;
#[cfg(test)]
use crate::observe::ConfigurationStatus;
use crate::reload::console::Console;
use crate::reload::pulse::Pulse;
use crate::runtime::{Beat, EventLoop, Phase};

impl Running {
    pub(super) fn watch_loops(&mut self) {
        let beats = self.loops.iter().map(EventLoop::beat);
        self.pulses = beats.enumerate().map(|(index, beat)| Pulse::watch(index, beat)).collect();
    }

    pub(super) fn end_console(&mut self) {
        if let Some(console) = self.console.take().filter(|_| !self.inheritance.has_former()) {
            console.remove_file();
        }
    }

    /// What was not taken over is the former process's still.
    fn remove_files(&self) {
        if !self.inheritance.has_former() {
            self.doors.remove_files();
        }
    }

    pub(super) fn start_loop(&self, index: usize) -> io::Result<EventLoop> {
        let snapshot = self.snapshot();
        let doors = self.doors.of_loop(index, &snapshot)?;
        EventLoop::start(format!("loop-{index}"), doors, snapshot, self.logs.access(), self.phase.subscribe())
    }

    /// The index of an event loop that has ended although nobody asked it to.
    pub async fn failed(&self) -> usize {
        let ends = self.loops.iter().enumerate().map(|(index, event_loop)| {
            Box::pin(async move {
                event_loop.ended().await;
                index
            })
        });
        select_all(ends).await.0
    }

    /// Makes an event loop stand still as by a call that blocks.
    #[cfg(test)]
    pub fn stall(&self, index: usize, time: Duration) {
        self.loops[index].stall(time);
    }

    /// Makes an event loop fail as by a bug in it.
    #[cfg(test)]
    pub fn crash(&self, index: usize) {
        self.loops[index].panic();
    }

    /// Starts an event loop anew: the connections that wait for it are in its sockets still.
    ///
    /// # Errors
    /// As of [`Self::serve`].
    pub fn restart(&mut self, index: usize) -> io::Result<()> {
        tracing::error!(
            event_loop = index,
            "an event loop has failed, and its connections with it; it is started anew: this is a bug of \
             rproxy, please report the lines above"
        );
        let started = self.start_loop(index)?;
        if let Some(event_loop) = self.loops.get_mut(index) {
            // That it panicked is known.
            let _ = std::mem::replace(event_loop, started).join();
        }
        self.watch_loops();
        Ok(())
    }

    /// All listening sockets, for a process that takes over.
    ///
    /// # Errors
    /// When no descriptor is left.
    pub fn parcels(&self) -> io::Result<Vec<Parcel>> {
        let mut parcels = self.doors.parcels()?;
        parcels.extend(self.console.as_ref().map(Console::parcel).transpose()?.flatten());
        parcels.extend(self.inheritance.parcels()?);
        Ok(parcels)
    }

    /// Tells the former process, if there is one, that this one serves, and returns when it has let go. Closes
    /// what was passed and is not wanted.
    pub async fn take_over(&mut self) {
        self.inheritance.ready().await;
        self.inheritance.drop_the_rest();
    }

    /// How many event loops there are.
    pub fn event_loops(&self) -> usize {
        self.loops.len()
    }

    /// What returns when every event loop there is now has turned once more, whatever else is done meanwhile.
    pub fn beat(&self) -> impl AsyncFn() + use<> {
        let beats: Vec<_> = self.loops.iter().map(EventLoop::beat).collect();
        async move || drop(join_all(beats.iter().map(Beat::turn)).await)
    }

    /// What the status page says of the configuration.
    #[cfg(test)]
    pub fn status(&self) -> ConfigurationStatus {
        self.force.borrow().status
    }

    /// Takes no more connections; returns when the requests in flight have ended or their grace is over.
    /// Dropped, it goes on in the event loops.
    pub async fn drain(&mut self, phase: Phase) {
        self.checks.stop();
        self.pulses.clear();
        if matches!(phase, Phase::HandingOver(_)) {
            // The other process shows the page.
            self.console = None;
        } else {
            self.remove_files();
        }
        // The loops' own sockets are to be the last, whose queues they serve.
        drop(std::mem::take(&mut self.doors));
        self.phase.send_replace(phase);
        self.phase.closed().await;
    }

    /// Ends the event loops now.
    pub async fn stop(&self) {
        self.phase.send_replace(Phase::Stopping);
        self.phase.closed().await;
    }

    /// Waits for the threads, and takes away what lies about on disk.
    ///
    /// # Errors
    /// When an event loop panicked.
    pub fn end(mut self) -> io::Result<()> {
        self.floods.tell_all(Instant::now());
        let joined: Vec<_> = std::mem::take(&mut self.loops).into_iter().map(EventLoop::join).collect();
        self.remove_files();
        self.end_console();
        joined.into_iter().collect::<Result<(), _>>().map_err(io::Error::other)
    }
}
