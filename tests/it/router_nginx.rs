use std::fmt::Write as _;

use crate::router::{CASES, Case, HOST_CASES, HOSTS, LOCATIONS, SPARSE, SPARSE_CASES, owned};
use crate::support::{Nginx, Request};

/// The status and the body of an answer.
fn get(nginx: &Nginx, socket: &str, host: &str, target: &str) -> (u16, String) {
    let response = nginx.connect(socket).exchange(&Request::get(target).header("Host", host));
    (response.status, response.text().to_owned())
}

fn server(socket: &str, names: &str, body: &str) -> String {
    format!("server {{ listen unix:{socket}; server_name {names}; {body} }}\n")
}

/// Quoted for nginx, whose strings know backslash escapes and variables.
fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

fn locations(patterns: &[&str]) -> String {
    let mut text = String::new();
    for (index, pattern) in patterns.iter().enumerate().filter(|(_, pattern)| !pattern.starts_with('@')) {
        let (modifier, path) =
            if pattern.starts_with('/') { ("", *pattern) } else { pattern.split_once(' ').unwrap() };
        writeln!(text, "location {modifier} {} {{ return 200 \"{index}\\n$uri\"; }}", quoted(path)).unwrap();
    }
    text
}

fn compare(nginx: &Nginx, socket: &str, patterns: &[&str], cases: &[Case]) {
    for (target, expected) in cases {
        let (status, body) = get(nginx, socket, "x", target);
        let decided = match body.split_once('\n') {
            Some((index, path)) if status == 200 => {
                Ok((patterns[index.parse::<usize>().unwrap()].to_owned(), path.to_owned()))
            }
            _ => Err(status),
        };
        assert_eq!(decided, owned(*expected), "{target}");
    }
}

#[test]
fn nginx_chooses_the_same_locations() {
    let config = server("full", "x", &locations(LOCATIONS)) + &server("sparse", "x", &locations(SPARSE));
    let nginx = Nginx::start(&config);
    compare(&nginx, "full", LOCATIONS, CASES);
    compare(&nginx, "sparse", SPARSE, SPARSE_CASES);
}

#[test]
fn nginx_chooses_the_same_sites() {
    let mut config = server("hosts", "_", "return 421;");
    for (index, names) in HOSTS.iter().enumerate() {
        config += &server("hosts", &names.join(" "), &format!("return 200 {index};"));
    }
    let nginx = Nginx::start(&config);
    for (host, expected) in HOST_CASES {
        let (status, body) = get(&nginx, "hosts", host, "/");
        assert_eq!((status == 200).then(|| body.parse().unwrap()), *expected, "{host}");
    }
}
