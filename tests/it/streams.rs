//! TCP clients that ask for more than they read: who is waited for, who is cut, and what is kept.

use crate::message::{Asking, query};
use crate::server::{ANSWER, PATIENCE, Server, ZONE, connect, framed, read_reply, www};
use crate::world::name;
use kereru::wire::numbers::Rtype;
use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream, UdpSocket};
use std::time::{Duration, Instant};

use socket2::{Domain, Socket, Type};

/// Questions whose answers are more than a kernel keeps for a connection by itself.
const MANY: usize = 100;

/// The least time that a connection may be idle.
const IDLE_TIMEOUT: Duration = Duration::from_secs(1);

/// Octets of a large reply and its length: 250 strings of 251 octets behind header, question and the
/// head of the record.
const REPLY_LEN: usize = 2 + 12 + (15 + 4) + 12 + 250 * 251;

/// A server with a large answer.
fn with_large_answer(more: &str) -> Server {
    let large = format!("{ZONE}large TXT {}\n", format!("\"{}\" ", "x".repeat(250)).repeat(250));
    let config = format!(
        "listen: ['127.0.0.1:0']\nzones: [{{zone: example, file: example.zone}}]\n{more}\n"
    );
    Server::start(&config, &[("example.zone", &large)])
}

fn large() -> Vec<u8> {
    framed(&query(&name("large.example."), Rtype::TXT, Asking::PLAIN))
}

/// A client whose kernel takes little that it does not read.
fn connect_with_little_room(server: SocketAddr) -> TcpStream {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    socket.set_recv_buffer_size(4096).unwrap();
    socket.connect(&server.into()).unwrap();
    let stream = TcpStream::from(socket);
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream
}

/// Gives the pace at which a client reads: a socket to which nobody sends.
fn pace(step: Duration) -> impl Fn() {
    let silent = UdpSocket::bind("127.0.0.1:0").unwrap();
    silent.set_read_timeout(Some(step)).unwrap();
    move || assert!(silent.recv(&mut [0; 1]).is_err())
}

/// Takes little by little what comes, for several idle timeouts; returns how much that was.
fn take_slowly(stream: &mut TcpStream) -> usize {
    let (began, mut taken) = (Instant::now(), 0);
    let wait = pace(Duration::from_millis(50));
    while began.elapsed() < 3 * IDLE_TIMEOUT {
        wait();
        let count = stream.read(&mut [0; 1024]).unwrap();
        assert!(count > 0, "cut after {taken} octets");
        taken += count;
    }
    taken
}

/// Takes all that there is; returns how much, and whether that was cut short by a reset.
fn take_all(stream: &mut TcpStream) -> (usize, bool) {
    let mut buffer = vec![0; 1 << 16];
    let mut taken = 0;
    loop {
        match stream.read(&mut buffer) {
            Ok(0) => return (taken, false),
            Ok(count) => taken += count,
            Err(error) if error.kind() == ErrorKind::ConnectionReset => return (taken, true),
            Err(error) => panic!("{error} after {taken} octets"),
        }
    }
}

/// Waits until a server has so many connections.
fn wait_for_connections(server: &Server, count: usize) {
    let wanted = format!("\nkereru_tcp_connections {count}\n");
    let deadline = Instant::now() + PATIENCE;
    while !crate::http::metrics(server.http[0]).contains(&wanted) {
        assert!(Instant::now() < deadline, "there are never {count} connections");
    }
}

#[test]
fn client_that_reads_slowly_gets_all_replies() {
    let server = with_large_answer("tcp: {idle-timeout: 1s}");
    let mut stream = connect_with_little_room(server.addresses[0]);
    stream.write_all(&large().repeat(MANY)).unwrap();
    let rest = MANY * REPLY_LEN - take_slowly(&mut stream);
    stream.read_exact(&mut vec![0; rest]).unwrap();
    stream.write_all(&framed(&www())).unwrap();
    assert_eq!(read_reply(&mut stream).render(), ANSWER);
}

#[test]
fn client_that_asks_no_more_gets_all_replies_however_slowly_it_reads() {
    let server = with_large_answer("tcp: {idle-timeout: 1s}");
    let mut stream = connect_with_little_room(server.addresses[0]);
    stream.write_all(&large().repeat(2)).unwrap();
    stream.shutdown(Shutdown::Write).unwrap();
    let taken = take_slowly(&mut stream);
    assert_eq!(take_all(&mut stream), (2 * REPLY_LEN - taken, false));
}

#[test]
fn client_that_takes_nothing_is_cut_and_nothing_is_kept_for_it() {
    // Neither ends while it takes nothing: one waits in writing, the other has ended asking.
    for (questions, asks_more) in [(MANY, true), (1, false)] {
        let server = with_large_answer("tcp: {idle-timeout: 1s}\nhttp: {listen: ['127.0.0.1:0']}");
        let mut deaf = connect_with_little_room(server.addresses[0]);
        deaf.write_all(&large().repeat(questions)).unwrap();
        if !asks_more {
            deaf.shutdown(Shutdown::Write).unwrap();
        }
        wait_for_connections(&server, 1);
        wait_for_connections(&server, 0);
        let (taken, is_reset) = take_all(&mut deaf);
        assert!(is_reset && taken < REPLY_LEN, "{taken} octets came");
    }
}

#[test]
fn nothing_is_kept_for_a_client_that_made_room_for_another() {
    let server = with_large_answer("tcp: {connections: 1, idle-timeout: 1h}");
    let mut deaf = connect_with_little_room(server.addresses[0]);
    deaf.write_all(&large()).unwrap();
    // Its reply is under way when the first octet of it has come.
    assert_eq!(deaf.peek(&mut [0; 1]).unwrap(), 1);
    let mut next = connect(server.addresses[0]);
    next.write_all(&framed(&www())).unwrap();
    assert_eq!(read_reply(&mut next).render(), ANSWER);
    let (taken, is_reset) = take_all(&mut deaf);
    assert!(is_reset && taken < REPLY_LEN, "{taken} octets came");
}
