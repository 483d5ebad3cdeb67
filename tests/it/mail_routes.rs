//! How mail finds its way: `kereru route`, and the binary when zones change.

use crate::mail_checks::Client;
use crate::server::{Server, folder};
use std::path::Path;
use std::process::{Command, Output};

/// Nobody's password.
const HASH: &str = "$argon2id$v=19$m=8,t=1,p=1$c2FsdHNhbHQ$AAAAAAAAAAAAAAAAAAAAAA";

const ZONE: &str = "$TTL 300\n@ SOA ns admin 1 2 3 4 5\n@ NS ns\nns A 192.0.2.1\n";

const RECORDS: &str = "us MX 10 mail\nmail A 192.0.2.2\nfar MX 20 b\nfar MX 10 a\na A 192.0.2.3\n\
                       b AAAA 2001:db8::1\nnull MX 0 .\nempty TXT a\ndangling MX 10 none\n\
                       loop MX 10 mail\nloop MX 20 a\nalias CNAME far\nbare A 192.0.2.4\n\
                       here MX 10 h\nh A 127.0.0.9\nbackup MX 10 a\nbackup MX 20 mail\n\
                       backup MX 30 b\nus TXT \"v=spf1 mx -all\"\n_dmarc.us TXT \"v=DMARC1; p=none\"\n\
                       out MX 10 mx.elsewhere.\n";

fn config(more: &str) -> String {
    format!(
        "listen: ['127.0.0.1:0']\nzones: [{{zone: example, file: example.zone}}]\nmail: {{hostname: \
         mail.example, smtp: ['127.0.0.1:0'], pop3: [], users: [{{name: joe, addresses: \
         [joe@us.example, joe@loop.example], password: '{HASH}'}}]{more}\n"
    )
}

fn route(folder: &Path, address: &str, more: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_kereru"));
    command.args(["route", "--config", "kereru.yaml", address]).args(more).current_dir(folder);
    command.output().unwrap()
}

/// The last paragraph of the walk, on one line, and the exit code.
fn verdict(folder: &Path, address: &str) -> (String, i32) {
    let output = route(folder, address, &[]);
    let text = String::from_utf8(output.stdout).unwrap();
    let last = text.rsplit("\n\n").next().unwrap_or_default();
    (last.split_whitespace().collect::<Vec<_>>().join(" "), output.status.code().unwrap())
}

#[track_caller]
fn check(folder: &Path, address: &str, expected: &str, code: i32) {
    assert_eq!(verdict(folder, address), (expected.to_owned(), code), "{address}");
}

#[test]
fn route_tells_whether_mail_arrives_and_why_not() {
    let folder = folder(&config("}"), &[("example.zone", &format!("{ZONE}{RECORDS}"))]);
    let sent = "It is sent on, to the first of these hosts that takes it:";
    let fails = "It does not arrive:";
    check(&folder, "joe@us.example", "It arrives: this server keeps it in joe.", 0);
    let none =
        "this server is to keep it, and has no mailbox for x@us.example. Senders get 550 5.1.1.";
    check(&folder, "x@us.example", &format!("{fails} {none}"), 1);
    let hosts = "1. a.example at 192.0.2.3:25 2. b.example at [2001:db8::1]:25";
    check(&folder, "x@far.example", &format!("{sent} {hosts}"), 0);
    check(&folder, "x@alias.example", &format!("{sent} {hosts}"), 0);
    check(&folder, "x@bare.example", &format!("{sent} 1. bare.example at 192.0.2.4:25"), 0);
    check(&folder, "x@backup.example", &format!("{sent} 1. a.example at 192.0.2.3:25"), 0);
    check(&folder, "x@[192.0.2.9]", &format!("{sent} 1. [192.0.2.9] at 192.0.2.9:25"), 0);
    let why = "the domain does not exist. Senders get 550 5.1.2.";
    check(&folder, "x@none.example", &format!("{fails} {why}"), 1);
    let why = "the domain says that it takes no mail. Senders get 556 5.1.10.";
    check(&folder, "x@null.example", &format!("{fails} {why}"), 1);
    let why = "no host with an address takes its mail. It goes back to its sender.";
    check(&folder, "x@empty.example", &format!("{fails} {why}"), 1);
    check(&folder, "x@dangling.example", &format!("{fails} {why}"), 1);
    let why =
        "this server sends nothing to the addresses of its hosts. It goes back to its sender.";
    check(&folder, "x@here.example", &format!("{fails} {why}"), 1);
    let why = "the name is in none of our zones, and no resolver is configured. It would be kept, tried \
               again, and returned in the end.";
    check(&folder, "x@elsewhere.test", &format!("It does not arrive now: {why}"), 1);
    check(&folder, "x@out.example", &format!("It does not arrive now: {why}"), 1);
}

#[test]
fn route_shows_each_step_and_what_the_domain_publishes() {
    let folder = folder(&config("}"), &[("example.zone", &format!("{ZONE}{RECORDS}"))]);
    let output = route(&folder, "joe@us.example", &[]);
    assert_eq!(
        String::from_utf8(output.stdout).unwrap(),
        "Mail for joe@us.example\n\n\
         1. Is us.example local here?\n   \
         Yes: our zone example. says that its best host is mail.example, which is this server.\n   \
         Mail for joe@us.example is put into the mailbox joe.\n\n\
         2. Which hosts take mail for us.example?\n   \
         MX 10    mail.example   [our own zone, authoritative, for 300 s]\n   \
         mail.example is left out: it is this server.\n\n\
         3. What does us.example publish about its mail?\n   \
         SPF      v=spf1 mx -all\n   \
         MTA-STS  nothing (TXT at _mta-sts.us.example)\n   \
         DMARC    v=DMARC1; p=none\n\n\
         It arrives: this server keeps it in joe.\n"
    );
}

#[test]
fn route_is_a_document_with_keys_that_stay() {
    let folder = folder(&config("}"), &[("example.zone", &format!("{ZONE}{RECORDS}"))]);
    let output = route(&folder, "x@backup.example", &["--json"]);
    let document: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let keys: Vec<&str> = document.as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(
        keys,
        [
            "address", "arrives", "domain", "hostname", "hosts", "local", "mailbox", "policies",
            "reason", "steps", "verdict"
        ]
    );
    assert_eq!(document["verdict"], "relay");
    assert_eq!(
        document["hosts"],
        serde_json::json!([{"name": "a.example", "addresses": ["192.0.2.3:25"]}])
    );
    let steps = document["steps"].as_array().unwrap();
    assert_eq!(steps[0]["step"], "mx");
    assert_eq!(steps[0]["source"], "own-zone");
    assert_eq!(steps[0]["authoritative"], true);
    assert_eq!(steps[0]["ttl"], 300);
    assert_eq!(steps[0]["hosts"][2], serde_json::json!({"preference": 30, "host": "b.example"}));
    let dropped = steps.iter().filter(|step| step["step"] == "dropped");
    let dropped: Vec<&str> = dropped.map(|step| step["host"].as_str().unwrap()).collect();
    assert_eq!(dropped, ["mail.example", "b.example"]);
}

#[test]
fn route_asks_the_servers_of_other_zones_as_the_server_would() {
    let far = Server::start(
        "listen: ['127.0.0.1:0']\nzones: [{zone: far.test, file: far.zone}]\n",
        &[(
            "far.zone",
            &format!("{ZONE}@ MX 10 mx\nmx A 192.0.2.7\n_mta-sts TXT \"v=STSv1; id=1\"\n"),
        )],
    );
    let resolver = format!(
        "}}\nresolver: {{priming: false, stub: [{{zone: far.test, to: ['{}']}}]}}",
        far.addresses[0]
    );
    let folder = folder(&config(&resolver), &[("example.zone", ZONE)]);
    let output = route(&folder, "x@far.test", &[]);
    let text = String::from_utf8(output.stdout).unwrap();
    for line in [
        "   MX 10    mx.far.test   [asked of the zone's servers, for 300 s]\n",
        "   mx.far.test has the address 192.0.2.7   [asked of the zone's servers, for 300 s]\n",
        "   MTA-STS  v=STSv1; id=1\n",
        "   1. mx.far.test at 192.0.2.7:25\n",
    ] {
        assert!(text.contains(line), "{line}{text}");
    }
    assert_eq!(output.status.code(), Some(0));
}

#[test]
fn learnt_data_never_makes_a_domain_local() {
    // Somebody else's zone names us.
    let far = Server::start(
        "listen: ['127.0.0.1:0']\nzones: [{zone: far.test, file: far.zone}]\n",
        &[("far.zone", &format!("{ZONE}@ MX 10 mail.example.\n"))],
    );
    let resolver = format!(
        "}}\nresolver: {{priming: false, stub: [{{zone: far.test, to: ['{}']}}]}}",
        far.addresses[0]
    );
    let folder = folder(&config(&resolver), &[("example.zone", &format!("{ZONE}{RECORDS}"))]);
    let why =
        "its best host is this server, which has no mailboxes for it. It goes back to its sender.";
    check(&folder, "joe@far.test", &format!("It does not arrive: {why}"), 1);
}

#[test]
fn routes_come_before_mx() {
    let routes = ", routes: [{domain: far.example, to: '127.0.0.1:2526'}]}";
    let folder = folder(&config(routes), &[("example.zone", &format!("{ZONE}{RECORDS}"))]);
    let sent = "It is sent on, to the first of these hosts that takes it:";
    check(&folder, "x@far.example", &format!("{sent} 1. 127.0.0.1 at 127.0.0.1:2526"), 0);
}

#[test]
fn without_mail_route_tells_the_way_from_anywhere() {
    let text = "listen: ['127.0.0.1:0']\nzones: [{zone: example, file: example.zone}]\n";
    let folder = folder(text, &[("example.zone", &format!("{ZONE}{RECORDS}"))]);
    let sent = "It is sent on, to the first of these hosts that takes it:";
    check(&folder, "joe@us.example", &format!("{sent} 1. mail.example at 192.0.2.2:25"), 0);
}

#[test]
fn without_a_configuration_route_is_about_the_lab() {
    let folder = folder("", &[]);
    std::fs::remove_file(folder.join("kereru.yaml")).unwrap();
    for (address, code) in [("joe@bloggs.com", 0), ("x@foo.com", 0), ("x@auckland.ac.nz", 1)] {
        let mut command = Command::new(env!("CARGO_BIN_EXE_kereru"));
        let output = command.args(["route", address]).current_dir(&folder).output().unwrap();
        assert_eq!(output.status.code(), Some(code), "{address}");
        assert!(String::from_utf8_lossy(&output.stderr).contains("the built-in lab"));
    }
}

#[test]
fn next_message_after_a_changed_mx_takes_the_new_way() {
    let zone = |serial: u32, mx: &str| {
        format!("{ZONE}moving MX 10 {mx}\nmail A 192.0.2.2\na A 192.0.2.3\n")
            .replace("admin 1", &format!("admin {serial}"))
    };
    let text = config("}").replace("joe@loop.example", "joe@moving.example");
    let mut server = Server::start(&text, &[("example.zone", &zone(1, "a"))]);
    let rcpt = |server: &Server| {
        let mut client = Client::connect(server.mail[0], "client.example");
        client.say("MAIL FROM:<>");
        client.say("RCPT TO:<joe@moving.example>")
    };
    assert!(rcpt(&server).starts_with("550 5.7.1 "));
    server.write("example.zone", &zone(2, "mail"));
    server.reload();
    assert!(rcpt(&server).starts_with("250 2.1.5 "));
    server.write("example.zone", &zone(3, "a"));
    server.reload();
    assert!(rcpt(&server).starts_with("550 5.7.1 "));
}
