//! The chunked coding (RFC 9112 7.1).
//!
//! Written by hand, and strict, because chunk lines are where servers of every make were led astray:
//! sizes with signs, blanks or too many digits, and extensions that end in LF for one parser only.

use bytes::{Buf, BufMut, Bytes, BytesMut};

use super::{WireError, fields};
use crate::http::Fields;

/// What all chunk extensions of one body may take together. They are skipped, never passed on.
const MAX_EXTENSIONS: usize = 16 * 1024;
const MAX_TRAILER_BYTES: usize = 8 * 1024;
const MAX_TRAILER_FIELDS: usize = 32;
const MAX_SIZE_DIGITS: u8 = 16;

/// Takes a chunked body apart as it arrives.
#[derive(Debug, Default)]
pub struct Decoder {
    state: State,
    extensions: usize,
}

/// What the bytes so far amount to.
#[derive(Debug, PartialEq, Eq)]
pub enum Step {
    /// Content, as much of the chunk as has arrived, never empty.
    Data(Bytes),
    /// Nothing to be had before more bytes are read.
    NeedMore,
    /// The body is complete; what is left in the input belongs to the next message.
    End { trailers: Option<Fields> },
}

#[derive(Clone, Copy, Debug)]
enum State {
    Size {
        digits: u8,
        size: u64,
    },
    Extension {
        size: u64,
    },
    SizeLf {
        size: u64,
    },
    Data {
        left: u64,
    },
    DataCr,
    DataLf,
    /// Behind the last chunk; how much of the trailer section has been searched for its end.
    Trailers {
        searched: usize,
    },
    Ended,
}

impl Default for State {
    fn default() -> Self {
        Self::Size { digits: 0, size: 0 }
    }
}

impl Decoder {
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes what can be taken off `input`. After an error the body is beyond recovery.
    pub fn decode(&mut self, input: &mut BytesMut) -> Result<Step, WireError> {
        loop {
            match self.state {
                State::Data { left } => return Ok(self.data(left, input)),
                State::Trailers { searched } => return self.trailers(searched, input),
                State::Ended => return Ok(Step::End { trailers: None }),
                _ => {
                    if !self.line(input)? {
                        return Ok(Step::NeedMore);
                    }
                }
            }
        }
    }

    /// What is still to come of the chunk that has begun, as its size line says.
    pub fn left_of_chunk(&self) -> u64 {
        if let State::Data { left } = self.state { left } else { 0 }
    }

    /// Walks over size lines and line ends; true once something else comes.
    fn line(&mut self, input: &mut BytesMut) -> Result<bool, WireError> {
        let mut taken = 0;
        for &byte in input.iter() {
            taken += 1;
            self.state = self.next(byte)?;
            if matches!(self.state, State::Data { .. } | State::Trailers { .. }) {
                input.advance(taken);
                return Ok(true);
            }
        }
        input.advance(taken);
        Ok(false)
    }

    fn next(&mut self, byte: u8) -> Result<State, WireError> {
        match (self.state, byte) {
            (State::Size { digits, size }, b'\r' | b';') if digits > 0 => {
                Ok(if byte == b';' { State::Extension { size } } else { State::SizeLf { size } })
            }
            (State::Size { digits, size }, _) => {
                let digit = char::from(byte).to_digit(16).ok_or(WireError::BadChunkSize)?;
                if digits == MAX_SIZE_DIGITS {
                    return Err(WireError::BadChunkSize);
                }
                // Sixteen digits at most fill 64 bits exactly: the shift loses nothing.
                Ok(State::Size { digits: digits + 1, size: (size << 4) | u64::from(digit) })
            }
            (State::Extension { size }, b'\r') => Ok(State::SizeLf { size }),
            (State::Extension { size }, _) => {
                if byte != b'\t' && byte.is_ascii_control() {
                    return Err(WireError::BadChunkExtension);
                }
                self.extensions += 1;
                if self.extensions > MAX_EXTENSIONS {
                    return Err(WireError::ChunkExtensionsTooLong);
                }
                Ok(State::Extension { size })
            }
            (State::SizeLf { size: 0 }, b'\n') => Ok(State::Trailers { searched: 0 }),
            (State::SizeLf { size }, b'\n') => Ok(State::Data { left: size }),
            (State::SizeLf { .. }, _) => Err(WireError::BadChunkSize),
            (State::DataCr, b'\r') => Ok(State::DataLf),
            (State::DataLf, b'\n') => Ok(State::default()),
            _ => Err(WireError::BadChunkEnd),
        }
    }

    fn data(&mut self, left: u64, input: &mut BytesMut) -> Step {
        if input.is_empty() {
            return Step::NeedMore;
        }
        let take = usize::try_from(left).map_or(input.len(), |left| left.min(input.len()));
        let left = left - take as u64;
        self.state = if left == 0 { State::DataCr } else { State::Data { left } };
        Step::Data(input.split_to(take).freeze())
    }

    fn trailers(&mut self, searched: usize, input: &mut BytesMut) -> Result<Step, WireError> {
        if input.starts_with(b"\r\n") {
            input.advance(2);
            self.state = State::Ended;
            return Ok(Step::End { trailers: None });
        }
        let end = fields::find_head_end(input, searched)?;
        if end.unwrap_or(input.len()) > MAX_TRAILER_BYTES {
            return Err(WireError::TrailersTooLarge);
        }
        let Some(end) = end else {
            // A line that is wrong already would otherwise be waited on until time runs out.
            fields::check_lines(input.strip_suffix(b"\r").unwrap_or(input))?;
            self.state = State::Trailers { searched: input.len() };
            return Ok(Step::NeedMore);
        };
        let section = input.split_to(end).freeze();
        let trailers = fields::parse_section::<MAX_TRAILER_FIELDS>(&section)?;
        self.state = State::Ended;
        Ok(Step::End { trailers: Some(trailers) })
    }
}

/// What follows the content of each chunk.
pub const CHUNK_END: &[u8] = b"\r\n";

/// The end of a body without trailers.
pub const LAST_CHUNK: &[u8] = b"0\r\n\r\n";

/// The line in front of a chunk's content, held without allocating.
#[derive(Clone, Copy, Debug)]
pub struct SizeLine {
    bytes: [u8; 18],
    start: usize,
}

impl SizeLine {
    /// For `size` bytes of content. A size of 0 would end the body.
    pub fn new(size: u64) -> Self {
        let mut line = Self { bytes: *b"0000000000000000\r\n", start: 16 };
        let mut rest = size;
        while rest > 0 || line.start == 16 {
            line.start -= 1;
            line.bytes[line.start] = b"0123456789abcdef"[(rest & 0xf) as usize];
            rest >>= 4;
        }
        line
    }

    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes[self.start..]
    }
}

/// Writes the last chunk and the trailers, except what may not stand there.
pub fn write_end(out: &mut BytesMut, trailers: &Fields) {
    out.put_slice(b"0\r\n");
    fields::write(out, trailers, |name| !fields::may_trail(name));
    out.put_slice(b"\r\n");
}

#[cfg(test)]
mod tests;
