//! A client of HTTP/2 that sends exactly the frames it is told to (RFC 9113 4).
//!
//! It compresses nothing, and has the server remember nothing of what that compresses: so it needs to know
//! no more of HPACK than the static table.

use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use super::PATIENCE;
use super::proxy::Proxy;

pub const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

pub const DATA: u8 = 0;
pub const HEADERS: u8 = 1;
pub const PRIORITY: u8 = 2;
pub const RST_STREAM: u8 = 3;
pub const SETTINGS: u8 = 4;
pub const PUSH_PROMISE: u8 = 5;
pub const PING: u8 = 6;
pub const GOAWAY: u8 = 7;
pub const WINDOW_UPDATE: u8 = 8;
pub const CONTINUATION: u8 = 9;

pub const ACK: u8 = 1;
pub const END_STREAM: u8 = 1;
pub const END_HEADERS: u8 = 4;
pub const PADDED: u8 = 8;
pub const PRIORITISED: u8 = 32;

pub const NO_ERROR: u32 = 0;
pub const PROTOCOL_ERROR: u32 = 1;
pub const FLOW_CONTROL_ERROR: u32 = 3;
pub const STREAM_CLOSED: u32 = 5;
pub const FRAME_SIZE_ERROR: u32 = 6;
pub const REFUSED_STREAM: u32 = 7;
pub const COMPRESSION_ERROR: u32 = 9;
pub const ENHANCE_YOUR_CALM: u32 = 11;

/// A request for `/`.
pub const GET: &[(&str, &str)] =
    &[(":method", "GET"), (":scheme", "http"), (":path", "/"), (":authority", "localhost")];
pub const POST: &[(&str, &str)] =
    &[(":method", "POST"), (":scheme", "http"), (":path", "/"), (":authority", "localhost")];

#[derive(Debug)]
pub struct Frames {
    socket: TcpStream,
    buffer: Vec<u8>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame {
    pub kind: u8,
    pub flags: u8,
    pub stream: u32,
    pub payload: Vec<u8>,
}

/// How the server took offence.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Offence {
    Stream(u32, u32),
    Connection(u32),
    /// It closed without a word.
    Closed,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Answer {
    pub status: u16,
    pub body: Vec<u8>,
}

impl Frames {
    /// A connection on which nothing was sent.
    pub fn silent(proxy: &Proxy) -> Self {
        let socket = TcpStream::connect(proxy.addr()).unwrap();
        socket.set_read_timeout(Some(PATIENCE)).unwrap();
        socket.set_write_timeout(Some(PATIENCE)).unwrap();
        Self { socket, buffer: Vec::new() }
    }

    /// A connection on which both sides have told their settings.
    pub fn open(proxy: &Proxy) -> Self {
        Self::with_settings(proxy, &[])
    }

    /// The same with settings of the client's own.
    pub fn with_settings(proxy: &Proxy, own: &[(u16, u32)]) -> Self {
        let mut frames = Self::silent(proxy);
        frames.send(PREFACE).settings(&[&[(1, 0)], own].concat());
        frames.wait(|frame| frame.kind == SETTINGS && frame.flags == 0);
        frames.frame(SETTINGS, ACK, 0, b"");
        frames.wait(|frame| frame.kind == SETTINGS && frame.flags == ACK);
        frames
    }

    pub fn send(&mut self, bytes: impl AsRef<[u8]>) -> &mut Self {
        // What a server that has closed refuses to take shows with the next read.
        let _ = self.socket.write_all(bytes.as_ref());
        self
    }

    pub fn frame(&mut self, kind: u8, flags: u8, stream: u32, payload: impl AsRef<[u8]>) -> &mut Self {
        self.send(frame(kind, flags, stream, payload))
    }

    pub fn settings(&mut self, values: &[(u16, u32)]) -> &mut Self {
        self.frame(SETTINGS, 0, 0, settings(values))
    }

    /// A whole block of fields.
    pub fn headers(&mut self, stream: u32, flags: u8, fields: &[(&str, &str)]) -> &mut Self {
        self.frame(HEADERS, flags | END_HEADERS, stream, block(fields))
    }

    /// A request without a body.
    pub fn request(&mut self, stream: u32, fields: &[(&str, &str)]) -> &mut Self {
        self.headers(stream, END_STREAM, fields)
    }

    pub fn data(&mut self, stream: u32, flags: u8, data: impl AsRef<[u8]>) -> &mut Self {
        self.frame(DATA, flags, stream, data)
    }

    pub fn window(&mut self, stream: u32, more: u32) -> &mut Self {
        self.frame(WINDOW_UPDATE, 0, stream, more.to_be_bytes())
    }

    pub fn reset(&mut self, stream: u32, code: u32) -> &mut Self {
        self.frame(RST_STREAM, 0, stream, code.to_be_bytes())
    }

    /// The next frame; `None` once the connection is over.
    pub fn next(&mut self) -> Option<Frame> {
        while self.buffer.len() < 9 || self.buffer.len() < 9 + length(&self.buffer) {
            let mut room = [0; 16 * 1024];
            match self.socket.read(&mut room) {
                Ok(0) => return None,
                Ok(count) => self.buffer.extend_from_slice(&room[..count]),
                Err(error) if error.kind() == ErrorKind::WouldBlock => panic!("nothing came"),
                Err(_) => return None,
            }
        }
        let end = 9 + length(&self.buffer);
        let bytes: Vec<u8> = self.buffer.drain(..end).collect();
        Some(Frame {
            kind: bytes[3],
            flags: bytes[4],
            stream: u32::from_be_bytes(bytes[5..9].try_into().unwrap()) & 0x7fff_ffff,
            payload: bytes[9..].to_vec(),
        })
    }

    /// The next frame of that kind; others are passed over.
    pub fn wait(&mut self, wanted: impl Fn(&Frame) -> bool) -> Frame {
        loop {
            let frame = self.next().expect("the connection has ended");
            assert_ne!(frame.kind, GOAWAY, "the server goes away: {frame:?}");
            if wanted(&frame) {
                return frame;
            }
        }
    }

    /// Whether nothing comes for a moment.
    pub fn is_silent_for(&mut self, moment: Duration) -> bool {
        self.socket.set_read_timeout(Some(moment)).unwrap();
        let mut room = [0; 16 * 1024];
        let read = self.socket.read(&mut room);
        self.socket.set_read_timeout(Some(PATIENCE)).unwrap();
        if let Ok(count) = read {
            self.buffer.extend_from_slice(&room[..count]);
        }
        self.buffer.is_empty() && read.is_err_and(|error| error.kind() == ErrorKind::WouldBlock)
    }

    /// Asks for an echo, and reads on to it: the server has seen all that was sent before.
    pub fn ping(&mut self) {
        self.frame(PING, 0, 0, b"rproxy!!");
        let pong = self.wait(|frame| frame.kind == PING && frame.flags == ACK);
        assert_eq!(pong.payload, b"rproxy!!");
    }

    /// The whole answer on a stream.
    pub fn answer(&mut self, stream: u32) -> Answer {
        let mut answer = Answer::default();
        loop {
            let frame = self.wait(|frame| frame.stream == stream);
            match frame.kind {
                HEADERS if answer.status < 200 => answer.status = status(&frame.payload),
                HEADERS => {}
                DATA => answer.body.extend_from_slice(&frame.payload),
                WINDOW_UPDATE => continue,
                _ => panic!("{frame:?} instead of an answer"),
            }
            if frame.flags & END_STREAM != 0 {
                return answer;
            }
        }
    }

    /// The first offence that the server takes.
    pub fn offence(&mut self) -> Offence {
        loop {
            match self.next() {
                None => return Offence::Closed,
                Some(Frame { kind: RST_STREAM, stream, payload, .. }) => {
                    return Offence::Stream(stream, number(&payload));
                }
                Some(Frame { kind: GOAWAY, payload, .. }) => {
                    return Offence::Connection(number(&payload[4..]));
                }
                Some(_) => {}
            }
        }
    }

    /// That the server ends the connection for this reason, and does. It may have answered before.
    pub fn fails(&mut self, codes: &[u32]) {
        let mut offence = self.offence();
        while matches!(offence, Offence::Stream(_, NO_ERROR)) {
            offence = self.offence();
        }
        let allowed = codes.iter().any(|code| offence == Offence::Connection(*code));
        assert!(allowed, "{offence:?} instead of one of {codes:?} for the connection");
        while self.next().is_some() {}
    }

    /// That the server refuses a stream for this reason, and goes on, or ends the connection for it, which is
    /// always allowed (RFC 9113 5.4). Whether it goes on.
    pub fn refuses(&mut self, stream: u32, codes: &[u32]) -> bool {
        match self.offence() {
            Offence::Stream(reset, code) => {
                assert!(reset == stream && codes.contains(&code), "{reset} {code}");
            }
            Offence::Connection(code) => {
                assert!(codes.contains(&code), "{code}");
                return false;
            }
            Offence::Closed => panic!("closed without a word"),
        }
        self.ping();
        true
    }

    /// That the server still answers.
    pub fn goes_on(&mut self, stream: u32) {
        assert_eq!(self.request(stream, GET).answer(stream).status, 200);
    }
}

pub fn frame(kind: u8, flags: u8, stream: u32, payload: impl AsRef<[u8]>) -> Vec<u8> {
    let payload = payload.as_ref();
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    [&length[1..], &[kind, flags], &stream.to_be_bytes(), payload].concat()
}

pub fn settings(values: &[(u16, u32)]) -> Vec<u8> {
    values.iter().flat_map(|(id, value)| [&id.to_be_bytes()[..], &value.to_be_bytes()].concat()).collect()
}

/// Fields as literals that are not to be remembered (RFC 7541 6.2.2).
pub fn block(fields: &[(&str, &str)]) -> Vec<u8> {
    fields.iter().flat_map(|(name, value)| [&[0][..], &text(name), &text(value)].concat()).collect()
}

/// A string without Huffman's code (RFC 7541 5.2).
pub fn text(text: &str) -> Vec<u8> {
    [integer(text.len(), 7, 0), text.as_bytes().to_vec()].concat()
}

/// RFC 7541 5.1.
fn integer(mut value: usize, bits: u32, first: u8) -> Vec<u8> {
    let most = (1 << bits) - 1;
    if value < most {
        return vec![first | u8::try_from(value).unwrap()];
    }
    let mut bytes = vec![first | u8::try_from(most).unwrap()];
    value -= most;
    while value >= 128 {
        bytes.push(u8::try_from(value % 128).unwrap() | 128);
        value /= 128;
    }
    bytes.push(u8::try_from(value).unwrap());
    bytes
}

fn length(bytes: &[u8]) -> usize {
    usize::from(bytes[0]) << 16 | usize::from(bytes[1]) << 8 | usize::from(bytes[2])
}

fn number(bytes: &[u8]) -> u32 {
    u32::from_be_bytes(bytes[..4].try_into().unwrap())
}

/// The status that a block begins with: one of the static table, or three digits.
fn status(block: &[u8]) -> u16 {
    let block = block.strip_prefix(&[0x20]).unwrap_or(block);
    let known = [200, 204, 206, 304, 400, 404, 500];
    match block {
        [index @ 0x88..=0x8e, ..] => known[usize::from(index - 0x88)],
        [0x08..=0x0e | 0x48..=0x4e, length, digits @ ..] if length & 0x80 != 0 => {
            huffman_digits(&digits[..usize::from(length & 0x7f)])
        }
        [0x08..=0x0e | 0x48..=0x4e, length, digits @ ..] => {
            str::from_utf8(&digits[..usize::from(*length)]).unwrap().parse().unwrap()
        }
        _ => panic!("{block:x?} does not begin with a status"),
    }
}

/// Three digits in Huffman's code (RFC 7541, appendix B): those up to 2 have five bits, the others six.
fn huffman_digits(bytes: &[u8]) -> u16 {
    let bits: Vec<u16> =
        bytes.iter().flat_map(|byte| (0..8).map(move |at| u16::from(byte >> (7 - at) & 1))).collect();
    let take = |at: usize, count: usize| bits[at..at + count].iter().fold(0, |sum, bit| sum * 2 + bit);
    let (mut at, mut number) = (0, 0);
    for _ in 0..3 {
        let digit = if take(at, 5) < 3 { (take(at, 5), 5) } else { (take(at, 6) - 0x19 + 3, 6) };
        number = number * 10 + digit.0;
        at += digit.1;
    }
    number
}
