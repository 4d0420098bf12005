use proptest::prelude::*;

use super::super::testing::{Decoder, decode, noise, page};
use super::*;

fn encoder(coding: Coding) -> Encoder {
    Encoder::new(coding, &Levels::default(), None).unwrap()
}

#[test]
fn a_body_comes_out_as_it_went_in() {
    for coding in Coding::ALL {
        for content in [Vec::new(), b"x".to_vec(), page(200_000), noise(100_000), vec![0; 300_000]] {
            let coded = compress(&content, coding, &Levels::default()).unwrap();
            assert!(decode(coding, &coded).unwrap() == content, "{coding:?}, {} bytes", content.len());
        }
    }
}

#[test]
fn pages_become_less_than_half_as_long() {
    for coding in Coding::ALL {
        let coded = compress(&page(50_000), coding, &Levels::default()).unwrap();
        assert!(coded.len() < 25_000, "{coding:?}: {}", coded.len());
    }
}

#[test]
fn noise_grows_by_little() {
    for coding in Coding::ALL {
        let coded = compress(&noise(100_000), coding, &Levels::default()).unwrap();
        assert!(coded.len() < 100_200, "{coding:?}: {}", coded.len());
    }
}

#[test]
fn what_was_flushed_can_be_decoded_at_once() {
    for coding in Coding::ALL {
        let (mut encoder, mut decoder) = (encoder(coding), Decoder::new(coding));
        let mut content = Vec::new();
        for length in [1, 10, 100_000, 3] {
            let (piece, mut out) = (page(length), BytesMut::new());
            content.extend_from_slice(&piece);
            encoder.write(&piece, &mut out).unwrap();
            encoder.flush(&mut out).unwrap();
            assert!(decoder.feed(&out) == content, "{coding:?}, {length}");
        }
    }
}

#[test]
fn without_its_end_a_body_is_not_whole() {
    for coding in Coding::ALL {
        let (mut encoder, mut out) = (encoder(coding), BytesMut::new());
        encoder.write(&page(10_000), &mut out).unwrap();
        encoder.flush(&mut out).unwrap();
        assert_eq!(decode(coding, &out), None, "{coding:?}");
        encoder.finish(&mut out).unwrap();
        assert_eq!(decode(coding, &out).unwrap(), page(10_000), "{coding:?}");
    }
}

#[test]
fn levels_outside_the_range_are_taken_for_the_nearest() {
    let content = page(2_000);
    for levels in [
        Levels { zstd: i32::MIN, brotli: 0, gzip: 0 },
        Levels { zstd: i32::MAX, brotli: u32::MAX, gzip: u32::MAX },
    ] {
        for coding in Coding::ALL {
            let coded = compress(&content, coding, &levels).unwrap();
            assert_eq!(decode(coding, &coded).unwrap(), content, "{coding:?}");
        }
    }
}

#[test]
fn every_level_brings_the_content_back() {
    let content = page(20_000);
    for level in 0..=19 {
        let levels = Levels { zstd: level, brotli: level.unsigned_abs(), gzip: level.unsigned_abs() };
        for coding in Coding::ALL {
            let coded = compress(&content, coding, &levels).unwrap();
            assert!(decode(coding, &coded).unwrap() == content, "{coding:?} {level}");
        }
    }
}

/// RFC 9659: no more than 8 MiB. What the decoder has to hold stands in the frame's head.
#[test]
fn zstd_frames_ask_for_a_small_window() {
    let levels = Levels { zstd: 19, ..Levels::default() };
    let mut out = BytesMut::new();
    let mut encoder = Encoder::new(Coding::Zstd, &levels, None).unwrap();
    encoder.write(&page(300_000), &mut out).unwrap();
    encoder.finish(&mut out).unwrap();
    assert_eq!(out[4] & 0b0010_0000, 0, "the frame has a window");
    assert_eq!(10 + (out[5] >> 3), 17, "exponent of the window");
}

#[test]
fn a_pledge_that_is_not_kept_is_an_error() {
    let (mut encoder, mut out) =
        (Encoder::new(Coding::Zstd, &Levels::default(), Some(5)).unwrap(), BytesMut::new());
    encoder.write(b"1234", &mut out).unwrap();
    assert!(encoder.finish(&mut out).is_err());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn pieces_and_flushes_change_nothing(pieces: Vec<(Vec<u8>, bool)>) {
        for coding in Coding::ALL {
            let (mut encoder, mut out) = (encoder(coding), BytesMut::new());
            for (piece, flushed) in &pieces {
                encoder.write(piece, &mut out).unwrap();
                if *flushed {
                    encoder.flush(&mut out).unwrap();
                }
            }
            encoder.finish(&mut out).unwrap();
            let content: Vec<u8> = pieces.iter().flat_map(|(piece, _)| piece.clone()).collect();
            prop_assert_eq!(decode(coding, &out), Some(content));
        }
    }
}
