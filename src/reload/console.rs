//! The status page, which is served by a task of the control thread: it only reads what others count.

use std::io;
use std::sync::Arc;

use tokio::task::AbortHandle;

use super::doors::unbound;
use crate::admin::{Admin, Look};
use crate::handover::{Inheritance, Parcel, Purpose};
use crate::http::Scheme;
use crate::net::{Bound, ListenAddr};
use crate::runtime;

/// The page as it is served. It ends with this value.
#[derive(Debug)]
pub(super) struct Console {
    admin: Admin,
    task: Option<AbortHandle>,
}

/// Its address, bound and not yet served.
#[derive(Debug)]
pub(super) struct NewConsole(Admin);

/// What becomes of the status page with another configuration.
#[derive(Debug)]
pub(super) enum Move {
    Stays,
    Ends,
    To(NewConsole),
}

impl Move {
    /// # Errors
    /// When the new address cannot be bound, with the remedy.
    pub fn prepare(
        present: Option<&Console>,
        wanted: Option<&ListenAddr>,
        inheritance: &mut Inheritance,
    ) -> io::Result<Self> {
        match wanted {
            _ if present.map(|console| &console.admin.bound().configured) == wanted => Ok(Self::Stays),
            Some(addr) => NewConsole::bind(addr, inheritance).map(Self::To),
            None => Ok(Self::Ends),
        }
    }

    pub fn discard(self) {
        if let Self::To(NewConsole(admin)) = self {
            admin.discard();
        }
    }
}

impl NewConsole {
    /// # Errors
    /// When the address cannot be bound, with the remedy.
    pub fn bind(addr: &ListenAddr, inheritance: &mut Inheritance) -> io::Result<Self> {
        let bound = match inheritance.admin(addr)? {
            Some(inherited) => Bound::adopt(addr, inherited, 1),
            None => Bound::private(addr),
        };
        bound.map(|bound| Self(Admin::new(bound))).map_err(|error| unbound(addr, "admin", &error))
    }

    pub fn serve(self, look: Look) -> Console {
        let Self(admin) = self;
        tracing::info!("status page on {}", runtime::url(&admin.bound().actual, Scheme::Http));
        let task = match admin.serve(look) {
            Ok(served) => Some(tokio::spawn(served).abort_handle()),
            Err(error) => {
                tracing::error!("the status page cannot be served: {error}");
                None
            }
        };
        Console { admin, task }
    }
}

impl Console {
    /// For a process that takes over.
    ///
    /// # Errors
    /// When no descriptor is left.
    pub fn parcel(&self) -> io::Result<Option<Parcel>> {
        let bound = self.admin.bound();
        if bound.is_foreign() {
            return Ok(None);
        }
        let purpose = Purpose::Admin(bound.configured.to_string());
        Ok(Some(Parcel { purpose, sockets: bound.duplicates()? }))
    }

    /// Takes the socket's file away, unless another process goes on with it.
    pub fn remove_file(&self) {
        self.admin.bound().remove_file();
    }
}

impl Drop for Console {
    fn drop(&mut self) {
        if let Some(task) = &self.task {
            task.abort();
        }
    }
}

/// What looks at the process, whatever configuration is in force.
pub(super) fn look(look: impl Fn() -> crate::observe::Status + Send + Sync + 'static) -> Look {
    Arc::new(look)
}
