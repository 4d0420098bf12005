//! Clients that stay with their server: by a cookie that nobody can forge and that outlives a restart.

use crate::support::{Origin, Proxy, Request, Response};

fn bound(origins: &[Origin], first: &str, balance: &str) -> Proxy {
    let [one, other] = origins else { panic!("two servers are meant") };
    Proxy::site(&format!(
        "[[site.location]]\nmatch = \"/\"\nproxy = \"app\"\n[upstream.app]\n\
         servers = [{{ address = \"{}\"{first} }}, \"{}\"]\nbalance = {balance}\nhealth = false\n\
         passive = {{ fails = 1, eject = \"1h\" }}\nretry = {{ window = \"0s\" }}\n",
        one.address(),
        other.address()
    ))
    .start()
}

fn origins() -> [Origin; 2] {
    ["0", "1"].map(Origin::ok)
}

const COOKIE: &str = "{ cookie = \"route\", secret = \"only the tests know\" }";

fn with_cookie(proxy: &Proxy, cookie: &str) -> Response {
    proxy.send(&Request::get("/").header("Cookie", &format!("a=b; {cookie}; c=d")))
}

/// What a browser sends back.
fn cookie(response: &Response) -> String {
    response.header("set-cookie").expect("a cookie").split(';').next().unwrap().to_owned()
}

#[test]
fn a_client_stays_with_the_server_that_answered_first() {
    let origins = origins();
    let proxy = bound(&origins, "", COOKIE);
    for _ in 0..2 {
        let first = proxy.get("/");
        let attributes = first.header("set-cookie").unwrap().split_once("; ").unwrap().1;
        assert_eq!(attributes, "Path=/; HttpOnly; SameSite=Lax");
        let cookie = cookie(&first);
        for _ in 0..5 {
            let again = with_cookie(&proxy, &cookie);
            assert_eq!((again.text(), again.header("set-cookie")), (first.text(), None));
        }
    }
}

#[test]
fn it_stays_so_after_a_restart() {
    let origins = origins();
    for balance in [COOKIE, "{ cookie = \"route\" }"] {
        let first = bound(&origins, "", balance).get("/");
        let (text, cookie) = (first.text().to_owned(), cookie(&first));
        let restarted = bound(&origins, "", balance);
        assert!((0..5).all(|_| with_cookie(&restarted, &cookie).text() == text), "{balance}");
    }
}

#[test]
fn a_cookie_tells_nothing_and_cannot_be_made_up() {
    let origins = origins();
    let proxy = bound(&origins, "", COOKIE);
    let value = cookie(&proxy.get("/"));
    assert_eq!(value.len(), "route=".len() + 32, "{value}");
    assert!(!origins.iter().any(|origin| value.contains(origin.address())));
    let forged = format!("route={}", "0".repeat(32));
    assert!(with_cookie(&proxy, &forged).header("set-cookie").is_some());
}

#[test]
fn a_client_whose_server_is_gone_is_bound_to_another() {
    let mut origins = Vec::from(origins());
    let proxy = bound(&origins, "", COOKIE);
    let first = proxy.get("/");
    let (gone, own) = (first.text().parse::<usize>().unwrap(), cookie(&first));
    drop(origins.remove(gone));
    let moved = with_cookie(&proxy, &own);
    assert_eq!(moved.text(), (1 - gone).to_string());
    let new = cookie(&moved);
    assert_ne!(new, own);
    assert_eq!(with_cookie(&proxy, &new).header("set-cookie"), None);
}

#[test]
fn a_draining_server_keeps_its_clients_and_gets_no_new_ones() {
    let origins = origins();
    let before = bound(&origins, "", COOKIE);
    let old = (0..2).map(|_| before.get("/")).find(|response| response.text() == "0").unwrap();
    let draining = bound(&origins, ", drain = true", COOKIE);
    for _ in 0..4 {
        assert_eq!(draining.get("/").text(), "1");
        assert_eq!(with_cookie(&draining, &cookie(&old)).text(), "0");
    }
}
