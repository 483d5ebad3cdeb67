//! HTTP connections: how many, for how long, and how slow they may be.
//!
//! hyper reads and writes; what a request gets is decided by the function that is handed in.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::os::fd::AsFd;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::time::{sleep, timeout};

use crate::base::limits::{
    HTTP_CONNECTION_SECONDS_MAX, HTTP_CONNECTIONS_MAX, HTTP_HEAD_LEN_MAX, HTTP_PAUSE_SECONDS_MAX,
};
use crate::net::seats::{Places, Seat, Seats};
use crate::net::tcp::{AcceptTrouble, is_passing};
use crate::sys::socket::set_send_timeout;

/// See `HTTP_PAUSE_SECONDS_MAX`.
const PAUSE_MAX: Duration = Duration::from_secs(HTTP_PAUSE_SECONDS_MAX);

/// No bound for one client: behind a proxy or a tunnel all have one address.
const PLACES: Places = Places { total: HTTP_CONNECTIONS_MAX, per_client: HTTP_CONNECTIONS_MAX };

/// What a request of a client gets.
type Respond = dyn Fn(SocketAddr, &Request<Incoming>) -> Response<Full<Bytes>> + Send + Sync;

/// The HTTP side of the server.
#[derive(Clone)]
pub struct HttpServer {
    respond: Arc<Respond>,
    seats: Seats,
    /// Turns true when the server stops. Every listener and connection holds one, so that the
    /// sender sees when all have ended.
    stopping: watch::Receiver<bool>,
}

impl HttpServer {
    /// A server without listeners. It drains when `stopping` turns true.
    pub fn new(
        respond: impl Fn(SocketAddr, &Request<Incoming>) -> Response<Full<Bytes>>
        + Send
        + Sync
        + 'static,
        stopping: watch::Receiver<bool>,
    ) -> Self {
        Self { respond: Arc::new(respond), seats: Seats::default(), stopping }
    }

    /// Accepts connections until the server stops.
    pub async fn listen(self, listener: TcpListener) {
        let mut stopping = self.stopping.clone();
        let mut trouble = AcceptTrouble::default();
        loop {
            let accepted = tokio::select! {
                accepted = listener.accept() => accepted,
                _ = stopping.wait_for(|stopping| *stopping) => return,
            };
            match accepted {
                Ok((stream, peer)) => {
                    let seat = self.seats.take(peer, PLACES);
                    tokio::spawn(self.clone().serve(stream, peer, seat));
                }
                Err(error) if is_passing(&error) => (),
                Err(error) => trouble.pause(&error, "HTTP").await,
            }
        }
    }

    /// Serves one connection until one side has had enough.
    async fn serve(mut self, stream: TcpStream, peer: SocketAddr, seat: Seat) {
        if stream.set_nodelay(true).is_err() || set_send_timeout(stream.as_fd(), PAUSE_MAX).is_err()
        {
            return;
        }
        let leave = seat.leave();
        let service = service_fn(|request| {
            seat.touch();
            let response = (self.respond)(peer, &request);
            async move { Ok::<_, Infallible>(response) }
        });
        let mut connection = pin!(
            http1::Builder::new()
                .timer(TokioTimer::new())
                .header_read_timeout(PAUSE_MAX)
                .max_buf_size(HTTP_HEAD_LEN_MAX)
                .serve_connection(TokioIo::new(stream), service)
        );
        tokio::select! {
            // How it ended concerns the client alone.
            _ = connection.as_mut() => return,
            () = leave.notified() => return,
            _ = self.stopping.wait_for(|stopping| *stopping) => (),
            () = sleep(Duration::from_secs(HTTP_CONNECTION_SECONDS_MAX)) => (),
        }
        connection.as_mut().graceful_shutdown();
        let _ = timeout(PAUSE_MAX, connection).await;
    }
}
