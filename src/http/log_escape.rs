//! Values in log lines: nothing that a client sends may end a line, leave its quotes or reach a terminal.

/// How the values of variables stand in the text around them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Escape {
    /// As they are.
    Nothing,
    /// nginx's `escape=default`: `\xHH`, and `-` for what is empty.
    Log,
    /// As JSON values (RFC 8259): strings with their quotes, numbers without, `null` for what is empty.
    Json,
}

impl Escape {
    /// Appends a value; `number` says that it consists of digits, if it is not empty.
    pub fn append(self, value: &[u8], number: bool, out: &mut Vec<u8>) {
        match self {
            Self::Nothing => out.extend_from_slice(value),
            Self::Log if value.is_empty() => out.push(b'-'),
            Self::Log => append_escaped(out, value),
            Self::Json if value.is_empty() => out.extend_from_slice(b"null"),
            Self::Json if number => out.extend_from_slice(value),
            Self::Json => append_json(out, value),
        }
    }
}

/// nginx's escaping: what could end the line, the quotes or a terminal's patience becomes `\xHH`.
pub fn append_escaped(out: &mut Vec<u8>, bytes: &[u8]) {
    let plain = |byte: &u8| (b' '..=b'~').contains(byte) && *byte != b'"' && *byte != b'\\';
    // Without an early end, so that many bytes are looked at by one instruction.
    if bytes.iter().fold(true, |all, byte| all & plain(byte)) {
        return out.extend_from_slice(bytes);
    }
    for byte in bytes {
        if plain(byte) {
            out.push(*byte);
        } else {
            out.extend_from_slice(b"\\x");
            append_hex(out, *byte, b"0123456789ABCDEF");
        }
    }
}

/// A string with its quotes. Text in UTF-8 stays readable; bytes that are none become the characters of
/// their numbers (Latin-1), since JSON has no bytes.
fn append_json(out: &mut Vec<u8>, bytes: &[u8]) {
    out.push(b'"');
    for chunk in bytes.utf8_chunks() {
        for c in chunk.valid().chars() {
            match c {
                '"' | '\\' => out.extend([b'\\', if c == '"' { b'"' } else { b'\\' }]),
                // C1 controls as well: some terminals obey them.
                c if c.is_control() => append_unicode(out, u8::try_from(u32::from(c)).unwrap_or(b'?')),
                c => out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes()),
            }
        }
        chunk.invalid().iter().for_each(|byte| append_unicode(out, *byte));
    }
    out.push(b'"');
}

fn append_unicode(out: &mut Vec<u8>, byte: u8) {
    out.extend_from_slice(b"\\u00");
    append_hex(out, byte, b"0123456789abcdef");
}

fn append_hex(out: &mut Vec<u8>, byte: u8, digits: &[u8; 16]) {
    out.extend([byte >> 4, byte & 15].iter().filter_map(|nibble| digits.get(usize::from(*nibble))));
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn escaped(escape: Escape, value: &[u8], number: bool) -> String {
        let mut out = Vec::new();
        escape.append(value, number, &mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn nothing_ends_a_line_or_a_quote() {
        let value = b"a\"b\\c\nd\x1b\xc3\xbc\xff";
        assert_eq!(escaped(Escape::Log, value, false), r"a\x22b\x5Cc\x0Ad\x1B\xC3\xBC\xFF");
        assert_eq!(escaped(Escape::Json, value, false), r#""a\"b\\c\u000ad\u001bü\u00ff""#);
    }

    #[test]
    fn what_is_missing_is_seen_to_be() {
        assert_eq!(escaped(Escape::Log, b"", false), "-");
        assert_eq!(escaped(Escape::Json, b"", true), "null");
        assert_eq!(escaped(Escape::Json, b"200", true), "200");
        assert_eq!(escaped(Escape::Json, b"200", false), "\"200\"");
    }

    proptest! {
        #[test]
        fn a_json_string_has_one_beginning_and_one_end(bytes: Vec<u8>) {
            let text = escaped(Escape::Json, &bytes, false);
            prop_assume!(!bytes.is_empty());
            let inner = text.strip_prefix('"').and_then(|text| text.strip_suffix('"')).unwrap();
            prop_assert!(!inner.chars().any(char::is_control));
            let mut rest = inner.chars();
            while let Some(c) = rest.next() {
                prop_assert_ne!(c, '"');
                if c == '\\' {
                    match rest.next() {
                        Some('"' | '\\') => {}
                        Some('u') => prop_assert!((0..4).all(|_| rest.next().unwrap().is_ascii_hexdigit())),
                        other => prop_assert!(false, "{other:?}"),
                    }
                }
            }
        }
    }
}
