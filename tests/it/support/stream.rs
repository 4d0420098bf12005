//! TCP and Unix sockets behind one blocking type.

use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::os::unix::net::UnixStream;
use std::time::Duration;

/// What an upstream is reached by: most behaviour has to hold for both.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transport {
    Tcp,
    Unix,
}

#[derive(Debug)]
pub enum Stream {
    Tcp(TcpStream),
    Unix(UnixStream),
    Tls(Box<rustls::StreamOwned<rustls::ClientConnection, TcpStream>>),
}

macro_rules! each {
    ($stream:expr, $inner:ident => $body:expr) => {
        match $stream {
            Stream::Tcp($inner) => $body,
            Stream::Unix($inner) => $body,
            Stream::Tls(tls) => {
                let $inner = &tls.sock;
                $body
            }
        }
    };
}

impl Stream {
    /// Connects to `ip:port` or `unix:/path`, as both are written in a configuration.
    pub fn connect(address: &str) -> Self {
        let stream = Self::try_connect(address);
        let stream = stream.unwrap_or_else(|error| panic!("cannot connect to {address}: {error}"));
        stream.set_patience(super::PATIENCE);
        stream
    }

    pub fn try_connect(address: &str) -> io::Result<Self> {
        match address.strip_prefix("unix:") {
            Some(path) => UnixStream::connect(path).map(Self::Unix),
            None => TcpStream::connect(address).map(Self::Tcp),
        }
    }

    pub fn set_patience(&self, patience: Duration) {
        each!(self, inner => {
            inner.set_read_timeout(Some(patience)).unwrap();
            inner.set_write_timeout(Some(patience)).unwrap();
        });
    }

    pub fn try_clone(&self) -> Self {
        match self {
            Self::Tcp(inner) => Self::Tcp(inner.try_clone().unwrap()),
            Self::Unix(inner) => Self::Unix(inner.try_clone().unwrap()),
            Self::Tls(_) => panic!("a session has one owner"),
        }
    }

    /// A peer that is gone already makes this fail, which is as good.
    pub fn shutdown(&self, how: Shutdown) {
        let _ = each!(self, inner => inner.shutdown(how));
    }
}

impl Read for Stream {
    /// With a time limit on it, a socket's read is interrupted even by what the process ignores, as when
    /// it is stopped and continued (signal(7)); without this loop that would look like the peer's doing.
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            let read = match self {
                Self::Tcp(inner) => inner.read(buffer),
                Self::Unix(inner) => inner.read(buffer),
                Self::Tls(inner) => inner.read(buffer),
            };
            match read {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                result => return result,
            }
        }
    }
}

impl Write for Stream {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Tcp(inner) => inner.write(bytes),
            Self::Unix(inner) => inner.write(bytes),
            Self::Tls(inner) => inner.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Tcp(inner) => inner.flush(),
            Self::Unix(inner) => inner.flush(),
            Self::Tls(inner) => inner.flush(),
        }
    }
}
