//! A body of a response, coded.

use std::task::{Context, Poll};

use bytes::Bytes;

use super::{Coding, Compressed, Encoder, Levels, compress};
use crate::http::{Body, Fault, Frame, Source, Stream};

/// What is compressed at once, and so sent with its length. Longer ones leave others their turn.
const WHOLE_MAX: usize = 64 * 1024;

/// Replaces a body in memory or on its way by what it is in that coding. False leaves it as it is: there is
/// no content, it is a file, or there is no room for an encoder.
pub fn encode_body(body: &mut Body, coding: Coding, levels: &Levels, is_live: bool) -> bool {
    let coded = match body {
        Body::Bytes(bytes) if bytes.len() <= WHOLE_MAX => compress(bytes, coding, levels).map(Body::Bytes),
        Body::Bytes(_) | Body::Stream(_) if Encoder::has_room(coding, levels) => {
            Encoder::new(coding, levels, body.length()).ok().and_then(|encoder| {
                let upstream = into_stream(std::mem::take(body))?;
                Some(Body::Stream(Stream::new(None, Compressed::new(upstream, encoder, is_live))))
            })
        }
        _ => None,
    };
    coded.map(|coded| *body = coded).is_some()
}

fn into_stream(body: Body) -> Option<Stream> {
    let length = body.length();
    match body {
        Body::Bytes(bytes) => Some(Stream::new(length, Whole(Some(bytes)))),
        Body::Stream(stream) => Some(stream),
        Body::Empty | Body::File(_) | Body::Parts(_) | Body::Tunnel(_) => None,
    }
}

/// A body that is there already.
struct Whole(Option<Bytes>);

impl Source for Whole {
    fn poll_frame(&mut self, _cx: &mut Context<'_>) -> Poll<Option<Result<Frame, Fault>>> {
        Poll::Ready(self.0.take().map(|bytes| Ok(Frame::Data(bytes))))
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{decode, page};
    use super::*;

    fn coded(length: usize, coding: Coding) -> Body {
        let mut body = Body::Bytes(page(length).into());
        assert!(encode_body(&mut body, coding, &Levels::default(), false));
        body
    }

    #[test]
    fn a_short_body_is_compressed_at_once() {
        for coding in Coding::ALL {
            let Body::Bytes(bytes) = coded(WHOLE_MAX, coding) else { panic!("{coding:?} streams") };
            assert!(decode(coding, &bytes).unwrap() == page(WHOLE_MAX));
        }
    }

    #[tokio::test]
    async fn a_longer_one_as_it_is_sent() {
        for coding in Coding::ALL {
            let Body::Stream(mut stream) = coded(10 * WHOLE_MAX, coding) else {
                panic!("{coding:?} is whole")
            };
            assert_eq!(stream.length, None);
            let mut bytes = Vec::new();
            while let Some(frame) = stream.frame().await {
                let Ok(Frame::Data(data)) = frame else { panic!("{frame:?}") };
                bytes.extend_from_slice(&data);
            }
            assert!(decode(coding, &bytes).unwrap() == page(10 * WHOLE_MAX));
        }
    }

    #[test]
    fn where_there_is_no_content_nothing_changes() {
        let mut body = Body::Empty;
        assert!(!encode_body(&mut body, Coding::Gzip, &Levels::default(), false));
        assert!(matches!(body, Body::Empty));
    }
}
