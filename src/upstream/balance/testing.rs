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

/// Up to `count` choices, as long as there is one.
pub fn choices(balance: &dyn Balance, servers: &[Server], excluded: &[usize], count: usize) -> Vec<usize> {
    let choice = Choice { servers, excluded, key: b"" };
    (0..count).map_while(|_| balance.pick(&choice)).collect()
}

/// How often each server is chosen.
pub fn counts(balance: &dyn Balance, servers: &[Server], excluded: &[usize], count: usize) -> Vec<u32> {
    let mut counts = vec![0; servers.len()];
    for index in choices(balance, servers, excluded, count) {
        counts[index] += 1;
    }
    counts
}

/// One more request is at work there.
pub fn begin(server: &Server) {
    assert!(server.endpoint.try_begin(usize::MAX));
}
