//! Listening sockets: bound before anything is served, so that failure is early and whole.

use std::io;
use std::net::{Ipv6Addr, SocketAddr, SocketAddrV6};
use std::path::Path;

use socket2::{Domain, Protocol, Socket, Type};
use tokio::net::{TcpListener, TcpStream, UnixListener};

use super::socket_file::{self, SocketAccess};
use super::{ClientAddr, ListenAddr, Stream};

/// How many connections the kernel may hold for us, capped by `net.core.somaxconn`.
const BACKLOG: i32 = 4096;

/// Bytes that the kernel takes from us beyond what it can send (`TCP_NOTSENT_LOWAT`, tcp(7)).
///
/// Without it the kernel takes megabytes for a slow client, and tells of room only when a third of that is
/// gone: one that reads 10 KiB a second would look as if it stood still for minutes. Clients that turn out
/// fast are let off ([`Stream::take_any_amount`]).
const UNSENT_MAX: u32 = 256 * 1024;

/// Bound and listening sockets for one configured address, one for each event loop.
///
/// They are kept here as well as in the loops, for a loop that has to be started anew, or for another process
/// that takes over. A socket is closed when both have let it go.
#[derive(Debug)]
pub struct Bound {
    pub configured: ListenAddr,
    /// The address with the real port, when port 0 was asked for.
    pub actual: ListenAddr,
    sockets: Vec<Socket>,
}

impl Bound {
    /// Binds `addr` for one reader, and not for everybody: a Unix socket is for its user and group alone.
    ///
    /// # Errors
    /// As of [`Self::new`].
    pub fn private(addr: &ListenAddr) -> io::Result<Self> {
        match addr {
            ListenAddr::Unix(path) => Self::unix(addr, path, 1, SocketAccess::PRIVATE),
            ListenAddr::Tcp(_) | ListenAddr::Any(_) => Self::new(addr, 1),
        }
    }

    /// Binds `addr` once per event loop.
    ///
    /// TCP sockets share the port by `SO_REUSEPORT`, so that the kernel spreads connections and no loop
    /// waits for another. Unix sockets know no such thing: the loops share one queue.
    ///
    /// # Errors
    /// What `bind(2)` and `listen(2)` say; `AddrInUse` also when another process of the same user
    /// listens with `SO_REUSEPORT`, which the kernel alone would allow silently.
    pub fn new(addr: &ListenAddr, loops: usize) -> io::Result<Self> {
        Self::open(addr, loops, true)
    }

    fn open(addr: &ListenAddr, loops: usize, alone: bool) -> io::Result<Self> {
        match addr {
            ListenAddr::Unix(path) => Self::unix(addr, path, loops, SocketAccess::EVERYBODY),
            ListenAddr::Tcp(at) => Self::tcp(addr, *at, at.is_ipv6(), loops, alone),
            ListenAddr::Any(port) if ipv6_exists() => {
                let at = SocketAddrV6::new(Ipv6Addr::UNSPECIFIED, *port, 0, 0);
                Self::tcp(addr, at.into(), false, loops, alone)
            }
            ListenAddr::Any(port) => Self::tcp(addr, ([0, 0, 0, 0], *port).into(), false, loops, alone),
        }
    }

    fn tcp(
        configured: &ListenAddr,
        at: SocketAddr,
        only_v6: bool,
        loops: usize,
        alone: bool,
    ) -> io::Result<Self> {
        if alone {
            // A first socket without SO_REUSEPORT meets whoever holds the port already.
            drop(tcp_socket(at, only_v6, false)?);
        }
        let first = tcp_socket(at, only_v6, true)?;
        let real = first.local_addr()?.as_socket().unwrap_or(at);
        let mut sockets = vec![first];
        for _ in 1..loops {
            sockets.push(tcp_socket(real, only_v6, true)?);
        }
        let actual = match configured {
            ListenAddr::Any(_) => ListenAddr::Any(real.port()),
            ListenAddr::Tcp(_) | ListenAddr::Unix(_) => ListenAddr::Tcp(real),
        };
        Ok(Self { configured: configured.clone(), actual, sockets })
    }

    /// A Unix socket that these may connect to.
    ///
    /// # Errors
    /// As of [`Self::new`].
    pub fn unix(
        configured: &ListenAddr,
        path: &Path,
        loops: usize,
        access: SocketAccess,
    ) -> io::Result<Self> {
        let first = socket_file::listen(path, access, BACKLOG)?;
        first.set_nonblocking(true)?;
        let mut sockets = vec![first];
        for _ in 1..loops {
            let clone =
                sockets.first().map_or_else(|| Err(io::ErrorKind::NotFound.into()), Socket::try_clone)?;
            sockets.push(clone);
        }
        Ok(Self { configured: configured.clone(), actual: configured.clone(), sockets })
    }

    /// Binds `addr` although this process holds the same port by another address, which the look for other
    /// processes would take for one.
    ///
    /// # Errors
    /// What `bind(2)` and `listen(2)` say.
    pub fn beside(addr: &ListenAddr, loops: usize) -> io::Result<Self> {
        Self::open(addr, loops, false)
    }

    /// A duplicate of one event loop's socket.
    ///
    /// # Errors
    /// When no descriptor is left.
    pub fn socket(&self, index: usize) -> io::Result<Socket> {
        let socket = self.sockets.get(index).or(self.sockets.first());
        socket.map_or_else(|| Err(io::ErrorKind::NotFound.into()), Socket::try_clone)
    }
}

/// A listening socket inside an event loop.
#[derive(Debug)]
pub enum Listener {
    Tcp(TcpListener),
    Unix(UnixListener),
}

impl Listener {
    /// Registers a bound socket with the running event loop.
    pub fn adopt(addr: &ListenAddr, socket: Socket) -> io::Result<Self> {
        match addr {
            ListenAddr::Unix(_) => UnixListener::from_std(socket.into()).map(Self::Unix),
            ListenAddr::Tcp(_) | ListenAddr::Any(_) => TcpListener::from_std(socket.into()).map(Self::Tcp),
        }
    }

    /// The next connection, with our own address as the client reached it.
    pub async fn accept(&self) -> io::Result<(Stream, ClientAddr, Option<SocketAddr>)> {
        match self {
            Self::Tcp(listener) => {
                let (stream, peer) = listener.accept().await?;
                prepare(&stream)?;
                let local = stream.local_addr().ok();
                Ok((Stream::Tcp(stream), ClientAddr::Tcp(peer), local))
            }
            Self::Unix(listener) => {
                let (stream, _) = listener.accept().await?;
                Ok((Stream::Unix(stream), ClientAddr::Unix, None))
            }
        }
    }
}

/// Without this the last packet of a small answer waits for the acknowledgement of the one before.
fn prepare(stream: &TcpStream) -> io::Result<()> {
    stream.set_nodelay(true)
}

fn tcp_socket(at: SocketAddr, only_v6: bool, share_port: bool) -> io::Result<Socket> {
    let socket = Socket::new(Domain::for_address(at), Type::STREAM, Some(Protocol::TCP))?;
    if at.is_ipv6() {
        socket.set_only_v6(only_v6)?;
    }
    socket.set_reuse_address(true)?;
    if share_port {
        socket.set_reuse_port(true)?;
    }
    // Connections inherit it, at no cost of a call for each.
    socket.set_tcp_notsent_lowat(UNSENT_MAX)?;
    socket.bind(&at.into())?;
    if share_port {
        socket.listen(BACKLOG)?;
        socket.set_nonblocking(true)?;
    }
    Ok(socket)
}

fn ipv6_exists() -> bool {
    Socket::new(Domain::IPV6, Type::STREAM, Some(Protocol::TCP)).is_ok()
}
