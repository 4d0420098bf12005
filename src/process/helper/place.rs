//! Where one generation of a pool is found.
//!
//! Each has addresses of its own, so that no request can reach one that was told to stop. The first has
//! those that are written; a later one whatever is free beside them: the path with a number behind it, or
//! another port.

use std::fs::{self, DirBuilder};
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::os::fd::OwnedFd;
use std::os::unix::fs::{DirBuilderExt, FileTypeExt, lchown, symlink};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};

use socket2::{Domain, Protocol, SockAddr, Socket, Type};

use super::ready;
use crate::net::{SocketAccess, UpstreamAddr, set_socket_access};
use crate::process::launch::FIRST_DESCRIPTOR;
use crate::process::{Account, ProcessSpec};

/// How many connections the kernel may hold for an app, capped by `net.core.somaxconn`.
const BACKLOG: i32 = 2048;

/// So many generations of a pool are never alive at once.
const MOST_SIBLINGS: u32 = 100;

/// The addresses of one generation, in the order of `servers`, and their sockets where those are ours.
#[derive(Debug)]
pub(super) struct Place {
    pub(super) addresses: Vec<UpstreamAddr>,
    /// Kept over a crash of the app: clients wait in their queues meanwhile.
    pub(super) sockets: Vec<OwnedFd>,
}

/// An address, and whether somebody else has the one that would have been taken.
struct Found {
    address: UpstreamAddr,
    occupied: bool,
}

impl Place {
    /// Looks for addresses that are not among `taken`, and on which nobody answers. Also returns those that
    /// somebody else occupies.
    ///
    /// # Errors
    /// When there are none.
    pub(super) async fn find(
        spec: &ProcessSpec,
        taken: &[UpstreamAddr],
    ) -> io::Result<(Self, Vec<UpstreamAddr>)> {
        let (mut addresses, mut occupied) = (Vec::new(), Vec::new());
        for server in &spec.servers {
            let found = if spec.moves() {
                free(server, taken).await?
            } else {
                clear(server)?;
                Found { address: server.clone(), occupied: ready::answers(server).await }
            };
            if found.occupied {
                occupied.push(server.clone());
            }
            addresses.push(found.address);
        }
        Ok((Self { addresses, sockets: Vec::new() }, occupied))
    }

    /// The addresses as they are written, whoever has them.
    pub(super) fn written(spec: &ProcessSpec) -> Self {
        Self { addresses: spec.servers.clone(), sockets: Vec::new() }
    }

    /// Makes room for an app that is about to start: its sockets' directories exist, no socket file of a
    /// dead process is in the way, and what is to be passed on listens.
    pub(super) fn prepare(&mut self, spec: &ProcessSpec) -> io::Result<()> {
        for path in self.addresses.iter().filter_map(UpstreamAddr::unix_path) {
            make_directory(path, spec.account.as_ref())?;
        }
        if !spec.passes_sockets() {
            return self.addresses.iter().try_for_each(clear);
        }
        // gunicorn takes the file of a socket away that it was given, unless systemd's protocol is spoken.
        let is_there = |address: &UpstreamAddr| address.unix_path().is_none_or(Path::exists);
        if self.sockets.is_empty() || !self.addresses.iter().all(is_there) {
            self.sockets.clear();
            self.sockets = self.addresses.iter().map(listen).collect::<io::Result<_>>()?;
        }
        Ok(())
    }

    /// What the spec says, with the placeholders filled in for this generation.
    pub(super) fn filled_in(&self, spec: &ProcessSpec) -> ProcessSpec {
        let mut spec = spec.clone();
        spec.command.iter_mut().chain(spec.environment.values_mut()).for_each(|word| self.fill_in(word));
        spec
    }

    fn fill_in(&self, word: &mut String) {
        let socket = self.addresses.iter().find_map(UpstreamAddr::unix_path);
        let port = self.addresses.iter().find_map(port);
        *word = word.replace("{fd}", &FIRST_DESCRIPTOR.to_string());
        if let Some(path) = socket {
            *word = word.replace("{socket}", &path.to_string_lossy());
        }
        if let Some(port) = port {
            *word = word.replace("{port}", &port.to_string());
        }
    }

    /// Takes away what is left of it when its processes have ended.
    pub(super) fn give_up(self) {
        drop(self.sockets);
        // What cannot be removed is told of when it is in somebody's way.
        self.addresses.iter().for_each(|address| _ = clear(address));
    }
}

/// Has the written path lead to the generation that serves, for others who connect to it. rproxy itself does
/// without.
pub(super) fn link(written: &UpstreamAddr, serving: Option<&UpstreamAddr>) {
    let Some(path) = written.unix_path() else { return };
    if clear(written).is_ok()
        && let Some(name) = serving.and_then(|address| address.unix_path()?.file_name())
        && serving != Some(written)
    {
        let _ = symlink(name, path);
    }
}

fn port(server: &UpstreamAddr) -> Option<u16> {
    match server {
        UpstreamAddr::Tcp(address) => Some(address.port()),
        UpstreamAddr::Name { port, .. } => Some(*port),
        UpstreamAddr::Unix(_) => None,
    }
}

async fn free(written: &UpstreamAddr, taken: &[UpstreamAddr]) -> io::Result<Found> {
    let mut occupied = false;
    if !taken.contains(written) {
        if is_free(written).await? {
            return Ok(Found { address: written.clone(), occupied });
        }
        occupied = true;
    }
    let address = match written {
        UpstreamAddr::Unix(path) => free_sibling(path, taken).await?,
        UpstreamAddr::Tcp(address) => UpstreamAddr::Tcp(free_port(*address)?),
        UpstreamAddr::Name { host, port } => {
            let mut found = tokio::net::lookup_host((host.as_str(), *port)).await?;
            let address = found.next().ok_or(io::ErrorKind::NotFound)?;
            UpstreamAddr::Name { host: host.clone(), port: free_port(address)?.port() }
        }
    };
    Ok(Found { address, occupied })
}

async fn is_free(address: &UpstreamAddr) -> io::Result<bool> {
    clear(address)?;
    // A file that is no socket is somebody's data.
    let is_there = address.unix_path().is_some_and(|path| fs::symlink_metadata(path).is_ok());
    Ok(!is_there && !ready::answers(address).await)
}

async fn free_sibling(path: &Path, taken: &[UpstreamAddr]) -> io::Result<UpstreamAddr> {
    for number in 2..MOST_SIBLINGS {
        let address = UpstreamAddr::Unix(sibling(path, number));
        if !taken.contains(&address) && is_free(&address).await? {
            return Ok(address);
        }
    }
    Err(io::Error::new(io::ErrorKind::AddrInUse, format!("all names beside {} are taken", path.display())))
}

fn sibling(path: &Path, number: u32) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(format!(".{number}"));
    name.into()
}

/// Whoever is to listen there binds it a moment later: nobody else is likely to in between.
fn free_port(beside: SocketAddr) -> io::Result<SocketAddr> {
    TcpListener::bind((beside.ip(), 0))?.local_addr()
}

/// A new directory is for the pool's user, who is to make sockets in it.
fn make_directory(socket: &Path, account: Option<&Account>) -> io::Result<()> {
    let Some(directory) = socket.parent().filter(|directory| !directory.exists()) else { return Ok(()) };
    DirBuilder::new().recursive(true).mode(0o755).create(directory)?;
    match account {
        // A link that somebody has put in its place is not followed.
        Some(account) => lchown(directory, Some(account.uid), Some(account.gid)),
        None => Ok(()),
    }
}

/// Removes the socket of a process that is gone, and a link that [`link`] has made. Only these: a file of
/// another kind is somebody's data, and a socket that answers somebody's service.
fn clear(address: &UpstreamAddr) -> io::Result<()> {
    let Some(path) = address.unix_path() else { return Ok(()) };
    let Ok(found) = fs::symlink_metadata(path) else { return Ok(()) };
    let is_ours = if found.is_symlink() { leads_to_sibling(path) } else { is_stale(path, &found) };
    if is_ours { fs::remove_file(path) } else { Ok(()) }
}

fn is_stale(path: &Path, found: &fs::Metadata) -> bool {
    let refused = |error: &io::Error| error.kind() == io::ErrorKind::ConnectionRefused;
    found.file_type().is_socket() && connect_at_once(path).is_err_and(|error| refused(&error))
}

/// Without waiting for room in its backlog.
fn connect_at_once(path: &Path) -> io::Result<UnixStream> {
    let socket = Socket::new(Domain::UNIX, Type::STREAM.nonblocking(), None)?;
    socket.connect(&SockAddr::unix(path)?)?;
    Ok(socket.into())
}

fn leads_to_sibling(path: &Path) -> bool {
    let Ok(target) = fs::read_link(path) else { return false };
    (2..MOST_SIBLINGS).any(|number| sibling(path, number).file_name() == Some(target.as_os_str()))
}

fn listen(address: &UpstreamAddr) -> io::Result<OwnedFd> {
    let socket = bind(address)
        .map_err(|error| io::Error::new(error.kind(), format!("{address} cannot be bound: {error}")))?;
    socket.listen(BACKLOG)?;
    Ok(socket.into())
}

fn bind(address: &UpstreamAddr) -> io::Result<Socket> {
    let at = match address {
        UpstreamAddr::Unix(path) => {
            clear(address)?;
            let socket = Socket::new(Domain::UNIX, Type::STREAM, None)?;
            socket.bind(&SockAddr::unix(path)?)?;
            // Who may come in is said by the directory.
            set_socket_access(path, SocketAccess::EVERYBODY)?;
            return Ok(socket);
        }
        UpstreamAddr::Tcp(address) => *address,
        UpstreamAddr::Name { host, port } => {
            let mut found = std::net::ToSocketAddrs::to_socket_addrs(&(host.as_str(), *port))?;
            found.next().ok_or(io::ErrorKind::NotFound)?
        }
    };
    let socket = Socket::new(Domain::for_address(at), Type::STREAM, Some(Protocol::TCP))?;
    socket.set_reuse_address(true)?;
    socket.bind(&at.into())?;
    Ok(socket)
}

#[cfg(test)]
mod tests;
