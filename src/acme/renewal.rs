//! What the authority says of when to renew (RFC 9773).

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use instant_acme::{Account, CertificateIdentifier, Error, RenewalInfo};
use tokio::time::Instant;

use super::chance::Chance;
use super::client::Client;
use super::schedule::Window;
use super::store::State;
use super::{Wanted, account};
use crate::tls::Identity;

/// After the start: servers that are started over and over ask nothing.
const FIRST: Duration = Duration::from_secs(600);

/// What the authority says of when to ask again is heeded between these (RFC 9773 4.3.3).
const SOONEST: Duration = Duration::from_secs(60);
const LATEST: Duration = Duration::from_secs(24 * 3600);

/// When it does not answer.
const TRY_AGAIN: Duration = Duration::from_secs(6 * 3600);

/// What is known of one certificate.
#[derive(Debug)]
pub(super) struct Renewal {
    pub window: Option<Window>,
    /// Whether the authority answers such questions at all.
    pub is_heeded: bool,
    next: Instant,
}

impl Renewal {
    /// Of a certificate that nobody has asked about.
    pub fn new() -> Self {
        Self { window: None, is_heeded: false, next: Instant::now() + FIRST / 2 + Chance::new().of(FIRST) }
    }

    /// Asks, if it is time to.
    pub async fn follow(&mut self, state: &State, wanted: &Wanted, identity: &Identity) {
        if Instant::now() < self.next {
            return;
        }
        match ask(state, wanted, identity).await {
            Answer::Window(window, pause, why) => {
                self.is_heeded = true;
                if self.window.is_some_and(|known| known != window) {
                    let why = why.map(|url| format!(", see {url}")).unwrap_or_default();
                    tracing::info!("the authority has changed when to renew {}{why}", wanted.title());
                }
                self.window = Some(window);
                self.next = Instant::now() + pause.clamp(SOONEST, LATEST);
            }
            Answer::Never => self.next = Instant::now() + LATEST,
            Answer::Failed => self.next = Instant::now() + TRY_AGAIN,
        }
    }
}

#[derive(Debug, PartialEq, Eq)]
enum Answer {
    /// With how long to wait, and where it says why.
    Window(Window, Duration, Option<String>),
    /// It has no such service.
    Never,
    Failed,
}

async fn ask(state: &State, wanted: &Wanted, identity: &Identity) -> Answer {
    let Ok(client) = Client::new(wanted.authorities.clone()).await else { return Answer::Failed };
    match account::existing(state, wanted, &client).await {
        Some(account) => ask_by(&account, identity).await,
        None => Answer::Failed,
    }
}

async fn ask_by(account: &Account, identity: &Identity) -> Answer {
    let Some(Ok(name)) = identity.certified().cert.first().map(CertificateIdentifier::try_from) else {
        return Answer::Never;
    };
    match account.renewal_info(&name).await {
        Ok((info, pause)) => match window(&info) {
            Some(window) => Answer::Window(window, pause, info.explanation_url),
            None => Answer::Failed,
        },
        Err(Error::Unsupported(_)) => Answer::Never,
        Err(error) => {
            tracing::debug!("when to renew is not told: {error}");
            Answer::Failed
        }
    }
}

/// `None` for one that ends before it begins.
fn window(info: &RenewalInfo) -> Option<Window> {
    let at = |seconds: i64| UNIX_EPOCH.checked_add(Duration::from_secs(u64::try_from(seconds).ok()?));
    let suggested = &info.suggested_window;
    let start: SystemTime = at(suggested.start.unix_timestamp())?;
    let end = at(suggested.end.unix_timestamp())?;
    (start < end).then_some(Window { start, end })
}

#[cfg(test)]
mod tests {
    use ::http::{Method, Response};

    use super::*;
    use crate::acme::testing;

    /// What an authority answers that has such a service.
    async fn answer(status: u16, body: &str) -> (Answer, String) {
        let directory =
            r#"{"newNonce":"","newAccount":"","newOrder":"","renewalInfo":"https://ca.test/ari"}"#;
        let response = Response::builder().status(status).header("retry-after", "21600");
        let answers = vec![("/ari/", response.body(body.to_owned()).unwrap())];
        let (account, asked) = testing::account(directory, answers).await;
        let answer = ask_by(&account, &testing::identity("a.test")).await;
        let (method, path, _) = asked.lock().unwrap().last().unwrap().clone();
        assert_eq!(method, Method::GET);
        (answer, path)
    }

    #[tokio::test]
    async fn an_authority_is_asked_about_the_certificate_by_its_name() {
        let body = r#"{"suggestedWindow":{"start":"2026-12-24T00:00:00Z","end":"2026-12-26T00:00:00Z"},
            "explanationURL":"https://ca.test/why"}"#;
        let (answer, path) = answer(200, body).await;
        let Answer::Window(window, pause, why) = answer else { panic!("{answer:?}") };
        assert_eq!(httpdate::fmt_http_date(window.start), "Thu, 24 Dec 2026 00:00:00 GMT");
        assert!((21_500..=21_600).contains(&pause.as_secs()), "{pause:?}");
        assert_eq!(why.as_deref(), Some("https://ca.test/why"));
        // The authority's key and the serial number, in base64 (RFC 9773 4.1).
        let parts: Vec<_> = path.strip_prefix("/ari/").unwrap().split('.').map(str::len).collect();
        assert!(matches!(parts[..], [27, 27 | 28]), "{path}");
    }

    #[tokio::test]
    async fn an_authority_may_have_nothing_to_say() {
        assert_eq!(answer(500, "{}").await.0, Answer::Failed);
        let directory = r#"{"newNonce":"","newAccount":"","newOrder":""}"#;
        let (account, asked) = testing::account(directory, Vec::new()).await;
        assert_eq!(ask_by(&account, &testing::identity("a.test")).await, Answer::Never);
        assert_eq!(asked.lock().unwrap().len(), 1);
    }

    fn of(start: &str, end: &str) -> Option<Window> {
        let json = format!(r#"{{"suggestedWindow":{{"start":"{start}","end":"{end}"}}}}"#);
        window(&serde_json::from_str(&json).unwrap())
    }

    #[test]
    fn a_window_has_a_beginning_and_an_end() {
        let found = of("1970-01-02T00:00:00Z", "1970-01-02T00:00:10Z").unwrap();
        assert_eq!(found.end.duration_since(found.start).unwrap(), Duration::from_secs(10));
        assert_eq!(found.start.duration_since(UNIX_EPOCH).unwrap(), Duration::from_secs(24 * 3600));
        assert_eq!(of("1970-01-02T00:00:10Z", "1970-01-02T00:00:00Z"), None);
    }
}
