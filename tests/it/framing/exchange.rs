//! One case on a connection of its own: bytes out, answers in.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};

use super::corpus::{Answer, Case, End};

const PROBE: &[u8] = b"GET /echo/probe HTTP/1.1\r\nHost: a.test\r\n\r\n";

/// Sends the case in the given pieces and checks what comes back; the number of final answers.
pub async fn run(address: SocketAddr, case: &Case, pieces: Vec<&[u8]>) -> Result<usize, String> {
    let stream = TcpStream::connect(address).await.map_err(|error| error.to_string())?;
    stream.set_nodelay(true).map_err(|error| error.to_string())?;
    let (reader, writer) = stream.into_split();
    let limit = Duration::from_secs(10);
    let answers = Answers { reader, buffer: Vec::new(), ended: false, finals: 0 };
    let both = async { tokio::join!(send(writer, case, pieces), receive(answers, case)) };
    match tokio::time::timeout(limit, both).await {
        Ok((_writer, result)) => result,
        Err(_) => Err(format!("nothing more came within {limit:?}")),
    }
}

/// A server that has refused a request need not read the rest of it, so a failing write is no failure.
async fn send(mut writer: OwnedWriteHalf, case: &Case, pieces: Vec<&[u8]>) -> OwnedWriteHalf {
    let last = pieces.len().saturating_sub(1);
    for (index, piece) in pieces.into_iter().enumerate() {
        if writer.write_all(piece).await.is_err() {
            return writer;
        }
        if index < last {
            // No event tells that the other side has read the piece by itself.
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }
    let _ = match case.end {
        End::Keep | End::Sync => writer.write_all(PROBE).await,
        End::Close if case.eof => writer.shutdown().await,
        End::Close | End::Tunnel => Ok(()),
    };
    writer
}

async fn receive(mut answers: Answers, case: &Case) -> Result<usize, String> {
    let mut early = None;
    for expected in &case.answers {
        let Some(got) = (match early.take() {
            Some(got) => Some(got),
            None => answers.next(expected.bodyless).await?,
        }) else {
            if expected.optional {
                continue;
            }
            return Err(format!("the connection ended instead of {:?}", expected.statuses));
        };
        if expected.optional && !expected.statuses.contains(&got.status) {
            early = Some(got);
            continue;
        }
        got.check(expected)?;
    }
    let next = match early {
        None if case.end != End::Tunnel => answers.next(false).await?,
        early => early,
    };
    let probe = |got: &Got| got.status == 200 && got.body == b"/echo/probe";
    match (case.end, next) {
        (End::Keep, Some(got)) | (End::Sync, Some(got)) if probe(&got) => Ok(answers.finals),
        (End::Close | End::Sync, None) => Ok(answers.finals),
        (End::Tunnel, None) => Ok(answers.finals),
        (_, None) => Err("the connection ended instead of staying".into()),
        (end, Some(got)) => Err(format!("instead of `{end:?}` another answer: {}", got.shown())),
    }
}

struct Answers {
    reader: OwnedReadHalf,
    buffer: Vec<u8>,
    ended: bool,
    finals: usize,
}

struct Got {
    status: u16,
    body: Vec<u8>,
}

impl Got {
    fn shown(&self) -> String {
        format!("{} {}", self.status, self.body[..self.body.len().min(200)].escape_ascii())
    }

    fn check(&self, expected: &Answer) -> Result<(), String> {
        if !expected.statuses.contains(&self.status) {
            return Err(format!("{:?} was due and came {}", expected.statuses, self.shown()));
        }
        match &expected.body {
            Some(body) if *body != self.body => Err(format!("another body was due than {}", self.shown())),
            _ => Ok(()),
        }
    }
}
