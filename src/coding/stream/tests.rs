use std::cell::RefCell;
use std::collections::VecDeque;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Wake, Waker};

use ::http::{HeaderName, HeaderValue};
use proptest::prelude::*;

use super::super::testing::{Decoder, decode, noise, page};
use super::super::{Coding, Levels};
use super::*;
use crate::http::Fields;

/// What an upstream has sent and nobody has taken yet.
#[derive(Default)]
struct Sent {
    frames: VecDeque<Option<Result<Frame, Fault>>>,
    ended: bool,
    dropped: bool,
    ahead: usize,
}

struct Upstream(Rc<RefCell<Sent>>);

impl Source for Upstream {
    fn poll_frame(&mut self, _cx: &mut Context<'_>) -> Poll<Option<Result<Frame, Fault>>> {
        let mut sent = self.0.borrow_mut();
        assert!(!sent.ended, "polled behind its end");
        let Some(frame) = sent.frames.pop_front() else { return Poll::Pending };
        sent.ended = !matches!(frame, Some(Ok(Frame::Data(_))));
        Poll::Ready(frame)
    }

    fn poll_ahead(&mut self, _cx: &mut Context<'_>) {
        self.0.borrow_mut().ahead += 1;
    }
}

impl Drop for Upstream {
    fn drop(&mut self) {
        self.0.borrow_mut().dropped = true;
    }
}

#[derive(Default)]
struct Wakes(AtomicUsize);

impl Wake for Wakes {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

struct Answer {
    coding: Coding,
    sent: Rc<RefCell<Sent>>,
    stream: Compressed,
    wakes: Arc<Wakes>,
}

type Polled = Poll<Option<Result<Frame, Fault>>>;

impl Answer {
    fn new(coding: Coding) -> Self {
        Self::with(coding, None, false)
    }

    fn with(coding: Coding, length: Option<u64>, is_live: bool) -> Self {
        let sent = Rc::new(RefCell::new(Sent::default()));
        let encoder = Encoder::new(coding, &Levels::default(), length).unwrap();
        let upstream = Stream::new(length, Upstream(Rc::clone(&sent)));
        Self { coding, sent, stream: Compressed::new(upstream, encoder, is_live), wakes: Arc::default() }
    }

    fn send(&self, data: impl Into<Bytes>) {
        self.push(Some(Ok(Frame::Data(data.into()))));
    }

    fn push(&self, frame: Option<Result<Frame, Fault>>) {
        self.sent.borrow_mut().frames.push_back(frame);
    }

    fn poll(&mut self) -> Polled {
        let waker = Waker::from(Arc::clone(&self.wakes));
        self.stream.poll_frame(&mut Context::from_waker(&waker))
    }

    fn data(&mut self) -> Bytes {
        match self.poll() {
            Poll::Ready(Some(Ok(Frame::Data(data)))) => data,
            other => panic!("{other:?}"),
        }
    }

    /// Everything to the end, with what came last.
    fn rest(&mut self) -> (Vec<u8>, Option<Result<Frame, Fault>>) {
        let mut coded = Vec::new();
        loop {
            match self.poll() {
                Poll::Ready(Some(Ok(Frame::Data(data)))) => coded.extend_from_slice(&data),
                Poll::Ready(last) => return (coded, last),
                Poll::Pending => assert!(self.wakes.0.swap(0, Ordering::Relaxed) > 0, "nobody wakes it"),
            }
        }
    }
}

#[test]
fn what_came_reaches_the_client_before_the_next() {
    for coding in Coding::ALL {
        let (mut answer, mut decoder) = (Answer::new(coding), Decoder::new(coding));
        for (piece, all) in [("one", "one"), ("two", "onetwo"), ("three", "onetwothree")] {
            answer.send(piece);
            assert_eq!(decoder.feed(&answer.data()), all.as_bytes(), "{coding:?}");
            assert!(answer.poll().is_pending());
        }
    }
}

#[test]
fn nothing_is_flushed_while_more_is_there() {
    for coding in Coding::ALL {
        let (mut pieces, mut whole) = (Answer::new(coding), Answer::new(coding));
        let content = page(40_000);
        content.chunks(100).for_each(|piece| pieces.send(piece.to_vec()));
        whole.send(content);
        pieces.push(None);
        whole.push(None);
        let (pieces, whole) = (pieces.rest().0, whole.rest().0);
        assert!(pieces.len() <= whole.len() + 10, "{coding:?}: {} {}", pieces.len(), whole.len());
    }
}

#[test]
fn of_a_live_stream_each_piece_goes_out_by_itself() {
    for coding in Coding::ALL {
        let (mut answer, mut decoder) = (Answer::with(coding, None, true), Decoder::new(coding));
        answer.send("data: 1\n\n");
        answer.send("data: 2\n\n");
        assert_eq!(decoder.feed(&answer.data()), b"data: 1\n\n", "{coding:?}");
        assert_eq!(decoder.feed(&answer.data()), b"data: 1\n\ndata: 2\n\n", "{coding:?}");
        assert!(answer.poll().is_pending());
    }
}

#[test]
fn a_body_ends_as_a_whole_and_lets_its_upstream_go() {
    for coding in Coding::ALL {
        let mut answer = Answer::with(coding, Some(100_000), false);
        answer.send(page(100_000));
        answer.push(None);
        let (coded, last) = answer.rest();
        assert!(last.is_none() && answer.sent.borrow().dropped);
        assert!(decode(answer.coding, &coded).unwrap() == page(100_000));
    }
}

#[test]
fn an_empty_body_is_a_whole_one() {
    for coding in Coding::ALL {
        let mut answer = Answer::new(coding);
        answer.push(None);
        let (coded, last) = answer.rest();
        assert!(last.is_none());
        assert_eq!(decode(coding, &coded), Some(Vec::new()));
    }
}

#[test]
fn trailers_come_last_without_digests() {
    let mut answer = Answer::new(Coding::Gzip);
    let field = |name| (HeaderName::from_static(name), HeaderValue::from_static("1"));
    answer.send("text");
    answer.push(Some(Ok(Frame::Trailers([field("content-digest"), field("x-took")].into_iter().collect()))));
    let (coded, last) = answer.rest();
    assert_eq!(decode(Coding::Gzip, &coded).unwrap(), b"text");
    let Some(Ok(Frame::Trailers(fields))) = last else { panic!("{last:?}") };
    assert_eq!(fields, [field("x-took")].into_iter().collect::<Fields>());
    assert!(matches!(answer.poll(), Poll::Ready(None)));
}

#[test]
fn what_came_before_an_error_comes_but_no_end() {
    for coding in Coding::ALL {
        let mut answer = Answer::new(coding);
        answer.send("half");
        answer.push(Some(Err(Cause::ResponseCutShort.into())));
        let (coded, last) = answer.rest();
        assert_eq!(last.unwrap().unwrap_err().cause, Cause::ResponseCutShort);
        assert_eq!(Decoder::new(coding).feed(&coded), b"half", "{coding:?}");
        assert_eq!(decode(coding, &coded), None, "{coding:?}");
        assert!(answer.sent.borrow().dropped);
    }
}

#[test]
fn a_length_that_is_not_kept_is_an_error() {
    for (length, cause) in [(5, Cause::ResponseCutShort), (3, Cause::MalformedResponse)] {
        for coding in Coding::ALL {
            let mut answer = Answer::with(coding, Some(length), false);
            answer.send("four");
            answer.push(None);
            let (coded, last) = answer.rest();
            assert_eq!(last.unwrap().unwrap_err().cause, cause);
            assert_eq!(decode(coding, &coded), None);
        }
    }
}

#[test]
fn others_have_their_turn_while_a_body_comes_fast() {
    for coding in Coding::ALL {
        let mut answer = Answer::new(coding);
        answer.send(vec![b'a'; 8 * TURN]);
        answer.push(None);
        let mut turns = 0;
        loop {
            match answer.poll() {
                Poll::Pending => turns += answer.wakes.0.swap(0, Ordering::Relaxed),
                Poll::Ready(None) => break,
                Poll::Ready(_) => {}
            }
        }
        assert_eq!(turns, 8, "{coding:?}");
    }
}

#[test]
fn pieces_are_of_bounded_length() {
    for coding in Coding::ALL {
        let mut answer = Answer::new(coding);
        answer.send(noise(600_000));
        answer.push(None);
        let mut total = 0;
        loop {
            match answer.poll() {
                Poll::Ready(Some(Ok(Frame::Data(data)))) => {
                    assert!(data.len() <= PIECE_MAX, "{coding:?}: {}", data.len());
                    total += data.len();
                }
                Poll::Ready(_) => break,
                Poll::Pending => {}
            }
        }
        assert!(total >= 600_000, "{coding:?}: {total}");
    }
}

#[test]
fn a_source_that_reads_ahead_is_told_to() {
    let mut answer = Answer::new(Coding::Gzip);
    let mut cx = Context::from_waker(Waker::noop());
    answer.stream.poll_ahead(&mut cx);
    assert_eq!(answer.sent.borrow().ahead, 1);
    answer.push(None);
    answer.rest();
    answer.stream.poll_ahead(&mut cx);
    assert_eq!(answer.sent.borrow().ahead, 1);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn however_it_comes_nothing_is_lost_and_nothing_waits(
        steps in prop::collection::vec(prop_oneof![
            (0_usize..20_000).prop_map(Some), // that much comes
            Just(None), // nothing more at the moment
        ], 0..8),
        is_live: bool,
    ) {
        for coding in Coding::ALL {
            let (mut answer, mut decoder) = (Answer::with(coding, None, is_live), Decoder::new(coding));
            let (mut content, mut coded) = (Vec::new(), Vec::new());
            for step in &steps {
                if let Some(length) = step {
                    content.extend_from_slice(&page(*length));
                    answer.send(page(*length));
                    continue;
                }
                while let (polled, woken) = (answer.poll(), answer.wakes.0.swap(0, Ordering::Relaxed))
                    && (woken > 0 || polled.is_ready())
                {
                    let Poll::Ready(Some(Ok(Frame::Data(data)))) = polled else { continue };
                    coded.extend_from_slice(&data);
                    decoder.feed(&data);
                }
                prop_assert!(decoder.feed(&[]) == content);
            }
            answer.push(None);
            coded.extend_from_slice(&answer.rest().0);
            prop_assert!(decode(coding, &coded).unwrap() == content);
        }
    }
}
