//! What became of one request at the servers of an upstream, in the terms of nginx's `$upstream_…`.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use ::http::StatusCode;
use smallvec::SmallVec;
use tokio::time::Instant;

use super::Body;

/// The attempts to have one request answered, in order.
#[derive(Debug, Default)]
pub struct Tried {
    /// One is the rule, and takes no memory of its own.
    pub attempts: SmallVec<[Attempt; 1]>,
    /// How long the request waited for a server that could take it.
    pub queued: Duration,
}

/// One server's turn.
#[derive(Debug)]
pub struct Attempt {
    /// As in `servers`; shared with the server it names.
    pub addr: Arc<str>,
    /// Of the answer, or the one that a failure stands for, as in nginx: 502 or 504.
    pub status: Option<StatusCode>,
    /// The first of another upstream, to which the answer of one has led.
    elsewhere: bool,
    began: Instant,
    /// To the head of the answer.
    header_time: Option<Duration>,
    response_time: ResponseTime,
}

/// To the last byte of an answer.
#[derive(Debug)]
enum ResponseTime {
    Unknown,
    Known(Duration),
    /// The body was still coming when the head was passed on.
    Later(Rc<Cell<Option<Duration>>>),
}

impl Attempt {
    /// Begins with the choice of the server, so that connecting to it counts.
    pub fn begin(addr: Arc<str>) -> Self {
        Self {
            addr,
            status: None,
            elsewhere: false,
            began: Instant::now(),
            header_time: None,
            response_time: ResponseTime::Unknown,
        }
    }

    /// The answer's head is here. A body that is still coming is given a watch, which says when it ended.
    pub fn answered(&mut self, status: StatusCode, body: &mut Body) {
        let time = self.began.elapsed();
        self.status = Some(status);
        self.header_time = Some(time);
        let watch = match body {
            Body::Stream(stream) => &mut stream.watch,
            Body::Tunnel(tunnel) => &mut tunnel.watch,
            Body::Empty | Body::Bytes(_) | Body::File(_) | Body::Parts(_) => {
                self.response_time = ResponseTime::Known(time);
                return;
            }
        };
        let end = Rc::default();
        self.response_time = ResponseTime::Later(Rc::clone(&end));
        *watch = Some(Watch { began: self.began, end });
    }

    /// There is no answer, but a status in its place if the server is to blame.
    pub fn failed(&mut self, status: Option<StatusCode>) {
        self.status = status;
        self.response_time = ResponseTime::Known(self.began.elapsed());
    }

    pub fn header_time(&self) -> Option<Duration> {
        self.header_time
    }

    pub fn response_time(&self) -> Option<Duration> {
        match &self.response_time {
            ResponseTime::Unknown => None,
            ResponseTime::Known(time) => Some(*time),
            ResponseTime::Later(end) => end.get(),
        }
    }
}

/// Goes along with a body, and stops when that ends or is dropped.
#[derive(Debug)]
pub struct Watch {
    began: Instant,
    end: Rc<Cell<Option<Duration>>>,
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.end.set(Some(self.began.elapsed()));
    }
}

/// What a connection and the work on its request let each other know. One for each connection, since its
/// requests are answered one after the other.
#[derive(Debug, Default)]
pub struct Handling {
    /// Where the work for a client that left is put down, for the log to find.
    tried: RefCell<Option<Box<Tried>>>,
    waiting: Cell<bool>,
}

impl Handling {
    /// Whether the request waits for a server: nobody is at work on it, and nothing is lost if it goes.
    pub fn is_waiting(&self) -> bool {
        self.waiting.get()
    }

    pub fn set_waiting(&self, waiting: bool) {
        self.waiting.set(waiting);
    }

    /// Puts down what was tried when nobody waits for an answer any more, or when another is to answer.
    pub fn put(&self, mut tried: Tried) {
        if let Some(attempt) = tried.attempts.last_mut().filter(|attempt| attempt.status.is_none()) {
            attempt.failed(None);
        }
        if tried.is_empty() {
            return;
        }
        let all = match self.tried.take() {
            Some(mut before) => {
                before.go_on(tried);
                before
            }
            None => Box::new(tried),
        };
        self.tried.replace(Some(all));
    }

    pub fn take(&self) -> Option<Box<Tried>> {
        self.tried.take()
    }
}

impl Tried {
    /// Whether the request got as far as waiting for a server.
    pub fn is_empty(&self) -> bool {
        self.attempts.is_empty() && self.queued.is_zero()
    }

    /// What follows elsewhere upon an answer or a failure here.
    pub fn go_on(&mut self, mut later: Self) {
        if let Some(first) = later.attempts.first_mut() {
            first.elsewhere = !self.attempts.is_empty();
        }
        self.attempts.extend(later.attempts);
        self.queued += later.queued;
    }

    /// nginx's `$upstream_addr`: `127.0.0.1:8001, 127.0.0.1:8002`.
    pub fn write_addresses(&self, out: &mut Vec<u8>) {
        self.write(out, |attempt, out| out.extend_from_slice(attempt.addr.as_bytes()));
    }

    /// nginx's `$upstream_status`: `502, 200`.
    pub fn write_statuses(&self, out: &mut Vec<u8>) {
        self.write(out, |attempt, out| match attempt.status {
            Some(status) => out.extend_from_slice(status.as_str().as_bytes()),
            None => out.push(b'-'),
        });
    }

    /// nginx's `$upstream_header_time`, in seconds: `-, 0.120`.
    pub fn write_header_times(&self, out: &mut Vec<u8>) {
        self.write(out, |attempt, out| write_time(attempt.header_time(), out));
    }

    /// nginx's `$upstream_response_time`, in seconds: `0.001, 0.200`.
    pub fn write_response_times(&self, out: &mut Vec<u8>) {
        self.write(out, |attempt, out| write_time(attempt.response_time(), out));
    }

    /// Seconds in the queue, if the request got there.
    pub fn write_queue_time(&self, out: &mut Vec<u8>) {
        if !self.is_empty() {
            write_seconds(self.queued, out);
        }
    }

    fn write(&self, out: &mut Vec<u8>, part: impl Fn(&Attempt, &mut Vec<u8>)) {
        for (index, attempt) in self.attempts.iter().enumerate() {
            if index > 0 {
                // As in nginx, what led elsewhere is set apart.
                out.extend_from_slice(if attempt.elsewhere { b" : " } else { b", " });
            }
            part(attempt, out);
        }
    }
}

fn write_time(time: Option<Duration>, out: &mut Vec<u8>) {
    match time {
        Some(time) => write_seconds(time, out),
        None => out.push(b'-'),
    }
}

/// Seconds with milliseconds, as nginx writes all its times. By hand, since every proxied request has one.
pub(super) fn write_seconds(time: Duration, out: &mut Vec<u8>) {
    out.extend_from_slice(itoa::Buffer::new().format(time.as_secs()).as_bytes());
    let millis = time.subsec_millis();
    let digit = |number: u32| b'0' + u8::try_from(number % 10).unwrap_or_default();
    out.extend([b'.', digit(millis / 100), digit(millis / 10), digit(millis)]);
}

#[cfg(test)]
mod tests {
    use std::task::{Context, Poll};

    use super::super::{Fault, Frame, Source, Stream};
    use super::*;

    fn text(write: impl Fn(&mut Vec<u8>)) -> String {
        let mut out = Vec::new();
        write(&mut out);
        String::from_utf8(out).unwrap()
    }

    fn shown(tried: &Tried) -> [String; 5] {
        [
            text(|out| tried.write_addresses(out)),
            text(|out| tried.write_statuses(out)),
            text(|out| tried.write_header_times(out)),
            text(|out| tried.write_response_times(out)),
            text(|out| tried.write_queue_time(out)),
        ]
    }

    async fn pass(millis: u64) {
        tokio::time::advance(Duration::from_millis(millis)).await;
    }

    #[tokio::test(start_paused = true)]
    async fn each_server_has_its_place_in_each_list() {
        let mut tried = Tried { queued: Duration::from_millis(30), ..Tried::default() };
        let mut first = Attempt::begin("127.0.0.1:1".into());
        pass(1).await;
        first.failed(Some(StatusCode::BAD_GATEWAY));
        let mut second = Attempt::begin("unix:/b".into());
        pass(2200).await;
        second.answered(StatusCode::OK, &mut Body::Empty);
        tried.attempts.extend([first, second, Attempt::begin("c".into())]);
        assert_eq!(
            shown(&tried),
            ["127.0.0.1:1, unix:/b, c", "502, 200, -", "-, 2.200, -", "0.001, 2.200, -", "0.030"]
        );
    }

    #[test]
    fn what_follows_elsewhere_is_set_apart() {
        let tried = |names: &[&str]| Tried {
            attempts: names.iter().map(|name| Attempt::begin((*name).into())).collect(),
            queued: Duration::from_millis(20),
        };
        let mut first = tried(&["a", "b"]);
        first.go_on(tried(&["c", "d"]));
        assert_eq!(text(|out| first.write_addresses(out)), "a, b : c, d");
        assert_eq!(text(|out| first.write_queue_time(out)), "0.040");
        let mut nobody = Tried::default();
        nobody.go_on(tried(&["a"]));
        assert_eq!(text(|out| nobody.write_addresses(out)), "a");
    }

    #[test]
    fn seconds_have_three_decimals() {
        for (millis, shown) in
            [(0, "0.000"), (7, "0.007"), (120, "0.120"), (1_700_000_000_123, "1700000000.123")]
        {
            assert_eq!(text(|out| write_seconds(Duration::from_millis(millis), out)), shown);
        }
    }

    #[test]
    fn where_no_server_was_asked_there_is_nothing_to_tell() {
        assert_eq!(shown(&Tried::default()), [""; 5]);
        let waited = Tried { queued: Duration::from_secs(10), ..Tried::default() };
        assert_eq!(shown(&waited), ["", "", "", "", "10.000"]);
    }

    /// Brings one piece, and ends.
    struct OnePiece(Option<Frame>);

    impl Source for OnePiece {
        fn poll_frame(&mut self, _: &mut Context<'_>) -> Poll<Option<Result<Frame, Fault>>> {
            Poll::Ready(self.0.take().map(Ok))
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_streamed_answer_ends_with_its_body_read_or_not() {
        for read in [true, false] {
            let mut attempt = Attempt::begin("a".into());
            pass(100).await;
            let piece = OnePiece(Some(Frame::Data("x".into())));
            let mut body = Body::Stream(Stream::new(None, piece));
            attempt.answered(StatusCode::OK, &mut body);
            assert_eq!(attempt.response_time(), None);
            pass(100).await;
            let Body::Stream(mut stream) = body else { panic!("{body:?}") };
            if read {
                assert!(stream.frame().await.is_some());
                assert_eq!(attempt.response_time(), None);
                pass(100).await;
                assert!(stream.frame().await.is_none());
                // The client may take longer.
                pass(100).await;
            }
            drop(stream);
            let expected = if read { 300 } else { 200 };
            assert_eq!(attempt.response_time(), Some(Duration::from_millis(expected)));
            assert_eq!(attempt.header_time(), Some(Duration::from_millis(100)));
        }
    }
}
