//! Whose mail is taken: the binary with mail, and a client that says who sends to whom.

use crate::http::{metrics, value};
use crate::server::{PATIENCE, Server};
use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpStream};

/// A session of SMTP.
pub struct Client(BufReader<TcpStream>);

impl Client {
    /// Connects, and says hello.
    pub fn connect(server: SocketAddr, helo: &str) -> Self {
        let stream = TcpStream::connect(server).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let mut client = Self(BufReader::new(stream));
        assert!(client.reply().starts_with("220 "));
        assert!(client.say(&format!("HELO {helo}")).starts_with("250 "));
        client
    }

    /// The last line of the next reply.
    pub fn reply(&mut self) -> String {
        loop {
            let mut line = String::new();
            assert!(self.0.read_line(&mut line).unwrap() > 0, "the server has gone");
            if line.as_bytes().get(3) != Some(&b'-') {
                return line;
            }
        }
    }

    /// Says something, and returns the last line of the reply.
    pub fn say(&mut self, line: &str) -> String {
        self.0.get_mut().write_all(format!("{line}\r\n").as_bytes()).unwrap();
        self.reply()
    }

    /// What a sender and then a recipient get, as codes.
    fn envelope(&mut self, from: &str, to: &str) -> String {
        self.say("RSET");
        let first = codes(&self.say(&format!("MAIL FROM:<{from}>")));
        let second = codes(&self.say(&format!("RCPT TO:<{to}>")));
        format!("{first}, {second}")
    }
}

/// The code and the enhanced code of a reply.
fn codes(reply: &str) -> String {
    reply.split(' ').take(2).collect::<Vec<_>>().join(" ")
}

/// Nobody's password.
const HASH: &str = "$argon2id$v=19$m=8,t=1,p=1$c2FsdHNhbHQ$AAAAAAAAAAAAAAAAAAAAAA";

const ZONE: &str = "$TTL 300\n@ SOA ns admin 1 2 3 4 5\n@ NS ns\nns A 192.0.2.1\n\
                    us MX 10 mail\nmail A 192.0.2.2\nother MX 10 host\nhost A 192.0.2.3\n\
                    null MX 0 .\ntext TXT a\n";

/// A server of mail for us.example, with a zone example.
fn server(of_mail: &str, more: &str) -> Server {
    Server::start(
        &format!(
            "listen: ['127.0.0.1:0']\nzones: [{{zone: example, file: example.zone}}]\n\
             mail: {{hostname: mail.example, smtp: ['127.0.0.1:0'], pop3: [], users: [{{name: joe, \
             addresses: [joe@us.example], password: '{HASH}'}}], {of_mail}}}\n{more}\n"
        ),
        &[("example.zone", ZONE)],
    )
}

#[track_caller]
fn check(server: &Server, from: &str, to: &str, expected: &str) {
    let mut client = Client::connect(server.mail[0], "client.example");
    assert_eq!(client.envelope(from, to), expected, "{from} to {to}");
}

#[test]
fn sender_that_cannot_be_written_back_to_is_refused() {
    let server = server("checks: {spf: 'off'}", "");
    for (from, expected) in [
        ("", "250 2.1.0, 250 2.1.5"),
        ("a@other.example", "250 2.1.0, 250 2.1.5"),
        ("a@host.example", "250 2.1.0, 250 2.1.5"),
        ("a@[192.0.2.9]", "250 2.1.0, 250 2.1.5"),
        ("a@us.example", "250 2.1.0, 250 2.1.5"),
        ("a@none.example", "550 5.1.8, 503 5.5.1"),
        ("a@text.example", "550 5.1.8, 503 5.5.1"),
        ("a@null.example", "550 5.7.27, 503 5.5.1"),
        // Nobody can be asked.
        ("a@elsewhere.test", "250 2.1.0, 250 2.1.5"),
    ] {
        check(&server, from, "joe@us.example", expected);
    }
}

#[test]
fn recipient_is_refused_for_strangers_and_taken_for_those_who_may_relay() {
    let strangers = server("", "");
    let known = server("relay-networks: [127.0.0.0/8]", "");
    for (to, of_stranger, of_known) in [
        ("joe@us.example", "250 2.1.5", "250 2.1.5"),
        ("postmaster", "250 2.1.5", "250 2.1.5"),
        ("jane@us.example", "550 5.1.1", "550 5.1.1"),
        ("a@other.example", "550 5.7.1", "250 2.1.5"),
        ("a@none.example", "550 5.1.2", "550 5.1.2"),
        ("a@null.example", "556 5.1.10", "556 5.1.10"),
        ("a@elsewhere.test", "550 5.7.1", "250 2.1.5"),
        ("a@[192.0.2.3]", "550 5.7.1", "250 2.1.5"),
    ] {
        check(&strangers, "", to, &format!("250 2.1.0, {of_stranger}"));
        check(&known, "", to, &format!("250 2.1.0, {of_known}"));
    }
}

#[test]
fn failure_of_dns_refuses_nobody_for_good() {
    // Nobody answers there.
    let closed = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    let forward = format!(
        "resolver: {{mode: forward, forward: [{{zone: ., to: ['{}']}}]}}",
        closed.local_addr().unwrap()
    );
    drop(closed);
    let strangers = server("checks: {spf: 'off'}", &forward);
    check(&strangers, "a@broken.net", "joe@us.example", "451 4.4.3, 503 5.5.1");
    check(&strangers, "", "a@broken.net", "250 2.1.0, 550 5.7.1");
    let known = server("relay-networks: [127.0.0.0/8]", &forward);
    check(&known, "a@broken.net", "a@broken.net", "250 2.1.0, 250 2.1.5");
}

#[test]
fn questions_of_the_server_itself_do_not_count_as_those_of_clients() {
    let far = Server::start(
        "listen: ['127.0.0.1:0']\nzones: [{zone: far.test, file: far.zone}]\n",
        &[("far.zone", ZONE)],
    );
    let resolver = format!(
        "http: {{listen: ['127.0.0.1:0']}}\nresolver: {{priming: false, allow: [192.0.2.0/24], stub: \
         [{{zone: far.test, to: ['{}']}}]}}",
        far.addresses[0]
    );
    let server = server("", &resolver);
    check(&server, "a@other.far.test", "joe@us.example", "250 2.1.0, 250 2.1.5");
    check(&server, "a@none.far.test", "joe@us.example", "550 5.1.8, 503 5.5.1");
    check(&server, "a@none.example", "joe@us.example", "550 5.1.8, 503 5.5.1");
    let metrics = metrics(server.http[0]);
    for transport in ["udp", "tcp"] {
        let metric = format!("kereru_dns_queries_total{{transport=\"{transport}\"}}");
        assert_eq!(value(&metrics, &metric), 0.0, "{transport}");
    }
    for rcode in ["NOERROR", "NXDOMAIN", "SERVFAIL", "REFUSED"] {
        let metric = format!("kereru_dns_responses_total{{rcode=\"{rcode}\"}}");
        assert_eq!(value(&metrics, &metric), 0.0, "{rcode}");
    }
    assert!(value(&metrics, "kereru_resolver_upstream_queries_total{transport=\"udp\"}") > 0.0);
}

#[test]
fn route_makes_dns_irrelevant() {
    let routes = "relay-networks: [127.0.0.0/8], routes: [{domain: none.example, to: 192.0.2.7}]";
    check(&server(routes, ""), "a@none.example", "b@none.example", "250 2.1.0, 250 2.1.5");
}

#[test]
fn client_must_have_names_where_that_is_wanted() {
    let server = server("checks: {helo: true, reverse: false}", "");
    let mut client = Client::connect(server.mail[0], "none.example");
    assert_eq!(client.envelope("", "joe@us.example"), "550 5.7.1, 503 5.5.1");
    let mut client = Client::connect(server.mail[0], "host.example");
    assert_eq!(client.envelope("", "joe@us.example"), "250 2.1.0, 250 2.1.5");
    let zone = "$TTL 300\n@ SOA ns.example. admin 1 2 3 4 5\n@ NS ns.example.\n";
    let nameless = Server::start(
        &format!(
            "listen: ['127.0.0.1:0']\nzones: [{{zone: 127.in-addr.arpa, file: reverse.zone}}]\n\
             mail: {{hostname: mail.example, smtp: ['127.0.0.1:0'], pop3: [], domains: [us.example], \
             checks: {{reverse: true}}, users: [{{name: joe, addresses: [joe@us.example], password: \
             '{HASH}'}}]}}\n"
        ),
        &[("reverse.zone", zone)],
    );
    check(&nameless, "", "joe@us.example", "550 5.7.25, 503 5.5.1");
    nameless.write(
        "reverse.zone",
        &format!("{zone}1.0.0 PTR client.example.\n").replace("1 2 3", "2 2 3"),
    );
    let mut nameless = nameless;
    nameless.reload();
    check(&nameless, "", "joe@us.example", "250 2.1.0, 250 2.1.5");
}
