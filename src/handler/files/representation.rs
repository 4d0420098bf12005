//! A file as HTTP sees it: content, length, validators and fields.

use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use ::http::{HeaderMap, HeaderValue, header};
use bytes::Bytes;
use rustix::fs::{Stat, StatExt};

use crate::http::conditional::{Modified, Validators};
use crate::http::range::ByteRange;
use crate::http::{Body, Date, FileRange, media_type};

/// What a 200, and any part or condition of it, is made from.
#[derive(Debug)]
pub struct Representation {
    pub length: u64,
    pub validators: Validators,
    /// The fields of a 200.
    pub headers: HeaderMap,
    content: Content,
}

#[derive(Debug)]
enum Content {
    Memory(Bytes),
    Disk(Arc<OwnedFd>),
}

impl Representation {
    /// A file that was opened and then looked at.
    pub fn of_file(path: &[u8], file: OwnedFd, stat: &Stat) -> Self {
        let length = u64::try_from(stat.st_size).unwrap_or(0);
        Self::new(path, stat, length, Content::Disk(Arc::new(file)))
    }

    /// A file that was read as a whole.
    pub fn of_bytes(path: &[u8], bytes: Bytes, stat: &Stat) -> Self {
        Self::new(path, stat, bytes.len() as u64, Content::Memory(bytes))
    }

    fn new(path: &[u8], stat: &Stat, length: u64, content: Content) -> Self {
        let stamp = Stamp::of(stat);
        let validators = Validators { etag: stamp.entity_tag(length), modified: stamp.modified(seconds_now()) };
        let mut headers = HeaderMap::with_capacity(4);
        headers.insert(header::CONTENT_TYPE, media_type(path));
        if let Some(modified) = validators.modified {
            headers.insert(header::LAST_MODIFIED, modified.date.to_header());
        }
        headers.insert(header::ETAG, validators.etag.clone());
        headers.insert(header::ACCEPT_RANGES, HeaderValue::from_static("bytes"));
        Self { length, validators, headers, content }
    }

    pub fn body(&self) -> Body {
        self.part(ByteRange { start: 0, length: self.length })
    }

    pub fn part(&self, range: ByteRange) -> Body {
        match &self.content {
            _ if range.length == 0 => Body::Empty,
            Content::Disk(file) => {
                Body::File(FileRange { file: Arc::clone(file), offset: range.start, length: range.length })
            }
            Content::Memory(bytes) => Body::Bytes(cut(bytes, range)),
        }
    }

    /// Bytes of it that are held in memory.
    pub fn in_memory(&self) -> usize {
        match &self.content {
            Content::Memory(bytes) => bytes.len(),
            Content::Disk(_) => 0,
        }
    }
}

/// `Bytes::slice` panics outside its bounds, where this is empty.
fn cut(bytes: &Bytes, range: ByteRange) -> Bytes {
    let start = usize::try_from(range.start).unwrap_or(usize::MAX);
    let end = usize::try_from(range.length).map_or(usize::MAX, |length| start.saturating_add(length));
    bytes.get(start..end).map(|part| bytes.slice_ref(part)).unwrap_or_default()
}

fn seconds_now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO);
    i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
}

/// Seconds and nanoseconds since 1970 that stand for a state of a file.
#[derive(Clone, Copy, Debug)]
struct Stamp {
    seconds: i64,
    nanoseconds: u64,
    /// Whether the seconds are a modification time that may be shown.
    shown: bool,
}

impl Stamp {
    /// The modification time; but reproducible packages (Nix, OSTree) set it to second 0 or 1 on every
    /// file, so that it says nothing, and then the change time has to do.
    #[expect(clippy::cast_sign_loss, clippy::unnecessary_cast, reason = "0 to 999999999, signed on some architectures")]
    fn of(stat: &Stat) -> Self {
        match stat.mtime() {
            0 | 1 => Self { seconds: stat.ctime(), nanoseconds: stat.st_ctime_nsec as u64, shown: false },
            seconds => Self { seconds, nanoseconds: stat.st_mtime_nsec as u64, shown: true },
        }
    }

    /// Strong, and the same on every machine that has the same file with the same time. It is as honest
    /// as the file system's clock: since Linux 6.13 two states that were both looked at never share a
    /// time; before, two writes of one length within a tick (4 ms or less) may.
    fn entity_tag(self, length: u64) -> HeaderValue {
        let tag = format!("\"{:x}.{:x}-{length:x}\"", self.seconds, self.nanoseconds);
        #[expect(clippy::expect_used, reason = "hexadecimal digits, `.`, `-` and quotes only")]
        HeaderValue::try_from(tag).expect("an entity tag is a valid field value")
    }

    /// A time in the future is nobody's modification time (RFC 9110 8.8.2.1).
    fn modified(self, now: i64) -> Option<Modified> {
        let date = Date::from_seconds(self.seconds).filter(|_| self.shown && self.seconds <= now)?;
        Some(Modified { date, settled: self.seconds < now })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stamp(seconds: i64, nanoseconds: u64) -> Stamp {
        Stamp { seconds, nanoseconds, shown: true }
    }

    #[test]
    fn the_entity_tag_tells_nanoseconds_and_lengths_apart() {
        assert_eq!(stamp(0x65, 0x1f).entity_tag(0x40), "\"65.1f-40\"");
        assert_ne!(stamp(1, 11).entity_tag(5), stamp(1, 12).entity_tag(5));
        assert_ne!(stamp(1, 11).entity_tag(5), stamp(1, 11).entity_tag(6));
        assert_ne!(stamp(1, 0x11).entity_tag(5), stamp(0x11, 1).entity_tag(5));
    }

    #[test]
    fn only_times_http_can_write_and_that_have_come_are_shown() {
        assert_eq!(stamp(100, 0).modified(200).map(|modified| modified.settled), Some(true));
        assert_eq!(stamp(200, 0).modified(200).map(|modified| modified.settled), Some(false));
        for seconds in [201, -1, i64::MIN, i64::MAX] {
            assert_eq!(stamp(seconds, 0).modified(200), None, "{seconds}");
        }
    }

    #[test]
    fn a_part_of_memory_never_leaves_it() {
        let bytes = Bytes::from_static(b"0123456789");
        assert_eq!(cut(&bytes, ByteRange { start: 2, length: 3 }), "234");
        assert_eq!(cut(&bytes, ByteRange { start: 2, length: 9 }), "");
        assert_eq!(cut(&bytes, ByteRange { start: u64::MAX, length: u64::MAX }), "");
    }
}
