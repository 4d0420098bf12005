//! What there is to see of an upstream at one moment.

use super::standing::Fitness;
use super::{Server, Upstream};
use crate::observe::{QueueStatus, ServerState, ServerStatus, UpstreamStatus};

impl Upstream {
    pub fn status(&self) -> UpstreamStatus {
        let (waited, waited_for) = self.queue.waits();
        UpstreamStatus {
            name: self.name.clone(),
            queue: QueueStatus {
                waiting: self.waiting(),
                size: self.settings.queue.size,
                waited,
                waited_for,
            },
            servers: self.servers.iter().map(|server| self.status_of(server)).collect(),
        }
    }

    fn status_of(&self, server: &Server) -> ServerStatus {
        let endpoint = &server.endpoint;
        ServerStatus {
            address: endpoint.shared_label(),
            state: self.state_of(server),
            weight: server.weight,
            backup: server.backup,
            max_conns: server.max_conns.map(Into::into),
            in_flight: endpoint.in_flight(),
            requests: endpoint.requests(),
            failures: endpoint.failures(),
        }
    }

    /// The most important one, where several are true.
    fn state_of(&self, server: &Server) -> ServerState {
        match server.endpoint.standing.fitness(self.settings.slow_start) {
            Fitness::Unfit if server.endpoint.is_down() => ServerState::Down,
            Fitness::Unfit if server.endpoint.standing.ejected_until().is_some() => ServerState::Ejected,
            Fitness::Unfit => ServerState::Stalled,
            Fitness::OnTrial => ServerState::OnTrial,
            _ if server.drain => ServerState::Draining,
            Fitness::Rising(_) => ServerState::Rising,
            Fitness::Fit => ServerState::Up,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::time::Instant;

    use super::super::balance::testing::server;
    use super::super::testing::SETTINGS;
    use super::super::{Policy, Settings, Upstream};
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_server_is_seen_as_it_is_treated() {
        let settings = Settings { slow_start: Duration::from_secs(10), ..SETTINGS };
        let upstream = Upstream::new("app", [server(1), server(2).draining()], Policy::RoundRobin, settings);
        let states = || upstream.status().servers.iter().map(|server| server.state).collect::<Vec<_>>();
        let standing = &upstream.servers[0].endpoint.standing;
        assert_eq!(states(), [ServerState::Up, ServerState::Draining]);
        standing.eject(Instant::now() + Duration::from_secs(5));
        assert_eq!(states()[0], ServerState::Ejected);
        tokio::time::advance(Duration::from_secs(5)).await;
        assert_eq!(states()[0], ServerState::OnTrial);
        standing.set_down(true, settings.slow_start);
        assert_eq!(states()[0], ServerState::Down);
        standing.set_down(false, settings.slow_start);
        assert_eq!(states()[0], ServerState::Rising);
        tokio::time::advance(Duration::from_secs(10)).await;
        assert_eq!(states()[0], ServerState::Up);
    }

    #[tokio::test(start_paused = true)]
    async fn those_who_wait_are_counted_with_their_time() {
        let upstream = Upstream::new("app", [server(1)], Policy::RoundRobin, SETTINGS);
        let places = [upstream.place(), upstream.place()];
        assert!(places.iter().all(Option::is_some));
        tokio::time::advance(Duration::from_secs(2)).await;
        assert_eq!(upstream.status().queue.waiting, 2);
        drop(places);
        let queue = upstream.status().queue;
        assert_eq!((queue.waiting, queue.waited, queue.waited_for), (0, 2, Duration::from_secs(4)));
    }
}
