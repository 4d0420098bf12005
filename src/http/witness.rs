//! What becomes of a request, step by step, for who asks why (`rproxy explain`).

use std::cell::RefCell;
use std::path::PathBuf;
use std::rc::Rc;

use ::http::StatusCode;
use bytes::Bytes;

/// Notes the steps of one request after the other. What serves clients has one that notes nothing.
#[derive(Clone, Debug, Default)]
pub struct Witness(Option<Rc<RefCell<Vec<Step>>>>);

/// One of them. Sites and locations are told by their index, locations within their site.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// The host led to a site.
    Site(usize),
    /// The site leads from plain HTTP to https.
    Secure,
    /// The site's locations are searched with this path.
    Search(Bytes),
    /// A location has the request now, found or named.
    Enter(usize),
    /// `rewrite` matched: the path that the handler sees, and the target that a server would get.
    Rewrite { path: Bytes, target: Bytes },
    /// `rewrite` did not match.
    Keep,
    /// `try` looks for this.
    Candidate(Bytes),
    /// Something was looked for on disk.
    Look { path: PathBuf, found: Sight },
    /// A compressed form that lies beside the file is sent in its place.
    Twin(PathBuf),
    /// A server of the upstream would be asked, and more is not known.
    Send(Box<Sending>),
    /// There is no answer from here: the status that an error page stands for, and why.
    Fail { status: StatusCode, cause: Option<&'static str>, detail: String },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sight {
    Missing,
    File,
    Directory,
    /// The path is none of a file: hidden, or beside the directory.
    Unfit,
    /// There, but it cannot be opened.
    Refused,
}

/// What would be sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sending {
    pub upstream: Box<str>,
    /// Who gets it, where that does not depend on what the servers are at.
    pub server: Option<Box<str>>,
    /// As it is written to the connection.
    pub head: Bytes,
}

impl Witness {
    /// One that takes notes.
    pub fn attentive() -> Self {
        Self(Some(Rc::default()))
    }

    pub fn is_attentive(&self) -> bool {
        self.0.is_some()
    }

    pub fn note(&self, step: impl FnOnce() -> Step) {
        if let Some(steps) = &self.0 {
            steps.borrow_mut().push(step());
        }
    }

    /// What was noted since the last time.
    pub fn take(&self) -> Vec<Step> {
        self.0.as_ref().map(|steps| steps.take()).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_an_attentive_one_notes_and_each_step_once() {
        let inattentive = Witness::default();
        inattentive.note(|| unreachable!("nobody looks"));
        assert_eq!(inattentive.take(), []);
        let witness = Witness::attentive();
        witness.clone().note(|| Step::Site(1));
        assert_eq!(witness.take(), [Step::Site(1)]);
        assert_eq!(witness.take(), []);
    }
}
