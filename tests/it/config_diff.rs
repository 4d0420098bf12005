//! `rproxy diff`: what another configuration changes, in the words of the file, and what is no change.

use std::fs;
use std::path::Path;
use std::process::Command;

use proptest::prelude::*;
use rproxy::config::{Config, diff, load, print};

/// A file that each golden test changes in one place.
const BASE: &str = r#"
[[site]]
listen = ["127.0.0.1:8080"]
hosts = ["example.com", "www.example.com"]

[[site.location]]
match = "/static/"
files = "static"
cache_control = "no-cache"

[[site.location]]
match = '~ \.php$'
respond = { status = 404 }

[[site.location]]
match = '~ ^/old/'
redirect = { to = "/new" }

[[site.location]]
match = "/"
proxy = "app"

[[site]]
listen = ["127.0.0.1:8080"]

[[site.location]]
match = "/"
proxy = "http://127.0.0.1:8009"

[upstream.app]
servers = ["127.0.0.1:8001", "unix:app.sock"]
"#;

fn config(folder: &Path, text: &str) -> Config {
    let file = folder.join("site.toml");
    fs::write(&file, text).unwrap();
    load(&file).unwrap_or_else(|report| panic!("{report}\n{text}")).config
}

/// The lines of the change from one text to the other, with `HERE` for the files' directory.
fn told(old: &str, new: &str) -> Vec<String> {
    let folder = tempfile::tempdir().unwrap();
    let diff = diff(&config(folder.path(), old), &config(folder.path(), new));
    diff.lines().map(|line| line.replace(folder.path().to_str().unwrap(), "HERE")).collect()
}

/// Those of [`BASE`] with `from` replaced.
#[track_caller]
fn change(from: &str, to: &str) -> Vec<String> {
    assert!(BASE.contains(from), "{from}");
    told(BASE, &BASE.replace(from, to))
}

#[test]
fn a_setting_of_a_location_is_told_with_its_site() {
    assert_eq!(
        change("\"no-cache\"", "\"public\""),
        [r#"~ location /static/ (site example.com): cache_control "no-cache" -> "public""#]
    );
    assert_eq!(
        change("cache_control = \"no-cache\"", "try = [\"$uri\", \"=404\"]"),
        [
            r#"~ location /static/ (site example.com): try ["$uri", "=404"] added"#,
            r#"~ location /static/ (site example.com): cache_control "no-cache" removed"#
        ]
    );
    assert_eq!(
        change("files = \"static\"", "files = \"assets\""),
        [r#"~ location /static/ (site example.com): files "HERE/static" -> "HERE/assets""#]
    );
}

#[test]
fn a_modifier_is_told_of_the_location_that_has_it() {
    assert_eq!(
        change("\"/static/\"", "\"^~ /static/\""),
        [r#"~ location ^~ /static/ (site example.com): match "/static/" -> "^~ /static/""#]
    );
}

#[test]
fn another_action_is_told_whole() {
    assert_eq!(
        change("proxy = \"http://127.0.0.1:8009\"", "proxy = \"http://127.0.0.1:8010\""),
        [
            r#"~ location / (site on 127.0.0.1:8080): proxy "http://127.0.0.1:8009" -> "http://127.0.0.1:8010""#
        ]
    );
    assert_eq!(
        change("respond = { status = 404 }", "proxy = \"app\""),
        [concat!(
            r#"~ location ~ \.php$ (site example.com): respond { status = 404, body = "", type = "text/plain; charset=utf-8" }"#,
            r#" -> proxy "app" (buffer_request true, buffer_response true, accel true)"#
        )]
    );
}

#[test]
fn locations_come_and_go() {
    let more = "[[site.location]]\nmatch = \"= /ping\"\nrespond = { status = 204 }\n\n[upstream.app]";
    let expected = r#"+ location = /ping (site on 127.0.0.1:8080): respond { status = 204, body = "", type = "text/plain; charset=utf-8" }"#;
    assert_eq!(change("[upstream.app]", more), [expected]);
    let with = BASE.replace("[upstream.app]", more);
    assert_eq!(told(&with, BASE), ["- location = /ping (site on 127.0.0.1:8080)"]);
}

#[test]
fn regular_expressions_are_tried_in_their_order() {
    let (php, old) = (r"~ \.php$", "~ ^/old/");
    let swapped = BASE.replace(php, "A").replace(old, php).replace('A', old);
    let actions = swapped
        .replace("respond = { status = 404 }", "B")
        .replace("redirect = { to = \"/new\" }", "respond = { status = 404 }");
    let swapped = actions.replace('B', "redirect = { to = \"/new\" }");
    assert_eq!(
        told(BASE, &swapped),
        [format!("~ location {old} (site example.com): now tried before {php}")]
    );
}

#[test]
fn a_location_moved_behind_all_others_is_told_so() {
    let site = |order: [&str; 3]| {
        let locations = order.map(|one| format!("[[site.location]]\nmatch = \"~ {one}\"\nrespond = {{}}\n"));
        format!("[[site]]\nlisten = [\":8080\"]\n{}", locations.concat())
    };
    assert_eq!(
        told(&site(["a", "b", "c"]), &site(["b", "c", "a"])),
        ["~ location ~ a (site on :8080): now tried last"]
    );
}

#[test]
fn servers_of_an_upstream_are_told_by_their_address() {
    let servers = "[\"127.0.0.1:8001\", \"unix:app.sock\"]";
    assert_eq!(
        change(servers, "[\"unix:app.sock\", { address = \"127.0.0.1:8002\", weight = 2 }]"),
        [
            "~ upstream app: server 127.0.0.1:8002 (weight 2) added",
            "~ upstream app: server 127.0.0.1:8001 removed"
        ]
    );
    assert_eq!(
        change(servers, "[\"127.0.0.1:8001\", { address = \"unix:app.sock\", weight = 2, backup = true }]"),
        [
            "~ upstream app: server unix:HERE/app.sock weight 1 -> 2",
            "~ upstream app: server unix:HERE/app.sock backup false -> true"
        ]
    );
}

#[test]
fn upstreams_come_and_go() {
    let more = format!("{BASE}[upstream.new]\nservers = [\"127.0.0.1:1\", \"127.0.0.1:2\"]\n");
    assert_eq!(told(BASE, &more), ["+ upstream new: servers 127.0.0.1:1 and 127.0.0.1:2"]);
    assert_eq!(told(&more, BASE), ["- upstream new"]);
}

#[test]
fn tables_within_a_setting_are_told_by_their_keys() {
    let with = |retry: &str| format!("{BASE}retry = {retry}\n");
    assert_eq!(
        told(
            &with("{ on = [\"connect\", \"503\"] }"),
            &with("{ on = [\"connect\", \"closed\"], attempts = 2 }")
        ),
        [
            "~ upstream app: retry.attempts 3 -> 2",
            r#"~ upstream app: retry.on "closed" added"#,
            r#"~ upstream app: retry.on "503" removed"#
        ]
    );
}

#[test]
fn a_secret_does_not_reach_the_log() {
    let with = |secret: &str| format!("{BASE}balance = {{ cookie = \"route\", secret = \"{secret}\" }}\n");
    assert_eq!(
        told(&with("nobody guesses this"), &with("nor will they that")),
        ["~ upstream app: balance.secret changed"]
    );
    let gained = told(BASE, &with("nobody guesses this"));
    assert_eq!(gained, [r#"~ upstream app: balance "round_robin" -> { cookie = "route", secret = "…" }"#]);
}

#[test]
fn sites_and_listeners_come_and_go() {
    let more = BASE.replace(
        "[upstream.app]",
        "[[site]]\nlisten = [\"127.0.0.1:8081\"]\nhosts = [\"b.example\"]\n[[site.location]]\nmatch = \"/\"\nrespond = {}\n\n[upstream.app]",
    );
    assert_eq!(
        told(BASE, &more),
        ["+ listener 127.0.0.1:8081", "+ site b.example on 127.0.0.1:8081 with 1 location"]
    );
    assert_eq!(
        told(&more, BASE),
        ["- listener 127.0.0.1:8081", "- site b.example on 127.0.0.1:8081 with 1 location"]
    );
}

#[test]
fn a_site_with_another_host_is_still_that_site() {
    assert_eq!(
        change("\"www.example.com\"", "\"example.net\""),
        [
            r#"~ site example.com: hosts "example.net" added"#,
            r#"~ site example.com: hosts "www.example.com" removed"#
        ]
    );
}

#[test]
fn two_sites_of_one_host_are_told_apart_by_their_listeners() {
    let site = |listen: &str, status: u16| {
        format!(
            "[[site]]\nlisten = [\"{listen}\"]\nhosts = [\"a.example\"]\n[[site.location]]\nmatch = \"/\"\nrespond = {{ status = {status} }}\n"
        )
    };
    let old = site(":8080", 200) + &site(":8443", 200);
    assert_eq!(
        told(&old, &(site(":8443", 404) + &site(":8080", 200))),
        ["~ location / (site a.example on :8443): respond.status 200 -> 404"]
    );
}

#[test]
fn the_only_site_may_move() {
    let site = |listen: &str| {
        format!("[[site]]\nlisten = [\"{listen}\"]\n[[site.location]]\nmatch = \"/\"\nrespond = {{}}\n")
    };
    assert_eq!(
        told(&site(":8080"), &site(":8081")),
        [
            "+ listener :8081",
            "- listener :8080",
            r#"~ site on :8081: listen ":8081" added"#,
            r#"~ site on :8081: listen ":8080" removed"#
        ]
    );
}

#[test]
fn what_changes_everywhere_is_told_once() {
    assert_eq!(
        told(BASE, &format!("[timeouts]\nbody = \"30s\"\n{BASE}")),
        [r#"~ every site: timeouts.body "60s" -> "30s""#]
    );
    assert_eq!(
        change("hosts = [\"example.com\"", "max_body = 0\nhosts = [\"example.com\""),
        [r#"~ site example.com: max_body "256MiB" -> 0"#]
    );
}

#[test]
fn tables_of_the_process_are_told_by_their_header() {
    assert_eq!(
        told(
            BASE,
            &format!("[server]\ntrusted_proxies = [\"10.0.0.0/8\"]\n[log]\nlevel = \"debug\"\n{BASE}")
        ),
        [r#"~ [server]: trusted_proxies "10.0.0.0/8" added"#, r#"~ [log]: level "info" -> "debug""#]
    );
}

#[test]
fn comments_defaults_and_includes_change_nothing() {
    let (sites, upstream) = BASE.split_at(BASE.find("[upstream.app]").unwrap());
    let folder = tempfile::tempdir().unwrap();
    let old = config(folder.path(), BASE);
    fs::write(folder.path().join("pools.toml"), format!("# moved\n{upstream}keep_alive = {{ idle = 32 }}\n"))
        .unwrap();
    let new = config(folder.path(), &format!("include = [\"pools.toml\"]\n\n[log]\nlevel = 'info'\n{sites}"));
    assert!(diff(&old, &new).is_empty(), "{}", diff(&old, &new));
}

fn rproxy(folder: &Path, arguments: &[&str]) -> (Option<i32>, String, String) {
    let output =
        Command::new(env!("CARGO_BIN_EXE_rproxy")).args(arguments).current_dir(folder).output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (output.status.code(), text(output.stdout), text(output.stderr))
}

#[test]
fn the_command_prints_the_changes() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("site.toml"), BASE).unwrap();
    let new = BASE.replace("\"no-cache\"", "\"public\"").replace("\"127.0.0.1:8001\", ", "");
    fs::write(folder.path().join("new.toml"), new).unwrap();
    let (code, out, err) = rproxy(folder.path(), &["diff", "new.toml", "-c", "site.toml"]);
    assert_eq!((code, &*err), (Some(0), ""));
    // The upstream's only server is not checked: that follows, and is told.
    let expected = r#"~ location /static/ (site example.com): cache_control "no-cache" -> "public"
~ upstream app: server 127.0.0.1:8001 removed
~ upstream app: health { interval = "5s", timeout = "2s", rise = 2, fall = 3 } -> false
"#;
    assert_eq!(out, expected);
}

#[test]
fn the_command_says_when_nothing_changes() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("site.toml"), BASE).unwrap();
    fs::write(folder.path().join("new.toml"), format!("# the same\n{BASE}")).unwrap();
    let (code, out, err) = rproxy(folder.path(), &["diff", "new.toml", "-c", "site.toml"]);
    assert_eq!((code, &*out, &*err), (Some(0), "no change\n", ""));
}

/// As a checkout beside the directory that is served, or one that a pipeline has made.
#[test]
fn a_file_elsewhere_is_read_as_if_it_lay_in_place() {
    let folder = tempfile::tempdir().unwrap();
    for directory in ["live", "checkout/deep"] {
        let directory = folder.path().join(directory);
        fs::create_dir_all(&directory).unwrap();
        let (sites, upstream) = BASE.split_at(BASE.find("[upstream.app]").unwrap());
        fs::write(directory.join("site.toml"), format!("include = [\"pools.toml\"]\n{sites}")).unwrap();
        fs::write(directory.join("pools.toml"), upstream).unwrap();
    }
    let arguments = ["diff", "checkout/deep/site.toml", "-c", "live/site.toml"];
    let (code, out, _) = rproxy(folder.path(), &arguments);
    assert_eq!((code, &*out), (Some(0), "no change\n"));
    let file = folder.path().join("checkout/deep/pools.toml");
    fs::write(&file, fs::read_to_string(&file).unwrap().replace("app.sock", "other.sock")).unwrap();
    let (_, out, _) = rproxy(folder.path(), &arguments);
    let live = folder.path().join("live");
    assert!(out.contains(&format!("server unix:{}/other.sock added", live.display())), "{out}");
    assert!(!out.contains("checkout"), "{out}");
}

#[test]
fn bad_files_are_reported_both() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("site.toml"), BASE.replace("cache_control", "cache_contrl")).unwrap();
    fs::write(folder.path().join("new.toml"), BASE.replace("listen", "lisen")).unwrap();
    let (code, out, err) = rproxy(folder.path(), &["diff", "new.toml", "-c", "site.toml"]);
    assert_eq!((code, &*out), (Some(1), ""));
    for expected in ["site.toml:9:1", "`cache_contrl`", "new.toml:3:1", "`lisen`"] {
        assert!(err.contains(expected), "no {expected} in:\n{err}");
    }
}

/// A configuration by its parts, for which equality is known.
#[derive(Clone, Debug, PartialEq)]
struct Plan {
    level: &'static str,
    /// By host; each with its locations by path.
    sites: Vec<(u8, Vec<(u8, u8)>)>,
    /// By name; each with its servers by port.
    upstreams: Vec<(u8, Vec<(u8, u8)>)>,
}

/// How it is written down, which says nothing.
#[derive(Clone, Debug)]
struct Style {
    defaults: bool,
    comments: bool,
    include: bool,
    /// Numbers to order parts by.
    order: Vec<u8>,
}

fn plan() -> impl Strategy<Value = Plan> {
    let below = |keys| prop::collection::btree_map(0..keys, 0_u8..3, 1..4);
    let tables = |most| prop::collection::btree_map(0_u8..4, below(4_u8), 1..most);
    let flat = |tables: std::collections::BTreeMap<u8, std::collections::BTreeMap<u8, u8>>| {
        tables.into_iter().map(|(name, below)| (name, below.into_iter().collect())).collect()
    };
    (prop::sample::select(vec!["info", "debug"]), tables(4), tables(3)).prop_map(
        move |(level, sites, upstreams)| Plan { level, sites: flat(sites), upstreams: flat(upstreams) },
    )
}

fn style() -> impl Strategy<Value = Style> {
    let order = prop::collection::vec(any::<u8>(), 16);
    (any::<bool>(), any::<bool>(), any::<bool>(), order)
        .prop_map(|(defaults, comments, include, order)| Style { defaults, comments, include, order })
}

impl Style {
    fn shuffled<T: Clone>(&self, parts: &[T]) -> Vec<T> {
        let mut parts: Vec<(u8, T)> = self.order.iter().cycle().copied().zip(parts.iter().cloned()).collect();
        parts.sort_by_key(|(order, _)| *order);
        parts.into_iter().map(|(_, part)| part).collect()
    }

    fn comment(&self, text: String) -> String {
        if self.comments { format!("# a comment\n\n{text}   # another\n") } else { text + "\n" }
    }
}

/// Writes the plan down and loads it.
fn written(plan: &Plan, style: &Style, folder: &Path) -> Config {
    let site = |(host, locations): &(u8, Vec<(u8, u8)>)| {
        let locations = style.shuffled(locations).into_iter().map(|(path, value)| {
            let default = if style.defaults { "nosniff = false\nmax_body = \"262144KiB\"\n" } else { "" };
            style.comment(format!(
                "[[site.location]]\nmatch = \"/{path}\"\nrespond = {{ body = \"{value}\" }}\n{default}"
            ))
        });
        style.comment(format!("[[site]]\nhosts = [\"host{host}\"]\nlisten = [\"127.0.0.1:8080\"]"))
            + &locations.collect::<String>()
    };
    let upstream = |(name, servers): &(u8, Vec<(u8, u8)>)| {
        let servers =
            style.shuffled(servers).into_iter().map(|(port, extra)| match (extra, style.defaults) {
                (0, false) => format!("\"127.0.0.1:80{port}0\""),
                _ => format!("{{ address = \"127.0.0.1:80{port}0\", weight = {} }}", extra + 1),
            });
        let default = if style.defaults { "balance = \"round_robin\"\n" } else { "" };
        let servers = servers.collect::<Vec<_>>().join(", ");
        style.comment(format!("[upstream.u{name}]\nservers = [{servers}]\n{default}"))
    };
    let sites = style.shuffled(&plan.sites).iter().map(site).collect::<Vec<_>>();
    let upstreams = style.shuffled(&plan.upstreams).iter().map(upstream).collect::<Vec<_>>();
    let parts = style.shuffled(&[sites, upstreams].concat());
    let log = format!("[log]\nlevel = \"{}\"\n", plan.level);
    if !style.include {
        return config(folder, &(log + &parts.concat()));
    }
    let included = folder.join("parts");
    let _ = fs::remove_dir_all(&included);
    fs::create_dir(&included).unwrap();
    for (index, part) in parts.iter().enumerate() {
        fs::write(included.join(format!("{}.toml", style.order[index % 16] as usize * 100 + index)), part)
            .unwrap();
    }
    config(folder, &format!("include = [\"parts/*.toml\"]\n{log}"))
}

/// What is printed, with its lists in an order of their own.
fn sorted(config: &Config) -> String {
    let mut printed = toml::from_str(&print(config)).unwrap();
    sort(&mut printed);
    printed.to_string()
}

fn sort(value: &mut toml::Value) {
    match value {
        toml::Value::Table(table) => table.iter_mut().for_each(|(_, value)| sort(value)),
        toml::Value::Array(list) => {
            list.iter_mut().for_each(sort);
            list.sort_by_key(ToString::to_string);
        }
        _ => {}
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn how_a_file_is_written_changes_nothing(plan in plan(), first in style(), second in style()) {
        let folder = tempfile::tempdir().unwrap();
        let (old, new) = (written(&plan, &first, folder.path()), written(&plan, &second, folder.path()));
        prop_assert_eq!(diff(&old, &new).to_string(), "no change");
    }

    #[test]
    fn nothing_changes_exactly_where_the_same_is_printed(
        (a, b) in (plan(), plan(), any::<bool>()).prop_map(|(a, b, same)| (a.clone(), if same { a } else { b })),
        styles in (style(), style())
    ) {
        let folder = tempfile::tempdir().unwrap();
        let (old, new) = (written(&a, &styles.0, folder.path()), written(&b, &styles.1, folder.path()));
        prop_assert!(diff(&old, &old).is_empty() && diff(&new, &new).is_empty());
        prop_assert_eq!(diff(&old, &new).is_empty(), a == b, "{}", diff(&old, &new));
        prop_assert_eq!(diff(&old, &new).is_empty(), sorted(&old) == sorted(&new));
        // Whatever comes one way goes the other.
        let signs = |diff: rproxy::config::Diff, sign: char| diff.lines().filter(|line| line.starts_with(sign)).count();
        prop_assert_eq!(signs(diff(&old, &new), '+'), signs(diff(&new, &old), '-'));
        prop_assert_eq!(signs(diff(&old, &new), '~'), signs(diff(&new, &old), '~'));
    }
}
