//! The files of Unix listeners: made with their permissions, and taken away only while they are ours.

use std::collections::BTreeMap;
use std::fs::{self, Permissions};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io;
use std::os::fd::AsRawFd;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt};
use std::os::unix::net::{SocketAddr, UnixListener};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use rustix::fs::{AtFlags, FileType, Gid, Mode, OFlags, Uid, chownat, fchmod, fstat, open};
use socket2::{Domain, SockAddr, Socket, Type};

use super::ListenAddr;

/// Who may connect to a Unix socket: who may write to its file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SocketAccess {
    pub mode: u32,
    /// `None` is whoever binds it.
    pub user: Option<u32>,
    pub group: Option<u32>,
}

impl SocketAccess {
    /// As nginx has it: who may come in is said by the directory.
    pub const EVERYBODY: Self = Self { mode: 0o666, user: None, group: None };
    /// Its user and group alone.
    pub const PRIVATE: Self = Self { mode: 0o660, user: None, group: None };
}

/// Device, inode and birth of a file, which tell it from a later one of the same name.
type Identity = (u64, u64, i64, i64);

/// The files that this process has made, or has taken over with their sockets.
static OURS: Mutex<BTreeMap<PathBuf, Identity>> = Mutex::new(BTreeMap::new());

/// Binds a socket, and has it listen when its file is as it should be: nobody can connect before.
pub(super) fn listen(path: &Path, access: SocketAccess, backlog: i32) -> io::Result<Socket> {
    let _alone = Binding::begin(path)?;
    remove_stale(path)?;
    let socket = Socket::new(Domain::UNIX, Type::STREAM, None)?;
    // The file gets these permissions, less the umask: never wider ones.
    fchmod(&socket, Mode::from_raw_mode(access.mode))?;
    socket.bind(&SockAddr::unix(path)?)?;
    claim_socket_file(path);
    match set_socket_access(path, access).and_then(|()| socket.listen(backlog)) {
        Ok(()) => Ok(socket),
        Err(error) => {
            remove(path);
            Err(error)
        }
    }
}

/// Changes who may connect.
///
/// Root does this in directories of others, who could put a link to any file in its place: what is changed is
/// the very file that was looked at, and only a socket.
///
/// # Errors
/// What the kernel says; only root gives files away.
pub fn set_socket_access(path: &Path, access: SocketAccess) -> io::Result<()> {
    let file = open(path, OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC, Mode::empty())?;
    if FileType::from_raw_mode(fstat(&file)?.st_mode) != FileType::Socket {
        return Err(io::Error::new(
            io::ErrorKind::AlreadyExists,
            "another file has taken the socket's place",
        ));
    }
    if access.user.is_some() || access.group.is_some() {
        let (user, group) = (access.user.map(Uid::from_raw), access.group.map(Gid::from_raw));
        chownat(&file, "", user, group, AtFlags::EMPTY_PATH).map_err(|error| {
            let remedy = "only root gives files away, and others to their own groups alone";
            let error = io::Error::from(error);
            io::Error::new(error.kind(), format!("its user and group cannot be set: {error}; {remedy}"))
        })?;
    }
    // The kernel takes no such descriptor for fchmod(2), but its name for chmod(2).
    let name = format!("/proc/self/fd/{}", file.as_raw_fd());
    fs::set_permissions(name, Permissions::from_mode(access.mode))
}

/// The file that is there now goes with our socket: [`remove_socket_files`] may take it away.
pub fn claim_socket_file(path: &Path) {
    if let Ok(identity) = identity(path) {
        ours().insert(path.to_owned(), identity);
    }
}

/// Takes the files of Unix listeners away, once nobody listens on them any more, but for those that another
/// process has put in their place.
pub fn remove_socket_files<'a>(listeners: impl IntoIterator<Item = &'a ListenAddr>) {
    for listener in listeners {
        if let ListenAddr::Unix(path) = listener {
            remove(path);
        }
    }
}

fn remove(path: &Path) {
    let Some(ours) = ours().remove(path) else { return };
    let removed = match identity(path) {
        Ok(found) if found == ours => fs::remove_file(path),
        Ok(_) => return tracing::debug!("{} is another's by now", path.display()),
        Err(error) => Err(error),
    };
    if let Err(error) = removed {
        tracing::debug!("{} cannot be removed: {error}", path.display());
    }
}

/// Whether `path` is a socket somebody listens on. One whose queue is full is not waited for.
pub fn is_live_socket(path: &Path) -> bool {
    let connect = || {
        let socket = Socket::new(Domain::UNIX, Type::STREAM, None)?;
        socket.set_nonblocking(true)?;
        socket.connect(&SockAddr::unix(path)?)
    };
    connect().map_or_else(|error| error.kind() == io::ErrorKind::WouldBlock, |()| true)
}

/// The file of a server that is gone keeps `bind(2)` from working; a live one must not be stolen.
fn remove_stale(path: &Path) -> io::Result<()> {
    let Ok(found) = fs::symlink_metadata(path) else { return Ok(()) };
    if !found.file_type().is_socket() {
        return Err(io::Error::new(io::ErrorKind::AlreadyExists, "a file that is no socket is in the way"));
    }
    if is_live_socket(path) {
        return Err(io::Error::new(io::ErrorKind::AddrInUse, "another process listens on this socket"));
    }
    fs::remove_file(path)
}

/// Held while a path is looked at and bound: of two that start at once, each would take the other's socket,
/// which does not listen yet, for that of a server that is gone.
struct Binding(#[expect(dead_code, reason = "it is held, and the kernel lets go of it")] UnixListener);

impl Binding {
    fn begin(path: &Path) -> io::Result<Self> {
        let mut hasher = DefaultHasher::new();
        std::path::absolute(path)?.hash(&mut hasher);
        let name = SocketAddr::from_abstract_name(format!("rproxy-bind-{:016x}", hasher.finish()))?;
        UnixListener::bind_addr(&name).map(Self).map_err(|error| match error.kind() {
            io::ErrorKind::AddrInUse => {
                io::Error::new(error.kind(), "another process is about to listen on this socket")
            }
            _ => error,
        })
    }
}

fn identity(path: &Path) -> io::Result<Identity> {
    // Inodes are used again. A socket's file is never written to, so that its time is that of its birth.
    fs::symlink_metadata(path).map(|found| (found.dev(), found.ino(), found.mtime(), found.mtime_nsec()))
}

fn ours() -> MutexGuard<'static, BTreeMap<PathBuf, Identity>> {
    // Nobody panics with the lock held.
    OURS.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mode(path: &Path) -> u32 {
        fs::symlink_metadata(path).unwrap().permissions().mode() & 0o777
    }

    #[test]
    fn a_socket_has_the_permissions_that_are_asked_for() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("a.sock");
        let access = SocketAccess { mode: 0o622, ..SocketAccess::PRIVATE };
        let _socket = listen(&path, access, 1).unwrap();
        assert_eq!(mode(&path), 0o622);
        assert!(is_live_socket(&path));
        set_socket_access(&path, SocketAccess::PRIVATE).unwrap();
        assert_eq!(mode(&path), 0o660);
    }

    #[test]
    fn a_file_that_took_the_socket_s_place_keeps_its_permissions() {
        let directory = tempfile::tempdir().unwrap();
        let [path, secret] = ["a.sock", "secret"].map(|name| directory.path().join(name));
        fs::write(&secret, "").unwrap();
        fs::set_permissions(&secret, Permissions::from_mode(0o600)).unwrap();
        std::os::unix::fs::symlink(&secret, &path).unwrap();
        assert!(set_socket_access(&path, SocketAccess::EVERYBODY).is_err());
        assert!(set_socket_access(&secret, SocketAccess::EVERYBODY).is_err());
        assert_eq!(mode(&secret), 0o600);
    }

    #[test]
    fn only_our_own_file_is_removed() {
        let directory = tempfile::tempdir().unwrap();
        let [path, other] = ["a.sock", "b.sock"].map(|name| directory.path().join(name));
        let addr = ListenAddr::Unix(path.clone());
        drop(listen(&path, SocketAccess::PRIVATE, 1).unwrap());
        remove_socket_files([&addr]);
        assert!(!path.exists());

        drop(listen(&path, SocketAccess::PRIVATE, 1).unwrap());
        let _theirs = UnixListener::bind(&other).unwrap();
        fs::rename(&other, &path).unwrap();
        remove_socket_files([&addr]);
        assert!(path.exists());
        claim_socket_file(&path);
        remove_socket_files([&addr]);
        assert!(!path.exists());
    }

    #[test]
    fn of_many_that_start_at_once_one_has_the_socket() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("a.sock");
        drop(UnixListener::bind(&path).unwrap());
        let start = std::sync::Barrier::new(8);
        let bound: Vec<_> = std::thread::scope(|scope| {
            let begin = || {
                start.wait();
                listen(&path, SocketAccess::PRIVATE, 1)
            };
            let threads: Vec<_> = (0..8).map(|_| scope.spawn(begin)).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        assert_eq!(bound.iter().filter(|bound| bound.is_ok()).count(), 1);
        assert!(is_live_socket(&path));
    }
}
