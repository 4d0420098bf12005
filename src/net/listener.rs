//! What an event loop accepts connections from.

use std::future::poll_fn;
use std::io;
use std::net::SocketAddr;
use std::task::{Context, Poll};

use rustix::net::{SocketFlags, accept_with};
use socket2::Socket;
use tokio::net::{TcpListener, TcpStream, UnixListener, UnixStream};

use super::{ClientAddr, ListenAddr, Stream};

/// The listening sockets of one address inside an event loop: one, or several that were taken over from a
/// process with more loops.
#[derive(Debug)]
pub struct Listener {
    sockets: Vec<Registered>,
    /// Whose turn is next: no socket's queue waits for that of another.
    next: usize,
}

#[derive(Debug)]
enum Registered {
    Tcp(TcpListener),
    Unix(UnixListener),
}

/// A connection, who is on its other end, and our own address as the client reached it.
type Accepted = (Stream, ClientAddr, Option<SocketAddr>);

impl Listener {
    /// Registers bound sockets with the running event loop.
    ///
    /// # Errors
    /// When the event loop refuses one.
    pub fn adopt(addr: &ListenAddr, sockets: Vec<Socket>) -> io::Result<Self> {
        let sockets = sockets.into_iter().map(|socket| match addr {
            ListenAddr::Unix(_) => UnixListener::from_std(socket.into()).map(Registered::Unix),
            ListenAddr::Tcp(_) | ListenAddr::Any(_) => {
                TcpListener::from_std(socket.into()).map(Registered::Tcp)
            }
        });
        Ok(Self { sockets: sockets.collect::<io::Result<_>>()?, next: 0 })
    }

    /// Whether its peers have no address.
    pub fn is_unix(&self) -> bool {
        self.sockets.iter().any(|socket| matches!(socket, Registered::Unix(_)))
    }

    /// The next connection. Can be dropped and called again.
    ///
    /// # Errors
    /// What `accept(2)` says.
    pub async fn accept(&mut self) -> io::Result<Accepted> {
        poll_fn(|cx| self.poll_accept(cx)).await
    }

    /// A connection that waits now, by the kernel's word: what is remembered of the event queue may be older.
    pub fn accept_now(&self) -> Option<Accepted> {
        self.sockets.iter().find_map(|socket| socket.accept_now().ok())
    }

    fn poll_accept(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<Accepted>> {
        for _ in 0..self.sockets.len() {
            let turn = self.next % self.sockets.len();
            self.next = turn + 1;
            if let Some(socket) = self.sockets.get(turn)
                && let Poll::Ready(accepted) = socket.poll_accept(cx)
            {
                return Poll::Ready(accepted);
            }
        }
        Poll::Pending
    }
}

impl Registered {
    fn poll_accept(&self, cx: &mut Context<'_>) -> Poll<io::Result<Accepted>> {
        match self {
            Self::Tcp(listener) => listener.poll_accept(cx).map(|accepted| tcp(accepted?)),
            Self::Unix(listener) => listener.poll_accept(cx).map_ok(|(stream, _)| unix(stream)),
        }
    }

    fn accept_now(&self) -> io::Result<Accepted> {
        let flags = SocketFlags::NONBLOCK | SocketFlags::CLOEXEC;
        match self {
            Self::Tcp(listener) => {
                let stream = TcpStream::from_std(accept_with(listener, flags)?.into())?;
                let peer = stream.peer_addr()?;
                tcp((stream, peer))
            }
            Self::Unix(listener) => UnixStream::from_std(accept_with(listener, flags)?.into()).map(unix),
        }
    }
}

fn tcp((stream, peer): (TcpStream, SocketAddr)) -> io::Result<Accepted> {
    // Else the last packet of a small answer waits for the acknowledgement of the one before.
    stream.set_nodelay(true)?;
    let local = stream.local_addr().ok();
    Ok((Stream::Tcp(stream), ClientAddr::Tcp(peer), local))
}

fn unix(stream: UnixStream) -> Accepted {
    (Stream::Unix(stream), ClientAddr::Unix, None)
}
