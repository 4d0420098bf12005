//! A configuration that is about to be taken up: read, checked and compiled as far as that takes no event loop.

use std::path::Path;
use std::sync::Arc;

use crate::config::{self, Config, Loaded, Watched};
use crate::explain;
use crate::runtime::{self, Snapshot};

/// What the file says now, beside what is in force.
pub(super) struct Candidate {
    pub snapshot: Arc<Snapshot>,
    /// What it changes, line by line.
    pub changes: Vec<String>,
    /// What the operator is to know of it.
    pub warnings: Vec<String>,
}

/// What came of reading a file, or why nothing did, and all that was read for it.
pub(super) struct Read {
    pub candidate: Result<Candidate, String>,
    pub watched: Watched,
}

/// Reads the file on a thread that may wait for the disk, or has its report.
pub(super) async fn read(file: &Path, former: Arc<Snapshot>) -> Read {
    let file = file.to_owned();
    let read = tokio::task::spawn_blocking(move || read_now(&file, &former));
    read.await.unwrap_or_else(|error| Read {
        candidate: Err(format!("a bug: reading the configuration failed: {error}")),
        watched: Watched::default(),
    })
}

fn read_now(file: &Path, former: &Snapshot) -> Read {
    match config::load(file).and_then(explain::tested) {
        Ok(loaded) => {
            Read { watched: loaded.warnings.watched().clone(), candidate: Ok(candidate(loaded, former)) }
        }
        Err(report) => Read { watched: report.watched().clone(), candidate: Err(report.render(false)) },
    }
}

fn candidate(loaded: Loaded, former: &Snapshot) -> Candidate {
    let Loaded { config, warnings, .. } = loaded;
    let told = (!warnings.is_empty()).then(|| warnings.render(false).trim_end().to_owned());
    let warnings = told.into_iter().chain(for_the_next_start(&former.config, &config)).collect();
    let mut changes: Vec<String> =
        config::diff(&former.config, &config).lines().map(ToOwned::to_owned).collect();
    let snapshot = Arc::new(former.succeeded_by(config, former.placements().clone()));
    if !snapshot.found_the_same_as(former) {
        changes.push("~ files that it names: a page for errors, or where a link leads".to_owned());
    }
    Candidate { snapshot, changes, warnings }
}

/// What is decided once, at the start.
fn for_the_next_start(former: &Config, config: &Config) -> Vec<String> {
    let mut told = Vec::new();
    let (now, wanted) = (runtime::loops(former), runtime::loops(config));
    if now != wanted {
        told.push(format!(
            "`workers` stays {now} until rproxy is started anew, or its binary replaced by SIGUSR2"
        ));
    }
    if former.server.account != config.server.account {
        told.push("`user` and `group` stay as they are until rproxy is started anew".to_owned());
    }
    told
}
