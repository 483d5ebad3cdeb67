use super::{Batch, Sent, Wait};
use crate::sys::socket::{Sharing, bind_udp, set_receive_timeout};
use std::io;
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::os::fd::AsFd;
use std::os::unix::net::UnixDatagram;
use std::time::Duration;

fn pair(server: &str) -> (UdpSocket, UdpSocket) {
    let server = bind_udp(server.parse().unwrap(), Sharing::Alone).unwrap();
    set_receive_timeout(&server, Duration::from_secs(5)).unwrap();
    let local: SocketAddr = if server.local_addr().unwrap().is_ipv4() {
        "127.0.0.1:0".parse().unwrap()
    } else {
        "[::1]:0".parse().unwrap()
    };
    let client = UdpSocket::bind(local).unwrap();
    client.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
    (server, client)
}

#[track_caller]
fn check_round_trip(server: &str, to: &str, expected_local: Option<&str>) {
    let (server, client) = pair(server);
    let to = SocketAddr::new(to.parse().unwrap(), server.local_addr().unwrap().port());
    for number in 0..3_u8 {
        client.send_to(&[number, 7], to).unwrap();
    }
    let mut batch = Batch::new();
    let mut seen = 0;
    while seen < 3 {
        let count = batch.receive(server.as_fd(), Wait::ForFirst).unwrap();
        for index in 0..count {
            let datagram = batch.datagram(index).unwrap();
            assert_eq!(datagram.peer, client.local_addr().unwrap());
            assert_eq!(datagram.local, expected_local.map(|ip| ip.parse::<IpAddr>().unwrap()));
            assert_eq!(&datagram.message[1..datagram.len], &[7]);
            datagram.message[1] = 9;
            // The second one gets no reply.
            if datagram.message[0] != 1 {
                batch.reply(index, 2);
            }
        }
        seen += count;
        batch.send(server.as_fd());
    }
    for expected in [0, 2] {
        let mut reply = [0; 16];
        let (len, from) = client.recv_from(&mut reply).unwrap();
        assert_eq!((&reply[..len], from), (&[expected, 9][..], to));
    }
}

#[test]
fn replies_go_back_to_who_asked() {
    check_round_trip("127.0.0.1:0", "127.0.0.1", None);
}

#[test]
fn reply_of_a_wildcard_socket_leaves_from_the_address_that_was_asked() {
    check_round_trip("0.0.0.0:0", "127.0.0.77", Some("127.0.0.77"));
    check_round_trip("[::]:0", "::1", Some("::1"));
}

#[test]
fn nothing_to_receive_is_told_as_would_block() {
    let (server, _client) = pair("127.0.0.1:0");
    let mut batch = Batch::new();
    let error = batch.receive(server.as_fd(), Wait::No).unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::WouldBlock);
    assert!(batch.datagram(0).is_none());
    assert_eq!(batch.send(server.as_fd()), Sent::default());
}

#[test]
fn sender_whose_address_is_of_no_family_we_know_has_port_0() {
    let (server, client) = UnixDatagram::pair().unwrap();
    client.send(&[7]).unwrap();
    let mut batch = Batch::new();
    assert_eq!(batch.receive(server.as_fd(), Wait::No).unwrap(), 1);
    let datagram = batch.datagram(0).unwrap();
    assert_eq!((datagram.len, datagram.peer.port()), (1, 0));
}
