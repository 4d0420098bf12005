//! A bare ASGI application on uvicorn, which rproxy starts itself: WebSockets, and what it is told.

use crate::support::{Client, Proxy, Request, repository, venv};

/// Opcodes (RFC 6455 5.2).
const TEXT: u8 = 1;
const BINARY: u8 = 2;
const CLOSE: u8 = 8;

fn start() -> Proxy {
    let python = venv::python().display().to_string();
    let folder = repository("tests/apps/asgi_echo").display().to_string();
    let command = [
        &*python,
        "-m",
        "uvicorn",
        "echo:app",
        "--app-dir",
        &folder,
        "--uds",
        "{socket}",
        "--workers",
        "1",
        "--proxy-headers",
        "--forwarded-allow-ips",
        "*",
    ];
    Proxy::site(&format!(
        "[[site.location]]\nmatch = \"/\"\nproxy = \"app\"\n[upstream.app]\nservers = [\"unix:app.sock\"]\n\
         [upstream.app.process]\ncommand = {command:?}\n"
    ))
    .start()
}

fn open(proxy: &Proxy) -> Client {
    let mut client = proxy.connect();
    let handshake = Request::get("/chat?room=1")
        .header("Connection", "Upgrade")
        .header("Upgrade", "websocket")
        .header("Sec-WebSocket-Version", "13")
        .header("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ==")
        .header("Sec-WebSocket-Protocol", "chat");
    client.send(handshake.bytes());
    let response = client.head();
    assert_eq!(response.status, 101);
    // RFC 6455 1.3, with the key above.
    assert_eq!(response.header("sec-websocket-accept"), Some("s3pPLMBiTxaQ9kYGzzhZRbK+xOo="));
    assert_eq!(response.header("sec-websocket-protocol"), Some("chat"));
    client
}

/// A frame of a client, which has to be masked.
fn frame(opcode: u8, payload: &[u8]) -> Vec<u8> {
    const MASK: [u8; 4] = [0x37, 0xfa, 0x21, 0x3d];
    let mut frame = vec![0x80 | opcode];
    match u16::try_from(payload.len()).unwrap() {
        length @ 0..=125 => frame.push(0x80 | u8::try_from(length).unwrap()),
        length => {
            frame.push(0x80 | 0x7e);
            frame.extend(length.to_be_bytes());
        }
    }
    frame.extend(MASK);
    frame.extend(payload.iter().zip(MASK.iter().cycle()).map(|(byte, mask)| byte ^ mask));
    frame
}

/// The next frame of the server: opcode and payload.
fn receive(client: &mut Client) -> (u8, Vec<u8>) {
    let head = client.take(2);
    assert_eq!(head[0] & 0x80, 0x80, "one frame a message");
    let length = match head[1] {
        126 => usize::from(u16::from_be_bytes(client.take(2).try_into().unwrap())),
        length => usize::from(length),
    };
    (head[0] & 0x0f, client.take(length))
}

#[test]
fn a_websocket_talks_to_the_application() {
    let proxy = start();
    let mut client = open(&proxy);
    assert_eq!(receive(&mut client), (TEXT, b"ws 127.0.0.1 /chat".to_vec()));
    client.send(frame(TEXT, "hällo".as_bytes()));
    assert_eq!(receive(&mut client), (TEXT, "hällo".into()));
    let large: Vec<u8> = (0..60_000_u32).map(|at| u8::try_from(at % 251).unwrap()).collect();
    client.send(frame(BINARY, &large));
    assert!(receive(&mut client) == (BINARY, large));
    client.send(frame(TEXT, b"bye"));
    assert_eq!(receive(&mut client), (CLOSE, 1000_u16.to_be_bytes().to_vec()));
    client.send(frame(CLOSE, &1000_u16.to_be_bytes()));
    assert!(client.is_closed());
    drop(client);
    proxy.wait_for_access("\"GET /chat?room=1 HTTP/1.1\" 101 ");
}

#[test]
fn many_websockets_and_pages_live_side_by_side() {
    let proxy = start();
    let mut sockets: Vec<Client> = (0..20).map(|_| open(&proxy)).collect();
    for (number, socket) in sockets.iter_mut().enumerate() {
        receive(socket);
        socket.send(frame(TEXT, format!("number {number}").as_bytes()));
    }
    assert_eq!(proxy.get("/page").status, 200);
    for (number, socket) in sockets.iter_mut().enumerate() {
        assert_eq!(receive(socket), (TEXT, format!("number {number}").into_bytes()));
    }
}

#[test]
fn the_application_knows_the_client_and_the_scheme() {
    let response = start().get("/a%20b");
    assert_eq!(response.json("client"), "127.0.0.1");
    assert_eq!(response.json("scheme"), "http");
    assert_eq!(response.json("path"), "/a b");
}

#[test]
fn a_streamed_answer_arrives_in_pieces() {
    let proxy = start();
    let mut client = proxy.connect();
    client.send(Request::get("/stream").bytes());
    client.head();
    let pieces: Vec<Vec<u8>> = std::iter::from_fn(|| client.chunk()).collect();
    assert_eq!(pieces, [b"one".to_vec(), b"two".to_vec(), b"three".to_vec()]);
}
