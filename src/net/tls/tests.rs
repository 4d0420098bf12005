use std::future::poll_fn;
use std::path::{Path, PathBuf};

use bytes::BytesMut;
use rustls::RootCertStore;
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio::net::UnixStream;

use super::*;

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("static_fixtures/tls").join(name)
}

fn server_config() -> Arc<ServerConfig> {
    let builder = ServerConfig::builder_with_provider(aws_lc_rs::default_provider().into());
    let builder = builder.with_safe_default_protocol_versions().unwrap().with_no_client_auth();
    let chain = vec![CertificateDer::from_pem_file(fixture("localhost.pem")).unwrap()];
    let key = PrivateKeyDer::from_pem_file(fixture("localhost.key")).unwrap();
    builder.with_single_cert(chain, key).unwrap().into()
}

fn client_config() -> Arc<ClientConfig> {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(fixture("ca.pem")).unwrap()).unwrap();
    let builder = ClientConfig::builder_with_provider(aws_lc_rs::default_provider().into());
    let builder = builder.with_safe_default_protocol_versions().unwrap();
    builder.with_root_certificates(roots).with_no_client_auth().into()
}

/// A client and a server that have agreed on keys.
async fn pair() -> (Stream, TlsStream) {
    let (ours, theirs) = UnixStream::pair().unwrap();
    let server = TlsStream::server(Stream::Unix(theirs), server_config(), BytesMut::new()).unwrap();
    let name = ServerName::try_from("localhost").unwrap();
    let client = Stream::Unix(ours).connect_tls(client_config(), name);
    let (client, agreed) = futures_util::future::join(client, server.handshake()).await;
    agreed.unwrap();
    (client.unwrap(), server)
}

async fn read(stream: &Stream) -> io::Result<Vec<u8>> {
    let mut buffer = BytesMut::new();
    poll_fn(|cx| stream.poll_read(cx, &mut buffer, 4096)).await?;
    Ok(buffer.to_vec())
}

async fn write_all(stream: &Stream, mut bytes: &[u8]) {
    while !bytes.is_empty() {
        let written = poll_fn(|cx| stream.poll_write_vectored(cx, &[IoSlice::new(bytes)])).await.unwrap();
        bytes = &bytes[written..];
    }
    poll_fn(|cx| stream.poll_flushed(cx)).await.unwrap();
}

#[tokio::test]
async fn what_is_written_is_read_however_much_it_is() {
    let (client, server) = pair().await;
    let server = Stream::Tls(Box::new(server));
    let content: Vec<u8> = (0..700_000_u32).flat_map(u32::to_le_bytes).collect();
    for (from, to) in [(&client, &server), (&server, &client)] {
        let receive = async {
            let mut received = Vec::new();
            while received.len() < content.len() {
                received.extend(read(to).await.unwrap());
            }
            received
        };
        let ((), received) = futures_util::future::join(write_all(from, &content), receive).await;
        assert!(received == content);
    }
}

#[tokio::test]
async fn pieces_that_belong_together_go_together() {
    let (client, server) = pair().await;
    assert_eq!(server.try_write_more(b"head ").unwrap(), 5);
    assert!(!server.is_flushed());
    assert_eq!(
        server
            .try_write_vectored(&[IoSlice::new(b"and "), IoSlice::new(b""), IoSlice::new(b"body")])
            .unwrap(),
        8
    );
    assert!(server.is_flushed());
    assert_eq!(read(&client).await.unwrap(), b"head and body");
}

#[tokio::test]
async fn session_tickets_are_no_content() {
    let (client, server) = pair().await;
    assert!(client.is_quiet() && client.was_quiet());
    server.try_write_vectored(&[IoSlice::new(b"unasked")]).unwrap();
    assert!(!client.is_quiet() && !client.was_quiet());
    assert_eq!(read(&client).await.unwrap(), b"unasked", "what was looked at is not lost");
}

#[tokio::test]
async fn an_end_without_a_farewell_is_no_end_of_content() {
    let (client, server) = pair().await;
    server.try_write_vectored(&[IoSlice::new(b"half")]).unwrap();
    server.abort();
    drop(server);
    assert_eq!(read(&client).await.unwrap(), b"half");
    assert_eq!(read(&client).await.unwrap_err().kind(), io::ErrorKind::UnexpectedEof);

    let (client, server) = pair().await;
    server.try_write_vectored(&[IoSlice::new(b"whole")]).unwrap();
    drop(server);
    assert_eq!(read(&client).await.unwrap(), b"whole");
    assert_eq!(read(&client).await.unwrap(), b"");
}

#[tokio::test]
async fn a_silent_connection_holds_no_memory_for_records() {
    let (client, server) = pair().await;
    write_all(&client, &vec![1; 50_000]).await;
    let mut received = BytesMut::new();
    while received.len() < 50_000 {
        poll_fn(|cx| {
            ready!(server.poll_read_ready(cx))?;
            match server.try_read(&mut received) {
                Err(error) if is_blocked(&error) => Poll::Ready(Ok(0)),
                read => Poll::Ready(read),
            }
        })
        .await
        .unwrap();
    }
    assert!(server.try_read(&mut received).is_err_and(|error| is_blocked(&error)));
    let state = server.state.borrow();
    assert_eq!([&state.incoming, &state.plain, &state.outgoing].map(BytesMut::capacity), [0; 3]);
}
