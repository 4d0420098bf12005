use proptest::prelude::*;

use super::*;
use crate::http::Fields;

fn section(text: &[u8]) -> Result<Fields, WireError> {
    parse_section::<8>(&Bytes::copy_from_slice(text))
}

#[test]
fn an_end_is_found_wherever_the_reads_were_split() {
    let head = b"HTTP/1.1 200 OK\r\nA: b\r\n\r\nbody\r\n\r\n";
    for searched in 0..25 {
        assert_eq!(find_head_end(&head[..searched], 0), Ok(None));
        assert_eq!(find_head_end(head, searched), Ok(Some(25)), "searched {searched} before");
    }
}

#[test]
fn lines_made_of_lf_are_refused_as_soon_as_they_are_seen() {
    for head in [&b"A: b\n\n"[..], b"A: b\r\n\n", b"A: b\n\r\n", b"A: b\n", b"\n", b"A: b\r\nC: d\n\r\n\r\n"]
    {
        assert_eq!(find_head_end(head, 0), Err(WireError::BareLf), "{head:?}");
        assert_eq!(check_lines(head), Err(WireError::BareLf), "{head:?}");
    }
}

#[test]
fn ambiguous_lines_are_refused() {
    for (text, error) in [
        (&b"A: b\nHidden: c\r\n\r\n"[..], WireError::BareLf),
        (b"A: b\rHidden: c\r\n\r\n", WireError::BareCr),
        (b"A: b\r\r\n\r\n", WireError::BareCr),
        (b"A: b\0c\r\n\r\n", WireError::Nul),
        (b"A: b\r\n folded\r\n\r\n", WireError::ObsFold),
        (b"A: b\r\n\tfolded\r\n\r\n", WireError::ObsFold),
        (b" A: b\r\n\r\n", WireError::ObsFold),
        (b"A : b\r\n\r\n", WireError::BadField),
        (b"A\t: b\r\n\r\n", WireError::BadField),
        (b"A\r\n\r\n", WireError::BadField),
        (b": b\r\n\r\n", WireError::BadField),
        (b"A(): b\r\n\r\n", WireError::BadField),
        (b"A: b\x07\r\n\r\n", WireError::BadField),
    ] {
        assert_eq!(section(text), Err(error), "{}", text.escape_ascii());
    }
}

#[test]
fn values_are_trimmed_and_share_the_head() {
    let head = Bytes::from_static(b"A: \t b c \t\r\nEmpty:\r\n\r\n");
    let fields = parse_section::<8>(&head).unwrap();
    assert_eq!(fields["a"], "b c");
    assert_eq!(fields["empty"], "");
}

#[test]
fn more_fields_than_allowed_are_refused() {
    assert_eq!(section(&[b"a: b\r\n".repeat(9), b"\r\n".to_vec()].concat()), Err(WireError::TooManyFields));
}

#[test]
fn trailers_never_frame_route_or_authenticate() {
    for name in
        ["content-length", "transfer-encoding", "host", "authorization", "set-cookie", "x-forwarded-for"]
    {
        assert!(!may_trail(&HeaderName::from_static(name)), "{name}");
    }
    assert!(may_trail(&HeaderName::from_static("grpc-status")));
    assert!(may_trail(&HeaderName::from_static("server-timing")));
}

proptest! {
    #[test]
    fn any_bytes_are_parsed_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..200), from in 0usize..300) {
        let _ = find_head_end(&bytes, from);
        let _ = section(&bytes);
    }

    #[test]
    fn what_is_written_is_read_back(
        pairs in proptest::collection::vec(("[a-z][a-z0-9-]{0,12}", "[!-~]([ -~]{0,20}[!-~])?"), 0..8)
    ) {
        let mut fields = Fields::new();
        for (name, value) in &pairs {
            fields.append(HeaderName::from_bytes(name.as_bytes()).unwrap(), value.parse().unwrap());
        }
        let mut out = BytesMut::new();
        write(&mut out, &fields, |_| false);
        out.extend_from_slice(b"\r\n");
        prop_assert_eq!(section(&out).unwrap(), fields);
    }
}
