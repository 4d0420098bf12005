//! What a location says of all its answers, whatever made them.

use ::http::header::{CACHE_CONTROL, X_CONTENT_TYPE_OPTIONS};
use ::http::{HeaderValue, StatusCode};

use crate::http::{LimitRate, Rate, Request, Response, Template};

#[derive(Clone, Debug, Default)]
pub struct Delivery {
    /// Whether browsers are told to take a type for what it says.
    pub nosniff: bool,
    pub cache_control: Option<Template>,
    /// How fast answers go out where an application says nothing of it.
    pub limit_rate: Option<LimitRate>,
}

/// The same for one request, taken while that is still there.
#[derive(Debug)]
pub struct Delivered {
    nosniff: bool,
    cache_control: Option<HeaderValue>,
    limit_rate: Option<LimitRate>,
}

impl Delivery {
    pub fn bind(&self, request: &Request) -> Delivered {
        let cache_control = self.cache_control.as_ref().map(|template| template.render_header(request));
        Delivered { nosniff: self.nosniff, cache_control, limit_rate: self.limit_rate }
    }
}

impl Delivered {
    pub fn apply(self, response: &mut Response) {
        if self.nosniff {
            response.headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
        }
        if let Some(value) = self.cache_control.filter(|_| may_be_kept(response.status)) {
            response.headers.insert(CACHE_CONTROL, value);
        }
        response.limit_rate = response.limit_rate.or(self.limit_rate.map(Rate::Limited));
    }
}

/// The statuses of nginx's `add_header` and `expires`: an error page that is kept for a year stays an error
/// for a year.
fn may_be_kept(status: StatusCode) -> bool {
    matches!(status.as_u16(), 200 | 201 | 204 | 206 | 301 | 302 | 303 | 304 | 307 | 308)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::testing::request;

    fn delivered(cache_control: &str, status: StatusCode) -> Response {
        let cache_control = Some(Template::parse(cache_control).unwrap());
        let mut response = Response::new(status);
        Delivery { nosniff: true, cache_control, limit_rate: None }
            .bind(&request("/a?age=60"))
            .apply(&mut response);
        response
    }

    #[test]
    fn answers_say_how_long_they_may_be_kept() {
        assert_eq!(delivered("max-age=$arg_age", StatusCode::OK).headers["cache-control"], "max-age=60");
        assert_eq!(delivered("no-cache", StatusCode::NOT_MODIFIED).headers["cache-control"], "no-cache");
    }

    #[test]
    fn errors_do_not_and_are_not_guessed_at_either() {
        let response = delivered("max-age=60", StatusCode::NOT_FOUND);
        assert!(!response.headers.contains_key(CACHE_CONTROL));
        assert_eq!(response.headers["x-content-type-options"], "nosniff");
    }
}
