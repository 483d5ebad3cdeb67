//! One connection to another host, and one message over it.

use std::fs::File;
use std::io::{self, BufReader, Read as _};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::mail::smtp::client::{Action, Mail, Outcome, Session};
use crate::net::mail::Shared;
use crate::net::mail::connection::{Connection, Read};
use crate::net::mail::relay::HostSeat;

/// How long a connection may take to begin. A host that is there answers within the three tries that
/// the kernel makes by then.
const CONNECT_PATIENCE: Duration = Duration::from_secs(30);

/// How long a conversation may last. At 10 kB/s it is time for a message of the usual largest size.
const CONVERSATION_MAX: Duration = Duration::from_secs(3600);

/// Octets of a message that are sent at once.
const PIECE_LEN: usize = 64 << 10;

/// Opens a message at the beginning of its content. May block.
pub(super) type OpenMessage = Arc<dyn Fn() -> io::Result<BufReader<File>> + Send + Sync>;

/// What came of a conversation.
pub(super) struct Conversation {
    /// What has become of each recipient.
    pub outcomes: Vec<Outcome>,
    /// Whether the host may have taken the message without saying so.
    pub is_in_doubt: bool,
    /// Whether it has let time run out.
    pub is_silent: bool,
    /// What is left to be said.
    pub parting: Parting,
}

/// A connection over which nothing is left to do but to say goodbye.
pub(super) struct Parting {
    connection: Connection,
    output: Vec<u8>,
    patience: Duration,
    /// Held as long as the connection is.
    _seat: HostSeat,
}

impl Parting {
    /// Says goodbye. How the host takes it changes nothing.
    pub(super) async fn say_goodbye(mut self) {
        if self.output.is_empty() {
            return;
        }
        let goodbye = async {
            self.connection.write(&mut self.output).await?;
            self.connection.read_within(self.patience).await;
            self.connection.close().await;
            io::Result::Ok(())
        };
        let _ = timeout(self.patience, goodbye).await;
    }
}

/// Connects to a host.
///
/// # Errors
///
/// Fails if it does not answer, or takes too long.
pub(super) async fn connect(address: SocketAddr) -> io::Result<Connection> {
    let connected = timeout(CONNECT_PATIENCE, TcpStream::connect(address)).await;
    let stream = connected.map_err(|_| io::Error::from(io::ErrorKind::TimedOut))??;
    stream.set_nodelay(true)?;
    Ok(Connection::new(stream, address))
}

/// Sends a message.
pub(super) async fn converse(
    (mut connection, seat): (Connection, HostSeat),
    mail: Mail,
    open: OpenMessage,
) -> Conversation {
    let mut session = Session::new(mail);
    let talk = talk(&mut connection, &mut session, &open);
    let is_silent = timeout(CONVERSATION_MAX, talk).await.unwrap_or(true);
    if is_silent {
        session.handle_end("the host was silent for too long");
    }
    let parting = Parting {
        connection,
        output: std::mem::take(session.output()),
        patience: session.patience(),
        _seat: seat,
    };
    let is_in_doubt = session.is_in_doubt();
    Conversation { is_in_doubt, is_silent, outcomes: session.into_outcomes(), parting }
}

/// Goes on until all outcomes are known, or the host lets time run out, which is returned.
async fn talk(connection: &mut Connection, session: &mut Session, open: &OpenMessage) -> bool {
    loop {
        let taken = session.handle_input(&connection.input);
        connection.input.drain(..taken);
        while let Some(action) = session.poll_action() {
            match action {
                // It is not asked for: `may_start_tls` is false.
                Action::StartTls => session.handle_end("TLS cannot begin"),
                Action::SendContent => send_content(connection, session, open).await,
                Action::Decided | Action::Close => return false,
            }
        }
        if connection.write(session.output()).await.is_err() {
            session.handle_end("the connection was lost");
            continue;
        }
        if !connection.input.is_empty() {
            continue;
        }
        match connection.read_within(session.patience()).await {
            Read::Some => (),
            Read::End => session.handle_end("the connection was lost"),
            Read::TooLate => return true,
        }
    }
}

async fn send_content(connection: &mut Connection, session: &mut Session, open: &OpenMessage) {
    let open = Arc::clone(open);
    let Ok(mut file) = Shared::blocking(move || open()).await else {
        return session.handle_end("the message cannot be read here");
    };
    loop {
        let read = Shared::blocking(move || {
            let mut piece = Vec::with_capacity(PIECE_LEN);
            file.by_ref().take(PIECE_LEN as u64).read_to_end(&mut piece)?;
            Ok((piece, file))
        });
        let Ok((piece, rest)) = read.await else {
            return session.handle_end("the message cannot be read here");
        };
        file = rest;
        if piece.is_empty() {
            return session.handle_content_end();
        }
        session.handle_content(&piece);
        if connection.write(session.output()).await.is_err() {
            return session.handle_end("the connection was lost");
        }
    }
}
