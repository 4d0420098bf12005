//! What a log is written to.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, fchown};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::OFlags;
use rustix::io::Errno;

use super::Destination;

/// What a pipe takes without waiting if it takes anything (`PIPE_BUF`, pipe(7)).
const PIECE: usize = 4096;
/// How long a reader is waited for at a time.
const PATIENCE: Timespec = Timespec { tv_sec: 0, tv_nsec: 100_000_000 };
/// A file may be away between being renamed and being created by who renamed it.
const AWAY: Duration = Duration::from_secs(1);
/// Of a directory's mode: its group and everybody.
const WRITABLE_BY_OTHERS: u32 = 0o022;

#[derive(Debug)]
pub(super) enum Output {
    Off,
    Stdout,
    Stderr,
    File(LogFile),
}

impl Output {
    pub fn open(destination: &Destination) -> io::Result<Self> {
        Ok(match destination {
            Destination::Off => Self::Off,
            Destination::Stdout => Self::Stdout,
            Destination::Stderr => Self::Stderr,
            Destination::File(path) => Self::File(LogFile::open(path)?),
        })
    }

    /// As [`Self::open`], by root for somebody else.
    pub fn open_for_another(destination: &Destination) -> io::Result<Self> {
        match destination {
            Destination::File(path) => LogFile::open_for_another(path).map(Self::File),
            other => Self::open(other),
        }
    }

    pub fn give_to(&self, user: u32, group: u32) -> io::Result<()> {
        match self {
            // A device or a pipe is somebody else's.
            Self::File(LogFile { file, is_plain: true, .. }) => fchown(file, Some(user), Some(group)),
            _ => Ok(()),
        }
    }

    /// Writes some of it. 0 says that whoever reads it takes nothing at present.
    pub fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Off => Ok(bytes.len()),
            Self::Stdout => write_piece(rustix::stdio::stdout(), bytes),
            Self::Stderr => write_piece(rustix::stdio::stderr(), bytes),
            Self::File(LogFile { file, is_plain: false, .. }) => write_piece(file.as_fd(), bytes),
            Self::File(LogFile { file, .. }) => match file.write(bytes) {
                Ok(0) => Err(io::ErrorKind::WriteZero.into()),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => Ok(0),
                written => written,
            },
        }
    }
}

/// Writes no more than a reader that stands still could be waited for without end.
fn write_piece(to: BorrowedFd<'_>, bytes: &[u8]) -> io::Result<usize> {
    let mut wanted = [PollFd::new(&to, PollFlags::OUT)];
    match poll(&mut wanted, Some(&PATIENCE)) {
        Ok(0) | Err(Errno::INTR) => return Ok(0),
        Ok(_) => {}
        Err(error) => return Err(error.into()),
    }
    match rustix::io::write(to, bytes.get(..PIECE).unwrap_or(bytes)) {
        Ok(0) => Err(io::ErrorKind::WriteZero.into()),
        Err(Errno::AGAIN | Errno::INTR) => Ok(0),
        Ok(written) => Ok(written),
        Err(error) => Err(error.into()),
    }
}

/// A file that others may rename, remove and create again.
#[derive(Debug)]
pub(super) struct LogFile {
    path: PathBuf,
    file: File,
    /// Of the file that is open.
    identity: (u64, u64),
    is_plain: bool,
    away_since: Option<Instant>,
}

/// Where the file is by its path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// In its place, or only just away.
    Kept,
    /// Another file has its name, or none.
    Rotated,
}

impl LogFile {
    pub fn open(path: &Path) -> io::Result<Self> {
        Self::open_with(path, OFlags::empty())
    }

    /// Whoever may write to a log's directory could have its name lead to any file, which root would then
    /// write to and give away. A link is followed, and a file with a second name taken, only where root alone
    /// could have made them.
    pub fn open_for_another(path: &Path) -> io::Result<Self> {
        let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty());
        let directory = std::fs::metadata(directory.unwrap_or(Path::new(".")))?;
        if directory.uid() == 0 && directory.mode() & WRITABLE_BY_OTHERS == 0 {
            return Self::open(path);
        }
        let opened = Self::open_with(path, OFlags::NOFOLLOW)?;
        if opened.is_plain && opened.file.metadata()?.nlink() > 1 {
            return Err(Errno::LOOP.into());
        }
        Ok(opened)
    }

    fn open_with(path: &Path, more: OFlags) -> io::Result<Self> {
        // A pipe without a reader is an error instead of a wait, as is one that is full.
        let flags = OFlags::NONBLOCK | OFlags::NOCTTY | more;
        let flags = i32::try_from(flags.bits()).unwrap_or_default();
        let file = OpenOptions::new().append(true).create(true).custom_flags(flags).open(path)?;
        let facts = file.metadata()?;
        Ok(Self {
            path: path.to_owned(),
            file,
            identity: (facts.dev(), facts.ino()),
            is_plain: facts.is_file(),
            away_since: None,
        })
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Looks whether the path still leads to the file.
    pub fn place(&mut self, now: Instant) -> Place {
        match std::fs::metadata(&self.path) {
            Ok(facts) if (facts.dev(), facts.ino()) == self.identity => {
                self.away_since = None;
                Place::Kept
            }
            Ok(_) => Place::Rotated,
            Err(_) => {
                let since = *self.away_since.get_or_insert(now);
                if now.saturating_duration_since(since) < AWAY { Place::Kept } else { Place::Rotated }
            }
        }
    }
}
