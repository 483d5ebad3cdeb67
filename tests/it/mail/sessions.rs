//! Sessions: what is said in textbooks, within TLS, and by those who mean no good.

use super::client::{Client, End, trust, trust_by};
use super::{PASSWORD, Service, at, made, start};
use crate::http::{metrics, value};
use data_encoding::BASE64;
use rustls::version::{TLS12, TLS13};

#[test]
fn mail_comes_and_goes_as_in_a_textbook() {
    let server = start("");
    let mut smtp = Client::clear(at(&server, Service::Smtp));
    smtp.expect("HELO a-client.com", "250 mail.example");
    smtp.expect("MAIL From: jane@example", "250");
    smtp.expect("RCPT To: joe@example", "250");
    smtp.expect("DATA", "354");
    smtp.expect("Subject: hello\r\n\r\nA line.\r\n..a dot\r\n.", "250");
    smtp.expect("QUIT", "221");
    assert_eq!(smtp.end(), End::Said);

    let mut pop3 = Client::clear(at(&server, Service::Pop3));
    pop3.log_in("joe", PASSWORD);
    assert_eq!(pop3.list("LIST").len(), 1);
    let message = pop3.list("RETR 1");
    assert_eq!(message[0], "Return-Path: <jane@example>", "{message:?}");
    assert!(message[1].starts_with("Received: from a-client.com ([127.0.0.1])"), "{message:?}");
    assert!(message[2].contains(" with SMTP id "), "{message:?}");
    let end = message.len() - 4;
    assert_eq!(message[end..], ["Subject: hello", "", "A line.", "..a dot"]);
    pop3.expect("DELE 1", "+OK");
    pop3.expect("QUIT", "+OK");
    assert_eq!(pop3.end(), End::Said);

    let mut pop3 = Client::clear(at(&server, Service::Pop3));
    pop3.log_in("joe", PASSWORD);
    assert_eq!(pop3.list("LIST"), [""; 0]);
}

#[test]
fn sessions_and_messages_are_counted() {
    let server = start("http: {listen: ['127.0.0.1:0']}");
    let mut smtp = Client::clear(at(&server, Service::Smtp));
    smtp.expect("HELO a", "250");
    assert!(smtp.post("joe@example", "Subject: kept\r\n\r\ntext").starts_with("250"));
    assert!(smtp.post("joe@example", "Subject: a\rb").starts_with("554"));
    let mut pop3 = Client::clear(at(&server, Service::Pop3));
    pop3.log_in("joe", PASSWORD);
    let text = metrics(server.http[0]);
    for (metric, expected) in [
        ("kereru_smtp_sessions_total", 1.0),
        ("kereru_pop3_sessions_total", 1.0),
        ("kereru_smtp_messages_total{result=\"accepted\"}", 1.0),
        ("kereru_smtp_messages_total{result=\"refused\"}", 1.0),
        ("kereru_smtp_messages_total{result=\"failed\"}", 0.0),
        ("kereru_smtp_queue_messages", 0.0),
    ] {
        assert_eq!(value(&text, metric), expected, "{metric}");
    }
}

#[test]
fn restart_keeps_mailboxes_and_the_names_of_messages() {
    let server = start("");
    let mut smtp = Client::clear(at(&server, Service::Smtp));
    smtp.expect("HELO a", "250");
    assert!(smtp.post("joe@example", "Subject: kept\r\n\r\ntext").starts_with("250"));
    let uids = |server: &crate::server::Server| -> Vec<String> {
        let mut pop3 = Client::clear(at(server, Service::Pop3));
        pop3.log_in("joe", PASSWORD);
        let uids = pop3.list("UIDL");
        pop3.expect("QUIT", "+OK");
        uids
    };
    let before = uids(&server);
    let folder = server.folder.clone();
    server.signal("TERM");
    assert!(server.wait().0.success());
    let server = crate::server::Server::start_in(&folder);
    assert_eq!(uids(&server), before);
    assert_eq!(before.len(), 1);
}

/// The field `Received` of joe's first message, unfolded.
fn received(server: &crate::server::Server) -> String {
    let mut pop3 = Client::tls(at(server, Service::Pop3s), &trust(&made(server)));
    pop3.log_in("joe", PASSWORD);
    let message = pop3.list("RETR 1");
    pop3.expect("DELE 1", "+OK");
    pop3.expect("QUIT", "+OK");
    assert_eq!(pop3.end(), End::Said);
    message[1..].iter().take_while(|line| !line.starts_with("Subject:")).cloned().collect()
}

#[test]
fn smtp_goes_on_within_tls() {
    let server = start("");
    let trust = trust(&made(&server));
    let mut smtp = Client::clear(at(&server, Service::Smtp));
    let offer = smtp.say("EHLO a");
    assert!(offer.contains("STARTTLS") && !offer.contains("AUTH"), "{offer}");
    smtp.expect("AUTH PLAIN", "538");
    smtp.expect("STARTTLS", "220");
    let mut smtp = smtp.within_tls(&trust);
    // What was said in the clear does not count: there was no hello.
    smtp.expect("MAIL FROM:<a@example>", "503");
    let offer = smtp.say("EHLO a");
    assert!(!offer.contains("STARTTLS") && offer.contains("AUTH PLAIN LOGIN"), "{offer}");
    smtp.expect("STARTTLS", "503");
    assert!(smtp.post("joe@example", "Subject: within TLS\r\n\r\n").starts_with("250"));
    smtp.expect("QUIT", "221");
    assert_eq!(smtp.end(), End::Said);
    let received = received(&server);
    assert!(received.contains(" with ESMTPS id "), "{received}");
}

#[test]
fn pop3_goes_on_within_tls() {
    let server = start("  clear-text-login: never");
    let mut pop3 = Client::clear(at(&server, Service::Pop3));
    let offer = pop3.list("CAPA").join(" ");
    assert!(offer.contains("STLS") && !offer.contains("SASL"), "{offer}");
    pop3.expect("USER joe", "-ERR [AUTH]");
    pop3.expect("STLS", "+OK");
    let mut pop3 = pop3.within_tls(&trust(&made(&server)));
    let offer = pop3.list("CAPA").join(" ");
    assert!(!offer.contains("STLS") && offer.contains("SASL PLAIN"), "{offer}");
    pop3.log_in("joe", PASSWORD);
    pop3.expect("STLS", "-ERR");
    pop3.expect("QUIT", "+OK");
    assert_eq!(pop3.end(), End::Said);
}

#[test]
fn what_was_put_behind_starttls_in_the_clear_is_not_obeyed() {
    let server = start("");
    let trust = trust(&made(&server));
    let mut smtp = Client::clear(at(&server, Service::Smtp));
    smtp.expect("EHLO a", "250");
    smtp.expect("STARTTLS\r\nEHLO mallory\r\nMAIL FROM:<mallory@example>", "220");
    let mut smtp = smtp.within_tls(&trust);
    smtp.expect("NOOP", "250 2.0.0 still here");
    smtp.expect("RCPT TO:<joe@example>", "503");

    let mut pop3 = Client::clear(at(&server, Service::Pop3));
    pop3.expect("STLS\r\nUSER joe\r\nNOOP", "+OK begin TLS");
    let mut pop3 = pop3.within_tls(&trust);
    pop3.expect(&format!("PASS {PASSWORD}"), "-ERR write USER first");
}

#[test]
fn tls_from_the_start_is_there_in_both_its_versions() {
    let server = start("");
    let pem = made(&server);
    for version in [&TLS12, &TLS13] {
        let trust = trust_by(&pem, &[version]);
        let mut smtps = Client::tls(at(&server, Service::Smtps), &trust);
        let offer = smtps.say("EHLO a");
        assert!(!offer.contains("STARTTLS") && offer.contains("AUTH PLAIN LOGIN"), "{offer}");
        let mut pop3s = Client::tls(at(&server, Service::Pop3s), &trust);
        pop3s.log_in("joe", PASSWORD);
    }
}

#[test]
fn users_log_in_within_tls_and_then_submit() {
    let server = start("");
    let trust = trust(&made(&server));
    let plain = BASE64.encode(format!("\0joe\0{PASSWORD}").as_bytes());
    let (user, password) = (BASE64.encode(b"joe"), BASE64.encode(PASSWORD.as_bytes()));
    for way in ["plain", "plain when asked", "login"] {
        let mut smtp = Client::tls(at(&server, Service::Smtps), &trust);
        smtp.expect("EHLO a", "250");
        smtp.expect("MAIL FROM:<joe@example>", "530 5.7.0");
        match way {
            "plain" => smtp.expect(&format!("AUTH PLAIN {plain}"), "235"),
            "login" => {
                smtp.expect("AUTH LOGIN", "334 VXNlcm5hbWU6");
                smtp.expect(&user, "334 UGFzc3dvcmQ6");
                smtp.expect(&password, "235");
            }
            _ => {
                smtp.expect("AUTH PLAIN", "334 ");
                smtp.expect(&plain, "235");
            }
        }
        assert!(smtp.post("joe@example", "Subject: mine\r\n\r\n").starts_with("250"), "{way}");
        let received = received(&server);
        assert!(received.contains(" with ESMTPSA id "), "{way}: {received}");
    }
    let mut smtp = Client::clear(at(&server, Service::Submission));
    smtp.expect("EHLO a", "250");
    smtp.expect("MAIL FROM:<joe@example>", "530 5.7.0");
    smtp.expect("STARTTLS", "220");
    let mut smtp = smtp.within_tls(&trust);
    smtp.expect("EHLO a", "250");
    smtp.expect(&format!("AUTH PLAIN {plain}"), "235");
    smtp.expect("MAIL FROM:<joe@example>", "250");
}

#[test]
fn pop3_logs_in_by_sasl() {
    let server = start("");
    let plain = BASE64.encode(format!("\0joe\0{PASSWORD}").as_bytes());
    let mut pop3 = Client::clear(at(&server, Service::Pop3));
    pop3.expect("AUTH PLAIN", "+ ");
    pop3.expect(&plain, "+OK 0 messages");
    let mut second = Client::clear(at(&server, Service::Pop3));
    second.expect(&format!("AUTH PLAIN {plain}"), "-ERR [IN-USE]");
}

#[test]
fn wrong_password_is_answered_late() {
    let server = start("");
    let mut pop3 = Client::clear(at(&server, Service::Pop3));
    let begin = std::time::Instant::now();
    for user in ["joe", "nobody"] {
        pop3.expect(&format!("USER {user}"), "+OK");
        pop3.expect("PASS wrong", "-ERR [AUTH]");
    }
    assert!(begin.elapsed() >= std::time::Duration::from_secs(4), "{:?}", begin.elapsed());
    pop3.log_in("joe", PASSWORD);
}

#[test]
fn what_is_no_tls_ends_the_connection_and_nothing_else() {
    let server = start("");
    for service in [Service::Smtps, Service::Pop3s] {
        let mut client = Client::silent(at(&server, service));
        client.send(b"EHLO a\r\nQUIT\r\n");
        client.wait_for_the_end();
    }
    let mut smtp = Client::clear(at(&server, Service::Smtp));
    smtp.expect("EHLO a", "250");
    smtp.expect("STARTTLS", "220");
    smtp.send(b"MAIL FROM:<a@example>\r\n\r\n\r\n");
    smtp.wait_for_the_end();
    Client::clear(at(&server, Service::Smtp)).expect("NOOP", "250");
    server.signal("TERM");
    let (_, log) = server.wait();
    // Whoever connects cannot fill the log.
    assert_eq!(log.lines().count(), 2, "{log}");
}

#[test]
fn session_beyond_the_bound_is_told_to_come_back() {
    let server = start("  sessions: {total: 3, per-client: 2}");
    let mut first = Client::clear(at(&server, Service::Smtp));
    let _second = Client::clear(at(&server, Service::Pop3));
    let mut third = Client::silent(at(&server, Service::Smtp));
    assert_eq!(third.line(), "421 4.7.0 too many sessions; come back later");
    assert_eq!(third.end(), End::Said);
    let mut pop3 = Client::silent(at(&server, Service::Pop3));
    assert_eq!(pop3.line(), "-ERR [SYS/TEMP] too many sessions");
    let mut tls = Client::silent(at(&server, Service::Smtps));
    assert_eq!(tls.end(), End::Said);
    first.expect("QUIT", "221");
    assert_eq!(first.end(), End::Said);
    // Its place is free as soon as the server has noticed.
    let mut patience = 1000;
    while !Client::silent(at(&server, Service::Smtp)).line().starts_with("220") {
        patience -= 1;
        assert!(patience > 0, "the place is not free");
    }
}

#[test]
fn stop_ends_sessions_and_handshakes() {
    let server = start("");
    let mut smtp = Client::clear(at(&server, Service::Smtp));
    let mut tls = Client::silent(at(&server, Service::Smtps));
    let mut stuck = Client::clear(at(&server, Service::Pop3));
    stuck.expect("STLS", "+OK");
    let begin = std::time::Instant::now();
    server.signal("TERM");
    assert_eq!(smtp.line(), "421 4.3.2 the server stops");
    assert_eq!(tls.end(), End::Said);
    assert_eq!(stuck.end(), End::Said);
    assert!(server.wait().0.success());
    assert!(begin.elapsed() < std::time::Duration::from_secs(5), "{:?}", begin.elapsed());
}
