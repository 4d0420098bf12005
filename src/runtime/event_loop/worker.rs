//! What lives in an event loop's thread, from one configuration to the next.

use std::collections::BTreeMap;
use std::io;
use std::rc::Rc;
use std::sync::Arc;

use super::{Door, Order};
use crate::net::{ListenAddr, Listener};
use crate::observe::{AccessLog, Lines, Shard};
use crate::runtime::front::Front;
use crate::runtime::{Snapshot, Stack};
use crate::server::{Server, Serving, Settings};
use crate::tls::Acceptor;
use crate::upstream::Pool;

#[derive(Debug)]
pub(super) struct Worker {
    server: Server,
    lines: Lines,
    counts: Arc<Shard>,
    /// Connections to servers outlast the configuration that made them.
    pool: Rc<Pool>,
    open: BTreeMap<ListenAddr, (Serving, Front)>,
    prepared: Option<Prepared>,
}

/// A configuration that is ready to be served.
#[derive(Debug)]
struct Prepared {
    snapshot: Arc<Snapshot>,
    stack: Stack,
    listeners: Vec<Listening>,
}

/// A socket that the loop has taken.
#[derive(Debug)]
struct Listening {
    configured: ListenAddr,
    listener: Listener,
    settings: Settings,
    tls: Option<Arc<Acceptor>>,
}

impl Worker {
    pub fn open(doors: Vec<Door>, snapshot: &Arc<Snapshot>, log: &AccessLog) -> io::Result<Self> {
        let counts = snapshot.counts();
        let mut worker = Self {
            server: Server::new(Arc::clone(&counts), Arc::clone(snapshot.room())),
            lines: log.lines(),
            counts,
            pool: Pool::new(),
            open: BTreeMap::new(),
            prepared: None,
        };
        worker.prepare(Arc::clone(snapshot), doors)?;
        worker.commit();
        Ok(worker)
    }

    pub fn obey(&mut self, order: Order) {
        match order {
            // Whoever does not wait for an answer any more has given the reload up.
            Order::Prepare { snapshot, doors, done } => drop(done.send(self.prepare(snapshot, doors))),
            Order::Commit { done } => {
                self.commit();
                let _ = done.send(());
            }
            Order::Abort => self.prepared = None,
            Order::Beat { done } => _ = done.send(()),
            #[cfg(test)]
            Order::Panic => panic!("as told"),
            #[cfg(test)]
            #[expect(clippy::disallowed_methods, reason = "it is to block")]
            Order::Stall(time) => std::thread::sleep(time),
        }
    }

    /// Takes no more connections; those there are end with their present answer.
    pub fn drain(&mut self) {
        self.close();
        self.server.drain();
    }

    /// Takes no more connections; those there are end with their next answer.
    pub fn hand_over(&mut self) {
        self.close();
        self.server.drain_gently();
    }

    pub async fn ended(&self) {
        self.server.ended().await;
    }

    fn prepare(&mut self, snapshot: Arc<Snapshot>, doors: Vec<Door>) -> io::Result<()> {
        self.prepared = None;
        let listeners = doors.into_iter().map(|door| {
            let listener = Listener::adopt(&door.configured, door.sockets)?;
            Ok(Listening { configured: door.configured, listener, settings: door.settings, tls: door.tls })
        });
        let listeners = listeners.collect::<io::Result<_>>()?;
        let stack = snapshot.stack(self.lines.clone(), Arc::clone(&self.counts), &self.pool);
        self.prepared = Some(Prepared { snapshot, stack, listeners });
        Ok(())
    }

    fn commit(&mut self) {
        let Some(Prepared { snapshot, stack, listeners }) = self.prepared.take() else { return };
        self.open.retain(|addr, (serving, front)| {
            let settings = snapshot.first_settings(addr);
            match settings {
                Some(settings) => {
                    serving.set(settings, snapshot.acceptor(addr));
                    front.set(stack.clone());
                }
                // Its connections keep the configuration that they came by.
                None => serving.retire(),
            }
            settings.is_some()
        });
        for Listening { configured, listener, settings, tls } in listeners {
            let front = Front::new(stack.clone());
            let serving = self.server.listen(listener, configured.clone(), front.clone(), settings, tls);
            self.open.insert(configured, (serving, front));
        }
    }

    fn close(&mut self) {
        self.prepared = None;
        for (serving, _) in std::mem::take(&mut self.open).into_values() {
            serving.stop();
        }
    }
}
