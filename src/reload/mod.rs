//! From one configuration to the next while serving: read, prepare, commit, retire.
//!
//! Everything that can fail happens first ([`candidate`], [`doors`], and each event loop's own preparation):
//! until then nobody sees anything of a new configuration, and a failure leaves all as it was. Then every
//! loop is told to serve it from the next request on. A request keeps the configuration it began with, a
//! connection does not: it outlives reloads. What is as before is not touched: listeners, upstreams with their
//! health, counts, queues and idle connections. A listener that is gone has each of its connections answered
//! once more.

mod candidate;
mod checks;
mod console;
mod doors;
mod left;
mod pulse;
mod rights;
mod running;
#[cfg(test)]
mod tests;
mod watch;

pub use left::Left;
pub use running::Running;
pub use watch::Watcher;

/// What came of a reload.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The new configuration is in force, with these changes.
    Applied(Vec<String>),
    /// It means what is in force.
    Unchanged,
    /// Everything is as it was; this is why.
    Rejected(String),
}
