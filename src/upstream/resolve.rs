//! Names of servers to addresses, remembered for a moment.

use std::cell::RefCell;
use std::collections::HashMap;
use std::io;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

use tokio::time::Instant;

/// Long enough that a burst of connections asks once, short enough that a moved container is found.
const REMEMBERED: Duration = Duration::from_secs(5);

/// What was resolved lately on this event loop, by `name:port`.
#[derive(Debug, Default)]
pub(super) struct Resolver {
    known: RefCell<HashMap<Box<str>, Known>>,
}

#[derive(Debug)]
struct Known {
    addresses: Rc<[SocketAddr]>,
    until: Instant,
}

impl Resolver {
    /// The addresses of `authority` (`name:port`), in the system resolver's order.
    pub(super) async fn resolve(&self, authority: &str) -> io::Result<Rc<[SocketAddr]>> {
        let now = Instant::now();
        if let Some(known) = self.known.borrow().get(authority).filter(|known| known.until > now) {
            return Ok(Rc::clone(&known.addresses));
        }
        let addresses: Rc<[SocketAddr]> = tokio::net::lookup_host(authority).await?.collect();
        if addresses.is_empty() {
            return Err(io::Error::new(io::ErrorKind::NotFound, "the name has no address"));
        }
        let known = Known { addresses: Rc::clone(&addresses), until: now + REMEMBERED };
        self.known.borrow_mut().insert(authority.into(), known);
        Ok(addresses)
    }

    /// Asks anew next time: none of the addresses could be reached.
    pub(super) fn forget(&self, authority: &str) {
        self.known.borrow_mut().remove(authority);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn answers_are_remembered_until_forgotten() {
        let resolver = Resolver::default();
        let first = resolver.resolve("localhost:80").await.unwrap();
        assert!(Rc::ptr_eq(&first, &resolver.resolve("localhost:80").await.unwrap()));
        resolver.forget("localhost:80");
        assert!(!Rc::ptr_eq(&first, &resolver.resolve("localhost:80").await.unwrap()));
    }

    #[tokio::test(start_paused = true)]
    async fn answers_are_not_remembered_for_long() {
        let resolver = Resolver::default();
        let known = Known { addresses: Rc::from([]), until: Instant::now() + REMEMBERED };
        resolver.known.borrow_mut().insert("localhost:80".into(), known);
        assert!(resolver.resolve("localhost:80").await.unwrap().is_empty());
        tokio::time::advance(REMEMBERED).await;
        assert!(!resolver.resolve("localhost:80").await.unwrap().is_empty());
    }
}
