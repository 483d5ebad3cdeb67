//! The server among other programs: systemd's sockets and messages, open files, its log.
//!
//! What it does when started as root is in `tests/interop/rights`: here nobody has to be root.

use crate::server::{
    ANSWER, PATIENCE, Server, ask_udp, connect, folder, framed, read_reply, serve, www,
};
use std::fs;
use std::io::{BufRead, BufReader, ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::os::fd::OwnedFd;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{self as unix, UnixDatagram};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

const ZONE: &str = "$TTL 300\n@ SOA ns.other. admin 1 2 3 4 5\n@ NS ns.other.\nwww A 192.0.2.1\n";

fn received(socket: &UnixDatagram) -> String {
    let mut message = [0; 256];
    let len = socket.recv(&mut message).unwrap();
    String::from_utf8(message[..len].to_vec()).unwrap()
}

#[test]
fn service_manager_is_told_of_the_beginning_reloads_and_the_end() {
    let place = folder("listen: ['127.0.0.1:0']\n", &[]);
    let path = place.join("notify");
    let name = format!("kereru-test-{}", std::process::id());
    let abstract_address = unix::SocketAddr::from_abstract_name(&name).unwrap();
    for (variable, socket) in [
        (path.to_str().unwrap().to_owned(), UnixDatagram::bind(&path).unwrap()),
        (format!("@{name}"), UnixDatagram::bind_addr(&abstract_address).unwrap()),
    ] {
        socket.set_read_timeout(Some(PATIENCE)).unwrap();
        let mut server = Server::run(serve(&place).env("NOTIFY_SOCKET", variable));
        assert_eq!(received(&socket), "READY=1");
        server.reload();
        assert_eq!(received(&socket), "RELOADING=1");
        assert_eq!(received(&socket), "READY=1");
        server.signal("TERM");
        assert_eq!(received(&socket), "STOPPING=1");
        assert_eq!(server.wait().0.code(), Some(0));
    }
}

#[test]
fn service_manager_that_is_gone_does_not_keep_the_server_from_answering() {
    let place = folder("listen: ['127.0.0.1:0']\n", &[]);
    let server = Server::run(serve(&place).env("NOTIFY_SOCKET", "/nowhere/notify"));
    assert!(server.lines.concat().contains("cannot reach the service manager at /nowhere/notify"));
}

/// The command of a server that gets sockets as its descriptors from 3 on.
fn with_sockets(config: &str, first: OwnedFd, second: OwnedFd, pid: &str) -> Command {
    let place = folder(config, &[("example.zone", ZONE)]);
    let script = format!(
        "LISTEN_PID={pid} LISTEN_FDS=3 LISTEN_FDNAMES=dns:stream:lost \
         exec {} serve --config kereru.yaml 3<&0 4<&1 </dev/null >/dev/null",
        env!("CARGO_BIN_EXE_kereru")
    );
    let mut command = Command::new("sh");
    command.args(["-c", &script]).current_dir(place);
    command.stdin(Stdio::from(first)).stdout(Stdio::from(second)).stderr(Stdio::piped());
    command
}

/// Sockets of one port, which is free for UDP and TCP: that of one may be another program's of the
/// other.
fn sockets_of_one_port() -> (UdpSocket, TcpListener) {
    // Those that are not free for both are held until one is, so that none comes twice.
    let mut taken = Vec::new();
    loop {
        let udp = UdpSocket::bind("127.0.0.1:0").unwrap();
        match TcpListener::bind(udp.local_addr().unwrap()) {
            Ok(tcp) => return (udp, tcp),
            Err(error) if error.kind() == ErrorKind::AddrInUse => taken.push(udp),
            Err(error) => panic!("{error}"),
        }
    }
}

#[test]
fn sockets_that_were_handed_over_are_used() {
    let (udp, tcp) = sockets_of_one_port();
    let address = udp.local_addr().unwrap();
    let config = format!(
        "listen: ['{address}', '127.0.0.1:0']\nworkers: 2\nzones: [{{zone: example, file: \
         example.zone}}]\nhttp: {{listen: []}}\n"
    );
    let server = Server::run(&mut with_sockets(&config, udp.into(), tcp.into(), "$$"));
    let log = server.lines.concat();
    assert!(log.contains("the socket lost was announced and is not there"), "{log}");
    assert_eq!(server.addresses[0], address);
    for &address in &server.addresses {
        for _ in 0..20 {
            assert_eq!(ask_udp(address, &www()).render(), ANSWER);
        }
        let mut stream = connect(address);
        stream.write_all(&framed(&www())).unwrap();
        assert_eq!(read_reply(&mut stream).render(), ANSWER);
    }
    server.signal("TERM");
    assert_eq!(server.wait().0.code(), Some(0));
}

#[test]
fn socket_for_http_is_used_and_one_that_is_not_configured_is_told() {
    let http = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = http.local_addr().unwrap();
    let other = UdpSocket::bind("127.0.0.1:0").unwrap();
    let unused = other.local_addr().unwrap();
    let config = format!("listen: ['127.0.0.1:0']\nhttp: {{listen: ['{address}']}}\nzones: []\n");
    let server = Server::run(&mut with_sockets(&config, http.into(), other.into(), "$$"));
    assert_eq!(server.http, [address]);
    assert!(crate::http::metrics(address).contains("kereru_build_info"));
    let log = server.lines.concat();
    let told = format!("the socket {unused} (UDP) of systemd is not in the configuration");
    assert!(log.contains(&told), "{log}");
}

#[test]
fn half_of_an_address_is_handed_over_and_the_other_half_is_opened() {
    // Addresses of this test alone: the other half of one must be free.
    let udp = UdpSocket::bind("127.0.2.1:0").unwrap();
    let address = udp.local_addr().unwrap();
    let tcp = TcpListener::bind("127.0.2.2:0").unwrap();
    let other = tcp.local_addr().unwrap();
    let config = format!(
        "listen: ['{address}', '{other}']\nzones: [{{zone: example, file: example.zone}}]\n"
    );
    let server = Server::run(&mut with_sockets(&config, udp.into(), tcp.into(), "$$"));
    assert_eq!(server.addresses, [address, other]);
    for address in [address, other] {
        assert_eq!(ask_udp(address, &www()).render(), ANSWER);
        let mut stream = connect(address);
        stream.write_all(&framed(&www())).unwrap();
        assert_eq!(read_reply(&mut stream).render(), ANSWER);
    }
}

#[test]
fn sockets_for_another_process_are_left_alone() {
    let udp = UdpSocket::bind("127.0.0.1:0").unwrap();
    let tcp = TcpListener::bind("127.0.0.1:0").unwrap();
    let config = "listen: ['127.0.0.1:0']\nhttp: {listen: []}\n";
    let server = Server::run(&mut with_sockets(config, udp.into(), tcp.into(), "1"));
    assert!(!server.lines.concat().contains("socket"), "{}", server.lines.concat());
}

#[test]
fn limit_of_open_files_is_raised() {
    let place = folder("listen: ['127.0.0.1:0']\n", &[]);
    let script = format!(
        "ulimit -S -n 200; exec {} serve --config kereru.yaml",
        env!("CARGO_BIN_EXE_kereru")
    );
    let mut command = Command::new("sh");
    command.args(["-c", &script]).current_dir(place).stderr(Stdio::piped());
    let server = Server::run(&mut command);
    let limits = fs::read_to_string(format!("/proc/{}/limits", server.child.id())).unwrap();
    let line = limits.lines().find_map(|line| line.strip_prefix("Max open files")).unwrap();
    let [soft, hard, ..] = line.split_whitespace().collect::<Vec<_>>()[..] else {
        panic!("{line}")
    };
    assert_eq!(soft, hard);
}

#[test]
fn more_connections_than_open_files_are_told_with_place_and_what_to_do() {
    for (connections, is_told) in [(4096, true), (1000, false)] {
        let config =
            format!("listen: ['127.0.0.1:0']\nworkers: 2\ntcp: {{connections: {connections}}}\n");
        let place = folder(&config, &[]);
        let limited = |arguments: &str| {
            let binary = env!("CARGO_BIN_EXE_kereru");
            let mut command = Command::new("sh");
            let script = format!("ulimit -n 4096; exec {binary} {arguments} --config kereru.yaml");
            command.args(["-c", &script]).current_dir(&place).stderr(Stdio::piped());
            command
        };
        let log = Server::run(&mut limited("serve")).lines.concat();
        let output = limited("check").output().unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        assert_eq!(output.status.code(), Some(0), "{text}");
        for told in [log, text] {
            let message = "4096 TCP connections and all else need";
            for part in ["kereru.yaml:3:20", message, "allows 4096", "`LimitNOFILE=`"] {
                assert_eq!(told.contains(part), is_told, "{part}: {told}");
            }
        }
    }
}

#[test]
fn reload_that_asks_for_too_many_connections_says_so() {
    let config = "listen: ['127.0.0.1:0']\ntcp: {connections: 1000}\n";
    let place = folder(config, &[]);
    let binary = env!("CARGO_BIN_EXE_kereru");
    let script = format!("ulimit -n 4096; exec {binary} serve --config kereru.yaml");
    let mut command = Command::new("sh");
    command.args(["-c", &script]).current_dir(place).stderr(Stdio::piped());
    let mut server = Server::run(&mut command);
    server.write("kereru.yaml", "listen: ['127.0.0.1:0']\nhttp: {listen: []}\n");
    let log = server.reload();
    assert!(log.contains("warning: 4096 TCP connections and all else need"), "{log}");
    assert!(log.contains("or set `tcp.connections` to at most"), "{log}");
}

#[test]
fn log_that_nobody_reads_does_not_hold_up_the_end() {
    let zone = "www A 1.2.3\n".repeat(25);
    let names: Vec<String> = (0..60).map(|number| format!("z{number}.zone")).collect();
    let zones: Vec<(&str, &str)> = names.iter().map(|name| (name.as_str(), &*zone)).collect();
    let place = folder("listen: ['127.0.0.1:0']\nzones: [{directory: .}]\n", &zones);
    let mut child = serve(&place).spawn().unwrap();
    let pid = child.id().to_string();
    // The first line says that signals are held; nobody reads those after it.
    let mut log = BufReader::with_capacity(1, child.stderr.take().unwrap());
    log.read_line(&mut String::new()).unwrap();
    assert!(Command::new("kill").args(["-TERM", &pid]).status().unwrap().success());
    let (tell, told) = std::sync::mpsc::channel();
    std::thread::spawn(move || tell.send(child.wait().unwrap()));
    let ended = told.recv_timeout(PATIENCE);
    let _ = Command::new("kill").args(["-KILL", &pid]).stderr(Stdio::null()).status();
    assert_eq!(ended.ok().and_then(|status| status.code()), Some(0));
}

#[test]
fn address_that_the_server_holds_itself_is_not_said_to_be_another_programs() {
    let mut server = Server::example("'127.0.0.1:0'", "");
    let port = server.addresses[0].port();
    let listen = format!("listen: ['127.0.0.1:0', '0.0.0.0:{port}']\nhttp: {{listen: []}}\n");
    server.write("kereru.yaml", &listen);
    let log = server.reload();
    assert!(!log.contains("another program"), "{log}");
    assert!(log.contains("kereru.yaml: `listen`: cannot listen on 0.0.0.0:"), "{log}");
    let expected = format!("the server itself listens on 127.0.0.1:{port}; start it again");
    assert!(log.contains(&expected), "{log}");
    assert_eq!(ask_udp(server.addresses[0], &www()).render(), ANSWER);
}

#[test]
fn address_that_is_taken_away_and_put_back_at_once_is_served_again() {
    let zones = "zones: [{zone: example, file: example.zone}]\nhttp: {listen: []}\n";
    let mut server = Server::example("'127.0.0.1:0'", "");
    let free = UdpSocket::bind("127.0.0.2:0").unwrap().local_addr().unwrap();
    let with = format!("listen: ['127.0.0.1:0', '{free}']\n{zones}");
    for _ in 0..3 {
        server.write("kereru.yaml", &with);
        let log = server.reload();
        assert!(log.contains(&format!("listening on {free}, too")), "{log}");
        assert_eq!(ask_udp(free, &www()).render(), ANSWER);
        server.write("kereru.yaml", &format!("listen: ['127.0.0.1:0']\n{zones}"));
        server.reload();
    }
}

/// Whether a server answers over UDP within a moment, and over TCP.
fn answers(server: SocketAddr) -> bool {
    let udp = UdpSocket::bind("127.0.0.1:0").unwrap();
    udp.set_read_timeout(Some(Duration::from_millis(200))).unwrap();
    udp.send_to(&www(), server).unwrap();
    // A listener that is given up resets what comes to it at its end.
    let Ok(mut tcp) = TcpStream::connect(server) else { return false };
    tcp.set_read_timeout(Some(PATIENCE)).unwrap();
    let asked = tcp.write_all(&framed(&www()));
    let is_answered = asked.and_then(|()| tcp.read_exact(&mut [0; 14])).is_ok();
    is_answered && udp.recv(&mut [0; 512]).is_ok()
}

/// A port that is free at all addresses, and that no other test gets from the kernel for an address of
/// its own: it is below those that the kernel gives out.
fn quiet_port() -> u16 {
    let is_free = |port: &u16| {
        TcpListener::bind(("0.0.0.0", *port)).is_ok() && UdpSocket::bind(("0.0.0.0", *port)).is_ok()
    };
    let from = 20_000 + (std::process::id() % 10_000) as u16;
    (from..from + 1000).find(is_free).expect("a free port")
}

#[test]
fn reload_goes_from_an_address_to_the_wildcard_and_back() {
    let zones = "zones: [{zone: example, file: example.zone}]\nhttp: {listen: []}\n";
    let port = quiet_port();
    let mut server = Server::example(&format!("'127.0.0.1:{port}'"), "");
    let (exact, other) = (server.addresses[0], SocketAddr::from(([127, 0, 0, 2], port)));
    for (ip, new, is_other_served) in
        [("0.0.0.0", other, true), ("127.0.0.1", exact, false), ("0.0.0.0", other, true)]
    {
        server.write("kereru.yaml", &format!("listen: ['{ip}:{port}']\n{zones}"));
        let log = server.reload();
        assert!(log.contains(&format!("listening on {ip}:{port}, too")), "{log}");
        // Where an old socket was until now, one question may still be lost with it.
        for address in [new, exact] {
            let deadline = Instant::now() + PATIENCE;
            while !answers(address) {
                assert!(address != new && Instant::now() < deadline, "{address} gets no answer");
            }
        }
        let deadline = Instant::now() + PATIENCE;
        while TcpStream::connect(other).is_ok() != is_other_served {
            assert!(Instant::now() < deadline, "the old address is never given up");
        }
    }
}

#[test]
fn zone_of_which_nothing_is_served_is_told_at_each_reload() {
    let config = "listen: ['127.0.0.1:0']\nzones: [{zone: example, file: e.zone}]\n";
    let mut server = Server::run(&mut serve(&folder(config, &[("e.zone", "www A 1.2.3\n")])));
    for _ in 0..2 {
        let log = server.reload();
        assert!(log.contains("e.zone has errors: its names get SERVFAIL"), "{log}");
    }
}

#[test]
fn many_zones_with_errors_are_told_up_to_a_bound() {
    let names: Vec<String> = (0..30).map(|number| format!("z{number}.zone")).collect();
    let zones: Vec<(&str, &str)> = names.iter().map(|name| (name.as_str(), "@ A x\n")).collect();
    let config = "listen: ['127.0.0.1:0']\nzones: [{directory: .}]\n";
    let mut server = Server::run(&mut serve(&folder(config, &zones)));
    let log = server.reload();
    assert_eq!(log.matches("its names get SERVFAIL").count(), 20, "{log}");
    assert!(log.contains("10 more zones have errors"), "{log}");
}

#[test]
fn reload_that_fails_half_way_serves_nothing_new_and_holds_nothing() {
    let zones = "zones: [{zone: example, file: example.zone}]\nhttp: {listen: []}\nworkers: 64\n";
    let place = folder(&format!("listen: ['127.0.0.1:0']\n{zones}"), &[("example.zone", ZONE)]);
    // Enough for 64 more sockets, and not for what 64 more workers wait with.
    let script =
        format!("ulimit -n 246; exec {} serve --config kereru.yaml", env!("CARGO_BIN_EXE_kereru"));
    let mut command = Command::new("sh");
    command.args(["-c", &script]).current_dir(place).stderr(Stdio::piped());
    let mut server = Server::run(&mut command);
    server.write("kereru.yaml", &format!("listen: ['127.0.0.1:0', '127.0.0.2:0']\n{zones}"));
    server.write("example.zone", &ZONE.replace("192.0.2.1", "192.0.2.2"));
    for _ in 0..3 {
        let log = server.reload();
        assert!(log.contains(" not reloaded: Too many open files"), "{log}");
        assert_eq!(ask_udp(server.addresses[0], &www()).render(), ANSWER);
    }
}
