//! zstd (RFC 8878).

use std::io;

use bytes::BytesMut;
use zstd::stream::raw::{CParameter, Encoder, InBuffer, Operation as _, OutBuffer};

use super::{Encode, Operation, SCRATCH, failed};
use crate::coding::Coding;
use crate::http::Fault;

/// 128 KiB, as much as the library takes in at once anyway. RFC 9659 has 8 MiB as the most a client must do.
const WINDOW_LOG: u32 = 17;

/// Up to here the tables are smaller than those of a whole window. Beyond, they would be made for files of
/// gigabytes: 80 MiB for level 19.
const FAST_LEVELS: i32 = 4;

pub(super) struct Zstd(Encoder<'static>);

impl Zstd {
    pub fn new(level: i32, length: Option<u64>) -> Result<Self, Fault> {
        let level = level.clamp(1, 19);
        let prepare = || {
            let mut encoder = Encoder::new(level)?;
            encoder.set_parameter(CParameter::WindowLog(WINDOW_LOG))?;
            if level > FAST_LEVELS {
                encoder.set_parameter(CParameter::HashLog(WINDOW_LOG))?;
                encoder.set_parameter(CParameter::ChainLog(WINDOW_LOG))?;
            }
            encoder.set_pledged_src_size(length)?;
            Ok(Self(encoder))
        };
        prepare().map_err(|error: io::Error| failed(Coding::Zstd, error))
    }

    /// What is left to be done for `operation` once the input is read; 0 is nothing.
    fn step(
        &mut self,
        input: &mut InBuffer<'_>,
        operation: Operation,
        output: &mut OutBuffer<'_, [u8]>,
    ) -> io::Result<usize> {
        if input.pos() < input.src.len() {
            self.0.run(input, output)?;
            let is_read = input.pos() == input.src.len();
            return Ok(usize::from(!is_read || operation != Operation::Process));
        }
        match operation {
            Operation::Process => Ok(0),
            Operation::Flush => self.0.flush(output),
            Operation::Finish => self.0.finish(output, true),
        }
    }
}

impl Encode for Zstd {
    fn run(&mut self, input: &[u8], operation: Operation, out: &mut BytesMut) -> Result<(), Fault> {
        let mut input = InBuffer::around(input);
        let mut scratch = [0; SCRATCH];
        loop {
            let mut output = OutBuffer::around(&mut scratch[..]);
            let left =
                self.step(&mut input, operation, &mut output).map_err(|error| failed(Coding::Zstd, error))?;
            out.extend_from_slice(output.as_slice());
            if left == 0 {
                return Ok(());
            }
        }
    }
}
