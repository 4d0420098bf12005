//! Agreeing on keys, and what was agreed on.

use std::io;
use std::task::{Context, Poll, ready};

use rustls::pki_types::CertificateDer;

use super::{Socket, TlsStream, is_blocked};

impl TlsStream {
    /// Agrees on keys with the peer. Can be dropped with the stream only.
    ///
    /// # Errors
    /// What the peer does wrong, or says that we do (an alert); `UnexpectedEof` when it leaves.
    pub async fn handshake(&self) -> io::Result<()> {
        std::future::poll_fn(|cx| self.poll_handshake(cx)).await
    }

    fn poll_handshake(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        loop {
            let mut state = self.state.borrow_mut();
            // Our last words are to be heard, also those of a failure.
            let advanced = state.advance();
            match self.flush(&mut state) {
                Ok(()) => {}
                Err(error) if is_blocked(&error) => {
                    drop(state);
                    ready!(self.socket.poll_write_ready(cx))?;
                    advanced?;
                    continue;
                }
                Err(error) => return Poll::Ready(advanced.and(Err(error))),
            }
            advanced?;
            if state.is_established {
                return Poll::Ready(Ok(()));
            }
            if state.end.is_some() {
                return Poll::Ready(Err(io::ErrorKind::UnexpectedEof.into()));
            }
            drop(state);
            ready!(self.socket.poll_read_ready(cx))?;
            match self.fill(&mut self.state.borrow_mut(), Socket::Remembered) {
                Err(error) if !is_blocked(&error) => return Poll::Ready(Err(error)),
                _ => {}
            }
        }
    }

    /// What was agreed on.
    pub fn with_agreement<R>(&self, look: impl FnOnce(&rustls::CommonState) -> R) -> R {
        look(self.state.borrow().session.common())
    }

    /// The protocol chosen by both (ALPN, RFC 7301).
    pub fn alpn(&self) -> Option<Vec<u8>> {
        self.with_agreement(|common| common.alpn_protocol().map(<[u8]>::to_vec))
    }

    /// The certificates that the peer has shown.
    pub fn peer_certificates(&self) -> Vec<CertificateDer<'static>> {
        self.with_agreement(|common| common.peer_certificates().map(<[_]>::to_vec).unwrap_or_default())
    }
}
