//! Text to truth: reads TOML, knows nothing of sockets or handlers.
//!
//! A file becomes a tree with places ([`syntax`]), the tree a written configuration of checked names and
//! types ([`raw`]), and that a validated one without anything left to parse ([`model`]). Each step goes
//! on after a mistake, so that one [`Report`] has them all.

mod cursor;
mod diff;
mod duplicate;
mod files;
mod glob;
mod later;
pub mod model;
mod names;
mod node;
mod placed;
mod places;
mod print;
mod raw;
mod read;
mod render;
mod report;
mod settings;
mod source;
mod summary;
mod syntax;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod tls_tests;
mod validate;
mod value;
mod watched;

use std::path::Path;

pub use diff::{Diff, diff};
pub use model::Config;
pub use placed::Setting;
pub use print::print;
pub use report::{Report, Spot};
pub use summary::summary;
pub use watched::{Places, Watched};

/// A configuration that can be served.
#[derive(Clone, Debug)]
pub struct Loaded {
    pub config: model::Config,
    /// What will work, but perhaps not as it was meant.
    pub warnings: Report,
    /// What is expected of it, in the order of the files.
    pub tests: Vec<model::Test>,
    places: places::Places,
}

impl Loaded {
    /// The warnings, and a mistake more for each of these: where it is, what is wrong, and why.
    pub fn with_mistakes(&self, mistakes: impl IntoIterator<Item = (Spot, String, String)>) -> Report {
        let mut report = self.warnings.clone();
        for (at, message, help) in mistakes {
            report.push(report::Problem::plain_error(at, &message, &help));
        }
        report.finish()
    }
}

/// Reads a file with all it includes, or says everything that is wrong with them.
pub fn load(path: &Path) -> Result<Loaded, Report> {
    load_in_place_of(path, path)
}

/// The same for a file that is to take the place of another one: its relative paths mean what they will
/// mean there. What it includes is read from where it lies now.
pub fn load_in_place_of(path: &Path, place: &Path) -> Result<Loaded, Report> {
    let mut report = Report::default();
    let written = files::read_all(path, place, &mut report);
    let validated = validate::validate(&written, &mut report);
    let places = places::Places::of(&written, &report);
    let report = report.finish();
    match validated {
        Some((config, tests)) if !report.has_errors() => {
            Ok(Loaded { config, warnings: report, tests, places })
        }
        _ => Err(report),
    }
}
