use std::collections::BTreeSet;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;

use super::*;
use crate::acme::Listening;
use crate::net::Stream;
use crate::tls::{Acceptor, Challenges, ManagedIdentities, Offer, Process, Terms};

/// A server on a port of its own; `answer` gets the path.
fn server(answer: impl Fn(&str) -> String + Send + 'static) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream: TcpStream = stream.unwrap();
            let mut request = [0; 4096];
            let length = stream.read(&mut request).unwrap();
            let request = String::from_utf8_lossy(&request[..length]).into_owned();
            let _ = stream.write_all(answer(request.split(' ').nth(1).unwrap_or_default()).as_bytes());
        }
    });
    port
}

/// A server of ours.
fn answering(challenges: &Arc<Challenges>) -> u16 {
    let ours = Arc::clone(challenges);
    server(move |path| {
        let token = Challenges::token(path.as_bytes()).unwrap().to_owned();
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let answer = runtime.block_on(ours.answer(&token)).unwrap();
        format!("HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n{answer}")
    })
}

struct Site {
    wanted: Wanted,
    stage: Stage,
    ports: Ports,
}

impl Site {
    /// Of which a listener is on `port`, where the authority looks.
    fn new(name: &str, way: Way, port: u16) -> Self {
        let managed = ManagedIdentities::default().get("https://ca.test/dir", [name.to_owned()]);
        let ports = BTreeSet::from([port]);
        let listening = Listening { plain: ports.clone(), tls: ports };
        let wanted = Wanted { managed, email: None, authorities: None, way, listening };
        let stage = Stage { challenges: Arc::default(), tokens: "/nowhere".into() };
        Self { wanted, stage, ports: Ports { http: port, tls: port } }
    }

    async fn told(&self, doubtful: bool) -> String {
        match check_at(&self.wanted, &self.stage, doubtful, self.ports).await {
            Ok(()) => "fine".into(),
            Err(Trouble { what, remedy, .. }) => format!("{what}\n{remedy}"),
        }
    }
}

fn closed_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

#[tokio::test]
async fn a_name_that_leads_nowhere_is_told() {
    let told = Site::new("no-such-name.invalid", Way::Http, 80).told(true).await;
    assert!(told.starts_with("no-such-name.invalid does not resolve here: "), "{told}");
    assert!(told.contains("DNS records (A, AAAA)"), "{told}");
}

#[tokio::test]
async fn a_wildcard_needs_dns() {
    let told = Site::new("*.a.test", Way::Http, 80).told(true).await;
    assert!(told.contains("`challenge = \"dns-01\"`"), "{told}");
    let way = Way::Dns { command: Vec::new() };
    assert_eq!(Site::new("*.a.test", way, 80).told(true).await, "fine");
}

#[tokio::test]
async fn our_own_answer_is_known() {
    let challenges = Arc::<Challenges>::default();
    let port = answering(&challenges);
    let mut site = Site::new("localhost", Way::Http, port);
    site.stage.challenges = challenges;
    assert_eq!(site.told(false).await, "fine");
}

#[tokio::test]
async fn our_own_certificate_is_known() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let site = Site::new("localhost", Way::TlsAlpn, listener.local_addr().unwrap().port());
    let terms = Terms { managed: Some(Arc::clone(&site.wanted.managed)), ..Terms::default() };
    let offer = Arc::new(Offer::new(&terms, &Process::default()).unwrap());
    let acceptor = Acceptor::new([(0, offer)], |_| Some(0));
    let served = async {
        let (client, _) = listener.accept().await.unwrap();
        acceptor.accept(Stream::Tcp(client), None).await.map(drop)
    };
    let (told, _) = tokio::join!(site.told(false), served);
    assert_eq!(told, "fine");
}

#[tokio::test]
async fn another_server_is_told_by_what_it_says() {
    // A redirect is not ours: where we redirect, challenges are answered all the same.
    for said in ["HTTP/1.1 404 Not Found", "HTTP/1.1 301 Moved Permanently"] {
        let port = server(move |_| format!("{said}\r\nServer: other\r\nLocation: https://b.test/\r\n\r\n"));
        let told = Site::new("127.0.0.1", Way::Http, port).told(true).await;
        let expected =
            format!("127.0.0.1 leads to 127.0.0.1, but another server answers there on port {port}: {said}");
        assert!(told.starts_with(&expected), "{told}");
        assert!(told.contains("ss -ltnp"), "{told}");
    }
}

/// The authority may choose any of them.
#[tokio::test]
async fn every_address_of_a_name_is_looked_at() {
    let challenges = Arc::<Challenges>::default();
    let port = answering(&challenges);
    let mut site = Site::new("a.test", Way::Http, port);
    site.stage.challenges = challenges;
    let told = async |addresses: &[&str]| {
        let addresses: Vec<_> = addresses.iter().map(|address| address.parse().unwrap()).collect();
        let probed = probe(&site.wanted, &site.stage, "a.test", &addresses, true, site.ports).await;
        probed.map_err(|trouble| trouble.what)
    };
    assert_eq!(told(&["127.0.0.1"]).await, Ok(()));
    let trouble = told(&["127.0.0.1", "127.0.0.2"]).await.unwrap_err();
    let expected = format!("a.test leads to 127.0.0.2, where nothing answers on port {port}: ");
    assert!(trouble.starts_with(&expected), "{trouble}");
}

#[tokio::test]
async fn a_closed_port_is_told() {
    let port = closed_port();
    for way in [Way::Http, Way::TlsAlpn] {
        let told = Site::new("127.0.0.1", way, port).told(true).await;
        assert!(
            told.contains(&format!("where nothing answers on port {port}: Connection refused")),
            "{told}"
        );
    }
}

#[tokio::test]
async fn what_speaks_no_tls_is_another_server() {
    let port = server(|_| "HTTP/1.1 400 Bad Request\r\n\r\n".into());
    let told = Site::new("127.0.0.1", Way::TlsAlpn, port).told(true).await;
    assert!(told.contains(&format!("but another server answers there on port {port}: ")), "{told}");
}

/// What listens elsewhere may be forwarded to, which is seen from outside only.
#[tokio::test]
async fn ports_that_we_do_not_listen_on_are_not_looked_at() {
    let mut site = Site::new("127.0.0.1", Way::Http, 8080);
    site.ports = Ports { http: closed_port(), tls: closed_port() };
    assert_eq!(site.told(false).await, "fine");
}
