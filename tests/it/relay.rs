//! Mail for other hosts: the queue on disk, tries and retries, and what senders are told.

use crate::server::{PATIENCE, Server, connect, folder};
use kereru::base::limits::DRAIN_MS_MAX;
use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{self, Receiver, Sender};
use std::thread;
use std::time::{Duration, Instant};

/// A hash that no password has.
const HASH: &str = "$argon2id$v=19$m=19456,t=2,p=1$bm9ib2R5aGFzaXQ$\
                    Wn0aYkqYQ8vwcUYGzqJt9g5fFxWmFk1oZl3r5G7c3Yk";

/// A folder of a server for `user` at a domain, that takes mail for all others from loopback and
/// sends that for b.example to `to`.
fn place(user: &str, domain: &str, to: Option<SocketAddr>) -> PathBuf {
    let routes = to.map_or_else(String::new, |to| format!("{{domain: b.example, to: '{to}'}}"));
    let config = format!(
        "listen: ['127.0.0.1:0']\nzones: []\nmail:\n  hostname: mail.{domain}\n  \
         smtp: ['127.0.0.1:0']\n  pop3: []\n  domains: [{domain}]\n  \
         users: [{{name: {user}, addresses: [{user}@{domain}], password: '{HASH}'}}]\n  \
         relay-networks: [127.0.0.0/8]\n  routes: [{routes}]\n  \
         queue: {{first-retry: 1s, lifetime: 1h}}\n"
    );
    folder(&config, &[])
}

/// A server for jane@a.example.
fn sending(to: SocketAddr) -> Server {
    Server::start_in(&place("jane", "a.example", Some(to)))
}

/// Says lines to a server, and returns the code of the last reply to each.
fn say(stream: &mut TcpStream, lines: &[&str]) -> Vec<u16> {
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    let mut codes = Vec::new();
    for line in lines {
        stream.write_all(line.as_bytes()).unwrap();
        stream.write_all(b"\r\n").unwrap();
        codes.push(code(&mut reader));
    }
    codes
}

fn code(reader: &mut impl BufRead) -> u16 {
    loop {
        let mut line = String::new();
        assert!(reader.read_line(&mut line).unwrap() > 0, "the connection was closed");
        if line.as_bytes()[3] == b' ' {
            return line[..3].parse().unwrap();
        }
    }
}

/// Sends a message with a subject; it must be acknowledged.
fn send(server: &Server, from: &str, to: &[&str], subject: &str) {
    let mut stream = connect(server.mail[0]);
    let from = format!("MAIL FROM:<{from}>");
    let to: Vec<String> = to.iter().map(|to| format!("RCPT TO:<{to}>")).collect();
    let content = format!("Subject: {subject}\r\n\r\n.Hello.\r\n.");
    code(&mut BufReader::new(stream.try_clone().unwrap()));
    let content = content.replacen(".Hello", "..Hello", 1);
    let mut lines = vec!["EHLO client.example", from.as_str()];
    lines.extend(to.iter().map(String::as_str));
    lines.extend(["DATA", content.as_str()]);
    let codes = say(&mut stream, &lines);
    assert_eq!(codes.last(), Some(&250), "{codes:?}");
}

/// The messages of a mailbox.
fn mailbox(folder: &Path, user: &str) -> Vec<String> {
    let new = fs::read_dir(folder.join("var/mail").join(user).join("new")).unwrap();
    new.map(|entry| fs::read_to_string(entry.unwrap().path()).unwrap()).collect()
}

/// Messages in the queue on disk.
fn queued(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder.join("var/queue")).unwrap().map(|entry| entry.unwrap());
    let entries = entries.filter(|entry| !entry.file_name().to_str().unwrap().starts_with('.'));
    entries.map(|entry| entry.path()).collect()
}

/// What a host does with a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mood {
    /// Closes it.
    Close,
    /// Takes no recipient.
    Refuse,
    /// Takes all.
    Take,
}

/// A host that says to each connection what its mood is, one after the other; the last mood stays.
/// What it takes is told.
fn host(listener: TcpListener, moods: &'static [Mood]) -> Receiver<String> {
    let (taken, told) = mpsc::channel();
    thread::spawn(move || {
        for (number, stream) in listener.incoming().enumerate() {
            let mood = *moods.get(number).unwrap_or_else(|| moods.last().unwrap());
            // One that is killed meanwhile takes its connection along.
            let _ = serve(&stream.unwrap(), mood, &taken);
        }
    });
    told
}

fn serve(stream: &TcpStream, mood: Mood, taken: &Sender<String>) -> std::io::Result<()> {
    let (mut out, mut lines) = (stream, BufReader::new(stream).lines());
    if mood == Mood::Close {
        return Ok(());
    }
    out.write_all(b"220 mail.b.example\r\n")?;
    let mut recipients = 0;
    while let Some(line) = lines.next() {
        let line = line?;
        let reply = match line.get(..4).unwrap_or_default() {
            "RCPT" if mood == Mood::Refuse => "550 5.1.1 nobody of that name",
            "DATA" => {
                out.write_all(b"354 go on\r\n")?;
                let mut content = format!("{recipients} recipients\n");
                recipients = 0;
                for line in lines.by_ref() {
                    let line = line?;
                    if line == "." {
                        break;
                    }
                    content.push_str(&line);
                    content.push('\n');
                }
                let _ = taken.send(content);
                "250 2.0.0 taken"
            }
            "RCPT" => {
                recipients += 1;
                "250 fine"
            }
            _ => "250 fine",
        };
        out.write_all(format!("{reply}\r\n").as_bytes())?;
    }
    Ok(())
}

fn listener() -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    (listener, address)
}

fn subject(message: &str) -> String {
    message.lines().find(|line| line.starts_with("Subject: ")).unwrap().to_owned()
}

/// An address where nobody listens: no other test has it.
fn nobody() -> SocketAddr {
    let listener = TcpListener::bind("127.0.3.1:0").unwrap();
    listener.local_addr().unwrap()
}

/// What a server logs when a message has been tried.
const TRIED: &str = "a message was tried";

#[test]
fn message_for_another_host_takes_its_route() {
    let other = Server::start_in(&place("joe", "b.example", None));
    let mut server = sending(other.mail[0]);
    send(&server, "jane@a.example", &["joe@b.example", "jane@a.example"], "both");
    let line = server.logged(TRIED);
    assert!(line.contains("delivered=1 refused=0 later=0"), "{line}");
    let theirs = mailbox(&other.folder, "joe");
    assert_eq!(theirs.len(), 1);
    // It has one `Return-Path`, that of the last host, and the trace of both.
    let head = theirs[0].split_once("\r\n\r\n").unwrap().0;
    assert!(head.starts_with("Return-Path: <jane@a.example>\r\nReceived: from mail.a.example"));
    assert_eq!(head.matches("Return-Path:").count(), 1, "{head}");
    assert_eq!(head.matches("Received: ").count(), 2, "{head}");
    assert!(theirs[0].ends_with("\r\n\r\n.Hello.\r\n"), "{}", theirs[0]);
    assert_eq!(mailbox(&server.folder, "jane").len(), 1);
}

#[test]
fn sender_is_told_of_a_recipient_who_is_not_there() {
    let other = Server::start_in(&place("joe", "b.example", None));
    let mut server = sending(other.mail[0]);
    send(&server, "jane@a.example", &["jim@b.example", "joe@b.example"], "half");
    server.logged("the sender was told");
    assert_eq!(mailbox(&other.folder, "joe").len(), 1);
    let told = mailbox(&server.folder, "jane");
    assert_eq!(told.len(), 1);
    for text in [
        "Return-Path: <>\r\n",
        "\r\nTo: <jane@a.example>\r\n",
        "\r\n    There is no such mailbox.",
        "\r\nFinal-Recipient: rfc822; jim@b.example\r\nAction: failed\r\nStatus: 5.1.1\r\n",
        "\r\nRemote-MTA: dns; 127.0.0.1\r\nDiagnostic-Code: smtp; 550 5.1.1 ",
        "\r\nSubject: half\r\n",
    ] {
        assert!(told[0].contains(text), "{text}: {}", told[0]);
    }
    assert!(!told[0].contains("joe@b.example"), "{}", told[0]);
}

#[test]
fn message_for_a_host_that_is_away_is_tried_again_and_delivered_once() {
    let (listener, address) = listener();
    let mut server = sending(address);
    let taken = host(listener, &[Mood::Close, Mood::Take]);
    send(&server, "jane@a.example", &["joe@b.example"], "once");
    let line = server.logged(TRIED);
    assert!(line.contains("delivered=0 refused=0 later=1"), "{line}");
    let line = server.logged(TRIED);
    assert!(line.contains("delivered=1 refused=0 later=0"), "{line}");
    assert_eq!(subject(&taken.recv_timeout(PATIENCE).unwrap()), "Subject: once");
    // A message behind it shows that nothing else comes.
    send(&server, "jane@a.example", &["joe@b.example"], "next");
    assert_eq!(subject(&taken.recv_timeout(PATIENCE).unwrap()), "Subject: next");
}

#[test]
fn killed_server_loses_nothing_of_its_queue() {
    // Connections are accepted by the kernel, and nobody greets.
    let (listener, address) = listener();
    let mut server = sending(address);
    let subjects: Vec<String> = (0..20).map(|number| format!("Subject: {number:02}")).collect();
    for subject in &subjects {
        let subject = subject.strip_prefix("Subject: ").unwrap();
        send(&server, "jane@a.example", &["joe@b.example", "jim@b.example"], subject);
    }
    server.child.kill().unwrap();
    server.child.wait().unwrap();
    assert_eq!(queued(&server.folder).len(), subjects.len());
    let server = Server::start_in(&server.folder);
    let taken = host(listener, &[Mood::Take]);
    let mut found: Vec<String> =
        subjects.iter().map(|_| subject(&taken.recv_timeout(PATIENCE).unwrap())).collect();
    found.sort_unstable();
    assert_eq!(found, subjects);
    drop(server);
}

#[test]
fn server_killed_while_it_delivers_delivers_the_rest() {
    let (listener, address) = listener();
    let mut server = sending(address);
    let subjects: Vec<String> = (0..20).map(|number| format!("Subject: {number:02}")).collect();
    for subject in &subjects {
        let subject = subject.strip_prefix("Subject: ").unwrap();
        send(&server, "jane@a.example", &["joe@b.example"], subject);
    }
    let taken = host(listener, &[Mood::Take]);
    let mut counts: BTreeMap<String, u32> = BTreeMap::new();
    let mut take = |taken: &Receiver<String>| {
        *counts.entry(subject(&taken.recv_timeout(PATIENCE).unwrap())).or_default() += 1;
        counts.len()
    };
    while take(&taken) < 5 {}
    server.child.kill().unwrap();
    server.child.wait().unwrap();
    let _server = Server::start_in(&server.folder);
    while take(&taken) < subjects.len() {}
    assert_eq!(counts.keys().collect::<Vec<_>>(), subjects.iter().collect::<Vec<_>>());
    // Twice came at most those that were under way.
    let twice = counts.values().filter(|count| **count > 1).count();
    assert!(twice <= 2 && counts.values().all(|count| *count <= 2), "{counts:?}");
}

#[test]
fn nobody_is_told_of_a_message_without_a_sender() {
    let (listener, address) = listener();
    let mut server = sending(address);
    let _taken = host(listener, &[Mood::Refuse]);
    send(&server, "", &["joe@b.example"], "bounce");
    server.logged("nobody is told");
    // A message with a sender that is elsewhere, too: what it is told of is refused, and that ends it.
    send(&server, "jim@b.example", &["joe@b.example"], "loop");
    server.logged("the sender was told");
    server.logged("nobody is told");
    assert_eq!(mailbox(&server.folder, "jane"), [""; 0]);
}

#[test]
fn message_whose_time_is_over_is_returned() {
    let (listener, address) = listener();
    let mut server = sending(address);
    send(&server, "jane@a.example", &["joe@b.example"], "old");
    server.child.kill().unwrap();
    server.child.wait().unwrap();
    let path = queued(&server.folder)[0].join("0.json");
    let mut envelope: serde_json::Value =
        serde_json::from_str(&fs::read_to_string(&path).unwrap()).unwrap();
    envelope["came"] = 1000.into();
    fs::write(&path, envelope.to_string()).unwrap();
    // It is tried once more.
    let _taken = host(listener, &[Mood::Close]);
    let mut server = Server::start_in(&server.folder);
    server.logged("the sender was told");
    let told = mailbox(&server.folder, "jane");
    assert!(told[0].contains("\r\n    The time for it is over."), "{}", told[0]);
    assert!(told[0].contains("\r\nAction: failed\r\nStatus: 4.4."), "{}", told[0]);
}

#[test]
fn server_stops_while_a_host_is_silent() {
    let (listener, address) = listener();
    let server = sending(address);
    send(&server, "jane@a.example", &["joe@b.example"], "slow");
    // It is under way when the connection is there.
    let stream = listener.accept().unwrap();
    server.signal("TERM");
    let (folder, began) = (server.folder.clone(), Instant::now());
    assert_eq!(server.wait().0.code(), Some(0));
    // Nobody else is connected: there are no replies whose end it could wait for.
    assert!(began.elapsed() < Duration::from_millis(DRAIN_MS_MAX), "{:?}", began.elapsed());
    assert_eq!(queued(&folder).len(), 1);
    drop(stream);
}

#[test]
fn many_recipients_come_in_sessions_of_a_hundred() {
    let (listener, address) = listener();
    let mut server = sending(address);
    let taken = host(listener, &[Mood::Take]);
    let recipients: Vec<String> = (0..250).map(|number| format!("a{number}@b.example")).collect();
    let recipients: Vec<&str> = recipients.iter().map(String::as_str).collect();
    send(&server, "jane@a.example", &recipients, "many");
    let line = server.logged(TRIED);
    assert!(line.contains("delivered=250 refused=0 later=0"), "{line}");
    let counts: Vec<String> = taken.try_iter().map(|taken| first_line(&taken)).collect();
    assert_eq!(counts, ["100 recipients", "100 recipients", "50 recipients"]);
}

fn first_line(text: &str) -> String {
    text.lines().next().unwrap_or_default().to_owned()
}

#[test]
fn host_that_does_not_answer_is_not_asked_for_each_message() {
    let address = nobody();
    let mut server = sending(address);
    let text = server.folder.join("kereru.yaml");
    let slow = fs::read_to_string(&text).unwrap().replace("first-retry: 1s", "first-retry: 1d");
    server.write("kereru.yaml", &slow);
    server.reload();
    for (subject, expected) in [("first", "does not answer"), ("second", "did not answer a moment")]
    {
        send(&server, "jane@a.example", &["joe@b.example"], subject);
        server.logged(TRIED);
        // The envelope is written behind the line, at some time.
        let text = || {
            let envelopes = queued(&server.folder).into_iter().map(|path| path.join("0.json"));
            envelopes.filter_map(|path| fs::read_to_string(path).ok()).collect::<String>()
        };
        let began = Instant::now();
        while !text().contains(expected) {
            assert!(began.elapsed() < PATIENCE, "{}", text());
            thread::yield_now();
        }
    }
}
