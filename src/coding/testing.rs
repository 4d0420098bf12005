//! What clients do with coded content, by the libraries' own decoders.

use std::io::{Read, Write};

use super::Coding;

/// Decodes as the bytes come.
#[derive(Debug)]
pub struct Decoder {
    coding: Coding,
    coded: Vec<u8>,
}

impl Decoder {
    pub fn new(coding: Coding) -> Self {
        Self { coding, coded: Vec::new() }
    }

    /// All that can be decoded, with these bytes.
    pub fn feed(&mut self, coded: &[u8]) -> Vec<u8> {
        self.coded.extend_from_slice(coded);
        read(self.coding, &self.coded).0
    }
}

/// All of a coded body; none if it is not whole.
pub fn decode(coding: Coding, coded: &[u8]) -> Option<Vec<u8>> {
    let (content, is_whole) = read(coding, coded);
    is_whole.then_some(content)
}

fn read(coding: Coding, coded: &[u8]) -> (Vec<u8>, bool) {
    let mut reader: Box<dyn Read + '_> = match coding {
        Coding::Zstd => Box::new(zstd::stream::read::Decoder::new(coded).unwrap()),
        Coding::Brotli => Box::new(brotli::Decompressor::new(coded, 4096)),
        Coding::Gzip => Box::new(flate2::read::GzDecoder::new(coded)),
    };
    let mut content = Vec::new();
    let is_whole = reader.read_to_end(&mut content).is_ok();
    (content, is_whole)
}

/// Text as compressible as a page is.
pub fn page(length: usize) -> Vec<u8> {
    let mut text = Vec::with_capacity(length + 100);
    let mut number = 1_u64;
    while text.len() < length {
        number = number.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        writeln!(text, "<li class=\"row\"><a href=\"/item/{}\">Item {}</a></li>", number >> 40, number >> 58)
            .unwrap();
    }
    text.truncate(length);
    text
}

/// Bytes that cannot be compressed.
pub fn noise(length: usize) -> Vec<u8> {
    let mut state = 88_172_645_463_325_252_u64;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()[7]
    };
    std::iter::repeat_with(&mut next).take(length).collect()
}
