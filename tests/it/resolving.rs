//! The binary as a resolver: it asks other servers over sockets, and its clients wait or do not.

use crate::http::{metrics, sum, value};
use crate::message::{Asking, Message, query};
use crate::server::{PATIENCE, Server, ask_udp, connect, framed, is_closed, read_reply};
use crate::world::name;
use kereru::base::limits::WAITING_PER_CONNECTION_MAX;
use kereru::wire::header::Flags;
use kereru::wire::numbers::{Rcode, Rtype};
use std::io::Write;
use std::net::{SocketAddr, UdpSocket};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

const ZONE: &str = "$TTL 300\n@ SOA ns.other. admin 1 2 3 4 60\n@ NS ns.other.\nwww A 192.0.2.1\n\
                    alias CNAME www\n* TXT \"anything\"\n";

/// A question that asks for recursion, with the number `id`.
pub fn recursive(id: u16, qname: &str, rtype: Rtype) -> Vec<u8> {
    let asking = Asking { edns_size: Some(1232), dnssec_ok: false };
    let mut message = query(&name(qname), rtype, asking);
    message[..2].copy_from_slice(&id.to_be_bytes());
    message[2] |= (Flags::RD >> 8) as u8;
    message
}

/// A server that serves remote.test.
fn authority() -> Server {
    Server::start(
        "listen: ['127.0.0.1:0']\nzones: [{zone: remote.example, file: remote.zone}]\n",
        &[("remote.zone", ZONE)],
    )
}

/// A resolver that finds remote.example at `to`.
fn resolver(to: SocketAddr, more: &str) -> Server {
    let config = format!(
        "listen: ['127.0.0.1:0']\nrate-limit: {{per-second: 0}}\n\
         resolver: {{priming: false, stub: [{{zone: remote.example, to: ['{to}']}}]}}\n{more}\n"
    );
    Server::start(&config, &[])
}

/// An address where nobody answers: its socket is open and is never read.
fn silent() -> (UdpSocket, SocketAddr) {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    let address = socket.local_addr().unwrap();
    (socket, address)
}

/// A response that there is nothing.
fn nothing(request: &[u8]) -> Vec<u8> {
    let end = 12 + request[12..].iter().position(|&octet| octet == 0).unwrap() + 5;
    let mut response = request[..end].to_vec();
    response[2..4].copy_from_slice(&[0x84, 0]);
    response[10..12].fill(0);
    response
}

#[test]
fn name_of_others_is_resolved_and_then_known() {
    let authority = authority();
    let resolver = resolver(authority.addresses[0], "");
    for _ in 0..2 {
        let query = recursive(7, "alias.remote.example.", Rtype::A);
        let reply = ask_udp(resolver.addresses[0], &query);
        let expected = "NOERROR ra\n";
        assert!(reply.render().starts_with(expected), "{}", reply.render());
        assert_eq!(reply.header.id, 7);
        assert_eq!(reply.answers.len(), 2);
        assert_eq!(reply.answers[1].rdata, [192, 0, 2, 1]);
    }
    let query = recursive(8, "www.remote.example.", Rtype::MX);
    let reply = ask_udp(resolver.addresses[0], &query);
    assert_eq!((reply.rcode(), reply.authorities.len()), (Rcode::NOERROR, 1));
    // Without the authority, what is known is still told.
    drop(authority);
    let query = recursive(9, "www.remote.example.", Rtype::A);
    let reply = ask_udp(resolver.addresses[0], &query);
    assert_eq!(reply.answers.len(), 1);
}

#[test]
fn use_of_the_cache_is_counted_once_a_query_over_udp_and_tcp() {
    let authority = authority();
    let resolver = resolver(authority.addresses[0], "http: {listen: ['127.0.0.1:0']}");
    let counted = || {
        let hits = counter(&resolver, "kereru_cache_hits_total{level=\"shared\"}");
        (hits, counter(&resolver, "kereru_cache_misses_total"))
    };
    let query = recursive(7, "www.remote.example.", Rtype::A);
    ask_udp(resolver.addresses[0], &query);
    // The reply that came late looked no second time.
    assert_eq!(counted(), (0.0, 1.0));
    ask_udp(resolver.addresses[0], &query);
    let mut stream = connect(resolver.addresses[0]);
    stream.write_all(&framed(&query)).unwrap();
    read_reply(&mut stream);
    assert_eq!(counted(), (2.0, 1.0));
}

#[test]
fn late_reply_from_a_wildcard_address_comes_from_the_one_that_was_asked() {
    let authority = authority();
    let config = format!(
        "listen: ['0.0.0.0:0']\nresolver: {{priming: false, stub: [{{zone: remote.example, to: \
         ['{}']}}]}}\n",
        authority.addresses[0]
    );
    let resolver = Server::start(&config, &[]);
    let port = resolver.addresses[0].port();
    for (id, ip) in [(1, "127.0.0.1"), (2, "127.0.0.99")] {
        // A connected socket takes replies from this address only.
        let address = format!("{ip}:{port}").parse().unwrap();
        let query = recursive(id, &format!("n{id}.remote.example."), Rtype::TXT);
        assert_eq!(ask_udp(address, &query).answers.len(), 1);
    }
}

#[test]
fn questions_on_a_connection_do_not_wait_for_each_other() {
    let authority = authority();
    let (_socket, nobody) = silent();
    let stub = format!(
        "listen: ['127.0.0.1:0']\nresolver: {{priming: false, stub: [{{zone: remote.example, to: \
         ['{}']}}, {{zone: silent.example, to: ['{nobody}']}}]}}\n",
        authority.addresses[0]
    );
    let resolver = Server::start(&stub, &[]);
    let mut stream = connect(resolver.addresses[0]);
    let mut sent = framed(&recursive(1, "www.silent.example.", Rtype::A));
    for id in 2..=100 {
        sent.extend(framed(&recursive(id, &format!("n{id}.remote.example."), Rtype::TXT)));
    }
    stream.write_all(&sent).unwrap();
    let ids: Vec<u16> = (0..100).map(|_| read_reply(&mut stream).header.id).collect();
    // The one that nobody answers comes last, and each comes once.
    assert_eq!(ids.last(), Some(&1));
    let mut sorted = ids.clone();
    sorted.sort_unstable();
    assert!(sorted.into_iter().eq(1..=100), "{ids:?}");
}

#[test]
fn connection_with_many_questions_that_wait_is_not_read_further() {
    let (_socket, nobody) = silent();
    let resolver = resolver(nobody, "http: {listen: ['127.0.0.1:0']}\n");
    let mut stream = connect(resolver.addresses[0]);
    let sent = (1..=400)
        .flat_map(|id| framed(&recursive(id, &format!("n{id}.remote.example."), Rtype::A)));
    stream.write_all(&sent.collect::<Vec<u8>>()).unwrap();
    let began = Instant::now();
    let waiting = || counter(&resolver, "kereru_resolver_inflight");
    while waiting() < WAITING_PER_CONNECTION_MAX as f64 {
        assert!(began.elapsed() < PATIENCE);
    }
    for _ in 0..20 {
        assert!(waiting() <= WAITING_PER_CONNECTION_MAX as f64);
    }
}

#[test]
fn question_that_nobody_answers_fails_in_time_and_says_why() {
    let (_socket, nobody) = silent();
    let resolver = resolver(nobody, "");
    let began = Instant::now();
    let query = recursive(1, "www.remote.example.", Rtype::A);
    let reply = ask_udp(resolver.addresses[0], &query);
    // What the server promises, and some time for a busy machine.
    assert!(began.elapsed() < PATIENCE / 4, "{:?}", began.elapsed());
    assert_eq!(reply.rcode(), Rcode::SERVFAIL);
    // The extended error 22: no reachable authority.
    let opt = reply.opt.unwrap();
    assert_eq!(opt.rdata, [0, 15, 0, 2, 0, 22]);
}

#[test]
fn server_stops_when_those_who_wait_have_been_answered() {
    let (socket, nobody) = silent();
    let resolver = resolver(nobody, "");
    let client = UdpSocket::bind("127.0.0.1:0").unwrap();
    client.set_read_timeout(Some(PATIENCE)).unwrap();
    let query = recursive(5, "www.remote.example.", Rtype::A);
    client.send_to(&query, resolver.addresses[0]).unwrap();
    // It has been taken up when somebody is asked.
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    socket.recv(&mut [0; 512]).unwrap();
    resolver.signal("TERM");
    let mut reply = [0; 512];
    let length = client.recv(&mut reply).unwrap();
    assert_eq!(Message::read(&reply[..length]).header.id, 5);
    assert_eq!(resolver.wait().0.code(), Some(0));
}

#[test]
fn name_that_no_file_was_left_to_ask_for_is_found_as_soon_as_there_is_one() {
    const COUNT: u16 = 100;
    let (socket, address) = silent();
    socket.set_read_timeout(Some(Duration::from_millis(10))).unwrap();
    let config = format!(
        "listen: ['127.0.0.1:0']\nworkers: 1\nrate-limit: {{per-second: 0}}\nresolver: {{priming: \
         false, stub: [{{zone: remote.example, to: ['{address}']}}]}}\n"
    );
    let folder = crate::server::folder(&config, &[]);
    let serve = crate::server::serve(&folder);
    let mut limited = Command::new("sh");
    limited.args(["-c", "ulimit -n 50; exec \"$0\" \"$@\""]).arg(serve.get_program());
    limited.args(serve.get_args()).current_dir(&folder).stderr(Stdio::piped());
    let resolver = Server::run(&mut limited);
    // Who is asked holds its responses back until it is told.
    let may_answer = Arc::new(AtomicBool::new(false));
    let is_over = Arc::clone(&may_answer);
    std::thread::spawn(move || {
        let mut held: Vec<(Vec<u8>, SocketAddr)> = Vec::new();
        let began = Instant::now();
        while began.elapsed() < PATIENCE {
            let mut request = [0; 512];
            if let Ok((len, from)) = socket.recv_from(&mut request) {
                held.push((nothing(&request[..len]), from));
            }
            if is_over.load(Ordering::Relaxed) {
                for (response, to) in held.drain(..) {
                    let _ = socket.send_to(&response, to);
                }
            }
        }
    });
    let client = UdpSocket::bind("127.0.0.1:0").unwrap();
    client.set_read_timeout(Some(PATIENCE)).unwrap();
    client.connect(resolver.addresses[0]).unwrap();
    for id in 0..COUNT {
        client.send(&recursive(id, &format!("n{id}.remote.example."), Rtype::TXT)).unwrap();
    }
    let mut busy = Vec::new();
    for _ in 0..COUNT {
        let mut reply = [0; 512];
        let len = client.recv(&mut reply).unwrap();
        let reply = Message::read(&reply[..len]);
        if reply.rcode() == Rcode::SERVFAIL {
            // The extended error 14: not ready.
            assert_eq!(reply.opt.unwrap().rdata, [0, 15, 0, 2, 0, 14]);
            busy.push(reply.header.id);
        }
        may_answer.store(true, Ordering::Relaxed);
    }
    assert!(!busy.is_empty() && busy.len() < usize::from(COUNT), "{busy:?}");
    for id in busy {
        let query = recursive(id, &format!("n{id}.remote.example."), Rtype::TXT);
        assert_eq!(ask_udp(resolver.addresses[0], &query).rcode(), Rcode::NOERROR);
    }
}

#[test]
fn all_questions_of_a_connection_are_answered_before_the_end_however_many_wait() {
    // More than may wait at a time.
    const COUNT: u16 = 100;
    let (socket, address) = silent();
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    let resolver = resolver(address, "");
    let mut stream = connect(resolver.addresses[0]);
    let questions = (0..COUNT)
        .flat_map(|id| framed(&recursive(id, &format!("n{id}.remote.example."), Rtype::TXT)));
    stream.write_all(&questions.collect::<Vec<u8>>()).unwrap();
    let mut request = [0; 512];
    let (mut len, mut from) = socket.recv_from(&mut request).unwrap();
    resolver.signal("TERM");
    // Who is asked answers that there is nothing, in the end.
    std::thread::spawn(move || {
        loop {
            socket.send_to(&nothing(&request[..len]), from).unwrap();
            let Ok(next) = socket.recv_from(&mut request) else { return };
            (len, from) = next;
        }
    });
    let mut ids: Vec<u16> = (0..COUNT).map(|_| read_reply(&mut stream).header.id).collect();
    ids.sort_unstable();
    assert!(ids.iter().copied().eq(0..COUNT), "{ids:?}");
    assert!(is_closed(&mut stream));
    assert_eq!(resolver.wait().0.code(), Some(0));
}

#[test]
fn connection_that_waits_for_other_servers_is_not_closed_for_one_more() {
    let (socket, nobody) = silent();
    let resolver = resolver(nobody, "tcp: {connections: 3}");
    let address = resolver.addresses[0];
    let mut waiting = connect(address);
    waiting.write_all(&framed(&recursive(7, "www.remote.example.", Rtype::A))).unwrap();
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    socket.recv(&mut [0; 512]).unwrap();
    for _ in 0..20 {
        let mut other = connect(address);
        other.write_all(&framed(&recursive(8, "a.localhost.", Rtype::A))).unwrap();
        assert_eq!(read_reply(&mut other).rcode(), Rcode::NOERROR);
    }
    let reply = read_reply(&mut waiting);
    assert_eq!((reply.header.id, reply.rcode()), (7, Rcode::SERVFAIL));
}

#[test]
fn reload_keeps_what_was_learnt_and_takes_a_new_mode() {
    let authority = authority();
    let to = authority.addresses[0];
    let mut resolver = resolver(to, "");
    let address = resolver.addresses[0];
    let query = recursive(5, "www.remote.example.", Rtype::A);
    assert_eq!(ask_udp(address, &query).answers.len(), 1);
    drop(authority);
    let config = |mode: &str| {
        format!(
            "listen: ['127.0.0.1:0']\nhttp: {{listen: []}}\nresolver: {{mode: {mode}, \
             priming: false, stub: [{{zone: remote.example, to: ['{to}']}}]}}\n"
        )
    };
    resolver.write("kereru.yaml", &config("recursive"));
    resolver.reload();
    assert_eq!(ask_udp(address, &query).answers.len(), 1);
    // Who only refers does not know more, but says where to ask.
    resolver.write("kereru.yaml", &config("referral"));
    resolver.reload();
    let other = recursive(5, "www.elsewhere.example.", Rtype::A);
    let reply = ask_udp(address, &other);
    assert_eq!(reply.authorities.len(), 13, "{}", reply.render());
    assert!(!reply.header.flags.contains(Flags::RA));
    resolver.write("kereru.yaml", &config("'off'"));
    resolver.reload();
    assert_eq!(ask_udp(address, &other).rcode(), Rcode::REFUSED);
}

#[test]
fn cache_of_another_size_begins_empty_and_is_the_one_that_is_filled() {
    let authority = authority();
    let to = authority.addresses[0];
    let mut resolver = resolver(to, "");
    let address = resolver.addresses[0];
    let query = recursive(5, "www.remote.example.", Rtype::A);
    assert_eq!(ask_udp(address, &query).answers.len(), 1);
    let config = format!(
        "listen: ['127.0.0.1:0']\nhttp: {{listen: []}}\ncache: {{size: 32MiB}}\nresolver: \
         {{priming: false, stub: [{{zone: remote.example, to: ['{to}']}}]}}\n"
    );
    resolver.write("kereru.yaml", &config);
    resolver.reload();
    assert_eq!(ask_udp(address, &query).answers.len(), 1);
    drop(authority);
    assert_eq!(ask_udp(address, &query).answers.len(), 1);
    let unknown = recursive(6, "other.remote.example.", Rtype::TXT);
    assert_eq!(ask_udp(address, &unknown).rcode(), Rcode::SERVFAIL);
}

/// What a counter shows.
fn counter(server: &Server, metric: &str) -> f64 {
    value(&metrics(server.http[0]), metric)
}

#[test]
fn server_never_asks_itself() {
    let listen =
        "listen: ['0.0.0.0:0']\nhttp: {listen: ['127.0.0.1:0']}\nrate-limit: {per-second: 0}";
    let mut server = Server::start(listen, &[]);
    let (port, asked) = (server.addresses[0].port(), "kereru_dns_queries_total{transport=\"udp\"}");
    for (number, to) in (1..).zip(["127.0.0.1", "127.0.0.2"]) {
        let config = format!(
            "{listen}\nresolver: {{priming: false, forward: [{{zone: ., to: ['{to}:{port}']}}]}}\n"
        );
        server.write("kereru.yaml", &config);
        server.reload();
        let address = format!("127.0.0.1:{port}").parse().unwrap();
        let query = recursive(1, &format!("www{number}.remote.example."), Rtype::A);
        assert_eq!(ask_udp(address, &query).rcode(), Rcode::SERVFAIL);
        assert_eq!(counter(&server, asked), f64::from(number), "{to}");
    }
    // As a server of the root, too, and named by its only address.
    let hints = ". 60 NS ns.lab.\nns.lab. 60 A 127.0.0.1\n";
    let mut server = Server::start(&listen.replace("0.0.0.0", "127.0.0.1"), &[("hints", hints)]);
    let address = server.addresses[0];
    let config = format!(
        "{}\nresolver: {{priming: false, root-hints: hints, port: {}, do-not-query: []}}\n",
        listen.replace("0.0.0.0", "127.0.0.1"),
        address.port()
    );
    server.write("kereru.yaml", &config);
    server.reload();
    let query = recursive(1, "www.remote.example.", Rtype::A);
    assert_eq!(ask_udp(address, &query).rcode(), Rcode::SERVFAIL);
    assert_eq!(counter(&server, asked), 1.0);
}

#[test]
fn address_to_ask_from_that_the_machine_lacks_ends_the_start() {
    let folder = crate::server::folder(
        "listen: ['127.0.0.1:0']\nresolver: {priming: false, source: [192.0.2.1]}\n",
        &[],
    );
    let output = crate::server::serve(&folder).output().unwrap();
    assert_eq!(output.status.code(), Some(3));
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.contains("cannot ask other servers from 192.0.2.1"), "{said}");
}

/// Asks for fifty names that are not there, where two replies a second are the limit, and checks how
/// many are answered.
#[track_caller]
fn check_limit(allow: &str, is_limited: bool) {
    let zone = ZONE.replace("* TXT", "x TXT");
    let authority = Server::start(
        "listen: ['127.0.0.1:0']\nrate-limit: {per-second: 0}\nzones: [{zone: remote.example, file: \
         remote.zone}]\n",
        &[("remote.zone", &zone)],
    );
    let config = format!(
        "listen: ['127.0.0.1:0']\nhttp: {{listen: ['127.0.0.1:0']}}\nrate-limit: {{per-second: 2, \
         slip: 0, exempt: []}}\nresolver: {{allow: {allow}, priming: false, stub: [{{zone: \
         remote.example, to: ['{}']}}]}}\n",
        authority.addresses[0]
    );
    let resolver = Server::start(&config, &[]);
    let client = UdpSocket::bind("127.0.0.1:0").unwrap();
    let count = 50_u16;
    for id in 0..count {
        let query = recursive(id, &format!("n{id}.remote.example."), Rtype::A);
        client.send_to(&query, resolver.addresses[0]).unwrap();
    }
    let dropped = "kereru_dns_dropped_total{reason=\"rate-limited\"}";
    let answered = "kereru_dns_responses_total{rcode=\"NXDOMAIN\"}";
    let began = Instant::now();
    loop {
        let (left, limited) = (counter(&resolver, answered), counter(&resolver, dropped));
        if left + limited == f64::from(count) {
            assert_eq!(limited > 30.0, is_limited, "{allow}: {left} were answered");
            assert!(is_limited || limited == 0.0, "{allow}: {left} were answered");
            return;
        }
        assert!(began.elapsed() < PATIENCE, "{left} and {limited}");
    }
}

#[test]
fn denials_of_names_of_others_count_together_for_the_rate_limit_where_everybody_may_ask() {
    check_limit("[0.0.0.0/0, '::/0']", true);
}

#[test]
fn clients_of_the_resolver_are_not_limited_unless_everybody_may_ask() {
    check_limit("[127.0.0.0/8]", false);
    check_limit("[0.0.0.0/0, 127.0.0.0/8]", false);
}

#[test]
fn query_that_waits_is_counted_once_whether_others_can_be_had_or_not() {
    let authority = authority();
    // Nobody listens there any more.
    let (_, dead) = silent();
    let config = format!(
        "listen: ['127.0.0.1:0']\nhttp: {{listen: ['127.0.0.1:0']}}\nrate-limit: {{per-second: \
         0}}\nresolver: {{priming: false, stub: [{{zone: remote.example, to: ['{}']}}, {{zone: \
         dead.example, to: ['{dead}']}}]}}\n",
        authority.addresses[0]
    );
    let resolver = Server::start(&config, &[]);
    let ask =
        |qname: &str| ask_udp(resolver.addresses[0], &recursive(3, qname, Rtype::TXT)).rcode();
    for number in 0..5 {
        assert_eq!(ask(&format!("n{number}.remote.example.")), Rcode::NOERROR);
    }
    let mut stream = connect(resolver.addresses[0]);
    for number in 5..8 {
        let query = recursive(3, &format!("n{number}.remote.example."), Rtype::TXT);
        stream.write_all(&framed(&query)).unwrap();
        assert_eq!(read_reply(&mut stream).rcode(), Rcode::NOERROR);
    }
    // Each once more, from what is remembered.
    for number in [0, 1, 2, 3, 0, 1, 2, 3] {
        assert_eq!(ask(&format!("n{number}.dead.example.")), Rcode::SERVFAIL);
    }
    // The time of a reply is known, and counted, after it has left.
    let began = Instant::now();
    let counted = loop {
        let text = metrics(resolver.http[0]);
        if sum(&text, "kereru_dns_request_duration_seconds_count") == 16.0 {
            break text;
        }
        assert!(began.elapsed() < PATIENCE, "{text}");
    };
    for family in
        ["kereru_dns_queries_total", "kereru_dns_responses_total", "kereru_dns_answers_total"]
    {
        assert_eq!(sum(&counted, family), 16.0, "{family}");
    }
    assert_eq!(value(&counted, "kereru_dns_responses_total{rcode=\"SERVFAIL\"}"), 8.0);
    assert_eq!(value(&counted, "kereru_dns_answers_total{source=\"resolver\"}"), 8.0);
    assert_eq!(value(&counted, "kereru_dns_answers_total{source=\"error\"}"), 8.0);
    assert_eq!(value(&counted, "kereru_resolver_failures_total{reason=\"network\"}"), 4.0);
    assert_eq!(sum(&counted, "kereru_resolver_failures_total"), 4.0);
    assert_eq!(sum(&counted, "kereru_dns_dropped_total"), 0.0);
}

#[test]
fn reserved_names_are_answered_without_asking_anybody() {
    let hints = ". 60 NS ns.lab.\nns.lab. 60 A 127.0.0.1\n";
    let config = "listen: ['127.0.0.1:0']\nhttp: {listen: ['127.0.0.1:0']}\nresolver: {priming: \
                  false, root-hints: hints, port: 1}\n";
    let resolver = Server::start(config, &[("hints", hints)]);
    let ask = |qname: &str, rtype| ask_udp(resolver.addresses[0], &recursive(3, qname, rtype));
    let reply = ask("a.localhost.", Rtype::A);
    assert_eq!(reply.answers[0].rdata, [127, 0, 0, 1]);
    assert!(reply.header.flags.contains(Flags::AA));
    assert_eq!(ask("x.onion.", Rtype::A).rcode(), Rcode::NXDOMAIN);
    assert_eq!(ask("1.2.168.192.in-addr.arpa.", Rtype::PTR).rcode(), Rcode::NXDOMAIN);
    assert_eq!(ask("1.0.0.127.in-addr.arpa.", Rtype::PTR).answers.len(), 1);
    for name in ["test", "x.invalid", "y.local", "a.alt", "b.home.arpa", "c.resolver.arpa"] {
        let reply = ask(&format!("n.{name}."), Rtype::A);
        assert_eq!(reply.rcode(), Rcode::NXDOMAIN, "{name}");
        assert!(reply.header.flags.contains(Flags::AA), "{name}");
    }
    assert_eq!(
        counter(&resolver, "kereru_resolver_upstream_queries_total{transport=\"udp\"}"),
        0.0
    );
}

#[test]
fn servers_for_a_reserved_name_are_asked_and_those_for_the_root_are_not() {
    let authority = Server::start(
        "listen: ['127.0.0.1:0']\nzones: [{zone: lab.home.arpa, file: z}, {zone: ., file: r}]\n",
        &[("z", ZONE), ("r", &ZONE.replace("www", "www.test."))],
    );
    let to = authority.addresses[0];
    let config = format!(
        "listen: ['127.0.0.1:0']\nresolver: {{priming: false, stub: [{{zone: lab.home.arpa, to: \
         ['{to}']}}], forward: [{{zone: ., to: ['{to}']}}]}}\n"
    );
    let resolver = Server::start(&config, &[]);
    let ask = |qname: &str| ask_udp(resolver.addresses[0], &recursive(3, qname, Rtype::A));
    assert_eq!(ask("www.lab.home.arpa.").answers.len(), 1);
    assert_eq!(ask("www.other.home.arpa.").rcode(), Rcode::NXDOMAIN);
    assert_eq!(ask("www.test.").rcode(), Rcode::NXDOMAIN);
}

#[test]
fn hints_that_cannot_be_used_end_the_start_with_their_place() {
    let folder = crate::server::folder(
        "listen: ['127.0.0.1:0']\nresolver: {root-hints: hints}\n",
        &[("hints", "ns.lab. 3600 IN A 192.0.2.1\n")],
    );
    let output = crate::server::serve(&folder).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.contains("the root hints hints have no server with an address"), "{said}");
    assert!(said.contains("kereru.yaml:2:24"), "{said}");
}
