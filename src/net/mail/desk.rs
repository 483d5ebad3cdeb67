//! What drives a session with a client, whichever protocol it speaks.

use std::time::Duration;

use tokio::sync::watch;

use crate::net::mail::connection::{Connection, Read};

/// Why a session ends that the client did not end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ending {
    /// The server stops.
    Stopping,
    /// The client was silent for too long.
    Silence,
}

/// A session, and what it works with.
pub(super) trait Desk {
    /// How long the client may be silent.
    const PATIENCE: Duration;

    /// Hands in what has been read, and does what the session wants; `None` if the client has gone.
    async fn go_on(&mut self, connection: &mut Connection) -> Option<()>;

    /// What is to be sent.
    fn output(&mut self) -> &mut Vec<u8>;

    /// Whether the connection is to be closed when all has been sent.
    fn is_closing(&self) -> bool;

    /// Ends the session, and tells the client why.
    fn end(&mut self, why: Ending);
}

/// Serves one connection until it ends.
pub(super) async fn drive<D: Desk>(
    mut desk: D,
    mut connection: Connection,
    mut stopping: watch::Receiver<bool>,
) {
    loop {
        let Some(()) = desk.go_on(&mut connection).await else { return };
        let Ok(()) = connection.write(desk.output()).await else { return };
        if desk.is_closing() {
            return connection.close().await;
        }
        if !connection.input.is_empty() {
            continue;
        }
        let read = tokio::select! {
            read = connection.read_within(D::PATIENCE) => read,
            _ = stopping.wait_for(|stopping| *stopping) => {
                desk.end(Ending::Stopping);
                continue;
            }
        };
        match read {
            Read::Some => (),
            Read::End => return,
            Read::TooLate => desk.end(Ending::Silence),
        }
    }
}
