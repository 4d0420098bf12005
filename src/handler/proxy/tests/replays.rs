//! What is sent again, and what is not.

use super::*;
use crate::upstream::Passive;

const UNAVAILABLE: &str = "HTTP/1.1 503 Service Unavailable\r\nContent-Length: 5\r\n\r\nsorry";

fn settings(retry: RetryRules) -> Settings {
    Settings { retry, ..SETTINGS }
}

/// As `retry.on` says by default.
fn closed() -> RetryRules {
    RetryRules { on: Conditions { closed: true, ..RETRY.on }, ..RETRY }
}

fn statuses(list: &str) -> RetryRules {
    let statuses = list.parse().unwrap();
    RetryRules { on: Conditions { statuses, ..RETRY.on }, ..RETRY }
}

/// Reads a request and closes without a word, so many times; then answers.
async fn dying(times: usize) -> Server {
    Server::start((0..times).map(|_| vec![Act::Head]).chain([vec![Act::Head, send(OK)]])).await
}

fn post() -> Request {
    request(Method::POST, &[], Body::from("x"))
}

#[tokio::test(flavor = "local")]
async fn a_get_whose_worker_died_is_sent_again_even_to_the_only_server() {
    let server = dying(2).await;
    let proxy = over(dialer(&[server.addr], settings(closed())));
    let response = answer(&proxy, get()).await.unwrap();
    assert_eq!(response.status, 200);
    assert_eq!(server.connections(), 3);
    assert_eq!(
        addresses(response.trace.upstream.as_ref().unwrap()).matches(&server.addr.to_string()).count(),
        3
    );
}

#[tokio::test(flavor = "local")]
async fn another_server_is_preferred() {
    let (dies, lives) = (dying(3).await, dying(0).await);
    let proxy = over(dialer(&[dies.addr, lives.addr], settings(closed())));
    answer(&proxy, get()).await.unwrap();
    assert_eq!((dies.connections(), lives.connections()), (1, 1));
}

#[tokio::test(flavor = "local")]
async fn attempts_are_counted() {
    let server = dying(5).await;
    let proxy = over(dialer(&[server.addr], settings(RetryRules { attempts: 2, ..closed() })));
    let fault = answer(&proxy, get()).await.unwrap_err();
    assert_eq!(fault.cause, Cause::ClosedBeforeAnswer);
    assert_eq!(server.connections(), 2);
    assert!(fault.detail.ends_with("sent 2 times, as `retry.attempts` allows"), "{}", fault.detail);
}

#[tokio::test(flavor = "local")]
async fn the_budget_ends_repetitions_in_a_storm() {
    let server = Server::start((0..200).map(|_| vec![Act::Head])).await;
    let dialer = dialer(&[server.addr], settings(RetryRules { attempts: 100, budget: 0, ..closed() }));
    let fault = answer(&over(dialer), get()).await.unwrap_err();
    assert!(fault.detail.ends_with("`retry.budget` is used up"), "{}", fault.detail);
    // What is saved for bad moments, and the first time.
    assert_eq!(server.connections(), 21);
}

#[tokio::test(flavor = "local")]
async fn a_post_is_not_sent_again_unless_that_is_asked_for() {
    let server = dying(1).await;
    let proxy = over(dialer(&[server.addr], settings(closed())));
    assert_eq!(answer(&proxy, post()).await.unwrap_err().cause, Cause::ClosedBeforeAnswer);
    assert_eq!(server.connections(), 1);
    let server = dying(1).await;
    let proxy = over(dialer(&[server.addr], settings(RetryRules { non_idempotent: true, ..closed() })));
    assert_eq!(answer(&proxy, post()).await.unwrap().status, 200);
}

#[tokio::test(flavor = "local")]
async fn an_answer_that_was_begun_is_final() {
    let server =
        Server::start([vec![Act::Head, send("HTTP/1.1 200 OK\r\nContent-")], vec![Act::Head, send(OK)]])
            .await;
    let proxy = over(dialer(&[server.addr], settings(closed())));
    assert_eq!(answer(&proxy, get()).await.unwrap_err().cause, Cause::ClosedBeforeAnswer);
    assert_eq!(server.connections(), 1);
}

#[tokio::test(flavor = "local")]
async fn a_status_that_is_listed_counts_as_no_answer() {
    let refuses = Server::start([vec![Act::Head, send(UNAVAILABLE)]]).await;
    let answers = dying(0).await;
    let proxy = over(dialer(&[refuses.addr, answers.addr], settings(statuses("503"))));
    let response = answer(&proxy, get()).await.unwrap();
    assert_eq!(response.status, 200);
    let mut shown = Vec::new();
    response.trace.upstream.unwrap().write_statuses(&mut shown);
    assert_eq!(shown, b"503, 200");
}

#[tokio::test(flavor = "local")]
async fn the_last_answer_counts_whatever_its_status() {
    let server = Server::start((0..2).map(|_| vec![Act::Head, send(UNAVAILABLE)])).await;
    let proxy = over(dialer(&[server.addr], settings(RetryRules { attempts: 2, ..statuses("503") })));
    let response = answer(&proxy, get()).await.unwrap();
    assert_eq!(response.status, 503);
    assert!(matches!(response.body, Body::Bytes(text) if text == "sorry"));
}

#[tokio::test(flavor = "local")]
async fn a_status_that_is_not_listed_is_the_answer() {
    for (rules, request) in [(statuses("502"), get()), (statuses("503"), post())] {
        let server = Server::start([vec![Act::Head, send(UNAVAILABLE)]]).await;
        let response = answer(&over(dialer(&[server.addr], settings(rules))), request).await.unwrap();
        assert_eq!((response.status.as_u16(), server.connections()), (503, 1));
    }
}

/// A status of ours is what the client would see: whoever lists it means both.
#[tokio::test(flavor = "local")]
async fn a_listed_status_stands_for_our_own_as_well() {
    let server = dying(1).await;
    let proxy = over(dialer(&[server.addr], settings(statuses("502"))));
    assert_eq!(answer(&proxy, get()).await.unwrap().status, 200);
}

#[tokio::test(flavor = "local")]
async fn a_time_limit_is_tried_elsewhere_if_that_is_asked_for() {
    for rules in [RetryRules { on: Conditions { timeout: true, ..RETRY.on }, ..RETRY }, statuses("504")] {
        let slow = Server::start([vec![Act::Head, Act::Hold]]).await;
        let quick = dying(0).await;
        let settings = Settings { read: Duration::from_millis(30), ..settings(rules) };
        let proxy = over(dialer(&[slow.addr, quick.addr], settings));
        assert_eq!(answer(&proxy, get()).await.unwrap().status, 200);
    }
}

#[tokio::test(flavor = "local")]
async fn without_connect_in_the_list_nobody_else_is_asked() {
    let server = dying(0).await;
    let rules = RetryRules { on: Conditions::default(), ..RETRY };
    let proxy = over(dialer(&[dead(), server.addr], settings(rules)));
    assert_eq!(answer(&proxy, get()).await.unwrap_err().cause, Cause::ConnectRefused);
}

#[tokio::test(flavor = "local")]
async fn a_server_that_fails_is_left_alone() {
    let server = Server::start((0..8).map(|_| vec![Act::Head, send(OK), Act::Hold])).await;
    let dead = dead();
    let passive = Passive { fails: 2, ..SETTINGS.passive };
    let proxy = over(dialer(&[dead, server.addr], Settings { passive, idle: 0, ..SETTINGS }));
    let mut tried = 0;
    for _ in 0..8 {
        let response = answer(&proxy, get()).await.unwrap();
        tried += addresses(response.trace.upstream.as_ref().unwrap()).matches(&dead.to_string()).count();
    }
    assert_eq!(tried, 2);
}

const CUT: &str = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhel";

/// A worker that was killed between its two writes.
#[tokio::test(flavor = "local")]
async fn a_small_answer_that_broke_off_is_asked_for_again() {
    let server = Server::start([vec![Act::Head, send(CUT)], vec![Act::Head, send(OK)]]).await;
    let proxy = over(dialer(&[server.addr], settings(closed())));
    let response = answer(&proxy, get()).await.unwrap();
    assert!(matches!(response.body, Body::Bytes(text) if text == "ok"));
}

#[tokio::test(flavor = "local")]
async fn the_last_answer_is_passed_on_as_far_as_it_goes() {
    for (attempts, request) in [(2, get()), (1, post())] {
        let server = Server::start((0..attempts).map(|_| vec![Act::Head, send(CUT)])).await;
        let proxy = over(dialer(&[server.addr], settings(RetryRules { attempts: 2, ..closed() })));
        let Body::Stream(mut body) = answer(&proxy, request).await.unwrap().body else {
            panic!("not streamed")
        };
        assert!(body.frame().await.unwrap().is_ok());
        assert_eq!(body.frame().await.unwrap().unwrap_err().cause, Cause::ResponseCutShort);
    }
}

#[tokio::test(flavor = "local")]
async fn a_small_answer_that_streams_is_passed_on_piece_by_piece() {
    let wire = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nX-Accel-Buffering: no\r\n\r\nhel";
    let server = Server::start([vec![Act::Head, send(wire), Act::Hold]]).await;
    let proxy = over(dialer(&[server.addr], settings(closed())));
    let Body::Stream(mut body) = answer(&proxy, get()).await.unwrap().body else { panic!("not streamed") };
    assert!(body.frame().await.unwrap().is_ok());
}
