//! zstd (RFC 8878).

use bytes::BytesMut;
use zstd::zstd_safe::{CCtx, CParameter, InBuffer, OutBuffer, get_error_name};

use super::{Encode, Operation, SCRATCH, failed};
use crate::coding::Coding;
use crate::http::Fault;

/// 128 KiB, as much as the library takes in at once anyway. RFC 9659 has 8 MiB as the most a client must do.
const WINDOW_LOG: u32 = 17;

/// Up to here the tables are smaller than those of a whole window. Beyond, they would be made for files of
/// gigabytes: level 9 would hold 10 MiB, level 19 80.
const FAST_LEVELS: i32 = 4;

pub(super) struct Zstd(CCtx<'static>);

/// What the library returns: how much is left to be done, or a number for what went wrong.
type Outcome = Result<usize, usize>;

impl Zstd {
    pub fn new(level: i32, length: Option<u64>) -> Result<Self, Fault> {
        let mut context = CCtx::try_create().ok_or_else(|| failed(Coding::Zstd, "no memory"))?;
        prepare(&mut context, level.clamp(1, 19), length).map_err(failure)?;
        Ok(Self(context))
    }

    /// What is left to be done for `operation`; 0 is nothing.
    fn step(
        &mut self,
        input: &mut InBuffer<'_>,
        operation: Operation,
        output: &mut OutBuffer<'_, [u8]>,
    ) -> Outcome {
        if input.pos() < input.src.len() {
            self.0.compress_stream(output, input)?;
            let is_read = input.pos() == input.src.len();
            return Ok(usize::from(!is_read || operation != Operation::Process));
        }
        match operation {
            Operation::Process => Ok(0),
            Operation::Flush => self.0.flush_stream(output),
            Operation::Finish => self.0.end_stream(output),
        }
    }
}

fn prepare(context: &mut CCtx<'static>, level: i32, length: Option<u64>) -> Outcome {
    context.set_parameter(CParameter::CompressionLevel(level))?;
    context.set_parameter(CParameter::WindowLog(WINDOW_LOG))?;
    if level > FAST_LEVELS {
        context.set_parameter(CParameter::HashLog(WINDOW_LOG))?;
        context.set_parameter(CParameter::ChainLog(WINDOW_LOG))?;
    }
    context.set_pledged_src_size(length)
}

fn failure(code: usize) -> Fault {
    failed(Coding::Zstd, get_error_name(code))
}

impl Encode for Zstd {
    fn run(&mut self, input: &[u8], operation: Operation, out: &mut BytesMut) -> Result<(), Fault> {
        let mut input = InBuffer::around(input);
        let mut scratch = [0; SCRATCH];
        loop {
            let mut output = OutBuffer::around(&mut scratch[..]);
            let left = self.step(&mut input, operation, &mut output).map_err(failure)?;
            out.extend_from_slice(output.as_slice());
            if left == 0 {
                return Ok(());
            }
        }
    }
}
