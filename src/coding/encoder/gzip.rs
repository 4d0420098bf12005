//! gzip (RFC 1952) by zlib-rs.

use bytes::BytesMut;
use flate2::{Compress, Compression, FlushCompress, Status};

use super::{Encode, Operation, SCRATCH, failed};
use crate::coding::Coding;
use crate::http::Fault;

/// The largest there is, 32 KiB.
const WINDOW_BITS: u8 = 15;

pub(super) struct Gzip(Compress);

impl Gzip {
    pub fn new(level: u32) -> Self {
        Self(Compress::new_gzip(Compression::new(level.clamp(1, 9)), WINDOW_BITS))
    }

    /// What was read and written by one call.
    fn step(
        &mut self,
        input: &[u8],
        flush: FlushCompress,
        scratch: &mut [u8],
    ) -> Result<(usize, usize, Status), Fault> {
        let (total_in, total_out) = (self.0.total_in(), self.0.total_out());
        let status = self.0.compress(input, scratch, flush).map_err(|error| failed(Coding::Gzip, error))?;
        let since = |now: u64, then: u64| usize::try_from(now.saturating_sub(then)).unwrap_or(usize::MAX);
        Ok((since(self.0.total_in(), total_in), since(self.0.total_out(), total_out), status))
    }
}

impl Encode for Gzip {
    fn run(&mut self, mut input: &[u8], operation: Operation, out: &mut BytesMut) -> Result<(), Fault> {
        let flush = match operation {
            Operation::Process => FlushCompress::None,
            Operation::Flush => FlushCompress::Sync,
            Operation::Finish => FlushCompress::Finish,
        };
        let mut scratch = [0; SCRATCH];
        loop {
            let (read, written, status) = self.step(input, flush, &mut scratch)?;
            input = input.get(read..).unwrap_or_default();
            out.extend_from_slice(scratch.get(..written).unwrap_or_default());
            // It stops before that only where it has no room.
            if status == Status::StreamEnd || written < scratch.len() {
                return if input.is_empty() { Ok(()) } else { Err(failed(Coding::Gzip, "stopped early")) };
            }
        }
    }
}
