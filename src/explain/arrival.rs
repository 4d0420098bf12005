//! The connection that a request would come in over: which listener a URL leads to.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::rc::Rc;

use bytes::Bytes;

use super::Question;
use crate::config::Config;
use crate::config::model::Site;
use crate::http::url::Place;
use crate::http::{Authority, Connection, Scheme, Secured};
use crate::net::{ClientAddr, ListenAddr};
use crate::router::{HostPattern, Router};
use crate::runtime;

/// Where a request comes in, and what had to be assumed for that.
#[derive(Debug)]
pub(super) struct Arrival {
    pub connection: Rc<Connection>,
    /// What its Host field says.
    pub host: Bytes,
    pub notes: Vec<String>,
}

impl Arrival {
    pub fn of(question: &Question, config: &Config, router: &Router<()>) -> Self {
        let (listener, host, mut notes) = match &question.url.place {
            Some(place) => {
                let (listener, notes) = listener_of(place, config, router);
                (listener, place.authority.clone(), notes)
            }
            None => default_site(config),
        };
        if matches!(listener, ListenAddr::Unix(_)) && !question.peer.is_loopback() {
            notes.push(format!("clients of {listener} have no address: nobody is {} there", question.peer));
        }
        let secured = is_secured(&listener, config).then(|| Box::new(secured(&host)));
        Self { connection: Rc::new(connection(listener, secured, question.peer)), host, notes }
    }
}

/// The listener on the URL's port; of several one that speaks its scheme, then the one at its address, then
/// one whose sites have its host.
fn listener_of(place: &Place, config: &Config, router: &Router<()>) -> (ListenAddr, Vec<String>) {
    let (all, port) = (runtime::listeners(config), place.port());
    let on_port: Vec<&ListenAddr> = all.iter().filter(|listener| listener.port() == Some(port)).collect();
    let candidates = if on_port.is_empty() { all.iter().collect() } else { on_port.clone() };
    let host = Authority::parse(&place.authority).map(|authority| authority.host).unwrap_or_default();
    let rank = |listener: &&&ListenAddr| {
        let site = router.explain_site(listener, &host);
        let other_scheme = scheme_of(listener, config) != place.scheme;
        (other_scheme, !is_at(listener, &host), !matches!(site, Some((_, Some(_)))), site.is_none())
    };
    let best = candidates.iter().min_by_key(rank).map_or(ListenAddr::Any(port), |best| (*best).clone());
    let mut notes = Vec::new();
    if on_port.is_empty() {
        notes.push(format!("no listener is on port {port}: this is how {best} answers"));
    }
    match (place.scheme, scheme_of(&best, config)) {
        (Scheme::Https, Scheme::Http) => {
            notes.push(format!("{best} speaks plain HTTP: so the request is taken for one"));
        }
        (Scheme::Http, Scheme::Https) => {
            notes.push(format!("{best} speaks TLS: so the request is taken for one over it"));
        }
        _ => {}
    }
    (best, notes)
}

fn scheme_of(listener: &ListenAddr, config: &Config) -> Scheme {
    if is_secured(listener, config) { Scheme::Https } else { Scheme::Http }
}

/// All sites of a listener have it with TLS, or none.
fn is_secured(listener: &ListenAddr, config: &Config) -> bool {
    config.sites.iter().any(|site| site.listen_tls.contains(listener))
}

/// Whether the host is the listener's own address.
fn is_at(listener: &ListenAddr, host: &[u8]) -> bool {
    let ListenAddr::Tcp(addr) = listener else { return false };
    let text = std::str::from_utf8(host).unwrap_or_default();
    text.trim_matches(['[', ']']).parse::<IpAddr>().is_ok_and(|ip| ip == addr.ip())
}

/// Where a path alone leads to: the first site without `hosts`, or else the first one, by its first name. One
/// that sends everybody to its TLS listeners is asked there.
fn default_site(config: &Config) -> (ListenAddr, Bytes, Vec<String>) {
    let nameless = config.sites.iter().find(|site| site.hosts.is_empty());
    let found = nameless.or_else(|| config.sites.first());
    let entered = |site: &Site| {
        let secured = site.listen_tls.first().filter(|_| site.https_only);
        secured.or_else(|| site.listen.first()).cloned()
    };
    let Some((site, listener)) = found.and_then(|site| Some((site, entered(site)?))) else {
        return (ListenAddr::Any(80), Bytes::from_static(b"localhost"), Vec::new());
    };
    let scheme = scheme_of(&listener, config);
    let host = host_of(site, &listener, scheme);
    let which =
        if nameless.is_some() { "the default site" } else { "the first site, as there is no default one" };
    let note = format!(
        "a path alone is asked of {which}: {}://{host}, {}:{}",
        scheme.as_str(),
        site.origin.file.display(),
        site.origin.line
    );
    (listener, host.into(), vec![note])
}

fn host_of(site: &Site, listener: &ListenAddr, scheme: Scheme) -> String {
    let exact = |host: &&HostPattern| matches!(host, HostPattern::Exact(_));
    let name = match site.hosts.iter().find(exact).or_else(|| site.hosts.first()) {
        Some(HostPattern::Exact(name)) => name.clone(),
        Some(HostPattern::Suffix(suffix)) => format!("www{suffix}"),
        Some(HostPattern::Prefix(prefix)) => format!("{prefix}test"),
        None => match listener {
            ListenAddr::Tcp(SocketAddr::V4(addr)) if !addr.ip().is_unspecified() => addr.ip().to_string(),
            ListenAddr::Tcp(SocketAddr::V6(addr)) if !addr.ip().is_unspecified() => {
                format!("[{}]", addr.ip())
            }
            _ => "localhost".to_owned(),
        },
    };
    match listener.port() {
        None | Some(0) => name,
        Some(port) if port == scheme.default_port() => name,
        Some(port) => format!("{name}:{port}"),
    }
}

/// As most clients would agree on it with rproxy.
fn secured(host: &Bytes) -> Secured {
    let host = Authority::parse(host).map(|authority| authority.host).unwrap_or_default();
    let name = std::str::from_utf8(&host)
        .ok()
        .filter(|host| host.trim_matches(['[', ']']).parse::<IpAddr>().is_err());
    Secured {
        audience: Secured::ANY,
        protocol: "TLSv1.3",
        cipher: "TLS_AES_256_GCM_SHA384",
        server_name: name.filter(|name| !name.is_empty()).map(Into::into),
        client: None,
    }
}

fn connection(listener: ListenAddr, secured: Option<Box<Secured>>, peer: IpAddr) -> Connection {
    let loopback: IpAddr =
        if peer.is_ipv4() { Ipv4Addr::LOCALHOST.into() } else { Ipv6Addr::LOCALHOST.into() };
    let (local, peer) = match &listener {
        ListenAddr::Unix(_) => (None, ClientAddr::Unix),
        ListenAddr::Tcp(addr) if !addr.ip().is_unspecified() => (Some(*addr), tcp(peer)),
        other => (Some(SocketAddr::new(loopback, other.port().unwrap_or_default())), tcp(peer)),
    };
    let scheme = if secured.is_some() { Scheme::Https } else { Scheme::Http };
    Connection { peer, local, scheme, secured, listener: Rc::new(listener) }
}

/// Which port a client has is the kernel's choice.
fn tcp(peer: IpAddr) -> ClientAddr {
    ClientAddr::Tcp(SocketAddr::new(peer, 0))
}

#[cfg(test)]
mod tests {
    use ::http::Method;

    use super::*;
    use crate::config::load;
    use crate::router;

    const SITES: &str = r#"
[[site]]
listen = ["127.0.0.1:8080", "127.0.0.2:8080", "unix:app.sock"]
hosts = ["*.a.test", "a.test"]
location = [{ match = "/", respond = {} }]
[[site]]
listen = [":80", "[::1]:8080"]
hosts = ["b.test"]
location = [{ match = "/", respond = {} }]
[[site]]
listen = ["127.0.0.2:8080"]
location = [{ match = "/", respond = {} }]
"#;

    /// The listener, the Host field, and how much had to be assumed.
    fn arrival(text: &str, url: &str) -> (String, String, usize) {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("site.toml");
        std::fs::write(&file, text).unwrap();
        let config = load(&file).unwrap().config;
        let sites = config.sites.iter().map(|site| router::Site {
            listen: site.listen.clone(),
            hosts: site.hosts.clone(),
            locations: Vec::new(),
        });
        let question = Question::new(Method::GET, url.parse().unwrap());
        let Arrival { connection, host, notes } = Arrival::of(&question, &config, &Router::new(sites));
        let listener = connection.listener.to_string().replace(folder.path().to_str().unwrap(), "");
        (listener, String::from_utf8_lossy(&host).into_owned(), notes.len())
    }

    #[test]
    fn a_url_comes_in_where_its_port_and_host_are() {
        for (url, listener, notes) in [
            ("http://b.test/", ":80", 0),
            ("http://127.0.0.2:8080/", "127.0.0.2:8080", 0),
            ("http://x.a.test:8080/", "127.0.0.1:8080", 0),
            ("http://[::1]:8080/", "[::1]:8080", 0),
            ("http://b.test:8080/", "[::1]:8080", 0),
            // Nobody has the host, but a default site answers.
            ("http://other.test:8080/", "127.0.0.2:8080", 0),
            ("http://a.test:9/", "127.0.0.1:8080", 1),
            ("https://b.test/", ":80", 2),
        ] {
            let host = url.split('/').nth(2).unwrap().to_owned();
            assert_eq!(arrival(SITES, url), (listener.to_owned(), host, notes), "{url}");
        }
    }

    const SECURED: &str = r#"
[[site]]
listen = [":80", "127.0.0.1:8443"]
listen_tls = [":443", "127.0.0.2:8443"]
hosts = ["a.test"]
tls = { acme = {} }
location = [{ match = "/", respond = {} }]
[[site]]
listen_tls = ["[::1]:9443"]
hosts = ["b.test"]
tls = { acme = {} }
location = [{ match = "/", respond = {} }]
"#;

    #[test]
    fn a_url_comes_in_where_its_scheme_is_spoken() {
        for (url, listener, notes) in [
            ("http://a.test/", ":80", 0),
            ("https://a.test/", ":443", 0),
            ("https://a.test:8443/", "127.0.0.2:8443", 0),
            ("http://a.test:8443/", "127.0.0.1:8443", 0),
            // One who does not speak it is still asked.
            ("https://a.test:80/", ":80", 1),
            ("http://b.test:9443/", "[::1]:9443", 1),
            // Some port before rproxy may lead there.
            ("https://b.test:9/", "[::1]:9443", 1),
        ] {
            let host = url.split('/').nth(2).unwrap().to_owned();
            assert_eq!(arrival(SECURED, url), (listener.to_owned(), host, notes), "{url}");
        }
    }

    #[test]
    fn a_path_alone_is_asked_where_it_is_answered() {
        assert_eq!(arrival(SECURED, "/x").0, ":80");
        let only = SECURED.replace("hosts = [\"a.test\"]", "https_only = true\nhosts = [\"a.test\"]");
        assert_eq!(arrival(&only, "/x"), (":443".into(), "a.test".into(), 1));
        let (_, second) = SECURED.rsplit_once("[[site]]").unwrap();
        assert_eq!(arrival(&format!("[[site]]{second}"), "/x").1, "b.test:9443");
    }

    #[test]
    fn what_comes_over_tls_says_so() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("site.toml");
        std::fs::write(&file, SECURED).unwrap();
        let config = load(&file).unwrap().config;
        let ask = |url: &str| {
            let question = Question::new(Method::GET, url.parse().unwrap());
            let connection = Arrival::of(&question, &config, &Router::new([])).connection;
            let name = connection.secured.as_ref().map(|secured| secured.server_name.clone());
            (connection.scheme, name)
        };
        assert_eq!(ask("http://a.test/"), (Scheme::Http, None));
        assert_eq!(ask("https://a.test/"), (Scheme::Https, Some(Some("a.test".into()))));
        assert_eq!(ask("https://127.0.0.1/"), (Scheme::Https, Some(None)));
    }

    #[test]
    fn a_path_comes_in_at_the_default_site_or_else_the_first() {
        let at = |text: &str| arrival(text, "/x");
        assert_eq!(at(SITES), ("127.0.0.2:8080".into(), "127.0.0.2:8080".into(), 1));
        let (named, _) = SITES.rsplit_once("[[site]]").unwrap();
        assert_eq!(at(named), ("127.0.0.1:8080".into(), "a.test:8080".into(), 1));
        let wild = named.replace(", \"a.test\"", "").replace("\"127.0.0.1:8080\", ", "");
        assert_eq!(at(&wild), ("127.0.0.2:8080".into(), "www.a.test:8080".into(), 1));
        let socket = "[[site]]\nlisten = [\"unix:app.sock\"]\nlocation = [{ match = \"/\", respond = {} }]\n";
        assert_eq!(at(socket).1, "localhost");
    }
}
