//! `[[test]]`: a request, and what is expected of the configuration. No part of what runs.

use std::net::IpAddr;
use std::path::PathBuf;

use ::http::{HeaderName, HeaderValue, Method, StatusCode};

use crate::config::report::Spot;
use crate::http::Url;
use crate::router::HostPattern;

#[derive(Clone, Debug)]
pub struct Test {
    pub method: Method,
    pub url: Url,
    pub headers: Vec<(HeaderName, HeaderValue)>,
    /// Who asks; `None` is this machine.
    pub peer: Option<IpAddr>,
    pub expected: Vec<Expected>,
    pub at: Spot,
}

#[derive(Clone, Debug)]
pub struct Expected {
    pub what: Expectation,
    /// What to point at where it is otherwise.
    pub at: Spot,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Expectation {
    Status(StatusCode),
    /// By one of its hosts; `None` is the default site.
    Site(Option<HostPattern>),
    /// By its pattern, as [`crate::router::LocationPattern`] writes it.
    Location(String),
    Header(HeaderName, WantedHeader),
    File(PathBuf),
    /// By its name.
    Upstream(String),
    /// What its server would be asked for.
    Uri(String),
    Redirect(String),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WantedHeader {
    Absent,
    /// With whatever value.
    Present,
    Value(String),
}
