//! A connection to a server, with the memory that goes along from one exchange to the next.

use bytes::BytesMut;

use crate::net::{Deadline, Stream};

/// A connection between two exchanges, or in one. It goes from hand to hand in its box.
#[derive(Debug)]
pub struct Connection {
    pub stream: Stream,
    /// What was read and not yet taken.
    pub input: BytesMut,
    /// Where heads are put together before they are written.
    pub output: BytesMut,
    pub deadline: Deadline,
    /// Whether an exchange has ended well on it before.
    pub reused: bool,
}

impl Connection {
    pub fn new(stream: Stream) -> Box<Self> {
        Box::new(Self {
            stream,
            input: BytesMut::new(),
            output: BytesMut::new(),
            deadline: Deadline::none(),
            reused: false,
        })
    }

    /// Whether the peer has neither closed it nor sent anything since: an answer that nobody asked
    /// for must never be taken for that of the next request.
    ///
    /// What comes at this very moment cannot be known. For a request that may be `repeated` if the
    /// connection turns out closed, the event queue's last word is near enough and saves a system call.
    pub fn is_quiet(&self, repeated: bool) -> bool {
        self.input.is_empty() && if repeated { self.stream.was_quiet() } else { self.stream.is_quiet() }
    }
}
