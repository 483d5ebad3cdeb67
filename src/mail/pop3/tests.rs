//! What a session replies, command by command.

use std::sync::Arc;

use crate::mail::pop3::{Action, ERRORS_MAX, Locked, Message, Options, Session};

/// A session, and a host that has joe's mailbox.
struct Desk {
    session: Session,
    output: String,
    /// The contents of the messages; `None` is one whose file is gone.
    contents: Vec<Option<Vec<u8>>>,
    is_in_use: bool,
    deleted: Option<Vec<usize>>,
    is_closed: bool,
}

impl Desk {
    fn of(contents: &[&str], is_tls: bool, may_log_in_clear: bool) -> Self {
        let options = Options { hostname: "mail.example".to_owned(), offers_tls: true };
        let mut desk = Self {
            session: Session::new(Arc::new(options), is_tls, may_log_in_clear),
            output: String::new(),
            contents: contents.iter().map(|text| Some(text.as_bytes().to_vec())).collect(),
            is_in_use: false,
            deleted: None,
            is_closed: false,
        };
        desk.drive(usize::MAX);
        assert_eq!(desk.heard(), "+OK mail.example POP3 Kereru\r\n");
        desk
    }

    /// A session of joe, logged in.
    #[track_caller]
    fn logged_in(contents: &[&str]) -> Self {
        let mut desk = Self::of(contents, false, true);
        desk.starts(&[("USER joe", "+OK"), ("PASS iluvjane", "+OK")]);
        desk
    }

    fn say_in(&mut self, octets: &[u8], piece: usize) -> String {
        for piece_of in octets.chunks(piece) {
            let mut rest = piece_of;
            while !rest.is_empty() {
                let taken = self.session.handle_input(rest);
                rest = &rest[taken..];
                self.drive(piece);
            }
        }
        self.heard()
    }

    fn say(&mut self, line: &str) -> String {
        self.say_in(format!("{line}\r\n").as_bytes(), usize::MAX)
    }

    fn heard(&mut self) -> String {
        std::mem::take(&mut self.output)
    }

    #[track_caller]
    fn starts(&mut self, steps: &[(&str, &str)]) {
        for (line, expected) in steps {
            let heard = self.say(line);
            assert!(heard.starts_with(expected), "{line}: {heard}");
        }
    }

    fn drive(&mut self, piece: usize) {
        loop {
            let output = std::mem::take(self.session.output());
            self.output.push_str(std::str::from_utf8(&output).unwrap());
            let Some(action) = self.session.poll_action() else { return };
            match action {
                Action::LogIn(credentials) => {
                    let message = |(at, content): (usize, &Option<Vec<u8>>)| Message {
                        octets: content.as_ref().map_or(9, |content| content.len() as u64),
                        uid: format!("uid{at}"),
                    };
                    let result = if self.is_in_use {
                        Err(Locked::InUse)
                    } else if (&*credentials.user, &*credentials.password) == ("joe", "iluvjane") {
                        Ok(self.contents.iter().enumerate().map(message).collect())
                    } else {
                        Err(Locked::Password)
                    };
                    self.session.handle_log_in(result);
                }
                Action::Fetch(at) => match self.contents[at].clone() {
                    None => self.session.handle_opened(false),
                    Some(content) => {
                        self.session.handle_opened(true);
                        let mut pieces = content.chunks(piece.min(content.len().max(1)));
                        let _ = pieces.all(|piece| self.session.handle_content(piece));
                        self.session.handle_content_end(true);
                    }
                },
                Action::Delete(deleted) => {
                    self.deleted = Some(deleted);
                    self.session.handle_deleted(true);
                }
                Action::StartTls => self.session.handle_tls(),
                Action::Close => self.is_closed = true,
            }
        }
    }
}

const MESSAGE: &str = "Subject: hi\r\n\r\none\r\n.two\r\n\r\nthree\r\n";

#[test]
fn textbook_session_reads_and_deletes() {
    let mut desk = Desk::of(&[MESSAGE, "a\r\n"], false, true);
    assert!(desk.say("USER joe").starts_with("+OK"));
    assert_eq!(desk.say("PASS iluvjane"), "+OK 2 messages (38 octets)\r\n");
    assert_eq!(desk.say("STAT"), "+OK 2 38\r\n");
    assert_eq!(desk.say("LIST"), "+OK 2 messages (38 octets)\r\n1 35\r\n2 3\r\n.\r\n");
    assert_eq!(desk.say("LIST 2"), "+OK 2 3\r\n");
    let expected = "+OK 35 octets\r\nSubject: hi\r\n\r\none\r\n..two\r\n\r\nthree\r\n.\r\n";
    assert_eq!(desk.say("RETR 1"), expected);
    assert_eq!(desk.say("UIDL"), "+OK 2 messages (38 octets)\r\n1 uid0\r\n2 uid1\r\n.\r\n");
    assert_eq!(desk.say("UIDL 2"), "+OK 2 uid1\r\n");
    desk.starts(&[("DELE 1", "+OK"), ("RETR 1", "-ERR"), ("LIST 1", "-ERR"), ("DELE 1", "-ERR")]);
    desk.starts(&[("UIDL 1", "-ERR"), ("TOP 1 0", "-ERR")]);
    assert_eq!(desk.say("LIST"), "+OK 1 messages (3 octets)\r\n2 3\r\n.\r\n");
    assert_eq!(desk.say("STAT"), "+OK 1 3\r\n");
    assert_eq!(desk.deleted, None);
    desk.starts(&[("QUIT", "+OK")]);
    assert_eq!(desk.deleted, Some(vec![0]));
    assert!(desk.is_closed);
}

#[test]
fn top_gives_the_head_and_so_many_lines() {
    let top = |lines: u32, piece| {
        let mut desk = Desk::logged_in(&[MESSAGE]);
        let heard = desk.say_in(format!("TOP 1 {lines}\r\n").as_bytes(), piece);
        heard.strip_prefix("+OK 35 octets\r\n").expect("a message").to_owned()
    };
    for piece in 1..40 {
        assert_eq!(top(0, piece), "Subject: hi\r\n\r\n.\r\n", "pieces of {piece}");
        assert_eq!(top(1, piece), "Subject: hi\r\n\r\none\r\n.\r\n", "pieces of {piece}");
        assert_eq!(top(2, piece), "Subject: hi\r\n\r\none\r\n..two\r\n.\r\n", "pieces of {piece}");
        let all = "Subject: hi\r\n\r\none\r\n..two\r\n\r\nthree\r\n.\r\n";
        assert_eq!(top(4, piece), all, "pieces of {piece}");
        assert_eq!(top(u32::MAX, piece), all, "pieces of {piece}");
    }
}

#[test]
fn session_without_quit_deletes_nothing() {
    let mut desk = Desk::logged_in(&[MESSAGE]);
    desk.starts(&[("DELE 1", "+OK"), ("RSET", "+OK 1"), ("QUIT", "+OK")]);
    assert_eq!(desk.deleted, None);
    let mut desk = Desk::logged_in(&[MESSAGE]);
    desk.starts(&[("DELE 1", "+OK")]);
    desk.session.end("you took too long");
    desk.drive(1);
    assert!(desk.is_closed);
    assert_eq!(desk.deleted, None);
    assert_eq!(desk.heard(), "-ERR you took too long\r\n");
}

#[test]
fn commands_have_their_state() {
    let mut desk = Desk::of(&[], false, true);
    for line in ["STAT", "LIST", "RETR 1", "DELE 1", "RSET", "NOOP", "UIDL", "TOP 1 1", "PASS x"] {
        desk.starts(&[(line, "-ERR")]);
    }
    desk.starts(&[("CAPA", "+OK"), ("USER joe", "+OK"), ("PASS iluvjane", "+OK 0 messages")]);
    for line in ["USER joe", "PASS iluvjane", "AUTH PLAIN", "STLS"] {
        desk.starts(&[(line, "-ERR")]);
    }
    assert_eq!(desk.say("LIST"), "+OK 0 messages (0 octets)\r\n.\r\n");
    desk.starts(&[("NOOP", "+OK"), ("CAPA", "+OK"), ("RETR 1", "-ERR"), ("QUIT", "+OK")]);
    let mut desk = Desk::of(&[], false, true);
    desk.starts(&[("QUIT", "+OK")]);
    assert!(desk.is_closed);
}

#[test]
fn numbers_that_are_no_message_are_refused() {
    let mut desk = Desk::logged_in(&[MESSAGE]);
    for number in ["0", "2", "-1", "4294967295", "4294967296", "x", ""] {
        desk.starts(&[(&format!("RETR {number}"), "-ERR")]);
        desk.starts(&[(&format!("DELE {number}"), "-ERR")]);
    }
    desk.starts(&[("RETR 1", "+OK")]);
}

#[test]
fn message_whose_file_is_gone_is_an_error_of_its_own() {
    let mut desk = Desk::of(&["a\r\n", "b\r\n"], false, true);
    desk.contents[0] = None;
    desk.starts(&[("USER joe", "+OK"), ("PASS iluvjane", "+OK"), ("RETR 1", "-ERR")]);
    assert_eq!(desk.say("RETR 2"), "+OK 3 octets\r\nb\r\n.\r\n");
}

#[test]
fn message_that_cannot_be_read_to_its_end_ends_the_connection_and_not_the_message() {
    let mut desk = Desk::logged_in(&[MESSAGE]);
    desk.session.handle_input(b"RETR 1\r\n");
    assert_eq!(desk.session.poll_action(), Some(Action::Fetch(0)));
    desk.session.handle_opened(true);
    assert!(desk.session.handle_content(b"Subject: hi\r\n"));
    desk.session.handle_content_end(false);
    desk.drive(1);
    assert_eq!(desk.heard(), "+OK 35 octets\r\nSubject: hi\r\n");
    assert!(desk.is_closed);
}

#[test]
fn wrong_log_ins_and_a_locked_mailbox_are_told_apart() {
    let mut desk = Desk::of(&[], false, true);
    desk.starts(&[("USER joe", "+OK"), ("PASS no", "-ERR [AUTH]"), ("PASS iluvjane", "-ERR")]);
    desk.starts(&[("USER nobody", "+OK"), ("PASS iluvjane", "-ERR [AUTH]")]);
    desk.is_in_use = true;
    desk.starts(&[("USER joe", "+OK"), ("PASS iluvjane", "-ERR [IN-USE]")]);
    desk.is_in_use = false;
    desk.starts(&[("USER joe", "+OK"), ("PASS iluvjane", "+OK")]);
}

#[test]
fn sasl_plain_logs_in() {
    let mut desk = Desk::of(&[], true, false);
    desk.starts(&[("AUTH PLAIN AGpvZQBpbHV2amFuZQ==", "+OK"), ("STAT", "+OK")]);
    let mut desk = Desk::of(&[], true, false);
    desk.starts(&[("AUTH LOGIN", "-ERR"), ("AUTH PLAIN", "+ "), ("*", "-ERR")]);
    desk.starts(&[("AUTH PLAIN", "+ "), ("AGpvZQBpbHV2amFuZQ==", "+OK"), ("NOOP", "+OK")]);
}

#[test]
fn password_needs_tls_unless_the_client_may_do_without() {
    let mut desk = Desk::of(&[], false, false);
    let told = desk.say("CAPA");
    assert!(told.contains("STLS\r\n") && !told.contains("USER"), "{told}");
    desk.starts(&[("USER joe", "-ERR"), ("AUTH PLAIN AGpvZQBpbHV2amFuZQ==", "-ERR")]);
    // What stands behind STLS in the clear is not obeyed within TLS.
    assert_eq!(desk.say("STLS\r\nUSER joe"), "+OK begin TLS\r\n");
    desk.starts(&[("PASS iluvjane", "-ERR"), ("STLS", "-ERR")]);
    let told = desk.say("CAPA");
    assert!(told.contains("USER\r\n") && told.contains("SASL PLAIN\r\n"), "{told}");
    assert!(!told.contains("STLS"), "{told}");
    desk.starts(&[("USER joe", "+OK"), ("PASS iluvjane", "+OK")]);
}

#[test]
fn pipelined_session_gets_the_same_wherever_it_is_split() {
    let octets = b"CAPA\r\nUSER joe\r\nPASS iluvjane\r\nLIST\nRETR 1\r\nDELE 2\r\nFOO\r\nQUIT\r\n";
    let run = |piece| {
        let mut desk = Desk::of(&[MESSAGE, "a\r\n"], false, true);
        let heard = desk.say_in(octets, piece);
        (heard, desk.deleted)
    };
    let whole = run(octets.len());
    assert_eq!(whole.1, Some(vec![1]));
    for piece in 1..octets.len() {
        assert_eq!(run(piece), whole, "pieces of {piece}");
    }
}

#[test]
fn client_that_does_not_read_gets_no_more_memory() {
    let mut desk = Desk::logged_in(&["a\r\n"; 1000]);
    let octets = b"LIST\r\n".repeat(1000);
    let mut most = 0;
    let mut rest = &octets[..];
    while !rest.is_empty() {
        let taken = desk.session.handle_input(rest);
        rest = &rest[taken..];
        most = most.max(desk.session.output().len());
        desk.drive(1);
    }
    assert!(most < 80_000, "{most}");
    assert_eq!(desk.heard().matches("+OK").count(), 1000);
}

#[test]
fn who_makes_too_many_errors_is_sent_away() {
    let mut desk = Desk::of(&[], false, true);
    for _ in 0..ERRORS_MAX {
        assert!(!desk.is_closed);
        desk.starts(&[("FOO", "-ERR")]);
    }
    assert!(desk.is_closed);
    assert_eq!(desk.say("NOOP"), "");
}

#[test]
fn line_that_is_too_long_is_no_command() {
    let mut desk = Desk::logged_in(&[]);
    desk.starts(&[(&"x".repeat(600), "-ERR"), ("NOOP", "+OK")]);
}
