use std::cell::RefCell;
use std::collections::VecDeque;
use std::future::poll_fn;
use std::rc::Rc;

use ::http::{HeaderName, HeaderValue};
use proptest::prelude::*;
use proptest::test_runner::TestCaseError;

use super::super::grace::GRACE;
use super::*;

/// What an upstream has sent and nobody has taken yet.
#[derive(Default)]
struct Sent {
    frames: VecDeque<Option<Result<Frame, Fault>>>,
    ended: bool,
    dropped: bool,
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
}

impl Drop for Upstream {
    fn drop(&mut self) {
        self.0.borrow_mut().dropped = true;
    }
}

struct Answer {
    sent: Rc<RefCell<Sent>>,
    stream: ReadAhead,
    spool: Arc<Spool>,
    /// Bytes the upstream has sent so far, whose pattern tells them apart.
    count: usize,
    _directory: tempfile::TempDir,
}

impl Answer {
    fn new(quota: u64) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let spool = Spool::new(directory.path().to_owned(), quota, u64::MAX);
        let buffer = Arc::new(ResponseBuffer::new(Arc::clone(&spool)));
        let sent = Rc::new(RefCell::new(Sent::default()));
        let upstream = Stream::new(None, Upstream(Rc::clone(&sent)));
        Self { sent, stream: ReadAhead::new(upstream, buffer), spool, count: 0, _directory: directory }
    }

    fn send(&mut self, length: usize) {
        let bytes = pattern(self.count, length);
        self.count += length;
        self.push(Some(Ok(Frame::Data(bytes.into()))));
    }

    fn push(&self, frame: Option<Result<Frame, Fault>>) {
        self.sent.borrow_mut().frames.push_back(frame);
    }

    async fn poll_ahead(&mut self) {
        poll_fn(|cx| {
            self.stream.poll_ahead(cx);
            Poll::Ready(())
        })
        .await;
    }

    /// As while a client takes nothing, until the upstream has nothing more or is held back.
    async fn read_ahead(&mut self) {
        loop {
            self.poll_ahead().await;
            let Some(held) = &mut self.stream.held else { return };
            if held.writing.is_none() {
                if held.full || !held.is_to_be_written() {
                    return;
                }
                tokio::time::sleep(GRACE).await;
                continue;
            }
            let buffer = Arc::clone(&self.stream.buffer);
            poll_fn(|cx| held.poll_settle(cx, &buffer)).await;
        }
    }

    /// What comes next, as long as something comes.
    async fn frame(&mut self) -> Option<Result<Frame, Fault>> {
        poll_fn(|cx| self.stream.poll_frame(cx)).await
    }

    /// All that is left, and what ends it.
    async fn rest(&mut self) -> (Vec<u8>, Option<Result<Frame, Fault>>) {
        let mut all = Vec::new();
        loop {
            match self.frame().await {
                Some(Ok(Frame::Data(data))) => all.extend_from_slice(&data),
                end => return (all, end),
            }
        }
    }

    fn is_held_back(&self) -> bool {
        !self.sent.borrow().frames.is_empty()
    }
}

fn pattern(from: usize, length: usize) -> Vec<u8> {
    (0..=250).cycle().skip(from % 251).take(length).collect()
}

#[tokio::test(start_paused = true)]
async fn a_receiver_that_keeps_up_gets_the_frames_themselves() {
    let mut answer = Answer::new(1 << 20);
    let data = Bytes::from_static(b"frame");
    answer.push(Some(Ok(Frame::Data(data.clone()))));
    let Some(Ok(Frame::Data(got))) = answer.frame().await else { panic!("no frame") };
    assert_eq!(got.as_ptr(), data.as_ptr());
    assert!(answer.stream.held.is_none());
}

/// Of clients that are nearly as fast as their servers nothing goes to disk.
#[tokio::test(start_paused = true)]
async fn a_receiver_has_a_moment_before_a_file_is_made() {
    let mut answer = Answer::new(1 << 20);
    for _ in 0..100 {
        answer.send(MEMORY);
        answer.send(MEMORY);
        answer.poll_ahead().await;
        assert!(answer.is_held_back(), "memory has no bound");
        tokio::time::advance(GRACE / 200).await;
        for _ in 0..2 {
            assert!(matches!(answer.frame().await, Some(Ok(Frame::Data(_)))));
        }
    }
    assert_eq!(answer.spool.used(), 0);
    answer.send(MEMORY);
    answer.read_ahead().await;
    assert_eq!(answer.spool.used(), MEMORY as u64);
}

#[tokio::test(start_paused = true)]
async fn a_small_rest_stays_in_memory() {
    let mut answer = Answer::new(1 << 20);
    answer.send(MEMORY - 1);
    answer.push(None);
    answer.read_ahead().await;
    assert!(answer.sent.borrow().dropped, "the upstream is kept longer than it is needed");
    assert_eq!(answer.spool.used(), 0);
    let (got, end) = answer.rest().await;
    assert!(got == pattern(0, MEMORY - 1) && end.is_none());
}

#[tokio::test(start_paused = true)]
async fn all_of_a_large_one_goes_to_disk_and_is_freed_when_read() {
    let mut answer = Answer::new(1 << 20);
    for _ in 0..10 {
        answer.send(50_001);
    }
    answer.push(None);
    answer.read_ahead().await;
    assert!(answer.sent.borrow().dropped);
    assert_eq!(answer.spool.used(), 500_010);
    assert!(answer.stream.held.as_ref().unwrap().memory.is_empty(), "who waits needs no memory");
    let (got, end) = answer.rest().await;
    assert!(got == pattern(0, 500_010) && end.is_none());
    assert_eq!(answer.spool.used(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_file_that_is_read_makes_room_for_the_next() {
    let mut answer = Answer::new(200_000);
    for round in 0..3 {
        for _ in 0..5 {
            answer.send(64_000);
        }
        answer.read_ahead().await;
        assert!(answer.is_held_back(), "more was taken than there is room for, in round {round}");
        let mut left = 5 * 64_000;
        while left > 0 {
            let Some(Ok(Frame::Data(data))) = answer.frame().await else {
                panic!("{left} bytes are missing")
            };
            left -= data.len();
        }
    }
    answer.push(None);
    let (_, end) = answer.rest().await;
    assert!(end.is_none());
    assert_eq!(answer.spool.used(), 0);
}

#[tokio::test(start_paused = true)]
async fn without_a_disk_the_upstream_is_held_back_and_everything_comes() {
    let mut answer = Answer::new(0);
    for _ in 0..20 {
        answer.send(40_000);
    }
    answer.push(None);
    answer.read_ahead().await;
    let left = answer.sent.borrow().frames.len();
    answer.read_ahead().await;
    assert_eq!((left, answer.sent.borrow().frames.len()), (19, 19), "it reads on without room");
    let (got, end) = answer.rest().await;
    assert!(got == pattern(0, 800_000) && end.is_none());
}

#[tokio::test(start_paused = true)]
async fn what_went_wrong_comes_behind_what_was_received_before() {
    for size in [1000, 300_000] {
        let mut answer = Answer::new(1 << 20);
        answer.send(size);
        answer.push(Some(Err(Cause::ResponseCutShort.into())));
        answer.read_ahead().await;
        let (got, end) = answer.rest().await;
        assert!(got == pattern(0, size));
        assert!(matches!(end, Some(Err(fault)) if fault.cause == Cause::ResponseCutShort), "{size}");
    }
}

#[tokio::test(start_paused = true)]
async fn trailers_come_last() {
    let mut answer = Answer::new(1 << 20);
    answer.send(200_000);
    let trailers = [(HeaderName::from_static("x-sum"), HeaderValue::from_static("42"))];
    answer.push(Some(Ok(Frame::Trailers(trailers.into_iter().collect()))));
    answer.read_ahead().await;
    let (got, end) = answer.rest().await;
    assert!(got == pattern(0, 200_000));
    assert!(matches!(end, Some(Ok(Frame::Trailers(fields))) if fields["x-sum"] == "42"));
}

/// One step of either end.
#[derive(Clone, Copy, Debug)]
enum Step {
    Send(usize),
    /// The receiver can take nothing: what is behind reads on, as far as it gets at once.
    Ahead,
    /// The same, and the disk has time.
    AheadToTheEnd,
    /// The receiver takes what is there.
    Take,
    /// Others have the event loop.
    Yield,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (1_usize..70_000).prop_map(Step::Send),
        4 => Just(Step::Ahead),
        2 => Just(Step::AheadToTheEnd),
        3 => Just(Step::Take),
        1 => Just(Step::Yield),
    ]
}

async fn play(quota: u64, steps: Vec<Step>) -> Result<(), TestCaseError> {
    let mut answer = Answer::new(quota);
    let mut got = Vec::new();
    for step in steps {
        match step {
            Step::Send(length) => answer.send(length),
            Step::Ahead => answer.poll_ahead().await,
            Step::AheadToTheEnd => answer.read_ahead().await,
            Step::Take => {
                let frame = poll_fn(|cx| Poll::Ready(answer.stream.poll_frame(cx))).await;
                if let Poll::Ready(Some(Ok(Frame::Data(data)))) = frame {
                    got.extend_from_slice(&data);
                }
            }
            Step::Yield => tokio::task::yield_now().await,
        }
        if let Some(held) = &answer.stream.held {
            prop_assert!(held.length() < MEMORY + 70_000, "{} bytes in memory", held.length());
        }
    }
    answer.push(None);
    let (rest, end) = answer.rest().await;
    got.extend(rest);
    prop_assert!(end.is_none());
    prop_assert!(
        got == pattern(0, answer.count),
        "{} of {} bytes, or in another order",
        got.len(),
        answer.count
    );
    // A write that was given up still has its file, until the disk is done.
    while answer.spool.used() > 0 {
        tokio::task::yield_now().await;
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn whoever_is_slower_nothing_is_lost_or_changes_its_place(
        quota in prop_oneof![Just(0), Just(150_000), Just(1_u64 << 30)],
        steps in prop::collection::vec(step(), 0..40),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        runtime.block_on(play(quota, steps))?;
    }
}
