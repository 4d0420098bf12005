use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use rustix::fs::{CWD, RenameFlags, renameat_with};

use crate::support::{Proxy, Request};

const CLIENTS: usize = 4;
/// Of each client, for each policy: 21,000 together.
const REQUESTS: usize = 1_750;
/// More names than can be asked for within the second that a file is trusted for.
const NAMES: usize = 500;

/// How often each answer came.
#[derive(Debug, Default)]
struct Seen {
    inside: usize,
    outside: usize,
    refused: usize,
}

/// Asks for files below a directory that changes places with a link to one outside, and for a link
/// that leads in and out by turns.
fn ask_while_swapping(policy: &str) -> Seen {
    let location = format!("[[site.location]]\nmatch = \"/\"\nfiles = \"www\"\nsymlinks = \"{policy}\"\n");
    let mut builder = Proxy::site(&location).file("www/inside.txt", "inside").file("outside.txt", "outside");
    for name in 0..NAMES {
        builder = builder
            .file(&format!("www/swapped/{name}"), "inside")
            .file(&format!("outside/{name}"), "outside");
    }
    symlink(builder.dir().join("outside"), builder.dir().join("spare")).unwrap();
    let proxy = builder.start();
    let asked = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| swap(proxy.dir(), &asked));
        let clients: Vec<_> = (0..CLIENTS)
            .map(|client| {
                scope.spawn({
                    let proxy = &proxy;
                    move || ask(proxy, client)
                })
            })
            .collect();
        let answers: Vec<_> = clients.into_iter().map(std::thread::ScopedJoinHandle::join).collect();
        asked.store(true, Ordering::Relaxed);
        answers.into_iter().map(Result::unwrap).fold(Seen::default(), |one, other| Seen {
            inside: one.inside + other.inside,
            outside: one.outside + other.outside,
            refused: one.refused + other.refused,
        })
    })
}

fn swap(directory: &Path, asked: &AtomicBool) {
    let (swapped, spare) = (directory.join("www/swapped"), directory.join("spare"));
    let (link, new) = (directory.join("www/link.txt"), directory.join("www/new.txt"));
    while !asked.load(Ordering::Relaxed) {
        for target in ["inside.txt", "../outside.txt"] {
            renameat_with(CWD, &swapped, CWD, &spare, RenameFlags::EXCHANGE).unwrap();
            symlink(target, &new).unwrap();
            fs::rename(&new, &link).unwrap();
        }
    }
}

fn ask(proxy: &Proxy, client: usize) -> Seen {
    let mut seen = Seen::default();
    let mut connection = proxy.connect();
    for request in 0..REQUESTS {
        let name = (request + client * NAMES / CLIENTS) % NAMES;
        let path = if request % 4 == 0 { "/link.txt".to_owned() } else { format!("/swapped/{name}") };
        let response = connection.exchange(&Request::get(&path));
        match (response.status, response.text()) {
            (200, "inside") => seen.inside += 1,
            (200, "outside") => seen.outside += 1,
            // The link is not there before its first swap.
            (403 | 404, _) => seen.refused += 1,
            other => panic!("{path}: {other:?}"),
        }
    }
    seen
}

#[test]
fn a_swapped_link_never_leads_outside() {
    let seen = ask_while_swapping("inside");
    assert!(seen.outside == 0 && seen.inside > 0 && seen.refused > 0, "{seen:?}");
}

#[test]
fn a_swapped_link_is_never_followed_where_links_are_denied() {
    let seen = ask_while_swapping("deny");
    assert!(seen.outside == 0 && seen.inside > 0 && seen.refused > 0, "{seen:?}");
}

/// Each answer is whole, whichever of the two it is.
#[test]
fn a_swapped_link_is_followed_either_way_where_links_are_followed() {
    let seen = ask_while_swapping("follow");
    assert!(seen.inside > 0 && seen.outside > 0, "{seen:?}");
}
