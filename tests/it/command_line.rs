//! What a user meets in the shell: output and exit codes.

use std::net::TcpListener;
use std::path::Path;
use std::process::{Command, Output};

use crate::support::Proxy;

const GOOD: &str =
    "[[site]]\nlisten = [\"127.0.0.1:0\"]\n[[site.location]]\nmatch = \"/\"\nrespond = { status = 200 }\n";
/// Two mistakes, one of them a slip of the finger.
const BAD: &str = "[[site]]\nlisten = [\"127.0.0.1:0\"]\nmax_bodi = \"1MiB\"\n[[site.location]]\nmatch = \"/\"\nproxy = \"nowhere\"\n";

fn rproxy(directory: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_rproxy")).args(arguments).current_dir(directory).output().unwrap()
}

fn run(toml: &str, arguments: &[&str]) -> (Option<i32>, String, String) {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("site.toml"), toml).unwrap();
    let output = rproxy(folder.path(), arguments);
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (output.status.code(), text(output.stdout), text(output.stderr))
}

fn assert_reports_both_mistakes(report: &str) {
    for expected in ["site.toml:3:1", "`max_bodi`", "`max_body`", "site.toml:6:", "nowhere", "2 errors"] {
        assert!(report.contains(expected), "no {expected} in:\n{report}");
    }
}

#[test]
fn check_says_in_one_line_that_a_file_is_good() {
    let (code, out, err) = run(GOOD, &["check", "-c", "site.toml"]);
    assert_eq!((code, &*err), (Some(0), ""));
    assert_eq!(out, "site.toml is good: 1 site on 127.0.0.1:0, 1 location\n");
}

#[test]
fn check_reports_every_mistake_at_once() {
    let (code, out, err) = run(BAD, &["check", "-c", "site.toml"]);
    assert_eq!((code, &*out), (Some(1), ""));
    assert_reports_both_mistakes(&err);
}

#[test]
fn starting_with_a_bad_file_reports_the_same() {
    let (code, out, err) = run(BAD, &["-c", "site.toml"]);
    assert_eq!((code, &*out), (Some(1), ""));
    assert_reports_both_mistakes(&err);
}

#[test]
fn a_file_that_is_not_there_is_a_matter_of_configuration() {
    let (code, _, err) = run(GOOD, &["-c", "other.toml"]);
    assert_eq!(code, Some(1));
    assert!(err.contains("other.toml"), "{err}");
}

/// What is printed says everything: read again, it prints itself.
#[test]
fn print_shows_the_whole_effective_configuration() {
    let (code, printed, _) = run(GOOD, &["check", "--print", "-c", "site.toml"]);
    assert_eq!(code, Some(0));
    for default in ["shutdown_grace = \"30s\"", "keep_alive = \"75s\"", "max_body = \"256MiB\"", "access = "]
    {
        assert!(printed.contains(default), "no {default} in:\n{printed}");
    }
    let (code, again, err) = run(&printed, &["check", "--print", "-c", "site.toml"]);
    assert_eq!((code, &*err), (Some(0), ""));
    assert_eq!(again, printed);
}

#[test]
fn version_and_help_are_told() {
    let (code, out, _) = run(GOOD, &["--version"]);
    assert_eq!((code, &*out), (Some(0), concat!("rproxy ", env!("CARGO_PKG_VERSION"), "\n")));
    let (code, out, _) = run(GOOD, &["--help"]);
    assert_eq!(code, Some(0));
    assert!(["check", "completions", "--config"].iter().all(|word| out.contains(word)), "{out}");
}

#[test]
fn completions_are_a_script_that_the_shell_takes() {
    let (code, script, _) = run(GOOD, &["completions", "bash"]);
    assert_eq!(code, Some(0));
    let read = Command::new("bash").args(["-n", "-c", &script]).output().unwrap();
    assert!(read.status.success(), "{}", String::from_utf8_lossy(&read.stderr));
    assert!(script.contains("complete") && script.contains("rproxy"));
}

#[test]
fn faulty_usage_has_its_own_code() {
    for arguments in [&["--wrong"][..], &["check", "extra"], &["completions", "tea"], &["-c"]] {
        let (code, _, err) = run(GOOD, arguments);
        assert_eq!(code, Some(2), "{arguments:?}: {err}");
        assert!(!err.is_empty());
    }
}

#[test]
fn a_port_that_is_taken_is_named() {
    let held = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = held.local_addr().unwrap().to_string();
    let (code, _, err) = run(&GOOD.replace("127.0.0.1:0", &address), &["-c", "site.toml"]);
    assert_eq!(code, Some(3), "{err}");
    assert!(err.contains(&address) && err.contains("in use"), "{err}");
}

/// The kernel alone would let two of the same user share the port, and spread connections over both.
#[test]
fn two_of_us_do_not_share_a_port() {
    let first = Proxy::config(GOOD).start();
    let address = first.addr().to_string();
    let (code, _, err) = run(&GOOD.replace("127.0.0.1:0", &address), &["-c", "site.toml"]);
    assert_eq!(code, Some(3), "{err}");
    assert!(err.contains(&address), "{err}");
    assert_eq!(first.get("/").status, 200);
}

#[test]
fn an_access_log_that_cannot_be_opened_stops_the_start() {
    let (code, _, err) =
        run(&format!("[log]\naccess = \"missing/access.log\"\n{GOOD}"), &["-c", "site.toml"]);
    assert_eq!(code, Some(3));
    assert!(err.contains("missing/access.log"), "{err}");
}

#[test]
fn sites_may_come_from_further_files_relative_to_their_own() {
    let proxy = Proxy::config("include = [\"sites/*.toml\"]\n")
        .file(
            "sites/one.toml",
            "[[site]]\nlisten = [\"127.0.0.1:0\"]\nhosts = [\"localhost\"]\n\
             [[site.location]]\nmatch = \"/\"\nfiles = \"../www\"\n",
        )
        .file("www/page.txt", "page")
        .start();
    assert_eq!(proxy.get("/page.txt").text(), "page");
}

#[test]
fn a_site_works_from_any_directory() {
    let proxy = Proxy::files().file("www/page.txt", "page").start();
    assert_ne!(std::env::current_dir().unwrap(), proxy.dir());
    assert_eq!(proxy.get("/page.txt").text(), "page");
}
