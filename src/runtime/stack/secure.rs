//! What a site asks of the way a request came: plain or over TLS, and by which name.

use ::http::header::LOCATION;
use ::http::{HeaderName, HeaderValue, StatusCode};

use super::Inner;
use crate::http::{Body, Cause, Fault, Request, Response, Scheme, Secured};
use crate::runtime::site::Site;
use crate::tls::Challenges;

const STRICT_TRANSPORT_SECURITY: HeaderName = ::http::header::STRICT_TRANSPORT_SECURITY;

impl Inner {
    /// What an authority asks for that is to see that a name is ours (RFC 8555 8.3), whatever the site says.
    pub(super) async fn challenge(&self, request: &Request) -> Option<Response> {
        let token = Challenges::token(&request.target.path)?;
        let answer = self.challenges.answer(token).await?;
        let kind = HeaderValue::from_static("application/octet-stream");
        let body = Body::Bytes(answer.as_bytes().to_vec().into());
        Some(Response::new(StatusCode::OK).with_header(::http::header::CONTENT_TYPE, kind).with_body(body))
    }

    /// A client that proved who it is by one site's demands has proved nothing by another's (RFC 9110 15.5.20), nor
    /// by those that are new since it came.
    pub(super) fn misdirected(request: &Request, site: &Site) -> Option<Fault> {
        let (audience, secured) = (site.audience?, request.connection.secured.as_ref()?);
        let is_other = ![audience, Secured::ANY].contains(&secured.audience);
        is_other.then(|| {
            let host = String::from_utf8_lossy(&request.authority.raw).into_owned();
            let name = secured.server_name.as_deref().unwrap_or_default();
            Fault::new(Cause::OtherCertificate, format!("{host:?} on a connection to {name:?}"))
        })
    }
}

/// Sends a client that came by plain HTTP to the same place over TLS. Whoever answers an authority's challenge
/// is asked by plain HTTP.
pub(super) fn upgraded(request: &Request, site: &Site) -> Result<Option<Response>, Fault> {
    let Some(to) = site.https_only.as_ref().filter(|_| request.client.scheme == Scheme::Http) else {
        return Ok(None);
    };
    if Challenges::token(&request.target.path).is_some() {
        return Ok(None);
    }
    if request.authority.host.is_empty() {
        return Err(Fault::new(Cause::BadHost, "the site is for https alone, and no Host says where to go"));
    }
    let to = if request.target.raw.starts_with(b"/") { &to.place } else { &to.origin };
    let response = Response::new(StatusCode::PERMANENT_REDIRECT);
    Ok(Some(response.with_header(LOCATION, to.render_location(request))))
}

/// Browsers heed it over TLS only (RFC 6797 8.1), and an application may say something else.
pub(super) fn strict(response: &mut Response, site: &Site, scheme: Scheme) {
    if let Some(value) = site.hsts.as_ref().filter(|_| scheme == Scheme::Https)
        && !response.headers.contains_key(STRICT_TRANSPORT_SECURITY)
    {
        response.headers.insert(STRICT_TRANSPORT_SECURITY, value.clone());
    }
}
