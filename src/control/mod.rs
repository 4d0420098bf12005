//! Orders from the command line to the server that runs: `rproxy reload` and the like.
//!
//! They come over a Unix socket in the abstract namespace, so there is no file to clean up, and no directory
//! that would have to be writable. Its name follows from the configuration file's path: that is what the
//! operator gives on both sides ([`name`]). Such sockets have no permissions of their own, so each side asks
//! the kernel who the other one is ([`peer`]). What goes over it is one order and the messages of how it goes,
//! a line of JSON each ([`wire`]).

mod client;
mod name;
mod peer;
mod server;
#[cfg(test)]
mod tests;
mod wire;

use serde::{Deserialize, Serialize};

pub use client::{NoOutcome, ask};
pub use server::{Control, Order, Reply};

/// What the operator may ask for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Command {
    /// Read the configuration again.
    Reload,
    /// Start a pool's workers anew: the upstream's name.
    Restart(String),
}

/// How it ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// It is done: what changed, a line each. None is told as no change.
    Done(Vec<String>),
    /// It was not done, and nothing has changed: the whole report why.
    Rejected(String),
}
