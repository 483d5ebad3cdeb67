use super::{Action, Mail, Outcome, SESSION_RECIPIENTS_MAX, Session, Trouble};
use crate::mail::address::Address;
use crate::mail::reply::Reply;

const CONTENT: &[u8] = b"Subject: hi\r\n\r\n.Hello.\r\n";
const ON_WIRE: &str = "Subject: hi\r\n\r\n..Hello.\r\n.\r\n";

fn address(text: &str) -> Address {
    Address::read(text).unwrap()
}

fn mail(recipients: &[&str]) -> Mail {
    Mail {
        hostname: "a.example".to_owned(),
        sender: Some(address("jane@a.example")),
        recipients: recipients.iter().map(|text| address(text)).collect(),
        octets: 24,
        is_8bit: false,
        is_utf8: false,
        may_start_tls: true,
    }
}

/// What came of a session: what was said to the host at each step, the outcomes in short, and whether
/// TLS began.
#[derive(Debug, PartialEq, Eq)]
struct Told {
    said: Vec<String>,
    outcomes: Vec<String>,
    is_tls: bool,
}

/// Plays a host that says something at each step, in pieces of this many octets.
fn play(mail: &Mail, host: &[&str], piece: usize) -> Told {
    let mut session = Session::new(mail.clone());
    let (mut said, mut is_tls, mut is_decided, mut is_closed) = (Vec::new(), false, false, false);
    for step in host {
        assert!(!is_closed, "closed before {step:?}");
        let mut output = Vec::new();
        for octets in step.as_bytes().chunks(piece) {
            let mut octets = octets;
            loop {
                octets = &octets[session.handle_input(octets)..];
                let mut is_stuck = true;
                while let Some(action) = session.poll_action() {
                    is_stuck = false;
                    match action {
                        Action::StartTls => {
                            is_tls = true;
                            session.handle_tls();
                        }
                        Action::SendContent => {
                            for octets in CONTENT.chunks(5) {
                                session.handle_content(octets);
                            }
                            session.handle_content_end();
                        }
                        Action::Decided => is_decided = true,
                        Action::Close => is_closed = true,
                    }
                }
                output.append(session.output());
                if octets.is_empty() || is_stuck {
                    break;
                }
            }
        }
        said.push(String::from_utf8(output).unwrap());
    }
    assert!(is_decided && is_closed, "not at an end: {said:?}");
    let outcomes = session.into_outcomes().into_iter().map(short).collect();
    Told { said, outcomes, is_tls }
}

fn short(outcome: Outcome) -> String {
    let told = |trouble: Trouble| {
        let mut out = Vec::new();
        trouble.reply.write(&mut out);
        let text = String::from_utf8(out).unwrap().trim_end().to_owned();
        if trouble.is_said { text } else { format!("({text})") }
    };
    match outcome {
        Outcome::Delivered => "delivered".to_owned(),
        Outcome::Refused(trouble) => format!("refused: {}", told(trouble)),
        Outcome::Later(trouble) => format!("later: {}", told(trouble)),
    }
}

/// Checks a session: what the host says and what is said then, and the outcomes.
#[track_caller]
fn check(mail: &Mail, steps: &[(&str, &str)], outcomes: &[&str]) -> Told {
    let host: Vec<&str> = steps.iter().map(|(host, _)| *host).collect();
    let expected: Vec<&str> = steps.iter().map(|(_, said)| *said).collect();
    let told = play(mail, &host, usize::MAX);
    assert_eq!(told.said, expected);
    assert_eq!(told.outcomes, outcomes);
    let longest = host.iter().map(|step| step.len()).max().unwrap_or(1);
    for piece in 1..longest {
        assert_eq!(play(mail, &host, piece), told, "pieces of {piece}");
    }
    told
}

const GREETING: (&str, &str) = ("220 b.example ESMTP\r\n", "EHLO a.example\r\n");
const PLAIN: (&str, &str) = ("250 b.example\r\n", "MAIL FROM:<jane@a.example>\r\n");
const MAIL: (&str, &str) = ("250 fine\r\n", "RCPT TO:<joe@b.example>\r\n");
const RCPT: (&str, &str) = ("250 fine\r\n", "DATA\r\n");
const DATA: (&str, &str) = ("354 go on\r\n", ON_WIRE);
const TAKEN: (&str, &str) = ("250 2.0.0 kept\r\n", "QUIT\r\n");
const GOODBYE: (&str, &str) = ("221 bye\r\n", "");

#[test]
fn message_goes_to_a_host_without_extensions() {
    let steps = [GREETING, PLAIN, MAIL, RCPT, DATA, TAKEN, GOODBYE];
    check(&mail(&["joe@b.example"]), &steps, &["delivered"]);
    let helo = ("502 what?\r\n", "HELO a.example\r\n");
    let steps = [GREETING, helo, PLAIN, MAIL, RCPT, DATA, TAKEN, GOODBYE];
    check(&mail(&["joe@b.example"]), &steps, &["delivered"]);
    let nobody = Mail { sender: None, ..mail(&["joe@b.example"]) };
    let null = ("250-b.example\r\n250 HELP\r\n", "MAIL FROM:<>\r\n");
    check(&nobody, &[GREETING, null, MAIL, RCPT, DATA, TAKEN, GOODBYE], &["delivered"]);
}

const ALL: &str = "250-b.example\r\n250-PIPELINING\r\n250-SIZE 1000\r\n250-8bitmime\r\n\
                   250 SMTPUTF8\r\n";

#[test]
fn what_is_offered_is_used_where_it_is_needed() {
    let told = "MAIL FROM:<jane@a.example> SIZE=24\r\nRCPT TO:<joe@b.example>\r\n\
                RCPT TO:<jim@b.example>\r\n";
    let replies = "250 2.1.0 fine\r\n250 2.1.5 fine\r\n250 2.1.5 fine\r\n";
    let steps = [GREETING, (ALL, told), (replies, "DATA\r\n"), DATA, TAKEN, GOODBYE];
    let two = mail(&["joe@b.example", "jim@b.example"]);
    check(&two, &steps, &["delivered", "delivered"]);

    let wide = Mail { is_8bit: true, is_utf8: true, ..mail(&["jos\u{e9}@b.example"]) };
    let told = "MAIL FROM:<jane@a.example> SIZE=24 BODY=8BITMIME SMTPUTF8\r\n\
                RCPT TO:<jos\u{e9}@b.example>\r\n";
    let replies = "250 fine\r\n250 fine\r\n";
    let steps = [GREETING, (ALL, told), (replies, "DATA\r\n"), DATA, TAKEN, GOODBYE];
    check(&wide, &steps, &["delivered"]);
}

#[test]
fn what_the_host_cannot_take_is_not_sent() {
    let joe = || mail(&["joe@b.example"]);
    let said_of = |offers, mail: &Mail, outcome: &str| {
        check(mail, &[GREETING, (offers, "QUIT\r\n"), GOODBYE], &[outcome]);
    };
    let wide = Mail { is_utf8: true, is_8bit: true, ..joe() };
    let told = "refused: (550 5.6.7 the host takes no addresses or headers beyond ASCII)";
    said_of("250-b.example\r\n250 8BITMIME\r\n", &wide, told);
    let wide = Mail { is_8bit: true, ..joe() };
    let told = "refused: (554 5.6.3 the host takes ASCII alone, and the message has more)";
    said_of("250-b.example\r\n250 PIPELINING\r\n", &wide, told);
    let large = Mail { octets: 1001, ..joe() };
    let told = "refused: (552 5.3.4 the host takes no message of more than 1000 octets)";
    said_of(ALL, &large, told);
    let unbounded = ("250-b\r\n250 SIZE 0\r\n", "MAIL FROM:<jane@a.example> SIZE=1001\r\n");
    let steps = [GREETING, unbounded, MAIL, RCPT, DATA, TAKEN, GOODBYE];
    check(&large, &steps, &["delivered"]);
}

#[test]
fn each_recipient_has_its_outcome() {
    let three = mail(&["joe@b.example", "jim@b.example", "jo@b.example"]);
    let to = |name| format!("RCPT TO:<{name}@b.example>\r\n");
    let (joe, jim, jo) = (to("joe"), to("jim"), to("jo"));
    let outcomes =
        ["delivered", "refused: 550 5.1.1 no such mailbox", "later: 450-4.2.0 grey\r\n450 4.2.0 x"];
    let grey = "450-4.2.0 grey\r\n450 4.2.0 x\r\n";
    let steps = [
        GREETING,
        PLAIN,
        ("250 fine\r\n", &joe),
        ("251 elsewhere\r\n", &jim),
        ("550 5.1.1 no such mailbox\r\n", &jo),
        (grey, "DATA\r\n"),
        DATA,
        TAKEN,
        GOODBYE,
    ];
    check(&three, &steps, &outcomes);
    let told = format!("MAIL FROM:<jane@a.example> SIZE=24\r\n{joe}{jim}{jo}");
    let replies = format!("250 ok\r\n250 ok\r\n550 5.1.1 no such mailbox\r\n{grey}");
    let steps = [GREETING, (ALL, &told), (&replies, "DATA\r\n"), DATA, TAKEN, GOODBYE];
    check(&three, &steps, &outcomes);
}

#[test]
fn refusal_of_the_message_is_one_of_all_its_recipients() {
    let two = mail(&["joe@b.example", "jim@b.example"]);
    let refused = ["refused: 550 5.7.1 not you", "refused: 550 5.7.1 not you"];
    let steps = [GREETING, PLAIN, ("550 5.7.1 not you\r\n", "QUIT\r\n"), GOODBYE];
    check(&two, &steps, &refused);
    let told = "MAIL FROM:<jane@a.example> SIZE=24\r\nRCPT TO:<joe@b.example>\r\n\
                RCPT TO:<jim@b.example>\r\n";
    let replies = "550 5.7.1 not you\r\n503 first\r\n503 first\r\n";
    check(&two, &[GREETING, (ALL, told), (replies, "QUIT\r\n"), GOODBYE], &refused);
    let rcpt = ("250 fine\r\n", "RCPT TO:<jim@b.example>\r\n");
    let begun = [GREETING, PLAIN, MAIL, rcpt, RCPT];
    let end = |steps: &[(&'static str, &'static str)]| [&begun[..], steps].concat();
    let refusal = ("550 5.7.1 not you\r\n", "QUIT\r\n");
    check(&two, &end(&[refusal, GOODBYE]), &refused);
    check(&two, &end(&[DATA, refusal, GOODBYE]), &refused);
    let later = ["later: 452 4.3.1 full", "later: 452 4.3.1 full"];
    check(&two, &end(&[DATA, ("452 4.3.1 full\r\n", "QUIT\r\n"), GOODBYE]), &later);
}

#[test]
fn nothing_is_sent_when_no_recipient_is_taken() {
    let steps = [GREETING, PLAIN, MAIL, ("550 who?\r\n", "QUIT\r\n"), GOODBYE];
    check(&mail(&["joe@b.example"]), &steps, &["refused: 550 who?"]);
}

#[test]
fn too_many_recipients_come_in_another_transaction() {
    let two = mail(&["joe@b.example", "jim@b.example"]);
    let rcpt = ("250 fine\r\n", "RCPT TO:<jim@b.example>\r\n");
    let again = ("250 kept\r\n", "MAIL FROM:<jane@a.example>\r\n");
    for surplus in ["452 4.5.3 too many\r\n", "552 too many\r\n"] {
        let steps = [
            GREETING,
            PLAIN,
            MAIL,
            rcpt,
            (surplus, "DATA\r\n"),
            DATA,
            again,
            rcpt,
            RCPT,
            DATA,
            TAKEN,
            GOODBYE,
        ];
        check(&two, &steps, &["delivered", "delivered"]);
    }
    // A mailbox that is full is full in another transaction, too.
    let steps = [GREETING, PLAIN, MAIL, rcpt, ("552 5.2.2 full\r\n", "DATA\r\n"), DATA, TAKEN];
    check(&two, &[&steps[..], &[GOODBYE]].concat(), &["delivered", "refused: 552 5.2.2 full"]);
    // Nor does another help if nobody is taken.
    let steps = [GREETING, PLAIN, MAIL, ("452 too many\r\n", "QUIT\r\n"), GOODBYE];
    check(&mail(&["joe@b.example"]), &steps, &["later: 452 too many"]);
}

#[test]
fn tls_begins_where_it_is_offered() {
    let joe = mail(&["joe@b.example"]);
    let offer = ("250-b.example\r\n250 STARTTLS\r\n", "STARTTLS\r\n");
    let begin = ("220 begin\r\n", "EHLO a.example\r\n");
    let steps = [GREETING, offer, begin, PLAIN, MAIL, RCPT, DATA, TAKEN, GOODBYE];
    assert!(check(&joe, &steps, &["delivered"]).is_tls);
    let refused = ("454 4.7.0 not now\r\n", PLAIN.1);
    let steps = [GREETING, offer, refused, MAIL, RCPT, DATA, TAKEN, GOODBYE];
    assert!(!check(&joe, &steps, &["delivered"]).is_tls);
    let without = Mail { may_start_tls: false, ..joe };
    let steps = [GREETING, (offer.0, PLAIN.1), MAIL, RCPT, DATA, TAKEN, GOODBYE];
    assert!(!check(&without, &steps, &["delivered"]).is_tls);
}

#[test]
fn nothing_said_before_tls_counts_within() {
    let mut session = Session::new(mail(&["joe@b.example"]));
    session.handle_input(b"220 b\r\n250-b\r\n250 STARTTLS\r\n220 go\r\n250 evil\r\n250 evil\r\n");
    assert_eq!(session.poll_action(), Some(Action::StartTls));
    session.output().clear();
    session.handle_tls();
    assert_eq!(session.output(), b"EHLO a.example\r\n");
}

#[test]
fn host_that_takes_no_mail_leaves_all_for_another() {
    let joe = mail(&["joe@b.example"]);
    check(&joe, &[("554 no mail here\r\n", "")], &["later: 554 no mail here"]);
    check(&joe, &[("421 4.3.2 busy\r\n", "")], &["later: 421 4.3.2 busy"]);
    check(&joe, &[GREETING, ("451 later\r\n", "")], &["later: 451 later"]);
    let steps = [GREETING, ("500 what?\r\n", "HELO a.example\r\n"), ("550 go away\r\n", "")];
    check(&joe, &steps, &["later: 550 go away"]);
    let told = "later: (451 4.5.0 the host does not speak SMTP)";
    check(&joe, &[("HTTP/1.1 400 Bad Request\r\n", "")], &[told]);
    let steps = [GREETING, PLAIN, MAIL, ("421 4.3.2 I stop\r\n", "")];
    check(&joe, &steps, &["later: 421 4.3.2 I stop"]);
}

#[test]
fn lost_connection_is_in_doubt_behind_the_content_alone() {
    let host = ["220 b\r\n", "250 b\r\n", "250 ok\r\n", "250 ok\r\n", "354 go\r\n"];
    for steps in 0..=host.len() {
        let mut session = Session::new(mail(&["joe@b.example"]));
        for step in &host[..steps] {
            session.handle_input(step.as_bytes());
            while let Some(action) = session.poll_action() {
                assert_eq!(action, Action::SendContent);
                session.handle_content(CONTENT);
                session.handle_content_end();
            }
        }
        session.handle_end("the connection was lost");
        assert_eq!(session.poll_action(), Some(Action::Decided));
        assert_eq!(session.poll_action(), Some(Action::Close));
        assert_eq!(session.is_in_doubt(), steps == host.len(), "{steps}");
        let outcomes: Vec<String> = session.into_outcomes().into_iter().map(short).collect();
        assert_eq!(outcomes, ["later: (421 4.4.2 the connection was lost)"]);
    }
}

#[test]
fn lost_goodbye_changes_nothing() {
    let mut session = Session::new(mail(&["joe@b.example"]));
    session.handle_input(b"220 b\r\n250 b\r\n250 ok\r\n550 no\r\n");
    session.handle_end("the connection was lost");
    let outcomes = session.into_outcomes();
    assert_eq!(outcomes, [Outcome::Refused(Trouble::said(Reply::plain(550, "no")))]);
}

#[test]
fn recipients_of_a_session_are_bounded() {
    let session = Session::new(mail(&vec!["joe@b.example"; SESSION_RECIPIENTS_MAX + 1]));
    assert_eq!(session.into_outcomes().len(), SESSION_RECIPIENTS_MAX);
}
