use std::os::unix::fs::PermissionsExt;

use super::*;

const WWW: u32 = 33;
const APP: u32 = 1000;

fn names() -> Names {
    Names {
        users: by_id("root:x:0:0::/root:/bin/sh\napp:x:1000:1000::/:/bin/sh"),
        groups: by_id("root:x:0:\napp:x:1000:"),
    }
}

/// What is said of `/run/app/app.sock` to uid 33 of `gids`; `/` and `/run` are open to all.
fn verdict(gids: &[u32], directory: Option<(Kind, u32)>, socket: Option<(Kind, u32)>) -> Option<String> {
    let entry = |(kind, mode)| Entry { kind, mode, uid: APP, gid: APP };
    let stat = |path: &Path| match path.to_str() {
        Some("/" | "/run") => Ok(Entry { kind: Kind::Directory, mode: 0o755, uid: 0, gid: 0 }),
        Some("/run/app") => directory.map(entry).ok_or_else(|| io::ErrorKind::NotFound.into()),
        _ => socket.map(entry).ok_or_else(|| io::ErrorKind::NotFound.into()),
    };
    walk(Path::new("/run/app/app.sock"), &Identity { uid: WWW, gids: gids.to_vec() }, &stat, &names)
}

fn said(gids: &[u32], directory: Option<(Kind, u32)>, socket: Option<(Kind, u32)>) -> String {
    verdict(gids, directory, socket).expect("something is in the way")
}

#[test]
fn a_closed_directory_is_named_with_its_remedy() {
    assert_eq!(
        said(&[WWW], Some((Kind::Directory, 0o750)), None),
        "/run/app (mode 0750, owner app:app) cannot be entered by uid 33; \
         give that user access: chmod o+x /run/app or add it to the group app"
    );
    assert_eq!(
        said(&[WWW], Some((Kind::Directory, 0o700)), None),
        "/run/app (mode 0700, owner app:app) cannot be entered by uid 33; \
         give that user access: chmod o+x /run/app"
    );
}

#[test]
fn the_bits_of_our_own_class_decide() {
    let open = Some((Kind::Socket, 0o777));
    assert!(said(&[APP], Some((Kind::Directory, 0o705)), open).ends_with("chmod g+x /run/app"));
    assert_eq!(verdict(&[APP], Some((Kind::Directory, 0o750)), open), None);
}

#[test]
fn a_closed_socket_is_named_with_its_remedy() {
    assert_eq!(
        said(&[WWW], Some((Kind::Directory, 0o755)), Some((Kind::Socket, 0o755))),
        "/run/app/app.sock (mode 0755, owner app:app) cannot be written by uid 33; \
         give that user access: chmod o+w /run/app/app.sock"
    );
}

#[test]
fn what_is_missing_or_no_socket_is_named() {
    assert!(said(&[WWW], None, None).starts_with("/run/app does not exist"));
    assert!(
        said(&[WWW], Some((Kind::Directory, 0o755)), None).starts_with("/run/app/app.sock does not exist")
    );
    assert!(said(&[WWW], Some((Kind::Other, 0o755)), None).starts_with("/run/app is not a directory"));
    assert!(
        said(&[WWW], Some((Kind::Directory, 0o755)), Some((Kind::Other, 0o777))).contains("is not a socket")
    );
}

#[test]
fn root_is_let_in_everywhere() {
    let stat = |_: &Path| Ok(Entry { kind: Kind::Directory, mode: 0, uid: APP, gid: APP });
    let root = Identity { uid: 0, gids: vec![0] };
    let said = walk(Path::new("/run/app.sock"), &root, &stat, &names).unwrap();
    assert!(said.contains("is not a socket"), "{said}");
}

#[test]
fn real_files_are_looked_at() {
    let directory = tempfile::tempdir().unwrap();
    let closed = directory.path().join("closed");
    std::fs::create_dir(&closed).unwrap();
    std::fs::set_permissions(&closed, std::fs::Permissions::from_mode(0o700)).unwrap();
    let path = closed.join("app.sock");
    let stat = |path: &Path| std::fs::metadata(path).map(|found| Entry::from(&found));
    // Neither owner nor group of anything, whoever runs the test; /tmp itself is open to all.
    std::fs::set_permissions(directory.path(), std::fs::Permissions::from_mode(0o755)).unwrap();
    let stranger = Identity { uid: u32::MAX - 1, gids: vec![] };
    let said = walk(&path, &stranger, &stat, &Names::of_system).unwrap();
    assert!(said.starts_with(&format!("{} (mode 0700, owner ", closed.display())), "{said}");
}
