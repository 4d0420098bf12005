use crate::support::{Client, Gunicorn, Proxy, Request, Transport, over_tcp_and_unix, repository};

over_tcp_and_unix! {
    url_for_gives_the_public_url,
    remote_addr_is_the_client,
    redirects_lead_to_the_public_url,
    claims_of_the_client_have_no_effect,
    an_upload_arrives_unchanged,
    a_chunked_upload_arrives_unchanged,
    requests_reach_the_threads_at_once,
    kept_connections_serve_one_request_after_the_other,
}

/// The shop on threads, with rproxy in front.
fn start(transport: Transport) -> (Proxy, Gunicorn) {
    let gunicorn = Gunicorn::serving("shop:app", &repository("tests/apps/flask_shop"), "gthread", transport)
        .arg("--threads=8")
        .start();
    (Proxy::to(gunicorn.address()).start(), gunicorn)
}

/// A name of the shop, with the port that a browser would add.
fn public_host(proxy: &Proxy) -> String {
    format!("shop.example:{}", proxy.addr().port())
}

fn url_for_gives_the_public_url(transport: Transport) {
    let (proxy, _gunicorn) = start(transport);
    let host = public_host(&proxy);
    let seen = proxy.send(&Request::get("/where").header("Host", &host));
    assert_eq!(seen.json("url"), format!("http://{host}/where"));
    assert_eq!((seen.json("scheme"), seen.json("host")), ("http", host.as_str()));
}

fn remote_addr_is_the_client(transport: Transport) {
    let (proxy, _gunicorn) = start(transport);
    let mut client = Client::connect_from("127.0.0.7", proxy.addr());
    assert_eq!(client.exchange(&Request::get("/where")).json("remote_addr"), "127.0.0.7");
}

fn redirects_lead_to_the_public_url(transport: Transport) {
    let (proxy, _gunicorn) = start(transport);
    let host = public_host(&proxy);
    let answer = proxy.send(&Request::get("/old").header("Host", &host));
    assert_eq!((answer.status, answer.header("location")), (302, Some(&*format!("http://{host}/where"))));
}

fn claims_of_the_client_have_no_effect(transport: Transport) {
    let (proxy, _gunicorn) = start(transport);
    let honest = Request::get("/where?q=1").header("Host", &public_host(&proxy));
    let forged = honest
        .clone()
        .header("X-Forwarded-For", "6.6.6.6")
        .header("X-Forwarded-For", "7.7.7.7")
        .header("X-Forwarded-Proto", "https")
        .header("X-Forwarded-Host", "evil.example")
        .header("X-Forwarded-Port", "666")
        .header("X-Forwarded-Prefix", "/evil")
        .header("X_Forwarded_Host", "evil.example")
        .header("X_Forwarded_Prefix", "/evil")
        .header("Connection", "X-Forwarded-For, X-Forwarded-Host, X-Forwarded-Proto, X-Forwarded-Port");
    assert_eq!(proxy.send(&forged).text(), proxy.send(&honest).text());
}

/// FIPS 180-2, appendix B.1.
const SHA256_OF_ABC: &str = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

fn an_upload_arrives_unchanged(transport: Transport) {
    let (proxy, _gunicorn) = start(transport);
    let answer = proxy.send(&Request::post("/upload", "abc"));
    assert_eq!((answer.json("bytes"), answer.json("sha256")), ("3", SHA256_OF_ABC));
}

fn a_chunked_upload_arrives_unchanged(transport: Transport) {
    let (proxy, _gunicorn) = start(transport);
    let mut client = proxy.connect();
    client.send("POST /upload HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n");
    let answer = client.send("1;ext=1\r\na\r\n").send("2\r\nbc\r\n0\r\nX-Trailer: 1\r\n\r\n").response();
    assert_eq!((answer.json("bytes"), answer.json("sha256")), ("3", SHA256_OF_ABC));
}

fn requests_reach_the_threads_at_once(transport: Transport) {
    let (proxy, _gunicorn) = start(transport);
    let mut clients: Vec<Client> = (0..4).map(|_| proxy.connect()).collect();
    for client in &mut clients {
        client.send(Request::get("/meet").bytes());
    }
    for client in &mut clients {
        assert_eq!(client.response().text(), "met");
    }
}

fn kept_connections_serve_one_request_after_the_other(transport: Transport) {
    let (proxy, _gunicorn) = start(transport);
    let mut client = proxy.connect();
    for number in 0..50 {
        let seen = client.exchange(&Request::get(&format!("/where?number={number}")));
        assert_eq!(seen.json("query"), format!("number={number}"));
    }
}
