//! TLS to clients: who is shown to whom, what is agreed on, and what comes over it.

mod browser;
mod certificates;
mod client_certificates;
mod handshakes;
mod requests;
mod sessions;

use crate::support::tls::identity;
use crate::support::{Client, Proxy, Request, Response, Tls};

/// One site with TLS on a free port, and what else stands in it.
fn site(tls: &str, rest: &str) -> String {
    format!(
        "[log]\naccess = \"stdout\"\n\n[[site]]\nlisten_tls = [\"127.0.0.1:0\"]\nhosts = [\"localhost\"]\n{rest}\n\
         [site.tls]\n{}{tls}\n",
        identity("localhost")
    )
}

/// Answers with what a template says.
fn saying(text: &str) -> String {
    format!("[[site.location]]\nmatch = \"/\"\nrespond = {{ status = 200, body = \"{text}\" }}\n")
}

/// A site that answers with what a template says.
fn answering(text: &str) -> Proxy {
    Proxy::config(&(site("", "") + &saying(text))).start()
}

fn connect(proxy: &Proxy, tls: &Tls) -> Client {
    Client::over_tls(tls, proxy.addr()).unwrap()
}

fn get(proxy: &Proxy, tls: &Tls, path: &str) -> Response {
    connect(proxy, tls).exchange(&Request::get(path).header("Host", "localhost"))
}

/// Why keys were not agreed on, in the client's words.
fn refusal(proxy: &Proxy, tls: &Tls) -> String {
    // A client of TLS 1.3 may be done before the server is: it learns with the first read.
    match Client::over_tls(tls, proxy.addr()) {
        Err(error) => error.to_string(),
        Ok(mut client) => {
            let _ = client.try_send(Request::get("/").bytes());
            let mut byte = [0];
            match client.read_some(&mut byte) {
                Err(error) => error.to_string(),
                Ok(count) => panic!("the client came in and read {count}"),
            }
        }
    }
}
