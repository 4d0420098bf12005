//! Messages as lines of JSON, each with a bound and a limit of time.

use std::io;
use std::time::Duration;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::time::timeout;

use super::Outcome;

/// Longest order: room for any name.
pub(super) const ORDER_MAX: usize = 8 * 1024;

/// Longest message of the server: a report of some thousand mistakes.
pub(super) const MESSAGE_MAX: usize = 4 << 20;

/// What the server says, one line each.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Message {
    /// Still at it: said every few seconds, so that silence means that something is wrong.
    Working,
    /// What happens meanwhile, for the operator to read.
    Progress(String),
    /// The last one.
    Outcome(Outcome),
    /// The last one too: the order was not taken at all.
    Denied(String),
}

/// # Errors
/// What `write(2)` says, or `TimedOut`.
pub(super) async fn send<T: Serialize>(
    stream: &mut (impl AsyncWrite + Unpin),
    message: &T,
    patience: Duration,
) -> io::Result<()> {
    let mut line = serde_json::to_vec(message)?;
    line.push(b'\n');
    timeout(patience, stream.write_all(&line)).await?
}

/// Lines from a stream, of which no more is kept than the one that is coming.
#[derive(Debug)]
pub(super) struct Lines<R> {
    stream: R,
    buffer: Vec<u8>,
    max: usize,
}

impl<R: AsyncRead + Unpin> Lines<R> {
    pub fn new(stream: R, max: usize) -> Self {
        Self { stream, buffer: Vec::new(), max }
    }

    /// The next message; `None` at the end of the stream.
    ///
    /// # Errors
    /// `TimedOut` when no whole line came in time, `InvalidData` for one that is too long or is no message,
    /// `UnexpectedEof` for one that broke off, and what `read(2)` says.
    pub async fn next<T: DeserializeOwned>(&mut self, patience: Duration) -> io::Result<Option<T>> {
        let line = timeout(patience, self.line()).await??;
        let message = line.map(|line| serde_json::from_slice(&line)).transpose();
        message.map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))
    }

    async fn line(&mut self) -> io::Result<Option<Vec<u8>>> {
        let mut searched = 0;
        loop {
            if let Some(at) = memchr::memchr(b'\n', self.buffer.get(searched..).unwrap_or_default()) {
                let rest = self.buffer.split_off(searched + at + 1);
                return Ok(Some(std::mem::replace(&mut self.buffer, rest)));
            }
            searched = self.buffer.len();
            if searched >= self.max {
                return Err(io::Error::new(io::ErrorKind::InvalidData, "a line is too long"));
            }
            if self.stream.read_buf(&mut self.buffer).await? == 0 {
                return if searched == 0 { Ok(None) } else { Err(io::ErrorKind::UnexpectedEof.into()) };
            }
        }
    }
}
