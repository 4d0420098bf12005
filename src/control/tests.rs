use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use tempfile::TempDir;
use tokio::time::timeout;

use super::*;

/// A configuration file that nobody else has.
fn config() -> (TempDir, PathBuf) {
    let dir = TempDir::new().unwrap();
    let path = dir.path().join("site.toml");
    std::fs::write(&path, "").unwrap();
    (dir, path)
}

async fn within<T>(work: impl Future<Output = T>) -> T {
    timeout(Duration::from_secs(20), work).await.expect("in time")
}

/// Gives an order and has it answered by `answer`; the outcome, and the lines that came before it.
async fn exchange(
    control: &mut Control,
    path: &std::path::Path,
    command: Command,
    answer: impl FnOnce(Order),
) -> (Result<Outcome, NoOutcome>, Vec<String>) {
    let mut lines = Vec::new();
    let asked = ask(path, &command, |line| lines.push(line.to_owned()));
    let answered = async { answer(control.next().await) };
    let (outcome, ()) = within(async { tokio::join!(asked, answered) }).await;
    (outcome, lines)
}

#[tokio::test]
async fn an_order_is_answered_with_its_progress_and_outcome() {
    let (_dir, path) = config();
    let mut control = Control::bind(&path).unwrap();
    let restart = Command::Restart("app".into());
    let (outcome, lines) = exchange(&mut control, &path, restart.clone(), |order| {
        assert_eq!(order.command, restart);
        order.reply.progress("the first worker is up");
        order.reply.progress("the second worker is up");
        order.reply.done(Outcome::Done(vec!["app: 2 workers".into()]));
    })
    .await;
    assert_eq!(outcome.unwrap(), Outcome::Done(vec!["app: 2 workers".into()]));
    assert_eq!(lines, ["the first worker is up", "the second worker is up"]);
}

#[tokio::test]
async fn a_long_report_arrives_whole() {
    let (_dir, path) = config();
    let mut control = Control::bind(&path).unwrap();
    let report = "error: something is wrong with \"this\"\n".repeat(20_000);
    let rejected = Outcome::Rejected(report.clone());
    let (outcome, _) =
        exchange(&mut control, &path, Command::Reload, |order| order.reply.done(rejected)).await;
    assert_eq!(outcome.unwrap(), Outcome::Rejected(report));
}

#[tokio::test]
async fn an_order_that_is_dropped_has_no_outcome() {
    let (_dir, path) = config();
    let mut control = Control::bind(&path).unwrap();
    let (outcome, _) = exchange(&mut control, &path, Command::Reload, drop).await;
    assert!(matches!(outcome, Err(NoOutcome::Denied(_))), "{outcome:?}");
}

#[tokio::test]
async fn without_a_server_there_is_nobody_to_ask() {
    let (_dir, path) = config();
    let outcome = within(ask(&path, &Command::Reload, |_| {})).await;
    assert!(matches!(&outcome, Err(NoOutcome::NotRunning(sought)) if *sought == path), "{outcome:?}");
}

#[tokio::test]
async fn a_second_server_of_the_same_file_gets_no_orders() {
    let (_dir, path) = config();
    let control = Control::bind(&path).unwrap();
    assert_eq!(Control::bind(&path).unwrap_err().kind(), std::io::ErrorKind::AddrInUse);
    drop(control);
    // Its tasks end with the next turn of the event loop.
    tokio::task::yield_now().await;
    Control::bind(&path).unwrap();
}

#[tokio::test]
async fn a_client_that_leaves_disturbs_nobody() {
    let (_dir, path) = config();
    let mut control = Control::bind(&path).unwrap();
    let order = {
        let leaving = ask(&path, &Command::Reload, |_| {});
        within(async {
            tokio::select! {
                order = control.next() => order,
                _ = leaving => panic!("nobody has answered"),
            }
        })
        .await
    };
    order.reply.progress("nobody reads this");
    order.reply.done(Outcome::Done(Vec::new()));
    let (outcome, _) = exchange(&mut control, &path, Command::Reload, |order| {
        order.reply.done(Outcome::Done(Vec::new()));
    })
    .await;
    assert_eq!(outcome.unwrap(), Outcome::Done(Vec::new()));
}

#[tokio::test]
async fn a_server_is_found_by_a_link_to_its_file() {
    let (dir, path) = config();
    let link = dir.path().join("link.toml");
    std::os::unix::fs::symlink(&path, &link).unwrap();
    for (started, asked) in [(&path, &link), (&link, &path)] {
        let mut control = Control::bind(started).unwrap();
        let done = |order: Order| order.reply.done(Outcome::Done(Vec::new()));
        let (outcome, _) = exchange(&mut control, asked, Command::Reload, done).await;
        assert!(outcome.is_ok(), "{outcome:?}");
        drop(control);
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn sockets_that_were_handed_over_go_on_without_a_gap() {
    let (_dir, path) = config();
    let old = Control::bind(&path).unwrap();
    let mut new = Control::adopt(&path, old.sockets().unwrap()).unwrap();
    drop(old);
    let done = |order: Order| order.reply.done(Outcome::Done(Vec::new()));
    let (outcome, _) = exchange(&mut new, &path, Command::Reload, done).await;
    assert!(outcome.is_ok(), "{outcome:?}");
}

#[tokio::test]
async fn nonsense_is_denied_and_no_order() {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let (_dir, path) = config();
    let mut control = Control::bind(&path).unwrap();
    for nonsense in [b"\"launch\"\n".to_vec(), b"{}\n".to_vec(), vec![b'x'; wire::ORDER_MAX + 1]] {
        let name = name::names(&path).unwrap().remove(0);
        let address = SocketAddr::from_abstract_name(&name).unwrap();
        let stream = std::os::unix::net::UnixStream::connect_addr(&address).unwrap();
        stream.set_nonblocking(true).unwrap();
        let mut stream = tokio::net::UnixStream::from_std(stream).unwrap();
        stream.write_all(&nonsense).await.unwrap();
        let mut answer = Vec::new();
        // Bytes that were not read make the kernel reset, behind the answer.
        let _ = within(stream.read_to_end(&mut answer)).await;
        assert!(String::from_utf8_lossy(&answer).contains("denied"), "{answer:?}");
    }
    let (outcome, _) = exchange(&mut control, &path, Command::Reload, drop).await;
    assert!(outcome.is_err());
}
