//! What the locations of a site share: error pages, names, and the directories whose files applications
//! may have sent.

use std::fmt::Write as _;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use ::http::HeaderValue;

use crate::config::model::{self, Action};
use crate::http::accel::plain_path;
use crate::http::{Request, Template};
use crate::middleware::ErrorPages;
use crate::net::ListenAddr;
use crate::router::LocationPattern;

const HTTPS: u16 = 443;

/// A compiled `[[site]]`, but for its locations themselves. What was looked up on disk for it stands for as
/// long as the configuration does.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Site {
    pub pages: ErrorPages,
    /// Whether a request may be needed again, for a location that shows its error.
    pub asks_again: bool,
    /// Of `@name` locations, with their index.
    names: Vec<(Box<str>, usize)>,
    roots: Vec<Root>,
    /// Where clients are sent that come by plain HTTP, if they are.
    pub https_only: Option<Https>,
    /// Strict-Transport-Security of all answers over TLS.
    pub hsts: Option<HeaderValue>,
    /// Where clients are asked for certificates: by which connections they have been.
    pub audience: Option<u64>,
}

/// Where a client comes that is sent there.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Https {
    /// What it asked for.
    pub place: Template,
    /// The same host, where it asked for no place (`OPTIONS *`).
    pub origin: Template,
}

/// The same place over TLS, on the first port that speaks it.
fn https(site: &model::Site) -> Option<Https> {
    let port = site.listen_tls.iter().filter_map(ListenAddr::port).find(|port| *port > 0).unwrap_or(HTTPS);
    let port = if port == HTTPS { String::new() } else { format!(":{port}") };
    let template = |path: &str| Template::parse(&format!("https://$host{port}{path}")).ok();
    Some(Https { place: template("$request_uri")?, origin: template("/")? })
}

fn strict_transport_security(hsts: model::Hsts) -> Option<HeaderValue> {
    let mut value = format!("max-age={}", hsts.max_age.as_secs());
    for (_, directive) in [(hsts.subdomains, "; includeSubDomains"), (hsts.preload, "; preload")]
        .into_iter()
        .filter(|(is_wanted, _)| *is_wanted)
    {
        // A text takes whatever is written to it.
        let _ = value.write_str(directive);
    }
    HeaderValue::try_from(value).ok()
}

/// The directory of an internal location.
#[derive(Debug, PartialEq, Eq)]
struct Root {
    /// As it is written, and as it is without symbolic links: applications find themselves by either.
    spellings: Vec<Vec<u8>>,
    /// What a request adds to it.
    below: Option<Template>,
    location: usize,
}

/// A path on disk, as a location with files sees it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Inside {
    pub location: usize,
    /// Below the location's directory, with a slash in front.
    pub path: Vec<u8>,
}

impl Site {
    pub fn new(pages: ErrorPages, site: &model::Site, audience: Option<u64>) -> Self {
        let locations = &site.locations;
        let numbered = || locations.iter().enumerate();
        let name =
            |(index, location): (usize, &model::Location)| Some((location.pattern.named()?.into(), index));
        Self {
            asks_again: pages.lead_on(),
            pages,
            names: numbered().filter_map(name).collect(),
            https_only: site.https_only.then(|| https(site)).flatten(),
            hsts: site.hsts.and_then(strict_transport_security),
            audience: audience.filter(|_| site.tls.client.is_some()),
            roots: numbered().filter_map(|(index, location)| Root::of(location, index)).collect(),
        }
    }

    /// The location of that name.
    pub fn named(&self, name: &str) -> Option<usize> {
        self.names.iter().find(|(known, _)| **known == *name).map(|(_, index)| *index)
    }

    /// The internal location whose directory is nearest above a path on disk.
    pub fn inside(&self, path: &[u8], request: &Request) -> Option<Inside> {
        let found = self.roots.iter().flat_map(|root| {
            let rests = root.spellings.iter().filter_map(|spelling| root.rest(spelling, path, request));
            rests.map(|rest| Inside { location: root.location, path: rest })
        });
        // Of two that are as near the first counts.
        found.min_by_key(|inside| inside.path.len())
    }
}

impl Root {
    /// `None` for what is no directory that files are sent from by their path on disk: an exact location
    /// is about one file.
    fn of(location: &model::Location, index: usize) -> Option<Self> {
        let Action::Files(files) = &location.action else { return None };
        let exact = matches!(location.pattern, LocationPattern::Exact(_)) && !files.keep_prefix;
        if !location.internal || exact {
            return None;
        }
        let spellings = spellings(&files.directory.base);
        Some(Self { spellings, below: files.directory.below.clone(), location: index })
    }

    /// What of the path stands behind this directory.
    fn rest(&self, spelling: &[u8], path: &[u8], request: &Request) -> Option<Vec<u8>> {
        let mut rest = path.strip_prefix(spelling)?;
        if let Some(below) = &self.below {
            let below = plain_path(&[b"/", &below.render(request)[..]].concat()).ok()?;
            rest = rest.strip_prefix(&below[..])?;
        }
        // Whole segments only: `/srv/media` is not above `/srv/media2/a`.
        rest.starts_with(b"/").then(|| rest.to_vec())
    }
}

fn spellings(directory: &Path) -> Vec<Vec<u8>> {
    let plain = |path: &Path| plain_path(path.as_os_str().as_bytes()).ok();
    let mut spellings: Vec<_> = plain(directory).into_iter().collect();
    // One that is not there yet has one spelling.
    if let Some(real) = std::fs::canonicalize(directory).ok().and_then(|real| plain(&real))
        && !spellings.contains(&real)
    {
        spellings.push(real);
    }
    spellings
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::testing::request;

    fn rest(below: Option<&str>, path: &str) -> Option<String> {
        let below = below.map(|text| Template::parse(text).unwrap());
        let root = Root { spellings: Vec::new(), below, location: 0 };
        let rest = root.rest(b"/srv/media", path.as_bytes(), &request("/?climb=.."))?;
        Some(String::from_utf8(rest).unwrap())
    }

    #[test]
    fn a_directory_takes_whole_segments() {
        assert_eq!(rest(None, "/srv/media/a/b").as_deref(), Some("/a/b"));
        for path in ["/srv/media", "/srv/media2/a", "/srv", "/a/srv/media/a"] {
            assert_eq!(rest(None, path), None, "{path}");
        }
    }

    #[test]
    fn a_directory_that_the_request_names_takes_its_own() {
        let below = Some("$host/files");
        assert_eq!(rest(below, "/srv/media/example.com/files/a").as_deref(), Some("/a"));
        for path in ["/srv/media/other.test/files/a", "/srv/media/example.com/files2/a", "/srv/media/a"] {
            assert_eq!(rest(below, path), None, "{path}");
        }
        assert_eq!(rest(Some("$arg_climb"), "/srv/media/a"), None);
    }

    #[test]
    fn a_directory_has_two_spellings_where_links_lead_to_it() {
        let dir = tempfile::tempdir().unwrap();
        let real = dir.path().canonicalize().unwrap();
        std::fs::create_dir(real.join("one")).unwrap();
        std::os::unix::fs::symlink("one", real.join("current")).unwrap();
        let bytes = |name: &str| real.join(name).as_os_str().as_bytes().to_vec();
        assert_eq!(spellings(&real.join("./current/")), [bytes("current"), bytes("one")]);
        assert_eq!(spellings(&real.join("one")), [bytes("one")]);
        assert_eq!(spellings(&real.join("missing")), [bytes("missing")]);
    }
}
