//! What ends a message and what does not, and every command in every state, over TCP.
//!
//! `mail` has the same for sessions without sockets, split at every octet.

use super::client::{Client, End};
use super::{PASSWORD, Service, at, start};
use crate::server::Server;

fn hello(server: &Server) -> Client {
    let mut smtp = Client::clear(at(server, Service::Smtp));
    smtp.expect("EHLO a", "250");
    smtp
}

/// A client in the middle of a message to joe.
fn in_data(server: &Server) -> Client {
    let mut smtp = hello(server);
    smtp.expect("MAIL FROM:<a@example>", "250");
    smtp.expect("RCPT TO:<joe@example>", "250");
    smtp.expect("DATA", "354");
    smtp
}

/// The contents of joe's messages, what was put before them left out.
fn kept(server: &Server) -> Vec<Vec<String>> {
    let mut pop3 = Client::clear(at(server, Service::Pop3));
    pop3.log_in("joe", PASSWORD);
    let count = pop3.list("LIST").len();
    let mut contents = Vec::new();
    for number in 1..=count {
        let lines = pop3.list(&format!("RETR {number}"));
        // `Received` is over when a line does not go on.
        let head = 2 + lines[2..].iter().take_while(|line| line.starts_with('\t')).count();
        contents.push(lines[head..].to_vec());
        pop3.expect(&format!("DELE {number}"), "+OK");
    }
    pop3.expect("QUIT", "+OK");
    contents
}

const FALSE_ENDS: [&str; 11] = [
    "\n.\n",
    "\n.\r\n",
    "\r.\r",
    "\r.\r\n",
    "\r\n.\n",
    "\r\n.\r",
    "\r\n.\r\r\n",
    "\r\n\r.\r\n",
    "\r\r\n.\r\r\n",
    "\n\r\n.\n\r\n",
    "\r\n.\r\r",
];

/// What has neither a bare CR nor a bare LF, and is no end either.
const HARMLESS: [&str; 2] = ["\r\n\0.\r\n", "\r\n.\0\r\n"];

/// Sends these octets in the pieces that each way of splitting has.
fn split_at(octets: &[u8], cut: usize, smtp: &mut Client) {
    match cut {
        0 => smtp.send(octets),
        _ if cut == octets.len() => octets.iter().for_each(|octet| smtp.send(&[*octet])),
        _ => {
            smtp.send(&octets[..cut]);
            smtp.send(&octets[cut..]);
        }
    }
}

#[test]
fn nothing_but_the_true_end_ends_a_message() {
    let server = start("");
    for (false_end, reply) in
        FALSE_ENDS.iter().map(|end| (*end, "554")).chain(HARMLESS.iter().map(|end| (*end, "250")))
    {
        let octets = format!("{false_end}MAIL FROM:<mallory@example>\r\n.\r\n");
        for cut in 0..=octets.len() {
            let mut smtp = in_data(&server);
            split_at(octets.as_bytes(), cut, &mut smtp);
            let found = smtp.reply();
            assert!(found.starts_with(reply), "{false_end:?} cut at {cut}: {found}");
            // Nothing of it was a command.
            smtp.expect("NOOP", "250 2.0.0 still here");
        }
    }
    let contents = kept(&server);
    let cuts = |end: &str| end.len() + "MAIL FROM:<mallory@example>\r\n.\r\n".len() + 1;
    assert_eq!(contents.len(), HARMLESS.iter().map(|end| cuts(end)).sum::<usize>());
}

#[test]
fn true_end_ends_a_message_and_what_comes_behind_it_is_a_command() {
    let server = start("");
    for octets in ["Subject: a\r\n\r\n..\r\n.\r\nNOOP\r\n", ".\r\nNOOP\r\n"] {
        for cut in 0..=octets.len() {
            let mut smtp = in_data(&server);
            split_at(octets.as_bytes(), cut, &mut smtp);
            let found = smtp.reply();
            assert!(found.starts_with("250 2.0.0 the message is kept"), "cut at {cut}: {found}");
            assert_eq!(smtp.reply(), "250 2.0.0 still here", "cut at {cut}");
        }
        for content in kept(&server) {
            let expected: &[&str] =
                if octets.starts_with('S') { &["Subject: a", "", "."] } else { &[] };
            // A dot alone is stuffed on its way back.
            let unstuffed: Vec<_> =
                content.iter().map(|line| line.strip_prefix('.').unwrap_or(line)).collect();
            assert_eq!(unstuffed, expected);
        }
    }
}

#[test]
fn sizes_are_bounded_and_odd_octets_are_kept() {
    let server = start("  size-max: 64KiB");
    let size_max = 64 << 10;
    let line = format!("{}\r\n", "x".repeat(998));
    let exact = |size: usize| {
        let mut text = line.repeat(size / line.len());
        text.push_str(&"y".repeat(size - text.len() - 2));
        text + "\r\n"
    };
    for (size, reply) in [(size_max, "250"), (size_max + 1, "552")] {
        let mut smtp = in_data(&server);
        smtp.send(exact(size).as_bytes());
        let found = smtp.say(".");
        assert!(found.starts_with(reply), "{size}: {found}");
        smtp.expect("NOOP", "250");
    }
    let mut smtp = hello(&server);
    smtp.expect(&format!("MAIL FROM:<a@example> SIZE={}", size_max + 1), "552");
    assert_eq!(kept(&server).len(), 1);
    for text in ["z".repeat(1001), "ünïcode \u{1} \0 é".to_owned()] {
        let mut smtp = hello(&server);
        assert!(smtp.post("joe@example", &text).starts_with("250"));
        assert_eq!(kept(&server), [[text]]);
    }
}

#[test]
fn chunks_are_messages_as_well() {
    let server = start("");
    let begin = || {
        let mut smtp = hello(&server);
        smtp.expect("MAIL FROM:<a@example>", "250");
        smtp.expect("RCPT TO:<joe@example>", "250");
        smtp
    };
    let mut smtp = begin();
    smtp.send(b"BDAT 5\r\n.\r\na\rBDAT 3\r\n\n.\n");
    smtp.expect("BDAT 0 LAST", "250 2.0.0 go on");
    smtp.reply();
    let found = smtp.reply();
    assert!(found.starts_with("554"), "{found}");
    let mut smtp = begin();
    smtp.send(b"BDAT 8\r\na\r\n.\r\nb\r");
    smtp.expect("", "250 2.0.0 go on");
    smtp.expect("BDAT 0 LAST", "500");
    let mut smtp = begin();
    smtp.send(b"BDAT 9\r\na\r\n.\r\nb\r\n");
    assert!(smtp.reply().starts_with("250 2.0.0 go on"));
    smtp.expect("BDAT 0 LAST", "250 2.0.0 the message is kept");
    smtp.expect("BDAT 5 LAST\r\nabcdeNOOP", "503");
    assert_eq!(smtp.reply(), "250 2.0.0 still here");
    assert_eq!(kept(&server), [["a", "..", "b"]]);
}

#[test]
fn commands_out_of_order_are_told() {
    let server = start("");
    let mut smtp = Client::clear(at(&server, Service::Smtp));
    smtp.expect("MAIL FROM:<a@example>", "503");
    smtp.expect("HELO a", "250");
    smtp.expect("RCPT TO:<joe@example>", "503");
    smtp.expect("DATA", "503");
    smtp.expect("MAIL FROM:<a@example>", "250");
    smtp.expect("MAIL FROM:<a@example>", "503");
    smtp.expect("DATA", "554");
    smtp.expect("RCPT TO:<nobody@example>", "550");
    smtp.expect("RCPT TO:<joe@elsewhere.test>", "550");
    smtp.expect("RCPT TO:<joe@example>", "250");
    smtp.expect("DATA", "354");
    // Not a command here.
    smtp.expect("QUIT\r\n.", "250");
    smtp.expect(&"x".repeat(3000), "500");
    smtp.expect("QUIT", "221");
    assert_eq!(smtp.end(), End::Said);
    assert_eq!(kept(&server), [["QUIT"]]);
}

#[test]
fn line_that_is_dropped_at_any_stage_delivers_nothing() {
    let server = start("");
    let said = [
        "EHLO a\r\n",
        "MAIL FROM:<a@example>\r\n",
        "RCPT TO:<joe@example>\r\n",
        "DATA\r\n",
        "a\r\n",
        ".\r",
    ];
    for stage in 0..=said.len() {
        let mut smtp = Client::clear(at(&server, Service::Smtp));
        smtp.send(said[..stage].concat().as_bytes());
        drop(smtp);
    }
    // One that is whole comes after them.
    let mut smtp = hello(&server);
    assert!(smtp.post("joe@example", "whole").starts_with("250"));
    assert_eq!(kept(&server), [["whole"]]);
    let incoming = server.folder.join("var/mail/.incoming");
    let mut patience = 10_000;
    while std::fs::read_dir(&incoming).unwrap().next().is_some() {
        patience -= 1;
        assert!(patience > 0, "half a message is left");
    }
}

#[test]
fn every_command_of_pop3_is_told_in_every_state() {
    let server = start("");
    let mut smtp = hello(&server);
    for text in ["Subject: one\r\n\r\na\r\nb", "Subject: two\r\n\r\n..\r\n..x\r\nend", "three"] {
        assert!(smtp.post("joe@example", text).starts_with("250"));
    }
    let address = at(&server, Service::Pop3);
    // Each in a session of its own: too many errors end one.
    for command in [
        "STAT", "LIST", "RETR 1", "DELE 1", "RSET", "NOOP", "UIDL", "TOP 1 0", "PASS x", "PASS",
        "APOP a b",
    ] {
        Client::clear(address).expect(command, "-ERR");
    }
    let mut pop3 = Client::clear(address);
    pop3.expect("CAPA", "+OK");
    while pop3.line() != "." {}
    pop3.expect("QUIT", "+OK");
    assert_eq!(pop3.end(), End::Said);

    let mut pop3 = Client::clear(address);
    pop3.log_in("joe", PASSWORD);
    let mut second = Client::clear(address);
    second.expect("USER joe", "+OK");
    second.expect(&format!("PASS {PASSWORD}"), "-ERR [IN-USE]");
    for command in ["USER joe", "PASS x", "STLS", "AUTH PLAIN", "XYZ", ""] {
        pop3.expect(command, "-ERR");
    }
    pop3.expect("QUIT", "+OK");
    for number in ["0", "-1", "4294967296", "4", "one", "1.0", "1 2"] {
        let mut pop3 = again(address);
        for command in ["LIST", "RETR", "DELE", "UIDL"] {
            pop3.expect(&format!("{command} {number}"), "-ERR");
        }
    }
    let mut pop3 = again(address);
    // Sizes are those of what is sent, without the dots that are put before others.
    let sizes = pop3.list("LIST");
    for (at, size) in sizes.iter().enumerate() {
        let number = at + 1;
        let lines = pop3.list(&format!("RETR {number}"));
        let octets: usize =
            lines.iter().map(|line| line.strip_prefix('.').unwrap_or(line).len() + 2).sum();
        assert_eq!(*size, format!("{number} {octets}"));
        let top = pop3.list(&format!("TOP {number} 0"));
        let body = lines.iter().position(String::is_empty).map_or(lines.len(), |at| at + 1);
        assert_eq!(top, lines[..body]);
    }
    pop3.expect("DELE 2", "+OK");
    pop3.expect("DELE 2", "-ERR");
    pop3.expect("RETR 2", "-ERR");
    pop3.expect("LIST 2", "-ERR");
    pop3.expect("UIDL 2", "-ERR");
    assert_eq!(pop3.list("UIDL").len(), 2);
    pop3.expect("RSET", "+OK");
    assert_eq!(pop3.list("LIST"), sizes);
    pop3.expect("DELE 1", "+OK");
    // The line is dropped: nothing is deleted.
    drop(pop3);
    let mut pop3 = again(address);
    assert_eq!(pop3.list("LIST"), sizes);
    pop3.expect("DELE 1", "+OK");
    pop3.expect("QUIT", "+OK");
    let mut pop3 = again(address);
    assert_eq!(pop3.list("LIST").len(), 2);
    // A message whose file has gone.
    let new = server.folder.join("var/mail/joe/new");
    for entry in std::fs::read_dir(new).unwrap() {
        std::fs::remove_file(entry.unwrap().path()).unwrap();
    }
    pop3.expect("RETR 1", "-ERR");
    pop3.expect("NOOP", "+OK");
}

/// A client that has logged in as joe once the session before has let go of the mailbox.
fn again(address: std::net::SocketAddr) -> Client {
    let mut patience = 1000;
    loop {
        let mut pop3 = Client::clear(address);
        pop3.expect("USER joe", "+OK");
        if pop3.say(&format!("PASS {PASSWORD}")).starts_with("+OK") {
            return pop3;
        }
        patience -= 1;
        assert!(patience > 0, "the mailbox stays locked");
    }
}
