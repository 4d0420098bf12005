use proptest::prelude::*;

use super::*;
use crate::http::Fields;
use ::http::HeaderName;

/// Content, trailers, and what is left behind them.
type Decoded = (Vec<u8>, Option<Fields>, Vec<u8>);

/// Decodes what arrives in `pieces`; `None` when the body does not end in them.
fn decode(pieces: &[&[u8]]) -> Result<Option<Decoded>, WireError> {
    let (mut decoder, mut input, mut content) = (Decoder::new(), BytesMut::new(), Vec::new());
    let mut pieces = pieces.iter();
    loop {
        match decoder.decode(&mut input)? {
            Step::Data(data) => {
                assert!(!data.is_empty());
                content.extend_from_slice(&data);
            }
            Step::NeedMore => match pieces.next() {
                Some(piece) => input.extend_from_slice(piece),
                None => return Ok(None),
            },
            Step::End { trailers } => {
                pieces.for_each(|piece| input.extend_from_slice(piece));
                return Ok(Some((content, trailers, input.to_vec())));
            }
        }
    }
}

fn whole(bytes: &[u8]) -> Result<Decoded, WireError> {
    Ok(decode(&[bytes])?.expect("the body ends"))
}

#[test]
fn content_and_what_follows_are_told_apart() {
    let (content, trailers, rest) = whole(b"5\r\nhello\r\n6;a=b\r\n world\r\n0\r\n\r\nGET /").unwrap();
    assert_eq!((&content[..], trailers, &rest[..]), (&b"hello world"[..], None, &b"GET /"[..]));
}

#[test]
fn every_split_gives_the_same() {
    let body = b"5;x=\"y z\"\r\nhello\r\n00A\r\n0123456789\r\n0\r\nA: b\r\nC: d\r\n\r\nrest";
    let expected = whole(body).unwrap();
    assert_eq!(expected.0, b"hello0123456789");
    for first in 0..=body.len() {
        for second in first..=body.len() {
            let pieces = [&body[..first], &body[first..second], &body[second..]];
            assert_eq!(decode(&pieces).unwrap().unwrap(), expected);
        }
    }
    let bytes: Vec<&[u8]> = body.chunks(1).collect();
    assert_eq!(decode(&bytes).unwrap().unwrap(), expected);
}

#[test]
fn sizes_are_hexadecimal_digits_only() {
    for size in [
        "",
        "+5",
        "-5",
        "-0",
        "0x5",
        "5_0",
        " 5",
        "5 ",
        "5\t",
        "g",
        "5g",
        "5.",
        "\u{ff15}",
        "\n",
        "\r\n",
        // 2^64 + 5 would wrap to the true length.
        "10000000000000005",
        "00000000000000005",
    ] {
        let body = format!("{size}\r\nhello\r\n0\r\n\r\n");
        assert_eq!(whole(body.as_bytes()), Err(WireError::BadChunkSize), "{size:?}");
    }
    assert_eq!(whole(b"0000000000000005\r\nhello\r\n0\r\n\r\n").unwrap().0, b"hello");
    assert_eq!(decode(&[b"ffffffffffffffff\r\nhello"]), Ok(None));
}

#[test]
fn lines_end_in_crlf_only() {
    for (body, error) in [
        (&b"5\nhello\r\n0\r\n\r\n"[..], WireError::BadChunkSize),
        (b"5\rhello\r\n0\r\n\r\n", WireError::BadChunkSize),
        (b"5\r\nhello\n0\r\n\r\n", WireError::BadChunkEnd),
        (b"5\r\nhello\r0\r\n\r\n", WireError::BadChunkEnd),
        (b"5\r\nhelloX\r\n0\r\n\r\n", WireError::BadChunkEnd),
        (b"5\r\nhell\r\n0\r\n\r\n", WireError::BadChunkEnd),
        (b"0\n\r\n", WireError::BadChunkSize),
        (b"0\r\n\n\n", WireError::BareLf),
        (b"0\r\n\n", WireError::BareLf),
        (b"0\r\n\r\r\n", WireError::BareCr),
    ] {
        assert_eq!(whole(body), Err(error), "{}", body.escape_ascii());
    }
}

#[test]
fn extensions_hide_nothing() {
    for body in [
        &b"5;\nhello\r\n0\r\n\r\n"[..],
        b"5;a\rb\r\nhello\r\n0\r\n\r\n",
        b"5;a=\"\n\"\r\nhello\r\n0\r\n\r\n",
        b"5;a\0\r\nhello\r\n0\r\n\r\n",
    ] {
        assert!(
            matches!(whole(body), Err(WireError::BadChunkExtension | WireError::BadChunkSize)),
            "{}",
            body.escape_ascii()
        );
    }
}

#[test]
fn extensions_are_bounded_in_total_and_never_kept() {
    let long = [b"5;".to_vec(), vec![b'a'; 2 << 20]].concat();
    assert_eq!(decode(&[&long]), Err(WireError::ChunkExtensionsTooLong));
    let many = format!("1;{}\r\nx\r\n", "a".repeat(1000)).repeat(20);
    assert_eq!(decode(&[many.as_bytes()]), Err(WireError::ChunkExtensionsTooLong));
    let (mut decoder, mut input) = (Decoder::new(), BytesMut::from(&b"5;aaaaaaaa"[..]));
    assert_eq!(decoder.decode(&mut input), Ok(Step::NeedMore));
    assert!(input.is_empty());
}

#[test]
fn trailers_are_strict_and_bounded() {
    let (_, trailers, _) = whole(b"0\r\nDigest: x\r\n\r\n").unwrap();
    assert_eq!(trailers.unwrap()["digest"], "x");
    assert_eq!(whole(b"0\r\nA : x\r\n\r\n"), Err(WireError::BadField));
    assert_eq!(whole(b"0\r\nA: x\nB: y\r\n\r\n"), Err(WireError::BareLf));
    let large = format!("0\r\nA: {}", "x".repeat(9000));
    assert_eq!(decode(&[large.as_bytes()]), Err(WireError::TrailersTooLarge));
    let many = format!("0\r\n{}\r\n", "a: b\r\n".repeat(33));
    assert_eq!(whole(many.as_bytes()), Err(WireError::TooManyFields));
}

#[test]
fn trailers_that_would_frame_are_not_written() {
    let mut trailers = Fields::new();
    trailers.insert(HeaderName::from_static("x-sum"), "1".parse().unwrap());
    trailers.insert(::http::header::CONTENT_LENGTH, "5".parse().unwrap());
    let mut out = BytesMut::new();
    write_end(&mut out, &trailers);
    assert_eq!(&out[..], b"0\r\nX-Sum: 1\r\n\r\n");
}

proptest! {
    #[test]
    fn any_bytes_are_decoded_or_refused(pieces in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..40), 0..6)) {
        let _ = decode(&pieces.iter().map(Vec::as_slice).collect::<Vec<_>>());
    }

    #[test]
    fn near_misses_are_decoded_or_refused(body in "[0-9a-f;\r\n]{0,60}") {
        let _ = decode(&[body.as_bytes()]);
    }

    #[test]
    fn what_is_encoded_is_read_back(
        chunks in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 1..300), 0..8),
        cut in 0usize..2000,
    ) {
        let mut wire = Vec::new();
        for chunk in &chunks {
            wire.extend_from_slice(SizeLine::new(chunk.len() as u64).as_bytes());
            wire.extend_from_slice(chunk);
            wire.extend_from_slice(CHUNK_END);
        }
        wire.extend_from_slice(LAST_CHUNK);
        let cut = cut.min(wire.len());
        let (content, trailers, rest) = decode(&[&wire[..cut], &wire[cut..]]).unwrap().unwrap();
        prop_assert_eq!(content, chunks.concat());
        prop_assert!(trailers.is_none() && rest.is_empty());
    }

    #[test]
    fn size_lines_are_hexadecimal(size: u64) {
        let line = SizeLine::new(size);
        prop_assert_eq!(line.as_bytes().to_vec(), format!("{size:x}\r\n").into_bytes());
    }
}
