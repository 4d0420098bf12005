//! Listening sockets: bound before anything is served, so that failure is early and whole.

use std::io;
use std::net::{Ipv6Addr, SocketAddr, SocketAddrV6};
use std::os::fd::OwnedFd;
use std::path::Path;

use socket2::{Domain, Protocol, Socket, Type};

use super::ListenAddr;
use super::socket_file::{self, SocketAccess, claim_socket_file, remove_socket_files};

/// How many connections the kernel may hold for us, capped by `net.core.somaxconn`.
const BACKLOG: i32 = 4096;

/// Bytes that the kernel takes from us beyond what it can send (`TCP_NOTSENT_LOWAT`, tcp(7)).
///
/// Without it the kernel takes megabytes for a slow client, and tells of room only when a third of that is
/// gone: one that reads 10 KiB a second would look as if it stood still for minutes. Clients that turn out
/// fast are let off ([`super::Stream::take_any_amount`]).
const UNSENT_MAX: u32 = 256 * 1024;

/// Bound and listening sockets for one configured address: of TCP one for each event loop.
///
/// They are kept here as well as in the loops, for a loop that has to be started anew, or for another process
/// that takes over. A socket is closed when both have let it go.
#[derive(Debug)]
pub struct Bound {
    pub configured: ListenAddr,
    /// The address with the real port, when port 0 was asked for.
    pub actual: ListenAddr,
    sockets: Vec<Socket>,
    loops: usize,
    origin: Origin,
}

/// Who has made the sockets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Origin {
    Ours,
    /// A former process, which serves until this one does.
    Former,
    /// A service manager, which keeps them.
    Foreign,
}

/// Sockets that were bound before this process was.
#[derive(Debug)]
pub struct Inherited {
    pub sockets: Vec<OwnedFd>,
    /// Somebody else made them, and keeps them.
    pub foreign: bool,
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
        Ok(Self { configured: configured.clone(), actual, sockets, loops, origin: Origin::Ours })
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
        let (configured, actual) = (configured.clone(), configured.clone());
        Ok(Self { configured, actual, sockets: vec![first], loops, origin: Origin::Ours })
    }

    /// Takes over what listens on `addr` already. There may be more sockets than event loops, or fewer.
    ///
    /// # Errors
    /// When one of them is no socket, or not to be set up as ours are.
    pub fn adopt(addr: &ListenAddr, inherited: Inherited, loops: usize) -> io::Result<Self> {
        let Inherited { sockets, foreign } = inherited;
        let sockets: Vec<_> = sockets.into_iter().map(Socket::from).collect();
        for socket in &sockets {
            socket.set_nonblocking(true)?;
            if addr.port().is_some() {
                socket.set_tcp_notsent_lowat(UNSENT_MAX)?;
            }
        }
        let real = sockets.first().map(Socket::local_addr).transpose()?.and_then(|local| local.as_socket());
        let actual = match (addr, real) {
            (ListenAddr::Any(_), Some(real)) => ListenAddr::Any(real.port()),
            (ListenAddr::Tcp(_), Some(real)) => ListenAddr::Tcp(real),
            _ => addr.clone(),
        };
        let origin = if foreign { Origin::Foreign } else { Origin::Former };
        if let ListenAddr::Unix(path) = addr
            && !foreign
        {
            claim_socket_file(path);
        }
        Ok(Self { configured: addr.clone(), actual, sockets, loops, origin })
    }

    /// Binds `addr` although this process holds the same port by another address, which the look for other
    /// processes would take for one.
    ///
    /// # Errors
    /// What `bind(2)` and `listen(2)` say.
    pub fn beside(addr: &ListenAddr, loops: usize) -> io::Result<Self> {
        Self::open(addr, loops, false)
    }

    /// Duplicates for one event loop: each socket is one loop's at least, and each loop has one.
    ///
    /// # Errors
    /// When no descriptor is left.
    pub fn sockets(&self, index: usize) -> io::Result<Vec<Socket>> {
        let own = self.sockets.iter().skip(index).step_by(self.loops.max(1));
        let own = own.map(Socket::try_clone).collect::<io::Result<Vec<_>>>()?;
        if own.is_empty() {
            return self.sockets.iter().cycle().nth(index).map(Socket::try_clone).into_iter().collect();
        }
        Ok(own)
    }

    /// Duplicates of all, for another process.
    ///
    /// # Errors
    /// When no descriptor is left.
    pub fn duplicates(&self) -> io::Result<Vec<OwnedFd>> {
        self.sockets.iter().map(|socket| socket.try_clone().map(OwnedFd::from)).collect()
    }

    /// Whether somebody else has made the sockets, and keeps them.
    pub fn is_foreign(&self) -> bool {
        self.origin == Origin::Foreign
    }

    /// Leaves all as if it had never been there: what a former process has made is still its own.
    pub fn discard(self) {
        if self.origin == Origin::Ours {
            self.remove_file();
        }
    }

    /// Takes the file of a Unix socket away, so that nobody comes any more.
    pub fn remove_file(&self) {
        if !self.is_foreign() {
            remove_socket_files([&self.configured]);
        }
    }
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

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::os::fd::AsFd;

    use tempfile::TempDir;

    use super::*;

    /// The kernel's name of the socket behind a descriptor.
    fn identity(socket: &Socket) -> u64 {
        rustix::fs::fstat(socket.as_fd()).unwrap().st_ino
    }

    fn of_loops(bound: &Bound, loops: usize) -> Vec<Vec<u64>> {
        let sockets = |index| bound.sockets(index).unwrap();
        (0..loops).map(|index| sockets(index).iter().map(identity).collect()).collect()
    }

    fn handed_on(bound: &Bound, loops: usize) -> Bound {
        let inherited = Inherited { sockets: bound.duplicates().unwrap(), foreign: false };
        Bound::adopt(&bound.configured, inherited, loops).unwrap()
    }

    fn loopback() -> ListenAddr {
        "127.0.0.1:0".parse().unwrap()
    }

    #[test]
    fn each_loop_has_a_socket_of_its_own() {
        let each = of_loops(&Bound::new(&loopback(), 4).unwrap(), 4);
        assert!(each.iter().all(|sockets| sockets.len() == 1), "{each:?}");
        assert_eq!(each.iter().flatten().collect::<BTreeSet<_>>().len(), 4);
    }

    #[test]
    fn fewer_loops_take_all_sockets_of_more_and_each_but_once() {
        let bound = Bound::new(&loopback(), 5).unwrap();
        let each = of_loops(&handed_on(&bound, 2), 2);
        assert_eq!(each.iter().map(Vec::len).collect::<Vec<_>>(), [3, 2]);
        assert_eq!(each.iter().flatten().collect::<BTreeSet<_>>().len(), 5);
    }

    #[test]
    fn more_loops_share_the_sockets_of_fewer() {
        let bound = Bound::new(&loopback(), 2).unwrap();
        let each = of_loops(&handed_on(&bound, 5), 5);
        assert!(each.iter().all(|sockets| sockets.len() == 1), "{each:?}");
        assert_eq!(each.iter().flatten().collect::<BTreeSet<_>>().len(), 2);
    }

    #[test]
    fn a_port_that_the_kernel_chose_is_kept() {
        let bound = Bound::new(&loopback(), 1).unwrap();
        let adopted = handed_on(&bound, 1);
        assert_ne!(adopted.actual.port(), Some(0));
        assert_eq!((&adopted.configured, &adopted.actual), (&loopback(), &bound.actual));
    }

    #[test]
    fn a_socket_file_is_removed_by_who_has_it_and_not_if_it_is_another_one() {
        let dir = TempDir::new().unwrap();
        let path = dir.path().join("here.sock");
        let addr = ListenAddr::Unix(path.clone());
        let bound = Bound::new(&addr, 1).unwrap();
        handed_on(&bound, 1).discard();
        assert!(path.exists(), "the former process serves on it");
        std::fs::rename(&path, dir.path().join("kept")).unwrap();
        let other = std::os::unix::net::UnixListener::bind(&path).unwrap();
        bound.remove_file();
        assert!(path.exists(), "another process listens there");
        drop(other);
        std::fs::rename(dir.path().join("kept"), &path).unwrap();
        handed_on(&bound, 1).remove_file();
        assert!(!path.exists());
    }
}
