use rustls::HandshakeKind;
use rustls::version::{TLS12, TLS13};

use super::{connect, saying, site};
use crate::support::tls::Options;
use crate::support::{Proxy, Request, Tls};

fn kind(proxy: &Proxy, tls: &Tls) -> HandshakeKind {
    let mut client = connect(proxy, tls);
    client.exchange(&Request::get("/").header("Host", "localhost"));
    let crate::support::stream::Stream::Tls(stream) = client.stream() else { unreachable!() };
    stream.conn.handshake_kind().unwrap()
}

#[test]
fn sessions_are_resumed_whichever_event_loop_takes_the_connection() {
    let config = format!("[server]\nworkers = 4\n{}{}", site("", ""), saying("here"));
    let proxy = Proxy::config(&config).start();
    for versions in [&[&TLS12][..], &[&TLS13]] {
        let tls = Tls::with("localhost", Options { versions: Some(versions), ..Options::default() });
        assert_ne!(kind(&proxy, &tls), HandshakeKind::Resumed);
        for _ in 0..12 {
            assert_eq!(kind(&proxy, &tls), HandshakeKind::Resumed);
        }
    }
}

#[test]
fn sessions_outlast_a_reload() {
    let config = |text: &str| site("", "") + &saying(text);
    let proxy = Proxy::config(&config("old")).start();
    let tls = Tls::to("localhost");
    kind(&proxy, &tls);
    assert!(proxy.reload(&config("new")).contains("in force"));
    assert_eq!(kind(&proxy, &tls), HandshakeKind::Resumed);
}
