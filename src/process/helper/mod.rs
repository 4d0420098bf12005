//! The helper process: it has the privileges that pools need, forks, and waits for what it forked.
//!
//! It does as it is told by the main process ([`Order`]) and tells what becomes of it ([`News`]). A [`Pool`]
//! has a [`generation`] that serves and others beside it; each start of a generation is one process
//! [`group`], so that a stop reaches the workers as well as their master. When the main process is gone, even
//! by SIGKILL, all pools end in order, and the helper with them.

mod generation;
mod group;
mod nursery;
mod orphans;
mod output;
mod place;
mod pool;
mod ready;
mod reporter;

use std::collections::BTreeMap;
use std::future::pending;
use std::io;
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream as StdStream;
use std::time::Duration;

use rustix::process::{getpid, set_child_subreaper};
use rustix::thread::set_name;
use tokio::net::UnixStream;
use tokio::runtime::{Builder, LocalOptions};
use tokio::sync::mpsc;

use super::ProcessSpec;
use super::channel::{self, Incoming};
use super::protocol::{Level, News, Order};
use crate::signals::Signals;
use generation::Event;
use nursery::Nursery;
use pool::Pool;
use reporter::Reporter;

/// Supervises pools as the process at the other end of stdin says, until that is gone.
///
/// # Errors
/// When stdin is no socket, or the kernel refuses what a helper needs.
pub fn supervise() -> io::Result<()> {
    let stream = StdStream::from(io::stdin().as_fd().try_clone_to_owned()?);
    stream.set_nonblocking(true)?;
    // What `ps` shows; the name of the program itself is that of /proc/self/exe.
    set_name(c"rproxy-pools")?;
    // Orphans of an app become children of ours, so that we see their end.
    set_child_subreaper(Some(getpid()))?;
    Builder::new_current_thread().enable_all().build_local(LocalOptions::default())?.block_on(async {
        // The main process decides: what a terminal or a service manager sends to all processes is not for
        // the helper. Handled signals are, unlike ignored ones, back to normal in its children.
        let _handled = Signals::new()?;
        run(UnixStream::from_std(stream)?).await;
        Ok(())
    })
}

async fn run(stream: UnixStream) {
    let (mut orders, outgoing) = channel::open::<Order, News>(stream);
    let (reporter, news) = Reporter::new();
    let reaping = tokio::spawn(orphans::reap());
    let passing_on = tokio::spawn(reporter::pass_on(news, outgoing));
    let (nursery, events) = Nursery::new(reporter);
    let mut helper = Helper { pools: BTreeMap::new(), nursery };
    let at_most = helper.serve(&mut orders, events).await;
    helper.stop(at_most, &mut orders).await;
    reaping.abort();
    drop(helper);
    // The last news.
    let _ = passing_on.await;
}

#[derive(Debug)]
struct Helper {
    pools: BTreeMap<String, Pool>,
    nursery: Nursery,
}

impl Helper {
    /// Returns when it is to stop, and how long that may take at most.
    async fn serve(
        &mut self,
        orders: &mut Incoming<Order>,
        mut events: mpsc::UnboundedReceiver<Event>,
    ) -> Duration {
        loop {
            tokio::select! {
                order = orders.next() => match order {
                    Ok(Some(Order::Stop { at_most })) => return at_most,
                    Ok(Some(order)) => self.obey(order).await,
                    Ok(None) => return self.abandoned("rproxy is gone").await,
                    Err(error) => return self.abandoned(&format!("rproxy is not understood ({error})")).await,
                },
                Some(event) = events.recv() => {
                    if let Some(pool) = self.pools.get_mut(&event.name) {
                        pool.note(event, &mut self.nursery).await;
                    }
                }
            }
            self.pools.retain(|_, pool| !pool.is_over());
            self.nursery.tidy();
        }
    }

    async fn obey(&mut self, order: Order) {
        match order {
            Order::Sweep { groups } => {
                for group in groups {
                    group::sweep(group).await;
                }
            }
            Order::Want { pools, last } => {
                self.nursery.count_from(last);
                self.want(pools).await;
            }
            Order::Restart { name, ticket } => {
                if let Some(pool) = self.pools.get_mut(&name) {
                    pool.replace(Some(ticket), &mut self.nursery).await;
                }
            }
            Order::Retire { name, generation } => {
                if let Some(pool) = self.pools.get_mut(&name) {
                    pool.retire(generation);
                }
            }
            // The end of `serve`.
            Order::Stop { .. } => {}
        }
    }

    async fn want(&mut self, specs: Vec<ProcessSpec>) {
        for (name, pool) in &mut self.pools {
            if !specs.iter().any(|spec| spec.name == *name) {
                pool.remove();
            }
        }
        for spec in specs {
            let pool = self.pools.entry(spec.name.clone()).or_insert_with(|| Pool::new(&spec.name));
            pool.want(spec, &mut self.nursery).await;
        }
    }

    async fn abandoned(&self, why: &str) -> Duration {
        self.nursery.reporter.say(Level::Warn, "pools", format!("{why}: ending them")).await;
        Duration::MAX
    }

    /// Ends everything; another order to stop may leave less time for that.
    async fn stop(&mut self, mut at_most: Duration, orders: &mut Incoming<Order>) {
        loop {
            self.pools.values_mut().for_each(|pool| pool.stop(at_most));
            tokio::select! {
                () = self.nursery.wait() => break,
                shorter = another_stop(orders) => at_most = shorter,
            }
        }
        // Links to sockets that are gone.
        self.pools.values().for_each(Pool::unlink);
    }
}

async fn another_stop(orders: &mut Incoming<Order>) -> Duration {
    loop {
        match orders.next().await {
            Ok(Some(Order::Stop { at_most })) => return at_most,
            Ok(Some(_)) => {}
            // Who has gone wants nothing else.
            Ok(None) | Err(_) => pending().await,
        }
    }
}
