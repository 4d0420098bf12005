//! One JSON object a line, in both directions of a stream socket.

use std::io;
use std::marker::PhantomData;

use bytes::{Buf, BytesMut};
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};

/// Room for some thousand pools. A longer line is a mistake of ours, and must not eat the memory.
const LONGEST: usize = 16 * 1024 * 1024;

/// Both directions of a connection on which `I` comes and `O` goes.
pub(super) fn open<I, O>(stream: UnixStream) -> (Incoming<I>, Outgoing<O>) {
    let (from, to) = stream.into_split();
    let incoming = Incoming { from, buffer: BytesMut::new(), searched: 0, of: PhantomData };
    (incoming, Outgoing { to, of: PhantomData })
}

#[derive(Debug)]
pub(super) struct Incoming<T> {
    from: OwnedReadHalf,
    buffer: BytesMut,
    /// So many bytes are known to hold no line's end.
    searched: usize,
    of: PhantomData<T>,
}

impl<T: DeserializeOwned> Incoming<T> {
    /// The next one, `None` when the other side is gone. May be dropped and called again: nothing is lost.
    ///
    /// # Errors
    /// Those of reading, and `InvalidData` for what is no `T`.
    pub(super) async fn next(&mut self) -> io::Result<Option<T>> {
        loop {
            if let Some(end) = memchr::memchr(b'\n', self.buffer.get(self.searched..).unwrap_or_default()) {
                let line = self.buffer.split_to(self.searched + end);
                self.buffer.advance(1);
                self.searched = 0;
                return serde_json::from_slice(&line).map(Some).map_err(io::Error::from);
            }
            self.searched = self.buffer.len();
            if self.searched > LONGEST {
                return Err(io::Error::new(io::ErrorKind::InvalidData, "a line without end"));
            }
            if self.from.read_buf(&mut self.buffer).await? == 0 {
                return Ok(None);
            }
        }
    }
}

#[derive(Debug)]
pub(super) struct Outgoing<T> {
    to: OwnedWriteHalf,
    of: PhantomData<T>,
}

impl<T: Serialize> Outgoing<T> {
    /// # Errors
    /// Those of writing, and `InvalidData` for what JSON cannot say.
    pub(super) async fn send(&mut self, value: &T) -> io::Result<()> {
        let mut line = serde_json::to_vec(value)?;
        line.push(b'\n');
        self.to.write_all(&line).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pair() -> (Incoming<Vec<String>>, UnixStream) {
        let (ours, theirs) = UnixStream::pair().unwrap();
        let (incoming, Outgoing::<()> { .. }) = open(ours);
        (incoming, theirs)
    }

    #[tokio::test]
    async fn what_is_sent_arrives_in_order() {
        let (ours, theirs) = UnixStream::pair().unwrap();
        let (_, mut outgoing) = open::<(), _>(ours);
        let (mut incoming, _keep) = open::<Vec<String>, ()>(theirs);
        let long = vec!["a\nb".repeat(100_000)];
        let sending = async {
            for value in [&vec!["first".to_owned()], &long, &vec![]] {
                outgoing.send(value).await.unwrap();
            }
            drop(outgoing);
        };
        let receiving = async {
            assert_eq!(incoming.next().await.unwrap().unwrap(), ["first"]);
            assert_eq!(incoming.next().await.unwrap().unwrap(), long);
            assert_eq!(incoming.next().await.unwrap().unwrap().len(), 0);
            assert_eq!(incoming.next().await.unwrap(), None);
        };
        tokio::join!(sending, receiving);
    }

    #[tokio::test]
    async fn pieces_make_a_line() {
        let (mut incoming, mut theirs) = pair();
        theirs.write_all(b"[\"a").await.unwrap();
        let early = tokio::time::timeout(std::time::Duration::from_millis(20), incoming.next());
        assert!(early.await.is_err());
        theirs.write_all(b"b\"]\n[]\n").await.unwrap();
        assert_eq!(incoming.next().await.unwrap().unwrap(), ["ab"]);
        assert_eq!(incoming.next().await.unwrap().unwrap().len(), 0);
    }

    #[tokio::test]
    async fn what_is_not_understood_is_refused() {
        let (mut incoming, mut theirs) = pair();
        theirs.write_all(b"{}\n").await.unwrap();
        assert_eq!(incoming.next().await.unwrap_err().kind(), io::ErrorKind::InvalidData);
    }
}
