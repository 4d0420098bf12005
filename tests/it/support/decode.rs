//! Content codings undone by the libraries' own decoders.

use std::io::Read;

/// By its name in Content-Encoding; none if it is not whole.
pub fn decode(coding: &str, coded: &[u8]) -> Option<Vec<u8>> {
    let (content, is_whole) = decode_some(coding, coded);
    is_whole.then_some(content)
}

/// As much as can be decoded, and whether it ends there.
pub fn decode_some(coding: &str, coded: &[u8]) -> (Vec<u8>, bool) {
    let mut content = Vec::new();
    let is_whole = decoder(coding, coded).read_to_end(&mut content).is_ok();
    (content, is_whole)
}

/// Decodes what comes, as it comes.
pub fn decoder<'a>(coding: &str, coded: impl Read + 'a) -> Box<dyn Read + 'a> {
    match coding {
        "zstd" => Box::new(zstd::stream::read::Decoder::new(coded).unwrap()),
        "br" => Box::new(brotli::Decompressor::new(coded, 4096)),
        "gzip" => Box::new(flate2::read::GzDecoder::new(coded)),
        other => panic!("no content coding known here: {other}"),
    }
}
