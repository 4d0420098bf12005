//! From the validated model to what runs: once for all event loops, then a copy for each.

use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::Arc;

use bytes::Bytes;

use super::location::Builder;
use super::stack::Stack;
use super::{Buffers, Door};
use crate::config::Config;
use crate::config::model;
use crate::http::media_type;
use crate::middleware::{ErrorPage, ErrorPages};
use crate::net::{Bound, ListenAddr};
use crate::observe::Lines;
use crate::router::{self, Router};
use crate::server::Settings;
use crate::upstream::{self, Policy, Server, Upstream};

/// What all event loops share of one configuration: immutable, but for the counts in its upstreams.
#[derive(Debug)]
pub struct Snapshot {
    config: Config,
    upstreams: Vec<Arc<Upstream>>,
    /// Of each site, by its index.
    pages: Vec<ErrorPages>,
    buffers: Buffers,
}

impl Snapshot {
    /// Reads the error pages, and gives the upstreams their counters.
    pub fn new(config: Config, buffers: Buffers) -> Self {
        let upstreams =
            config.upstreams.iter().map(|upstream| Arc::new(compile_upstream(upstream))).collect();
        let pages = config.sites.iter().map(|site| read_pages(&site.errors)).collect();
        Self { config, upstreams, pages, buffers }
    }

    /// One event loop's copy. Regular expressions and pools are its own: it shares nothing that is locked.
    pub fn stack(&self, lines: Lines) -> Stack {
        let builder = Builder::new(&self.upstreams, &self.buffers);
        let sites = self.config.sites.iter().map(|site| router::Site {
            listen: site.listen.clone(),
            hosts: site.hosts.clone(),
            locations: site
                .locations
                .iter()
                .map(|location| (location.pattern.clone(), Rc::new(builder.location(location))))
                .collect(),
        });
        let trusted = self.config.server.trusted_proxies.clone();
        Stack::from_parts(Router::new(sites), self.pages.clone(), trusted, lines)
    }

    /// One event loop's socket of a listener, with what holds before a site is known.
    pub fn door(&self, bound: &mut Bound) -> Option<Door> {
        let configured = bound.configured.clone();
        let timeouts = self.first_timeouts(&configured)?;
        let settings = Settings {
            header: timeouts.header,
            keep_alive: timeouts.keep_alive,
            body: timeouts.body,
            send: timeouts.send,
        };
        Some(Door { configured, socket: bound.take()?, settings })
    }

    /// As in nginx, a listener's default site says how long a head may take: its host is not known earlier.
    fn first_timeouts(&self, listener: &ListenAddr) -> Option<model::Timeouts> {
        let mut sites = self.config.sites.iter().filter(|site| site.listen.contains(listener)).peekable();
        let first = *sites.peek()?;
        Some(sites.find(|site| site.hosts.is_empty()).unwrap_or(first).timeouts)
    }
}

fn compile_upstream(upstream: &model::Upstream) -> Upstream {
    let settings = upstream::Settings {
        idle: upstream.keep_alive.idle,
        idle_timeout: upstream.keep_alive.timeout,
        connect: upstream.timeouts.connect,
        send: upstream.timeouts.send,
        read: upstream.timeouts.read,
        retry_window: upstream.retry.window,
        resolve: upstream.resolve,
    };
    let servers = upstream.servers.iter().map(|server| Server {
        weight: server.weight,
        backup: server.backup,
        ..Server::new(server.address.clone())
    });
    Upstream::new(&upstream.name, servers, policy(&upstream.balance), settings)
}

fn policy(balance: &model::Balance) -> Policy {
    match balance {
        model::Balance::RoundRobin => Policy::RoundRobin,
        model::Balance::LeastConn => Policy::LeastConn,
        model::Balance::Random => Policy::Random,
        model::Balance::P2c => Policy::P2c,
        model::Balance::Hash(key) => Policy::Hash(key.clone()),
    }
}

fn read_pages(pages: &model::ErrorPages) -> ErrorPages {
    let read = |(status, path): (&u16, &PathBuf)| Some((*status, read_page(path)?));
    ErrorPages {
        exact: pages.exact.iter().filter_map(read).collect(),
        class: pages.class.iter().filter_map(read).collect(),
    }
}

/// A page that is not there costs its looks, not the site.
fn read_page(path: &Path) -> Option<ErrorPage> {
    match std::fs::read(path) {
        Ok(body) => {
            let content_type = media_type(path.as_os_str().as_encoded_bytes());
            Some(ErrorPage { content_type, body: Bytes::from(body) })
        }
        Err(error) => {
            tracing::warn!("the error page {} cannot be read: {error}; a plain one is sent", path.display());
            None
        }
    }
}
