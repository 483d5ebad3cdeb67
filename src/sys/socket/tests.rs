use super::{Sharing, TCP_BUFFER_LEN, adopt_tcp, bind_tcp, unacknowledged};
use std::io::{ErrorKind, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::fd::AsFd;
use std::time::Duration;

/// Octets that go over a connection before one side stops: enough for the kernel to give it all the
/// room that it ever does.
const MUCH: usize = 32 << 20;

/// Writes as long as there is room within a moment; returns how much.
fn fill(stream: &mut TcpStream) -> usize {
    stream.set_write_timeout(Some(Duration::from_millis(200))).unwrap();
    let mut written = 0;
    loop {
        match stream.write(&[0; 4096]) {
            Ok(count) => written += count,
            Err(error) if error.kind() == ErrorKind::WouldBlock => return written,
            Err(error) => panic!("{error}"),
        }
    }
}

/// Sends much that is read.
fn transfer(from: &mut TcpStream, to: &mut TcpStream) {
    std::thread::scope(|scope| {
        scope.spawn(|| from.write_all(&vec![0; MUCH]).unwrap());
        to.read_exact(&mut vec![0; MUCH]).unwrap();
    });
}

#[track_caller]
fn check_keeps_little(listener: &TcpListener) {
    listener.set_nonblocking(false).unwrap();
    let mut client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let (mut server, _) = listener.accept().unwrap();
    transfer(&mut server, &mut client);
    transfer(&mut client, &mut server);
    fill(&mut server);
    let kept = unacknowledged(server.as_fd()).unwrap();
    assert!((1..2 * TCP_BUFFER_LEN).contains(&kept), "{kept} octets that are not read");
    let sent = fill(&mut client);
    let kept = sent - unacknowledged(client.as_fd()).unwrap();
    assert!((1..2 * TCP_BUFFER_LEN).contains(&kept), "{kept} octets that we do not read");
}

#[test]
fn kernel_keeps_little_for_a_connection_that_stalls() {
    check_keeps_little(&bind_tcp("127.0.0.1:0".parse().unwrap(), Sharing::Alone).unwrap());
}

#[test]
fn kernel_keeps_little_for_a_connection_of_a_socket_that_was_handed_over() {
    let inherited = TcpListener::bind("127.0.0.1:0").unwrap();
    check_keeps_little(&adopt_tcp(inherited.into()).unwrap());
}
