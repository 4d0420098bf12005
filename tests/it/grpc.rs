//! gRPC through rproxy: Python's client and server, with HTTP/2 on both sides.

use crate::support::{Proxy, Script, repository};

const SERVER: &str = "grpc_words/server.py";
const CLIENT: &str = "grpc_words/client.py";

fn fixture(name: &str) -> String {
    repository("static_fixtures/tls").join(name).display().to_string()
}

/// A proxy in the clear on both sides.
fn between(server: &Script) -> Proxy {
    Proxy::site(&format!(
        "h2c = true\n[[site.location]]\nmatch = \"/\"\nproxy = \"words\"\n\n\
         [upstream.words]\nservers = [\"127.0.0.1:{}\"]\nprotocol = \"h2c\"\n",
        server.port()
    ))
    .start()
}

/// One of the client's cases, through a proxy of its own.
fn holds(case: &str) {
    let server = Script::start(SERVER, &[]);
    let proxy = between(&server);
    Script::start(CLIENT, &[&proxy.addr().to_string(), case]).succeeds();
}

#[test]
fn a_call_has_its_answer_and_its_metadata() {
    holds("unary");
}

#[test]
fn a_failed_call_has_its_status_and_its_details() {
    holds("failure");
}

#[test]
fn a_client_may_send_many_messages() {
    holds("client_stream");
}

#[test]
fn a_server_may_send_many_messages() {
    holds("server_stream");
}

#[test]
fn messages_go_both_ways_one_by_one() {
    holds("both_ways");
}

#[test]
fn large_messages_arrive_whole() {
    holds("large");
}

#[test]
fn many_calls_share_a_connection() {
    holds("many");
}

#[test]
fn a_server_may_end_a_call_while_its_client_speaks() {
    holds("early_end");
}

#[test]
fn a_server_learns_of_a_deadline_and_of_its_end() {
    let server = Script::start(SERVER, &[]);
    let proxy = between(&server);
    Script::start(CLIENT, &[&proxy.addr().to_string(), "deadline"]).succeeds();
    server.lines.wait_for("hanging until a deadline");
    server.lines.wait_for("nobody waits");
}

#[test]
fn a_server_learns_that_a_call_is_cancelled() {
    let server = Script::start(SERVER, &[]);
    let proxy = between(&server);
    let mut client = Script::start(CLIENT, &[&proxy.addr().to_string(), "cancel"]);
    server.lines.wait_for("hanging");
    client.nudge();
    client.succeeds();
    server.lines.wait_for("nobody waits");
}

#[test]
fn a_server_that_is_not_there_is_unavailable() {
    let proxy = Proxy::site(
        "h2c = true\n[[site.location]]\nmatch = \"/\"\nproxy = \"words\"\n\n\
         [upstream.words]\nservers = [\"unix:missing.sock\"]\nprotocol = \"h2c\"\nretry = { window = \"0s\" }\n",
    )
    .start();
    Script::start(CLIENT, &[&proxy.addr().to_string(), "unavailable"]).succeeds();
    proxy.wait_for_log("socket-missing");
}

#[test]
fn calls_go_over_tls_on_both_sides() {
    let [ca, cert, key] = ["ca.pem", "localhost.pem", "localhost.key"].map(fixture);
    let server = Script::start(SERVER, &[&cert, &key]);
    let proxy = Proxy::config(&format!(
        "[log]\naccess = \"stdout\"\n[[site]]\nlisten_tls = [\"127.0.0.1:0\"]\n\
         [site.tls]\ncert = \"{cert}\"\nkey = \"{key}\"\n\
         [[site.location]]\nmatch = \"/\"\nproxy = \"words\"\n\
         [upstream.words]\nservers = [\"localhost:{}\"]\nprotocol = \"https\"\nhttp2 = true\ntls = {{ ca = \"{ca}\" }}\n",
        server.port()
    ))
    .start();
    let address = proxy.addresses()[0].trim_start_matches("https://").to_owned();
    for case in ["unary", "both_ways"] {
        Script::start(CLIENT, &[&address, case, &ca]).succeeds();
    }
}
