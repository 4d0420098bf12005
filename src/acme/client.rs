//! Our side of the connection to an authority: bounded in time and size, and with an eye on the clock.

use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use ::http::header::{CONTENT_TYPE, DATE, RETRY_AFTER};
use ::http::{HeaderMap, Request, Response};
use bytes::Bytes;
use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client as Connections;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use instant_acme::{BodyWrapper, BytesResponse, Error, HttpClient};
use tokio::time::timeout;

use super::fault::{Fault, whole};
use super::store::blocking;
use crate::tls::{self, Authorities};

/// For one request, connecting included.
const PATIENCE: Duration = Duration::from_secs(30);

/// A chain of certificates is some kilobytes, a directory less.
const MAX_BODY: usize = 1024 * 1024;

/// What clocks may be apart. Nobody notices less, and certificates are issued with an hour's leeway.
const APART: Duration = Duration::from_secs(3600);

type Answer = Pin<Box<dyn Future<Output = Result<BytesResponse, Error>> + Send>>;

/// Speaks HTTPS to one authority.
#[derive(Clone)]
pub(super) struct Client {
    connections: Connections<HttpsConnector<HttpConnector>, BodyWrapper<Bytes>>,
    pause: Pause,
}

/// Until when an authority wants to be left alone (Retry-After of a refusal).
#[derive(Clone, Debug, Default)]
pub(super) struct Pause(Arc<Mutex<Option<SystemTime>>>);

impl Pause {
    pub(super) fn until(&self) -> Option<SystemTime> {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn set(&self, until: SystemTime) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(until);
    }
}

impl Client {
    /// Reads whom to trust from disk, unless that is said.
    ///
    /// # Errors
    /// When the system trusts nobody.
    pub(super) async fn new(authorities: Option<Arc<Authorities>>) -> std::io::Result<Self> {
        let config = blocking(move || tls::client_config(authorities.as_deref())).await?;
        let connector = HttpsConnectorBuilder::new().with_tls_config(config).https_only();
        let connector = connector.enable_http1().enable_http2().build();
        let connections = Connections::builder(TokioExecutor::new()).build(connector);
        Ok(Self { connections, pause: Pause::default() })
    }

    pub(super) fn pause(&self) -> Pause {
        self.pause.clone()
    }
}

impl HttpClient for Client {
    fn request(&self, request: Request<BodyWrapper<Bytes>>) -> Answer {
        let (sent, pause) = (self.connections.request(request), self.pause.clone());
        let exchange = async move {
            let response = sent.await.map_err(|error| {
                if tls::is_about_time(&error) { Fault::OutOfTime } else { Fault::Unreachable(whole(&error)) }
            })?;
            let (parts, body) = response.into_parts();
            let body = Limited::new(body, MAX_BODY).collect().await;
            let body = body.map_err(|error| match error.downcast_ref::<LengthLimitError>() {
                Some(_) => Fault::TooLarge(MAX_BODY),
                None => Fault::Unreachable(whole(&*error)),
            })?;
            judge(Response::from_parts(parts, body.to_bytes()), &pause, SystemTime::now())
        };
        Box::pin(async move {
            let response = timeout(PATIENCE, exchange).await.unwrap_or(Err(Fault::Silent(PATIENCE)));
            let response = response.map_err(|fault| Error::Other(Box::new(fault)))?;
            Ok(BytesResponse::from(response.map(Full::new)))
        })
    }
}

/// Refuses what an authority would not answer, and what it answers to whose clock is wrong.
fn judge(response: Response<Bytes>, pause: &Pause, now: SystemTime) -> Result<Response<Bytes>, Fault> {
    let headers = response.headers();
    if let Some(theirs) = text(headers, &DATE).and_then(|date| httpdate::parse_http_date(date).ok())
        && now.duration_since(theirs).unwrap_or_else(|error| error.duration()) > APART
    {
        return Err(Fault::Clock { ours: now, theirs });
    }
    let status = response.status();
    if status.is_success() {
        return Ok(response);
    }
    if let Some(until) = retry_after(headers, now) {
        pause.set(until);
    }
    let explained = text(headers, &CONTENT_TYPE).is_some_and(|kind| kind.contains("json"));
    if explained { Ok(response) } else { Err(Fault::Status(status)) }
}

/// RFC 9110 10.2.3
fn retry_after(headers: &HeaderMap, now: SystemTime) -> Option<SystemTime> {
    let value = text(headers, &RETRY_AFTER)?.trim();
    match value.parse() {
        Ok(seconds) => now.checked_add(Duration::from_secs(seconds)),
        Err(_) => httpdate::parse_http_date(value).ok(),
    }
}

fn text<'a>(headers: &'a HeaderMap, name: &::http::HeaderName) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}

impl std::fmt::Debug for Client {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Client").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::time::UNIX_EPOCH;

    use super::*;

    fn now() -> SystemTime {
        UNIX_EPOCH + Duration::from_secs(1_800_000_000)
    }

    fn judged(status: u16, headers: &[(&str, &str)]) -> (Result<(), String>, Option<SystemTime>) {
        let mut response = Response::builder().status(status);
        for (name, value) in headers {
            response = response.header(*name, *value);
        }
        let pause = Pause::default();
        let result = judge(response.body(Bytes::new()).unwrap(), &pause, now());
        (result.map(drop).map_err(|fault| fault.to_string()), pause.until())
    }

    #[test]
    fn clocks_may_be_an_hour_apart_and_no_more() {
        for (seconds, is_fine) in [(0, true), (3600, true), (3601, false), (90_000, false)] {
            let distance = Duration::from_secs(seconds);
            for theirs in [now() - distance, now() + distance] {
                let (result, _) = judged(200, &[("date", &httpdate::fmt_http_date(theirs))]);
                assert_eq!(result.is_ok(), is_fine, "{seconds}");
            }
        }
        let (result, _) = judged(200, &[("date", "Thu, 01 Jan 2026 00:00:00 GMT")]);
        let told = "the clock of this machine says Fri, 15 Jan 2027 08:00:00 GMT, the authority's says Thu, 01 Jan \
                    2026 00:00:00 GMT";
        assert_eq!(result.unwrap_err(), told);
    }

    #[test]
    fn a_refusal_may_say_for_how_long() {
        let json = ("content-type", "application/problem+json");
        assert_eq!(judged(429, &[json]), (Ok(()), None));
        let (result, until) = judged(429, &[json, ("retry-after", "120")]);
        assert_eq!((result, until), (Ok(()), Some(now() + Duration::from_secs(120))));
        let date = httpdate::fmt_http_date(now() + Duration::from_secs(7));
        assert_eq!(judged(503, &[json, ("retry-after", &date)]).1, Some(now() + Duration::from_secs(7)));
        assert_eq!(judged(200, &[("retry-after", "120")]).1, None);
    }

    #[test]
    fn a_page_instead_of_a_reason_is_told_by_its_status() {
        let (result, _) = judged(502, &[("content-type", "text/html")]);
        assert_eq!(
            result.unwrap_err(),
            "it answers 502 Bad Gateway, with no reason that a client could read"
        );
    }
}
