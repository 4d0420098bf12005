//! `rproxy reload`: who asks is told how it went.

use std::process::{Command, Output, Stdio};

use super::answering;
use crate::support::lines::Lines;
use crate::support::{Proxy, proxy};

fn told(output: &Output) -> (Option<i32>, String) {
    let text = [&output.stdout[..], &output.stderr[..]].concat();
    (output.status.code(), String::from_utf8(text).unwrap())
}

#[test]
fn what_changed_is_told() {
    let proxy = Proxy::config(&answering("old")).start();
    proxy.write(&answering("new"));
    let (code, text) = told(&proxy.order(&["reload"]));
    assert_eq!(code, Some(0), "{text}");
    assert!(text.contains("location /") && text.contains("\"old\"") && text.contains("\"new\""), "{text}");
    assert_eq!(proxy.get("/").text(), "new");
    proxy.wait_for_log(text.lines().next().unwrap());
    assert_eq!(told(&proxy.order(&["reload"])), (Some(0), "no change\n".into()));
}

#[test]
fn the_whole_report_is_told_when_it_is_refused() {
    let proxy = Proxy::config(&answering("old")).start();
    proxy.write(&answering("new").replace("match", "mach"));
    let (code, text) = told(&proxy.order(&["reload"]));
    assert_eq!(code, Some(1), "{text}");
    assert!(text.contains("unknown key `mach`") && text.contains("did you mean `match`?"), "{text}");
    assert_eq!(proxy.get("/").text(), "old");
}

#[test]
fn many_who_ask_at_once_are_all_told() {
    let proxy = Proxy::config(&answering("old")).start();
    proxy.write(&answering("new"));
    let outcomes: Vec<_> = std::thread::scope(|scope| {
        let askers: Vec<_> = (0..8).map(|_| scope.spawn(|| told(&proxy.order(&["reload"])))).collect();
        askers.into_iter().map(|asker| asker.join().unwrap()).collect()
    });
    assert!(outcomes.iter().all(|(code, _)| *code == Some(0)), "{outcomes:?}");
    assert!(outcomes.iter().any(|(_, text)| text.contains("location /")), "{outcomes:?}");
}

#[test]
fn a_pool_that_is_not_ours_cannot_be_restarted() {
    let proxy = Proxy::config(&answering("page")).start();
    let (code, text) = told(&proxy.order(&["restart", "app"]));
    assert_eq!(code, Some(1), "{text}");
    assert!(text.contains("`app` has no `process`"), "{text}");
}

#[test]
fn without_a_server_there_is_nobody_to_take_an_order() {
    let dir = tempfile::TempDir::new().unwrap();
    for words in [&["reload"][..], &["restart", "app"]] {
        let mut command = Command::new(proxy::PROGRAM);
        command.args(words).arg("-c").arg(dir.path().join("site.toml"));
        let (code, text) = told(&command.output().unwrap());
        assert_eq!(code, Some(3), "{text}");
        assert!(text.contains("no rproxy runs with") && text.contains("pgrep"), "{text}");
    }
}

#[test]
fn a_second_server_of_the_same_file_warns_that_it_gets_no_orders() {
    let first = Proxy::config(&answering("old")).start();
    let mut command = Command::new(proxy::PROGRAM);
    command.arg("-c").arg(first.dir().join("site.toml")).stdout(Stdio::null()).stderr(Stdio::piped());
    let mut second = command.spawn().unwrap();
    let log = Lines::of(second.stderr.take().unwrap());
    let warned = log.wait_for_line(|line| line.contains("another server of this configuration file"));
    second.kill().unwrap();
    second.wait().unwrap();
    assert!(warned.is_some(), "{:?}", log.all());
    first.write(&answering("new"));
    let (code, text) = told(&first.order(&["reload"]));
    assert_eq!(code, Some(0), "{text}");
    assert_eq!(first.get("/").text(), "new");
}
