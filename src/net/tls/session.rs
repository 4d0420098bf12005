//! What rustls has to be told and asked.

use bytes::{Buf, BytesMut};
use rustls::client::UnbufferedClientConnection;
use rustls::server::UnbufferedServerConnection;
use rustls::unbuffered::{
    ConnectionState, EncodeError, EncodeTlsData, EncryptError, InsufficientSizeError, UnbufferedStatus,
    WriteTraffic,
};
use rustls::{CommonState, Error};

/// One side of a connection.
pub(super) enum Session {
    Server(UnbufferedServerConnection),
    Client(UnbufferedClientConnection),
}

/// Where a session has come with what was there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Event {
    /// It cannot go on before more has come.
    Handshaking,
    /// Content can be sent.
    Established,
    /// The peer sends no more.
    Ended,
}

/// What has come and not been looked at, content, and records to be sent.
type Buffers<'a> = (&'a mut BytesMut, &'a mut BytesMut, &'a mut BytesMut);

/// Room that each record takes beside its content, at the most (RFC 5246 6.2.3.3: header, nonce, tag).
const OVERHEAD: usize = 64;
const RECORD: usize = 16 * 1024;

/// Room for the records of so much content, and for a word of the protocol's own.
pub(super) const fn room(content: usize) -> usize {
    content + (content / RECORD + 4) * OVERHEAD
}

/// What follows one step.
enum Step {
    Again,
    Ended,
    Rest(Event),
}

impl Session {
    pub fn common(&self) -> &CommonState {
        match self {
            Self::Server(session) => session,
            Self::Client(session) => session,
        }
    }

    /// Takes records as far as they are whole: their content, and what is to be answered.
    pub fn advance(
        &mut self,
        incoming: &mut BytesMut,
        plain: &mut BytesMut,
        outgoing: &mut BytesMut,
    ) -> Result<Event, Error> {
        let mut failed = None;
        let mut ended = false;
        loop {
            let (discard, step) = match self {
                Self::Server(session) => step(session.process_tls_records(incoming), plain, outgoing),
                Self::Client(session) => step(session.process_tls_records(incoming), plain, outgoing),
            };
            incoming.advance(discard.min(incoming.len()));
            // The alert that tells the peer comes with one more step. With another, what is faulty would be met
            // again.
            if let Some(error) = failed {
                return Err(error);
            }
            match step {
                Ok(Step::Again) => {}
                Ok(Step::Ended) => ended = true,
                Ok(Step::Rest(event)) => return Ok(if ended { Event::Ended } else { event }),
                Err(error) => failed = Some(error),
            }
        }
    }

    /// Encrypts content into `records`, from their beginning on; how many bytes they are.
    pub fn encrypt(&mut self, content: &[u8], records: &mut [u8], all: Buffers<'_>) -> Result<usize, Error> {
        self.with_traffic(all, Encrypt { content, records })
    }

    /// Tells the peer that nothing more comes.
    pub fn farewell(&mut self, records: &mut [u8], all: Buffers<'_>) -> Result<usize, Error> {
        self.with_traffic(all, Farewell { records })
    }

    fn with_traffic(
        &mut self,
        (incoming, plain, outgoing): Buffers<'_>,
        mut write: impl Write,
    ) -> Result<usize, Error> {
        loop {
            let (discard, written) = match self {
                Self::Server(session) => {
                    write_by(session.process_tls_records(incoming), plain, outgoing, &mut write)
                }
                Self::Client(session) => {
                    write_by(session.process_tls_records(incoming), plain, outgoing, &mut write)
                }
            };
            incoming.advance(discard.min(incoming.len()));
            if let Some(written) = written? {
                return Ok(written);
            }
        }
    }
}

/// What is written as soon as it may be.
trait Write {
    fn write<D>(&mut self, traffic: &mut WriteTraffic<'_, D>) -> Result<usize, Error>;
}

struct Encrypt<'a> {
    content: &'a [u8],
    records: &'a mut [u8],
}

impl Write for Encrypt<'_> {
    fn write<D>(&mut self, traffic: &mut WriteTraffic<'_, D>) -> Result<usize, Error> {
        traffic.encrypt(self.content, self.records).map_err(|error| unwritten(&error))
    }
}

struct Farewell<'a> {
    records: &'a mut [u8],
}

impl Write for Farewell<'_> {
    fn write<D>(&mut self, traffic: &mut WriteTraffic<'_, D>) -> Result<usize, Error> {
        traffic.queue_close_notify(self.records).map_err(|error| unwritten(&error))
    }
}

fn unwritten(error: &EncryptError) -> Error {
    match error {
        EncryptError::InsufficientSize(_) => Error::General("too little room for records".into()),
        EncryptError::EncryptExhausted => Error::EncryptError,
    }
}

fn write_by<D>(
    status: UnbufferedStatus<'_, '_, D>,
    plain: &mut BytesMut,
    outgoing: &mut BytesMut,
    write: &mut impl Write,
) -> (usize, Result<Option<usize>, Error>) {
    if let UnbufferedStatus { discard, state: Ok(ConnectionState::WriteTraffic(mut traffic)) } = status {
        return (discard, write.write(&mut traffic).map(Some));
    }
    let (discard, stepped) = step(status, plain, outgoing);
    let went_on = stepped.and_then(|step| match step {
        Step::Again | Step::Ended => Ok(None),
        Step::Rest(_) => Err(Error::HandshakeNotComplete),
    });
    (discard, went_on)
}

fn step<D>(
    status: UnbufferedStatus<'_, '_, D>,
    plain: &mut BytesMut,
    outgoing: &mut BytesMut,
) -> (usize, Result<Step, Error>) {
    let UnbufferedStatus { mut discard, state } = status;
    let step = match state {
        Err(error) => Err(error),
        Ok(ConnectionState::ReadTraffic(mut traffic)) => loop {
            match traffic.next_record() {
                Some(Ok(record)) => {
                    discard += record.discard;
                    plain.extend_from_slice(record.payload);
                }
                Some(Err(error)) => break Err(error),
                None => break Ok(Step::Again),
            }
        },
        Ok(ConnectionState::EncodeTlsData(mut data)) => encode(&mut data, outgoing).map(|()| Step::Again),
        Ok(ConnectionState::TransmitTlsData(data)) => {
            // It is in `outgoing`, which leaves before anything else.
            data.done();
            Ok(Step::Again)
        }
        Ok(ConnectionState::PeerClosed) => Ok(Step::Ended),
        Ok(ConnectionState::Closed) => Ok(Step::Rest(Event::Ended)),
        Ok(ConnectionState::WriteTraffic(_)) => Ok(Step::Rest(Event::Established)),
        Ok(ConnectionState::BlockedHandshake) => Ok(Step::Rest(Event::Handshaking)),
        // Early data is never offered: a request in it could be repeated by anybody.
        Ok(_) => Err(Error::General("early data was not offered".into())),
    };
    (discard, step)
}

fn encode<D>(data: &mut EncodeTlsData<'_, D>, outgoing: &mut BytesMut) -> Result<(), Error> {
    let begin = outgoing.len();
    let mut room = 0;
    loop {
        outgoing.resize(begin + room, 0);
        let written = data.encode(outgoing.get_mut(begin..).unwrap_or_default());
        match written {
            Ok(written) => {
                outgoing.truncate(begin + written);
                return Ok(());
            }
            Err(EncodeError::InsufficientSize(InsufficientSizeError { required_size })) => {
                room = required_size;
            }
            Err(EncodeError::AlreadyEncoded) => return Ok(()),
        }
    }
}
