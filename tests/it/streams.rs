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

/// How long a connection may be idle where a client reads slowly.
const SLOW_IDLE_TIMEOUT: Duration = Duration::from_secs(2);

/// The pace of a client who reads slowly: the shorter reply takes it longer than the idle timeout.
const OCTETS_PER_MS: usize = 6;

/// Strings of a reply that is nearly as long as there can be.
const LARGE: usize = 250;

/// Strings of a reply that the kernel takes whole, though the client's takes little of it.
const SMALL: usize = 70;

/// Octets of a reply of so many strings and its length: they stand behind header, question and the
/// head of the record.
const fn reply_len(strings: usize) -> usize {
    2 + 12 + (13 + 4) + 12 + strings * 251
}

/// A server with long answers, named by how many strings they have, in three digits.
fn with_long_answers(more: &str) -> Server {
    let string = format!("\"{}\" ", "x".repeat(250));
    let records =
        [LARGE, SMALL].map(|strings| format!("{strings:03} TXT {}\n", string.repeat(strings)));
    let config = format!(
        "listen: ['127.0.0.1:0']\nzones: [{{zone: example, file: example.zone}}]\n{more}\n"
    );
    Server::start(&config, &[("example.zone", &format!("{ZONE}{}", records.concat()))])
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

/// A client who has asked so many times for so many strings, and has read none yet.
fn deaf(server: SocketAddr, (questions, strings): (usize, usize)) -> TcpStream {
    let mut stream = connect_with_little_room(server);
    let owner = name(&format!("{strings:03}.example."));
    let question = framed(&query(&owner, Rtype::TXT, Asking::PLAIN));
    stream.write_all(&question.repeat(questions)).unwrap();
    stream
}

/// Gives the pace at which a client reads: a socket to which nobody sends.
fn pace(step: Duration) -> impl Fn() {
    let silent = UdpSocket::bind("127.0.0.1:0").unwrap();
    silent.set_read_timeout(Some(step)).unwrap();
    move || assert!(silent.recv(&mut [0; 1]).is_err())
}

/// Takes what comes at a pace of a few octets a millisecond, until it is so much or several idle
/// timeouts have passed; returns how much it was. The client's kernel tells of it about once a second.
fn take_slowly(stream: &mut TcpStream, most: usize) -> usize {
    let (began, mut taken) = (Instant::now(), 0);
    let wait = pace(Duration::from_millis(20));
    while taken < most && began.elapsed() < 3 * SLOW_IDLE_TIMEOUT {
        wait();
        let due = OCTETS_PER_MS * began.elapsed().as_millis() as usize;
        let count = stream.read(&mut vec![0; due.min(most) - taken]).unwrap();
        assert!(count > 0, "cut after {taken} octets");
        taken += count;
    }
    taken
}

/// Takes all that there is; returns how much.
fn take_all(stream: &mut TcpStream) -> usize {
    let mut taken = Vec::new();
    stream.read_to_end(&mut taken).unwrap();
    taken.len()
}

/// Waits until the server has reset a connection; returns how much of its replies had come before.
fn take_all_after_reset(stream: &mut TcpStream) -> usize {
    let deadline = Instant::now() + PATIENCE;
    let wait = pace(Duration::from_millis(10));
    loop {
        match stream.take_error().unwrap() {
            Some(error) => {
                assert_eq!(error.kind(), ErrorKind::ConnectionReset);
                return take_all(stream);
            }
            None => assert!(Instant::now() < deadline, "the connection is never reset"),
        }
        wait();
    }
}

#[test]
fn client_that_reads_slowly_gets_all_replies() {
    let server = with_long_answers("tcp: {idle-timeout: 2s}");
    for (questions, strings) in [(MANY, LARGE), (1, SMALL)] {
        let mut stream = deaf(server.addresses[0], (questions, strings));
        let all = questions * reply_len(strings);
        let taken = take_slowly(&mut stream, all);
        stream.read_exact(&mut vec![0; all - taken]).unwrap();
        stream.write_all(&framed(&www())).unwrap();
        assert_eq!(read_reply(&mut stream).render(), ANSWER);
    }
}

#[test]
fn client_that_asks_no_more_gets_all_replies_however_slowly_it_reads() {
    let server = with_long_answers("tcp: {idle-timeout: 2s}");
    let mut stream = deaf(server.addresses[0], (1, SMALL));
    stream.shutdown(Shutdown::Write).unwrap();
    assert_eq!(take_slowly(&mut stream, reply_len(SMALL)), reply_len(SMALL));
    assert_eq!(take_all(&mut stream), 0);
}

#[test]
fn client_that_takes_nothing_is_cut_and_nothing_is_kept_for_it() {
    let server = with_long_answers("tcp: {idle-timeout: 1s}");
    // For the first the server waits in writing, for the others it has written all.
    let [mut waiting, mut idle, mut gone] =
        [(MANY, LARGE), (1, SMALL), (1, SMALL)].map(|asked| deaf(server.addresses[0], asked));
    gone.shutdown(Shutdown::Write).unwrap();
    for stream in [&mut waiting, &mut idle, &mut gone] {
        let taken = take_all_after_reset(stream);
        assert!(taken < reply_len(SMALL), "{taken} octets came");
    }
}

#[test]
fn nothing_is_kept_for_a_client_that_made_room_for_another() {
    for asked in [(MANY, LARGE), (1, SMALL)] {
        let server = with_long_answers("tcp: {connections: 1, idle-timeout: 1h}");
        let mut deaf = deaf(server.addresses[0], asked);
        // Its replies are under way when the first octet of them has come.
        assert_eq!(deaf.peek(&mut [0; 1]).unwrap(), 1);
        let mut next = connect(server.addresses[0]);
        next.write_all(&framed(&www())).unwrap();
        assert_eq!(read_reply(&mut next).render(), ANSWER);
        let taken = take_all_after_reset(&mut deaf);
        assert!(taken < reply_len(SMALL), "{taken} octets came");
    }
}
