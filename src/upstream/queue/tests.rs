use std::future::Future;
use std::pin::pin;
use std::sync::atomic::AtomicUsize;
use std::task::{Context, Poll, Waker};

use super::*;
use crate::upstream::balance::testing::server;
use crate::upstream::testing::SETTINGS;
use crate::upstream::{Policy, Server, Settings};

const ANY: Wanted<'_> = Wanted { tried: &[], key: b"" };
const SECOND: Duration = Duration::from_secs(1);

fn upstream(servers: impl IntoIterator<Item = Server>) -> Arc<Upstream> {
    Arc::new(Upstream::new("app", servers, Policy::RoundRobin, SETTINGS))
}

/// One server that does one request at a time.
fn single() -> Arc<Upstream> {
    upstream([server(1).with_at_most(1)])
}

fn claim(upstream: &Arc<Upstream>) -> Claim {
    match upstream.turn(ANY) {
        Turn::Server(claim) => claim,
        other => panic!("no place: {other:?}"),
    }
}

/// One look, without being woken later.
fn look<T>(future: &mut (impl Future<Output = T> + Unpin)) -> Poll<T> {
    std::pin::Pin::new(future).poll(&mut Context::from_waker(Waker::noop()))
}

/// Ranked by its call, as long as one follows the other.
fn wait(upstream: &Arc<Upstream>) -> impl Future<Output = Option<Claim>> {
    let now = Instant::now();
    upstream.wait(ANY, now, now + 10 * SECOND)
}

#[tokio::test(start_paused = true)]
async fn places_are_given_in_the_order_of_waiting() {
    let upstream = single();
    let at_work = claim(&upstream);
    let (mut first, mut second) = (pin!(wait(&upstream)), pin!(wait(&upstream)));
    // Who waits first is who is ranked first, not who is polled first.
    assert!(look(&mut first).is_pending() && look(&mut second).is_pending());
    drop(at_work);
    assert!(look(&mut second).is_pending());
    let Poll::Ready(Some(claim)) = look(&mut first) else { panic!("the first has no place") };
    assert!(look(&mut second).is_pending());
    drop(claim);
    assert!(matches!(look(&mut second), Poll::Ready(Some(_))));
}

#[tokio::test(start_paused = true)]
async fn one_that_waits_again_keeps_its_rank() {
    let upstream = single();
    let at_work = claim(&upstream);
    let long_ago = Instant::now();
    tokio::time::advance(SECOND).await;
    let mut newcomer = pin!(wait(&upstream));
    assert!(look(&mut newcomer).is_pending());
    let mut again = pin!(upstream.wait(ANY, long_ago, long_ago + 10 * SECOND));
    assert!(look(&mut again).is_pending());
    drop(at_work);
    assert!(look(&mut newcomer).is_pending());
    assert!(matches!(look(&mut again), Poll::Ready(Some(_))));
}

#[tokio::test(start_paused = true)]
async fn each_place_that_becomes_free_wakes_one() {
    let upstream = upstream([server(1).with_at_most(2)]);
    let (one, other) = (claim(&upstream), claim(&upstream));
    let mut waiting: Vec<_> = (0..4).map(|_| Box::pin(wait(&upstream))).collect();
    for waiter in &mut waiting {
        assert!(look(waiter).is_pending());
    }
    drop(one);
    drop(other);
    let mut served = Vec::new();
    for waiter in &mut waiting {
        if let Poll::Ready(claim) = look(waiter) {
            served.push(claim.unwrap());
        }
    }
    assert_eq!(served.len(), 2);
    assert_eq!(upstream.servers[0].endpoint.in_flight(), 2);
}

#[tokio::test(start_paused = true)]
async fn who_leaves_hands_on_the_place_it_was_given() {
    let upstream = single();
    let at_work = claim(&upstream);
    let mut leaves = Box::pin(wait(&upstream));
    let mut stays = pin!(wait(&upstream));
    assert!(look(&mut leaves).is_pending() && look(&mut stays).is_pending());
    drop(at_work);
    // Given a place that it does not know of yet.
    drop(leaves);
    assert!(matches!(look(&mut stays), Poll::Ready(Some(_))));
    assert!(!upstream.queue.has_waiters());
}

#[tokio::test(start_paused = true)]
async fn the_wait_has_its_end() {
    let upstream = single();
    let at_work = claim(&upstream);
    let begin = Instant::now();
    assert!(wait(&upstream).await.is_none());
    assert_eq!(begin.elapsed(), 10 * SECOND);
    drop(at_work);
    assert_eq!(upstream.servers[0].endpoint.in_flight(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_server_that_was_tried_is_not_what_one_waits_for() {
    let upstream = upstream([server(1).with_at_most(1), server(2).with_at_most(1)]);
    let (first, second) = (claim(&upstream), claim(&upstream));
    let now = Instant::now();
    let mut picky = pin!(upstream.wait(Wanted { tried: &[0], key: b"" }, now, now + 10 * SECOND));
    assert!(look(&mut picky).is_pending());
    let mut any = pin!(wait(&upstream));
    assert!(look(&mut any).is_pending());
    drop(first);
    assert!(look(&mut picky).is_pending());
    assert!(matches!(look(&mut any), Poll::Ready(Some(claim)) if claim.index() == 0));
    drop(second);
    assert!(matches!(look(&mut picky), Poll::Ready(Some(claim)) if claim.index() == 1));
}

#[tokio::test(start_paused = true)]
async fn a_server_that_comes_back_is_given_to_those_who_wait() {
    let upstream = upstream([server(1).with_at_most(1), server(2).with_at_most(1)]);
    upstream.set_down(1, true);
    let _at_work = claim(&upstream);
    let mut waiting = pin!(wait(&upstream));
    assert!(look(&mut waiting).is_pending());
    upstream.set_down(1, false);
    assert!(matches!(look(&mut waiting), Poll::Ready(Some(claim)) if claim.index() == 1));
}

/// Nobody announces the end of an ejection.
#[tokio::test(start_paused = true)]
async fn a_server_that_is_to_be_tried_again_is_not_overlooked() {
    let upstream = upstream([server(1).with_at_most(1), server(2).with_at_most(1)]);
    upstream.servers[1].endpoint.standing.eject(Instant::now() + 3 * SECOND);
    let _at_work = claim(&upstream);
    let begin = Instant::now();
    assert_eq!(wait(&upstream).await.unwrap().index(), 1);
    assert_eq!(begin.elapsed(), 3 * SECOND);
}

#[test]
fn so_many_wait_and_no_more() {
    let queue = Queue::new();
    let (first, second) = (queue.place(2), queue.place(2));
    assert!(first.is_some() && second.is_some() && queue.place(2).is_none());
    drop(first);
    assert_eq!(queue.len(), 1);
    assert!(queue.place(2).is_some());
    assert!(queue.place(0).is_none());
}

#[tokio::test(start_paused = true)]
async fn who_waited_before_a_reload_goes_first_after_it() {
    let former = single();
    let at_work = claim(&former);
    let mut first = pin!(wait(&former));
    let server = Server { endpoint: Arc::clone(&former.servers[0].endpoint), ..server(1).with_at_most(1) };
    let next = Arc::new(Upstream::new("app", [server], Policy::RoundRobin, SETTINGS).succeeding(&former));
    assert!(look(&mut first).is_pending());
    let mut second = pin!(wait(&next));
    assert!(look(&mut second).is_pending());
    drop(at_work);
    let Poll::Ready(Some(claim)) = look(&mut first) else { panic!("the first has no place") };
    assert!(look(&mut second).is_pending());
    // A request of the former configuration makes room for one of the next.
    drop(claim);
    let Poll::Ready(Some(claim)) = look(&mut second) else { panic!("the second has no place") };
    // And the other way round.
    let mut third = pin!(wait(&former));
    assert!(look(&mut third).is_pending());
    drop(claim);
    assert!(matches!(look(&mut third), Poll::Ready(Some(_))));
}

#[tokio::test(start_paused = true)]
async fn a_request_of_a_former_configuration_goes_where_its_server_has_moved() {
    let former = upstream([server(1)]);
    let next = Arc::new(Upstream::new("app", [server(1)], Policy::RoundRobin, SETTINGS).succeeding(&former));
    let before = claim(&former);
    former.leave_to(&next);
    let (old, new) = (&former.servers[0].endpoint, &next.servers[0].endpoint);
    let after = claim(&former);
    assert_eq!((old.in_flight(), new.in_flight()), (1, 1));
    drop((before, after));
    assert_eq!((old.in_flight(), new.in_flight()), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn a_former_configuration_without_room_holds_up_nobody_behind() {
    let former = single();
    let at_work = claim(&former);
    let mut first = pin!(wait(&former));
    assert!(look(&mut first).is_pending());
    let shared = Server { endpoint: Arc::clone(&former.servers[0].endpoint), ..server(1).with_at_most(1) };
    let servers = [shared, server(2).with_at_most(1)];
    let next = Arc::new(Upstream::new("app", servers, Policy::RoundRobin, SETTINGS).succeeding(&former));
    let mut second = pin!(wait(&next));
    assert!(matches!(look(&mut second), Poll::Ready(Some(_))), "the new server is free");
    drop(at_work);
    assert!(matches!(look(&mut first), Poll::Ready(Some(_))));
}

/// Several event loops at once: no place is lost, none given twice, and nobody waits for ever.
#[test]
fn event_loops_share_the_queue() {
    const LOOPS: usize = 4;
    const TASKS: usize = 50;
    const REQUESTS: usize = 40;
    let settings =
        Settings { queue: crate::upstream::QueueLimits { size: 1000, timeout: 60 * SECOND }, ..SETTINGS };
    let servers = [server(1).with_at_most(2), server(2).with_at_most(1)];
    let upstream = Arc::new(Upstream::new("app", servers, Policy::LeastConn, settings));
    let served = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for _ in 0..LOOPS {
            scope.spawn(|| {
                let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
                let task = || async {
                    for _ in 0..REQUESTS {
                        let claim = match upstream.turn(ANY) {
                            Turn::Server(claim) if !upstream.queue.has_waiters() => claim,
                            turn => {
                                drop(turn);
                                wait(&upstream).await.expect("a place comes")
                            }
                        };
                        let most = [2, 1][claim.index()];
                        assert!(upstream.servers[claim.index()].endpoint.in_flight() <= most);
                        tokio::task::yield_now().await;
                        served.fetch_add(1, Ordering::Relaxed);
                    }
                };
                runtime.block_on(futures_util::future::join_all((0..TASKS).map(|_| task())));
            });
        }
    });
    assert_eq!(served.into_inner(), LOOPS * TASKS * REQUESTS);
    assert!(upstream.servers.iter().all(|server| server.endpoint.in_flight() == 0));
    assert!(!upstream.queue.has_waiters());
}
