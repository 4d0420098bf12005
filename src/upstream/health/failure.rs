//! Why a check did not pass.

use crate::http::{Cause, Fault, Side};

/// What was seen, and what it is called.
#[derive(Debug)]
pub(super) struct Failure {
    pub(super) reason: Reason,
    /// For the operator, with addresses and numbers.
    pub(super) detail: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reason {
    /// What would have failed a request as well.
    Cause(Cause),
    /// It has connected, but did not answer within the check's own limit.
    Timeout,
    Status,
    Body,
}

impl Failure {
    pub(super) fn new(reason: Reason, detail: impl Into<String>) -> Self {
        Self { reason, detail: detail.into() }
    }

    pub(super) fn is_timeout(&self) -> bool {
        matches!(self.reason, Reason::Timeout | Reason::Cause(Cause::ConnectTimeout))
    }

    pub(super) fn is_full_backlog(&self) -> bool {
        self.reason == Reason::Cause(Cause::BacklogFull)
    }

    /// Whether it says nothing of the server, as when descriptors run out here.
    pub(super) fn is_ours(&self) -> bool {
        matches!(self.reason, Reason::Cause(cause) if cause.side() != Side::Upstream)
    }
}

impl From<Fault> for Failure {
    fn from(fault: Fault) -> Self {
        Self { reason: Reason::Cause(fault.cause), detail: fault.detail }
    }
}

impl Reason {
    /// The stable, greppable name in logs.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Cause(cause) => cause.name(),
            Self::Timeout => "check-timeout",
            Self::Status => "unexpected-status",
            Self::Body => "unexpected-body",
        }
    }

    /// One line for the operator.
    pub(super) const fn remedy(self) -> &'static str {
        match self {
            Self::Cause(cause) => cause.remedy(),
            Self::Timeout => {
                "the app server hangs, or takes longer than `timeout` in `health` of the upstream: see its log"
            }
            Self::Status => {
                "see the app server's log; `status` in `health` says which answers pass, `host` which name is asked for"
            }
            Self::Body => "see what the app answers there; `body` in `health` says what has to be in it",
        }
    }
}
