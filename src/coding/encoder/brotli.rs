//! brotli (RFC 7932).

use brotli::enc::StandardAlloc;
use brotli::enc::encode::{
    BrotliEncoderOperation as BrotliOperation, BrotliEncoderParameter as Parameter, BrotliEncoderStateStruct,
};
use bytes::BytesMut;

use super::{Encode, Operation, failed};
use crate::coding::Coding;
use crate::http::Fault;

/// 128 KiB. Twice that holds a MiB more for a hundredth fewer bytes; half of it makes the library take
/// another way of searching from level 5 on, which holds 34 MiB (measured).
const WINDOW_LOG: u32 = 17;

/// Of a body that is compressed in one go and kept, so that few are at work at a time.
const SHORT: u64 = 1024 * 1024;

/// The highest level for bodies that are long, or may be: from 9 on the library holds 37 MiB for each (measured).
const LONG_LEVEL: u32 = 6;

/// Told whatever the length is: for a MiB and more the library takes larger tables.
const SIZE_HINT: u32 = 64 * 1024;

pub(super) struct Brotli(BrotliEncoderStateStruct<StandardAlloc>);

impl Brotli {
    pub fn new(level: u32, length: Option<u64>) -> Self {
        let is_short = length.is_some_and(|length| length <= SHORT);
        let level = level.min(if is_short { 11 } else { LONG_LEVEL });
        let mut state = BrotliEncoderStateStruct::new(StandardAlloc::default());
        state.set_parameter(Parameter::BROTLI_PARAM_QUALITY, level);
        state.set_parameter(Parameter::BROTLI_PARAM_LGWIN, WINDOW_LOG);
        state.set_parameter(Parameter::BROTLI_PARAM_SIZE_HINT, SIZE_HINT);
        Self(state)
    }

    /// How much of the input was read by one call. The output stays in the library.
    fn step(&mut self, input: &[u8], operation: BrotliOperation) -> Option<usize> {
        let (mut left, mut read) = (input.len(), 0);
        let (mut room, mut written, mut total) = (0, 0, None);
        self.0
            .compress_stream(
                operation,
                &mut left,
                input,
                &mut read,
                &mut room,
                &mut [],
                &mut written,
                &mut total,
                &mut |_, _, _, _| (),
            )
            .then_some(read)
    }

    fn take_output(&mut self, out: &mut BytesMut) {
        while self.0.has_more_output() {
            let mut length = 0;
            let piece = self.0.take_output(&mut length);
            out.extend_from_slice(piece.get(..length).unwrap_or_default());
        }
    }
}

impl Encode for Brotli {
    fn run(&mut self, mut input: &[u8], operation: Operation, out: &mut BytesMut) -> Result<(), Fault> {
        let asked = match operation {
            Operation::Process => BrotliOperation::BROTLI_OPERATION_PROCESS,
            Operation::Flush => BrotliOperation::BROTLI_OPERATION_FLUSH,
            Operation::Finish => BrotliOperation::BROTLI_OPERATION_FINISH,
        };
        loop {
            let read =
                self.step(input, asked).ok_or_else(|| failed(Coding::Brotli, "the encoder refuses"))?;
            input = input.get(read..).unwrap_or_default();
            self.take_output(out);
            if input.is_empty() && (operation != Operation::Finish || self.0.is_finished()) {
                return Ok(());
            }
        }
    }
}
