//! Percent-encoding for the places a decoded value may go.

use percent_encoding::{AsciiSet, CONTROLS, percent_encode};

/// What may stand nowhere in a URI (RFC 3986 2), the percent sign excepted.
const FOREIGN: &AsciiSet = &CONTROLS
    .add(b' ')
    .add(b'"')
    .add(b'<')
    .add(b'>')
    .add(b'\\')
    .add(b'^')
    .add(b'`')
    .add(b'{')
    .add(b'|')
    .add(b'}');

/// What nginx 1.22 escapes of a path it has changed.
const PATH: &AsciiSet = &FOREIGN.add(b'#').add(b'%').add(b'?');

/// What would begin another argument, or read as a blank in a form.
const ARGUMENT: &AsciiSet = &PATH.add(b'&').add(b'+').add(b';');

/// The same, and what would begin a fragment.
const SPOKEN: &AsciiSet = &FOREIGN.add(b'#');

/// Encodes a decoded path for a target or a Location.
pub fn encode_path(path: &[u8], out: &mut Vec<u8>) {
    encode(path, PATH, out);
}

/// Encodes decoded text that becomes part of a query.
pub fn encode_argument(text: &[u8], out: &mut Vec<u8>) {
    encode(text, ARGUMENT, out);
}

/// Encodes what can stand in no URI, in text that is encoded already.
pub fn encode_foreign(text: &[u8], out: &mut Vec<u8>) {
    encode(text, FOREIGN, out);
}

/// Encodes what can stand in no target, in text that may be encoded already or not.
pub fn encode_spoken(text: &[u8], out: &mut Vec<u8>) {
    encode(text, SPOKEN, out);
}

fn encode(bytes: &[u8], set: &'static AsciiSet, out: &mut Vec<u8>) {
    for chunk in percent_encode(bytes, set) {
        out.extend_from_slice(chunk.as_bytes());
    }
}
