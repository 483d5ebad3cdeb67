//! `kereru lab` as a user runs it. Its shell needs namespaces and is in `tests/interop/lab`.

use crate::message::{Asking, query};
use crate::server::{Server, ask_udp, connect, folder, framed, read_reply};
use crate::world::name;
use kereru::wire::header::Flags;
use kereru::wire::numbers::Rtype;
use std::fs;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, UdpSocket};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::atomic::{AtomicU16, Ordering};

const WWW: &str = "www.cs.auckland.ac.nz.";

/// A port that is free on the lab's addresses, and that no other test is given by the system: those
/// are higher.
fn free_port() -> u16 {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let first = u16::try_from(std::process::id() % 10_000).unwrap();
    loop {
        let port = 20_000 + (first + NEXT.fetch_add(1, Ordering::Relaxed)) % 10_000;
        let is_free = [Ipv4Addr::LOCALHOST, Ipv4Addr::new(127, 53, 0, 1)].iter().all(|&address| {
            UdpSocket::bind((address, port)).is_ok() && TcpListener::bind((address, port)).is_ok()
        });
        if is_free {
            return port;
        }
    }
}

/// The command of a lab that keeps its state below `place`.
fn lab(place: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_kereru"));
    command.arg("lab").args(arguments).current_dir(place).env("TMPDIR", place.join("tmp"));
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// A folder for a lab, with one for temporary files.
fn place() -> PathBuf {
    let place = folder("listen: ['192.0.2.1:1']\n", &[]);
    fs::create_dir(place.join("tmp")).unwrap();
    place
}

struct Lab {
    server: Server,
    port: u16,
    place: PathBuf,
}

impl Lab {
    fn start() -> Self {
        let (port, place) = (free_port(), place());
        let server = Server::run(&mut lab(&place, &["--port", &port.to_string()]));
        Self { server, port, place }
    }

    /// The address of a server, by its last number; 0 is the resolver.
    fn address(&self, host: u8) -> SocketAddr {
        let ip = if host == 0 { [127, 0, 0, 1] } else { [127, 53, 0, host] };
        SocketAddr::from((ip, self.port))
    }

    /// What a server says, over UDP and TCP alike.
    fn ask(&self, host: u8, qname: &str, rtype: Rtype) -> String {
        let query = query(&name(qname), rtype, Asking::PLAIN);
        let reply = ask_udp(self.address(host), &query).render();
        let mut stream = connect(self.address(host));
        stream.write_all(&framed(&query)).unwrap();
        assert_eq!(read_reply(&mut stream).render(), reply);
        reply
    }

    fn temporary_files(&self) -> Vec<PathBuf> {
        let entries = fs::read_dir(self.place.join("tmp")).unwrap();
        entries.map(|entry| entry.unwrap().path()).collect()
    }
}

fn output(command: &mut Command) -> (Option<i32>, String, String) {
    let Output { status, stdout, stderr } = command.output().unwrap();
    let text = |octets| String::from_utf8(octets).unwrap();
    (status.code(), text(stdout), text(stderr))
}

#[test]
fn hints_are_printed_without_starting_anything() {
    let hints = ". 86400 IN NS root.lab-servers.nz.\nroot.lab-servers.nz. 86400 IN A 127.53.0.1\n";
    let expected = (Some(0), hints.to_owned(), String::new());
    assert_eq!(output(&mut lab(&place(), &["--hints"])), expected);
}

#[test]
fn each_server_points_to_the_next_and_the_last_one_answers() {
    let lab = Lab::start();
    let way = [(1, "nz.", 2), (2, "ac.nz.", 3), (3, "auckland.ac.nz.", 4)];
    let last = (4, "cs.auckland.ac.nz.", 5);
    for (host, zone, next) in way.into_iter().chain([last]) {
        let reply = lab.ask(host, WWW, Rtype::A);
        assert!(reply.starts_with("NOERROR\n"), "{reply}");
        assert!(reply.contains(&format!("{zone} ")), "{reply}");
        assert!(reply.contains(&format!("A 127.53.0.{next}")), "{reply}");
    }
    let expected = "NOERROR aa\nanswer: www.cs.auckland.ac.nz. 3600 A 130.216.33.106";
    assert_eq!(lab.ask(5, WWW, Rtype::A), expected);
}

#[test]
fn each_server_knows_its_own_zones_and_no_others() {
    let lab = Lab::start();
    let zones = [
        "nz.",
        "ac.nz.",
        "auckland.ac.nz.",
        "cs.auckland.ac.nz.",
        "com.",
        "compsci314.com.",
        "bloggs.com.",
        "foo.com.",
        "foobar.com.",
        "arpa.",
        "in-addr.arpa.",
        "130.in-addr.arpa.",
        "216.130.in-addr.arpa.",
    ];
    let server_of = |zone: &str| {
        let number = zones.iter().position(|own| *own == zone).unwrap().min(9) + 2;
        u8::try_from(number).unwrap()
    };
    for host in 1..=11 {
        for zone in zones {
            let reply = lab.ask(host, zone, Rtype::SOA);
            let is_within = |apex: &str| zone == apex || zone.ends_with(&format!(".{apex}"));
            let mut own = zones.iter().filter(|apex| server_of(apex) == host);
            let is_below = host == 1 || own.any(|apex| is_within(apex));
            let expected = match (server_of(zone) == host, is_below) {
                (true, _) => "NOERROR aa\n",
                (false, true) => "NOERROR\n",
                (false, false) => "REFUSED",
            };
            assert!(reply.starts_with(expected), "127.53.0.{host} about {zone}: {reply}");
        }
        let root = lab.ask(host, ".", Rtype::SOA);
        assert_eq!(root.starts_with("NOERROR aa\n"), host == 1, "127.53.0.{host}: {root}");
    }
}

#[test]
fn resolver_has_the_reverse_tree_of_the_lab() {
    let lab = Lab::start();
    for (address, host) in [("106.33.216.130", WWW), ("1.0.53.127", "root.lab-servers.nz.")] {
        let owner = format!("{address}.in-addr.arpa.");
        let expected = format!("NOERROR aa ra\nanswer: {owner} 3600 PTR {host}");
        assert_eq!(lab.ask(0, &owner, Rtype::PTR), expected);
    }
}

#[test]
fn resolver_finds_names_from_the_root_down_and_claims_none_of_them() {
    let lab = Lab::start();
    for (qname, rtype, expected) in [
        (WWW, Rtype::A, "NOERROR ra\nanswer: www.cs.auckland.ac.nz. 3600 A 130.216.33.106"),
        (
            "bloggs.com.",
            Rtype::MX,
            "NOERROR ra\nanswer: bloggs.com. 3600 MX 10 mail.compsci314.com.",
        ),
        (".", Rtype::NS, "NOERROR ra\nanswer: . 86400 NS root.lab-servers.nz."),
        ("nothing.foo.com.", Rtype::A, "NXDOMAIN ra\nauthority: foo.com. 300 SOA "),
    ] {
        let mut query = query(&name(qname), rtype, Asking::PLAIN);
        query[2] |= (Flags::RD >> 8) as u8;
        let reply = ask_udp(lab.address(0), &query).render();
        // A second may have gone by since the first question.
        let reply = reply.replace(" 3599 ", " 3600 ").replace(" 86399 ", " 86400 ");
        assert!(reply.starts_with(expected), "{reply}");
    }
}

#[test]
fn servers_of_the_lab_resolve_for_nobody() {
    let lab = Lab::start();
    let mut query = query(&name(WWW), Rtype::A, Asking::PLAIN);
    query[2] |= (Flags::RD >> 8) as u8;
    for host in 6..=11 {
        assert!(ask_udp(lab.address(host), &query).render().starts_with("REFUSED"), "{host}");
    }
}

#[test]
fn lab_tells_what_to_try_and_leaves_nothing_behind() {
    for signal in ["TERM", "INT"] {
        let mut lab = Lab::start();
        let hints = match lab.temporary_files().as_slice() {
            [folder] => folder.join("hints"),
            other => panic!("{other:?}"),
        };
        assert!(fs::read_to_string(&hints).unwrap().contains("127.53.0.1"));
        let mut stdout = lab.server.child.stdout.take().unwrap();
        lab.server.signal(signal);
        let (server, left) = (lab.server, (lab.place, lab.port));
        let (status, log) = server.wait();
        assert_eq!(status.code(), Some(0), "{log}");
        let ((place, port), mut told) = (left, String::new());
        stdout.read_to_string(&mut told).unwrap();
        let www = WWW.trim_end_matches('.');
        let mut lines = vec![format!("  drill -T -p {port} -r {} {www}", hints.display())];
        lines.extend((1..=5).map(|host| format!("  dig +norec @127.53.0.{host} -p {port} {www}")));
        for line in lines {
            assert!(told.lines().any(|told| told == line), "{line} is not in\n{told}");
        }
        assert!(told.contains("kereru lab --shell"), "{told}");
        assert_eq!(fs::read_dir(place.join("tmp")).unwrap().count(), 0);
    }
}

#[test]
fn two_labs_have_nothing_in_common() {
    let (one, other) = (Lab::start(), Lab::start());
    assert_ne!(one.server.http, other.server.http);
    assert_ne!(one.temporary_files(), other.temporary_files());
    let port = one.port.to_string();
    let (code, told, log) = output(&mut lab(&other.place, &["--port", &port]));
    assert_eq!((code, told.as_str()), (Some(3), ""));
    assert!(log.contains(&format!("cannot listen on 127.0.0.1:{port} (UDP)")), "{log}");
    assert!(log.contains("`--port N` takes another"), "{log}");
    assert_eq!(other.temporary_files().len(), 1);
    drop(one);
    let expected = "NOERROR aa\nanswer: www.cs.auckland.ac.nz. 3600 A 130.216.33.106";
    assert_eq!(other.ask(5, WWW, Rtype::A), expected);
}

#[test]
fn reload_changes_nothing_in_a_lab() {
    let mut lab = Lab::start();
    // There is a configuration in its working folder, which is not the lab's.
    let log = lab.server.reload();
    assert!(log.contains(" reloaded: 0 of 14 zones read\n"), "{log}");
    for (host, rtype) in [(5, Rtype::A), (1, Rtype::NS)] {
        assert!(lab.ask(host, WWW, rtype).starts_with("NOERROR"));
    }
    assert!(lab.ask(6, WWW, Rtype::A).starts_with("REFUSED"));
}

#[test]
fn metrics_of_a_lab_are_on_loopback() {
    let lab = Lab::start();
    let [http] = lab.server.http.as_slice() else { panic!("{:?}", lab.server.http) };
    assert_eq!(http.ip(), Ipv4Addr::LOCALHOST);
    assert!(crate::http::metrics(*http).contains("kereru_zone_serial{zone=\"com.\"}"));
}
