//! Who answers where a name leads to.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::acme::Wanted;
use crate::acme::challenge::{Certificate, Stage};
use crate::acme::store::blocking;
use crate::acme::trouble::Trouble;
use crate::http::unguessable;
use crate::tls;

/// For one answer, connecting included.
const PATIENCE: Duration = Duration::from_secs(10);

/// A head, and what we would answer.
const MOST_READ: u64 = 16 * 1024;

/// Who answers.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Seen {
    Ours,
    /// What it says.
    Other(String),
    /// Why not.
    Nobody(String),
    /// From here there is no way to such addresses, which others may have.
    OutOfSight(String),
}

impl Seen {
    fn nothing(error: &io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::NetworkUnreachable | io::ErrorKind::AddrNotAvailable => {
                Self::OutOfSight(error.to_string())
            }
            _ => Self::Nobody(error.to_string()),
        }
    }
}

/// Asks for a token that only we know, as the authority will for its own.
pub(super) async fn http(stage: &Stage, name: &str, at: SocketAddr) -> Seen {
    let [token, answer] =
        [unguessable(), unguessable()].map(|text| String::from_utf8_lossy(&text).into_owned());
    let _shown = stage.answer(&token, &answer);
    let asked = timeout(PATIENCE, ask(name, &token, at)).await;
    match asked.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into())) {
        Ok(said) if said.trim_end().ends_with(&answer) => Seen::Ours,
        Ok(said) => Seen::Other(first_line(&said)),
        Err(error) => Seen::nothing(&error),
    }
}

async fn ask(name: &str, token: &str, at: SocketAddr) -> io::Result<String> {
    let mut stream = TcpStream::connect(at).await?;
    let request = format!(
        "GET /.well-known/acme-challenge/{token} HTTP/1.1\r\nHost: {name}\r\nUser-Agent: rproxy\r\n\
         Connection: close\r\n\r\n"
    );
    stream.write_all(request.as_bytes()).await?;
    let mut said = Vec::new();
    stream.take(MOST_READ).read_to_end(&mut said).await?;
    Ok(String::from_utf8_lossy(&said).into_owned())
}

fn first_line(said: &str) -> String {
    match said.lines().next() {
        Some(line) => line.chars().filter(|char| !char.is_control()).take(100).collect(),
        None => "it closes the connection".into(),
    }
}

/// Asks for a certificate that only we could show, as the authority will.
pub(super) async fn tls(wanted: &Wanted, name: &str, at: SocketAddr) -> Result<Seen, Trouble> {
    let digest = unguessable();
    let _shown = Certificate::show(&wanted.managed, name, &digest)?;
    let Some(expected) = wanted.managed.challenge(name) else { return Ok(Seen::Nobody("it is gone".into())) };
    let name = name.to_owned();
    let seen = blocking(move || tls::shown_certificate(at, &name, b"acme-tls/1", PATIENCE)).await;
    Ok(match seen {
        Ok(shown) if expected.certified().cert.iter().any(|ours| ours[..] == shown[..]) => Seen::Ours,
        Ok(_) => Seen::Other("it shows a certificate of its own".into()),
        Err(error) if error.kind() == io::ErrorKind::InvalidData => Seen::Other(error.to_string()),
        Err(error) => Seen::nothing(&error),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_there_is_no_way_to_is_not_said_to_be_closed() {
        let seen = |error: io::ErrorKind| Seen::nothing(&error.into());
        assert!(matches!(seen(io::ErrorKind::NetworkUnreachable), Seen::OutOfSight(_)));
        assert!(matches!(seen(io::ErrorKind::ConnectionRefused), Seen::Nobody(_)));
    }
}
