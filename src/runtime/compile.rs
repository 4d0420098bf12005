//! From the validated model to what runs: once for all event loops, then a copy for each.

use std::io;
use std::path::Path;
use std::rc::Rc;
use std::sync::Arc;

use bytes::Bytes;

use super::location::Builder;
use super::secure::Secure;
use super::site::Site;
use super::stack::Stack;
use super::upstream::Compiled;
use super::{Buffers, Door, Placements, process, upstream};
use crate::config::Config;
use crate::config::model;
use crate::http::{Witness, media_type};
use crate::middleware::{AccessFormat, ErrorPage, ErrorPages, Journal};
use crate::net::{Bound, ListenAddr};
use crate::observe::{Counters, Floods, Lines, Shard, SpoolStatus};
use crate::router::{self, Router};
use crate::server::{Room, Settings};
use crate::tls::{self, Acceptor};
use crate::upstream::{Endpoint, Health, Pool, Upstream};

/// What all event loops share of one configuration: immutable, but for the counts in its upstreams.
#[derive(Debug)]
pub struct Snapshot {
    pub config: Config,
    placements: Placements,
    compiled: Vec<Compiled>,
    /// By their index.
    sites: Vec<Arc<Site>>,
    buffers: Buffers,
    access_format: Arc<AccessFormat>,
    counters: Arc<Counters>,
    floods: Arc<Floods>,
    /// For the process, whatever configuration is in force.
    room: Arc<Room>,
    secure: Secure,
}

impl Snapshot {
    /// Reads the error pages, and gives the upstreams their counters.
    pub fn new(config: Config, counters: Arc<Counters>, floods: Arc<Floods>, tls: Arc<tls::Process>) -> Self {
        let buffers = process::buffers(&config);
        let secure = Secure::new(&config, tls);
        Self::build(config, counters, floods, Placements::new(), None, buffers, secure)
    }

    /// The next one: what is as before goes on, with its health, counts, queues and idle connections.
    /// Everything here may wait for the disk.
    #[must_use]
    pub fn succeeded_by(&self, config: Config, placements: Placements) -> Self {
        let (counters, floods) = (Arc::clone(&self.counters), Arc::clone(&self.floods));
        let is_kept = self.config.server.spool == config.server.spool;
        let buffers = if is_kept { self.buffers.clone() } else { process::buffers(&config) };
        let secure = Secure::new(&config, Arc::clone(&self.secure.process));
        Self::build(config, counters, floods, placements, Some(self), buffers, secure)
    }

    fn build(
        config: Config,
        counters: Arc<Counters>,
        floods: Arc<Floods>,
        placements: Placements,
        former: Option<&Self>,
        buffers: Buffers,
        secure: Secure,
    ) -> Self {
        let former_of = |name: &str| former?.compiled.iter().find(|compiled| compiled.model.name == name);
        let compiled = config
            .upstreams
            .iter()
            .map(|upstream| Compiled::new(upstream, former_of(&upstream.name), &placements))
            .collect();
        let numbered = config.sites.iter().enumerate();
        let sites = numbered.map(|(index, one)| site(one, secure.audience(index))).collect();
        let access_format = Arc::new(access_format(&config.log.access_format));
        let room = former.map_or_else(
            || Arc::new(Room::new(process::max_connections(&config))),
            |former| Arc::clone(&former.room),
        );
        Self { config, placements, compiled, sites, buffers, access_format, counters, floods, room, secure }
    }

    /// For who only asks what it would do: bodies have no room in its `buffers`, and nobody counts.
    pub(super) fn asked(config: Config, buffers: Buffers) -> Self {
        let secure = Secure::new(&config, Arc::default());
        Self::build(config, Arc::default(), Arc::default(), Placements::new(), None, buffers, secure)
    }

    /// Whether what the configuration names was found on disk as in the one before: pages for errors, and
    /// where links lead.
    pub fn found_the_same_as(&self, former: &Self) -> bool {
        self.sites == former.sites
    }

    pub fn placements(&self) -> &Placements {
        &self.placements
    }

    pub fn upstreams(&self) -> impl Iterator<Item = &Arc<Upstream>> {
        self.compiled.iter().map(|compiled| &compiled.running)
    }

    /// Those whose servers are checked, and how.
    pub fn watched(&self) -> impl Iterator<Item = (&Arc<Upstream>, Health)> {
        let checked = |compiled: &Compiled| upstream::health(&compiled.model);
        self.compiled.iter().filter_map(move |compiled| Some((&compiled.running, checked(compiled)?)))
    }

    /// It is in force from now on. The servers that have moved since the one before, where there is nobody any
    /// more once each has answered what it has.
    pub fn take_over(&self, former: &Self) -> Vec<Arc<Endpoint>> {
        self.room.set_most(process::max_connections(&self.config));
        let mut left = Vec::new();
        for compiled in &self.compiled {
            compiled.pardon();
            let same = |former: &&Compiled| former.model.name == compiled.model.name;
            left.extend(
                former.compiled.iter().find(same).into_iter().flat_map(|former| compiled.inherit(former)),
            );
        }
        left
    }

    /// For client connections.
    pub fn room(&self) -> &Arc<Room> {
        &self.room
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
    pub fn stack(&self, lines: Lines, counts: Arc<Shard>, pool: &Rc<Pool>) -> Stack {
        self.stack_for(&Witness::default(), lines, counts, pool)
    }

    /// The same; an attentive witness is told of every step, and nothing is sent anywhere.
    pub(super) fn stack_for(
        &self,
        witness: &Witness,
        lines: Lines,
        counts: Arc<Shard>,
        pool: &Rc<Pool>,
    ) -> Stack {
        let builder = Builder::new(self.upstreams(), &self.buffers, pool, witness);
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
        let trusted = self.config.server.trusted_proxies.clone();
        let journal = Journal {
            lines,
            format: Arc::clone(&self.access_format),
            counts,
            floods: Arc::clone(&self.floods),
        };
        let challenges = Arc::clone(self.secure.process.identities().challenges());
        Stack::from_parts(router, self.sites.clone(), trusted, challenges, journal, witness.clone())
    }

    /// Duplicates of one event loop's sockets of a listener, with what holds before a site is known; `None`
    /// where no site listens there.
    ///
    /// # Errors
    /// When no descriptor is left.
    pub fn door(&self, bound: &Bound, index: usize) -> io::Result<Option<Door>> {
        let configured = bound.configured.clone();
        let settings = self.first_settings(&configured);
        let tls = self.acceptor(&configured);
        settings
            .map(|settings| Ok(Door { sockets: bound.sockets(index)?, configured, settings, tls }))
            .transpose()
    }

    /// What agrees on keys for a listener; `None` where it speaks plain HTTP.
    pub fn acceptor(&self, listener: &ListenAddr) -> Option<Arc<Acceptor>> {
        self.secure.acceptor(listener)
    }

    /// Of the process, whatever configuration is in force.
    pub fn tls(&self) -> &Arc<tls::Process> {
        &self.secure.process
    }

    /// What holds on a listener's connections before a site is known.
    pub fn first_settings(&self, listener: &ListenAddr) -> Option<Settings> {
        let site = self.first_site(listener)?;
        let model::Timeouts { header, keep_alive, body, send, handshake } = site.timeouts;
        Some(Settings { header, keep_alive, body, send, handshake, h2c: site.h2c })
    }

    /// As in nginx, a listener's default site says how long a head may take: its host is not known earlier.
    fn first_site(&self, listener: &ListenAddr) -> Option<&model::Site> {
        let mut sites = self.config.sites.iter().filter(|site| site.listen.contains(listener)).peekable();
        let first = *sites.peek()?;
        Some(sites.find(|site| site.hosts.is_empty()).unwrap_or(first))
    }
}

fn site(site: &model::Site, audience: Option<u64>) -> Arc<Site> {
    Arc::new(Site::new(read_pages(&site.errors), site, audience))
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
