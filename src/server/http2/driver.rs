//! One connection's task: read, answer, write, and rest as long as there is nothing to do.

use std::convert::Infallible;
use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use bytes::Bytes;
use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use h2::server::SendResponse;
use h2::{Reason, RecvStream};
use tower::Service;

use super::link::{Link, Wire};
use super::opening::Opening;
use super::request::LastAuthority;
use super::rest::Rest;
use super::settings;
use super::stream::Begun;
use crate::http::{Connection, Response};
use crate::server::connection::Shared;
use crate::server::io::Io;
use crate::server::{Incoming, refusal};

/// Serves a connection whose client speaks HTTP/2, until either side ends it.
pub(in crate::server) async fn serve<S>(io: Rc<Io>, facts: Rc<Connection>, shared: Rc<Shared<S>>)
where
    S: Service<Incoming, Response = Response, Error = Infallible> + Clone + 'static,
{
    let link = Link::new(Rc::clone(&io));
    let mut is_faulty = false;
    if let Some(connection) = begin(&link, shared.settings.get().header).await {
        let mut driver = Driver {
            rest: Rest::new(&link),
            link: Rc::clone(&link),
            facts,
            shared: Rc::clone(&shared),
            connection,
            exchanges: FuturesUnordered::new(),
            last: LastAuthority::default(),
            ending: Ending::No,
            is_faulty: false,
        };
        poll_fn(|cx| driver.poll(cx)).await;
        is_faulty = driver.is_faulty;
    }
    if io.leave_idle() {
        shared.connections.room().left();
    }
    if is_faulty {
        // What is still on its way from the client would turn our close into a reset, and have it lose what
        // it was told.
        refusal::linger(io).await;
    }
}

type H2 = h2::server::Connection<Wire, Bytes>;

/// Exchanges the settings; `None` when that does not come about in time.
async fn begin(link: &Rc<Link>, limit: Duration) -> Option<H2> {
    let mut handshake = pin!(settings().handshake(Wire(Rc::clone(link))));
    link.io.read_limit.borrow_mut().set(limit);
    poll_fn(|cx| {
        link.begin(cx);
        let connection = handshake.as_mut().poll(cx);
        if matches!(link.poll_send(cx), Poll::Ready(Err(_))) {
            return Poll::Ready(None);
        }
        match connection {
            Poll::Ready(connection) => Poll::Ready(connection.ok()),
            Poll::Pending => link.io.read_limit.borrow_mut().poll(cx).map(|()| None),
        }
    })
    .await
}

/// How a connection is on its way to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ending {
    No,
    /// The client has been told to open no more streams.
    AfterStreams,
    /// It has been told that this is the end.
    Now,
}

struct Driver<S> {
    link: Rc<Link>,
    facts: Rc<Connection>,
    shared: Rc<Shared<S>>,
    connection: H2,
    exchanges: FuturesUnordered<Pin<Box<dyn Future<Output = ()>>>>,
    last: LastAuthority,
    rest: Rest,
    ending: Ending,
    /// It ends since the client does not speak as it should.
    is_faulty: bool,
}

impl<S> Driver<S>
where
    S: Service<Incoming, Response = Response, Error = Infallible> + Clone + 'static,
{
    /// One turn. Ready when the connection is over.
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        self.link.begin(cx);
        // h2 wakes its task for every frame it is handed. In this turn it is asked again in any case.
        if self.accept(Waker::noop(), cx.waker()) {
            return Poll::Ready(());
        }
        while let Poll::Ready(Some(())) = self.exchanges.poll_next_unpin(cx) {}
        self.link.look_again();
        if self.accept(cx.waker(), cx.waker()) || self.is_ending(cx) && self.accept(cx.waker(), cx.waker()) {
            return Poll::Ready(());
        }
        if matches!(self.link.poll_send(cx), Poll::Ready(Err(_))) {
            return Poll::Ready(());
        }
        if self.link.goes_on() {
            // Others have their turn before the next.
            cx.waker().wake_by_ref();
        }
        self.rest.poll_stalled(self.shared.settings.get().send, cx)
    }

    /// Takes what has come, and has what was sent put together. True when the connection is over.
    fn accept(&mut self, codec: &Waker, own: &Waker) -> bool {
        loop {
            match self.connection.poll_accept(&mut Context::from_waker(codec)) {
                Poll::Ready(Some(Ok((request, respond)))) => self.take(request, respond, own),
                Poll::Ready(Some(Err(error))) => {
                    let reason = error.reason().filter(|_| error.is_library());
                    self.tell(reason.unwrap_or(Reason::NO_ERROR));
                    return true;
                }
                Poll::Ready(None) => return true,
                Poll::Pending => return false,
            }
        }
    }

    /// A request that is answered from memory is over with this call.
    fn take(&mut self, request: ::http::Request<RecvStream>, respond: SendResponse<Bytes>, waker: &Waker) {
        self.rest.work(self.shared.connections.room());
        let settings = self.shared.settings.get();
        let opening = Opening { link: &self.link, facts: &self.facts, settings };
        let (exchange, incoming) = opening.read(request, respond, &mut self.last);
        let mut call = Box::pin(self.shared.service.clone().call(incoming));
        match call.as_mut().poll(&mut Context::from_waker(waker)) {
            Poll::Ready(Ok(response)) => {
                if let Begun::Rest(rest) = exchange.answer(response) {
                    self.exchanges.push(rest);
                }
            }
            Poll::Ready(Err(never)) => match never {},
            Poll::Pending => self.exchanges.push(Box::pin(exchange.run(call))),
        }
        self.end_after_streams();
    }

    /// Has the client open no more streams, if these are to be the last of the connection.
    fn end_after_streams(&mut self) -> bool {
        let due = self.ending == Ending::No && self.shared.is_last();
        if due {
            self.ending = Ending::AfterStreams;
            self.connection.graceful_shutdown();
        }
        due
    }

    /// Whether h2 has been told of an end just now.
    fn is_ending(&mut self, cx: &mut Context<'_>) -> bool {
        let reason = if self.ending == Ending::Now {
            return false;
        } else if let Some(reason) = self.link.refused() {
            self.tell(reason);
            reason
        } else if !self.exchanges.is_empty() {
            return self.end_after_streams();
        } else if self.connection.has_streams() {
            // All of it is handed over, and only the client's windows hold it back.
            let send = self.shared.settings.get().send;
            if self.rest.poll_held(send, cx).is_pending() {
                return self.end_after_streams();
            }
            Reason::ENHANCE_YOUR_CALM
        } else {
            let last = self.ending == Ending::AfterStreams;
            if self.rest.poll_idle(&self.shared, last, cx).is_pending() {
                return false;
            }
            Reason::NO_ERROR
        };
        self.ending = Ending::Now;
        // It tells the client which streams were the last. What it has sent since, it may send again elsewhere.
        self.connection.abrupt_shutdown(reason);
        true
    }

    /// Faulty frames are as little news as other garbage; floods are.
    fn tell(&mut self, reason: Reason) {
        self.is_faulty = true;
        if reason == Reason::ENHANCE_YOUR_CALM {
            self.shared.connections.room().tell_flooded(&self.facts.peer);
        }
        tracing::debug!(client = %self.facts.peer, "HTTP/2 connection ended: {reason}");
    }
}
