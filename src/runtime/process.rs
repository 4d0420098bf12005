//! What the configuration says of the process as a whole, in the terms of those who do it.

use std::collections::BTreeSet;
use std::num::NonZeroUsize;
use std::sync::Arc;

use crate::config::Config;
use crate::config::model::{self, Action, Location, RequestBuffering};
use crate::handler::files::Limits;
use crate::http::{Cause, Scheme};
use crate::middleware::{RequestBuffer, ResponseBuffer};
use crate::net::{ListenAddr, SocketAccess};
use crate::spool::{Place, Spool};

/// How many event loops run: as asked, or one for each core the process may use.
pub fn loops(config: &Config) -> usize {
    let cores = || std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN);
    config.server.workers.unwrap_or_else(cores).get()
}

/// Every address to listen on, once.
pub fn listeners(config: &Config) -> Vec<ListenAddr> {
    let mut seen = BTreeSet::new();
    let all = config.sites.iter().flat_map(|site| &site.listen);
    all.filter(|addr| seen.insert(*addr)).cloned().collect()
}

/// Who may connect to a Unix listener.
pub fn socket_access(config: &Config, addr: &ListenAddr) -> SocketAccess {
    let said = config.sites.iter().find_map(|site| site.sockets.get(addr));
    said.map_or(SocketAccess::EVERYBODY, |socket| SocketAccess {
        mode: socket.mode,
        user: socket.user.as_ref().map(|(_, id)| *id),
        group: socket.group.as_ref().map(|(_, id)| *id),
    })
}

/// The address as one types it into a browser, or a socket's path.
pub fn url(addr: &ListenAddr, scheme: Scheme) -> String {
    let scheme = scheme.as_str();
    match addr {
        ListenAddr::Unix(_) => addr.to_string(),
        ListenAddr::Any(port) => format!("{scheme}://0.0.0.0:{port}"),
        ListenAddr::Tcp(addr) => format!("{scheme}://{addr}"),
    }
}

/// What is spoken on a listener.
pub fn scheme(config: &Config, listener: &ListenAddr) -> Scheme {
    let is_secure = config.sites.iter().any(|site| site.listen_tls.contains(listener));
    if is_secure { Scheme::Https } else { Scheme::Http }
}

/// What buffers bodies, for all event loops.
#[derive(Clone, Debug)]
pub struct Buffers {
    pub requests: Arc<RequestBuffer>,
    pub responses: Arc<ResponseBuffer>,
}

/// Where bodies are buffered. What is wrong with the disk is told now, not with the first upload.
///
/// Requests and answers have half of the space each, so that slow downloads never keep an upload from being
/// buffered, nor the other way round; and one body has half of that, so that another one fits beside it.
pub fn buffers(config: &Config) -> Buffers {
    let model::Spool { directory, size } = &config.server.spool;
    let [requests, responses] = [(); 2].map(|()| Spool::new(directory.clone(), size / 2, size / 4));
    let is_used = |location: &Location| match &location.action {
        Action::Proxy(proxy) => proxy.buffer_response || proxy.buffer_request != RequestBuffering::Off,
        _ => false,
    };
    if config.sites.iter().flat_map(|site| &site.locations).any(is_used) {
        look_at(&requests, *size);
    }
    Buffers {
        requests: Arc::new(RequestBuffer::new(requests)),
        responses: Arc::new(ResponseBuffer::new(responses)),
    }
}

fn look_at(spool: &Arc<Spool>, size: u64) {
    const REMEDY: &str = "`spool` of `[server]`, or TMPDIR, may name another";
    let directory = spool.directory().display();
    match spool.check() {
        Err(error) => {
            let remedy = Cause::SpoolFull.remedy();
            tracing::warn!(remedy, "bodies cannot be buffered on disk: {error}");
        }
        Ok(Place { free, is_memory: true }) => {
            tracing::info!(
                free,
                "large bodies are buffered in {directory}, which is memory (tmpfs); {REMEDY}"
            );
        }
        Ok(Place { free, .. }) if free < size => {
            tracing::info!(
                free,
                "large bodies are buffered in {directory}, which is short of space; {REMEDY}"
            );
        }
        Ok(_) => {}
    }
}

/// Raises the soft limit of open files to the hard one: each proxied request needs two.
pub fn raise_file_limit() {
    use rustix::process::{Resource, getrlimit, setrlimit};
    let mut limit = getrlimit(Resource::Nofile);
    if limit.current == limit.maximum {
        return;
    }
    limit.current = limit.maximum;
    if let Err(error) = setrlimit(Resource::Nofile, limit) {
        tracing::warn!("the limit of open files cannot be raised: {error}");
    }
}

/// How many client connections there may be: as asked, or what the limit of open files allows when each of
/// them has a request at an application, which takes another one.
pub fn max_connections(config: &Config) -> usize {
    let own = || {
        let each = 4 + share_of_descriptors() + 2 * listeners(config).len();
        (open_files().saturating_sub(RESERVED + loops(config) * each) / 2).max(1)
    };
    config.server.max_connections.map_or_else(own, NonZeroUsize::get)
}

/// Files that are neither a connection's nor an event loop's: logs, signals, the status page, health checks.
const RESERVED: usize = 24;

fn open_files() -> usize {
    rustix::process::getrlimit(rustix::process::Resource::Nofile)
        .current
        .map_or(usize::MAX, |most| usize::try_from(most).unwrap_or(usize::MAX))
}

/// How many files one event loop may keep open: connections need the most of what there is.
pub fn share_of_descriptors() -> usize {
    (open_files() / 32).min(Limits::default().open)
}
