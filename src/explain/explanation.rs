//! An explanation, in the shape that `--json` prints. Fields are added to it, never renamed.

use serde::Serialize;

/// Everything about one request.
#[derive(Clone, Debug, Serialize)]
pub struct Explanation {
    pub request: Asked,
    /// What had to be assumed, and what differs from request to request.
    pub notes: Vec<String>,
    /// `None` where no site has the host (421), or the request cannot be read (400).
    pub site: Option<Site>,
    /// Those of the listener that do not have the request.
    pub other_sites: Vec<Site>,
    pub steps: Vec<Told>,
    /// The location that answers, or that has failed to.
    pub location: Option<Written>,
    pub answer: Answer,
    /// What holds for the location, its site and its upstream.
    pub settings: Vec<ToldSetting>,
}

#[derive(Clone, Debug, Serialize)]
pub struct Asked {
    pub method: String,
    pub target: String,
    pub host: String,
    pub headers: Vec<(String, String)>,
    /// Who asks.
    pub peer: String,
    pub listener: String,
}

/// Something of the file, by its own text.
#[derive(Clone, Debug, Serialize)]
pub struct Written {
    /// The `match` of a location.
    pub r#match: String,
    /// `file:line`
    pub place: String,
}

#[derive(Clone, Debug, Serialize)]
pub struct Site {
    /// None for a default site.
    pub hosts: Vec<String>,
    /// `file:line`
    pub place: String,
    pub why: String,
}

/// One step of a request's way.
#[derive(Clone, Debug, Serialize)]
#[serde(tag = "step", rename_all = "snake_case")]
pub enum Told {
    /// The site leads from plain HTTP to https, by its `https_only`.
    Secure {
        place: String,
    },
    /// The site's locations are searched with the decoded path.
    Search {
        path: String,
        candidates: Vec<Candidate>,
    },
    /// A location that is named: by `try`, or as the page of an error.
    Enter {
        location: Written,
    },
    /// The path that the handler sees now, and the target that a server would get.
    Rewrite {
        from: String,
        to: String,
        place: String,
        path: String,
        target: String,
    },
    /// `rewrite` does not match the path.
    Keep {
        from: String,
        place: String,
    },
    /// `try` looks for this.
    Try {
        path: String,
    },
    /// What was looked for on disk, and what was there.
    Look {
        path: String,
        found: Found,
    },
    /// A compressed form that is sent in the file's place.
    Twin {
        path: String,
    },
    Send {
        upstream: String,
    },
    Fail {
        status: u16,
        cause: Option<&'static str>,
        detail: String,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Found {
    Missing,
    File,
    Directory,
    /// The path is none of a file that may be sent.
    Unfit,
    /// It is there, but cannot be opened.
    Refused,
}

#[derive(Clone, Debug, Serialize)]
pub struct Candidate {
    #[serde(flatten)]
    pub location: Written,
    pub wins: bool,
    pub why: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    File,
    Listing,
    Redirect,
    Respond,
    Proxy,
    Error,
}

#[derive(Clone, Debug, Serialize)]
pub struct Answer {
    pub kind: Kind,
    /// `None` where an application says it.
    pub status: Option<u16>,
    /// As they are sent, but for Date and Connection. Of a proxied answer those that rproxy sets in it.
    pub headers: Vec<(String, String)>,
    /// In bytes, where it is known before it is sent.
    pub body_length: Option<u64>,
    pub file: Option<String>,
    pub twin: Option<String>,
    pub redirect: Option<String>,
    /// The file that is shown for an error; `None` for a plain one.
    pub page: Option<String>,
    /// Why there is no other answer.
    pub error: Option<Failure>,
    pub upstream: Option<Sent>,
}

#[derive(Clone, Debug, Serialize)]
pub struct Failure {
    pub status: u16,
    /// As in the log and the metrics.
    pub cause: Option<&'static str>,
    pub detail: String,
}

/// What a server would be sent.
#[derive(Clone, Debug, Serialize)]
pub struct Sent {
    pub name: String,
    pub place: String,
    pub servers: Vec<String>,
    /// Which of them gets it, where that does not depend on what they are at.
    pub server: Option<String>,
    pub request_line: String,
    /// What it asks for: path and query.
    pub uri: String,
    pub headers: Vec<(String, String)>,
}

#[derive(Clone, Debug, Serialize)]
pub struct ToldSetting {
    /// `location`, `site` or `upstream`.
    pub of: &'static str,
    pub key: String,
    /// As TOML writes it.
    pub value: String,
    /// `file:line`; `None` is a default.
    pub place: Option<String>,
}

impl Explanation {
    /// As one JSON object.
    ///
    /// # Errors
    /// None: there is nothing in it that JSON has no word for.
    pub fn to_json(&self) -> serde_json::Result<String> {
        serde_json::to_string_pretty(self)
    }

    /// What became of it, in one line.
    pub fn summary(&self) -> String {
        let Answer { kind, status, file, redirect, error, upstream, .. } = &self.answer;
        let status = status.map(|status| status.to_string()).unwrap_or_default();
        let done = match (kind, upstream) {
            (Kind::Proxy, Some(sent)) => format!("asks the upstream `{}` for {}", sent.name, sent.uri),
            (Kind::File, _) => format!("answers {status} with {}", file.as_deref().unwrap_or_default()),
            (Kind::Listing, _) => format!("answers {status} with the list of a directory"),
            (Kind::Redirect, _) => format!("redirects to {}", redirect.as_deref().unwrap_or_default()),
            (Kind::Respond, _) => format!("answers {status} by itself"),
            (Kind::Proxy | Kind::Error, _) => format!("answers {status}"),
        };
        let why = error.as_ref().map(|error| format!(": {}", error.detail)).unwrap_or_default();
        match &self.location {
            Some(location) => format!("`{}` ({}) {done}{why}", location.r#match, location.place),
            None => format!("rproxy {done}{why}"),
        }
    }

    /// Why the location of that pattern does not have the request, if it was among those that were searched.
    pub fn why_not(&self, pattern: &str) -> Option<&Candidate> {
        let searches = self.steps.iter().filter_map(|step| match step {
            Told::Search { candidates, .. } => Some(candidates),
            _ => None,
        });
        searches.flatten().find(|one| one.location.r#match == pattern && !one.wins)
    }
}
