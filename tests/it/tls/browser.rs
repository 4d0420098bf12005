use serde_json::Value;

use super::site;
use crate::support::{Chromium, Origin, Proxy, Transport};

/// Loads forty files at once, posts a body, and speaks through a WebSocket; then tells how all of it went.
const PAGE: &str = r#"<!doctype html><title>page</title><script>
(async () => {
  const names = [...Array(40).keys()].map(index => `/file?${index}`);
  const texts = await Promise.all(names.map(name => fetch(name).then(answer => answer.text())));
  const socket = new WebSocket(`wss://${location.host}/socket`);
  const echoed = await new Promise((resolve, reject) => {
    socket.onopen = () => socket.send("through the tunnel");
    socket.onmessage = event => resolve(event.data);
    socket.onerror = () => reject("the socket failed");
  }).catch(error => error);
  const protocols = [...performance.getEntriesByType("navigation"), ...performance.getEntriesByType("resource")];
  await fetch("/report", { method: "POST", body: JSON.stringify({
    whole: texts.filter(text => text.length === 100000).length,
    protocols: [...new Set(protocols.map(entry => entry.nextHopProtocol))],
    echoed,
  }) });
})();
</script>"#;

/// A WebSocket server that sends back the first message, as RFC 6455 frames it.
fn sockets() -> Origin {
    Origin::new(Transport::Tcp, |peer| {
        peer.request().unwrap();
        // Not what the key asks for: over HTTP/2 the browser has none of either.
        peer.send(
            "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
             Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n",
        );
        let mut frame = Vec::new();
        while frame.len() < 6 || frame.len() < 6 + usize::from(frame[1] & 0x7f) {
            let more = peer.some();
            if more.is_empty() {
                return;
            }
            frame.extend(more);
        }
        let (mask, length) = (frame[2..6].to_vec(), frame[1] & 0x7f);
        let payload = frame[6..].iter().zip(mask.iter().cycle()).map(|(byte, mask)| byte ^ mask);
        let answer: Vec<u8> = [0x81, length].into_iter().chain(payload).collect();
        peer.send(answer);
        peer.wait_for_close();
    })
}

#[test]
fn a_browser_speaks_http_2_and_opens_its_websocket_over_it() {
    let (reports, sockets) = (Origin::echo(), sockets());
    let locations = format!(
        "[[site.location]]\nmatch = \"/\"\nfiles = \"www\"\n\
         [[site.location]]\nmatch = \"= /report\"\nproxy = \"http://{}\"\n\
         [[site.location]]\nmatch = \"= /socket\"\nproxy = \"http://{}\"\n",
        reports.address(),
        sockets.address()
    );
    let proxy = Proxy::config(&(site("", "") + &locations))
        .file("www/page.html", PAGE)
        .file("www/file", vec![b'x'; 100_000])
        .start();
    let url = format!("https://localhost:{}/page.html", proxy.addr().port());
    let browser = Chromium::open_with(&url, &["--ignore-certificate-errors"]);
    let report = reports.wait_for_request(1);
    let told: Value = serde_json::from_slice(&report.body).unwrap();
    assert_eq!(told["whole"], 40);
    assert_eq!(told["protocols"], serde_json::json!(["h2"]));
    assert_eq!(told["echoed"], "through the tunnel");
    // The upgrade came by a stream, and not by a connection of its own. Its line comes with its end.
    drop(browser);
    let line = proxy.wait_for_access("/socket");
    assert!(line.contains("HTTP/2"), "{line}");
}
