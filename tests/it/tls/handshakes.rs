use super::{answering, connect, get, saying, site};
use crate::support::kernel::eventually;
use crate::support::{Client, Proxy, Request, Tls};

/// The beginning of what a client says first.
const CUT: &[u8] = &[22, 3, 1, 2, 0, 1, 0, 1, 252, 3, 3];

#[test]
fn who_does_not_finish_a_handshake_is_let_go() {
    let config = format!("[timeouts]\nhandshake = \"300ms\"\n{}{}", site("", ""), saying("here"));
    let proxy = Proxy::config(&config).start();
    for begun in [&b""[..], CUT] {
        let mut client = Client::connect(&proxy.addresses()[0]);
        client.send(begun);
        assert!(client.is_closed());
    }
}

#[test]
fn cut_handshakes_hold_nobody_up() {
    let proxy = answering("here");
    let cut: Vec<Client> = (0..300)
        .map(|_| {
            let mut client = Client::connect(&proxy.addresses()[0]);
            client.send(CUT);
            client
        })
        .collect();
    assert_eq!(get(&proxy, &Tls::to("localhost"), "/").text(), "here");
    drop(cut);
}

#[test]
fn five_hundred_clients_at_once_all_come_in() {
    let proxy = answering("here");
    let addr = proxy.addr();
    let clients: Vec<_> = (0..20)
        .map(|_| {
            std::thread::spawn(move || {
                let tls = Tls::to("localhost");
                (0..25).all(|_| Client::over_tls(&tls, addr).is_ok())
            })
        })
        .collect();
    assert!(clients.into_iter().all(|client| client.join().unwrap()));
}

#[test]
fn plain_http_is_told_that_tls_is_spoken_here() {
    let proxy = answering("here");
    let mut client = Client::connect(&proxy.addresses()[0]);
    let response = client.exchange(&Request::get("/"));
    assert_eq!(response.status, 400);
    assert!(response.text().contains("https://"));
    assert!(client.is_closed());
}

#[test]
fn garbage_ends_the_connection() {
    let proxy = answering("here");
    for garbage in
        [&b"\x00\x01\x02"[..], b"\x16\x03\x01\x00\x05hello", b"\x16\x03\x01\xff\xff", &vec![22; 70_000]]
    {
        let mut client = Client::connect(&proxy.addresses()[0]);
        let _ = client.try_send(garbage);
        client.finish().rest();
    }
    assert_eq!(get(&proxy, &Tls::to("localhost"), "/").text(), "here");
}

#[test]
fn a_stop_waits_for_who_is_agreeing_on_keys_but_not_for_ever() {
    let config = format!("[timeouts]\nhandshake = \"500ms\"\n{}{}", site("", ""), saying("here"));
    let mut proxy = Proxy::config(&config).start();
    let mut client = Client::connect(&proxy.addresses()[0]);
    client.send(CUT);
    eventually("the connection is accepted", || get(&proxy, &Tls::to("localhost"), "/").status == 200);
    proxy.signal(rustix::process::Signal::TERM);
    assert_eq!(proxy.wait().code(), Some(0));
}

#[test]
fn a_silent_connection_is_closed_in_time_and_with_a_farewell() {
    let config = format!("[timeouts]\nkeep_alive = \"200ms\"\n{}{}", site("", ""), saying("here"));
    let proxy = Proxy::config(&config).start();
    let mut client = connect(&proxy, &Tls::to("localhost"));
    assert_eq!(client.exchange(&Request::get("/").header("Host", "localhost")).text(), "here");
    // Without the farewell rustls would call the end unexpected.
    let mut byte = [0];
    assert_eq!(client.read_some(&mut byte).unwrap(), 0);
}

#[test]
fn whoever_says_nothing_gives_way_to_others() {
    let config = format!("[server]\nmax_connections = 20\n{}{}", site("", ""), saying("here"));
    let proxy = Proxy::config(&config).start();
    let silent: Vec<Client> = (0..40).map(|_| Client::connect(&proxy.addresses()[0])).collect();
    eventually("somebody comes in", || {
        Client::over_tls(&Tls::to("localhost"), proxy.addr()).is_ok_and(|mut client| {
            client.exchange(&Request::get("/").header("Host", "localhost")).status == 200
        })
    });
    drop(silent);
}

#[test]
fn keys_are_exchanged_so_that_no_later_computer_finds_them_out() {
    let proxy = answering("here");
    let stream = Tls::to("localhost").connect(proxy.addr()).unwrap();
    let group = stream.conn.negotiated_key_exchange_group().unwrap();
    assert_eq!(group.name(), rustls::NamedGroup::X25519MLKEM768);
}
