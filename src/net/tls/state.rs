//! What a stream keeps between two looks at its socket.

use std::io;

use bytes::BytesMut;

use super::memory;
use super::session::{Event, Session};

pub(super) struct State {
    pub session: Session,
    /// The beginning of a record whose end has not come.
    pub incoming: BytesMut,
    /// Decrypted, and not taken yet.
    pub plain: BytesMut,
    /// Records on their way out.
    pub outgoing: BytesMut,
    pub is_established: bool,
    /// How the other side's direction ended.
    pub end: Option<End>,
    /// Nothing is said in farewell: the end is to look like what it is.
    pub is_aborted: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// The peer said so (close_notify).
    Said,
    /// The connection ended without a word: what came last may be missing (RFC 8446 6.1).
    CutOff,
}

impl State {
    /// Takes what has come as far as it goes.
    pub fn advance(&mut self) -> io::Result<()> {
        let mut plain = std::mem::take(&mut self.plain);
        let advanced = self.advance_into(&mut plain);
        self.plain = plain;
        advanced
    }

    /// The same, with the content put there.
    pub fn advance_into(&mut self, plain: &mut BytesMut) -> io::Result<()> {
        let Self { session, incoming, outgoing, .. } = self;
        let event = session.advance(incoming, plain, outgoing);
        if incoming.is_empty() {
            memory::give_back(std::mem::take(incoming));
        }
        // What is faulty would be met again by whoever says farewell.
        self.is_aborted |= event.is_err();
        match event.map_err(of_protocol)? {
            Event::Established => self.is_established = true,
            Event::Ended => self.end = Some(End::Said),
            Event::Handshaking => {}
        }
        Ok(())
    }

    pub fn take_plain(&mut self, buffer: &mut BytesMut) -> usize {
        let count = self.plain.len();
        if buffer.is_empty() {
            *buffer = std::mem::take(&mut self.plain);
        } else {
            buffer.extend_from_slice(&self.plain);
            self.plain = BytesMut::new();
        }
        count
    }

    pub fn cut_off(&self) -> io::Result<usize> {
        match self.session {
            // Clients close without a word all the time, and a request tells its own length.
            Session::Server(_) => Ok(0),
            Session::Client(_) => {
                let what = "the connection ended without the farewell of TLS: what came last may be missing";
                Err(io::Error::new(io::ErrorKind::UnexpectedEof, what))
            }
        }
    }

    pub fn encrypt(&mut self, plain: &[u8], records: &mut [u8]) -> io::Result<usize> {
        let Self { session, incoming, plain: read, outgoing, .. } = self;
        session.encrypt(plain, records, (incoming, read, outgoing)).map_err(of_protocol)
    }

    pub fn farewell(&mut self, records: &mut [u8]) -> io::Result<usize> {
        let Self { session, incoming, plain: read, outgoing, .. } = self;
        session.farewell(records, (incoming, read, outgoing)).map_err(of_protocol)
    }
}

fn of_protocol(error: rustls::Error) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, error)
}
