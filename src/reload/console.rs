//! The status page, which is served by a task of the control thread: it only reads what others count.

use std::io;
use std::sync::Arc;

use tokio::task::AbortHandle;

use super::doors::unbound;
use crate::admin::{Admin, Look};
use crate::net::{self, ListenAddr};
use crate::runtime;

/// The page as it is served. It ends with this value.
#[derive(Debug)]
pub(super) struct Console {
    addr: ListenAddr,
    task: AbortHandle,
}

/// Its address, bound and not yet served.
#[derive(Debug)]
pub(super) struct NewConsole {
    addr: ListenAddr,
    admin: Admin,
}

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
    pub fn prepare(present: Option<&Console>, wanted: Option<&ListenAddr>) -> io::Result<Self> {
        match wanted {
            _ if present.map(|console| &console.addr) == wanted => Ok(Self::Stays),
            Some(addr) => NewConsole::bind(addr).map(Self::To),
            None => Ok(Self::Ends),
        }
    }

    pub fn discard(self) {
        if let Self::To(console) = self {
            let NewConsole { addr, admin } = console;
            drop(admin);
            net::remove_socket_files([&addr]);
        }
    }
}

impl NewConsole {
    /// # Errors
    /// When the address cannot be bound, with the remedy.
    pub fn bind(addr: &ListenAddr) -> io::Result<Self> {
        let admin = Admin::bind(addr).map_err(|error| unbound(addr, "admin", &error))?;
        Ok(Self { addr: addr.clone(), admin })
    }

    pub fn serve(self, look: Look) -> Console {
        tracing::info!("status page on {}", runtime::url(self.admin.addr()));
        let task = tokio::spawn(async move {
            if let Err(error) = self.admin.serve(look).await {
                tracing::error!("the status page cannot be served: {error}");
            }
        });
        Console { addr: self.addr, task: task.abort_handle() }
    }
}

impl Drop for Console {
    fn drop(&mut self) {
        self.task.abort();
        net::remove_socket_files([&self.addr]);
    }
}

/// What looks at the process, whatever configuration is in force.
pub(super) fn look(look: impl Fn() -> crate::observe::Status + Send + Sync + 'static) -> Look {
    Arc::new(look)
}
