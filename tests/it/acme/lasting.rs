//! What outlives a process, and what several processes share.

use rustix::process::Signal;

use super::{DNS, HTTP, folder, has_failed, proxy, shown, site_at, wait_for_certificate, with};
use crate::support::pebble::free_port;
use crate::support::{Pebble, Proxy};

/// The same with the state directory of another process.
fn sharing(toml: &str, with: &Proxy) -> String {
    toml.replace("state = \"state\"", &format!("state = \"{}\"", with.dir().join("state").display()))
}

#[test]
fn a_stored_certificate_is_used_at_once_and_nobody_is_asked() {
    let mut pebble = Pebble::start();
    let first = proxy(&pebble, &["localhost"], HTTP).start();
    let certificate = wait_for_certificate(pebble.tls, "localhost", None);
    first.wait_for_log("has been obtained");
    let ports = [(); 2].map(|()| free_port());
    let toml = sharing(&site_at(&pebble, ports.into(), &["localhost"], HTTP), &first);
    pebble.stop();
    let second = with(&pebble, &toml).start();
    assert_eq!(shown(ports[1], "localhost"), Some(certificate));
    second.wait_for_log("a certificate for localhost is stored: it is valid until ");
}

#[test]
fn a_certificate_is_renewed_before_it_ends() {
    let pebble = Pebble::builder().validity(12).start();
    let proxy = proxy(&pebble, &["localhost"], HTTP).start();
    let first = wait_for_certificate(pebble.tls, "localhost", None);
    let second = wait_for_certificate(pebble.tls, "localhost", Some(&first));
    assert_ne!(first, second);
    assert_eq!(pebble.accounts(), 1);
    assert!(!has_failed(&proxy));
}

#[test]
fn a_process_that_is_killed_over_an_order_leaves_it_to_the_next() {
    let pebble = Pebble::start();
    // Its record is never set.
    let hangs = "#!/bin/sh\nwhile [ -e \"$0\" ]; do sleep 0.2; done\n";
    let mut first = proxy(&pebble, &["a.shop.test"], DNS).file("hook.sh", hangs).start();
    pebble.log.wait_for("POST /authZ/");
    let open = std::fs::read_to_string(folder(first.dir()).join("order.json")).unwrap();
    first.signal(Signal::KILL);
    std::fs::remove_file(first.dir().join("hook.sh")).unwrap();
    first.wait();
    let toml = site_at(&pebble, (pebble.http, pebble.tls), &["a.shop.test"], DNS);
    let second = with(&pebble, &sharing(&toml, &first)).start();
    wait_for_certificate(pebble.tls, "a.shop.test", None);
    second.wait_for_log("going on with the order for a.shop.test");
    assert_eq!((pebble.accounts(), pebble.orders()), (1, 1));
    // The key is the one that the first had made.
    let open: serde_json::Value = serde_json::from_str(&open).unwrap();
    let stored = std::fs::read_to_string(folder(first.dir()).join("identity.pem")).unwrap();
    assert!(stored.starts_with(open["key"].as_str().unwrap().trim()));
}

#[test]
fn an_order_that_the_authority_does_not_know_is_made_again() {
    let pebble = Pebble::start();
    let ports = [(); 2].map(|()| free_port());
    let first = proxy(&pebble, &["localhost"], HTTP).start();
    wait_for_certificate(pebble.tls, "localhost", None);
    first.wait_for_log("has been obtained");
    let stored = folder(first.dir());
    let key = std::fs::read_to_string(stored.join("identity.pem")).unwrap();
    let url = pebble.directory().replace("/dir", "/my-order/unknown");
    std::fs::write(stored.join("order.json"), serde_json::json!({ "url": url, "key": key }).to_string())
        .unwrap();
    std::fs::remove_file(stored.join("identity.pem")).unwrap();
    let toml = site_at(&pebble, ports.into(), &["localhost"], HTTP);
    let _second = with(&pebble, &sharing(&toml, &first)).start();
    wait_for_certificate(ports[1], "localhost", None);
    assert_eq!((pebble.accounts(), pebble.orders()), (1, 2));
}

/// Whichever of them asks: the authority comes to the first.
#[test]
fn two_processes_with_one_directory_order_once() {
    let pebble = Pebble::builder().slow(3).start();
    let first = proxy(&pebble, &["localhost"], HTTP).start();
    let others: Vec<_> = (0..2)
        .map(|_| {
            let ports = [(); 2].map(|()| free_port());
            let toml = site_at(&pebble, ports.into(), &["localhost"], HTTP);
            let toml = sharing(&toml, &first);
            (with(&pebble, &toml).start(), ports[1])
        })
        .collect();
    let certificate = wait_for_certificate(pebble.tls, "localhost", None);
    for (_, tls) in &others {
        assert_eq!(wait_for_certificate(*tls, "localhost", None), certificate);
    }
    assert_eq!((pebble.accounts(), pebble.orders()), (1, 1));
}

/// The authority may come to another process than the one that asks.
#[test]
fn a_challenge_of_another_process_is_answered() {
    let pebble = Pebble::start();
    let asked = proxy(&pebble, &["no-such-name.invalid"], HTTP).start();
    let ports = [(); 2].map(|()| free_port());
    let toml = site_at(&pebble, ports.into(), &["localhost"], HTTP);
    let _asking = with(&pebble, &sharing(&toml, &asked)).start();
    wait_for_certificate(ports[1], "localhost", None);
    let line = asked.wait_for_access("GET /.well-known/acme-challenge/");
    assert!(line.contains("\" 200 "), "{line}");
}
