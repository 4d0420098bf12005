//! Servers to choose from, and what is chosen.

use super::{Balance, Choice};
use crate::net::UpstreamAddr;
use crate::upstream::Server;

/// Servers of these weights, at the ports from 1000 on.
pub fn servers(weights: &[u32]) -> Vec<Server> {
    (1000..).zip(weights).map(|(port, weight)| server(port).weighing(*weight)).collect()
}

pub fn server(port: u16) -> Server {
    Server::new(UpstreamAddr::Tcp(([127, 0, 0, 1], port).into()))
}

/// Up to `count` choices of a policy that does not look at the servers themselves.
pub fn picks(balance: &dyn Balance, count: usize, excluded: &[usize]) -> Vec<usize> {
    let choice = Choice { servers: &[], excluded };
    (0..count).map_while(|_| balance.pick(&choice)).collect()
}
