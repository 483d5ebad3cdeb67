//! HTTP connections: how many, for how long, and how slow they may be.
//!
//! hyper reads and writes; what a request gets is decided by the function that is handed in.

use std::collections::HashMap;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::os::fd::AsFd;
use std::pin::pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Notify, watch};
use tokio::time::{sleep, timeout};

use crate::base::limits::{
    HTTP_CONNECTION_SECONDS_MAX, HTTP_CONNECTIONS_MAX, HTTP_HEAD_LEN_MAX, HTTP_PAUSE_SECONDS_MAX,
};
use crate::net::tcp::{ACCEPT_PAUSE, is_passing};
use crate::sys::socket::set_send_timeout;

/// See `HTTP_PAUSE_SECONDS_MAX`.
const PAUSE_MAX: Duration = Duration::from_secs(HTTP_PAUSE_SECONDS_MAX);

/// What a request of a client gets.
type Respond = dyn Fn(SocketAddr, &Request<Incoming>) -> Response<Full<Bytes>> + Send + Sync;

/// The HTTP side of the server.
#[derive(Clone)]
pub struct HttpServer {
    respond: Arc<Respond>,
    seats: Arc<Mutex<Seats>>,
    /// Turns true when the server stops. Every listener and connection holds one, so that the
    /// sender sees when all have ended.
    stopping: watch::Receiver<bool>,
}

/// The connections that are open.
#[derive(Debug, Default)]
struct Seats {
    next: u64,
    taken: HashMap<u64, Taken>,
}

/// A connection that is open.
#[derive(Debug)]
struct Taken {
    /// When its last request came, or itself.
    active: Instant,
    /// Tells it to end.
    leave: Arc<Notify>,
}

/// A place among the open connections, given back when dropped.
#[derive(Debug)]
struct Seat {
    number: u64,
    seats: Arc<Mutex<Seats>>,
    leave: Arc<Notify>,
}

impl Seat {
    /// Takes a place. If all are taken, the connection with the oldest request gives up its own.
    fn take(seats: &Arc<Mutex<Seats>>) -> Self {
        let leave = Arc::new(Notify::new());
        let mut open = seats.lock().unwrap_or_else(PoisonError::into_inner);
        if open.taken.len() >= HTTP_CONNECTIONS_MAX {
            let idlest = open.taken.iter().min_by_key(|(_, taken)| taken.active);
            if let Some((&number, _)) = idlest
                && let Some(taken) = open.taken.remove(&number)
            {
                taken.leave.notify_one();
            }
        }
        let number = open.next;
        open.next += 1;
        open.taken.insert(number, Taken { active: Instant::now(), leave: Arc::clone(&leave) });
        Self { number, seats: Arc::clone(seats), leave }
    }

    /// Notes that a request came.
    fn touch(&self) {
        let mut open = self.seats.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(taken) = open.taken.get_mut(&self.number) {
            taken.active = Instant::now();
        }
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut open = self.seats.lock().unwrap_or_else(PoisonError::into_inner);
        open.taken.remove(&self.number);
    }
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
        Self { respond: Arc::new(respond), seats: Arc::default(), stopping }
    }

    /// Accepts connections until the server stops.
    pub async fn listen(self, listener: TcpListener) {
        let mut stopping = self.stopping.clone();
        loop {
            let accepted = tokio::select! {
                accepted = listener.accept() => accepted,
                _ = stopping.wait_for(|stopping| *stopping) => return,
            };
            match accepted {
                Ok((stream, peer)) => {
                    let seat = Seat::take(&self.seats);
                    tokio::spawn(self.clone().serve(stream, peer, seat));
                }
                Err(error) if is_passing(&error) => (),
                Err(_) => sleep(ACCEPT_PAUSE).await,
            }
        }
    }

    /// Serves one connection until one side has had enough.
    async fn serve(mut self, stream: TcpStream, peer: SocketAddr, seat: Seat) {
        if stream.set_nodelay(true).is_err() || set_send_timeout(stream.as_fd(), PAUSE_MAX).is_err()
        {
            return;
        }
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
            () = seat.leave.notified() => return,
            _ = self.stopping.wait_for(|stopping| *stopping) => (),
            () = sleep(Duration::from_secs(HTTP_CONNECTION_SECONDS_MAX)) => (),
        }
        connection.as_mut().graceful_shutdown();
        let _ = timeout(PAUSE_MAX, connection).await;
    }
}
