//! Certificates from an authority (RFC 8555): obtained, kept on disk and renewed, from the names alone.
//!
//! Runs on the control thread, and no request waits for it. What clients are to be shown goes into a
//! [`Managed`](crate::tls::Managed) that event loops read; what authorities look for on plain listeners goes into
//! [`Challenges`](crate::tls::Challenges).
//!
//! # Life of a certificate
//!
//! 1. What is stored is used at once (`keeper`). Another process may store a newer one at any time.
//! 2. The authority says when it is to be renewed (RFC 9773), or else two thirds of its life do (`schedule`).
//! 3. An attempt holds the lock of its folder, so that of two processes one asks, and the other takes what it has
//!    got (`attempt`). First it looks whether the names lead here at all (`preflight`).
//! 4. The account's key is on disk before the authority hears of it, the certificate's key before it is asked to
//!    sign it, and the certificate before it is used (`store`): whatever ends the process, nothing is asked for
//!    twice.
//! 5. A failure becomes one sentence with a remedy (`trouble`), and the next attempt waits the longer.

mod account;
mod attempt;
mod challenge;
mod chance;
mod client;
mod fault;
mod keeper;
mod manager;
mod order;
mod preflight;
mod renewal;
mod schedule;
mod store;
#[cfg(test)]
mod testing;
mod trouble;
mod wanted;

pub use manager::Manager;
pub use wanted::{Listening, Wanted, Way};
