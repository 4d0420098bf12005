//! The listeners of the process, from one configuration to the next: what stays is never touched.

use std::collections::BTreeMap;
use std::io;

use crate::config::Config;
use crate::handover::{Inheritance, Parcel, Purpose};
use crate::net::{self, Bound, ListenAddr};
use crate::runtime::{self, Door, Snapshot};

/// Every address that is listened on.
#[derive(Debug, Default)]
pub(super) struct Doors {
    open: BTreeMap<ListenAddr, Bound>,
}

/// Listeners that a new configuration has and the old one had not: bound, and not yet served.
#[derive(Debug, Default)]
pub(super) struct NewDoors(Vec<Bound>);

impl Doors {
    /// Takes over or binds what is wanted and not there, for so many event loops.
    ///
    /// # Errors
    /// The first address that cannot be bound, with the remedy. Nothing is left of the others then.
    pub fn bind(&self, config: &Config, loops: usize, inheritance: &mut Inheritance) -> io::Result<NewDoors> {
        let mut new = NewDoors::default();
        for addr in runtime::listeners(config).iter().filter(|addr| !self.open.contains_key(*addr)) {
            match self.open(addr, &new, config, loops, inheritance) {
                Ok(bound) => new.0.push(bound),
                Err(error) => {
                    new.discard();
                    return Err(unbound(addr, "listen", &error));
                }
            }
        }
        Ok(new)
    }

    fn open(
        &self,
        addr: &ListenAddr,
        new: &NewDoors,
        config: &Config,
        loops: usize,
        inheritance: &mut Inheritance,
    ) -> io::Result<Bound> {
        if let Some(inherited) = inheritance.listener(addr)? {
            return Bound::adopt(addr, inherited, loops);
        }
        match addr {
            ListenAddr::Unix(path) => Bound::unix(addr, path, loops, runtime::socket_access(config, addr)),
            _ if self.holds_port_of(addr) || new.holds_port_of(addr) || inheritance.holds_port_of(addr) => {
                Bound::beside(addr, loops)
            }
            _ => Bound::new(addr, loops),
        }
    }

    /// Takes new listeners in.
    pub fn add(&mut self, new: NewDoors, config: &Config) {
        for bound in new.0 {
            let scheme = runtime::scheme(config, &bound.configured);
            tracing::info!("listening on {}", runtime::url(&bound.actual, scheme));
            self.open.insert(bound.configured.clone(), bound);
        }
    }

    /// Changes who may connect to the Unix sockets that stay.
    pub fn permit(&self, former: &Config, config: &Config) {
        for addr in self.open.keys() {
            let access = runtime::socket_access(config, addr);
            if let ListenAddr::Unix(path) = addr
                && access != runtime::socket_access(former, addr)
                && let Err(error) = net::set_socket_access(path, access)
            {
                let remedy = "start rproxy anew";
                tracing::error!(remedy, "the permissions of {addr} stay as they are: {error}");
            }
        }
    }

    /// Lets go of what is no longer wanted. The event loops have it still.
    pub fn remove_all_but(&mut self, wanted: &[ListenAddr]) -> Vec<ListenAddr> {
        let gone = self.open.extract_if(.., |addr, _| !wanted.contains(addr));
        gone.map(|(addr, bound)| {
            bound.remove_file();
            addr
        })
        .collect()
    }

    /// Takes the files of Unix sockets away, unless another process goes on with them.
    pub fn remove_files(&self) {
        self.open.values().for_each(Bound::remove_file);
    }

    /// All sockets that are ours to give, for a process that takes over.
    ///
    /// # Errors
    /// When no descriptor is left.
    pub fn parcels(&self) -> io::Result<Vec<Parcel>> {
        let ours = self.open.values().filter(|bound| !bound.is_foreign());
        let parcels = ours.map(|bound| {
            let purpose = Purpose::Listen(bound.configured.to_string());
            Ok(Parcel { purpose, sockets: bound.duplicates()? })
        });
        parcels.collect()
    }

    /// All sockets for one event loop.
    ///
    /// # Errors
    /// When no descriptor is left.
    pub fn of_loop(&self, index: usize, snapshot: &Snapshot) -> io::Result<Vec<Door>> {
        doors(self.open.values(), index, snapshot)
    }

    /// A TCP address of ours with that port.
    fn holds_port_of(&self, addr: &ListenAddr) -> bool {
        self.open.keys().any(|open| shares_port(open, addr))
    }
}

impl NewDoors {
    /// The new sockets for one event loop.
    ///
    /// # Errors
    /// When no descriptor is left.
    pub fn of_loop(&self, index: usize, snapshot: &Snapshot) -> io::Result<Vec<Door>> {
        doors(&self.0, index, snapshot)
    }

    /// As of those there are already: `:8080` beside `127.0.0.1:8080` is no other process's.
    fn holds_port_of(&self, addr: &ListenAddr) -> bool {
        self.0.iter().any(|bound| shares_port(&bound.configured, addr))
    }

    /// A Unix socket that was bound for nothing leaves no file.
    pub fn discard(self) {
        self.0.into_iter().for_each(Bound::discard);
    }
}

/// Whether both are TCP addresses with the same port, which the kernel has not chosen.
fn shares_port(one: &ListenAddr, other: &ListenAddr) -> bool {
    let port = other.port().filter(|port| *port != 0);
    port.is_some() && one.port() == port
}

fn doors<'a>(
    bound: impl IntoIterator<Item = &'a Bound>,
    index: usize,
    snapshot: &Snapshot,
) -> io::Result<Vec<Door>> {
    bound.into_iter().filter_map(|bound| snapshot.door(bound, index).transpose()).collect()
}

/// Why an address cannot be listened on, and what to do about it.
pub(super) fn unbound(addr: &ListenAddr, key: &str, error: &io::Error) -> io::Error {
    let remedy = match error.kind() {
        io::ErrorKind::AddrInUse => &format!("; another process listens there: end it, or change `{key}`"),
        io::ErrorKind::AddrNotAvailable => "; no interface of this machine has that address",
        io::ErrorKind::PermissionDenied if addr.port().is_some() => {
            "; ports below 1024 need root or the capability CAP_NET_BIND_SERVICE"
        }
        // What is known more exactly says so itself.
        io::ErrorKind::PermissionDenied if error.raw_os_error().is_none() => "",
        io::ErrorKind::PermissionDenied => "; this user may not write to the socket's directory",
        io::ErrorKind::NotFound => "; the socket's directory does not exist",
        _ => "",
    };
    io::Error::new(error.kind(), format!("{addr} cannot be bound: {error}{remedy}"))
}
