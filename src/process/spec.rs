//! What a pool is, as the main process tells its helper.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::as_text;
use crate::http::StatusSet;
use crate::net::UpstreamAddr;

/// What to run, where it will be found once it is up, and how one knows that it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProcessSpec {
    /// The upstream's name.
    pub name: String,
    /// Program and arguments; `{socket}`, `{port}` and `{fd}` stand for what each generation has of its
    /// own. A program with a slash is relative to `directory`, one without is looked up in `PATH`.
    pub command: Vec<String>,
    pub directory: PathBuf,
    /// Added to what rproxy has itself, with the same placeholders.
    pub environment: BTreeMap<String, String>,
    /// `None` runs it as rproxy's own user.
    pub account: Option<Account>,
    /// `None` keeps rproxy's own.
    pub umask: Option<u32>,
    /// Listening sockets are passed by systemd's protocol (sd_listen_fds(3)).
    pub socket_activation: bool,
    /// A generation that does not answer by then has failed.
    pub start_timeout: Duration,
    /// How long a generation may take to end before it is killed.
    pub stop_timeout: Duration,
    /// As they are written. The first generation has them if they are free.
    #[serde(with = "as_text::list")]
    pub servers: Vec<UpstreamAddr>,
    pub check: Check,
}

/// Whom a pool runs as.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Account {
    /// `None` for an id without a name.
    pub login: Option<String>,
    pub home: Option<PathBuf>,
    pub uid: u32,
    pub gid: u32,
    /// Supplementary ones.
    pub groups: Vec<u32>,
}

/// What a generation is asked by GET, and which answers show that it serves.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Check {
    pub path: String,
    /// `None` is the server's own address.
    pub host: Option<String>,
    #[serde(with = "as_text")]
    pub status: StatusSet,
    /// What the body has to contain.
    pub body: Option<String>,
    /// By HTTP/2.
    pub http2: bool,
    /// Its servers speak TLS: that they take connections is all that is asked.
    pub secured: bool,
}

impl ProcessSpec {
    /// Whether a process cannot tell the two apart: only what is done with it differs.
    pub(super) fn runs_like(&self, other: &Self) -> bool {
        let Self { start_timeout, stop_timeout, check, .. } = other.clone();
        Self { start_timeout, stop_timeout, check, ..self.clone() } == *other
    }

    /// Whether rproxy listens on the servers' addresses itself and passes the sockets on.
    pub(super) fn passes_sockets(&self) -> bool {
        self.socket_activation || self.mentions("{fd}")
    }

    /// Whether each generation can have addresses of its own: the command has to say where it is told them.
    pub(super) fn moves(&self) -> bool {
        self.passes_sockets() || self.servers.iter().all(|server| self.is_told(server))
    }

    /// `{socket}` and `{port}` are those of the first server that has such.
    fn is_told(&self, server: &UpstreamAddr) -> bool {
        let is_unix = server.unix_path().is_some();
        let first = self.servers.iter().find(|other| other.unix_path().is_some() == is_unix);
        first == Some(server) && self.mentions(if is_unix { "{socket}" } else { "{port}" })
    }

    fn mentions(&self, placeholder: &str) -> bool {
        self.command.iter().chain(self.environment.values()).any(|word| word.contains(placeholder))
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// A pool of nothing in particular.
    pub fn spec(command: &[&str], servers: &[&str]) -> ProcessSpec {
        ProcessSpec {
            name: "app".into(),
            command: command.iter().map(ToString::to_string).collect(),
            directory: "/".into(),
            environment: BTreeMap::new(),
            account: None,
            umask: None,
            socket_activation: false,
            start_timeout: Duration::from_secs(20),
            stop_timeout: Duration::from_secs(20),
            servers: servers.iter().map(|server| server.parse().unwrap()).collect(),
            check: Check {
                path: "/".into(),
                host: None,
                status: "200-599".parse().unwrap(),
                body: None,
                http2: false,
                secured: false,
            },
        }
    }

    #[test]
    fn a_pool_moves_if_its_command_is_told_where_to() {
        assert!(spec(&["app", "unix:{socket}"], &["unix:/a"]).moves());
        assert!(spec(&["app", "{port}", "{socket}"], &["unix:/a", "127.0.0.1:8000"]).moves());
        assert!(spec(&["app", "{fd}"], &["unix:/a", "unix:/b", "127.0.0.1:8000"]).moves());
        let activated = ProcessSpec { socket_activation: true, ..spec(&["app"], &["unix:/a"]) };
        assert!(activated.moves());
    }

    #[test]
    fn a_pool_stays_where_it_is_if_any_address_is_its_own_affair() {
        assert!(!spec(&["app"], &["127.0.0.1:8000"]).moves());
        assert!(!spec(&["app", "{port}"], &["127.0.0.1:8000", "unix:/a"]).moves());
        assert!(!spec(&["app", "{socket}"], &["unix:/a", "unix:/b"]).moves());
    }

    #[test]
    fn time_limits_and_checks_are_nothing_a_process_sees() {
        let old = spec(&["app"], &["unix:/a"]);
        let mut new = ProcessSpec { stop_timeout: Duration::from_secs(1), ..old.clone() };
        new.check.path = "/healthz".into();
        assert!(new != old && new.runs_like(&old));
        assert!(!ProcessSpec { umask: Some(0o27), ..old.clone() }.runs_like(&old));
    }

    #[test]
    fn a_pool_arrives_as_it_was_sent() {
        let mut spec = spec(&["app", "{fd}"], &["unix:/a b", "[::1]:8000", "app.internal:80"]);
        spec.check.status = "200,300-399".parse().unwrap();
        let sent = serde_json::to_string(&spec).unwrap();
        assert_eq!(serde_json::from_str::<ProcessSpec>(&sent).unwrap(), spec);
    }
}
