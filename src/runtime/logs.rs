//! The logs of the process: where they go, and where they go after a reload.

use std::io;
use std::sync::Arc;

use rustix::io::Errno;
use tracing::level_filters::LevelFilter;

use crate::config::Config;
use crate::config::model;
use crate::observe::{self, AccessLog, Destination, Format, Opened};

/// Both logs. They belong to the control thread.
#[derive(Debug)]
pub struct Logs {
    access: Arc<AccessLog>,
    access_at: Destination,
    /// Until [`Self::start`].
    error: Option<Opened>,
    error_at: Destination,
}

/// Where logs go from now on, opened and not yet in use. Dropping it leaves everything as it is.
#[derive(Debug)]
pub struct Turn {
    /// `None` if it stays where it is.
    access: Option<(Destination, Opened)>,
    error: Option<(Destination, Opened)>,
    level: LevelFilter,
    format: Format,
}

impl Logs {
    /// Opens them, and starts no thread yet. Files are given to `owner`, a user and a group, if there is one.
    ///
    /// # Errors
    /// When a file cannot be opened for appending, with what there is to do.
    pub fn open(config: &Config, owner: Option<(u32, u32)>) -> io::Result<Self> {
        let (access_at, error_at) = (access_log(config), error_log(config));
        let open = |key, at| match owner {
            Some(_) => Opened::open_for_another(at).map_err(|error| explain(key, at, error)),
            None => open(key, at),
        };
        let [access, error] = [open("access", &access_at)?, open("error", &error_at)?];
        if let Some((user, group)) = owner {
            for opened in [&access, &error] {
                opened.give_to(user, group).map_err(|error| {
                    io::Error::new(error.kind(), format!("a log cannot be given to its user: {error}"))
                })?;
            }
        }
        Ok(Self { access: Arc::new(AccessLog::new(access)), access_at, error: Some(error), error_at })
    }

    /// Begins to write, on threads of their own. What is to hold for all threads is to be done before.
    ///
    /// # Errors
    /// When the kernel gives no thread.
    pub fn start(&mut self) -> io::Result<()> {
        if let Some(error) = self.error.take() {
            observe::detach(error, &self.error_at)?;
        }
        self.access.start()
    }

    pub fn access(&self) -> &Arc<AccessLog> {
        &self.access
    }

    /// Opens what a new configuration wants elsewhere.
    ///
    /// # Errors
    /// As of [`Self::open`]; then nothing has changed.
    pub fn prepare(&self, config: &Config) -> io::Result<Turn> {
        let turn = |key, wanted: Destination, present: &Destination| {
            (wanted != *present).then(|| open(key, &wanted).map(|opened| (wanted, opened))).transpose()
        };
        Ok(Turn {
            access: turn("access", access_log(config), &self.access_at)?,
            error: turn("error", error_log(config), &self.error_at)?,
            level: log_level(config),
            format: log_format(config),
        })
    }

    /// Takes it up. Event loops need not be told: what they log goes there.
    pub fn commit(&mut self, turn: Turn) {
        if let Some((at, opened)) = turn.access {
            self.access.turn_to(opened);
            self.access_at = at;
        }
        if let Some((at, opened)) = turn.error {
            observe::turn_to(opened, &at);
            self.error_at = at;
        }
        observe::set(turn.level, turn.format);
    }
}

/// Opens the files of both anew, for log rotation.
pub fn reopen_logs(access: &AccessLog) {
    access.reopen();
    observe::reopen();
}

fn open(key: &str, destination: &Destination) -> io::Result<Opened> {
    Opened::open(destination).map_err(|error| explain(key, destination, error))
}

fn explain(key: &str, destination: &Destination, error: io::Error) -> io::Error {
    let remedy = match error.kind() {
        io::ErrorKind::NotFound => "; create its directory",
        io::ErrorKind::PermissionDenied => "; this user may not write there",
        _ if Errno::from_io_error(&error) == Some(Errno::LOOP) => {
            "; a link, which root follows only in a directory where root alone can write: \
             write the path that it leads to"
        }
        _ => "",
    };
    let Destination::File(path) = destination else { return error };
    let path = path.display();
    io::Error::new(error.kind(), format!("the {key} log {path} cannot be opened: {error}{remedy}"))
}

pub fn log_level(config: &Config) -> LevelFilter {
    match config.log.level {
        model::Level::Error => LevelFilter::ERROR,
        model::Level::Warn => LevelFilter::WARN,
        model::Level::Info => LevelFilter::INFO,
        model::Level::Debug => LevelFilter::DEBUG,
        model::Level::Trace => LevelFilter::TRACE,
    }
}

pub fn log_format(config: &Config) -> Format {
    match config.log.format {
        model::LogFormat::Text => Format::Text,
        model::LogFormat::Json => Format::Json,
    }
}

fn access_log(config: &Config) -> Destination {
    match &config.log.access {
        model::AccessLog::Off => Destination::Off,
        model::AccessLog::Stdout => Destination::Stdout,
        model::AccessLog::File(path) => Destination::File(path.clone()),
    }
}

fn error_log(config: &Config) -> Destination {
    match &config.log.error {
        model::ErrorLog::Stderr => Destination::Stderr,
        model::ErrorLog::File(path) => Destination::File(path.clone()),
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use super::*;
    use crate::config::load;

    fn config(directory: &Path, access: &str) -> Config {
        let path = directory.join("site.toml");
        let text = format!(
            "[log]\naccess = \"{access}\"\n[[site]]\nlisten = [\"127.0.0.1:0\"]\n\
             [[site.location]]\nmatch = \"/\"\nrespond = {{}}\n"
        );
        fs::write(&path, text).unwrap();
        load(&path).unwrap().config
    }

    #[tokio::test]
    async fn a_reload_turns_the_access_log_and_loses_no_line() {
        let directory = tempfile::tempdir().unwrap();
        let directory = directory.path();
        let mut logs = Logs::open(&config(directory, "off"), None).unwrap();
        logs.access.start().unwrap();
        let lines = logs.access().lines();
        let say = |line: &'static [u8]| {
            lines.push(|out| out.extend_from_slice(line));
            lines.flush();
        };
        let work = async {
            say(b"nobody reads this\n");
            for (access, line) in [("1.log", b"one\n"), ("2.log", b"two\n"), ("1.log", b"six\n")] {
                let turn = logs.prepare(&config(directory, access)).unwrap();
                logs.commit(turn);
                say(line);
                // What waits goes where the next turn leads.
                assert!(lines.settle());
            }
            assert!(logs.prepare(&config(directory, "missing/a.log")).is_err());
            drop(logs.prepare(&config(directory, "3.log")).unwrap());
            say(b"end\n");
        };
        tokio::task::LocalSet::new().run_until(work).await;
        drop((lines, logs));
        let read = |name: &str| fs::read_to_string(directory.join(name)).unwrap();
        assert_eq!(read("1.log"), "one\nsix\nend\n");
        assert_eq!(read("2.log"), "two\n");
        assert_eq!(read("3.log"), "");
    }
}
