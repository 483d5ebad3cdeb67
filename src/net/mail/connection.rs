//! A connection of a mail session, with a client or with a host: octets in and out, within time.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// How long a client may say nothing, or take nothing (RFC 5321 §4.5.3.2, RFC 1939 §3: ten minutes for
/// POP3, and five for most of SMTP).
const PAUSE_MAX: Duration = Duration::from_secs(300);

/// The least octets that are read at once.
const READ_LEN: usize = 16 << 10;

/// One connection.
#[derive(Debug)]
pub(super) struct Connection {
    stream: TcpStream,
    pub(super) peer: SocketAddr,
    /// What has been read and no session has taken.
    pub(super) input: Vec<u8>,
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
        Self { stream, peer, input: Vec::new() }
    }

    /// Waits for octets, and appends them to the input.
    pub(super) async fn read(&mut self) -> Read {
        self.read_within(PAUSE_MAX).await
    }

    /// The same, within some time.
    pub(super) async fn read_within(&mut self, patience: Duration) -> Read {
        self.input.reserve(READ_LEN);
        match timeout(patience, self.stream.read_buf(&mut self.input)).await {
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
        let mut rest = output.as_slice();
        while !rest.is_empty() {
            let written = timeout(PAUSE_MAX, self.stream.write(rest)).await;
            let written = written.map_err(|_| io::Error::from(io::ErrorKind::TimedOut))??;
            if written == 0 {
                return Err(io::ErrorKind::WriteZero.into());
            }
            rest = rest.get(written..).unwrap_or_default();
        }
        output.clear();
        Ok(())
    }

    /// Says that nothing more comes.
    pub(super) async fn close(&mut self) {
        // The client may have gone.
        let _ = timeout(PAUSE_MAX, self.stream.shutdown()).await;
    }
}
