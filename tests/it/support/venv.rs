//! A Python virtual environment with the application servers and frameworks the tests run for real.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;

use super::{once, package, repository};

/// Its `python`. Call modules by `-m`: the scripts beside it name the directory it was made in.
pub fn python() -> &'static Path {
    static PYTHON: OnceLock<PathBuf> = OnceLock::new();
    PYTHON.get_or_init(|| environment().join("bin/python"))
}

fn environment() -> PathBuf {
    let requirements = repository("tests/requirements.txt");
    let wanted = std::fs::read_to_string(&requirements).unwrap();
    let version = output(Command::new("python3").args(["-c", "import sys; print(sys.version, sys.prefix)"]));
    once::directory("venv", (wanted, version), |dir| {
        package::require("python3-venv", can_make_environments);
        output(Command::new("python3").args(["-m", "venv"]).arg(dir));
        let pip = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--requirement"];
        output(Command::new(dir.join("bin/python")).args(pip).arg(&requirements));
    })
}

/// Debian splits off the part of venv that brings pip.
fn can_make_environments() -> bool {
    let import =
        Command::new("python3").args(["-c", "import venv, ensurepip"]).stderr(Stdio::null()).status();
    import.is_ok_and(|status| status.success())
}

/// What the command printed; a panic with its reasons when it failed.
pub fn output(command: &mut Command) -> String {
    let run = command.output().unwrap_or_else(|error| {
        panic!("{command:?}: {error}\nthese tests need python3 with its venv module (Debian: apt install python3-venv)")
    });
    let errors = String::from_utf8_lossy(&run.stderr);
    assert!(run.status.success(), "{command:?} failed ({}):\n{errors}", run.status);
    String::from_utf8_lossy(&run.stdout).into_owned()
}
