//! The binary beside servers that the test plays itself: what leaves for them, and what is believed of
//! what comes back.

use crate::http::{metrics, value};
use crate::message::{Asking, query};
use crate::server::{PATIENCE, Server, ask_udp};
use crate::world::name;
use kereru::wire::header::Flags;
use kereru::wire::numbers::{Rcode, Rtype};
use std::collections::HashSet;
use std::io::{Read, Write};
use std::net::{IpAddr, SocketAddr, TcpListener, UdpSocket};
use std::thread::JoinHandle;
use std::time::Instant;

/// The address in the answer of the server that was asked.
const RIGHT: [u8; 4] = [192, 0, 2, 1];

/// The address in forged answers.
const FORGED: [u8; 4] = [192, 0, 2, 66];

fn recursive(qname: &str) -> Vec<u8> {
    let mut message = query(&name(qname), Rtype::A, Asking::PLAIN);
    message[2] |= (Flags::RD >> 8) as u8;
    message
}

/// A response to a request, with an address for its name.
fn response(request: &[u8], address: [u8; 4]) -> Vec<u8> {
    let name_len = request[12..].iter().position(|&octet| octet == 0).unwrap() + 1;
    let mut message = request[..12 + name_len + 4].to_vec();
    message[2..12].copy_from_slice(&[0x84, 0, 0, 1, 0, 1, 0, 0, 0, 0]);
    message.extend([0xC0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4]);
    message.extend(address);
    message
}

/// A server that `play` is for, on a thread of its own.
fn server(
    count: usize,
    mut play: impl FnMut(&UdpSocket, SocketAddr, &[u8]) + Send + 'static,
) -> (SocketAddr, JoinHandle<()>) {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    let address = socket.local_addr().unwrap();
    let thread = std::thread::spawn(move || {
        for _ in 0..count {
            let mut request = [0; 4096];
            let (len, from) = socket.recv_from(&mut request).unwrap();
            play(&socket, from, &request[..len]);
        }
    });
    (address, thread)
}

fn resolver(to: SocketAddr) -> Server {
    Server::start(
        &format!(
            "listen: ['127.0.0.1:0']\nhttp: {{listen: ['127.0.0.1:0']}}\nresolver: {{priming: \
             false, stub: [{{zone: a.example, to: ['{to}']}}]}}\n"
        ),
        &[],
    )
}

#[test]
fn requests_have_ids_ports_and_letters_that_nobody_can_foretell() {
    const COUNT: usize = 40;
    let (sender, seen) = std::sync::mpsc::channel();
    let (address, thread) = server(COUNT, move |socket, from, request| {
        sender.send((from.port(), request[..2].to_vec(), request[12..40].to_vec())).unwrap();
        socket.send_to(&response(request, RIGHT), from).unwrap();
    });
    let resolver = resolver(address);
    for number in 0..COUNT {
        let reply = ask_udp(resolver.addresses[0], &recursive(&format!("n{number}.a.example.")));
        assert_eq!(reply.answers[0].rdata, RIGHT);
    }
    thread.join().unwrap();
    let (mut ports, mut ids, mut letters) = (HashSet::new(), HashSet::new(), HashSet::new());
    for (port, id, name) in seen {
        ports.insert(port);
        ids.insert(id);
        letters.insert(name.iter().map(u8::is_ascii_uppercase).collect::<Vec<bool>>());
    }
    assert!(ports.len() > COUNT - 4 && ids.len() > COUNT - 4, "{ports:?} {ids:?}");
    assert!(letters.len() > COUNT / 2, "{letters:?}");
}

#[test]
fn response_from_another_port_or_about_something_else_is_not_believed() {
    let other = UdpSocket::bind("127.0.0.1:0").unwrap();
    let (address, thread) = server(1, move |socket, from, request| {
        // Right in every respect but where it comes from.
        other.send_to(&response(request, FORGED), from).unwrap();
        let elsewhere = UdpSocket::bind((std::net::Ipv4Addr::new(127, 0, 0, 9), 0)).unwrap();
        elsewhere.send_to(&response(request, FORGED), from).unwrap();
        // From the right address: another number, class, type, opcode, or no response.
        let forged = response(request, FORGED);
        let end = forged.len() - 16;
        for (at, flipped) in [(0, 1), (1, 1), (end - 1, 2), (end - 3, 3), (2, 0x10), (2, 0x80)] {
            let mut wrong = forged.clone();
            wrong[at] ^= flipped;
            socket.send_to(&wrong, from).unwrap();
        }
        socket.send_to(&response(request, RIGHT), from).unwrap();
    });
    let resolver = resolver(address);
    let reply = ask_udp(resolver.addresses[0], &recursive("www.a.example."));
    assert_eq!(reply.answers[0].rdata, RIGHT);
    thread.join().unwrap();
    let counted = metrics(resolver.http[0]);
    let ignored = |reason: &str| {
        let family = "kereru_resolver_responses_ignored_total";
        value(&counted, &format!("{family}{{reason=\"{reason}\"}}"))
    };
    let all = ["id", "question", "case", "cookie", "malformed"].map(ignored);
    assert_eq!(all, [2.0, 4.0, 0.0, 0.0, 0.0]);
}

#[test]
fn server_that_goes_on_for_ever_over_tcp_does_not_hold_up_the_answer() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let socket = UdpSocket::bind(address).unwrap();
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    let resolver = resolver(address);
    let asking = std::thread::spawn({
        let to = resolver.addresses[0];
        move || {
            let began = Instant::now();
            let reply = ask_udp(to, &recursive("www.a.example."));
            (reply.rcode(), began.elapsed())
        }
    });
    let mut request = [0; 4096];
    let (len, from) = socket.recv_from(&mut request).unwrap();
    let mut cut = response(&request[..len], RIGHT);
    cut[2] |= 2;
    socket.send_to(&cut, from).unwrap();
    // It promises a long message, and brings an octet of it at a time.
    let (mut stream, _) = listener.accept().unwrap();
    stream.set_read_timeout(Some(std::time::Duration::from_millis(100))).unwrap();
    stream.write_all(&[0xFF, 0xFF]).unwrap();
    let mut rest = [0; 4096];
    while stream.write_all(&[0]).is_ok() && !asking.is_finished() {
        // The pace: nothing more comes than the request.
        let _ = stream.read(&mut rest);
    }
    let (rcode, took) = asking.join().unwrap();
    assert_eq!(rcode, Rcode::SERVFAIL);
    assert!(took < PATIENCE / 4, "{took:?}");
}

#[test]
fn server_that_takes_a_connection_and_never_reads_does_not_hold_up_the_answer() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let socket = UdpSocket::bind(address).unwrap();
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    let resolver = resolver(address);
    let to = resolver.addresses[0];
    let asking = std::thread::spawn(move || {
        let began = Instant::now();
        (ask_udp(to, &recursive("www.a.example.")).rcode(), began.elapsed())
    });
    let mut connections = Vec::new();
    let mut request = [0; 4096];
    let (len, from) = socket.recv_from(&mut request).unwrap();
    let mut cut = response(&request[..len], RIGHT);
    cut[2] |= 2;
    socket.send_to(&cut, from).unwrap();
    listener.set_nonblocking(true).unwrap();
    while !asking.is_finished() {
        connections.extend(listener.accept().map(|(stream, _)| stream));
        std::thread::yield_now();
    }
    let (rcode, took) = asking.join().unwrap();
    assert!(!connections.is_empty());
    assert_eq!(rcode, Rcode::SERVFAIL);
    assert!(took < PATIENCE / 4, "{took:?}");
}

/// A referral to `sub.a.example.`, whose server has these addresses.
fn referral(request: &[u8], glue: &[IpAddr]) -> Vec<u8> {
    let sub = name("sub.a.example.");
    let server = [b"\x02ns".as_slice(), sub.as_name().as_wire()].concat();
    let mut referral = response(request, RIGHT);
    referral.truncate(referral.len() - 16);
    referral[2..12].copy_from_slice(&[0x80, 0, 0, 1, 0, 0, 0, 1, 0, glue.len() as u8]);
    let mut push = |owner: &[u8], rtype: Rtype, rdata: &[u8]| {
        referral.extend_from_slice(owner);
        referral.extend_from_slice(&rtype.0.to_be_bytes());
        referral.extend_from_slice(&[0, 1, 0, 0, 14, 16, 0, rdata.len() as u8]);
        referral.extend_from_slice(rdata);
    };
    push(sub.as_name().as_wire(), Rtype::NS, &server);
    for address in glue {
        match address {
            IpAddr::V4(address) => push(&server, Rtype::A, &address.octets()),
            IpAddr::V6(address) => push(&server, Rtype::AAAA, &address.octets()),
        }
    }
    referral
}

/// Asks for a name below `sub.a.example.`, which is delegated to a server with these addresses and the
/// port of the one that delegates it. Returns whether that server is asked for the name.
fn is_asked_at(glue: &[IpAddr], options: &str) -> bool {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    let address = socket.local_addr().unwrap();
    let port = address.port();
    let resolver = Server::start(
        &format!(
            "listen: ['127.0.0.1:0']\nresolver: {{priming: false, port: {port}, {options}\
             stub: [{{zone: a.example, to: ['{address}']}}]}}\n"
        ),
        &[],
    );
    let to = resolver.addresses[0];
    let asking = std::thread::spawn(move || ask_udp(to, &recursive("www.sub.a.example.")).rcode());
    // So long that this does not turn for nothing.
    socket.set_read_timeout(Some(std::time::Duration::from_millis(20))).unwrap();
    let (mut request, mut is_asked) = ([0; 4096], false);
    loop {
        let is_over = asking.is_finished();
        match socket.recv_from(&mut request) {
            // Who delegates sees no more of the name than it has to (RFC 9156).
            Ok(_) if request[13..16].eq_ignore_ascii_case(b"www") => is_asked = true,
            Ok((len, from)) => drop(socket.send_to(&referral(&request[..len], glue), from)),
            Err(_) if is_over => break,
            Err(_) => (),
        }
    }
    assert_eq!(asking.join().unwrap(), Rcode::SERVFAIL);
    is_asked
}

#[test]
fn addresses_that_are_nobodys_are_never_asked() {
    let odd = ["0.0.0.0", "224.0.0.1", "::", "::ffff:127.0.0.1", "ff02::1"];
    let odd = odd.map(|address| address.parse().unwrap());
    assert!(!is_asked_at(&odd, "do-not-query: [], "));
}

#[test]
fn loopback_is_asked_only_where_that_is_wanted() {
    let loopback = ["127.0.0.1".parse().unwrap()];
    assert!(!is_asked_at(&loopback, ""));
    assert!(is_asked_at(&loopback, "do-not-query: [], "));
}
