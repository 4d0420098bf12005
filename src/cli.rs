//! Flags and subcommands. Decides nothing: it says what was asked for.

use std::net::IpAddr;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

/// The front door for app servers: files from disk, everything else to a pool of workers.
#[derive(Debug, Parser)]
#[command(name = "rproxy", version, args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
pub struct Cli {
    #[command(flatten)]
    pub file: ConfigFile,
    #[command(subcommand)]
    pub command: Option<Command>,
}

#[derive(Args, Debug)]
pub struct ConfigFile {
    /// The configuration file.
    #[arg(short, long = "config", value_name = "FILE", default_value = "rproxy.toml")]
    pub config: PathBuf,
}

#[derive(Args, Debug)]
pub struct AskedFor {
    /// A URL, or a path for the default site; in front of it a method, if that is not GET.
    #[arg(required = true, num_args = 1..=2, value_name = "URL")]
    pub words: Vec<String>,
    /// A field of the request, like "Accept: text/html"; may be given several times.
    #[arg(long = "header", value_name = "NAME: VALUE")]
    pub headers: Vec<String>,
    /// The address of the client.
    #[arg(long, value_name = "IP", default_value = "127.0.0.1")]
    pub peer: IpAddr,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run in the foreground (what happens without a command).
    Run(ConfigFile),
    /// Read the configuration and report every mistake in it.
    Check {
        #[command(flatten)]
        file: ConfigFile,
        /// Print the whole effective configuration, defaults filled in.
        #[arg(long)]
        print: bool,
    },
    /// Tell what another configuration file would change.
    Diff {
        /// The file that is to take the place of the configuration file.
        new: PathBuf,
        #[command(flatten)]
        file: ConfigFile,
    },
    /// Have the server that runs with this file read it again, and tell what changed.
    Reload(ConfigFile),
    /// Have the server that runs with this file start a pool of workers anew.
    Restart {
        /// The upstream whose `process` it is.
        name: String,
        #[command(flatten)]
        file: ConfigFile,
    },
    /// Say what becomes of a request, and why: site, location, file or upstream, headers, limits.
    #[command(override_usage = "rproxy explain [OPTIONS] [METHOD] URL")]
    Explain {
        #[command(flatten)]
        file: ConfigFile,
        #[command(flatten)]
        request: AskedFor,
        /// Print one JSON object instead of text.
        #[arg(long)]
        json: bool,
    },
    /// Print a completion script for a shell.
    Completions { shell: clap_complete::Shell },
    /// What rproxy starts itself as to run pools.
    #[command(hide = true)]
    Supervise,
    /// What becomes an app.
    #[command(hide = true)]
    Launch,
}
