use proptest::prelude::*;

use super::*;

const SECOND: Duration = Duration::from_secs(1);
const PASSIVE: Passive =
    Passive { fails: 3, window: Duration::from_secs(10), eject: Duration::from_secs(10) };

fn fitness(standing: &Standing) -> Fitness {
    standing.fitness(10 * SECOND)
}

/// The failure after which the server is to be left alone, if it is any of `count`.
fn first_sentence(standing: &Standing, count: usize) -> Option<usize> {
    (1..=count).find(|_| standing.failed(&PASSIVE).is_some())
}

#[tokio::test(start_paused = true)]
async fn the_third_failure_in_a_row_is_one_too_many() {
    let standing = Standing::new();
    assert_eq!(first_sentence(&standing, 5), Some(3));
    assert!(standing.eject(Instant::now() + PASSIVE.eject));
    assert_eq!(fitness(&standing), Fitness::Unfit);
    assert!(!standing.eject(Instant::now() + PASSIVE.eject), "that is no news");
}

#[tokio::test(start_paused = true)]
async fn failures_that_lie_far_apart_do_not_add_up() {
    let standing = Standing::new();
    for _ in 0..10 {
        assert_eq!(standing.failed(&PASSIVE), None);
        tokio::time::advance(6 * SECOND).await;
    }
}

#[tokio::test(start_paused = true)]
async fn few_failures_among_many_answers_are_forgiven() {
    let standing = Standing::new();
    for _ in 0..20 {
        assert_eq!(standing.failed(&PASSIVE), None);
        (0..3).for_each(|_| assert!(!standing.answered(SECOND)));
    }
    // Then it dies: as many failures as there were answers, at most.
    let left = 60 - 20;
    assert_eq!(first_sentence(&standing, 100), Some(left));
}

#[tokio::test(start_paused = true)]
async fn answers_before_the_first_failure_do_not_count() {
    let standing = Standing::new();
    (0..1000).for_each(|_| assert!(!standing.answered(SECOND)));
    assert_eq!(first_sentence(&standing, 5), Some(3));
}

#[tokio::test(start_paused = true)]
async fn after_its_time_it_is_on_trial_until_it_answers() {
    let standing = Standing::new();
    standing.eject(Instant::now() + 10 * SECOND);
    assert!(!standing.recall());
    tokio::time::advance(10 * SECOND).await;
    assert_eq!(fitness(&standing), Fitness::OnTrial);
    assert!(standing.recall() && !standing.recall(), "told once");
    assert_eq!(fitness(&standing), Fitness::OnTrial);
    assert!(standing.answered(Duration::ZERO), "the trial is over");
    assert_eq!(fitness(&standing), Fitness::Fit);
    assert!(!standing.answered(Duration::ZERO));
}

#[tokio::test(start_paused = true)]
async fn on_trial_one_failure_is_enough() {
    let standing = Standing::new();
    standing.eject(Instant::now());
    assert!(standing.recall());
    assert!(standing.failed(&PASSIVE).is_some());
}

#[tokio::test(start_paused = true)]
async fn its_share_grows_with_time() {
    let standing = Standing::new();
    standing.set_down(true, 10 * SECOND);
    assert_eq!(fitness(&standing), Fitness::Unfit);
    standing.set_down(false, 10 * SECOND);
    assert_eq!(fitness(&standing), Fitness::Rising(0.0));
    tokio::time::advance(4 * SECOND).await;
    assert_eq!(fitness(&standing), Fitness::Rising(0.4));
    tokio::time::advance(6 * SECOND).await;
    assert_eq!(fitness(&standing), Fitness::Fit);
}

#[tokio::test(start_paused = true)]
async fn checks_have_the_last_word() {
    let standing = Standing::new();
    standing.eject(Instant::now() + 100 * SECOND);
    standing.set_down(false, SECOND);
    assert_eq!(fitness(&standing), Fitness::Unfit, "it was not down, so this is no news");
    standing.set_down(true, SECOND);
    assert!(standing.down_since().is_some());
    standing.set_down(false, Duration::ZERO);
    assert_eq!(fitness(&standing), Fitness::Fit);
}

#[tokio::test(start_paused = true)]
async fn a_server_that_stalls_is_passed_over_until_it_answers() {
    let standing = Standing::new();
    standing.set_stalled(true);
    assert_eq!(fitness(&standing), Fitness::Unfit);
    assert_eq!(standing.down_since(), None);
    assert!(!standing.answered(SECOND), "it was never on trial");
    assert_eq!(fitness(&standing), Fitness::Fit);
}

#[tokio::test(start_paused = true)]
async fn without_a_limit_nobody_is_left_alone() {
    let never = Passive { fails: 0, ..PASSIVE };
    let standing = Standing::new();
    assert!((0..100).all(|_| standing.failed(&never).is_none()));
}

proptest! {
    /// Whatever happens, in whatever order: no sentence before `fails` failures, nor while answers prevail.
    #[test]
    fn nobody_is_left_alone_for_less_than_the_rule(events in prop::collection::vec(any::<bool>(), 0..60)) {
        let standing = Standing::new();
        let (mut failures, mut answers) = (0_u32, 0_u32);
        for failed in events {
            if failed {
                failures += 1;
                let sentence = standing.failed(&PASSIVE).is_some();
                prop_assert_eq!(sentence, failures >= 3 && failures >= answers);
            } else {
                standing.answered(SECOND);
                answers += u32::from(failures > 0);
            }
        }
    }
}
