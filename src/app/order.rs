//! `rproxy reload` and its like: another process does it, and tells how it went.

use std::io;
use std::path::Path;

use tokio::runtime::Builder;

use super::{Exit, say};
use crate::control::{self, Command, NoOutcome, Outcome};

/// Has the server that runs with this file do it.
pub fn order(path: &Path, command: &Command) -> Exit {
    let runtime = Builder::new_current_thread().enable_all().build();
    let asked = runtime.map_err(NoOutcome::from).and_then(|runtime| {
        runtime.block_on(control::ask(path, command, |line| say(&mut io::stdout(), &format!("{line}\n"))))
    });
    match asked {
        Ok(Outcome::Done(lines)) if lines.is_empty() => say(&mut io::stdout(), "no change\n"),
        Ok(Outcome::Done(lines)) => say(&mut io::stdout(), &format!("{}\n", lines.join("\n"))),
        Ok(Outcome::Rejected(report)) => {
            say(&mut io::stderr(), &format!("{}\n", report.trim_end()));
            return Exit::Configuration;
        }
        Err(error) => {
            say(&mut io::stderr(), &format!("error: {error}\n"));
            return Exit::CannotStart;
        }
    }
    Exit::Stopped
}
