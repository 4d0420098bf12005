use std::cell::RefCell;

use tokio::net::TcpListener;

use super::*;
use crate::net::UpstreamAddr;
use crate::upstream::health::Question;
use crate::upstream::testing::SETTINGS;
use crate::upstream::{Policy, Server};

const INTERVAL: Duration = Duration::from_secs(10);
const HEALTH: Health =
    Health { interval: INTERVAL, timeout: Duration::from_secs(1), rise: 2, fall: 3, question: None };

/// Accepts connections, holds them, and notes when they came.
struct Visited {
    addr: UpstreamAddr,
    visits: Rc<RefCell<Vec<Instant>>>,
}

impl Visited {
    async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let server = Self { addr: UpstreamAddr::Tcp(listener.local_addr().unwrap()), visits: Rc::default() };
        let visits = Rc::clone(&server.visits);
        tokio::task::spawn_local(async move {
            let mut held = Vec::new();
            while let Ok(accepted) = listener.accept().await {
                visits.borrow_mut().push(Instant::now());
                held.push(accepted);
            }
        });
        server
    }

    /// From one visit to the next.
    fn pauses(&self) -> Vec<Duration> {
        self.visits.borrow().windows(2).map(|pair| pair[1] - pair[0]).collect()
    }
}

fn upstream(addrs: impl IntoIterator<Item = UpstreamAddr>) -> Arc<Upstream> {
    Arc::new(Upstream::new("app", addrs.into_iter().map(Server::new), Policy::RoundRobin, SETTINGS))
}

/// The intervals until `down` is so, in steps of a tenth.
async fn until(upstream: &Upstream, down: bool) -> f64 {
    let start = Instant::now();
    while upstream.servers[0].endpoint.is_down() != down {
        assert!(start.elapsed() < 10 * INTERVAL, "never");
        tokio::time::sleep(INTERVAL / 10).await;
    }
    start.elapsed().div_duration_f64(INTERVAL)
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn checks_come_an_interval_apart_give_or_take_a_tenth() {
    let (server, start) = (Visited::start().await, Instant::now());
    let _watch = Watch::start([(upstream([server.addr.clone()]), HEALTH)]);
    tokio::time::sleep(50 * INTERVAL).await;
    assert!(server.visits.borrow()[0] - start <= INTERVAL);
    let pauses = server.pauses();
    assert!((44..=55).contains(&pauses.len()), "{}", pauses.len());
    // The timer's own steps are of a millisecond.
    let tenth = INTERVAL.mul_f64(0.9)..=INTERVAL.mul_f64(1.1) + Duration::from_millis(2);
    assert!(pauses.iter().all(|pause| tenth.contains(pause)), "{pauses:?}");
    assert!(pauses.iter().any(|pause| pause.abs_diff(INTERVAL) > INTERVAL / 50), "no jitter: {pauses:?}");
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn servers_are_not_all_checked_at_the_same_time() {
    let (server, start) = (Visited::start().await, Instant::now());
    let _watch = Watch::start([(upstream(vec![server.addr.clone(); 64]), HEALTH)]);
    tokio::time::sleep(INTERVAL.mul_f64(0.9)).await;
    // The interval has ten seconds.
    let mut tenths = [0; 10];
    for visit in server.visits.borrow().iter() {
        tenths[usize::try_from((*visit - start).as_secs()).unwrap()] += 1;
    }
    assert!(tenths.iter().sum::<u32>() > 32, "{tenths:?}");
    assert!(tenths.iter().all(|count| *count < 22), "{tenths:?}");
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn checks_that_take_all_their_time_delay_nobody() {
    let (silent, other) = (Visited::start().await, Visited::start().await);
    let question =
        Question { path: "/".into(), host: None, status: "200".parse().unwrap(), body: None, http2: false };
    let slow = Health { timeout: INTERVAL, question: Some(question), ..HEALTH };
    let _watch =
        Watch::start([(upstream([silent.addr.clone()]), slow), (upstream([other.addr.clone()]), HEALTH)]);
    tokio::time::sleep(20 * INTERVAL).await;
    for server in [silent, other] {
        let pauses = server.pauses();
        let late = INTERVAL.mul_f64(1.1) + Duration::from_millis(2);
        assert!(pauses.len() >= 16 && pauses.iter().all(|pause| *pause <= late), "{pauses:?}");
    }
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn a_server_is_down_after_fall_checks_and_up_after_rise() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("app.sock");
    let upstream = upstream([UpstreamAddr::Unix(path.clone())]);
    let _watch = Watch::start([(Arc::clone(&upstream), HEALTH)]);
    let fell = until(&upstream, true).await;
    assert!((1.8..=3.4).contains(&fell), "{fell}");
    let _listener = std::os::unix::net::UnixListener::bind(path).unwrap();
    let rose = until(&upstream, false).await;
    assert!((0.9..=2.4).contains(&rose), "{rose}");
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn checks_end_with_the_watch() {
    let server = Visited::start().await;
    let watch = Watch::start([(upstream([server.addr.clone()]), HEALTH)]);
    tokio::time::sleep(3 * INTERVAL).await;
    drop(watch);
    let count = server.visits.borrow().len();
    assert!(count >= 2);
    tokio::time::sleep(10 * INTERVAL).await;
    assert_eq!(server.visits.borrow().len(), count);
}
