//! Changed files are taken up without being asked.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::{Command, Stdio};

use super::{answering, assert_applied, assert_refused};
use crate::support::Proxy;
use crate::support::lines::Lines;

#[test]
fn a_file_that_is_replaced_is_taken_up() {
    let proxy = Proxy::config(&answering("old")).start();
    assert_applied(&proxy.outcome_of(|| proxy.write(&answering("new"))));
    assert_eq!(proxy.get("/").text(), "new");
}

#[test]
fn a_file_that_is_written_in_place_is_taken_up_once_it_is_whole() {
    use std::io::Write;
    let proxy = Proxy::config(&answering("old")).start();
    let outcome = proxy.outcome_of(|| {
        let mut file = fs::File::create(proxy.dir().join("site.toml")).unwrap();
        for piece in answering("new").as_bytes().chunks(40) {
            file.write_all(piece).unwrap();
        }
    });
    assert_applied(&outcome);
    assert_eq!(proxy.get("/").text(), "new");
}

#[test]
fn a_bad_file_is_told_of_and_taken_up_when_it_is_mended() {
    let proxy = Proxy::config(&answering("old")).start();
    assert_refused(&proxy.outcome_of(|| proxy.write(&answering("new").replace("match", "mach"))));
    assert_eq!(proxy.get("/").text(), "old");
    assert_applied(&proxy.outcome_of(|| proxy.write(&answering("new"))));
    assert_eq!(proxy.get("/").text(), "new");
}

#[test]
fn a_new_include_is_taken_up() {
    let main = format!("include = [\"sites/*.toml\"]\n{}", answering("main"));
    let proxy = Proxy::config(&main).directory("sites").start();
    let site = answering("included").replace("listen = [\"127.0.0.1:0\"]", "listen = [\"unix:new.sock\"]");
    assert_applied(&proxy.outcome_of(|| fs::write(proxy.dir().join("sites/new.toml"), site).unwrap()));
    proxy.wait_for_log("listening on unix:");
}

#[test]
fn a_page_for_errors_is_taken_up() {
    let site = "errors = { \"404\" = \"404.html\" }\n[[site.location]]\nmatch = \"/only\"\nrespond = { body = \"x\" }\n";
    let proxy = Proxy::site(site).file("404.html", "first").start();
    assert_applied(&proxy.outcome_of(|| fs::write(proxy.dir().join("404.html"), "second").unwrap()));
    assert_eq!(proxy.get("/missing").text(), "second");
}

/// Has the link lead elsewhere, as `ln -sfn` does.
fn switch(link: &Path, target: &str) {
    let new = link.with_file_name("switched");
    symlink(target, &new).unwrap();
    fs::rename(new, link).unwrap();
}

/// As Kubernetes lays out a volume of a ConfigMap: the file is a link into `..data`, which is a link itself.
#[test]
fn a_config_map_that_is_swapped_is_taken_up() {
    let builder = Proxy::config("");
    let dir = builder.dir().to_owned();
    for (release, text) in [("..1", "old"), ("..2", "new")] {
        fs::create_dir(dir.join(release)).unwrap();
        fs::write(dir.join(release).join("site.toml"), answering(text)).unwrap();
    }
    symlink("..1", dir.join("..data")).unwrap();
    fs::remove_file(dir.join("site.toml")).unwrap();
    symlink("..data/site.toml", dir.join("site.toml")).unwrap();
    let proxy = builder.start();
    assert_eq!(proxy.get("/").text(), "old");
    assert_applied(&proxy.outcome_of(|| switch(&dir.join("..data"), "..2")));
    assert_eq!(proxy.get("/").text(), "new");
}

#[test]
fn a_directory_that_is_removed_and_restored_costs_nothing() {
    let builder = Proxy::config("include = [\"conf/site.toml\"]\n");
    let conf = builder.dir().join("conf");
    fs::create_dir(&conf).unwrap();
    fs::write(conf.join("site.toml"), answering("old")).unwrap();
    let proxy = builder.start();
    assert_refused(&proxy.outcome_of(|| fs::remove_dir_all(&conf).unwrap()));
    assert_eq!(proxy.get("/").text(), "old");
    let outcome = proxy.outcome_of(|| {
        let new = conf.with_extension("new");
        fs::create_dir(&new).unwrap();
        fs::write(new.join("site.toml"), answering("new")).unwrap();
        fs::rename(new, &conf).unwrap();
    });
    assert_applied(&outcome);
    assert_eq!(proxy.get("/").text(), "new");
}

#[test]
fn who_has_no_inotify_is_told_and_served_all_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("site.toml");
    fs::write(&file, answering("old")).unwrap();
    // In a namespace of its own anybody may lower limits.
    let script = "echo 0 > /proc/sys/user/max_inotify_instances && exec \"$0\" \"$@\"";
    let mut child = Command::new("unshare")
        .args(["--map-root-user", "sh", "-c", script, env!("CARGO_BIN_EXE_rproxy"), "-c"])
        .arg(&file)
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .env("NO_COLOR", "1")
        .spawn()
        .unwrap();
    let log = Lines::of(child.stderr.take().unwrap());
    let warning = log.wait_for("cannot be watched");
    assert!(warning.contains("fs.inotify.max_user_instances") && warning.contains("SIGHUP"), "{warning}");
    log.wait_for(" ready");
    fs::write(&file, format!("# longer\n{}", answering("new"))).unwrap();
    assert_applied(&log.wait_for(" reload: "));
    child.kill().unwrap();
    child.wait().unwrap();
}
