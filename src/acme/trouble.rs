//! Why there is no certificate: a sentence for the log, what helps, and for how long it is to be left alone.

use std::fmt;
use std::io;
use std::path::Path;
use std::time::{Duration, SystemTime};

use instant_acme::{Error, Problem};

use super::client::Pause;
use super::fault::Fault;

/// A failed attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Trouble {
    pub what: String,
    pub remedy: String,
    /// The authority wants to hear nothing before.
    pub not_before: Option<SystemTime>,
    /// The authority does not know our account any more.
    pub is_stranger: bool,
    /// It was chance, and the same may be asked again at once.
    pub is_chance: bool,
}

impl Trouble {
    pub fn new(what: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self {
            what: what.into(),
            remedy: remedy.into(),
            not_before: None,
            is_stranger: false,
            is_chance: false,
        }
    }

    /// What could not be read from the state directory, or written to it.
    pub fn of_disk(path: &Path, error: &io::Error) -> Self {
        let what = format!("{}: {error}", path.display());
        let remedy = match error.kind() {
            io::ErrorKind::PermissionDenied => {
                "make `state` of `[server]` a directory that the user rproxy runs as may write to"
            }
            _ => "see to `state` of `[server]`: a directory that can be written to, with room on its disk",
        };
        Self::new(what, remedy)
    }

    /// What an authority has said, or what kept it from saying something.
    pub fn of_authority(error: &Error, directory: &str, pause: &Pause) -> Self {
        let trouble = match error {
            Error::Api(problem) => of_problem(problem, directory),
            Error::Other(other) => match other.downcast_ref() {
                Some(fault) => of_fault(fault, directory),
                None => Self::new(format!("{directory}: {other}"), REPORT),
            },
            Error::Timeout(_) => Self::new(
                format!("{directory}: the authority has not come to a decision in time"),
                "none: the same order is looked at again",
            ),
            Error::Json(_) => Self::new(
                format!("what answers at {directory} is no ACME directory"),
                "correct `directory` of `acme`; Let's Encrypt's is https://acme-v02.api.letsencrypt.org/directory",
            ),
            error => Self::new(format!("{directory}: {error}"), REPORT),
        };
        Self { not_before: pause.until(), ..trouble }
    }
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.what)
    }
}

const REPORT: &str =
    "look at what the authority says of its state; if it is well, report this as a bug of rproxy";

const CLOCK: &str = "set the clock of this machine, and keep it right (systemd-timesyncd, chrony)";

fn of_fault(fault: &Fault, directory: &str) -> Trouble {
    let remedy = match fault {
        Fault::Unreachable(_) | Fault::Silent(_) => {
            "see that this machine reaches it (`curl -v` with that address): name servers, firewall; an authority of \
             one's own needs `ca` of `acme`"
        }
        Fault::OutOfTime => {
            let now = super::fault::shown(SystemTime::now());
            let what = format!("{directory}: {fault}, which is {now}");
            return Trouble::new(what, CLOCK);
        }
        Fault::Clock { .. } => CLOCK,
        Fault::Status(_) | Fault::TooLarge(_) => {
            "see whether `directory` of `acme` is right, and what the authority says of its state"
        }
    };
    Trouble::new(format!("{directory}: {fault}"), remedy)
}

/// The authority's own words, and what helps, by the registered types (RFC 8555 6.7).
fn of_problem(problem: &Problem, directory: &str) -> Trouble {
    let kind = problem.r#type.as_deref().unwrap_or_default();
    let kind = kind.strip_prefix("urn:ietf:params:acme:error:").unwrap_or(kind);
    let mut details: Vec<String> = problem.detail.iter().cloned().collect();
    details.extend(problem.subproblems.iter().map(ToString::to_string));
    if details.is_empty() {
        details.push("no reason given".into());
    }
    let what = format!("the authority refuses ({kind}): {}", details.join("; "));
    let (is_stranger, is_chance) = (kind == "accountDoesNotExist", kind == "badNonce");
    Trouble { is_stranger, is_chance, ..Trouble::new(what, remedy(kind, directory)) }
}

fn remedy(kind: &str, directory: &str) -> String {
    match kind {
        "rateLimited" => "wait: asking again earlier does not help; try things out with a directory for tests \
                          (Let's Encrypt's is https://acme-staging-v02.api.letsencrypt.org/directory)",
        "connection" => "let the authority reach this machine: port 80 for http-01, port 443 for tls-alpn-01, in every \
                         firewall and forwarding on the way, over IPv6 too if the name has such an address",
        "unauthorized" | "incorrectResponse" => {
            "see that the name leads to this machine, at all of its addresses, and to nothing in front of it that \
             answers in its place"
        }
        "dns" => "see to the DNS records of the name: the authority's name servers find none, or a broken zone",
        "caa" => "let the name's CAA records allow this authority, or remove them",
        "tls" => "see that nothing in front of this machine ends TLS on port 443, or use http-01",
        "rejectedIdentifier" | "unsupportedIdentifier" => {
            "take the name out of `hosts`, or give its site a certificate of its own (`cert`, `key`)"
        }
        "invalidContact" | "unsupportedContact" => "correct `email` of `acme`",
        "externalAccountRequired" => {
            "this authority wants accounts of its own customers only: use another `directory`"
        }
        "userActionRequired" => return format!("read what {directory} asks for, and agree to it there"),
        "accountDoesNotExist" => "none: a new account is made",
        "serverInternal" | "badNonce" => "none, unless it goes on: the authority has trouble of its own",
        _ => REPORT,
    }
    .into()
}

/// How long to wait after so many failures in a row.
pub(super) fn back_off(failures: u32) -> Duration {
    const FIRST: Duration = Duration::from_secs(60);
    const LONGEST: Duration = Duration::from_secs(24 * 3600);
    let doubled = FIRST.saturating_mul(1_u32.checked_shl(failures.saturating_sub(1)).unwrap_or(u32::MAX));
    doubled.min(LONGEST)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problem(json: &str) -> Trouble {
        let problem: Problem = serde_json::from_str(json).unwrap();
        Trouble::of_authority(&Error::Api(problem), "https://ca.test/dir", &Pause::default())
    }

    #[test]
    fn the_authoritys_words_are_told_with_what_helps() {
        let trouble = problem(
            r#"{"type":"urn:ietf:params:acme:error:caa","detail":"CAA record for a.test prevents issuance"}"#,
        );
        assert_eq!(trouble.what, "the authority refuses (caa): CAA record for a.test prevents issuance");
        assert!(trouble.remedy.contains("CAA records"), "{}", trouble.remedy);
        let trouble = problem(
            r#"{"type":"urn:ietf:params:acme:error:compound","detail":"two","subproblems":[
                {"type":"urn:ietf:params:acme:error:dns","detail":"none","identifier":{"type":"dns","value":"a.test"}}]}"#,
        );
        assert!(trouble.what.contains("two; for \"a.test\": none"), "{}", trouble.what);
    }

    #[test]
    fn failures_double_the_pause_up_to_a_day() {
        let minutes: Vec<u64> = [1, 2, 3, 11, 12, 40].map(|count| back_off(count).as_secs() / 60).to_vec();
        assert_eq!(minutes, [1, 2, 4, 1024, 1440, 1440]);
    }
}
