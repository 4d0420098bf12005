//! From the validated model to what runs: once for all event loops, then a copy for each.

use std::path::Path;
use std::rc::Rc;
use std::sync::Arc;

use bytes::Bytes;

use super::location::Builder;
use super::site::Site;
use super::stack::Stack;
use super::{Buffers, Door, upstream};
use crate::config::Config;
use crate::config::model;
use crate::http::media_type;
use crate::middleware::{AccessFormat, ErrorPage, ErrorPages, Journal};
use crate::net::{Bound, ListenAddr};
use crate::observe::{Counters, Floods, Lines, Shard, SpoolStatus};
use crate::router::{self, Router};
use crate::server::Settings;
use crate::upstream::{Upstream, Watch};

/// What all event loops share of one configuration: immutable, but for the counts in its upstreams.
#[derive(Debug)]
pub struct Snapshot {
    config: Config,
    upstreams: Vec<Arc<Upstream>>,
    /// Of each site, by its index.
    pages: Vec<ErrorPages>,
    buffers: Buffers,
    access_format: Arc<AccessFormat>,
    counters: Arc<Counters>,
    floods: Arc<Floods>,
}

impl Snapshot {
    /// Reads the error pages, and gives the upstreams their counters.
    pub fn new(config: Config, buffers: Buffers, counters: Arc<Counters>, floods: Arc<Floods>) -> Self {
        let upstreams =
            config.upstreams.iter().map(|upstream| Arc::new(upstream::compile(upstream))).collect();
        let pages = config.sites.iter().map(|site| read_pages(&site.errors)).collect();
        let access_format = Arc::new(access_format(&config.log.access_format));
        Self { config, upstreams, pages, buffers, access_format, counters, floods }
    }

    pub fn upstreams(&self) -> &[Arc<Upstream>] {
        &self.upstreams
    }

    pub fn spool(&self) -> SpoolStatus {
        let (requests, responses) = (self.buffers.requests.spool(), self.buffers.responses.spool());
        SpoolStatus { used: requests.used() + responses.used(), quota: requests.quota() + responses.quota() }
    }

    /// One event loop's counts.
    pub fn counts(&self) -> Arc<Shard> {
        self.counters.shard()
    }

    /// One event loop's copy. Regular expressions and pools are its own: it shares nothing that is locked.
    pub fn stack(&self, lines: Lines, counts: Arc<Shard>) -> Stack {
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
        let router = Router::new(sites);
        let pages = self.config.sites.iter().zip(&self.pages);
        let sites = pages.map(|(site, pages)| Site::new(pages.clone(), &site.locations)).collect();
        let trusted = self.config.server.trusted_proxies.clone();
        let journal = Journal {
            lines,
            format: Arc::clone(&self.access_format),
            counts,
            floods: Arc::clone(&self.floods),
        };
        Stack::from_parts(router, sites, trusted, journal)
    }

    /// Begins to check the servers of all upstreams that want it: once for the process, on the thread that
    /// runs this, whose runtime has to be a local one.
    pub fn watch(&self) -> Watch {
        let healths =
            self.config.upstreams.iter().map(|upstream| upstream.health.as_ref().map(upstream::health));
        let pairs = self.upstreams.iter().zip(healths);
        Watch::start(pairs.filter_map(|(upstream, health)| Some((Arc::clone(upstream), health?))))
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

fn access_format(format: &model::AccessFormat) -> AccessFormat {
    match format {
        model::AccessFormat::Combined => AccessFormat::Combined,
        model::AccessFormat::Json => AccessFormat::json(),
        model::AccessFormat::Template(template) => AccessFormat::text(template.clone()),
    }
}

fn read_pages(pages: &model::ErrorPages) -> ErrorPages {
    let read = |(status, page): (&u16, &model::ErrorPage)| match page {
        model::ErrorPage::File(path) => Some((*status, read_page(path)?)),
        model::ErrorPage::Location(index) => Some((*status, ErrorPage::Location(*index))),
    };
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
            Some(ErrorPage::File { content_type, body: Bytes::from(body) })
        }
        Err(error) => {
            tracing::warn!("the error page {} cannot be read: {error}; a plain one is sent", path.display());
            None
        }
    }
}
