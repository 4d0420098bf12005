//! The state of a file: what tells one version of it from the next.

use std::fs::Metadata;
use std::os::unix::fs::MetadataExt;
use std::time::{SystemTime, UNIX_EPOCH};

use ::http::HeaderValue;
use rustix::fs::Stat;

use crate::coding::Coding;
use crate::http::Date;
use crate::http::conditional::{Modified, Validators};

/// How many seconds a file must have been left alone before it is taken for unchanged while its times
/// are. File systems count in ticks, some in seconds, so what was written just now may be written again
/// under the same time.
const SETTLED: i64 = 2;

/// As `fstat(2)` has it. Two of them that are equal are the same bytes.
///
/// The change time is part of it, since it cannot be set: `cp -p` and `rsync -t` do not hide from it.
/// Writers through `mmap(2)` may, until the kernel writes their pages back and brings the times up to date.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct State {
    pub length: u64,
    device: u64,
    inode: u64,
    modified: Time,
    changed: Time,
}

/// Since 1970.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Time {
    seconds: i64,
    nanoseconds: i64,
}

impl From<&Metadata> for State {
    fn from(metadata: &Metadata) -> Self {
        Self {
            length: metadata.len(),
            device: metadata.dev(),
            inode: metadata.ino(),
            modified: Time { seconds: metadata.mtime(), nanoseconds: metadata.mtime_nsec() },
            changed: Time { seconds: metadata.ctime(), nanoseconds: metadata.ctime_nsec() },
        }
    }
}

impl From<&Stat> for State {
    fn from(stat: &Stat) -> Self {
        let nanoseconds = |part: u64| i64::try_from(part).unwrap_or_default();
        Self {
            length: u64::try_from(stat.st_size).unwrap_or_default(),
            device: stat.st_dev,
            inode: stat.st_ino,
            modified: Time { seconds: stat.st_mtime, nanoseconds: nanoseconds(stat.st_mtime_nsec) },
            changed: Time { seconds: stat.st_ctime, nanoseconds: nanoseconds(stat.st_ctime_nsec) },
        }
    }
}

impl State {
    /// Of the file, or of the file in that coding which lies beside another.
    pub fn validators(&self, coding: Option<Coding>) -> Validators {
        self.validators_by(&self.entity_tag(coding))
    }

    /// Of what a coding makes of the file.
    pub fn weak_validators(&self, coding: Coding) -> Validators {
        self.validators_by(&format!("W/{}", self.entity_tag(Some(coding))))
    }

    fn validators_by(&self, tag: &str) -> Validators {
        #[expect(clippy::expect_used, reason = "hexadecimal digits, letters, `.`, `-`, `/` and quotes only")]
        let etag = HeaderValue::from_str(tag).expect("an entity tag is a valid field value");
        Validators { etag, modified: self.last_modified(now()) }
    }

    /// By the seconds in which their contents were written: brotli's own tool gives a twin the time of its
    /// original, and cuts off what is less.
    pub fn is_older_than(&self, other: &Self) -> bool {
        self.modified.seconds < other.modified.seconds
    }

    /// Whether equal states can be relied on from here on.
    pub fn is_settled(&self) -> bool {
        now().saturating_sub(self.modified.seconds) >= SETTLED
    }

    /// Strong, and the same on every machine that has the same file with the same time. It is as honest
    /// as the file system's clock: since Linux 6.13 two versions that were both looked at do not share a
    /// time; before, two of one length written within a tick (10 ms at most) may.
    fn entity_tag(&self, coding: Option<Coding>) -> String {
        let Time { seconds, nanoseconds } = if self.is_dated() { self.modified } else { self.changed };
        let (dash, coding) = coding.map_or(("", ""), |coding| ("-", coding.token()));
        format!("\"{seconds:x}.{nanoseconds:x}-{:x}{dash}{coding}\"", self.length)
    }

    /// A time in the future is nobody's modification time (RFC 9110 8.8.2.1).
    fn last_modified(&self, now: i64) -> Option<Modified> {
        let seconds = self.modified.seconds;
        let date = Date::from_seconds(seconds).filter(|_| self.is_dated() && seconds <= now)?;
        Some(Modified { date, settled: seconds < now })
    }

    /// Reproducible packages (Nix, OSTree) set second 0 or 1 on every file. As a modification time it
    /// says nothing, and would make every next version "not modified".
    fn is_dated(&self) -> bool {
        !matches!(self.modified.seconds, 0 | 1)
    }
}

/// The wall clock, in seconds since 1970.
fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn state(seconds: i64, nanoseconds: i64, length: u64) -> State {
        let changed = Time { seconds: 0x500, nanoseconds: 5 };
        State { length, device: 1, inode: 2, modified: Time { seconds, nanoseconds }, changed }
    }

    #[test]
    fn the_entity_tag_tells_nanoseconds_and_lengths_apart() {
        assert_eq!(state(0x65, 0x1f, 0x40).entity_tag(None), "\"65.1f-40\"");
        assert_ne!(state(9, 11, 5).entity_tag(None), state(9, 12, 5).entity_tag(None));
        assert_ne!(state(9, 11, 5).entity_tag(None), state(9, 11, 6).entity_tag(None));
        assert_eq!(state(0x65, 0x1f, 0x40).entity_tag(Some(Coding::Brotli)), "\"65.1f-40-br\"");
        assert_ne!(state(9, 0x11, 5).entity_tag(None), state(0x91, 1, 5).entity_tag(None));
    }

    #[test]
    fn only_times_http_can_write_and_that_have_come_are_shown() {
        assert_eq!(state(100, 0, 0).last_modified(200).map(|modified| modified.settled), Some(true));
        assert_eq!(state(200, 0, 0).last_modified(200).map(|modified| modified.settled), Some(false));
        for seconds in [201, -1, i64::MIN, i64::MAX] {
            assert_eq!(state(seconds, 0, 0).last_modified(200), None, "{seconds}");
        }
    }

    #[test]
    fn the_times_of_reproducible_packages_say_nothing() {
        for seconds in [0, 1] {
            assert_eq!(state(seconds, 0, 7).last_modified(200), None);
            assert_eq!(state(seconds, 0, 7).entity_tag(None), "\"500.5-7\"");
        }
    }
}
