use std::time::Duration;

use super::*;
use crate::http::{Cause, Fault};
use crate::upstream::balance::testing::{begin, server};
use crate::upstream::testing::SETTINGS;
use crate::upstream::{Passive, Policy, Settings, StickyCookie};

const SECOND: Duration = Duration::from_secs(1);
const PASSIVE: Passive =
    Passive { fails: 3, window: Duration::from_secs(10), eject: Duration::from_secs(10) };

fn upstream(servers: impl IntoIterator<Item = Server>, settings: Settings) -> Arc<Upstream> {
    Arc::new(Upstream::new("app", servers, Policy::RoundRobin, settings))
}

fn with_passive(count: u16, slow_start: Duration) -> Arc<Upstream> {
    upstream((1..=count).map(server), Settings { passive: PASSIVE, slow_start, ..SETTINGS })
}

/// The servers that so many requests get, which are over at once.
fn picks(upstream: &Arc<Upstream>, tried: &[usize], count: usize) -> Vec<Option<usize>> {
    let pick = |_| match upstream.turn(Wanted { tried, key: b"" }) {
        Turn::Server(claim) => Some(claim.index()),
        Turn::Busy | Turn::Nobody => None,
    };
    (0..count).map(pick).collect()
}

fn turn(upstream: &Arc<Upstream>, key: &[u8]) -> Turn {
    upstream.turn(Wanted { tried: &[], key })
}

fn fail(upstream: &Upstream, index: usize, times: usize) {
    let fault = Fault::from(Cause::ClosedBeforeAnswer);
    (0..times).for_each(|_| upstream.note_failure(index, &fault));
}

#[test]
fn backups_take_turns_once_all_others_failed() {
    let servers = [server(1).standing_by(), server(2), server(3).standing_by(), server(4)];
    let upstream = upstream(servers, SETTINGS);
    assert_eq!(picks(&upstream, &[], 3), [Some(1), Some(3), Some(1)]);
    assert_eq!(picks(&upstream, &[1], 3), [Some(3); 3]);
    assert_eq!(picks(&upstream, &[1, 3], 3), [Some(0), Some(2), Some(0)]);
    assert_eq!(picks(&upstream, &[1, 3, 0], 3), [Some(2); 3]);
    assert_eq!(picks(&upstream, &[0, 1, 2, 3], 3), [None; 3]);
}

#[test]
fn a_full_server_is_passed_over_and_backups_help_out() {
    let servers =
        [server(1).with_at_most(1), server(2).with_at_most(1), server(3).with_at_most(1).standing_by()];
    let upstream = upstream(servers, SETTINGS);
    let claims: Vec<_> = (0..3).map(|_| turn(&upstream, b"")).collect();
    let indexes: Vec<_> = claims
        .iter()
        .map(|turn| if let Turn::Server(claim) = turn { Some(claim.index()) } else { None })
        .collect();
    assert_eq!(indexes, [Some(0), Some(1), Some(2)]);
    assert!(matches!(turn(&upstream, b""), Turn::Busy));
    drop(claims);
    assert_eq!(picks(&upstream, &[], 2), [Some(0), Some(1)]);
}

#[test]
fn one_that_is_full_is_still_waited_for_when_the_others_were_tried() {
    let upstream = upstream([server(1).with_at_most(1), server(2)], SETTINGS);
    begin(&upstream.servers[0]);
    assert!(matches!(upstream.turn(Wanted { tried: &[1], key: b"" }), Turn::Busy));
    assert!(matches!(upstream.turn(Wanted { tried: &[0, 1], key: b"" }), Turn::Nobody));
}

#[tokio::test(start_paused = true)]
async fn a_server_that_failed_thrice_is_left_alone_and_tried_again_later() {
    let upstream = with_passive(2, Duration::ZERO);
    fail(&upstream, 0, 2);
    assert_eq!(picks(&upstream, &[], 2), [Some(0), Some(1)]);
    fail(&upstream, 0, 1);
    assert_eq!(picks(&upstream, &[], 3), [Some(1); 3]);
    tokio::time::advance(10 * SECOND).await;
    // On trial: one request at a time.
    let claim = (0..2).find_map(|_| match turn(&upstream, b"") {
        Turn::Server(claim) if claim.index() == 0 => Some(claim),
        _ => None,
    });
    assert_eq!(picks(&upstream, &[], 3), [Some(1); 3]);
    claim.expect("it is tried").answered();
    assert!(picks(&upstream, &[], 2).contains(&Some(0)));
}

#[tokio::test(start_paused = true)]
async fn the_last_server_is_never_left_alone() {
    let upstream = with_passive(2, Duration::ZERO);
    fail(&upstream, 0, 3);
    fail(&upstream, 1, 30);
    assert_eq!(picks(&upstream, &[], 2), [Some(1); 2]);
    let alone = with_passive(1, Duration::ZERO);
    fail(&alone, 0, 30);
    assert_eq!(picks(&alone, &[], 1), [Some(0)]);
}

#[tokio::test(start_paused = true)]
async fn when_all_are_down_all_are_asked() {
    let upstream = with_passive(2, Duration::ZERO);
    upstream.set_down(0, true);
    assert_eq!(picks(&upstream, &[], 2), [Some(1); 2]);
    assert_eq!(upstream.down_since(), None);
    tokio::time::advance(SECOND).await;
    upstream.set_down(1, true);
    assert_eq!(upstream.down_since(), Some(Instant::now()));
    let mut both = picks(&upstream, &[], 2);
    both.sort_unstable();
    assert_eq!(both, [Some(0), Some(1)]);
    upstream.set_down(0, false);
    assert_eq!(picks(&upstream, &[], 2), [Some(0); 2]);
}

#[tokio::test(start_paused = true)]
async fn a_server_that_came_back_has_its_share_by_and_by() {
    let upstream = with_passive(2, 10 * SECOND);
    upstream.set_down(0, true);
    upstream.set_down(0, false);
    let share = || picks(&upstream, &[], 1000).iter().filter(|pick| **pick == Some(0)).count();
    assert_eq!(share(), 0);
    let mut shares = Vec::new();
    for _ in 0..4 {
        tokio::time::advance(2 * SECOND).await;
        shares.push(share());
    }
    assert!(shares.is_sorted() && shares[0] > 50 && shares[3] < 500, "{shares:?}");
    tokio::time::advance(2 * SECOND).await;
    assert_eq!(share(), 500);
}

#[tokio::test(start_paused = true)]
async fn a_rising_server_has_all_when_it_is_alone() {
    let upstream = with_passive(1, 10 * SECOND);
    upstream.set_down(0, true);
    upstream.set_down(0, false);
    assert_eq!(picks(&upstream, &[], 20), [Some(0); 20]);
}

#[test]
fn what_is_no_fault_of_the_server_does_not_count() {
    let upstream = with_passive(2, Duration::ZERO);
    for cause in [Cause::BacklogFull, Cause::ReusedConnectionClosed, Cause::ClientLeft, Cause::TooManyFiles] {
        (0..5).for_each(|_| upstream.note_failure(0, &Fault::from(cause)));
    }
    assert_eq!(picks(&upstream, &[], 2), [Some(0), Some(1)]);
}

fn sticky(servers: impl IntoIterator<Item = Server>) -> (Arc<Upstream>, impl Fn(usize) -> Vec<u8>) {
    let policy = Policy::Cookie(StickyCookie::new("route", b"secret"));
    let upstream = Arc::new(Upstream::new("app", servers, policy, SETTINGS));
    let binding = Arc::clone(&upstream);
    let value = move |index| {
        let cookie = binding.binding(index, b"", false).unwrap().to_str().unwrap().to_owned();
        cookie.strip_prefix("route=").unwrap().split(';').next().unwrap().as_bytes().to_vec()
    };
    (upstream, value)
}

fn index(turn: &Turn) -> Option<usize> {
    if let Turn::Server(claim) = turn { Some(claim.index()) } else { None }
}

#[test]
fn a_bound_client_stays_and_others_take_turns() {
    let (upstream, value) = sticky([server(1), server(2), server(3)]);
    for bound in 0..3 {
        assert!((0..5).all(|_| index(&turn(&upstream, &value(bound))) == Some(bound)));
        assert_eq!(upstream.binding(bound, &value(bound), false), None, "it has its cookie");
    }
    assert_eq!(picks(&upstream, &[], 3), [Some(0), Some(1), Some(2)]);
    assert_eq!(index(&turn(&upstream, b"forged")), Some(0));
}

#[test]
fn a_draining_server_has_only_its_own_clients() {
    let (upstream, value) = sticky([server(1).draining(), server(2)]);
    assert_eq!(picks(&upstream, &[], 3), [Some(1); 3]);
    assert_eq!(index(&turn(&upstream, &value(0))), Some(0));
    // Not even when nobody else is left.
    assert_eq!(picks(&upstream, &[1], 1), [None]);
}

#[test]
fn a_bound_client_waits_for_its_server_but_not_for_one_that_is_down() {
    let (upstream, value) = sticky([server(1).with_at_most(1), server(2)]);
    let claim = turn(&upstream, &value(0));
    assert!(matches!(turn(&upstream, &value(0)), Turn::Busy));
    drop(claim);
    upstream.set_down(0, true);
    assert_eq!(index(&turn(&upstream, &value(0))), Some(1));
}
