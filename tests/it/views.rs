//! Clients of different addresses of the server see different zones.

use crate::message::{Asking, Message, query};
use crate::world::{name, zone};
use kereru::answer::{Snapshot, View, ZoneState, ZoneTable};
use kereru::net::World;
use kereru::net::listen::{self, Listener};
use kereru::net::tcp::{TcpLimits, TcpServer};
use kereru::net::udp::{Port, WorkerGroup};
use kereru::wire::numbers::Rtype;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream, UdpSocket};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::net::TcpListener;
use tokio::sync::{oneshot, watch};

const PATIENCE: Duration = Duration::from_secs(20);

/// A view for `address` with a zone example. that has one more record.
fn view(address: SocketAddr, record: &str) -> Arc<View> {
    let mut zones = ZoneTable::default();
    let zone = Arc::new(zone("example.", record));
    zones.insert(name("example.").as_name(), ZoneState::Loaded(zone));
    Arc::new(View { addresses: vec![address], zones, ..View::default() })
}

fn ask_udp(server: SocketAddr, asked: &[u8]) -> Message {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    socket.connect(server).unwrap();
    socket.send(asked).unwrap();
    let mut reply = [0; 4096];
    let len = socket.recv(&mut reply).unwrap();
    Message::read(&reply[..len])
}

fn ask_tcp(server: SocketAddr, asked: &[u8]) -> Message {
    let mut stream = TcpStream::connect(server).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let len = u16::try_from(asked.len()).unwrap().to_be_bytes();
    stream.write_all(&[&len[..], asked].concat()).unwrap();
    let mut len = [0; 2];
    stream.read_exact(&mut len).unwrap();
    let mut reply = vec![0; usize::from(u16::from_be_bytes(len))];
    stream.read_exact(&mut reply).unwrap();
    Message::read(&reply)
}

#[test]
fn two_listen_addresses_serve_different_zones() {
    let listeners: Vec<_> =
        (0..2).map(|_| listen::open("127.0.0.1:0".parse().unwrap(), 1).unwrap()).collect();
    let [inside, outside] = [listeners[0].address, listeners[1].address];
    let views =
        vec![view(inside, "www A 10.0.0.1"), view(outside, "www A 192.0.2.1\nmail A 192.0.2.2")];
    let world = Arc::new(World::new(Snapshot { views, ..Snapshot::default() }));
    let (stop, stopping) = watch::channel(false);
    let limits = TcpLimits { connections: 8, per_client: 8, idle_timeout: PATIENCE };
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let tcp = TcpServer::new(Arc::clone(&world), limits, stopping);
    let (mut ports, mut leaves) = (Vec::new(), Vec::new());
    for listener in listeners {
        let sockets = listener.udp.into_iter();
        ports.extend(
            sockets.map(|socket| Port { socket: Arc::new(socket), address: listener.address }),
        );
        let accepting = {
            let _entered = runtime.enter();
            TcpListener::from_std(listener.tcp).unwrap()
        };
        let (leave, left) = oneshot::channel();
        leaves.push(leave);
        runtime.spawn(tcp.clone().listen(accepting, left));
    }
    let workers = WorkerGroup::start(vec![ports], &[], &world).unwrap();
    for ask in [ask_udp, ask_tcp] {
        for (server, qname, expected) in [
            (inside, "www.example.", "NOERROR aa\nanswer: www.example. 3600 A 10.0.0.1"),
            (outside, "www.example.", "NOERROR aa\nanswer: www.example. 3600 A 192.0.2.1"),
            (outside, "mail.example.", "NOERROR aa\nanswer: mail.example. 3600 A 192.0.2.2"),
        ] {
            let asked = query(&name(qname), Rtype::A, Asking::PLAIN);
            assert_eq!(ask(server, &asked).render(), expected);
        }
        let asked = query(&name("mail.example."), Rtype::A, Asking::PLAIN);
        assert!(ask(inside, &asked).render().starts_with("NXDOMAIN aa"));
    }
    world.stop();
    stop.send(true).unwrap();
    workers.join();
}

#[test]
fn idle_workers_let_go_of_what_they_served_before() {
    for addresses in [1, 2] {
        let listeners: Vec<_> = (0..addresses)
            .map(|_| listen::open("127.0.0.1:0".parse().unwrap(), 1).unwrap())
            .collect();
        let server = listeners[0].address;
        let (old, new) = (view(server, "www A 192.0.2.1"), view(server, "www A 192.0.2.2"));
        let watched = Arc::downgrade(&old);
        let world = Arc::new(World::new(Snapshot { views: vec![old], ..Snapshot::default() }));
        let ports = listeners.into_iter().flat_map(|Listener { udp, address, .. }| {
            udp.into_iter().map(move |socket| Port { socket: Arc::new(socket), address })
        });
        let workers = WorkerGroup::start(vec![ports.collect()], &[], &world).unwrap();
        let asked = query(&name("www.example."), Rtype::A, Asking::PLAIN);
        assert!(ask_udp(server, &asked).render().ends_with("192.0.2.1"));
        world.publish(Snapshot { views: vec![new], ..Snapshot::default() });
        let deadline = Instant::now() + PATIENCE;
        while watched.strong_count() > 0 {
            assert!(Instant::now() < deadline, "{addresses} addresses: the old view is held");
            std::thread::yield_now();
        }
        assert!(ask_udp(server, &asked).render().ends_with("192.0.2.2"));
        world.stop();
        workers.join();
    }
}

#[test]
fn views_are_told_apart_by_the_address_that_a_wildcard_socket_was_asked_at() {
    let listener = listen::open("0.0.0.0:0".parse().unwrap(), 1).unwrap();
    let port = listener.address.port();
    let [first, second, third] = [1, 2, 3].map(|host| SocketAddr::from(([127, 0, 0, host], port)));
    let views = vec![view(first, "www A 192.0.2.1"), view(second, "www A 192.0.2.2")];
    let world = Arc::new(World::new(Snapshot { views, ..Snapshot::default() }));
    let address = listener.address;
    let ports = listener.udp.into_iter().map(|socket| Port { socket: Arc::new(socket), address });
    let workers = WorkerGroup::start(vec![ports.collect()], &[], &world).unwrap();
    let asked = query(&name("www.example."), Rtype::A, Asking::PLAIN);
    for (server, expected) in [
        (first, "NOERROR aa\nanswer: www.example. 3600 A 192.0.2.1"),
        (second, "NOERROR aa\nanswer: www.example. 3600 A 192.0.2.2"),
        // No view is for this address.
        (third, "REFUSED"),
    ] {
        assert_eq!(ask_udp(server, &asked).render(), expected);
    }
    world.stop();
    workers.join();
}
