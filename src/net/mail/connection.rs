//! A connection of a mail session, with a client or with a host: octets in and out, in the clear or
//! within TLS, within time.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

/// How long the other side may take nothing (RFC 5321 §4.5.3.2).
const PAUSE_MAX: Duration = Duration::from_secs(300);

/// How long a client may take to begin TLS. It is two round trips, and a certificate to look at.
const HANDSHAKE_MAX: Duration = Duration::from_secs(30);

/// The least octets that are read at once.
const READ_LEN: usize = 16 << 10;

/// One connection.
#[derive(Debug)]
pub(super) struct Connection {
    stream: Stream,
    pub(super) peer: SocketAddr,
    /// What has been read and no session has taken.
    pub(super) input: Vec<u8>,
}

/// What octets go through.
#[derive(Debug)]
enum Stream {
    Clear(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
    /// TLS could not begin.
    Broken,
}

/// What came of waiting for octets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Read {
    /// There are more.
    Some,
    /// The client has gone.
    End,
    /// It has been silent for too long.
    TooLate,
}

impl Connection {
    pub(super) fn new(stream: TcpStream, peer: SocketAddr) -> Self {
        Self { stream: Stream::Clear(stream), peer, input: Vec::new() }
    }

    /// Whether octets go through TLS.
    pub(super) fn is_tls(&self) -> bool {
        matches!(self.stream, Stream::Tls(_))
    }

    /// Begins TLS. What came before counts no more: a third party may have put it there.
    ///
    /// # Errors
    ///
    /// Fails if the client does not want the same TLS, or takes too long. The connection is of no use
    /// then.
    pub(super) async fn begin_tls(&mut self, acceptor: &TlsAcceptor) -> io::Result<()> {
        let Stream::Clear(stream) = std::mem::replace(&mut self.stream, Stream::Broken) else {
            return Err(io::ErrorKind::InvalidInput.into());
        };
        self.input.clear();
        let begun = timeout(HANDSHAKE_MAX, acceptor.accept(stream)).await;
        let stream = begun.map_err(|_| io::Error::from(io::ErrorKind::TimedOut))??;
        self.stream = Stream::Tls(Box::new(stream));
        Ok(())
    }

    /// Waits for octets for some time, and appends them to the input.
    pub(super) async fn read_within(&mut self, patience: Duration) -> Read {
        self.input.reserve(READ_LEN);
        let read = async {
            match &mut self.stream {
                Stream::Clear(stream) => stream.read_buf(&mut self.input).await,
                Stream::Tls(stream) => stream.read_buf(&mut self.input).await,
                Stream::Broken => Ok(0),
            }
        };
        match timeout(patience, read).await {
            Ok(Ok(1..)) => Read::Some,
            Ok(Ok(0) | Err(_)) => Read::End,
            Err(_) => Read::TooLate,
        }
    }

    /// Sends octets, and empties them.
    ///
    /// # Errors
    ///
    /// Fails if the client has gone, or takes nothing for too long.
    pub(super) async fn write(&mut self, output: &mut Vec<u8>) -> io::Result<()> {
        match &mut self.stream {
            Stream::Clear(stream) => write(stream, output).await?,
            Stream::Tls(stream) => write(stream, output).await?,
            Stream::Broken => return Err(io::ErrorKind::NotConnected.into()),
        }
        output.clear();
        Ok(())
    }

    /// Says that nothing more comes.
    pub(super) async fn close(&mut self) {
        let shutdown = async {
            match &mut self.stream {
                Stream::Clear(stream) => stream.shutdown().await,
                // Tells it within TLS as well, so that the client knows that nothing was cut off.
                Stream::Tls(stream) => stream.shutdown().await,
                Stream::Broken => Ok(()),
            }
        };
        // The client may have gone.
        let _ = timeout(PAUSE_MAX, shutdown).await;
    }
}

/// Writes octets. Time counts from the last octet that the client took.
async fn write(stream: &mut (impl AsyncWrite + Unpin), octets: &[u8]) -> io::Result<()> {
    let late = |_| io::Error::from(io::ErrorKind::TimedOut);
    let mut rest = octets;
    while !rest.is_empty() {
        let written = timeout(PAUSE_MAX, stream.write(rest)).await.map_err(late)??;
        if written == 0 {
            return Err(io::ErrorKind::WriteZero.into());
        }
        rest = rest.get(written..).unwrap_or_default();
    }
    // TLS may hold some of it.
    timeout(PAUSE_MAX, stream.flush()).await.map_err(late)?
}
