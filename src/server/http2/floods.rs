//! Frames that cost work and bring nothing, counted before anything is made of them.
//!
//! h2 bounds what a client can make it remember. What it merely has to do, like answering each PING, it does
//! for as long as it is asked. Here every frame is seen by its nine octets (RFC 9113 4.1), and those that
//! move no request along take from a credit that useful work gives back.

use std::time::{Duration, Instant};

use bytes::Buf;

/// What a client has to begin with, and never more: enough for a browser that opens a page, leaves it and
/// has all its requests cancelled, several times over.
const MOST: u32 = 1000;

/// How long it takes for one to come back.
const A_CREDIT: Duration = Duration::from_millis(10);

/// What a request gives back when it is answered, and each piece of content that is sent. As many window
/// updates may follow from it, and a PRIORITY or two.
pub(super) const ANSWERED: u32 = 8;
pub(super) const SENT: u32 = 2;

const PREFACE: usize = 24;
const HEADER: usize = 9;

const DATA: u8 = 0;
const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const CONTINUATION: u8 = 9;

const ACK: u8 = 1;
const END_STREAM: u8 = 1;
const END_HEADERS: u8 = 4;

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

    /// Looks at what has come. False when the credit is used up.
    pub fn look(&mut self, mut bytes: &[u8]) -> bool {
        loop {
            let skipped = self.skip.min(bytes.len());
            bytes.advance(skipped);
            self.skip -= skipped;
            let taken = (HEADER - self.filled).min(bytes.len());
            if self.skip > 0 || taken == 0 {
                return true;
            }
            self.begun[self.filled..self.filled + taken].copy_from_slice(&bytes[..taken]);
            bytes.advance(taken);
            self.filled += taken;
            if self.filled == HEADER {
                self.filled = 0;
                if !self.take_frame() {
                    return false;
                }
            }
        }
    }

    fn take_frame(&mut self) -> bool {
        let [high, middle, low, kind, flags, ..] = self.begun;
        let length = usize::from(high) << 16 | usize::from(middle) << 8 | usize::from(low);
        self.skip = length;
        if matches!(kind, HEADERS | CONTINUATION) {
            self.in_block = flags & END_HEADERS == 0;
        }
        self.spend(cost(kind, flags, length))
    }

    fn spend(&mut self, cost: u32) -> bool {
        if self.credit < cost {
            self.earn();
        }
        let left = self.credit.checked_sub(cost);
        self.credit = left.unwrap_or_default();
        left.is_some()
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

/// What a frame takes. Content has its own limits, and a request is paid for by its answer.
const fn cost(kind: u8, flags: u8, length: usize) -> u32 {
    match kind {
        DATA if length == 0 && flags & END_STREAM == 0 => 4,
        DATA => 0,
        // Each has us write as well.
        SETTINGS if flags & ACK == 0 => 4,
        RST_STREAM | CONTINUATION => 2,
        _ => 1,
    }
}
