//! The binary as an operator runs it: sockets on loopback, its log, its end.

use crate::message::{Asking, Message, query};
use crate::world::name;
use kereru::wire::numbers::{Rcode, Rtype};
use std::fs;
use std::io::{BufRead, BufReader, ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStderr, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use socket2::{Domain, Socket, Type};

/// How long anything may take before a test fails. Generous, because machines are shared.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// The zone example.
pub const ZONE: &str =
    "$TTL 300\n@ SOA ns.other. admin 1 2 3 4 5\n@ NS ns.other.\nwww A 192.0.2.1\n";

/// A folder of its own with a configuration and zones.
pub fn folder(config: &str, zones: &[(&str, &str)]) -> PathBuf {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("server-{number}"));
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).unwrap();
    // Servers of several tests run at a time: one that does not say where HTTP is has none.
    let http = if config.contains("http:") { "" } else { "\nhttp: {listen: []}\n" };
    fs::write(folder.join("kereru.yaml"), format!("{config}{http}")).unwrap();
    for (name, text) in zones {
        fs::write(folder.join(name), text).unwrap();
    }
    folder
}

fn start(folder: &Path) -> Child {
    serve(folder).spawn().unwrap()
}

/// The command of a server.
pub fn serve(folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_kereru"));
    command.args(["serve", "--config", "kereru.yaml"]);
    command.current_dir(folder).stderr(Stdio::piped());
    command
}

/// A server that is ready; it is killed when dropped.
pub struct Server {
    pub child: Child,
    log: BufReader<ChildStderr>,
    /// The lines up to and with `ready`.
    pub lines: Vec<String>,
    pub addresses: Vec<SocketAddr>,
    /// Where HTTP is.
    pub http: Vec<SocketAddr>,
    /// Where mail is, in the order of the keys of the configuration.
    pub mail: Vec<SocketAddr>,
    pub folder: PathBuf,
}

impl Server {
    pub fn start(config: &str, zones: &[(&str, &str)]) -> Self {
        Self::start_in(&folder(config, zones))
    }

    pub fn start_in(folder: &Path) -> Self {
        Self::run(&mut serve(folder))
    }

    /// Runs the command of a server until it is ready.
    pub fn run(command: &mut Command) -> Self {
        let mut child = command.spawn().unwrap();
        let log = BufReader::new(child.stderr.take().unwrap());
        let folder = command.get_current_dir().unwrap().to_owned();
        let (lines, addresses, http, mail) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        let mut server = Self { child, log, lines, addresses, http, mail, folder };
        while server.addresses.is_empty() {
            let mut line = String::new();
            let length = server.log.read_line(&mut line).unwrap();
            assert!(length > 0, "ended early:\n{}", server.lines.concat());
            if let Some((_, fields)) = line.split_once(" ready dns=") {
                let (dns, fields) = fields.trim_end().split_once(" http=").unwrap();
                let (http, mail) = fields.split_once(" mail=").unwrap();
                let parse = |text: &str| match text {
                    "-" => Vec::new(),
                    _ => text.split(',').map(|text| text.parse().unwrap()).collect(),
                };
                (server.addresses, server.http, server.mail) =
                    (parse(dns), parse(http), parse(mail));
            }
            server.lines.push(line);
        }
        server
    }

    /// A server for example. on the given addresses.
    pub fn example(listen: &str, more: &str) -> Self {
        let config =
            format!("listen: [{listen}]\nzones: [{{zone: example, file: example.zone}}]\n{more}\n");
        Self::start(&config, &[("example.zone", ZONE)])
    }

    /// Makes the server read its files again; returns what it logs of that.
    pub fn reload(&mut self) -> String {
        self.signal("HUP");
        let mut lines = String::new();
        loop {
            let before = lines.len();
            assert!(self.log.read_line(&mut lines).unwrap() > 0, "ended:\n{lines}");
            if lines[before..].contains(" reloaded: ")
                || lines[before..].contains(" not reloaded: ")
            {
                return lines;
            }
        }
    }

    /// The next line of the log that has this text; what comes before is passed over.
    pub fn logged(&mut self, text: &str) -> String {
        let mut line = String::new();
        while !line.contains(text) {
            line.clear();
            assert!(self.log.read_line(&mut line).unwrap() > 0, "ended without {text:?}");
        }
        line
    }

    /// Puts a file with other text in the place of one, so that no reader sees half of it.
    pub fn write(&self, name: &str, text: &str) {
        let next = self.folder.join("next");
        fs::write(&next, text).unwrap();
        fs::rename(next, self.folder.join(name)).unwrap();
    }

    pub fn signal(&self, signal: &str) {
        let command = format!("kill -{signal} {}", self.child.id());
        assert!(Command::new("sh").args(["-c", &command]).status().unwrap().success());
    }

    /// Waits for the end; returns how it ended and the rest of the log.
    pub fn wait(mut self) -> (ExitStatus, String) {
        let mut rest = String::new();
        self.log.read_to_string(&mut rest).unwrap();
        (self.child.wait().unwrap(), rest)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

pub fn www() -> Vec<u8> {
    query(&name("www.example."), Rtype::A, Asking::PLAIN)
}

pub fn ask_udp(server: SocketAddr, query: &[u8]) -> Message {
    let any: SocketAddr = if server.is_ipv4() { "127.0.0.1:0" } else { "[::1]:0" }.parse().unwrap();
    let socket = UdpSocket::bind(any).unwrap();
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    socket.connect(server).unwrap();
    socket.send(query).unwrap();
    let mut reply = vec![0; 4096];
    let len = socket.recv(&mut reply).unwrap();
    Message::read(&reply[..len])
}

pub fn connect(server: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(server).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.set_nodelay(true).unwrap();
    stream
}

pub fn framed(query: &[u8]) -> Vec<u8> {
    [&u16::try_from(query.len()).unwrap().to_be_bytes()[..], query].concat()
}

pub fn read_reply(stream: &mut TcpStream) -> Message {
    let mut length = [0; 2];
    stream.read_exact(&mut length).unwrap();
    let mut reply = vec![0; usize::from(u16::from_be_bytes(length))];
    stream.read_exact(&mut reply).unwrap();
    Message::read(&reply)
}

/// Whether the server closed the connection without another octet.
pub fn is_closed(stream: &mut TcpStream) -> bool {
    match stream.read(&mut [0; 1]) {
        Ok(count) => count == 0,
        Err(error) => error.kind() == ErrorKind::ConnectionReset,
    }
}

pub const ANSWER: &str = "NOERROR aa\nanswer: www.example. 300 A 192.0.2.1";

#[test]
fn answers_over_udp_and_tcp_and_ends_with_0_when_told_to() {
    for signal in ["TERM", "INT"] {
        let server = Server::example("'127.0.0.1:0', '127.0.0.2:0'", "");
        for &address in &server.addresses {
            assert_eq!(ask_udp(address, &www()).render(), ANSWER);
            let mut stream = connect(address);
            stream.write_all(&framed(&www())).unwrap();
            assert_eq!(read_reply(&mut stream).render(), ANSWER);
        }
        assert_eq!(server.addresses.len(), 2);
        server.signal(signal);
        let (status, log) = server.wait();
        assert_eq!(status.code(), Some(0), "{log}");
    }
}

#[test]
fn one_socket_is_served_as_well_as_many() {
    let server = Server::example("'127.0.0.1:0'", "workers: 1");
    for _ in 0..200 {
        assert_eq!(ask_udp(server.addresses[0], &www()).render(), ANSWER);
    }
}

#[test]
fn reply_from_a_wildcard_address_comes_from_the_one_that_was_asked() {
    let server = Server::example("'0.0.0.0:0'", "");
    let port = server.addresses[0].port();
    for ip in ["127.0.0.1", "127.0.0.99"] {
        // A connected socket takes replies from this address only.
        let address = format!("{ip}:{port}").parse().unwrap();
        assert_eq!(ask_udp(address, &www()).render(), ANSWER);
    }
}

#[test]
fn start_tells_what_is_served_and_a_question_to_try() {
    let server = Server::example("'127.0.0.1:0'", "");
    let log = server.lines.concat();
    assert!(log.contains("serving 1 zone with 3 records\n"), "{log}");
    let port = server.addresses[0].port();
    assert!(log.contains(&format!("try: dig @127.0.0.1 -p {port} example. SOA\n")), "{log}");
}

#[test]
fn questions_in_one_segment_and_in_single_octets_are_answered() {
    let server = Server::example("'127.0.0.1:0'", "");
    let mut stream = connect(server.addresses[0]);
    stream.write_all(&framed(&www()).repeat(300)).unwrap();
    for _ in 0..300 {
        assert_eq!(read_reply(&mut stream).render(), ANSWER);
    }
    for octet in framed(&www()) {
        stream.write_all(&[octet]).unwrap();
    }
    assert_eq!(read_reply(&mut stream).render(), ANSWER);
}

#[test]
fn malformed_message_over_tcp_does_not_end_the_connection() {
    let server = Server::example("'127.0.0.1:0'", "");
    let mut stream = connect(server.addresses[0]);
    // Too short for a header: silence. No question: FORMERR.
    stream.write_all(&framed(&[1, 2, 3])).unwrap();
    stream.write_all(&framed(&www()[..12])).unwrap();
    assert_eq!(read_reply(&mut stream).rcode(), Rcode::FORMERR);
    stream.write_all(&framed(&[])).unwrap();
    stream.write_all(&framed(&www())).unwrap();
    assert_eq!(read_reply(&mut stream).render(), ANSWER);
}

#[test]
fn idle_connection_is_closed() {
    let server = Server::example("'127.0.0.1:0'", "tcp: {idle-timeout: 1s}");
    let mut idle = connect(server.addresses[0]);
    let mut half = connect(server.addresses[0]);
    half.write_all(&framed(&www())[..9]).unwrap();
    assert!(is_closed(&mut idle));
    assert!(is_closed(&mut half));
    assert_eq!(ask_udp(server.addresses[0], &www()).render(), ANSWER);
}

/// A connection from this address of the loopback device that has been answered once.
fn answered_from(source: &str, server: SocketAddr) -> TcpStream {
    let mut stream = connect_from(source, server);
    asks(&mut stream);
    stream
}

fn connect_from(source: &str, server: SocketAddr) -> TcpStream {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    socket.bind(&SocketAddr::new(source.parse().unwrap(), 0).into()).unwrap();
    socket.connect(&server.into()).unwrap();
    let stream = TcpStream::from(socket);
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.set_nodelay(true).unwrap();
    stream
}

/// Asks, and returns when the server has noted that the connection is in use: it does so when it has
/// written a reply, and before it reads on.
fn asks(stream: &mut TcpStream) {
    for _ in 0..2 {
        stream.write_all(&framed(&www())).unwrap();
        assert_eq!(read_reply(stream).render(), ANSWER);
    }
}

#[test]
fn idlest_connection_of_a_client_is_closed_for_its_next_one() {
    let server = Server::example("'127.0.0.1:0'", "tcp: {per-client: 2, idle-timeout: 1h}");
    let address = server.addresses[0];
    let mut other = answered_from("127.0.0.9", address);
    let mut first = answered_from("127.0.0.1", address);
    let mut second = answered_from("127.0.0.1", address);
    asks(&mut first);
    let mut third = answered_from("127.0.0.1", address);
    assert!(is_closed(&mut second));
    for stream in [&mut first, &mut third, &mut other] {
        asks(stream);
    }
}

#[test]
fn connections_that_ask_nothing_are_closed_for_others() {
    let server = Server::example("'127.0.0.1:0'", "tcp: {connections: 8, idle-timeout: 1h}");
    let address = server.addresses[0];
    let mut honest = answered_from("127.0.0.1", address);
    let mut stalled: Vec<TcpStream> = Vec::new();
    for number in 0..200 {
        let mut stream = connect_from(&format!("127.0.1.{number}"), address);
        let half = &framed(&www())[..number % 20];
        // It may be closed already.
        let _ = stream.write_all(half);
        stalled.push(stream);
        asks(&mut answered_from("127.0.0.2", address));
    }
    asks(&mut honest);
    assert!(stalled[..190].iter_mut().all(is_closed));
}

#[test]
fn connection_that_does_not_read_is_closed_for_others() {
    let large = format!("{ZONE}large TXT {}\n", format!("\"{}\" ", "x".repeat(250)).repeat(200));
    let config = "listen: ['127.0.0.1:0']\nzones: [{zone: example, file: example.zone}]\n\
                  tcp: {connections: 2, idle-timeout: 1h}\n";
    let server = Server::start(config, &[("example.zone", &large)]);
    let address = server.addresses[0];
    let mut deaf = connect_from("127.0.1.1", address);
    deaf.set_write_timeout(Some(Duration::from_millis(500))).unwrap();
    let question = framed(&query(&name("large.example."), Rtype::TXT, Asking::PLAIN));
    // Until the server reads no more because nobody takes what it writes.
    while deaf.write(&question.repeat(100)).is_ok() {}
    let mut honest = answered_from("127.0.0.1", address);
    let mut next = answered_from("127.0.0.2", address);
    asks(&mut honest);
    asks(&mut next);
    let mut taken = vec![0; 1 << 16];
    while deaf.read(&mut taken).is_ok_and(|count| count > 0) {}
}

#[test]
fn open_connection_does_not_hold_up_the_end() {
    let server = Server::example("'127.0.0.1:0'", "tcp: {idle-timeout: 1h}");
    let mut stream = connect(server.addresses[0]);
    stream.write_all(&framed(&www())).unwrap();
    assert_eq!(read_reply(&mut stream).render(), ANSWER);
    let asked = std::time::Instant::now();
    server.signal("TERM");
    let (status, _) = server.wait();
    assert_eq!(status.code(), Some(0));
    assert!(asked.elapsed() < Duration::from_secs(5), "{:?}", asked.elapsed());
}

#[test]
fn zone_with_errors_gets_servfail_and_does_not_stop_the_rest() {
    let config = "listen: ['127.0.0.1:0']\nzones: [{directory: .}]\n";
    let server =
        Server::start(config, &[("example.zone", ZONE), ("broken.zone", "@ 60 A 1.2.3\n")]);
    let log = server.lines.concat();
    assert!(log.contains("broken.zone:1:8: error: \"1.2.3\" is not an IPv4 address"), "{log}");
    let broken = query(&name("www.broken."), Rtype::A, Asking::PLAIN);
    assert_eq!(ask_udp(server.addresses[0], &broken).render(), "SERVFAIL");
    assert_eq!(ask_udp(server.addresses[0], &www()).render(), ANSWER);
}

#[test]
fn log_may_be_json() {
    let config = "listen: ['127.0.0.1:0']\nlog: {format: json}\n";
    let mut child = start(&folder(config, &[]));
    let log = BufReader::new(child.stderr.take().unwrap());
    let is_ready = |line: &serde_json::Value| line["fields"]["message"] == "ready";
    let lines = log.lines().map(|line| serde_json::from_str(&line.unwrap()).unwrap());
    let ready: Option<serde_json::Value> = lines.into_iter().find(is_ready);
    let dns = ready.unwrap()["fields"]["dns"].as_str().unwrap().to_owned();
    assert!(dns.starts_with("127.0.0.1:"), "{dns}");
    child.kill().unwrap();
    child.wait().unwrap();
}

/// Runs a server that does not get ready; returns its exit code and log.
pub fn run_to_its_end(config: &str) -> (Option<i32>, String) {
    let output = start(&folder(config, &[])).wait_with_output().unwrap();
    (output.status.code(), String::from_utf8(output.stderr).unwrap())
}

#[test]
fn address_in_use_ends_with_3_and_names_it() {
    for is_udp in [true, false] {
        let (address, _udp, _tcp);
        if is_udp {
            let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
            address = socket.local_addr().unwrap();
            (_udp, _tcp) = (Some(socket), None);
        } else {
            let listener = TcpListener::bind("127.0.0.1:0").unwrap();
            address = listener.local_addr().unwrap();
            (_udp, _tcp) = (None, Some(listener));
        }
        let transport = if is_udp { "UDP" } else { "TCP" };
        let (code, log) = run_to_its_end(&format!("listen: ['{address}']"));
        assert_eq!(code, Some(3), "{log}");
        let expected = format!("cannot listen on {address} ({transport}): ");
        assert!(log.contains(&expected) && log.contains("another program has the port"), "{log}");
    }
}

#[test]
fn second_server_on_the_same_address_does_not_take_half_of_the_questions() {
    let first = Server::example("'127.0.0.1:0'", "");
    let (code, log) = run_to_its_end(&format!("listen: ['{}']", first.addresses[0]));
    assert_eq!(code, Some(3), "{log}");
}

#[test]
fn address_of_another_machine_ends_with_3_and_says_so() {
    let (code, log) = run_to_its_end("listen: ['192.0.2.1:5353']");
    assert_eq!(code, Some(3), "{log}");
    assert!(log.contains("cannot listen on 192.0.2.1:5353 (UDP)"), "{log}");
    assert!(log.contains("this machine does not have the address"), "{log}");
}

#[test]
fn configuration_with_errors_ends_with_1_and_tells_all_of_them() {
    let (code, log) = run_to_its_end("lisen: ['127.0.0.1:0']\nworkers: many\n");
    assert_eq!(code, Some(1), "{log}");
    assert!(log.contains("kereru.yaml:1:1") && log.contains("kereru.yaml:2:10"), "{log}");
    assert!(log.contains("`listen`"), "{log}");
}

const NEW_ANSWER: &str = "NOERROR aa\nanswer: www.example. 300 A 192.0.2.2";

fn new_zone() -> String {
    ZONE.replace("192.0.2.1", "192.0.2.2")
}

#[test]
fn reload_serves_what_the_files_say_now_and_reads_only_those_that_changed() {
    let config = "listen: ['127.0.0.1:0']\nzones: [{directory: .}]\n";
    let other = ZONE.replace("ns.other.", "ns.elsewhere.");
    let mut server = Server::start(config, &[("example.zone", ZONE), ("other.zone", &other)]);
    let log = server.reload();
    assert!(log.contains("reloaded: 0 of 2 zones read"), "{log}");
    server.write("example.zone", &new_zone());
    assert!(server.reload().contains("reloaded: 1 of 2 zones read"));
    assert_eq!(ask_udp(server.addresses[0], &www()).render(), NEW_ANSWER);
    server.write("third.zone", ZONE);
    fs::remove_file(server.folder.join("other.zone")).unwrap();
    assert!(server.reload().contains("reloaded: 1 of 2 zones read"));
    let at = |apex: &str| query(&name(&format!("www.{apex}.")), Rtype::A, Asking::PLAIN);
    assert_eq!(ask_udp(server.addresses[0], &at("other")).render(), "REFUSED");
    let third = ask_udp(server.addresses[0], &at("third")).render();
    assert_eq!(third, ANSWER.replace("example", "third"));
}

#[test]
fn changed_file_that_a_zone_includes_is_a_change_of_the_zone() {
    let config = "listen: ['127.0.0.1:0']\nzones: [{zone: example, file: e.zone}]\n";
    let zone = ZONE.replace("www A 192.0.2.1\n", "$INCLUDE part\n");
    let mut server = Server::start(config, &[("e.zone", &zone), ("part", "www A 192.0.2.1\n")]);
    assert_eq!(ask_udp(server.addresses[0], &www()).render(), ANSWER);
    server.write("part", "www A 192.0.2.2\n");
    assert!(server.reload().contains("reloaded: 1 of 1 zone read"));
    assert_eq!(ask_udp(server.addresses[0], &www()).render(), NEW_ANSWER);
}

#[test]
fn server_that_is_told_to_end_does_not_wait_for_a_reload() {
    let mut server = Server::example("'127.0.0.1:0'", "");
    let large: Vec<String> =
        (0..8).map(|part| format!("$GENERATE 1-100000 h$.p{part} A 192.0.2.1\n")).collect();
    server.write("example.zone", &format!("{}{}", new_zone(), large.concat()));
    server.signal("HUP");
    let mut line = String::new();
    while !line.contains(" reloading") {
        assert!(server.log.read_line(&mut line).unwrap() > 0, "{line}");
    }
    server.signal("TERM");
    let (status, log) = server.wait();
    assert!(status.success() && log.contains(" stopped"), "{log}");
    assert!(!log.contains("reloaded"), "{log}");
}

#[test]
fn zone_gets_better_when_the_file_is_there_that_it_includes() {
    let config = "listen: ['127.0.0.1:0']\nzones: [{zone: example, file: e.zone}]\n";
    let zone = ZONE.replace("www A 192.0.2.1\n", "$INCLUDE part\n");
    let mut server = Server::start(config, &[("e.zone", &zone)]);
    assert!(ask_udp(server.addresses[0], &www()).render().starts_with("SERVFAIL"));
    // What is still wrong is told at each reload.
    assert!(server.reload().contains("e.zone:"));
    server.write("part", "www A 192.0.2.1\n");
    assert!(server.reload().contains("reloaded: 1 of 1 zone read"));
    assert_eq!(ask_udp(server.addresses[0], &www()).render(), ANSWER);
}

#[test]
fn zone_whose_new_file_has_errors_is_served_as_it_was() {
    let mut server = Server::example("'127.0.0.1:0'", "");
    server.write("other.zone", "www A 1.2.3\n");
    let config = "listen: ['127.0.0.1:0']\nzones: [{zone: example, file: other.zone}]\n";
    server.write("kereru.yaml", config);
    let log = server.reload();
    assert!(log.contains("[bad-address]") && log.contains("its old version is served"), "{log}");
    assert_eq!(ask_udp(server.addresses[0], &www()).render(), ANSWER);
}

#[test]
fn zone_that_has_errors_now_is_served_as_it_was() {
    let mut server = Server::example("'127.0.0.1:0'", "");
    server.write("example.zone", "www A 1.2.3\n");
    let log = server.reload();
    assert!(log.contains("[bad-address]") && log.contains("its old version is served"), "{log}");
    assert_eq!(ask_udp(server.addresses[0], &www()).render(), ANSWER);
    server.write("example.zone", &new_zone());
    server.reload();
    assert_eq!(ask_udp(server.addresses[0], &www()).render(), NEW_ANSWER);
}

#[test]
fn configuration_that_has_errors_changes_nothing() {
    let mut server = Server::example("'127.0.0.1:0'", "");
    server.write("example.zone", &new_zone());
    server.write("kereru.yaml", "lisen: []\n");
    let log = server.reload();
    assert!(log.contains("kereru.yaml:1:1") && log.contains("the old state stays"), "{log}");
    assert_eq!(ask_udp(server.addresses[0], &www()).render(), ANSWER);
}

#[test]
fn listen_addresses_may_change() {
    let zones = "zones: [{zone: example, file: example.zone}]\n";
    let mut server = Server::example("'127.0.0.1:0'", "");
    let first = server.addresses[0];
    let second: SocketAddr = UdpSocket::bind("127.0.0.2:0").unwrap().local_addr().unwrap();
    server.write("kereru.yaml", &format!("listen: ['127.0.0.1:0', '{second}']\n{zones}"));
    let log = server.reload();
    assert!(log.contains(&format!("listening on {second}")), "{log}");
    for address in [first, second] {
        assert_eq!(ask_udp(address, &www()).render(), ANSWER);
    }
    server.write("kereru.yaml", &format!("listen: ['{second}']\n{zones}"));
    server.reload();
    assert_eq!(ask_udp(second, &www()).render(), ANSWER);
    let deadline = std::time::Instant::now() + PATIENCE;
    while TcpStream::connect(first).is_ok() || UdpSocket::bind(first).is_err() {
        assert!(std::time::Instant::now() < deadline, "the old address is never given up");
    }
    // An address that cannot be opened keeps everything as it was.
    server.write("kereru.yaml", &format!("listen: ['192.0.2.1:53', '{second}']\n{zones}"));
    server.write("example.zone", &new_zone());
    let log = server.reload();
    assert!(log.contains("cannot listen on 192.0.2.1:53"), "{log}");
    assert_eq!(ask_udp(second, &www()).render(), ANSWER);
}

#[test]
fn client_that_may_not_ask_is_refused_until_a_reload_allows_it() {
    let asking = Asking { edns_size: Some(1232), ..Asking::PLAIN };
    let query = query(&name("www.example."), Rtype::A, asking);
    let mut server = Server::example("'127.0.0.1:0'", "allow-query: [192.0.2.0/24, '::1']");
    let address = server.addresses[0];
    let mut stream = connect(address);
    let mut ask_both = || {
        stream.write_all(&framed(&query)).unwrap();
        [ask_udp(address, &query), read_reply(&mut stream)]
    };
    for reply in ask_both() {
        assert_eq!(reply.render(), "REFUSED");
        // The extended error Prohibited (RFC 8914 §4.19).
        assert_eq!(reply.opt.unwrap().rdata, [0, 15, 0, 2, 0, 18]);
    }
    let text = "zones: [{zone: example, file: example.zone}]\nhttp: {listen: []}\n\
         listen: ['127.0.0.1:0']\nallow-query: [192.0.2.0/24, 127.0.0.1/32]\n";
    server.write("kereru.yaml", text);
    server.reload();
    for reply in ask_both() {
        assert_eq!(reply.render(), ANSWER);
        assert!(reply.opt.unwrap().rdata.is_empty());
    }
}

#[test]
fn questions_that_have_arrived_are_answered_before_the_end() {
    let server = Server::example("'127.0.0.1:0'", "workers: 1");
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    socket.connect(server.addresses[0]).unwrap();
    let mut stream = connect(server.addresses[0]);
    stream.write_all(&framed(&www())).unwrap();
    assert_eq!(read_reply(&mut stream).render(), ANSWER);
    server.signal("STOP");
    for _ in 0..200 {
        socket.send(&www()).unwrap();
    }
    stream.write_all(&framed(&www()).repeat(10)).unwrap();
    server.signal("TERM");
    server.signal("CONT");
    for _ in 0..200 {
        assert!(socket.recv(&mut [0; 512]).is_ok());
    }
    for _ in 0..10 {
        assert_eq!(read_reply(&mut stream).render(), ANSWER);
    }
    assert_eq!(server.wait().0.code(), Some(0));
}

#[test]
fn empty_messages_do_not_keep_a_connection_open() {
    let server = Server::example("'127.0.0.1:0'", "tcp: {idle-timeout: 1s}");
    let mut stream = connect(server.addresses[0]);
    stream.set_read_timeout(Some(Duration::from_millis(100))).unwrap();
    let deadline = std::time::Instant::now() + PATIENCE;
    while std::time::Instant::now() < deadline {
        let sent = stream.write_all(&framed(&[]));
        let waiting = |error: std::io::Error| {
            matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut)
        };
        if sent.is_err() || !stream.read(&mut [0; 1]).is_err_and(waiting) {
            return;
        }
    }
    panic!("the connection is never closed");
}

#[test]
fn zone_given_twice_ends_with_1() {
    let config = "listen: ['127.0.0.1:0']\nzones: [{directory: .}]\n";
    let folder = folder(config, &[("a.zone", ZONE), ("b.zone", "$ORIGIN a.\n")]);
    let output = start(&folder).wait_with_output().unwrap();
    let log = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{log}");
    assert!(log.contains("give the zone a."), "{log}");
}

#[test]
fn zone_is_read_from_its_folder_and_nowhere_else() {
    let outside = "$INCLUDE ../server-secret\n$INCLUDE /etc/passwd\n$INCLUDE part\n";
    let config = "listen: ['127.0.0.1:0']\n";
    let zone = format!("{ZONE}{outside}");
    let folder = folder(config, &[("z.zone", &zone), ("part", "included A 192.0.2.7\n")]);
    fs::write(folder.join("../server-secret"), "secret A 192.0.2.8\n").unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_kereru"))
        .args(["check", "z.zone"])
        .current_dir(&folder)
        .output()
        .unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(1), "{text}");
    assert_eq!(text.matches("error[include-outside-folder]").count(), 2, "{text}");
    let whole = format!("{ZONE}$INCLUDE part\n");
    fs::write(folder.join("z.zone"), whole).unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_kereru"))
        .args(["check", "--dump", "z.zone"])
        .current_dir(&folder)
        .output()
        .unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.contains("included.z. 300 IN A 192.0.2.7\n"), "{text}");
}

/// Runs `kereru check` in a folder; returns its exit code and what it prints.
fn check(folder: &PathBuf, arguments: &[&str]) -> (Option<i32>, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_kereru"))
        .arg("check")
        .args(arguments)
        .current_dir(folder)
        .output()
        .unwrap();
    (output.status.code(), String::from_utf8(output.stdout).unwrap())
}

#[test]
fn file_in_a_directory_that_has_an_entry_of_its_own_is_read_once() {
    let config = "zones:\n- {zone: example.org, file: zones/a.zone}\n- {directory: zones}\n";
    let folder = folder(config, &[]);
    fs::create_dir(folder.join("zones")).unwrap();
    fs::write(folder.join("zones/a.zone"), ZONE).unwrap();
    fs::write(folder.join("zones/b.zone"), ZONE).unwrap();
    let (code, text) = check(&folder, &[]);
    assert_eq!((code, text.as_str()), (Some(0), "0 errors, 0 warnings\n"));
    let (_, dump) = check(&folder, &["--dump"]);
    assert!(dump.contains("www.example.org. 300") && dump.contains("www.b. 300"), "{dump}");
    assert!(!dump.contains("www.a."), "{dump}");
}

#[test]
fn file_whose_name_is_no_zone_name_is_not_the_root() {
    let folder = folder("zones: [{directory: .}]", &[("a..b.zone", ZONE), ("@.zone", ZONE)]);
    let (code, text) = check(&folder, &[]);
    assert_eq!((code, text.matches("[zone-without-name]").count()), (Some(1), 2), "{text}");
}

#[test]
fn check_tells_the_problems_of_zones_and_of_folders_together() {
    let config =
        "zones:\n- {directory: nowhere}\n- {zone: a, file: a.zone}\n- {zone: b, file: b}\n";
    let (code, text) = check(&folder(config, &[("a.zone", "@ 60 A x\n")]), &[]);
    assert_eq!(code, Some(1));
    for expected in ["[zone-directory]", "a.zone:1:8", "[zone-not-found]", "kereru.yaml:4:19"] {
        assert!(text.contains(expected), "{expected}: {text}");
    }
}

#[test]
fn pipe_as_a_zone_file_is_refused_and_does_not_hang() {
    let folder = folder("", &[("z.zone", &format!("{ZONE}$INCLUDE pipe\n"))]);
    let made = Command::new("sh").args(["-c", "mkfifo pipe"]).current_dir(&folder).status();
    assert!(made.unwrap().success());
    for file in ["pipe", "z.zone"] {
        let (code, text) = check(&folder, &[file]);
        assert!(code == Some(1) && text.contains("it is not a regular file"), "{text}");
    }
}

#[test]
fn include_in_circles_is_seen_however_it_is_written() {
    let zone = format!("{ZONE}$INCLUDE ./z.zone\n$INCLUDE ././z.zone\n");
    let (code, text) = check(&folder("", &[("z.zone", &zone)]), &["z.zone"]);
    assert_eq!(code, Some(1));
    assert!(text.matches("error[include-too-deep]").count() <= 4, "{text}");
}

#[test]
fn warnings_do_not_push_the_error_out_of_the_log() {
    let mut zone = ZONE.to_owned();
    zone.push_str(&"a.elsewhere. A 192.0.2.1\n".repeat(40));
    zone.push_str("b A x\n");
    let config = "listen: ['127.0.0.1:0']\nzones: [{zone: example, file: e.zone}]\n";
    let server = Server::start(config, &[("e.zone", &zone)]);
    assert!(server.lines.concat().contains("[bad-address]"));
}

#[test]
fn ready_is_told_at_every_level() {
    let server = Server::example("'127.0.0.1:0'", "log: {level: error}");
    assert_eq!(server.lines.len(), 1);
}

#[test]
fn reader_of_the_log_may_go_away() {
    let mut server = Server::example("'127.0.0.1:0'", "");
    // Nobody reads the log any more: writing it fails from here on.
    let empty = fs::File::open("/dev/null").unwrap();
    let lost = std::mem::replace(
        &mut server.log,
        BufReader::new(ChildStderr::from(std::os::fd::OwnedFd::from(empty))),
    );
    drop(lost);
    server.signal("HUP");
    assert_eq!(ask_udp(server.addresses[0], &www()).render(), ANSWER);
    server.signal("TERM");
    let (status, _) = server.wait();
    assert_eq!(status.code(), Some(0));
}

#[test]
fn every_lab_file_is_in_the_binary() {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("zones/lab");
    let mut on_disk: Vec<String> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    let mut embedded: Vec<&str> = kereru::app::lab::FILES.iter().map(|(name, _)| *name).collect();
    on_disk.sort();
    embedded.sort_unstable();
    assert_eq!(on_disk, embedded);
}
