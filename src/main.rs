//! The `rproxy` program: reads the command line, has the app do it, chooses the exit code.

use std::process::ExitCode;

use clap::{CommandFactory, Parser};
use rproxy::app;
use rproxy::cli::{Cli, Command};
use rproxy::control::Command as Order;

/// Less CPU per request than the system's allocator, and memory goes back after a burst.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let cli = Cli::parse();
    match cli.command {
        None => app::run(&cli.file.config),
        Some(Command::Run(file)) => app::run(&file.config),
        Some(Command::Check { file, print }) => app::check(&file.config, print),
        Some(Command::Diff { new, file }) => app::diff(&file.config, &new),
        Some(Command::Reload(file)) => app::order(&file.config, &Order::Reload),
        Some(Command::Restart { name, file }) => app::order(&file.config, &Order::Restart(name)),
        Some(Command::Explain { file, request, json }) => {
            app::explain(&file.config, &request.words, &request.headers, request.peer, json)
        }
        Some(Command::Completions { shell }) => {
            clap_complete::generate(shell, &mut Cli::command(), "rproxy", &mut std::io::stdout());
            app::Exit::Stopped
        }
        Some(Command::Supervise) => app::supervise(),
        Some(Command::Launch) => app::launch(),
    }
    .into()
}
