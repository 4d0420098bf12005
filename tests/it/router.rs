use bytes::Bytes;
use proptest::prelude::*;
use rproxy::http::{Authority, Target};
use rproxy::net::ListenAddr;
use rproxy::router::{Found, LocationPattern, Locations, Router, Site};

/// What a target leads to: the location's pattern and the path, or the status of a refusal.
pub type Case = (&'static str, Result<(&'static str, &'static str), u16>);

/// A site with a catch-all, and overlaps of every kind.
pub const LOCATIONS: &[&str] = &[
    r"~ ^/p/re",
    "/",
    "= /",
    "/p",
    "= /p",
    "/p/",
    "/pq/deep",
    "^~ /final",
    "/final/not",
    r"~ \.php$",
    r"~* \.(gif|jpe?g)$",
    "/docs/",
    "/docs/a/",
    "^~ /docs/a/b/",
    r"~ ^/docs/.*x$",
    "= /docs/exact.php",
    r"~ ^/user/([0-9]+)$",
    r"~ ^/user/(?<name>[a-z]+)$",
    r"~ ^/user/",
    "/a b",
    "/café",
    r"~* ^/CASE$",
    r"~ ^/case$",
    "^~ /static/",
    "/static/sub/",
    "= /static/app.php",
    "/Upper/",
    r"~ ^/bytes/.*end$",
    "/q?m",
    "/dots/..x/",
];

pub const CASES: &[Case] = &[
    // Exact before all.
    ("/", Ok(("= /", "/"))),
    ("/?a=1", Ok(("= /", "/"))),
    ("//", Ok(("= /", "/"))),
    ("/.", Ok(("= /", "/"))),
    ("/x/..", Ok(("= /", "/"))),
    ("/p", Ok(("= /p", "/p"))),
    ("/p?/", Ok(("= /p", "/p"))),
    ("/%70", Ok(("= /p", "/p"))),
    ("/docs/exact.php", Ok(("= /docs/exact.php", "/docs/exact.php"))),
    ("/docs//exact.php", Ok(("= /docs/exact.php", "/docs/exact.php"))),
    ("/docs/x/../exact%2ephp", Ok(("= /docs/exact.php", "/docs/exact.php"))),
    ("/static/app.php", Ok(("= /static/app.php", "/static/app.php"))),
    // Prefixes: the longest, and not by whole segments.
    ("/other", Ok(("/", "/other"))),
    ("/index.html", Ok(("/", "/index.html"))),
    ("/P", Ok(("/", "/P"))),
    ("/p/", Ok(("/p/", "/p/"))),
    ("/p/x", Ok(("/p/", "/p/x"))),
    ("/pq", Ok(("/p", "/pq"))),
    ("/pq/", Ok(("/p", "/pq/"))),
    ("/pq/dee", Ok(("/p", "/pq/dee"))),
    ("/pq/deep", Ok(("/pq/deep", "/pq/deep"))),
    ("/pq/deeper", Ok(("/pq/deep", "/pq/deeper"))),
    ("/pq/deep/er", Ok(("/pq/deep", "/pq/deep/er"))),
    ("/p.txt", Ok(("/p", "/p.txt"))),
    ("/p!", Ok(("/p", "/p!"))),
    ("/p~", Ok(("/p", "/p~"))),
    ("/docs", Ok(("/", "/docs"))),
    ("/docs/", Ok(("/docs/", "/docs/"))),
    ("/docs/a", Ok(("/docs/", "/docs/a"))),
    ("/docs/a/", Ok(("/docs/a/", "/docs/a/"))),
    ("/docs/a/z", Ok(("/docs/a/", "/docs/a/z"))),
    ("/docs/exact", Ok(("/docs/", "/docs/exact"))),
    ("/Upper/x", Ok(("/Upper/", "/Upper/x"))),
    ("/upper/x", Ok(("/", "/upper/x"))),
    ("/static", Ok(("/", "/static"))),
    // `^~` keeps expressions out, if it is the longest.
    ("/final", Ok(("^~ /final", "/final"))),
    ("/final.php", Ok(("^~ /final", "/final.php"))),
    ("/finally/x.gif", Ok(("^~ /final", "/finally/x.gif"))),
    ("/final/not", Ok(("/final/not", "/final/not"))),
    ("/final/not.php", Ok((r"~ \.php$", "/final/not.php"))),
    ("/final/no.php", Ok(("^~ /final", "/final/no.php"))),
    ("/static/app.js", Ok(("^~ /static/", "/static/app.js"))),
    ("/static/x.php", Ok(("^~ /static/", "/static/x.php"))),
    ("/static/sub/x.css", Ok(("/static/sub/", "/static/sub/x.css"))),
    ("/static/sub/x.php", Ok((r"~ \.php$", "/static/sub/x.php"))),
    ("/static/sub", Ok(("^~ /static/", "/static/sub"))),
    ("/docs/a/b/x", Ok(("^~ /docs/a/b/", "/docs/a/b/x"))),
    ("/docs/a/b/c.php", Ok(("^~ /docs/a/b/", "/docs/a/b/c.php"))),
    ("/docs/a/b", Ok(("/docs/a/", "/docs/a/b"))),
    // Expressions: the first of the file.
    ("/p/re", Ok((r"~ ^/p/re", "/p/re"))),
    ("/p/re.php", Ok((r"~ ^/p/re", "/p/re.php"))),
    ("/p/r", Ok(("/p/", "/p/r"))),
    ("/x.php", Ok((r"~ \.php$", "/x.php"))),
    ("/x.PHP", Ok(("/", "/x.PHP"))),
    ("/x.php/", Ok(("/", "/x.php/"))),
    ("/x.php?y", Ok((r"~ \.php$", "/x.php"))),
    ("/x%2Ephp", Ok((r"~ \.php$", "/x.php"))),
    ("/x.php%20", Ok(("/", "/x.php "))),
    ("/p.php", Ok((r"~ \.php$", "/p.php"))),
    ("/x.gif", Ok((r"~* \.(gif|jpe?g)$", "/x.gif"))),
    ("/x.GiF", Ok((r"~* \.(gif|jpe?g)$", "/x.GiF"))),
    ("/docs/x.JPG", Ok((r"~* \.(gif|jpe?g)$", "/docs/x.JPG"))),
    ("/x.jpeg", Ok((r"~* \.(gif|jpe?g)$", "/x.jpeg"))),
    ("/x.jpegs", Ok(("/", "/x.jpegs"))),
    ("/docs/x", Ok((r"~ ^/docs/.*x$", "/docs/x"))),
    ("/docs/a/x", Ok((r"~ ^/docs/.*x$", "/docs/a/x"))),
    ("/user/12", Ok((r"~ ^/user/([0-9]+)$", "/user/12"))),
    ("/user/ab", Ok((r"~ ^/user/(?<name>[a-z]+)$", "/user/ab"))),
    ("/user/AB", Ok((r"~ ^/user/", "/user/AB"))),
    ("/user/1a", Ok((r"~ ^/user/", "/user/1a"))),
    ("/user", Ok(("/", "/user"))),
    ("/case", Ok((r"~* ^/CASE$", "/case"))),
    ("/Case", Ok((r"~* ^/CASE$", "/Case"))),
    ("/cases", Ok(("/", "/cases"))),
    // Decoding, slashes and dots come first.
    ("/a%20b", Ok(("/a b", "/a b"))),
    ("/a%20bc/d", Ok(("/a b", "/a bc/d"))),
    ("/caf%C3%A9/x", Ok(("/café", "/café/x"))),
    ("/caf%c3%a9.php", Ok((r"~ \.php$", "/café.php"))),
    ("/CAF%C3%89", Ok(("/", "/CAFÉ"))),
    ("/docs%2Fa%2fz", Ok(("/docs/a/", "/docs/a/z"))),
    ("/docs/%2e%2e/p/r", Ok(("/p/", "/p/r"))),
    ("/docs/..%2fp/r", Ok(("/p/", "/p/r"))),
    ("/docs/a/../../p/./r", Ok(("/p/", "/p/r"))),
    ("//docs///a//z", Ok(("/docs/a/", "/docs/a/z"))),
    ("/docs//../p", Ok(("= /p", "/p"))),
    ("/final/../x", Ok(("/", "/x"))),
    ("/docs/a/..", Ok(("/docs/", "/docs/"))),
    ("/docs/a/.", Ok(("/docs/a/", "/docs/a/"))),
    ("/docs/a/...", Ok(("/docs/a/", "/docs/a/..."))),
    ("/dots/..x/y", Ok(("/dots/..x/", "/dots/..x/y"))),
    ("/dots/..x", Ok(("/", "/dots/..x"))),
    ("/q%3Fm/x", Ok(("/q?m", "/q?m/x"))),
    ("/q?m", Ok(("/", "/q"))),
    ("/%2570", Ok(("/", "/%70"))),
    ("/%23", Ok(("/", "/#"))),
    (r"/docs\a", Ok(("/", r"/docs\a"))),
    ("/docs/a;b/z", Ok(("/docs/", "/docs/a;b/z"))),
    ("/docs/a+b", Ok(("/docs/", "/docs/a+b"))),
    ("/.well-known/x", Ok(("/", "/.well-known/x"))),
    // Refused.
    ("/..", Err(400)),
    ("/../p", Err(400)),
    ("/p/../../x", Err(400)),
    ("/%2e%2e/p", Err(400)),
    ("/p%00", Err(400)),
    ("/p%zz", Err(400)),
    ("/p%2", Err(400)),
];

/// A site without a catch-all.
pub const SPARSE: &[&str] = &["/only/", "= /exact", r"~ \.txt$", "@name", "/only/one"];

pub const SPARSE_CASES: &[Case] = &[
    ("/", Err(404)),
    ("/only", Err(404)),
    ("/only/", Ok(("/only/", "/only/"))),
    ("/only/on", Ok(("/only/", "/only/on"))),
    ("/only/one", Ok(("/only/one", "/only/one"))),
    ("/only/z", Ok(("/only/", "/only/z"))),
    ("/onlz", Err(404)),
    ("/exact", Ok(("= /exact", "/exact"))),
    ("/exact/", Err(404)),
    ("/exac", Err(404)),
    ("/x.txt", Ok((r"~ \.txt$", "/x.txt"))),
    ("/only/x.txt", Ok((r"~ \.txt$", "/only/x.txt"))),
    ("/@name", Err(404)),
    ("/name", Err(404)),
    ("/zzz", Err(404)),
];

/// The `hosts` of each site of one listener; none has an empty list.
pub const HOSTS: &[&[&str]] = &[
    &["*.org", "example.net"],
    &["example.com", "www.example.com"],
    &["*.example.com"],
    &["*.a.example.com", "www.*"],
    &["www.example.*", "mail.*"],
    &["example.org", "xn--caf-dma.fr"],
    &["example.*"],
    &["127.0.0.1", "localhost"],
];

/// The place in `HOSTS` of the site that answers.
pub const HOST_CASES: &[(&str, Option<usize>)] = &[
    ("example.com", Some(1)),
    ("EXAMPLE.Com", Some(1)),
    ("example.com.", Some(1)),
    ("example.com:8080", Some(1)),
    ("www.example.com", Some(1)),
    ("www.example.com.:80", Some(1)),
    ("x.example.com", Some(2)),
    ("x.y.example.com", Some(2)),
    ("a.example.com", Some(2)),
    ("b.a.example.com", Some(3)),
    ("c.b.a.example.com", Some(3)),
    ("www.a.example.com", Some(3)),
    ("xexample.com", None),
    ("example.org", Some(5)),
    ("www.example.org", Some(0)),
    ("www.example.de", Some(4)),
    ("www.example.co.uk", Some(4)),
    ("www.other.de", Some(3)),
    ("www.de", Some(3)),
    ("www", None),
    ("mail.example.de", Some(4)),
    ("mail.example.com", Some(2)),
    ("example.de", Some(6)),
    ("example.co.uk", Some(6)),
    ("example.net", Some(0)),
    ("example", None),
    ("org", None),
    ("x.org", Some(0)),
    ("127.0.0.1", Some(7)),
    ("127.0.0.2", None),
    ("localhost:9", Some(7)),
    ("xn--caf-dma.fr", Some(5)),
    ("unknown", None),
];

fn site(patterns: &[impl AsRef<str>]) -> Locations<String> {
    let parsed = patterns.iter().map(|text| text.as_ref().parse::<LocationPattern>().expect("a pattern"));
    Locations::new(parsed.map(|pattern| (pattern.clone(), pattern.to_string())).collect())
}

fn decide(site: &Locations<String>, target: &str) -> Result<(String, String), u16> {
    let target =
        Target::parse(Bytes::copy_from_slice(target.as_bytes())).map_err(|fault| fault.status().as_u16())?;
    let found = site.find(&target.path).ok_or(404_u16)?;
    Ok((found.target.clone(), String::from_utf8_lossy(&target.path).into_owned()))
}

pub fn owned(expected: Result<(&str, &str), u16>) -> Result<(String, String), u16> {
    expected.map(|(label, path)| (label.to_owned(), path.to_owned()))
}

#[test]
fn locations_are_chosen_as_the_table_says() {
    for (patterns, cases) in [(LOCATIONS, CASES), (SPARSE, SPARSE_CASES)] {
        let site = site(patterns);
        for (target, expected) in cases {
            assert_eq!(decide(&site, target), owned(*expected), "{target}");
        }
    }
}

#[test]
fn the_table_reaches_every_location() {
    let reached = |pattern: &&&str| {
        CASES.iter().any(|(_, expected)| matches!(expected, Ok((label, _)) if label == *pattern))
    };
    let missed: Vec<_> = LOCATIONS.iter().filter(|pattern| !reached(pattern)).collect();
    // One stands behind its case-insensitive twin; the other is for bytes that a table of text cannot hold.
    assert_eq!(missed, [&r"~ ^/case$", &r"~ ^/bytes/.*end$"]);
}

#[test]
fn an_expression_matches_bytes_that_are_no_text() {
    let site = site(LOCATIONS);
    let found = site.find(&Bytes::from_static(b"/bytes/\xff\xfeend"));
    assert_eq!(found.map(|found| found.target.as_str()), Some(r"~ ^/bytes/.*end$"));
}

#[test]
fn a_match_tells_what_it_stands_for() {
    let site = site(LOCATIONS);
    let find = |path: &'static str| site.find(&Bytes::from_static(path.as_bytes())).unwrap();
    assert_eq!((find("/static/app.js").matched, find("/p").matched, find("/x").matched), (8, 2, 1));
    let Found { matched, captures, .. } = find("/user/ab");
    assert_eq!((matched, captures.named("name").unwrap().as_ref()), (0, &b"ab"[..]));
    assert_eq!(find("/user/12").captures.get(1).unwrap(), "12");
}

#[test]
fn named_locations_are_found_by_place_only() {
    let site = site(SPARSE);
    assert_eq!(site.get(3).map(String::as_str), Some("@name"));
    assert!(site.get(5).is_none());
}

fn listen(text: &str) -> ListenAddr {
    text.parse().unwrap()
}

fn hosts(listener: &str, hosts: &[&str]) -> Site<()> {
    let hosts = hosts.iter().map(|host| host.parse().unwrap()).collect();
    Site { listen: vec![listen(listener)], hosts, locations: Vec::new() }
}

#[test]
fn sites_are_chosen_as_the_table_says() {
    let router = Router::new(HOSTS.iter().map(|names| hosts(":80", names)));
    for (host, expected) in HOST_CASES {
        let authority = Authority::parse(&Bytes::from_static(host.as_bytes())).unwrap();
        assert_eq!(router.site(&listen(":80"), &authority.host), *expected, "{host}");
    }
}

#[test]
fn a_default_takes_what_no_other_site_of_its_listener_does() {
    let sites = [hosts(":80", &["a"]), hosts(":80", &[]), hosts(":80", &[]), hosts(":81", &["b"])];
    let router = Router::new(sites);
    assert_eq!(router.site(&listen(":80"), b"a"), Some(0));
    assert_eq!(router.site(&listen(":80"), b"b"), Some(1));
    assert_eq!(router.site(&listen(":80"), b""), Some(1));
    assert_eq!(router.site(&listen(":81"), b"b"), Some(3));
    assert_eq!(router.site(&listen(":81"), b"a"), None);
    assert_eq!(router.site(&listen(":82"), b"a"), None);
}

#[test]
fn many_hosts_are_matched_like_one() {
    let many = (0..200).map(|n| format!("h{n}.example")).collect::<Vec<_>>();
    let router = Router::new(many.iter().map(|name| hosts(":80", &[name])));
    for (index, name) in many.iter().enumerate() {
        assert_eq!(router.site(&listen(":80"), name.as_bytes()), Some(index));
        assert_eq!(router.site(&listen(":80"), format!("x{name}").as_bytes()), None);
    }
}

/// nginx's rules, word for word, one location after the other.
fn model(patterns: &[LocationPattern], path: &[u8]) -> Option<usize> {
    let mut longest: Option<(usize, &LocationPattern)> = None;
    for (index, pattern) in patterns.iter().enumerate() {
        match pattern {
            LocationPattern::Exact(exact) if exact.as_bytes() == path => return Some(index),
            LocationPattern::Prefix(prefix) | LocationPattern::PrefixFinal(prefix)
                if path.starts_with(prefix.as_bytes()) =>
            {
                let length = |pattern: &LocationPattern| pattern.path().map_or(0, str::len);
                if longest.is_none_or(|(_, best)| length(pattern) > length(best)) {
                    longest = Some((index, pattern));
                }
            }
            _ => {}
        }
    }
    if !matches!(longest, Some((_, LocationPattern::PrefixFinal(_)))) {
        let matches = |pattern: &LocationPattern| pattern.regex().is_some_and(|regex| regex.is_match(path));
        if let Some(index) = patterns.iter().position(matches) {
            return Some(index);
        }
    }
    longest.map(|(index, _)| index)
}

proptest! {
    #[test]
    fn a_plain_model_agrees(
        patterns in prop::collection::vec(("(= |\\^~ |~ |~\\* |)", "/[ab/.]{0,5}"), 0..24),
        paths in prop::collection::vec("/[abB/.]{0,7}", 1..24),
    ) {
        let texts: Vec<String> = patterns.iter().map(|(modifier, path)| format!("{modifier}{path}")).collect();
        let parsed: Vec<LocationPattern> = texts.iter().map(|text| text.parse().unwrap()).collect();
        let mut seen = std::collections::HashSet::new();
        let unique: Vec<_> = parsed.into_iter().filter(|pattern| seen.insert(pattern.identity())).collect();
        let site = Locations::new(unique.iter().cloned().map(|pattern| (pattern, ())).collect());
        for path in paths {
            let path = Bytes::from(path);
            prop_assert_eq!(site.find(&path).map(|found| found.index), model(&unique, &path), "{:?}", path);
        }
    }
}
