//! Sockets that a service manager has bound for us (sd_listen_fds(3)).

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::os::fd::OwnedFd;
use std::path::PathBuf;

use listenfd::ListenFd;
use socket2::SockRef;

use super::{Parcel, Purpose};
use crate::net::ListenAddr;

/// One of them.
#[derive(Debug)]
pub(super) struct Activated {
    local: Local,
    socket: OwnedFd,
    claimed: bool,
}

/// Where a socket listens, by the kernel's word.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Local {
    Tcp(SocketAddr),
    Unix(PathBuf),
    /// An abstract name, which no `listen` can ask for.
    Other,
}

/// Takes them, and the environment variables that tell of them. Call it before any thread is started.
///
/// # Errors
/// When one of them is no listening stream socket.
pub(super) fn passed() -> io::Result<Vec<Activated>> {
    let mut passed = ListenFd::from_env();
    (0..passed.len()).map(|index| Activated::new(socket(&mut passed, index)?)).collect()
}

fn socket(passed: &mut ListenFd, index: usize) -> io::Result<OwnedFd> {
    if let Ok(Some(unix)) = passed.take_unix_listener(index) {
        return Ok(unix.into());
    }
    match passed.take_tcp_listener(index) {
        Ok(Some(tcp)) => Ok(tcp.into()),
        _ => Err(io::Error::new(
            io::ErrorKind::InvalidInput,
            format!(
                "descriptor {} of LISTEN_FDS is no stream socket: write ListenStream= in the .socket unit",
                index + 3
            ),
        )),
    }
}

impl Activated {
    /// # Errors
    /// When it is no socket.
    pub fn new(socket: OwnedFd) -> io::Result<Self> {
        // A service manager leaves it open to what we start, where its number is another's.
        rustix::io::fcntl_setfd(&socket, rustix::io::FdFlags::CLOEXEC)?;
        let local = SockRef::from(&socket).local_addr()?;
        let local = match (local.as_socket(), local.as_pathname()) {
            (Some(addr), _) => Local::Tcp(addr),
            (None, Some(path)) => Local::Unix(path.into()),
            (None, None) => Local::Other,
        };
        Ok(Self { local, socket, claimed: false })
    }

    pub fn serves(&self, configured: &ListenAddr) -> bool {
        self.local.serves(configured)
    }

    /// A duplicate for who listens on it.
    ///
    /// # Errors
    /// When no descriptor is left.
    pub fn claim(&mut self) -> io::Result<OwnedFd> {
        self.claimed = true;
        self.socket.try_clone()
    }

    pub fn is_claimed(&self) -> bool {
        self.claimed
    }

    /// # Errors
    /// When no descriptor is left.
    pub fn parcel(&self) -> io::Result<Parcel> {
        Ok(Parcel { purpose: Purpose::Activated, sockets: vec![self.socket.try_clone()?] })
    }
}

impl fmt::Display for Activated {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.local.fmt(f)
    }
}

impl Local {
    /// Whether `configured` asks for what comes in here.
    pub fn serves(&self, configured: &ListenAddr) -> bool {
        match (self, configured) {
            (Self::Tcp(local), ListenAddr::Tcp(addr)) => local == addr,
            // systemd makes `ListenStream=80` one socket for both families, as we do.
            (Self::Tcp(local), ListenAddr::Any(port)) => local.ip().is_unspecified() && local.port() == *port,
            (Self::Unix(local), ListenAddr::Unix(path)) => local == path,
            _ => false,
        }
    }
}

impl fmt::Display for Local {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(addr) => write!(f, "{addr}"),
            Self::Unix(path) => write!(f, "unix:{}", path.display()),
            Self::Other => f.write_str("an abstract name"),
        }
    }
}
