//! The new process's side: what it was given, until its configuration asks for it.

use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::time::Duration;

use tokio::time::timeout;

use super::activation::{self, Activated};
use super::channel::{Channel, Note};
use super::{MARK, Parcel, Purpose};
use crate::net::{Inherited, ListenAddr};

/// The former process sends all it has at once.
const PATIENCE: Duration = Duration::from_secs(10);

/// Sockets that were open before this process was.
#[derive(Debug, Default)]
pub struct Inheritance {
    parcels: Vec<Parcel>,
    activated: Vec<Activated>,
    /// Of all that the former process listens on.
    ports: Vec<u16>,
    former: Option<Channel>,
}

impl Inheritance {
    /// From a former process of this program or from a service manager, if there is one. Call it on the
    /// control thread's runtime before any other thread is started.
    ///
    /// # Errors
    /// When what was announced does not come, or is of no use.
    pub async fn receive() -> io::Result<Self> {
        let activated = activation::passed()?;
        if std::env::var_os(MARK).is_none() {
            return Ok(Self { activated, ..Self::default() });
        }
        let Ok(former) = channel_on_stdin() else {
            tracing::warn!("{MARK} is set, but no former process is there; unset it");
            return Ok(Self { activated, ..Self::default() });
        };
        let parcels = timeout(PATIENCE, receive_all(&former)).await??;
        tracing::info!(listeners = parcels.len(), "taking over the sockets of the former process");
        let mut inheritance = Self::of(parcels)?;
        inheritance.former = Some(former);
        Ok(inheritance)
    }

    /// # Errors
    /// When something is no socket.
    pub(super) fn of(mut parcels: Vec<Parcel>) -> io::Result<Self> {
        let foreign = parcels.extract_if(.., |parcel| parcel.purpose == Purpose::Activated);
        let foreign = foreign.flat_map(|parcel| parcel.sockets).map(Activated::new);
        let activated = foreign.collect::<io::Result<_>>()?;
        let ports = parcels.iter().filter_map(|parcel| parcel.purpose.port()).collect();
        Ok(Self { parcels, activated, ports, former: None })
    }

    /// The sockets of a `listen` address, if they are there.
    ///
    /// # Errors
    /// When no descriptor is left.
    pub fn listener(&mut self, addr: &ListenAddr) -> io::Result<Option<Inherited>> {
        self.take(&Purpose::Listen(addr.to_string()), addr)
    }

    /// The same for the status page.
    ///
    /// # Errors
    /// As of [`Self::listener`].
    pub fn admin(&mut self, addr: &ListenAddr) -> io::Result<Option<Inherited>> {
        self.take(&Purpose::Admin(addr.to_string()), addr)
    }

    /// The sockets for orders of the command line.
    pub fn control(&mut self) -> Vec<OwnedFd> {
        self.remove(&Purpose::Control).unwrap_or_default()
    }

    /// What a service manager has bound stays with us too, to be asked for by another configuration.
    fn take(&mut self, purpose: &Purpose, addr: &ListenAddr) -> io::Result<Option<Inherited>> {
        if let Some(sockets) = self.remove(purpose) {
            return Ok(Some(Inherited { sockets, foreign: false }));
        }
        let wanted = self.activated.iter_mut().filter(|activated| activated.serves(addr));
        let sockets = wanted.map(Activated::claim).collect::<io::Result<Vec<_>>>()?;
        Ok((!sockets.is_empty()).then_some(Inherited { sockets, foreign: true }))
    }

    fn remove(&mut self, purpose: &Purpose) -> Option<Vec<OwnedFd>> {
        let at = self.parcels.iter().position(|parcel| parcel.purpose == *purpose)?;
        Some(self.parcels.swap_remove(at).sockets)
    }

    /// Whether a former process serves still, with these sockets and their files.
    pub fn has_former(&self) -> bool {
        self.former.is_some()
    }

    /// Whether the port of `addr` is taken because the former process listens on it by another address.
    pub fn holds_port_of(&self, addr: &ListenAddr) -> bool {
        self.has_former() && addr.port().is_some_and(|port| self.ports.contains(&port))
    }

    /// What a service manager has bound, for the next process.
    ///
    /// # Errors
    /// When no descriptor is left.
    pub fn parcels(&self) -> io::Result<Vec<Parcel>> {
        self.activated.iter().map(Activated::parcel).collect()
    }

    /// Closes what the configuration does not ask for.
    pub fn drop_the_rest(&mut self) {
        for unclaimed in self.activated.iter().filter(|activated| !activated.is_claimed()) {
            tracing::warn!(
                "the service manager passes a socket for {unclaimed}, and nothing listens there; name it in \
                 `listen`, or take it out of the .socket unit"
            );
        }
        for Parcel { purpose, .. } in self.parcels.drain(..) {
            let (Purpose::Listen(addr) | Purpose::Admin(addr)) = purpose else { continue };
            tracing::info!("no longer listening on {addr}");
            if let Some(path) = addr.strip_prefix("unix:")
                && let Err(error) = std::fs::remove_file(path)
            {
                tracing::debug!("{path} cannot be removed: {error}");
            }
        }
    }

    /// Tells the former process that this one serves, and returns when it has let go, however long it is at
    /// something else. Without a former process there is nothing to wait for.
    pub async fn ready(&mut self) {
        let Some(former) = &self.former else { return };
        let answer = match former.send(&Note::Ready, &[]).await {
            Ok(()) => former.receive().await,
            Err(error) => Err(error),
        };
        if !matches!(answer, Ok(Some((Note::Yours, _)))) {
            tracing::warn!("the former process is gone without a word, and this one serves alone");
        }
        self.former = None;
    }
}

/// Our standard input, which is nobody else's business from now on.
fn channel_on_stdin() -> io::Result<Channel> {
    let channel = Channel::of(std::io::stdin().as_fd().try_clone_to_owned()?)?;
    // In a root directory without it the descriptor stays, and harms nobody.
    if let Ok(nothing) = std::fs::File::open("/dev/null") {
        rustix::stdio::dup2_stdin(nothing)?;
    }
    Ok(channel)
}

/// All that the former process has.
pub(super) async fn receive_all(former: &Channel) -> io::Result<Vec<Parcel>> {
    let mut parcels: Vec<Parcel> = Vec::new();
    loop {
        match former.receive().await? {
            Some((Note::Sockets(purpose), sockets)) => {
                match parcels.iter_mut().find(|parcel| parcel.purpose == purpose) {
                    Some(parcel) => parcel.sockets.extend(sockets),
                    None => parcels.push(Parcel { purpose, sockets }),
                }
            }
            Some((Note::All, _)) => return Ok(parcels),
            Some((Note::Ready | Note::Yours, _)) => return Err(io::ErrorKind::InvalidData.into()),
            None => return Err(io::Error::other("the former process has ended while it handed over")),
        }
    }
}
