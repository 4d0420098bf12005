//! Names of servers to addresses, asked for anew from time to time.

use std::cell::RefCell;
use std::collections::HashMap;
use std::io;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

use tokio::time::Instant;

/// When the resolver fails, it is not asked more often than this.
const AFTER_FAILURE: Duration = Duration::from_secs(1);

/// What was resolved on this event loop, by `name:port`.
///
/// Connections are kept by server, not by address: those that exist stay in use when a name moves.
#[derive(Debug, Default)]
pub(super) struct Resolver {
    known: RefCell<HashMap<Box<str>, Known>>,
}

#[derive(Clone, Debug)]
struct Known {
    addresses: Rc<[SocketAddr]>,
    until: Instant,
    /// Whether the resolver has failed since they were found.
    outdated: bool,
}

impl Resolver {
    /// The addresses of `authority` (`name:port`), in the system resolver's order; not older than
    /// `interval`, unless the resolver fails: then the last ones known go on to be used.
    pub(super) async fn resolve(&self, authority: &str, interval: Duration) -> io::Result<Rc<[SocketAddr]>> {
        let now = Instant::now();
        let known = self.known.borrow().get(authority).cloned();
        if let Some(known) = known.as_ref().filter(|known| known.until > now) {
            return Ok(Rc::clone(&known.addresses));
        }
        match (look_up(authority).await, known) {
            (Ok(addresses), known) => {
                if known.is_some_and(|known| known.outdated) {
                    tracing::info!("{authority} resolves again");
                }
                self.remember(authority, &addresses, interval, false);
                Ok(addresses)
            }
            (Err(error), Some(Known { addresses, outdated, .. })) => {
                if !outdated {
                    tracing::warn!(
                        "{authority} does not resolve any more, its last addresses are used: {error}"
                    );
                }
                self.remember(authority, &addresses, AFTER_FAILURE.min(interval), true);
                Ok(addresses)
            }
            (Err(error), None) => Err(error),
        }
    }

    fn remember(&self, authority: &str, addresses: &Rc<[SocketAddr]>, interval: Duration, outdated: bool) {
        let known = Known { addresses: Rc::clone(addresses), until: Instant::now() + interval, outdated };
        self.known.borrow_mut().insert(authority.into(), known);
    }

    /// Asks anew next time: none of the addresses could be reached.
    pub(super) fn doubt(&self, authority: &str) {
        if let Some(known) = self.known.borrow_mut().get_mut(authority) {
            known.until = Instant::now();
        }
    }
}

async fn look_up(authority: &str) -> io::Result<Rc<[SocketAddr]>> {
    let addresses: Rc<[SocketAddr]> = tokio::net::lookup_host(authority).await?.collect();
    if addresses.is_empty() {
        return Err(io::Error::new(io::ErrorKind::NotFound, "the name has no address"));
    }
    Ok(addresses)
}

#[cfg(test)]
mod tests {
    use super::*;

    const INTERVAL: Duration = Duration::from_secs(30);

    /// Longer than a name may be, so that it fails without anyone being asked.
    fn unresolvable() -> String {
        format!("{}:80", "a".repeat(64))
    }

    #[tokio::test]
    async fn answers_are_remembered_until_doubted() {
        let resolver = Resolver::default();
        let first = resolver.resolve("localhost:80", INTERVAL).await.unwrap();
        assert!(Rc::ptr_eq(&first, &resolver.resolve("localhost:80", INTERVAL).await.unwrap()));
        resolver.doubt("localhost:80");
        assert!(!Rc::ptr_eq(&first, &resolver.resolve("localhost:80", INTERVAL).await.unwrap()));
    }

    #[tokio::test(start_paused = true)]
    async fn answers_are_remembered_for_the_interval() {
        let resolver = Resolver::default();
        let nothing: Rc<[SocketAddr]> = Rc::from([]);
        resolver.remember("localhost:80", &nothing, INTERVAL, false);
        let almost = INTERVAL.mul_f32(0.99);
        tokio::time::advance(almost).await;
        assert!(resolver.resolve("localhost:80", INTERVAL).await.unwrap().is_empty());
        tokio::time::advance(almost).await;
        assert!(!resolver.resolve("localhost:80", INTERVAL).await.unwrap().is_empty());
    }

    #[tokio::test]
    async fn a_resolver_that_fails_costs_nobody_the_known_addresses() {
        let resolver = Resolver::default();
        assert!(resolver.resolve(&unresolvable(), INTERVAL).await.is_err());
        let known: Rc<[SocketAddr]> = Rc::from([([127, 0, 0, 1], 80).into()]);
        resolver.remember(&unresolvable(), &known, INTERVAL, false);
        resolver.doubt(&unresolvable());
        assert_eq!(resolver.resolve(&unresolvable(), INTERVAL).await.unwrap(), known);
    }

    /// So that an outage is told of when it begins and when it ends, not with every question.
    #[tokio::test]
    async fn it_is_known_whether_the_resolver_has_failed_since() {
        let resolver = Resolver::default();
        let known: Rc<[SocketAddr]> = Rc::from([([127, 0, 0, 1], 80).into()]);
        for (authority, before, after) in
            [(&*unresolvable(), false, true), (&*unresolvable(), true, true), ("localhost:80", true, false)]
        {
            resolver.remember(authority, &known, INTERVAL, before);
            resolver.doubt(authority);
            resolver.resolve(authority, INTERVAL).await.unwrap();
            assert_eq!(resolver.known.borrow()[authority].outdated, after, "{authority}");
        }
    }
}
