//! The accept loops of one event loop.

use std::cell::{Cell, RefCell};
use std::convert::Infallible;
use std::fs::File;
use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::FutureExt;
use tokio::sync::Notify;
use tower::Service;

use super::connection::{self, Shared};
use super::drain::{Accepting, Connections};
use super::io::Io;
use super::room::{Place, Room};
use super::secure::{self, Agreed, Complaints, Current};
use super::{Incoming, Settings, refusal};
use crate::http::{Connection, Response};
use crate::net::{ClientAddr, ListenAddr, Listener};
use crate::observe::Shard;
use crate::tls::Acceptor;

/// How long accepting rests when descriptors have run out.
const OUT_OF_FILES: Duration = Duration::from_millis(100);
/// How long other event loops have to end idle connections before a new one is refused, so many times.
const MAKE_ROOM: Duration = Duration::from_millis(10);
const LOOKS: u32 = 8;
/// When they had none, nobody asks them again for so long.
const HOPELESS: Duration = Duration::from_millis(100);
/// Refused connections of a listener that wait for their clients to read why.
const LINGERING: usize = 64;

/// Connections of one event loop, and the way to end them gracefully.
pub struct Server {
    connections: Rc<Connections>,
}

/// A listener that is being served. Dropping the handle changes nothing.
#[derive(Debug)]
pub struct Serving {
    settings: Rc<Cell<Settings>>,
    tls: Current,
    retired: Rc<Cell<bool>>,
    stop: Rc<Notify>,
}

impl std::fmt::Debug for Server {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Server").finish_non_exhaustive()
    }
}

impl Server {
    /// Counts its connections there, and takes no more than there is room for.
    pub fn new(counts: Arc<Shard>, room: Arc<Room>) -> Self {
        Self { connections: Rc::new(Connections::new(counts, room)) }
    }

    /// Starts accepting in a task of the running event loop.
    pub fn listen<S>(
        &self,
        listener: Listener,
        configured: ListenAddr,
        service: S,
        settings: Settings,
        tls: Option<Arc<Acceptor>>,
    ) -> Serving
    where
        S: Service<Incoming, Response = Response, Error = Infallible> + Clone + 'static,
    {
        let serving = Serving {
            settings: Rc::new(Cell::new(settings)),
            tls: Rc::new(RefCell::new(tls)),
            retired: Rc::default(),
            stop: Rc::new(Notify::new()),
        };
        let shared = Shared {
            service,
            settings: Rc::clone(&serving.settings),
            connections: Rc::clone(&self.connections),
            retired: Rc::clone(&serving.retired),
        };
        let accept = Accept {
            listener,
            configured: Rc::new(configured),
            shared: Rc::new(shared),
            tls: Rc::clone(&serving.tls),
            complaints: Rc::default(),
            reserve: reserve(),
            lingering: Rc::default(),
            in_vain: None,
        };
        tokio::task::spawn_local(accept.run(Rc::clone(&serving.stop), self.connections.accept()));
        serving
    }

    /// Lets idle connections end now, and busy ones with their present answer.
    pub fn drain(&self) {
        self.connections.drain();
    }

    /// Lets each connection end with its next answer: somebody else listens where its client would come back.
    pub fn drain_gently(&self) {
        self.connections.drain_gently();
    }

    /// Ready when every connection has ended.
    pub async fn ended(&self) {
        self.connections.ended().await;
    }
}

impl Serving {
    /// What holds from the next request on, and from the next connection on.
    pub fn set(&self, settings: Settings, tls: Option<Arc<Acceptor>>) {
        self.settings.set(settings);
        self.tls.replace(tls);
    }

    /// Stops accepting and closes the socket; connections go on.
    pub fn stop(&self) {
        self.stop.notify_one();
    }

    /// Stops accepting for good: each connection has one more answer.
    pub fn retire(&self) {
        self.retired.set(true);
        self.stop();
    }
}

struct Accept<S> {
    listener: Listener,
    configured: Rc<ListenAddr>,
    shared: Rc<Shared<S>>,
    tls: Current,
    complaints: Rc<Complaints>,
    /// A descriptor to let go of when there are no others, so that somebody can be told.
    reserve: Option<File>,
    /// Refused connections that are about to end hold a clone each.
    lingering: Rc<()>,
    /// When nobody made room.
    in_vain: Option<Instant>,
}

impl<S> Accept<S>
where
    S: Service<Incoming, Response = Response, Error = Infallible> + Clone + 'static,
{
    async fn run(mut self, stop: Rc<Notify>, _counted: Accepting) {
        let connections = Rc::clone(&self.shared.connections);
        let mut plea = pin!(connections.room().pleas());
        loop {
            tokio::select! {
                biased;
                () = stop.notified() => break,
                () = &mut plea => {
                    plea.set(connections.room().pleas());
                    connections.end_idle(usize::MAX);
                }
                accepted = self.listener.accept() => self.take(accepted).await,
            }
        }
        self.empty_queue();
    }

    /// Connections that the kernel has completed for us are lost with the socket: serve them first.
    fn empty_queue(&self) {
        while let Some(accepted) = self.listener.accept_now() {
            match self.shared.connections.room().enter() {
                Some(place) => self.serve(accepted, place),
                None => self.refuse(accepted),
            }
        }
    }

    async fn take(&mut self, accepted: io::Result<Accepted>) {
        match accepted {
            Ok(accepted) => self.admit(accepted).await,
            Err(error) if is_exhausted(&error) => self.go_without(&error).await,
            // The client left between its handshake and our call (accept(2), "Error handling").
            Err(error) => tracing::debug!(listener = %self.configured, "accept: {error}"),
        }
    }

    /// Idle connections make room for new ones, in this event loop or else in another.
    async fn admit(&mut self, accepted: Accepted) {
        let connections = Rc::clone(&self.shared.connections);
        let room = connections.room();
        let excess = room.excess();
        let ended = if excess > 0 { connections.end_idle(excess) } else { 0 };
        let mut place = room.enter();
        if place.is_none() {
            place = self.make_room(ended > 0).await;
        }
        match place {
            Some(place) => self.serve(accepted, place),
            None => self.refuse(accepted),
        }
    }

    /// Waits for those who were asked to leave, here or in another event loop. When nobody did lately, it does
    /// not keep the next one waiting as well.
    async fn make_room(&mut self, is_asked_here: bool) -> Option<Place> {
        let connections = Rc::clone(&self.shared.connections);
        let room = connections.room();
        if is_asked_here {
            tokio::task::yield_now().await;
            return room.enter();
        }
        if self.in_vain.is_some_and(|at| at.elapsed() < HOPELESS) {
            return None;
        }
        for _ in 0..LOOKS {
            room.plead();
            tokio::time::sleep(MAKE_ROOM).await;
            // Those that came a moment ago had not begun to wait then.
            if room.excess() > 0 && connections.end_idle(room.excess()) > 0 {
                tokio::task::yield_now().await;
            }
            if let Some(place) = room.enter() {
                return Some(place);
            }
        }
        self.in_vain = Some(Instant::now());
        None
    }

    fn refuse(&self, (stream, ..): Accepted) {
        let connections = &self.shared.connections;
        connections.counts().refused();
        connections.room().tell_refused();
        if self.tls.borrow().is_some() {
            // Nobody could read an answer, and agreeing on keys first would be work.
            return;
        }
        refusal::answer(&stream);
        let most = (connections.room().most() / 8).clamp(1, LINGERING);
        if Rc::strong_count(&self.lingering) > most {
            return refusal::part(&stream);
        }
        let counted = Rc::clone(&self.lingering);
        tokio::task::spawn_local(async move {
            refusal::linger(Io::new(stream)).await;
            drop(counted);
        });
    }

    /// The kernel has no descriptor or no memory for another connection. Those who wait are told so one by one,
    /// as far as the descriptor in reserve goes.
    async fn go_without(&mut self, error: &io::Error) {
        let connections = Rc::clone(&self.shared.connections);
        connections.room().tell_exhausted(error);
        if connections.end_idle(usize::MAX) > 0 {
            return tokio::task::yield_now().await;
        }
        let refused = self.reserve.take().and_then(|reserve| {
            drop(reserve);
            self.listener.accept().now_or_never()?.ok()
        });
        if let Some((stream, ..)) = &refused {
            connections.counts().refused();
            if self.tls.borrow().is_none() {
                refusal::answer(stream);
                refusal::part(stream);
            }
        }
        let is_refused = refused.is_some();
        drop(refused);
        self.reserve = reserve();
        if !is_refused || self.reserve.is_none() {
            tokio::time::sleep(OUT_OF_FILES).await;
        }
    }

    fn serve(&self, (stream, peer, local): Accepted, place: Place) {
        let arrived = Arrived {
            peer,
            local,
            listener: Rc::clone(&self.configured),
            shared: Rc::clone(&self.shared),
            place,
        };
        let Some(acceptor) = self.tls.borrow().clone() else { return arrived.speak(Agreed::plain(stream)) };
        let complaints = Rc::clone(&self.complaints);
        let limit = self.shared.settings.get().handshake;
        // Whoever waits for the end of all connections waits for this one, which is not one yet.
        let connections = Rc::clone(&self.shared.connections);
        let arriving = connections.arrive();
        tokio::task::spawn_local(async move {
            let told = (&*complaints, connections.counts());
            let agreed = tokio::select! {
                biased;
                agreed = secure::agree(stream, local, acceptor, limit, told) => agreed,
                () = arriving.is_unwanted() => None,
            };
            if let Some(agreed) = agreed {
                arrived.speak(agreed);
            }
            drop(arriving);
        });
    }
}

/// A connection of which only the stream is still to be agreed on.
struct Arrived<S> {
    peer: ClientAddr,
    local: Option<SocketAddr>,
    listener: Rc<ListenAddr>,
    shared: Rc<Shared<S>>,
    place: Place,
}

impl<S> Arrived<S>
where
    S: Service<Incoming, Response = Response, Error = Infallible> + Clone + 'static,
{
    fn speak(self, agreed: Agreed) {
        let Self { peer, local, listener, shared, place } = self;
        let Agreed { stream, scheme, secured, application } = agreed;
        let facts = Rc::new(Connection { peer, local, scheme, secured, listener });
        tokio::task::spawn_local(connection::serve(Io::new(stream), facts, shared, place, application));
    }
}

fn reserve() -> Option<File> {
    File::open("/dev/null").ok()
}

type Accepted = (crate::net::Stream, ClientAddr, Option<SocketAddr>);

fn is_exhausted(error: &io::Error) -> bool {
    use rustix::io::Errno;
    let exhausted = [Errno::MFILE, Errno::NFILE, Errno::NOBUFS, Errno::NOMEM];
    error.raw_os_error().is_some_and(|code| exhausted.iter().any(|errno| errno.raw_os_error() == code))
}
