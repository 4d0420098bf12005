use std::net::SocketAddr;
use std::time::Duration;

use super::*;
use crate::http::Cause;
use crate::net::UpstreamAddr;
use crate::upstream::testing::{Act, SETTINGS, Server, send};

const LIMIT: Duration = Duration::from_secs(2);

fn question(status: &str, body: Option<&str>) -> Question {
    Question {
        path: "/healthz?a=b".into(),
        host: None,
        status: status.parse().unwrap(),
        body: body.map(Into::into),
        http2: false,
    }
}

fn prober(addr: UpstreamAddr, question: Option<Question>) -> Prober {
    let health = Health { interval: LIMIT, timeout: LIMIT, rise: 1, fall: 1, question };
    Prober::new(Arc::new(Endpoint::new(addr)), SETTINGS, Transport::default(), Rc::new(health))
}

/// Checks a server that plays this script once.
async fn check(script: Vec<Act>, question: Question) -> (Outcome, String) {
    let mut server = Server::start([script]).await;
    let outcome = prober(UpstreamAddr::Tcp(server.addr), Some(question)).check().await;
    server.played().await;
    (outcome, server.received(0))
}

async fn outcome_of(answer: &'static str, question: Question) -> Outcome {
    check(vec![Act::Head, send(answer)], question).await.0
}

fn failure(outcome: Outcome) -> Failure {
    let Outcome::Failed(failure) = outcome else { panic!("{outcome:?} is no failure") };
    failure
}

/// An address that nobody listens on.
async fn vacant() -> SocketAddr {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    listener.local_addr().unwrap()
}

#[tokio::test(flavor = "local")]
async fn a_check_is_one_request_that_says_what_it_is() {
    let answer = send("HTTP/1.1 204 No Content\r\n\r\n");
    let (outcome, received) = check(vec![Act::Head, answer], question("200-399", None)).await;
    assert!(matches!(outcome, Outcome::Passed), "{outcome:?}");
    let lines: Vec<&str> = received.split("\r\n").collect();
    assert_eq!(lines[0], "GET /healthz?a=b HTTP/1.1");
    assert!(lines[1].starts_with("Host: 127.0.0.1:"), "{received}");
    let agent = format!("User-Agent: rproxy/{} (health check)", env!("CARGO_PKG_VERSION"));
    assert_eq!(lines[2..], [&agent, "Accept: */*", "Connection: close", "", ""]);
}

#[tokio::test(flavor = "local")]
async fn the_host_asked_for_can_be_another() {
    let asked = Question { host: Some("app.example".into()), ..question("200", None) };
    let (_, received) = check(vec![Act::Head, send("HTTP/1.1 200 OK\r\n\r\n")], asked).await;
    assert!(received.contains("\r\nHost: app.example\r\n"), "{received}");
}

#[tokio::test(flavor = "local")]
async fn a_status_outside_of_the_set_fails() {
    let refused = "HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n";
    let failure = failure(outcome_of(refused, question("200-399", None)).await);
    assert_eq!(failure.reason, Reason::Status);
    assert!(
        failure.detail.ends_with("answered 503 to GET /healthz?a=b, where 200-399 passes"),
        "{failure:?}"
    );
    assert!(matches!(outcome_of(refused, question("200,503", None)).await, Outcome::Passed));
}

#[tokio::test(flavor = "local")]
async fn interim_answers_are_skipped() {
    let answer = "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 200 OK\r\n\r\n";
    assert!(matches!(outcome_of(answer, question("200", None)).await, Outcome::Passed));
}

#[tokio::test(flavor = "local")]
async fn the_body_has_to_contain_the_text_in_any_framing() {
    for answer in [
        "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nall fine.",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nall f\r\n3\r\nine\r\n0\r\n\r\n",
        "HTTP/1.0 200 OK\r\n\r\nall fine",
    ] {
        let (outcome, _) =
            check(vec![Act::Head, Act::Drip(answer.as_bytes().into())], question("200", Some("all fine")))
                .await;
        assert!(matches!(outcome, Outcome::Passed), "{answer}: {outcome:?}");
        let failure = failure(outcome_of(answer, question("200", Some("all well"))).await);
        assert_eq!(failure.reason, Reason::Body, "{answer}");
    }
}

#[tokio::test(flavor = "local")]
async fn no_more_of_a_body_is_searched_than_64_kib() {
    let body = |before: usize| {
        let text = [b"HTTP/1.1 200 OK\r\n\r\n", &b"-".repeat(before)[..], b"fine"].concat();
        vec![Act::Head, Act::Send(text.into())]
    };
    let asked = || question("200", Some("fine"));
    assert!(matches!(check(body(64 * 1024 - 4), asked()).await.0, Outcome::Passed));
    let failure = failure(check(body(64 * 1024 - 3), asked()).await.0);
    assert!(failure.detail.contains("in the first 65536 bytes"), "{failure:?}");
}

#[tokio::test(flavor = "local")]
async fn what_is_no_answer_fails_with_its_cause() {
    let cut = "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nall";
    for (answer, cause) in [
        ("<html>\r\n\r\n", Cause::MalformedResponse),
        ("HTTP/1.1 200 OK\n\n", Cause::MalformedResponse),
        ("HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n", Cause::UnaskedUpgrade),
        ("HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n", Cause::MalformedResponse),
        ("HTTP/1.1 200", Cause::ClosedBeforeAnswer),
        ("", Cause::ClosedBeforeAnswer),
        (cut, Cause::ResponseCutShort),
    ] {
        let failure = failure(outcome_of(answer, question("200", Some("fine"))).await);
        assert_eq!(failure.reason, Reason::Cause(cause), "{answer}: {failure:?}");
    }
}

#[tokio::test(flavor = "local")]
async fn the_answers_head_is_held_to_64_kib_and_its_interim_ones_to_32() {
    let large = [b"HTTP/1.1 200 OK\r\nA: ", &b"a".repeat(64 * 1024)[..], b"\r\n\r\n"].concat();
    let many = "HTTP/1.1 102 Processing\r\n\r\n".repeat(40);
    for (answer, cause) in
        [(large, Cause::ResponseHeaderTooLarge), (many.into_bytes(), Cause::MalformedResponse)]
    {
        let script = vec![Act::Head, Act::Send(answer.into())];
        let failure = failure(check(script, question("200", None)).await.0);
        assert_eq!(failure.reason, Reason::Cause(cause));
    }
}

#[tokio::test(flavor = "local")]
async fn without_a_question_it_is_enough_to_connect() {
    let mut server = Server::start([vec![Act::Hold]]).await;
    assert!(matches!(prober(UpstreamAddr::Tcp(server.addr), None).check().await, Outcome::Passed));
    server.played().await;
    assert_eq!(server.received(0), "");
    let failure = failure(prober(UpstreamAddr::Tcp(vacant().await), None).check().await);
    assert_eq!(failure.reason, Reason::Cause(Cause::ConnectRefused));
    assert!(failure.detail.ends_with("connection refused"), "{failure:?}");
}

#[tokio::test(flavor = "local")]
async fn a_socket_that_is_missing_is_diagnosed() {
    let missing = UpstreamAddr::Unix("/nonexistent/app.sock".into());
    let failure = failure(prober(missing, None).check().await);
    assert_eq!(failure.reason, Reason::Cause(Cause::SocketMissing));
    assert!(failure.detail.contains("/nonexistent does not exist"), "{failure:?}");
}

/// A server that accepts and says nothing, and the check's outcome with so many requests at it, the last of
/// which began to be worked on so long ago.
async fn silent(requests: usize, ago: Duration) -> Outcome {
    let server = Server::start([vec![Act::Hold]]).await;
    let prober = prober(UpstreamAddr::Tcp(server.addr), Some(question("200", None)));
    (0..requests).for_each(|_| assert!(prober.endpoint.try_begin(usize::MAX)));
    tokio::time::advance(ago).await;
    let before = Instant::now();
    let outcome = prober.check().await;
    assert_eq!(before.elapsed().as_secs(), LIMIT.as_secs(), "a check has its limit");
    outcome
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn silence_is_a_failure_of_a_server_that_is_idle() {
    let failure = failure(silent(0, Duration::ZERO).await);
    assert_eq!(failure.reason, Reason::Timeout);
    assert!(failure.detail.ends_with("did not answer GET /healthz?a=b within 2s"), "{failure:?}");
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn silence_of_a_server_at_work_is_no_failure() {
    assert!(matches!(silent(2, Duration::ZERO).await, Outcome::Busy(_)));
}

/// A request would have failed by `timeouts.read` in that time.
#[tokio::test(flavor = "local", start_paused = true)]
async fn silence_of_a_server_that_hangs_is_a_failure() {
    assert!(matches!(silent(2, SETTINGS.read).await, Outcome::Failed(_)));
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn a_full_backlog_is_a_failure_only_of_a_server_that_hangs() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("app.sock");
    let socket = socket2::Socket::new(socket2::Domain::UNIX, socket2::Type::STREAM, None).unwrap();
    socket.bind(&socket2::SockAddr::unix(&path).unwrap()).unwrap();
    socket.listen(0).unwrap();
    // A backlog of 0 has room for one.
    let _waiting = std::os::unix::net::UnixStream::connect(&path).unwrap();
    let prober = prober(UpstreamAddr::Unix(path), None);
    assert!(matches!(prober.check().await, Outcome::Busy(_)));
    assert!(prober.endpoint.try_begin(usize::MAX));
    assert!(matches!(prober.check().await, Outcome::Busy(_)));
    tokio::time::advance(2 * SETTINGS.read).await;
    assert!(matches!(prober.check().await, Outcome::Failed(_)));
}

#[tokio::test(flavor = "local")]
async fn what_goes_wrong_here_says_nothing_of_the_server() {
    let prober = prober(UpstreamAddr::Tcp(vacant().await), None);
    let failure = |cause| Failure::new(Reason::Cause(cause), "");
    assert!(matches!(prober.judge(failure(Cause::TooManyFiles)), Outcome::Unknown(_)));
    assert!(matches!(prober.judge(failure(Cause::ResolveFailed)), Outcome::Failed(_)));
}

#[tokio::test(flavor = "local")]
async fn a_check_by_http_2_is_asked_and_judged_alike() {
    use crate::upstream::protocol::testing::{Origin, say};

    let origin = Origin::start(h2::server::Builder::new(), |asked, reply| async move {
        assert_eq!(asked.uri().path_and_query().unwrap(), "/healthz?a=b");
        assert!(asked.headers()["user-agent"].to_str().unwrap().ends_with("(health check)"));
        say(reply, "all is well");
    })
    .await;
    for (status, body, passes) in
        [("200", None, true), ("200", Some("well"), true), ("404", None, false), ("200", Some("ill"), false)]
    {
        let asked = Question { http2: true, ..question(status, body) };
        let outcome = prober(UpstreamAddr::Tcp(origin.addr), Some(asked)).check().await;
        assert_eq!(matches!(outcome, Outcome::Passed), passes, "{outcome:?}");
    }
}

#[tokio::test(flavor = "local")]
async fn a_check_by_http_2_of_what_speaks_something_else_fails() {
    let asked = Question { http2: true, ..question("200", None) };
    let script = vec![Act::Head, send("HTTP/1.1 400 Bad Request\r\n\r\n")];
    let server = Server::start([script]).await;
    let failure = failure(prober(UpstreamAddr::Tcp(server.addr), Some(asked)).check().await);
    assert_eq!(failure.reason, Reason::Cause(Cause::NoHttp2), "{}", failure.detail);
}
