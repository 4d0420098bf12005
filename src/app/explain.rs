//! `rproxy explain`: asks, and writes the answer down.

use std::io::{self, IsTerminal};
use std::net::IpAddr;
use std::path::Path;

use super::{Exit, reported, say};
use crate::config;
use crate::explain::{self, Question};

/// What becomes of a request. The words are a URL, or a method and a URL.
pub fn explain(path: &Path, words: &[String], headers: &[String], peer: IpAddr, json: bool) -> Exit {
    let question = match Question::read(words, headers, peer) {
        Ok(question) => question,
        Err(message) => {
            say(&mut io::stderr(), &format!("error: {message}\n"));
            return Exit::Usage;
        }
    };
    // Its tests may fail: then there is the more to explain.
    let Some(loaded) = reported(config::load(path)) else { return Exit::Configuration };
    let explained = explain::explain(&loaded, &question).and_then(|explanation| {
        if json {
            return explanation.to_json().map_err(io::Error::from);
        }
        Ok(explanation.to_text(io::stdout().is_terminal()))
    });
    match explained {
        Ok(text) => {
            say(&mut io::stdout(), &format!("{}\n", text.trim_end()));
            Exit::Stopped
        }
        Err(error) => {
            say(&mut io::stderr(), &format!("error: {error}\n"));
            Exit::CannotStart
        }
    }
}
