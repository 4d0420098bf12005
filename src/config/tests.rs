use std::fs;
use std::path::Path;
use std::time::Duration;

use super::model::{Action, Config, ErrorPage, Fallback};
use super::{Loaded, load};
use crate::net::UpstreamAddr;

const SITE: &str = "[[site]]\nlisten = [\"127.0.0.1:8080\"]\n";

/// Loads `site.toml` of a folder with these files.
fn load_files(files: &[(&str, &str)]) -> (tempfile::TempDir, Loaded) {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in files {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    let loaded = load(&folder.path().join("site.toml")).unwrap_or_else(|report| panic!("{report}"));
    (folder, loaded)
}

fn load_text(text: &str) -> Config {
    load_files(&[("site.toml", text)]).1.config
}

fn with_location(keys: &str) -> Config {
    load_text(&format!("{SITE}[[site.location]]\n{keys}"))
}

#[test]
fn paths_are_relative_to_the_file_that_names_them() {
    let part = format!(
        "{SITE}errors = {{ \"404\" = \"404.html\" }}\n[[site.location]]\nmatch = \"/\"\nfiles = \"static\"\n\
         [[site.location]]\nmatch = \"/app\"\nproxy = \"app\"\n[upstream.app]\nservers = [\"unix:app.sock\"]\n\
         process.command = [\"./run\", \"{{socket}}\"]\n"
    );
    let (folder, loaded) =
        load_files(&[("site.toml", "include = [\"sites/*.toml\"]"), ("sites/a.toml", &part)]);
    let sites = folder.path().join("sites");
    let config = loaded.config;
    assert_eq!(config.sources, [folder.path().join("site.toml"), sites.join("a.toml")]);
    let site = &config.sites[0];
    assert_eq!(site.errors.exact[&404], ErrorPage::File(sites.join("404.html")));
    assert!(
        matches!(&site.locations[0].action, Action::Files(files) if files.directory.base == sites.join("static"))
    );
    let upstream = &config.upstreams[0];
    assert_eq!(upstream.servers[0].address, UpstreamAddr::Unix(sites.join("app.sock")));
    let process = upstream.process.as_ref().unwrap();
    assert_eq!(process.directory, sites);
    // The socket is each generation's own, and filled in at its start.
    let words: Vec<_> = process.command.iter().map(Path::new).collect();
    assert_eq!(words, [&*sites.join("run"), Path::new("{socket}")]);
}

#[test]
fn a_file_that_two_patterns_match_is_read_once() {
    let site = format!("{SITE}[[site.location]]\nmatch = \"/\"\nrespond = {{}}\n");
    let main = "include = [\"sites/*.toml\", \"sites/a.toml\", \"./sites/../sites/a.toml\"]";
    let (_folder, loaded) = load_files(&[("site.toml", main), ("sites/a.toml", &site)]);
    assert_eq!(loaded.config.sites.len(), 1);
    assert!(loaded.warnings.is_empty());
}

#[test]
fn a_pattern_may_match_nothing() {
    let site =
        format!("include = [\"none/*.toml\"]\n{SITE}[[site.location]]\nmatch = \"/\"\nrespond = {{}}\n");
    assert_eq!(load_text(&site).sources.len(), 1);
}

#[test]
fn included_files_may_include_others_and_share_upstreams() {
    let site = format!("{SITE}[[site.location]]\nmatch = \"/\"\nproxy = \"app\"\n");
    let (_folder, loaded) = load_files(&[
        ("site.toml", &format!("include = [\"a/a.toml\"]\n{site}")),
        ("a/a.toml", "include = [\"b/*.toml\"]"),
        ("a/b/b.toml", "[upstream.app]\nservers = [\"127.0.0.1:1\"]"),
    ]);
    assert_eq!(loaded.config.upstreams.len(), 1);
    assert_eq!(loaded.config.sources.len(), 3);
}

#[test]
fn the_innermost_timeout_and_limit_hold() {
    let config = load_text(
        "[timeouts]\nbody = \"1s\"\nsend = \"1s\"\nkeep_alive = \"1s\"\n[[site]]\nlisten = [\":80\"]\nmax_body = 0\n\
         timeouts = { body = \"2s\", send = \"2s\" }\n[[site.location]]\nmatch = \"/\"\nrespond = {}\n\
         max_body = 5\ntimeouts = { body = \"3s\" }\n[[site.location]]\nmatch = \"/a\"\nrespond = {}\n",
    );
    let site = &config.sites[0];
    let [first, second] = &site.locations[..] else { panic!("two locations were written") };
    let seconds = |timeouts: super::model::Timeouts| {
        [timeouts.header, timeouts.body, timeouts.keep_alive, timeouts.send].map(|one| one.as_secs())
    };
    assert_eq!(seconds(site.timeouts), [15, 2, 1, 2]);
    assert_eq!(seconds(first.timeouts), [15, 3, 1, 2]);
    assert_eq!(seconds(second.timeouts), [15, 2, 1, 2]);
    assert_eq!((site.max_body, first.max_body, second.max_body), (None, Some(5), None));
}

#[test]
fn equal_addresses_share_an_upstream() {
    let config = load_text(&format!(
        "{SITE}[[site.location]]\nmatch = \"/a\"\nproxy = \"http://App\"\n[[site.location]]\nmatch = \"/b\"\n\
         proxy = \"http://app:80\"\n[[site.location]]\nmatch = \"/c\"\nproxy = \"http://[::1]\"\n"
    ));
    let names: Vec<&str> = config.upstreams.iter().map(|upstream| upstream.name.as_str()).collect();
    assert_eq!(names, ["http://app:80", "http://[::1]:80"]);
    assert_eq!(config.upstreams[0].timeouts.read, Duration::from_secs(65));
}

#[test]
fn only_a_prefix_is_stripped() {
    for (pattern, kept) in [("/a/", false), ("= /a", false), ("^~ /a/", false), ("~ a", true), ("~* a", true)]
    {
        let config = with_location(&format!("match = \"{pattern}\"\nfiles = \"x\"\n"));
        let Action::Files(files) = &config.sites[0].locations[0].action else { panic!("files were written") };
        assert_eq!(files.keep_prefix, kept, "{pattern}");
    }
}

#[test]
fn a_name_in_try_is_the_index_of_its_location() {
    let config = with_location(
        "match = \"/\"\nfiles = \"x\"\ntry = [\"$uri\", \"$uri/\", \"@b\"]\n[[site.location]]\nmatch = \"@a\"\n\
         respond = {}\n[[site.location]]\nmatch = \"@b\"\nrespond = {}\n",
    );
    let Action::Files(files) = &config.sites[0].locations[0].action else { panic!("files were written") };
    let attempts = files.r#try.as_ref().unwrap();
    assert!(matches!(attempts.last, Fallback::Location(2)));
    let directories: Vec<bool> = attempts.candidates.iter().map(|one| one.directory).collect();
    assert_eq!(directories, [false, true]);
}

#[test]
fn windows_line_ends_and_a_byte_order_mark_change_nothing() {
    let text =
        format!("\u{feff}{SITE}[[site.location]]\nmatch = \"/\"\nrespond = {{}}\n").replace('\n', "\r\n");
    let config = load_text(&text);
    assert_eq!(config.sites[0].locations[0].origin.line, 3);
}

#[test]
fn what_later_releases_do_may_be_declined() {
    let config = load_text(&format!(
        "[server]\nproxy_protocol = false\n[log]\naccess_format = \"combined\"\n{SITE}http3 = false\n[[site.location]]\nmatch = \"/\"\nproxy = \"app\"\ncompress = false\n\
         internal = false\nbuffer_request = false\n[upstream.app]\n\
         servers = [{{ address = \"127.0.0.1:1\", weight = 1, max_conns = 0, backup = false }}]\n\
         balance = \"round_robin\"\n"
    ));
    assert_eq!(config.upstreams[0].servers.len(), 1);
}

#[test]
fn another_file_than_was_meant_is_not_explained_line_by_line() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("access.log");
    fs::write(&file, "127.0.0.1 - - [21/Nov/2026] \"GET / HTTP/1.1\" 200 5\n".repeat(20_000)).unwrap();
    assert!(load(&file).unwrap_err().len() < 50);
}
