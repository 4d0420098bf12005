//! What becomes of requests, without a client and without an upstream: the very stack that serves, but with
//! proxies that send nothing, and with a witness.

use std::io;
use std::rc::Rc;
use std::sync::Arc;

use bytes::Bytes;
use tower::Service;

use super::process::Buffers;
use super::{Snapshot, Stack};
use crate::config::Config;
use crate::http::{Connection, Response, Step, Witness};
use crate::middleware::{RequestBuffer, ResponseBuffer};
use crate::observe::{AccessLog, Destination};
use crate::server::Preview;
use crate::spool::Spool;
use crate::upstream::Pool;

/// A compiled configuration that is asked, and never serves. It takes part in no count and no log.
#[derive(Debug)]
pub struct Rehearsal {
    stack: Stack,
    witness: Witness,
    /// Its lines go nowhere.
    _log: AccessLog,
}

/// What became of one request.
#[derive(Debug)]
pub struct Rehearsed {
    pub response: Response,
    /// The response's head, as it is written.
    pub head: Bytes,
    pub steps: Vec<Step>,
}

impl Rehearsal {
    /// To be called on a thread with a local runtime, inside of it.
    ///
    /// # Errors
    /// None that could be provoked: no file is opened for a log that is off.
    pub fn new(config: Config) -> io::Result<Self> {
        let log = AccessLog::open(&Destination::Off)?;
        let buffers = nowhere(&config);
        let snapshot = Snapshot::asked(config, buffers);
        let witness = Witness::attentive();
        let stack = snapshot.stack_for(&witness, log.lines(), snapshot.counts(), &Pool::new());
        Ok(Self { stack, witness, _log: log })
    }

    /// What becomes of the request with this head, which came in over this connection.
    pub async fn ask(&self, head: &[u8], connection: &Rc<Connection>) -> Rehearsed {
        let preview = Preview::read(head, connection);
        let write = preview.writer();
        self.witness.take();
        let response = match self.stack.clone().call(preview.incoming).await {
            Ok(response) => response,
            Err(never) => match never {},
        };
        Rehearsed { head: write(&response), response, steps: self.witness.take() }
    }
}

/// Bodies never come, so nothing is looked at that would hold them.
fn nowhere(config: &Config) -> Buffers {
    let spool = || Spool::new(config.server.spool.directory.clone(), 0, 0);
    Buffers {
        requests: Arc::new(RequestBuffer::new(spool())),
        responses: Arc::new(ResponseBuffer::new(spool())),
    }
}
