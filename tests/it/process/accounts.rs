//! As whom an app runs, and with what.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};

use super::{COMMAND, config, server};
use crate::support::Proxy;

/// An app that answers with what this expression has.
fn showing(process: &str, expression: &str) -> Proxy {
    let app = server("", &format!("answer(str({expression}))"));
    Proxy::config(&config(&format!("{COMMAND}{process}"))).file("app.py", app).directory("work").start()
}

#[test]
fn the_environment_is_added_to_our_own() {
    let variables =
        "[os.environ.get(name) for name in ('GREETING', 'PLACE', 'PYTHONUNBUFFERED', 'NO_COLOR')]";
    let proxy = showing("environment = { GREETING = \"good day\", PLACE = \"at {socket}\" }", variables);
    let place = proxy.dir().join("run/app.sock");
    assert_eq!(proxy.get("/").text(), format!("['good day', 'at {}', '1', '1']", place.display()));
}

#[test]
fn what_a_service_manager_told_us_is_not_for_the_app() {
    let app = server("", "answer(str([os.environ.get(n) for n in ('LISTEN_FDS', 'NOTIFY_SOCKET')]))");
    let proxy = Proxy::config(&config(COMMAND)).file("app.py", app);
    let proxy = proxy.env("LISTEN_FDS", "1").env("LISTEN_PID", "1").env("NOTIFY_SOCKET", "/nowhere").start();
    assert_eq!(proxy.get("/").text(), "[None, None]");
}

#[test]
fn the_directory_is_that_of_the_file_unless_said() {
    let proxy = showing("", "os.getcwd()");
    assert_eq!(proxy.get("/").text(), proxy.dir().to_str().unwrap());
    let app = server("", "answer(os.getcwd())");
    let toml = config("command = [\"python3\", \"../app.py\", \"{socket}\"]\ndirectory = \"work\"");
    let proxy = Proxy::config(&toml).file("app.py", app).directory("work").start();
    assert_eq!(proxy.get("/").text(), proxy.dir().join("work").to_str().unwrap());
}

#[test]
fn new_files_have_no_more_permissions_than_the_umask_leaves() {
    let proxy = showing("umask = \"027\"", "open('work/file', 'w').name");
    assert_eq!(proxy.get("/").text(), "work/file");
    let mode = fs::metadata(proxy.dir().join("work/file")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o640);
}

#[test]
fn another_user_is_taken_with_its_groups_and_home() {
    if !rustix::process::geteuid().is_root() {
        return;
    }
    let facts = "os.getresuid(), os.getresgid(), os.getgroups(), os.environ['USER'], os.environ['HOME']";
    let app = server("", &format!("answer(str(({facts})))"));
    let proxy = Proxy::config(&config(&format!("{COMMAND}user = \"nobody\"\ngroup = \"daemon\"")));
    let proxy = proxy.file("app.py", app);
    fs::set_permissions(proxy.dir(), fs::Permissions::from_mode(0o755)).unwrap();
    let proxy = proxy.start();
    let [uid, gid] = ["-u", "-g"].map(|flag| {
        let who = if flag == "-u" { "nobody" } else { "daemon" };
        let output = std::process::Command::new("id").args([flag, who]).output().unwrap();
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    });
    let text = proxy.get("/").text().to_owned();
    assert!(text.starts_with(&format!("(({uid}, {uid}, {uid}), ({gid}, {gid}, {gid}), [")), "{text}");
    assert!(text.contains(&gid) && text.contains("'nobody', '"), "{text}");
    let run = fs::metadata(proxy.dir().join("run")).unwrap();
    assert_eq!(run.uid().to_string(), uid, "the directory we make for its socket is its own");
}

#[test]
fn rights_that_rproxy_gives_up_are_left_to_pools_that_name_a_user_only() {
    if !rustix::process::geteuid().is_root() {
        return;
    }
    // Its socket is to be open to rproxy's own user.
    for (keys, user) in [("", "nobody"), ("user = \"daemon\"\numask = \"000\"", "daemon")] {
        let app = server("", "answer(os.environ['USER'] + ' ' + str(os.getuid() == 0))");
        let toml = format!("[server]\nuser = \"nobody\"\n{}", config(&format!("{COMMAND}{keys}")));
        let proxy = Proxy::config(&toml).file("app.py", app).directory("run");
        for (path, mode) in [(proxy.dir().to_owned(), 0o755), (proxy.dir().join("run"), 0o777)] {
            fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
        }
        assert_eq!(proxy.start().get("/").text(), format!("{user} False"));
    }
}

/// Its helper has root's rights still, for the pool that names a user.
#[test]
fn a_reload_with_another_user_of_rproxy_has_no_pool_run_as_root() {
    if !rustix::process::geteuid().is_root() {
        return;
    }
    let app = server("", "answer(str(os.getuid()) + ' ' + str(os.getpid()))");
    let toml = |user: &str| {
        format!(
            "[server]\n{user}\n{}[upstream.other]\nservers = [\"unix:run/other.sock\"]\n\
             [upstream.other.process]\n{COMMAND}user = \"daemon\"\n",
            config(COMMAND)
        )
    };
    let proxy = Proxy::config(&toml("user = \"nobody\"")).file("app.py", app).directory("run");
    for (path, mode) in [(proxy.dir().to_owned(), 0o755), (proxy.dir().join("run"), 0o777)] {
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    }
    let proxy = proxy.start();
    let before = proxy.get("/").text().to_owned();
    assert!(before.starts_with("65534 "), "{before}");
    for user in ["user = \"daemon\"", ""] {
        assert!(proxy.reload(&toml(user)).starts_with("in force"));
        assert_eq!(proxy.get("/").text(), before, "it goes on as it was");
    }
    let restarted = proxy.order(&["restart", "app"]);
    assert!(restarted.status.success(), "{restarted:?}");
    let after = proxy.get("/").text().to_owned();
    assert!(after.starts_with("65534 ") && after != before, "{after}");
}

#[test]
fn a_user_that_may_not_enter_its_directory_is_told_so() {
    if !rustix::process::geteuid().is_root() {
        return;
    }
    let proxy = Proxy::config(&config(&format!("{COMMAND}user = \"nobody\"")));
    fs::set_permissions(proxy.dir(), fs::Permissions::from_mode(0o700)).unwrap();
    let proxy = proxy.launch();
    let reason = proxy.wait_for_log("cannot be entered");
    assert!(reason.contains("let the pool's user into it"), "{reason}");
}
