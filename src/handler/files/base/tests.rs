use std::fs;
use std::os::unix::fs::symlink;
use std::sync::atomic::{AtomicBool, Ordering};

use proptest::prelude::*;
use rustix::fs::mknodat;
use tempfile::TempDir;

use super::*;

const ALL: [Symlinks; 3] = [Symlinks::Inside, Symlinks::Follow, Symlinks::Deny];

/// `root/` with `a.txt` and `sub/b.txt`, and `secret.txt` beside it.
fn tree() -> (TempDir, Base) {
    let temp = tempfile::tempdir().unwrap();
    let root = temp.path().join("root");
    fs::create_dir_all(root.join("sub")).unwrap();
    fs::write(root.join("a.txt"), "public").unwrap();
    fs::write(root.join("sub/b.txt"), "public").unwrap();
    fs::write(temp.path().join("secret.txt"), "secret").unwrap();
    let base = Base::open(&root).unwrap();
    (temp, base)
}

fn place(path: &str) -> Place<'_> {
    Place { below: b"", path: path.as_bytes() }
}

fn named(entry: Result<Entry, Refusal>) -> String {
    match entry {
        Ok(Entry::File(file, _)) => std::io::read_to_string(file).unwrap(),
        Ok(Entry::Directory) => "directory".into(),
        Ok(Entry::Missing) => "missing".into(),
        Err(refusal) => refusal.cause.name().into(),
    }
}

/// The content of what was opened, or the name of what happened instead.
fn outcome(base: &Base, path: &str, symlinks: Symlinks) -> String {
    named(base.entry(place(path), symlinks, Look::Disk).map(Option::unwrap))
}

#[test]
fn files_directories_and_nothing_are_told_apart() {
    let (_temp, base) = tree();
    for symlinks in ALL {
        assert_eq!(outcome(&base, "sub/b.txt", symlinks), "public");
        assert_eq!(outcome(&base, "sub", symlinks), "directory");
        assert_eq!(outcome(&base, "", symlinks), "directory");
        assert_eq!(outcome(&base, "none.txt", symlinks), "missing");
        assert_eq!(outcome(&base, "a.txt/x", symlinks), "missing");
        assert!(base.has_directory(place("sub"), symlinks, Look::Disk).unwrap().unwrap());
        assert!(!base.has_directory(place("a.txt"), symlinks, Look::Disk).unwrap().unwrap());
        assert!(!base.has_directory(place("none"), symlinks, Look::Disk).unwrap().unwrap());
    }
}

#[test]
fn the_kernel_refuses_to_climb_whatever_the_path_says() {
    let (temp, base) = tree();
    let absolute = temp.path().join("secret.txt");
    for path in
        ["../secret.txt", "sub/../../secret.txt", absolute.to_str().unwrap(), "sub/../../root/../secret.txt"]
    {
        for symlinks in [Symlinks::Inside, Symlinks::Deny] {
            assert_eq!(outcome(&base, path, symlinks), "forbidden", "{path} {symlinks:?}");
        }
    }
}

#[test]
fn links_inside_the_directory_are_followed_relative_or_absolute() {
    let (temp, base) = tree();
    let root = temp.path().join("root");
    symlink("../a.txt", root.join("sub/relative")).unwrap();
    symlink(root.join("a.txt"), root.join("absolute")).unwrap();
    symlink(root.join("sub"), root.join("folder")).unwrap();
    symlink("absolute", root.join("chain")).unwrap();
    for (path, content) in [
        ("sub/relative", "public"),
        ("absolute", "public"),
        ("folder/b.txt", "public"),
        ("chain", "public"),
        ("folder", "directory"),
    ] {
        assert_eq!(outcome(&base, path, Symlinks::Inside), content, "{path}");
        assert_eq!(outcome(&base, path, Symlinks::Follow), content, "{path}");
        assert_eq!(outcome(&base, path, Symlinks::Deny), "forbidden", "{path}");
    }
    assert!(base.has_directory(place("folder"), Symlinks::Inside, Look::Disk).unwrap().unwrap());
}

#[test]
fn symlinks_out_of_the_root_are_followed_only_when_told_to() {
    let (temp, base) = tree();
    let root = temp.path().join("root");
    symlink("../secret.txt", root.join("relative")).unwrap();
    symlink(temp.path().join("secret.txt"), root.join("absolute")).unwrap();
    symlink("absolute", root.join("chain")).unwrap();
    symlink(temp.path(), root.join("folder")).unwrap();
    for path in ["relative", "absolute", "chain", "folder/secret.txt"] {
        assert_eq!(outcome(&base, path, Symlinks::Inside), "forbidden", "{path}");
        assert_eq!(outcome(&base, path, Symlinks::Deny), "forbidden", "{path}");
        assert_eq!(outcome(&base, path, Symlinks::Follow), "secret", "{path}");
    }
    assert!(base.has_directory(place("folder"), Symlinks::Inside, Look::Disk).is_err());
}

#[test]
fn a_sibling_whose_name_begins_alike_is_outside() {
    let (temp, base) = tree();
    fs::create_dir(temp.path().join("root-private")).unwrap();
    fs::write(temp.path().join("root-private/x"), "secret").unwrap();
    symlink(temp.path().join("root-private/x"), temp.path().join("root/link")).unwrap();
    assert_eq!(outcome(&base, "link", Symlinks::Inside), "forbidden");
}

#[test]
fn dangling_links_are_missing_and_circles_are_refused() {
    let (temp, base) = tree();
    let root = temp.path().join("root");
    symlink("nowhere", root.join("dangling")).unwrap();
    symlink(temp.path().join("root/nowhere"), root.join("absolute")).unwrap();
    symlink("circle", root.join("circle")).unwrap();
    assert_eq!(outcome(&base, "dangling", Symlinks::Inside), "missing");
    assert_eq!(outcome(&base, "absolute", Symlinks::Inside), "missing");
    assert_eq!(outcome(&base, "circle", Symlinks::Inside), "forbidden");
}

#[test]
fn magic_links_are_never_followed() {
    let (temp, base) = tree();
    symlink("/proc/self/cwd/Cargo.toml", temp.path().join("root/magic")).unwrap();
    for symlinks in ALL {
        assert_eq!(outcome(&base, "magic", symlinks), "forbidden", "{symlinks:?}");
    }
}

#[test]
fn fifo_device_socket_are_refused_without_blocking() {
    let (temp, base) = tree();
    let root = temp.path().join("root");
    mknodat(CWD, root.join("fifo"), rustix::fs::FileType::Fifo, Mode::RUSR, 0).unwrap();
    let _listener = std::os::unix::net::UnixListener::bind(root.join("socket")).unwrap();
    symlink("/dev/zero", root.join("device")).unwrap();
    for path in ["fifo", "socket", "device"] {
        assert_eq!(outcome(&base, path, Symlinks::Follow), "forbidden", "{path}");
    }
}

#[test]
fn over_long_names_are_missing() {
    let (_temp, base) = tree();
    for path in ["x".repeat(256), "x/".repeat(5000), "x".repeat(100_000)] {
        assert_eq!(outcome(&base, &path, Symlinks::Inside), "missing");
    }
}

#[test]
fn a_missing_directory_is_named_to_the_operator() {
    let fault = Base::open(Path::new("/nonexistent/static")).unwrap_err();
    assert_eq!(fault.cause, Cause::NotFound);
    assert!(fault.detail.contains("/nonexistent/static"), "{}", fault.detail);
}

#[test]
fn errors_have_the_cause_of_their_kind() {
    for (errno, cause) in [
        (Errno::NOENT, Cause::NotFound),
        (Errno::NAMETOOLONG, Cause::NotFound),
        (Errno::ACCESS, Cause::Forbidden),
        (Errno::LOOP, Cause::Forbidden),
        (Errno::MFILE, Cause::TooManyFiles),
        (Errno::NFILE, Cause::TooManyFiles),
        (Errno::IO, Cause::FileRead),
    ] {
        assert_eq!(refusal(errno, &"a.txt").cause, cause, "{errno:?}");
    }
}

/// Both kinds of link, since they are opened in different ways. The swap is atomic, by renaming.
#[test]
fn symlink_swapped_between_check_and_open_never_leads_outside() {
    let (temp, base) = tree();
    let root = temp.path().join("root");
    let swapped_enough = AtomicBool::new(false);
    let targets =
        [root.join("a.txt"), temp.path().join("secret.txt"), "a.txt".into(), "../secret.txt".into()];
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for target in targets.iter().cycle().take(4000) {
                symlink(target, temp.path().join("new")).unwrap();
                fs::rename(temp.path().join("new"), root.join("link")).unwrap();
            }
            swapped_enough.store(true, Ordering::Release);
        });
        let mut seen = std::collections::BTreeMap::<String, u32>::new();
        while !swapped_enough.load(Ordering::Acquire) {
            *seen.entry(outcome(&base, "link", Symlinks::Inside)).or_default() += 1;
        }
        assert!(!seen.contains_key("secret"), "{seen:?}");
        assert!(seen.contains_key("public") && seen.contains_key("forbidden"), "no race seen: {seen:?}");
    });
}

proptest! {
    #[test]
    fn random_paths_never_leave_the_directory(path in "(\\.\\.|\\.|sub|out|a\\.txt|secret\\.txt|/|//|\\x00){1,12}") {
        let (temp, base) = tree();
        symlink("..", temp.path().join("root/out")).unwrap();
        for symlinks in [Symlinks::Inside, Symlinks::Deny] {
            prop_assert_ne!(outcome(&base, &path, symlinks), "secret");
        }
    }
}
