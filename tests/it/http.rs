//! HTTP as octets on a socket: what is shown, to whom, and what clients cannot do.

use crate::server::{ANSWER, PATIENCE, Server, ask_udp, connect, is_closed, run_to_its_end, www};
use std::collections::BTreeSet;
use std::fs;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::time::Instant;

fn server(http: &str) -> Server {
    Server::example("'127.0.0.1:0'", &format!("http: {{listen: ['127.0.0.1:0'], {http}}}"))
}

/// Sends octets and reads until the server closes the connection.
fn talk(server: &Server, octets: &str) -> String {
    let mut stream = connect(server.http[0]);
    stream.write_all(octets.as_bytes()).unwrap();
    read_to_end(&mut stream)
}

fn read_to_end(stream: &mut TcpStream) -> String {
    let mut answer = Vec::new();
    // A server that closes while octets of ours are on their way resets the connection.
    let mut part = [0; 4096];
    while let Ok(count) = stream.read(&mut part) {
        if count == 0 {
            break;
        }
        answer.extend_from_slice(&part[..count]);
    }
    String::from_utf8(answer).unwrap()
}

/// Reads one response whose length is told.
fn read_response(stream: &mut TcpStream) -> String {
    let mut answer = Vec::new();
    while !answer.ends_with(b"\r\n\r\n") {
        let mut octet = [0];
        stream.read_exact(&mut octet).unwrap();
        answer.push(octet[0]);
    }
    let head = String::from_utf8(answer).unwrap();
    let length = field(&head, "content-length").unwrap().parse().unwrap();
    let mut body = vec![0; length];
    stream.read_exact(&mut body).unwrap();
    head + std::str::from_utf8(&body).unwrap()
}

fn field<'h>(head: &'h str, name: &str) -> Option<&'h str> {
    head.lines().filter_map(|line| line.split_once(": ")).find(|(key, _)| *key == name).map(|f| f.1)
}

fn status(response: &str) -> &str {
    response.split(' ').nth(1).unwrap_or("closed")
}

/// Asks once, with these fields.
fn ask(server: &Server, line: &str, fields: &str) -> String {
    talk(server, &format!("{line} HTTP/1.1\r\n{fields}Connection: close\r\n\r\n"))
}

#[track_caller]
fn check(server: &Server, line: &str, fields: &str, expected: &str) {
    let response = ask(server, line, fields);
    assert_eq!(status(&response), expected, "{line}\n{fields}\n{response}");
}

const HOST: &str = "Host: localhost\r\n";

pub fn metrics(server: SocketAddr) -> String {
    let mut stream = connect(server);
    stream.write_all(b"GET /metrics HTTP/1.0\r\n\r\n").unwrap();
    read_to_end(&mut stream)
}

/// The value of a metric, named as in the text format.
#[track_caller]
pub fn value(text: &str, metric: &str) -> f64 {
    let line = text.lines().find_map(|line| line.strip_prefix(metric)?.strip_prefix(' '));
    line.unwrap_or_else(|| panic!("{metric} is not in\n{text}")).parse().unwrap()
}

/// The sum of the members of a family, named up to the brace.
pub fn sum(text: &str, family: &str) -> f64 {
    let members = text.lines().filter_map(|line| line.strip_prefix(family)?.strip_prefix('{'));
    members.map(|rest| rest.rsplit(' ').next().unwrap().parse::<f64>().unwrap()).sum()
}

#[test]
fn health_readiness_and_metrics_are_shown() {
    let server = server("");
    let alive = ask(&server, "GET /healthz", HOST);
    assert_eq!(status(&alive), "200");
    assert!(alive.ends_with("\r\n\r\nalive\n"), "{alive}");
    assert!(ask(&server, "GET /readyz", HOST).ends_with("\r\n\r\nready\n"));
    let metrics = ask(&server, "GET /metrics", HOST);
    assert_eq!(field(&metrics, "content-type"), Some("text/plain; version=0.0.4"));
    assert_eq!(field(&metrics, "cache-control"), Some("no-store"));
    let version = env!("CARGO_PKG_VERSION");
    assert_eq!(value(&metrics, &format!("kereru_build_info{{version=\"{version}\"}}")), 1.0);
}

#[test]
fn head_gets_the_fields_without_the_text() {
    let server = server("");
    let response = ask(&server, "HEAD /healthz", HOST);
    assert_eq!(status(&response), "200");
    assert_eq!(field(&response, "content-length"), Some("6"));
    assert!(response.ends_with("\r\n\r\n"), "{response}");
}

#[test]
fn other_methods_are_told_which_there_are() {
    let server = server("");
    for method in ["POST", "PUT", "DELETE", "OPTIONS", "PATCH", "BREW"] {
        let response = ask(&server, &format!("{method} /healthz"), HOST);
        assert_eq!(status(&response), "405", "{method}");
        assert_eq!(field(&response, "allow"), Some("GET, HEAD"), "{method}");
    }
    check(&server, "POST /nothing", HOST, "404");
}

#[test]
fn path_is_taken_as_it_is_written() {
    let server = server("");
    for path in [
        "/",
        "/metrics/",
        "/Metrics",
        "//metrics",
        "/x/../metrics",
        "/../metrics",
        "/%6Detrics",
        "/metrics%00",
        "/metrics=2F",
        "/=2E",
        "/healthz/../../etc/passwd",
    ] {
        check(&server, &format!("GET {path}"), HOST, "404");
    }
    check(&server, "GET /healthz?a=../%00", HOST, "200");
}

#[test]
fn request_says_for_whom_it_is_once() {
    let server = server("names: [ns1.example.net]");
    for (fields, expected) in [
        ("", "400"),
        ("Host: localhost\r\nHost: localhost\r\n", "400"),
        ("Host: \r\n", "400"),
        ("Host: user@localhost\r\n", "400"),
        ("Host: local host\r\n", "400"),
        ("Host: localhost:8053\r\n", "200"),
        ("Host: LOCALHOST\r\n", "200"),
        ("Host: 192.0.2.1\r\n", "200"),
        ("Host: [2001:db8::1]:8053\r\n", "200"),
        ("Host: ns1.example.net:8053\r\n", "200"),
        ("Host: NS1.Example.NET.\r\n", "200"),
        ("Host: evil.example\r\n", "421"),
        ("Host: example.net\r\n", "421"),
        ("Host: localhost.evil.example\r\n", "421"),
        ("Host: 127.0.0.1.evil.example\r\n", "421"),
    ] {
        check(&server, "GET /healthz", fields, expected);
    }
    // A target with a host outranks the field.
    check(&server, "GET http://evil.example/healthz", HOST, "421");
    check(&server, "GET http://localhost/healthz", HOST, "200");
    assert_eq!(status(&talk(&server, "GET /healthz HTTP/1.0\r\n\r\n")), "200");
    let foreign = "GET /healthz HTTP/1.0\r\nHost: evil.example\r\n\r\n";
    assert_eq!(status(&talk(&server, foreign)), "421");
}

#[test]
fn pages_of_others_get_nothing() {
    let server = server("");
    for (fields, expected) in [
        ("Origin: http://localhost\r\n", "200"),
        ("Origin: https://LOCALHOST\r\n", "200"),
        ("Origin: http://localhost:8080\r\n", "403"),
        ("Origin: http://evil.example\r\n", "403"),
        ("Origin: null\r\n", "403"),
        ("Origin: http://localhost\r\nOrigin: http://evil.example\r\n", "403"),
        ("Sec-Fetch-Site: cross-site\r\n", "403"),
        ("Sec-Fetch-Site: same-origin\r\n", "200"),
        ("Sec-Fetch-Site: none\r\n", "200"),
    ] {
        for path in ["/healthz", "/metrics"] {
            check(&server, &format!("GET {path}"), &format!("{HOST}{fields}"), expected);
        }
    }
}

#[test]
fn metrics_are_for_those_that_are_allowed() {
    let allowed = server("allow: [127.0.0.1]");
    check(&allowed, "GET /metrics", HOST, "200");
    // Whoever passes a request on is not who asks.
    for passed_on in ["Forwarded: for=127.0.0.1\r\n", "X-Forwarded-For: 127.0.0.1\r\n"] {
        check(&allowed, "GET /metrics", &format!("{HOST}{passed_on}"), "403");
        check(&allowed, "GET /healthz", &format!("{HOST}{passed_on}"), "200");
    }
    let closed = server("allow: [192.0.2.0/24]");
    check(&closed, "GET /metrics", HOST, "403");
    check(&closed, "HEAD /metrics", HOST, "403");
    check(&closed, "GET /readyz", HOST, "200");
}

#[test]
fn connection_of_http_1_0_ends_with_the_response() {
    let server = server("");
    for fields in ["", "Connection: keep-alive\r\n"] {
        let twice = format!("GET /healthz HTTP/1.0\r\n{fields}\r\n").repeat(2);
        let response = talk(&server, &twice);
        assert_eq!(response.matches("HTTP/1.0 200").count(), 1, "{response}");
    }
}

#[test]
fn connection_of_http_1_1_goes_on_and_takes_requests_ahead() {
    let server = server("");
    let mut stream = connect(server.http[0]);
    let request = format!("GET /healthz HTTP/1.1\r\n{HOST}\r\n");
    for _ in 0..3 {
        stream.write_all(request.as_bytes()).unwrap();
        assert_eq!(status(&read_response(&mut stream)), "200");
    }
    let missing = format!("GET /nothing HTTP/1.1\r\n{HOST}\r\n");
    stream.write_all([request.as_str(), &missing, &request].concat().as_bytes()).unwrap();
    let answers: Vec<String> = (0..3).map(|_| read_response(&mut stream)).collect();
    assert_eq!(answers.iter().map(|a| status(a)).collect::<Vec<_>>(), ["200", "404", "200"]);
}

#[test]
fn long_head_is_read_and_an_endless_one_is_not() {
    let server = server("");
    let eight = format!("X-Long: {}\r\n", "x".repeat(8 * 1024));
    check(&server, "GET /healthz", &format!("{HOST}{eight}"), "200");
    let mut stream = connect(server.http[0]);
    let head = format!("GET /healthz HTTP/1.1\r\n{HOST}X-Long: {}\r\n\r\n", "x".repeat(1 << 20));
    // The server does not wait for all of it.
    let _ = stream.write_all(head.as_bytes());
    let response = read_to_end(&mut stream);
    assert!(matches!(status(&response), "431" | "closed"), "{response}");
    let many: String = (0..200).map(|number| format!("X-{number}: a\r\n")).collect();
    check(&server, "GET /healthz", &format!("{HOST}{many}"), "431");
    let target = format!("GET /{}", "x".repeat(1 << 17));
    let response = ask(&server, &target, HOST);
    assert!(matches!(status(&response), "414" | "431" | "closed"), "{response}");
}

#[test]
fn body_that_cannot_be_told_from_the_next_request_is_refused() {
    let server = server("");
    let hidden = format!("GET /hidden HTTP/1.1\r\n{HOST}\r\n");
    for (fields, expected) in [
        ("Content-Length: 5\r\nContent-Length: 6\r\n", "400"),
        ("Content-Length: five\r\n", "400"),
        ("Content-Length: -1\r\n", "400"),
        ("Content-Length: 5, 6\r\n", "400"),
        ("Transfer-Encoding: nonsense\r\n", "400"),
        ("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n", "405"),
        ("Transfer-Encoding: chunked\r\n", "405"),
    ] {
        let head = format!("POST /healthz HTTP/1.1\r\n{HOST}{fields}\r\n");
        let response = talk(&server, &format!("{head}zz\r\n{hidden}"));
        assert_eq!(status(&response), expected, "{fields}\n{response}");
        assert_eq!(response.matches("HTTP/1.").count(), 1, "{fields}\n{response}");
    }
    for octets in
        ["\0\0\0\0\r\n\r\n", "GET\r\n\r\n", "GET / HTTP/9.9\r\n\r\n", "\x16\x03\x01\r\n\r\n"]
    {
        let response = talk(&server, octets);
        assert!(matches!(status(&response), "400" | "505" | "closed"), "{octets:?}\n{response}");
    }
    check(&server, "GET /healthz", HOST, "200");
}

#[test]
fn slow_clients_are_cut_off() {
    let server = server("");
    let begun = Instant::now();
    let mut silent = connect(server.http[0]);
    let mut slow = connect(server.http[0]);
    slow.write_all(b"GET /healthz HTTP/1.1\r\nHost: loc").unwrap();
    let mut idle = connect(server.http[0]);
    idle.write_all(format!("GET /healthz HTTP/1.1\r\n{HOST}\r\n").as_bytes()).unwrap();
    assert_eq!(status(&read_response(&mut idle)), "200");
    // The body is not waited for.
    let body = format!("POST /healthz HTTP/1.1\r\n{HOST}Content-Length: 100\r\n\r\nten octets");
    let mut slow_body = connect(server.http[0]);
    slow_body.write_all(body.as_bytes()).unwrap();
    assert_eq!(status(&read_to_end(&mut slow_body)), "405");
    for stream in [&mut silent, &mut slow, &mut idle] {
        let rest = read_to_end(stream);
        assert!(matches!(status(&rest), "closed" | "408"), "{rest}");
    }
    assert!(begun.elapsed() < PATIENCE, "{:?}", begun.elapsed());
}

#[test]
fn thousand_idle_connections_keep_nobody_out() {
    kereru::sys::files::raise_limit().unwrap();
    let server = server("");
    let mut idle: Vec<TcpStream> = (0..1000).map(|_| connect(server.http[0])).collect();
    check(&server, "GET /healthz", HOST, "200");
    // The first to come is the first to go.
    assert!(is_closed(&mut idle[0]));
    let mut last = idle.pop().unwrap();
    last.write_all(format!("GET /healthz HTTP/1.1\r\n{HOST}\r\n").as_bytes()).unwrap();
    assert_eq!(status(&read_response(&mut last)), "200");
    let open = value(&metrics(server.http[0]), "process_open_fds");
    // 256 connections, and those that were told to leave and are about to: at most 128.
    assert!(open < 450.0, "{open} open files");
}

#[test]
fn open_connection_does_not_hold_up_the_end() {
    let server = server("");
    let mut stream = connect(server.http[0]);
    stream.write_all(format!("GET /healthz HTTP/1.1\r\n{HOST}\r\n").as_bytes()).unwrap();
    assert_eq!(status(&read_response(&mut stream)), "200");
    let asked = Instant::now();
    server.signal("TERM");
    assert!(is_closed(&mut stream));
    let (status, log) = server.wait();
    assert_eq!(status.code(), Some(0), "{log}");
    assert!(asked.elapsed().as_secs() < 4, "{:?}", asked.elapsed());
}

#[test]
fn requests_are_counted_by_what_their_path_leads_to() {
    let server = server("");
    for path in ["/healthz", "/healthz?x=1", "/secret-of-a-client", "/other"] {
        ask(&server, &format!("GET {path}"), HOST);
    }
    ask(&server, "GET /healthz", "Host: evil.example\r\n");
    let text = metrics(server.http[0]);
    let count = |labels: &str| value(&text, &format!("kereru_http_requests_total{{{labels}}}"));
    assert_eq!(count("code=\"200\",path=\"/healthz\""), 2.0);
    assert_eq!(count("code=\"421\",path=\"/healthz\""), 1.0);
    assert_eq!(count("code=\"404\",path=\"other\""), 2.0);
    assert!(!text.contains("secret"), "{text}");
}

#[test]
fn zones_beyond_the_bound_count_together() {
    let zone = "@ 60 SOA ns.other. admin 7 2 3 4 5\n@ 60 NS ns.other.\n";
    let config = "listen: ['127.0.0.1:0']\nzones: [{directory: .}]\nmetrics: {zones-max: 2}\n\
                  http: {listen: ['127.0.0.1:0']}\n";
    let zones = [("a.zone", zone), ("b.zone", "@ A 1"), ("c.zone", zone), ("d.zone", zone)];
    let server = Server::start(config, &zones);
    let text = metrics(server.http[0]);
    let lines: Vec<&str> = text.lines().filter(|line| line.starts_with("kereru_zone_")).collect();
    assert_eq!(
        lines,
        [
            "kereru_zone_load_errors{zone=\"a.\"} 0",
            "kereru_zone_load_errors{zone=\"b.\"} 1",
            "kereru_zone_load_errors{zone=\"other\"} 0",
            "kereru_zone_records{zone=\"a.\"} 2",
            "kereru_zone_records{zone=\"other\"} 4",
            "kereru_zone_serial{zone=\"a.\"} 7",
        ]
    );
}

#[test]
fn reloads_are_counted_and_show_what_is_served() {
    let mut server = server("");
    let of = |server: &Server, metric: &str| value(&metrics(server.http[0]), metric);
    let (good, bad) =
        ("kereru_reloads_total{result=\"success\"}", "kereru_reloads_total{result=\"failure\"}");
    let loaded = "kereru_config_last_reload_success_timestamp_seconds";
    let begun = of(&server, loaded);
    assert_eq!((of(&server, good), of(&server, bad)), (0.0, 0.0));
    server.write("example.zone", "@ 60 SOA ns.other. admin 9 2 3 4 5\n@ 60 NS ns.other.\n");
    server.reload();
    assert_eq!((of(&server, good), of(&server, bad)), (1.0, 0.0));
    assert_eq!(of(&server, "kereru_zone_serial{zone=\"example.\"}"), 9.0);
    let again = of(&server, loaded);
    assert!(again > begun, "{again} {begun}");
    // The old version of a zone with errors is served.
    server.write("example.zone", "@ 60 A 1\n");
    server.reload();
    assert_eq!(of(&server, "kereru_zone_serial{zone=\"example.\"}"), 9.0);
    assert_eq!(of(&server, "kereru_zone_load_errors{zone=\"example.\"}"), 1.0);
    let again = of(&server, loaded);
    server.write("kereru.yaml", "lisen: []\n");
    server.reload();
    assert_eq!((of(&server, good), of(&server, bad)), (2.0, 1.0));
    assert_eq!(of(&server, loaded), again);
}

#[test]
fn reload_changes_who_may_see_what() {
    let mut server = server("");
    check(&server, "GET /metrics", "Host: ns1.example\r\n", "421");
    let http = format!("http: {{listen: ['{}'], names: [ns1.example]", server.http[0]);
    server.write("kereru.yaml", &format!("listen: ['127.0.0.1:0']\n{http}}}\n"));
    server.reload();
    check(&server, "GET /metrics", "Host: ns1.example\r\n", "200");
    server.write("kereru.yaml", &format!("listen: ['127.0.0.1:0']\n{http}, allow: []}}\n"));
    server.reload();
    check(&server, "GET /metrics", "Host: ns1.example\r\n", "403");
}

#[test]
fn answers_by_source_add_up_to_responses() {
    let server = server("");
    assert_eq!(ask_udp(server.addresses[0], &www()).render(), ANSWER);
    let mut foreign = www();
    foreign[13] = b'x';
    foreign[17] = b'x';
    ask_udp(server.addresses[0], &foreign);
    // The time of a reply is known, and counted, after it has left.
    let begun = Instant::now();
    let mut text = metrics(server.http[0]);
    while sum(&text, "kereru_dns_request_duration_seconds_count") < 2.0 {
        assert!(begun.elapsed() < PATIENCE, "{text}");
        text = metrics(server.http[0]);
    }
    let sum = |family: &str| sum(&text, family);
    assert_eq!(sum("kereru_dns_queries_total"), 2.0);
    assert_eq!(sum("kereru_dns_responses_total"), 2.0);
    assert_eq!(sum("kereru_dns_answers_total"), 2.0);
    assert_eq!(sum("kereru_dns_request_duration_seconds_count"), 2.0);
}

#[test]
fn every_metric_is_documented_and_every_documented_one_exists() {
    let server = server("");
    ask(&server, "GET /healthz", HOST);
    let text = metrics(server.http[0]);
    let served: BTreeSet<(&str, &str)> =
        text.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.split_once(' ')).collect();
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/operations.md");
    let page = fs::read_to_string(page).unwrap();
    let rows = page.lines().filter_map(|line| line.strip_prefix("| `"));
    let metrics = rows.filter(|row| row.starts_with("kereru_") || row.starts_with("process_"));
    let documented: BTreeSet<(&str, &str)> = metrics
        .map(|row| {
            let (name, rest) = row.split_once('`').unwrap();
            let name = name.split('{').next().unwrap();
            (name, rest.trim_start_matches(" | ").split(' ').next().unwrap())
        })
        .collect();
    assert_eq!(documented, served);
}

#[test]
fn no_address_is_no_http() {
    let server = Server::example("'127.0.0.1:0'", "http: {listen: []}");
    assert_eq!(server.http, []);
    assert!(server.lines.concat().contains(" http=- mail=-\n"), "{}", server.lines.concat());
    assert_eq!(ask_udp(server.addresses[0], &www()).render(), ANSWER);
}

#[test]
fn http_address_in_use_ends_with_3_and_names_it() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap();
    let config = format!("listen: ['127.0.0.1:0']\nhttp: {{listen: ['{address}']}}\n");
    let (code, log) = run_to_its_end(&config);
    assert_eq!(code, Some(3), "{log}");
    assert!(log.contains(&format!("cannot listen on {address} (HTTP)")), "{log}");
}
