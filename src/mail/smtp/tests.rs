//! What a session replies, command by command.

use std::sync::Arc;

use crate::base::time::Wall;
use crate::mail::faults::{Fault, Stage, Victim};
use crate::mail::reply::{Reply, Status};
use crate::mail::sasl::Verdict;
use crate::mail::smtp::{
    Action, Client, Destination, ERRORS_MAX, IDLE_COMMANDS_MAX, Options, RECIPIENTS_MAX, Session,
};

const SIZE_MAX: u64 = 100;

fn options() -> Options {
    Options {
        hostname: "mail.example".to_owned(),
        size_max: SIZE_MAX,
        offers_tls: true,
        offers_log_in: true,
        is_submission: false,
        faults: Vec::new(),
    }
}

fn client() -> Client {
    Client { address: "192.0.2.1".parse().unwrap(), is_tls: false, is_trusted: false }
}

/// A message that was kept.
#[derive(Debug, PartialEq, Eq)]
struct Kept {
    from: String,
    to: Vec<String>,
    content: String,
}

/// A session, and a host that knows joe and the sender's domains but `no.example`.
struct Desk {
    session: Session,
    output: String,
    open: Option<(Kept, Vec<u8>)>,
    kept: Vec<Kept>,
    is_full: bool,
    is_closed: bool,
    actions: Vec<String>,
}

impl Desk {
    fn of(options: Options, client: Client) -> Self {
        let session = Session::new(Arc::new(options), client);
        let (output, open, kept, actions) = (String::new(), None, Vec::new(), Vec::new());
        let mut desk =
            Self { session, output, open, kept, is_full: false, is_closed: false, actions };
        desk.drive();
        assert_eq!(desk.heard(), "220 mail.example ESMTP Kereru\r\n");
        desk
    }

    fn new() -> Self {
        Self::of(options(), client())
    }

    /// Says octets, in pieces of at most so many.
    fn say_in(&mut self, octets: &[u8], piece: usize) {
        for piece in octets.chunks(piece.max(1)) {
            let mut piece = piece;
            while !piece.is_empty() {
                let taken = self.session.handle_input(piece);
                piece = &piece[taken..];
                self.drive();
            }
        }
    }

    fn say(&mut self, text: &str) -> String {
        self.say_in(text.as_bytes(), usize::MAX);
        self.heard()
    }

    fn heard(&mut self) -> String {
        std::mem::take(&mut self.output)
    }

    /// Says a line, and tells the code of the only reply.
    #[track_caller]
    fn code(&mut self, line: &str) -> u16 {
        let heard = self.say(&format!("{line}\r\n"));
        let last = heard.lines().last().unwrap_or_default().to_owned();
        last.get(..3)
            .and_then(|code| code.parse().ok())
            .unwrap_or_else(|| panic!("{line}: {heard}"))
    }

    #[track_caller]
    fn codes(&mut self, steps: &[(&str, u16)]) {
        for (line, code) in steps {
            assert_eq!(self.code(line), *code, "{line}");
        }
    }

    /// Does what the session wants until it wants nothing.
    fn drive(&mut self) {
        loop {
            let content = std::mem::take(self.session.content());
            if let Some((_, open)) = &mut self.open {
                open.extend(content);
            } else {
                assert!(content.is_empty(), "content of no message");
            }
            let output = std::mem::take(self.session.output());
            self.output.push_str(std::str::from_utf8(&output).unwrap());
            let Some(action) = self.session.poll_action() else { return };
            self.actions.push(format!("{action:?}"));
            self.act(action);
        }
    }

    fn act(&mut self, action: Action) {
        let refusal = |text| Reply::new(550, Status(1, 1), text);
        match action {
            Action::CheckSender { sender, .. } => {
                let is_known =
                    sender.address().is_none_or(|from| from.domain_text() != "no.example");
                let result =
                    if is_known { Ok("X-Note: a\r\n".to_owned()) } else { Err(refusal("who?")) };
                self.session.handle_sender(result);
            }
            Action::CheckRecipient { recipient, may_relay } => {
                let is_joe = recipient.address().is_none_or(|to| to.local() == "joe");
                let result = match (is_joe, may_relay) {
                    (true, _) => Ok(Destination::Mailbox("joe".to_owned())),
                    (false, true) => Ok(Destination::Away),
                    (false, false) => Err(refusal("not here")),
                };
                self.session.handle_recipient(result);
            }
            Action::Open(envelope) => {
                if self.is_full {
                    let full = Reply::new(452, Status(3, 1), "the disk is full");
                    return self.session.handle_opened(Err(full));
                }
                let from = envelope.sender.as_ref().map(ToString::to_string).unwrap_or_default();
                let to = envelope.recipients.iter().map(|to| to.path.to_string()).collect();
                self.open = Some((Kept { from, to, content: String::new() }, Vec::new()));
                self.session.handle_opened(Ok(("17", Wall::from_secs(0))));
            }
            Action::Keep => {
                let (mut kept, content) = self.open.take().expect("a message is open");
                let text = String::from_utf8_lossy(&content).into_owned();
                let (head, content) = text.split_once("+0000\r\n").expect("a head");
                assert!(head.starts_with("Return-Path: <"), "{head}");
                assert!(head.contains("\r\nX-Note: a\r\nReceived: from "), "{head}");
                kept.content = content.to_owned();
                self.kept.push(kept);
                self.session.handle_kept(Ok("17"));
            }
            Action::Forget => assert!(self.open.take().is_some(), "no message is open"),
            Action::LogIn(credentials) => {
                self.session.handle_log_in(match &*credentials.password {
                    "iluvjane" => Verdict::Right,
                    "again" => Verdict::NotNow,
                    _ => Verdict::Wrong,
                });
            }
            Action::Pause(_) => self.session.handle_pause_end(),
            Action::StartTls => self.session.handle_tls(),
            Action::Close => self.is_closed = true,
        }
    }
}

const HELLO: (&str, u16) = ("HELO a-client.com", 250);
const MAIL: (&str, u16) = ("MAIL FROM:<jane@bloggs.com>", 250);
const RCPT: (&str, u16) = ("RCPT TO:<joe@bloggs.com>", 250);
const DATA: (&str, u16) = ("DATA", 354);

#[test]
fn textbook_session_delivers() {
    let mut desk = Desk::new();
    assert_eq!(desk.say("HELO a-client.com\r\n"), "250 mail.example\r\n");
    assert_eq!(desk.say("MAIL From: jane@bloggs.com\r\n"), "250 2.1.0 the sender is fine\r\n");
    assert_eq!(desk.say("RCPT To: joe@bloggs.com\r\n"), "250 2.1.5 the recipient is fine\r\n");
    assert_eq!(desk.say("DATA\r\n"), "354 send the message, and a line with a dot at its end\r\n");
    assert_eq!(desk.say("Subject: hi\r\n\r\nHello.\r\n"), "");
    assert_eq!(desk.say(".\r\n"), "250 2.0.0 the message is kept as 17\r\n");
    assert_eq!(desk.say("QUIT\r\n"), "221 2.0.0 mail.example says goodbye\r\n");
    assert!(desk.is_closed);
    let expected = Kept {
        from: "jane@bloggs.com".to_owned(),
        to: vec!["<joe@bloggs.com>".to_owned()],
        content: "Subject: hi\r\n\r\nHello.\r\n".to_owned(),
    };
    assert_eq!(desk.kept, [expected]);
}

#[test]
fn pipelined_session_gets_the_same_wherever_it_is_split() {
    let octets: &[u8] = b"EHLO a-client.com\r\nMAIL FROM:<jane@bloggs.com>\r\nRCPT TO:<joe@x>\r\n\
        RCPT TO:<jim@x>\r\nDATA\r\n..a\r\nb\r\n.\r\nMAIL FROM:<>\r\nRCPT TO:<postmaster>\r\n\
        BDAT 3\r\na\r\nBDAT 4 LAST\r\n.b\r\nNOOP\r\nQUIT\r\n";
    let run = |piece| {
        let mut desk = Desk::new();
        desk.say_in(octets, piece);
        assert!(desk.is_closed);
        (desk.heard(), desk.kept)
    };
    let (heard, kept) = run(usize::MAX);
    let codes: Vec<&str> = heard.lines().filter_map(|line| line.get(..4)).collect();
    let replies: Vec<&&str> = codes.iter().filter(|code| code.ends_with(' ')).collect();
    let expected = [
        "250 ", "250 ", "250 ", "550 ", "354 ", "250 ", "250 ", "250 ", "250 ", "250 ", "250 ",
        "221 ",
    ];
    assert_eq!(replies, expected.iter().collect::<Vec<_>>(), "{heard}");
    let contents: Vec<&str> = kept.iter().map(|kept| kept.content.as_str()).collect();
    assert_eq!(contents, [".a\r\nb\r\n", "a\r\n.b\r\n"]);
    for piece in 1..octets.len() {
        assert_eq!(run(piece), (heard.clone(), run(piece).1), "pieces of {piece}");
        assert_eq!(run(piece).1, kept, "pieces of {piece}");
    }
}

#[test]
fn ehlo_tells_what_is_offered() {
    let mut desk = Desk::new();
    let told = desk.say("EHLO a-client.com\r\n");
    for line in ["250-mail.example", "250-PIPELINING", "250-SIZE 100", "250 STARTTLS"] {
        assert!(told.lines().any(|told| told == line), "{line}: {told}");
    }
    assert!(!told.contains("AUTH"), "{told}");
    assert!(told.lines().last().unwrap_or_default().starts_with("250 "), "{told}");
    assert_eq!(desk.code("STARTTLS"), 220);
    let told = desk.say("EHLO a-client.com\r\n");
    assert!(told.contains("AUTH PLAIN LOGIN") && !told.contains("STARTTLS"), "{told}");
}

#[test]
fn commands_come_in_their_order() {
    Desk::new().codes(&[
        MAIL_FIRST,
        HELLO,
        ("RCPT TO:<joe@x>", 503),
        ("DATA", 503),
        MAIL,
        MAIL_AGAIN,
        ("DATA", 554),
        RCPT,
        ("EHLO again", 250),
        ("DATA", 503),
        MAIL,
        ("RSET", 250),
        ("RCPT TO:<joe@x>", 503),
        ("NOOP", 250),
        ("VRFY joe", 252),
        ("HELP", 214),
        ("QUIT", 221),
    ]);
}

const MAIL_FIRST: (&str, u16) = ("MAIL FROM:<jane@bloggs.com>", 503);
const MAIL_AGAIN: (&str, u16) = ("MAIL FROM:<jane@bloggs.com>", 503);

#[test]
fn refused_sender_or_recipient_leaves_the_session_usable() {
    let mut desk = Desk::new();
    desk.codes(&[
        HELLO,
        ("MAIL FROM:<x@no.example>", 550),
        ("RCPT TO:<joe@x>", 503),
        MAIL,
        ("RCPT TO:<jim@x>", 550),
        ("DATA", 554),
        RCPT,
        DATA,
        ("a\r\n.", 250),
    ]);
    assert_eq!(desk.kept.len(), 1);
    assert_eq!(desk.kept[0].to, ["<joe@bloggs.com>"]);
}

#[test]
fn size_is_the_most_that_is_taken() {
    let fill = |octets: u64| "x".repeat(usize::try_from(octets - 2).unwrap()) + "\r\n";
    let mut desk = Desk::new();
    desk.codes(&[
        HELLO,
        ("MAIL FROM:<a@b> SIZE=101", 552),
        ("MAIL FROM:<a@b> SIZE=100", 250),
        RCPT,
    ]);
    desk.codes(&[DATA, (&format!("{}.", fill(SIZE_MAX)), 250)]);
    desk.codes(&[MAIL, RCPT, DATA, (&format!("{}.", fill(SIZE_MAX + 1)), 552)]);
    // Dots that are put before others do not count.
    desk.codes(&[MAIL, RCPT, DATA, (&format!("..{}.", fill(SIZE_MAX - 1)), 250)]);
    desk.codes(&[MAIL, RCPT, (&format!("BDAT 101 LAST\r\n{}NOOP", fill(101)), 250), MAIL, RCPT]);
    desk.codes(&[(&format!("BDAT 100 LAST\r\n{}NOOP", fill(100)), 250)]);
    assert_eq!(desk.kept.len(), 3);
}

#[test]
fn message_with_bare_line_ends_is_refused_whole() {
    for content in ["a\nb\r\n", "a\rb\r\n", "a\n.\nMAIL FROM:<x@y>\r\n", "a\r\r\n"] {
        let mut desk = Desk::new();
        desk.codes(&[HELLO, MAIL, RCPT, DATA, (&format!("{content}."), 554), MAIL, RCPT]);
        let chunk = format!("BDAT {} LAST\r\n{content}", content.len());
        assert!(desk.say(&chunk).starts_with("554 "), "{content:?}");
        assert_eq!(desk.code("NOOP"), 250);
        assert_eq!(desk.kept, [], "{content:?}");
    }
}

#[test]
fn chunks_are_passed_over_when_they_are_refused() {
    let mut desk = Desk::new();
    assert_eq!(desk.code("EHLO x"), 250);
    assert_eq!(desk.say("BDAT 6\r\nQUIT\r\nNOOP\r\n").matches("\r\n").count(), 2);
    desk.codes(&[MAIL, RCPT, ("BDAT 3\r\na\r\n\nDATA", 503)]);
    desk.codes(&[("RSET", 250), MAIL, ("BDAT 0 LAST", 554), RCPT, ("BDAT 0 LAST", 250)]);
    assert_eq!(desk.kept.len(), 1);
    assert_eq!(desk.kept[0].content, "");
    desk.codes(&[MAIL, RCPT]);
    // One that is too large ends the message: what follows belongs to none.
    let chunk = format!("BDAT 101\r\n{}", "x".repeat(101));
    assert!(desk.say(&chunk).starts_with("552 "));
    assert!(desk.say("BDAT 1 LAST\r\nx").starts_with("503 "));
    assert_eq!(desk.kept.len(), 1);
}

#[test]
fn commands_behind_data_are_not_swallowed() {
    let mut desk = Desk::new();
    desk.codes(&[HELLO, MAIL, RCPT]);
    let heard = desk.say("DATA\r\nQUIT\r\n.\r\nNOOP\r\nQUIT\r\n");
    let codes: Vec<&str> = heard.lines().filter_map(|line| line.get(..3)).collect();
    assert_eq!(codes, ["354", "250", "250", "221"]);
    assert_eq!(desk.kept[0].content, "QUIT\r\n");
}

#[test]
fn full_disk_refuses_before_and_after_the_content() {
    let mut desk = Desk::new();
    desk.is_full = true;
    desk.codes(&[HELLO, MAIL, RCPT, ("DATA", 452), ("RSET", 250)]);
    desk.codes(&[MAIL, RCPT]);
    assert!(desk.say("BDAT 2 LAST\r\n\r\n").starts_with("452 "));
    desk.is_full = false;
    desk.codes(&[("RSET", 250), MAIL, RCPT, DATA]);
    desk.say("a\r\n");
    desk.session.handle_trouble(Reply::new(452, Status(3, 1), "the disk is full"));
    assert_eq!(desk.code("b\r\n."), 452);
    assert_eq!(desk.kept, []);
    assert_eq!(desk.code("MAIL FROM:<a@b>"), 250);
}

#[test]
fn message_that_went_in_a_circle_is_refused() {
    let hops = |count| "Received: x\r\n".repeat(count) + "\r\n.";
    let options = Options { size_max: 1 << 20, ..options() };
    let mut desk = Desk::of(options, client());
    desk.codes(&[HELLO, MAIL, RCPT, DATA, (&hops(100), 250)]);
    desk.codes(&[MAIL, RCPT, DATA, (&hops(101), 554)]);
    assert_eq!(desk.kept.len(), 1);
}

#[test]
fn passwords_are_asked_for_under_tls_alone() {
    let mut desk = Desk::new();
    desk.codes(&[("EHLO x", 250), ("AUTH PLAIN AGpvZQBpbHV2amFuZQ==", 538)]);
    desk.codes(&[("STARTTLS", 220), ("AUTH PLAIN AGpvZQBpbHV2amFuZQ==", 235)]);
    assert_eq!(desk.code("AUTH PLAIN AGpvZQBpbHV2amFuZQ=="), 503);
    // Who has logged in may send to anywhere.
    desk.codes(&[("EHLO x", 250), MAIL, ("RCPT TO:<jim@x>", 250)]);

    let mut desk = Desk::new();
    desk.codes(&[("STARTTLS", 220), ("EHLO x", 250)]);
    desk.codes(&[("AUTH PLAIN", 334), ("AGpvZQB4", 535), ("AUTH PLAIN", 334), ("*", 501)]);
    desk.codes(&[("AUTH LOGIN", 334), ("am9l", 334), ("YWdhaW4=", 454)]);
    desk.codes(&[("AUTH LOGIN", 334), ("am9l", 334), ("aWx1dmphbmU=", 235)]);
    let mut desk = Desk::new();
    desk.codes(&[
        ("STARTTLS", 220),
        ("EHLO x", 250),
        ("AUTH CRAM-MD5", 504),
        ("AUTH PLAIN =", 501),
    ]);
    assert_eq!(desk.code("AUTH PLAIN AGpvZQ"), 501);
}

#[test]
fn nothing_said_before_tls_counts_within() {
    let mut desk = Desk::new();
    desk.codes(&[HELLO, MAIL]);
    // What stands behind STARTTLS in the clear is not obeyed within TLS.
    let heard = desk.say("STARTTLS\r\nEHLO evil\r\nMAIL FROM:<evil@x>\r\n");
    assert_eq!(heard, "220 2.0.0 begin TLS\r\n");
    desk.codes(&[("RCPT TO:<joe@x>", 503), MAIL_FIRST, ("STARTTLS", 503)]);
}

#[test]
fn submission_wants_a_log_in() {
    let options = Options { is_submission: true, ..options() };
    let mut desk = Desk::of(options.clone(), client());
    desk.codes(&[HELLO, ("MAIL FROM:<joe@x>", 530), ("STARTTLS", 220), ("EHLO x", 250)]);
    desk.codes(&[("AUTH PLAIN AGpvZQBpbHV2amFuZQ==", 235), ("MAIL FROM:<joe@x>", 250)]);
    let trusted = Client { is_trusted: true, ..client() };
    Desk::of(options, trusted).codes(&[HELLO, MAIL, ("RCPT TO:<jim@x>", 250)]);
}

#[test]
fn addresses_beyond_ascii_need_smtputf8() {
    let mut desk = Desk::new();
    desk.codes(&[
        HELLO,
        ("MAIL FROM:<jos\u{e9}@x>", 553),
        MAIL,
        ("RCPT TO:<joe@\u{fc}.example>", 553),
    ]);
    desk.codes(&[("RSET", 250), ("MAIL FROM:<jos\u{e9}@x> SMTPUTF8", 250)]);
    desk.codes(&[("RCPT TO:<joe@\u{fc}.example>", 250)]);
}

#[test]
fn who_makes_too_many_errors_is_sent_away() {
    let mut desk = Desk::new();
    assert_eq!(desk.code("HELO x"), 250);
    for _ in 1..ERRORS_MAX {
        assert_eq!(desk.code("FOO"), 500);
    }
    assert!(!desk.is_closed);
    assert_eq!(desk.say("FOO\r\nNOOP\r\n").lines().count(), 2);
    assert!(desk.is_closed);

    let mut desk = Desk::new();
    assert_eq!(desk.code("HELO x"), 250);
    let allowed = IDLE_COMMANDS_MAX + ERRORS_MAX - 2;
    for _ in 0..allowed {
        assert_eq!(desk.code("NOOP"), 250);
    }
    assert_eq!(desk.code("NOOP"), 421);
    assert!(desk.is_closed);
}

#[test]
fn recipients_are_bounded() {
    let mut desk = Desk::new();
    desk.codes(&[HELLO, MAIL]);
    for _ in 0..RECIPIENTS_MAX {
        assert_eq!(desk.code(RCPT.0), 250);
    }
    desk.codes(&[(RCPT.0, 452), DATA, (".", 250)]);
    assert_eq!(desk.kept[0].to.len(), RECIPIENTS_MAX);
}

#[test]
fn line_that_is_too_long_is_no_command() {
    let mut desk = Desk::new();
    assert_eq!(desk.code(&format!("HELO {}", "x".repeat(3000))), 500);
    assert_eq!(desk.code("HELO x"), 250);
}

#[test]
fn nobody_sees_an_address_before_its_message_is_whole() {
    let mut desk = Desk::new();
    desk.codes(&[HELLO, MAIL, RCPT, DATA]);
    desk.say("half a message\r\n");
    let gone = Reply::new(421, Status(4, 2), "you took too long");
    desk.session.end(&gone);
    desk.drive();
    assert!(desk.heard().starts_with("421 4.4.2 "));
    assert!(desk.is_closed && desk.open.is_none());
    assert_eq!(desk.kept, []);
}

/// A session whose server makes a trouble.
fn with_fault(to: &str, stage: Stage, reply: Option<&str>, delay_secs: u32) -> Desk {
    let (to, reply) = (Victim::read(to).unwrap(), reply.map(|text| Reply::read(text).unwrap()));
    let drops = reply.is_none() && delay_secs == 0;
    let faults = vec![Fault { to, stage, reply, delay_secs, drops }];
    let (session, output) =
        (Session::new(Arc::new(Options { faults, ..options() }), client()), String::new());
    let (open, kept, actions) = (None, Vec::new(), Vec::new());
    let mut desk = Desk { session, output, open, kept, is_full: false, is_closed: false, actions };
    desk.drive();
    desk
}

#[test]
fn fault_replaces_the_reply_each_time_it_is_met() {
    let mut desk = with_fault("joe@x", Stage::Rcpt, Some("451 4.3.0 try later"), 0);
    assert_eq!(desk.heard(), "220 mail.example ESMTP Kereru\r\n");
    for _ in 0..2 * ERRORS_MAX {
        desk.codes(&[HELLO, MAIL]);
        assert_eq!(desk.say("RCPT TO:<joe@x>\r\n"), "451 4.3.0 try later\r\n");
        desk.codes(&[RCPT, DATA, ("a\r\n.", 250)]);
    }
    for (stage, rcpt, data) in [(Stage::Data, 250, 550), (Stage::End, 250, 354)] {
        let mut desk = with_fault("bloggs.com", stage, Some("550 5.0.0 no"), 0);
        desk.codes(&[HELLO, MAIL, ("RCPT TO:<joe@bloggs.com>", rcpt), ("DATA", data)]);
        if stage == Stage::End {
            desk.codes(&[("a\r\n.", 550), MAIL, ("RCPT TO:<joe@other>", 250), DATA, (".", 250)]);
            assert_eq!(desk.kept.len(), 1);
        }
    }
    let mut desk = with_fault("*", Stage::Connect, Some("421 4.3.2 closed today"), 0);
    assert_eq!(desk.heard(), "421 4.3.2 closed today\r\n");
    assert!(desk.is_closed);
    let mut desk = with_fault("*", Stage::Data, Some("451 4.0.0 no"), 0);
    desk.codes(&[HELLO, MAIL, RCPT]);
    assert_eq!(desk.say("BDAT 2 LAST\r\n\r\nNOOP\r\n").lines().count(), 2);
}

#[test]
fn fault_drops_the_connection_at_its_stage() {
    for (stage, before) in [
        (Stage::Connect, &[][..]),
        (Stage::Helo, &[]),
        (Stage::Mail, &[HELLO]),
        (Stage::Rcpt, &[HELLO, MAIL]),
        (Stage::Data, &[HELLO, MAIL, RCPT]),
        (Stage::End, &[HELLO, MAIL, RCPT, DATA]),
    ] {
        let mut desk = with_fault("*", stage, None, 0);
        desk.heard();
        desk.codes(before);
        assert_eq!(desk.is_closed, stage == Stage::Connect);
        desk.say("HELO x\r\nMAIL FROM:<a@b>\r\nRCPT TO:<joe@x>\r\nDATA\r\n.\r\n");
        assert!(desk.is_closed, "{stage:?}");
        assert_eq!(desk.kept, [], "{stage:?}");
        assert!(desk.open.is_none(), "{stage:?}");
    }
}

#[test]
fn fault_holds_the_real_reply_back() {
    for stage in [Stage::Connect, Stage::Helo, Stage::Mail, Stage::Rcpt, Stage::Data, Stage::End] {
        let mut desk = with_fault("*", stage, None, 7);
        assert_eq!(desk.heard(), "220 mail.example ESMTP Kereru\r\n");
        desk.codes(&[HELLO, MAIL, RCPT, DATA, ("a\r\n.", 250)]);
        assert_eq!(desk.kept.len(), 1, "{stage:?}");
        assert_eq!(desk.actions.iter().filter(|action| *action == "Pause(7)").count(), 1);
    }
}
