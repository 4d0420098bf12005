//! Encoders that can be fed piece by piece, and flushed in between.

mod brotli;
mod gzip;
mod zstd;

use std::fmt;

use bytes::{Bytes, BytesMut};

use self::brotli::Brotli;
use self::gzip::Gzip;
use self::zstd::Zstd;
use super::Coding;
use super::room::{self, Room};
use crate::http::{Cause, Fault};

/// What goes through the stack from a library to where its output is gathered.
const SCRATCH: usize = 8 * 1024;

/// How much effort goes into each coding. What lies outside a coding's range is taken for the nearest end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Levels {
    /// 1 to 19.
    pub zstd: i32,
    /// 0 to 11; 6 at most for a body longer than a MiB, or of unknown length.
    pub brotli: u32,
    /// 1 to 9.
    pub gzip: u32,
}

/// For content that is compressed while a client waits: one level more costs half as much time again in
/// brotli, and twice as much in zstd, for a twentieth fewer bytes (measured on HTML, JavaScript and JSON).
impl Default for Levels {
    fn default() -> Self {
        Self { zstd: 3, brotli: 4, gzip: 5 }
    }
}

/// One body on its way through a coding.
///
/// What it holds does not depend on the length of the body: by default half a MiB for gzip, one and a quarter
/// for zstd, two and a half for brotli (resident memory of a hundred). Of the slower levels those of brotli
/// hold more: 5 MiB at level 5, 37 at level 9.
pub struct Encoder {
    inner: Box<dyn Encode>,
    _room: Room,
}

/// What is done behind the input.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Operation {
    Process,
    Flush,
    Finish,
}

/// What a library does.
trait Encode {
    /// Takes all of `input`, and adds to `out` what comes of it.
    fn run(&mut self, input: &[u8], operation: Operation, out: &mut BytesMut) -> Result<(), Fault>;
}

impl Encoder {
    /// For a body of `length`, where that is known; it must be true then.
    ///
    /// # Errors
    /// The library has no memory.
    pub fn new(coding: Coding, levels: &Levels, length: Option<u64>) -> Result<Self, Fault> {
        let inner: Box<dyn Encode> = match coding {
            Coding::Zstd => Box::new(Zstd::new(levels.zstd, length)?),
            Coding::Brotli => Box::new(Brotli::new(levels.brotli, length)),
            Coding::Gzip => Box::new(Gzip::new(levels.gzip)),
        };
        Ok(Self { inner, _room: Room::take(coding, levels) })
    }

    /// Whether this event loop has room for one more; else a body is best sent as it is.
    pub fn has_room(coding: Coding, levels: &Levels) -> bool {
        room::is_there(coding, levels)
    }

    /// Takes all of `input`; what comes out may be nothing for a long time.
    pub fn write(&mut self, input: &[u8], out: &mut BytesMut) -> Result<(), Fault> {
        self.inner.run(input, Operation::Process, out)
    }

    /// Puts out so much that all which was written can be decoded.
    pub fn flush(&mut self, out: &mut BytesMut) -> Result<(), Fault> {
        self.inner.run(&[], Operation::Flush, out)
    }

    /// Puts out the rest; nothing may follow.
    pub fn finish(&mut self, out: &mut BytesMut) -> Result<(), Fault> {
        self.inner.run(&[], Operation::Finish, out)
    }
}

impl fmt::Debug for Encoder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Encoder")
    }
}

/// The whole of a small body. None if there is no memory for it; it is best sent as it is then.
pub fn compress(content: &[u8], coding: Coding, levels: &Levels) -> Option<Bytes> {
    let mut out = BytesMut::with_capacity(content.len() / 3);
    let mut encoder = Encoder::new(coding, levels, Some(content.len() as u64)).ok()?;
    encoder.inner.run(content, Operation::Finish, &mut out).ok()?;
    Some(out.freeze())
}

/// A library failed that has no reason to but want of memory.
fn failed(coding: Coding, what: impl fmt::Display) -> Fault {
    Fault::new(Cause::Internal, format!("{}: {what}", coding.token()))
}

#[cfg(test)]
mod tests;
