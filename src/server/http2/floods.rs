//! Frames that cost work and bring nothing, counted before anything is made of them.
//!
//! h2 bounds what a client can make it remember. What it merely has to do, like answering each PING, it does
//! for as long as it is asked. Here every frame is seen by its nine octets (RFC 9113 4.1), and those that
//! move no request along take from a credit that useful work gives back. On the way a frame of the wrong
//! size is found, which h2 would name by another error.

use std::time::{Duration, Instant};

use bytes::Buf;
use h2::Reason;

/// What a client has to begin with, and never more: enough for a browser that opens a page, leaves it and
/// has all its requests cancelled, several times over.
const MOST: u32 = 1000;

/// How long it takes for one to come back.
const A_CREDIT: Duration = Duration::from_millis(10);

/// What a request gives back when it is answered: a PRIORITY or two, and a window update, may follow from it.
pub(super) const ANSWERED: u32 = 8;

/// What content that is sent gives back: eager clients open both windows again for every 4 KiB.
pub(super) fn sent(count: usize) -> u32 {
    u32::try_from(2 * (1 + count / 4096)).unwrap_or(MOST)
}

const PREFACE: usize = 24;
const HEADER: usize = 9;

const DATA: u8 = 0;
const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const PUSH_PROMISE: u8 = 5;
const PING: u8 = 6;
const WINDOW_UPDATE: u8 = 8;
const CONTINUATION: u8 = 9;

/// A frame of no more than this may be padding alone (RFC 9113 6.1).
const MOST_PADDING: usize = 256;

const ACK: u8 = 1;
const END_STREAM: u8 = 1;
const END_HEADERS: u8 = 4;
const PADDED: u8 = 8;

/// What a client may still ask of us, and where in a frame its bytes have come.
#[derive(Debug)]
pub(super) struct Floods {
    credit: u32,
    counted: Instant,
    /// Of the preface or of a frame's payload, still to be passed over.
    skip: usize,
    /// The beginning of a frame's header.
    begun: [u8; HEADER],
    filled: usize,
    /// Between a HEADERS frame and the end of its block.
    in_block: bool,
}

impl Floods {
    pub fn new() -> Self {
        Self {
            credit: MOST,
            counted: Instant::now(),
            skip: PREFACE,
            begun: [0; HEADER],
            filled: 0,
            in_block: false,
        }
    }

    /// Looks at what has come.
    ///
    /// # Errors
    /// Why the connection is to end, and how many bytes come before that: the credit is used up, or a frame has a
    /// size that its type cannot have.
    pub fn look(&mut self, all: &[u8]) -> Result<(), (usize, Reason)> {
        let mut bytes = all;
        loop {
            let skipped = self.skip.min(bytes.len());
            bytes.advance(skipped);
            self.skip -= skipped;
            let taken = (HEADER - self.filled).min(bytes.len());
            if self.skip > 0 || taken == 0 {
                return Ok(());
            }
            self.begun[self.filled..self.filled + taken].copy_from_slice(&bytes[..taken]);
            bytes.advance(taken);
            self.filled += taken;
            if self.filled == HEADER {
                self.filled = 0;
                let before = all.len() - bytes.len();
                self.take_frame().map_err(|reason| (before.saturating_sub(HEADER), reason))?;
            }
        }
    }

    fn take_frame(&mut self) -> Result<(), Reason> {
        let [high, middle, low, kind, flags, ..] = self.begun;
        let length = usize::from(high) << 16 | usize::from(middle) << 8 | usize::from(low);
        self.skip = length;
        if !is_possible(kind, flags, length) {
            return Err(Reason::FRAME_SIZE_ERROR);
        }
        if kind == PUSH_PROMISE {
            // RFC 9113 8.4: clients push nothing, on whatever stream.
            return Err(Reason::PROTOCOL_ERROR);
        }
        if matches!(kind, HEADERS | CONTINUATION) {
            self.in_block = flags & END_HEADERS == 0;
        }
        self.spend(cost(kind, flags, length))
    }

    fn spend(&mut self, cost: u32) -> Result<(), Reason> {
        if self.credit < cost {
            self.earn();
        }
        let left = self.credit.checked_sub(cost);
        self.credit = left.unwrap_or_default();
        left.map(|_| ()).ok_or(Reason::ENHANCE_YOUR_CALM)
    }

    /// Adds what time brought. It is looked at only when the credit is nearly used up.
    fn earn(&mut self) {
        let earned = self.counted.elapsed().as_millis() / A_CREDIT.as_millis();
        if earned > 0 {
            self.counted = Instant::now();
            self.give(u32::try_from(earned).unwrap_or(MOST));
        }
    }

    /// Work was done that its client wanted.
    pub fn give(&mut self, credit: u32) {
        self.credit = self.credit.saturating_add(credit).min(MOST);
    }

    /// Whether a frame, or a block of fields, has begun and not ended.
    pub const fn is_inside(&self) -> bool {
        self.in_block || self.skip > 0 || self.filled > 0
    }
}

/// RFC 9113 6.4, 6.5, 6.7 and 6.9: other sizes are an error of the connection.
const fn is_possible(kind: u8, flags: u8, length: usize) -> bool {
    match kind {
        RST_STREAM | WINDOW_UPDATE => length == 4,
        SETTINGS if flags & ACK != 0 => length == 0,
        SETTINGS => length.is_multiple_of(6),
        PING => length == 8,
        _ => true,
    }
}

/// What a frame takes. Content has its own limits, and a request is paid for by its answer.
const fn cost(kind: u8, flags: u8, length: usize) -> u32 {
    match kind {
        DATA if length == 0 && flags & END_STREAM == 0 => 4,
        DATA if flags & PADDED != 0 && length <= MOST_PADDING => 1,
        DATA => 0,
        // Each has us write as well.
        SETTINGS if flags & ACK == 0 => 4,
        RST_STREAM | CONTINUATION => 2,
        _ => 1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(kind: u8, flags: u8, payload: &[u8]) -> Vec<u8> {
        let length = u8::try_from(payload.len()).unwrap();
        [&[0, 0, length, kind, flags, 0, 0, 0, 1], payload].concat()
    }

    fn begun() -> Floods {
        let mut floods = Floods::new();
        floods.look(&[0; PREFACE]).unwrap();
        floods
    }

    #[test]
    fn frames_are_found_however_their_bytes_come() {
        let bytes =
            [frame(HEADERS, END_HEADERS, b"ab"), frame(PING, 0, &[0; 8]), frame(DATA, 0, b"")].concat();
        for step in 1..bytes.len() {
            let mut floods = begun();
            for piece in bytes.chunks(step) {
                floods.look(piece).unwrap();
            }
            assert_eq!((floods.credit, floods.is_inside()), (MOST - 6, false), "in steps of {step}");
        }
    }

    #[test]
    fn a_block_of_fields_lasts_until_it_ends() {
        let mut floods = begun();
        floods.look(&frame(HEADERS, 0, b"")).unwrap();
        assert!(floods.is_inside());
        floods.look(&frame(CONTINUATION, END_HEADERS, b"")).unwrap();
        assert!(!floods.is_inside());
    }

    #[test]
    fn what_brings_nothing_is_taken_so_often_and_no_more() {
        let mut floods = begun();
        let ping = frame(PING, 0, &[0; 8]);
        let taken = (0..3 * MOST).take_while(|_| floods.look(&ping).is_ok()).count();
        // Time goes by as well.
        assert!((MOST..2 * MOST).contains(&u32::try_from(taken).unwrap()), "{taken}");
    }

    #[test]
    fn useful_work_pays_for_window_updates() {
        let mut floods = begun();
        for _ in 0..3 * MOST {
            floods.look(&frame(WINDOW_UPDATE, 0, &[0; 4]).repeat(2)).unwrap();
            floods.give(sent(1));
        }
    }

    #[test]
    fn a_frame_of_a_wrong_size_is_an_error_of_the_connection() {
        for wrong in [frame(PING, 0, &[0; 7]), frame(SETTINGS, ACK, &[0; 6]), frame(RST_STREAM, 0, &[0; 5])] {
            assert_eq!(begun().look(&wrong), Err((0, Reason::FRAME_SIZE_ERROR)));
        }
    }
}
