//! Which site answers, by listener and host.

use crate::support::{Origin, Proxy, Request};

fn site(hosts: &str, name: &str) -> String {
    format!(
        "[[site]]\nlisten = [\"127.0.0.1:0\"]\n{hosts}\n\
         [[site.location]]\nmatch = \"/\"\nrespond = {{ status = 200, body = \"{name}\" }}\n"
    )
}

fn sites() -> String {
    [
        site("hosts = [\"shop.example\", \"Localhost\"]", "exact"),
        site("hosts = [\"*.example\"]", "suffix"),
        site("hosts = [\"*.deep.example\"]", "longer suffix"),
        site("hosts = [\"www.*\"]", "prefix"),
    ]
    .concat()
}

fn answer(proxy: &Proxy, host: &str) -> (u16, String) {
    let response = proxy.send(&Request::get("/").header("Host", host));
    (response.status, response.text().to_owned())
}

#[test]
fn hosts_are_matched_exactly_then_by_suffix_then_by_prefix() {
    let proxy = Proxy::config(&sites()).start();
    let table = [
        ("shop.example", "exact"),
        ("SHOP.Example", "exact"),
        ("shop.example.", "exact"),
        ("shop.example:8080", "exact"),
        ("localhost", "exact"),
        ("other.example", "suffix"),
        ("www.example", "suffix"),
        ("a.b.example", "suffix"),
        ("a.deep.example", "longer suffix"),
        ("deep.example", "suffix"),
        ("www.test", "prefix"),
    ];
    for (host, name) in table {
        assert_eq!(answer(&proxy, host), (200, name.to_owned()), "{host}");
    }
}

#[test]
fn an_unknown_host_is_misdirected_where_no_site_is_the_default() {
    let proxy = Proxy::config(&format!("[log]\naccess = \"stdout\"\n{}", sites())).start();
    for host in ["elsewhere.test", "example", "shop.example.evil.test", "127.0.0.1"] {
        assert_eq!(answer(&proxy, host).0, 421, "{host}");
    }
    // Seen by the operator, although no site has it.
    proxy.wait_for_access("\"GET / HTTP/1.1\" 421 ");
}

#[test]
fn a_site_without_hosts_takes_what_no_other_does() {
    let proxy = Proxy::config(&(sites() + &site("", "default"))).start();
    assert_eq!(answer(&proxy, "elsewhere.test"), (200, "default".into()));
    assert_eq!(answer(&proxy, "shop.example"), (200, "exact".into()));
    let mut client = proxy.connect();
    client.send("GET / HTTP/1.0\r\n\r\n");
    assert_eq!(client.response().text(), "default");
}

#[test]
fn the_host_of_an_absolute_target_counts() {
    let proxy = Proxy::config(&sites()).start();
    let response = proxy.send(&Request::get("http://shop.example/").header("Host", "other.example"));
    assert_eq!(response.text(), "exact");
}

#[test]
fn one_site_does_not_answer_for_anothers_listener() {
    let folder = tempfile::tempdir().unwrap();
    let socket = folder.path().join("second.sock");
    let second = site("", "second").replace("127.0.0.1:0", &format!("unix:{}", socket.display()));
    let proxy = Proxy::config(&(site("hosts = [\"first.test\"]", "first") + &second)).start();
    assert_eq!(answer(&proxy, "first.test"), (200, "first".into()));
    assert_eq!(answer(&proxy, "second.test").0, 421);
    let mut other = crate::support::Client::connect(&proxy.addresses()[1]);
    assert_eq!(other.exchange(&Request::get("/").header("Host", "first.test")).text(), "second");
}

/// nginx's precedence: exact, `^~`, the first regular expression, the longest prefix.
#[test]
fn locations_are_chosen_as_in_nginx() {
    let locations = ["/", "= /exact", "/img/", "^~ /img/raw/", "~* [.]png$", "~ ^/img/[0-9]+$"];
    let location = |pattern: &&str| {
        let body = pattern.replace('$', "$$");
        format!("[[site.location]]\nmatch = \"{pattern}\"\nrespond = {{ body = '{body}' }}\n")
    };
    let toml = locations.iter().map(location).collect::<Vec<_>>().concat();
    let proxy = Proxy::site(&toml).start();
    let table = [
        ("/exact", "= /exact"),
        ("/exact/", "/"),
        ("/img/a.gif", "/img/"),
        ("/img/a.PNG", "~* [.]png$"),
        ("/img/raw/a.png", "^~ /img/raw/"),
        ("/img/42", "~ ^/img/[0-9]+$"),
        ("/x/../img/%61.gif", "/img/"),
    ];
    for (path, pattern) in table {
        assert_eq!(proxy.get(path).text(), pattern, "{path}");
    }
}

#[test]
fn a_path_that_no_location_matches_is_not_found() {
    let origin = Origin::ok("");
    let proxy = Proxy::site(&format!(
        "[[site.location]]\nmatch = \"/app/\"\nproxy = \"http://{}\"\n",
        origin.address()
    ))
    .start();
    assert_eq!(proxy.get("/").status, 404);
    assert_eq!(proxy.get("/app/").status, 200);
}
