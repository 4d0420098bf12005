//! Whether a request is for a page of a single-page application, which draws what its path says, or for
//! a file that is not there. Answering a missing script with a page hides the fault, and is cached.

use ::http::{HeaderValue, Method};

use super::Fields;
use super::accept::{Named, is_silent, prefers_json, wanted};
use super::media_type::has_known_extension;

/// What a request is for, by its fields.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Asks {
    /// A page, in so many words.
    Page,
    /// Whatever there is, as curl does.
    Anything,
    /// A part of a page, or data.
    Other,
}

/// Whether the page of the application answers what no file does. `/users/jane.doe` is a page when a browser
/// goes there; who says less about what it wants gets no page for anything that looks like a file.
pub fn is_navigation(method: &Method, headers: &Fields, path: &[u8]) -> bool {
    let reads = *method == Method::GET || *method == Method::HEAD;
    reads
        && match asks(headers) {
            Asks::Page => is_page(path) || !has_known_extension(path),
            Asks::Anything => is_page(path) || !has_extension(path),
            Asks::Other => false,
        }
}

/// Fetch Metadata says it outright, and all browsers since 2023 send it over TLS and to this machine.
fn asks(headers: &Fields) -> Asks {
    let (mode, destination) = (headers.get("sec-fetch-mode"), headers.get("sec-fetch-dest"));
    if mode.is_none() && destination.is_none() {
        return accepts(headers);
    }
    let navigates = mode.is_none_or(|mode| mode == "navigate");
    // A service worker that passes a navigation on has the destination empty.
    let shows = destination
        .is_none_or(|destination| is_frame(destination) || (mode.is_some() && destination == "empty"));
    if navigates && shows { Asks::Page } else { Asks::Other }
}

/// What a browser shows by itself rather than as a part of a page.
fn is_frame(destination: &HeaderValue) -> bool {
    ["document", "iframe", "frame", "fencedframe", "embed", "object"].iter().any(|frame| destination == frame)
}

fn accepts(headers: &Fields) -> Asks {
    match wanted(headers, b"text/html") {
        Some(_) if prefers_json(headers) => Asks::Other,
        Some(html) if html.named == Named::Exactly => Asks::Page,
        Some(_) => Asks::Anything,
        None if is_silent(headers) => Asks::Anything,
        None => Asks::Other,
    }
}

/// Whether the name ends as a file's would: `app.js`, `v1.2`, but neither `.env` nor `a.b c`.
fn has_extension(path: &[u8]) -> bool {
    extension(path).is_some_and(|extension| {
        (1..=10).contains(&extension.len()) && extension.iter().all(u8::is_ascii_alphanumeric)
    })
}

/// A page by its name is one whoever asks.
fn is_page(path: &[u8]) -> bool {
    extension(path).is_some_and(|extension| {
        extension.eq_ignore_ascii_case(b"html") || extension.eq_ignore_ascii_case(b"htm")
    })
}

fn extension(path: &[u8]) -> Option<&[u8]> {
    let name = path.rsplit(|byte| *byte == b'/').next()?;
    let dot = memchr::memrchr(b'.', name).filter(|dot| *dot > 0)?;
    name.get(dot + 1..)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::testing::request_with;
    use super::*;

    const BROWSER: &str = "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,*/*;q=0.8";

    fn goes(fields: &[(&str, &str)], path: &str) -> bool {
        is_navigation(&Method::GET, &request_with("/", fields).headers, path.as_bytes())
    }

    #[test]
    fn fetch_metadata_decides_where_it_is_sent() {
        for (mode, destination, expected) in [
            ("navigate", "document", true),
            ("navigate", "iframe", true),
            ("navigate", "empty", true),
            ("navigate", "", true),
            ("", "document", true),
            ("navigate", "script", false),
            ("no-cors", "script", false),
            ("no-cors", "style", false),
            ("no-cors", "image", false),
            ("cors", "font", false),
            ("cors", "empty", false),
            ("same-origin", "empty", false),
            ("websocket", "empty", false),
            ("", "script", false),
            ("", "empty", false),
            ("cors", "", false),
        ] {
            let mut fields = vec![("accept", BROWSER)];
            fields.extend((!mode.is_empty()).then_some(("sec-fetch-mode", mode)));
            fields.extend((!destination.is_empty()).then_some(("sec-fetch-dest", destination)));
            assert_eq!(goes(&fields, "/users/7"), expected, "{mode} {destination}");
        }
    }

    #[test]
    fn without_it_accept_does() {
        for (accept, expected) in [
            (BROWSER, true),
            ("*/*", true),
            ("text/*", true),
            ("", true),
            ("text/html;q=0.1, image/png", true),
            ("text/html, application/json", true),
            ("image/avif,image/webp,*/*;q=0.8", true),
            ("text/html;q=0", false),
            ("text/html;q=0, */*", false),
            ("image/*", false),
            ("text/css", false),
            ("application/json", false),
            ("application/json, text/plain, */*", false),
        ] {
            assert_eq!(goes(&[("accept", accept)], "/users/7"), expected, "{accept}");
        }
        assert!(goes(&[], "/users/7"));
    }

    #[test]
    fn names_of_files_are_no_pages() {
        let (page, anything) = (&[("accept", BROWSER)][..], &[("accept", "*/*")][..]);
        for (path, for_page, for_anything) in [
            ("/", true, true),
            ("/users/7", true, true),
            ("/users/", true, true),
            ("/v1.2/users", true, true),
            ("/about.html", true, true),
            ("/about.HTM", true, true),
            ("/.well-known", true, true),
            ("/a/.hidden", true, true),
            ("/a.", true, true),
            ("/a.b c", true, true),
            ("/a.verylongextension", true, true),
            ("/users/jane.doe", true, false),
            ("/users/jane@example.com", true, false),
            ("/v1.2", true, false),
            ("/a.min", true, false),
            ("/app.js", false, false),
            ("/APP.JS", false, false),
            ("/app.js.map", false, false),
            ("/logo.png", false, false),
            ("/feed.xml", false, false),
            ("/a.webmanifest", false, true),
            ("/photo.jpeg", false, false),
        ] {
            assert_eq!(goes(page, path), for_page, "{path}");
            assert_eq!(goes(&[("sec-fetch-mode", "navigate")], path), for_page, "{path}");
            assert_eq!(goes(anything, path), for_anything, "{path}");
        }
    }

    #[test]
    fn only_reading_is_navigating() {
        let headers = request_with("/", &[("sec-fetch-mode", "navigate")]).headers;
        let goes = |method: Method| is_navigation(&method, &headers, b"/users/7");
        assert!(goes(Method::GET) && goes(Method::HEAD));
        assert!(!goes(Method::POST) && !goes(Method::PUT) && !goes(Method::DELETE) && !goes(Method::OPTIONS));
    }

    proptest! {
        #[test]
        fn any_request_is_judged(path: Vec<u8>, accept in "[ -~]{0,30}", mode in "navigate|cors") {
            let headers = request_with("/", &[("accept", &accept), ("sec-fetch-mode", &mode)]).headers;
            prop_assert!(mode == "navigate" || !is_navigation(&Method::GET, &headers, &path));
        }
    }
}
