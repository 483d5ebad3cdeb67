//! The player with a subject that is simple enough to be right: a forwarder.

use std::collections::{BTreeMap, VecDeque};
use std::net::SocketAddr;

use super::{Failure, Played, play};
use crate::base::time::Now;
use crate::metrics::Transport;
use crate::sim::message::Message;
use crate::sim::script::parse;
use crate::sim::subject::{Reply, Request, RequestId, Subject};
use crate::wire::header::Flags;
use crate::wire::numbers::Rcode;

/// How long a response may take, in microseconds.
const PATIENCE: u64 = 2_000_000;

/// What a forwarder waits for.
struct Waiting {
    client: SocketAddr,
    query: Message,
    transport: Transport,
    until: Now,
}

/// Sends each question to one server and its response to the client. A cut response is asked for
/// again over TCP; when nothing comes, the client gets SERVFAIL.
struct Forwarder {
    waiting: BTreeMap<RequestId, Waiting>,
    requests: VecDeque<Request>,
    replies: VecDeque<Reply>,
    sent: u64,
    fault: Fault,
}

/// What is wrong with a forwarder, so that the player has something to find.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Fault {
    None,
    /// Replies twice.
    Twice,
    /// Wants to be woken and then does nothing.
    Restless,
    /// Asks again whatever comes.
    Endless,
    /// Replies with an ID of its own.
    WrongId,
    /// Gives all requests the same number.
    OneNumber,
}

impl Forwarder {
    fn new(fault: Fault) -> Self {
        let (requests, replies) = (VecDeque::new(), VecDeque::new());
        Self { waiting: BTreeMap::new(), requests, replies, sent: 0, fault }
    }

    fn ask(&mut self, now: Now, client: SocketAddr, query: Message, transport: Transport) {
        self.sent += 1;
        let id = RequestId(if self.fault == Fault::OneNumber { 1 } else { self.sent });
        let to = "192.0.2.53:53".parse().unwrap();
        let octets = Message { id: u16::try_from(self.sent).unwrap(), ..query.clone() }.write();
        self.requests.push_back(Request { id, to, transport, octets });
        let until = Now::from_micros(now.as_micros() + PATIENCE);
        self.waiting.insert(id, Waiting { client, query, transport, until });
    }

    fn fail(&mut self, request: RequestId) {
        let Some(Waiting { client, query, .. }) = self.waiting.remove(&request) else { return };
        let mut reply = query;
        reply.flags = reply.flags.for_reply();
        reply.set_rcode(Rcode::SERVFAIL);
        self.replies.push_back(Reply { client, octets: reply.write() });
    }
}

impl Subject for Forwarder {
    fn handle_query(&mut self, now: Now, client: SocketAddr, _transport: Transport, octets: &[u8]) {
        self.ask(now, client, Message::read(octets).unwrap(), Transport::Udp);
    }

    fn handle_response(&mut self, now: Now, request: RequestId, octets: &[u8]) {
        let Ok(response) = Message::read(octets) else { return };
        let is_right = |waiting: &Waiting| {
            response.id == u16::try_from(request.0).unwrap()
                && response.flags.contains(Flags::QR)
                && response.questions == waiting.query.questions
        };
        if !self.waiting.get(&request).is_some_and(is_right) {
            return;
        }
        let Waiting { client, query, transport, .. } = self.waiting.remove(&request).unwrap();
        let is_cut = response.flags.contains(Flags::TC) && transport == Transport::Udp;
        if is_cut || self.fault == Fault::Endless {
            return self.ask(now, client, query, Transport::Tcp);
        }
        let id = query.id ^ u16::from(self.fault == Fault::WrongId);
        let reply = Reply { client, octets: Message { id, ..response }.write() };
        if self.fault == Fault::Twice {
            self.replies.push_back(reply.clone());
        }
        self.replies.push_back(reply);
    }

    fn handle_unreachable(&mut self, _now: Now, request: RequestId) {
        self.fail(request);
    }

    fn handle_timeout(&mut self, now: Now) {
        if self.fault == Fault::Restless {
            return;
        }
        let due: Vec<RequestId> =
            self.waiting.iter().filter(|(_, w)| w.until <= now).map(|(id, _)| *id).collect();
        due.into_iter().for_each(|request| self.fail(request));
    }

    fn poll_request(&mut self) -> Option<Request> {
        self.requests.pop_front()
    }

    fn poll_reply(&mut self) -> Option<Reply> {
        self.replies.pop_front()
    }

    fn poll_timeout(&self) -> Option<Now> {
        self.waiting.values().map(|waiting| waiting.until).min()
    }

    fn awaits(&self, request: RequestId) -> bool {
        self.waiting.contains_key(&request)
    }
}

/// A scenario from a short form: the entry of a step follows it behind `|`, its lines divided by
/// `/`; `?` begins a question and `!` an answer.
fn expand(lines: &str) -> String {
    let mut script = "CONFIG_END\nSCENARIO_BEGIN t\n".to_owned();
    for line in lines.lines().map(str::trim) {
        let (head, entry) = line.split_once('|').unwrap_or((line, ""));
        script.push_str(head.trim());
        script.push('\n');
        if !entry.is_empty() {
            let entry = entry.trim().replace(" / ", "\n");
            let entry = entry.replace('?', "SECTION QUESTION\n").replace('!', "SECTION ANSWER\n");
            script.push_str(&format!("ENTRY_BEGIN\n{entry}\nENTRY_END\n"));
        }
    }
    script.push_str("SCENARIO_END\n");
    script
}

fn run_with(fault: Fault, lines: &str) -> Result<Played, Box<Failure>> {
    let script = expand(lines);
    let scenario = parse("t.rpl", &script).unwrap_or_else(|fault| panic!("{fault}\n{script}"));
    play(&scenario, &mut Forwarder::new(fault))
}

/// Plays to the end.
#[track_caller]
fn check(lines: &str) -> Played {
    run_with(Fault::None, lines).unwrap_or_else(|failure| panic!("{failure}"))
}

/// Fails in this step, and says this first.
#[track_caller]
fn check_fails_with(fault: Fault, lines: &str, step: &str, message: &str) {
    let failure = run_with(fault, lines).expect_err("it does not fail");
    let said = failure.message.get(..message.len().min(failure.message.len()));
    assert_eq!((&*failure.step, said), (step, Some(message)), "{failure}");
}

#[track_caller]
fn check_fails(lines: &str, step: &str, message: &str) {
    check_fails_with(Fault::None, lines, step, message);
}

const RANGE: &str = "\
RANGE_BEGIN 0 100
ADDRESS 192.0.2.53
| MATCH qname qtype / ADJUST copy_id / REPLY QR AA / ?a. IN A / !a. 60 IN A 192.0.2.1
RANGE_END
";

const QUERY: &str = "STEP 1 QUERY | REPLY RD / ?a. IN A\n";

const ANSWER: &str = "MATCH all ttl / REPLY QR AA / ?a. IN A / !a. 60 IN A 192.0.2.1\n";

const SERVFAIL: &str = "MATCH all / REPLY QR RD SERVFAIL / ?a. IN A\n";

#[test]
fn request_is_answered_from_a_range_at_once() {
    let played = check(&format!("{RANGE}{QUERY}STEP 2 CHECK_ANSWER | {ANSWER}"));
    assert_eq!(played, Played { requests: 1, replies: 1, now: Now::default() });
}

#[test]
fn reply_that_differs_is_told_with_what_was_expected() {
    let lines =
        format!("{RANGE}{QUERY}STEP 2 CHECK_ANSWER | MATCH all / REPLY QR NXDOMAIN / ?a. IN A");
    let failure = run_with(Fault::None, &lines).unwrap_err();
    let expected = "\
t.rpl:17: STEP 2 CHECK_ANSWER: the reply to 127.0.0.1:53 is not as expected in line 18
  status: expected NXDOMAIN, got NOERROR
  flags: expected qr, got qr aa
  ANSWER: unexpected a. 60 IN A 192.0.2.1
expected:
;; opcode QUERY, status NXDOMAIN, flags qr
;; QUESTION
a. IN A
got:
;; opcode QUERY, status NOERROR, flags qr aa
;; QUESTION
a. IN A
;; ANSWER
a. 60 IN A 192.0.2.1
before:
  query of 127.0.0.1:53 (udp): a. IN A
  request to 192.0.2.53:53 (udp): a. IN A
  response of 192.0.2.53:53 (line 5): a. IN A: NOERROR qr aa, 1 + 0 + 0 records
  reply to 127.0.0.1:53: a. IN A: NOERROR qr aa, 1 + 0 + 0 records";
    let shown = failure.to_string();
    // The lines of the script are those of `expand`.
    let at = shown.find(": STEP").unwrap();
    let from = expected.find(": STEP").unwrap();
    let strip = |text: &str| text.replace(|char: char| char.is_ascii_digit(), "#");
    assert_eq!(strip(&shown[at..]), strip(&expected[from..]), "{shown}");
}

#[test]
fn range_holds_only_its_steps_and_addresses() {
    let unanswered = format!("STEP 2 CHECK_ANSWER | {ANSWER}");
    let no_reply = "expected a reply, and there is none";
    let late = RANGE.replace("0 100", "3 100");
    check_fails(&format!("{late}{QUERY}{unanswered}"), "STEP 2 CHECK_ANSWER", no_reply);
    let elsewhere = RANGE.replace("192.0.2.53", "192.0.2.54");
    check_fails(&format!("{elsewhere}{QUERY}{unanswered}"), "STEP 2 CHECK_ANSWER", no_reply);
    let several = RANGE.replace("ADDRESS", "ADDRESS 192.0.2.99\nADDRESS");
    check(&format!("{several}{QUERY}{unanswered}"));
    let anywhere = RANGE.replace("ADDRESS 192.0.2.53\n", "");
    check(&format!("{anywhere}{QUERY}{unanswered}"));
}

#[test]
fn later_range_meets_a_request_that_stayed_pending() {
    let late = RANGE.replace("0 100", "3 100");
    check(&format!("{late}{QUERY}STEP 2 NOTHING\nSTEP 3 CHECK_ANSWER | {ANSWER}"));
}

#[test]
fn last_of_several_ranges_counts() {
    let other = RANGE.replace("REPLY QR AA", "REPLY QR SERVFAIL");
    check(&format!("{other}{RANGE}{QUERY}STEP 2 CHECK_ANSWER | {ANSWER}"));
    check_fails(
        &format!("{RANGE}{other}{QUERY}STEP 2 CHECK_ANSWER | {ANSWER}"),
        "STEP 2 CHECK_ANSWER",
        "the reply to 127.0.0.1:53 is not as expected",
    );
}

#[test]
fn request_is_seen_before_a_range_answers_it() {
    let seen = "STEP 2 CHECK_OUT_QUERY ADDRESS 192.0.2.53 | MATCH all UDP / REPLY RD / ?a. IN A\n";
    check(&format!("{RANGE}{QUERY}{seen}STEP 3 CHECK_ANSWER | {ANSWER}"));
    check_fails(
        &format!("{RANGE}{QUERY}{}STEP 3 CHECK_ANSWER | {ANSWER}", seen.replace("RD", "CD")),
        "STEP 2 CHECK_OUT_QUERY",
        // The range has answered it: it is no longer there to be looked at.
        "expected a request, and none is pending",
    );
    check_fails(
        &format!("{QUERY}{}", seen.replace("RD", "CD")),
        "STEP 2 CHECK_OUT_QUERY",
        "the request to 192.0.2.53:53 is not as expected",
    );
    check_fails(
        &format!("{QUERY}{}", seen.replace("ADDRESS 192.0.2.53", "ADDRESS 192.0.2.54")),
        "STEP 2 CHECK_OUT_QUERY",
        "the request to 192.0.2.53:53 is not as expected",
    );
}

#[test]
fn request_is_seen_once() {
    let seen = "CHECK_OUT_QUERY | MATCH qname / ?a. IN A\n";
    check_fails(
        &format!("{QUERY}STEP 2 {seen}STEP 3 {seen}"),
        "STEP 3 CHECK_OUT_QUERY",
        "expected a request, and none is pending",
    );
}

#[test]
fn entry_that_sees_a_request_answers_it_if_it_copies_the_id() {
    let seen = "STEP 2 CHECK_OUT_QUERY | MATCH qname / ADJUST copy_id / REPLY QR AA / ?a. IN A / \
                !a. 60 IN A 192.0.2.1\n";
    check(&format!("{QUERY}{seen}STEP 3 CHECK_ANSWER | {ANSWER}"));
}

const REPLY: &str = "REPLY | ADJUST copy_id / REPLY QR AA / ?a. IN A / !a. 60 IN A 192.0.2.1\n";

#[test]
fn reply_of_a_step_meets_a_pending_request() {
    check(&format!("{QUERY}STEP 2 {REPLY}STEP 3 CHECK_ANSWER | {ANSWER}"));
    check_fails(&format!("STEP 2 {REPLY}"), "STEP 2 REPLY", "no request is pending");
    check_fails(
        &format!("{QUERY}STEP 2 {}", REPLY.replace("REPLY |", "REPLY ADDRESS 192.0.2.1 |")),
        "STEP 2 REPLY",
        "the pending request is not as expected",
    );
    check_fails(
        &format!(
            "{QUERY}STEP 2 {}",
            REPLY.replace("ADJUST", "MATCH qname / ADJUST").replace("a. IN A", "b. IN A")
        ),
        "STEP 2 REPLY",
        "the pending request is not as expected",
    );
}

#[test]
fn response_that_the_subject_ignores_leaves_the_request_pending() {
    let forged = REPLY.replace("ADJUST copy_id / ", "");
    check(&format!("{QUERY}STEP 2 {forged}STEP 3 {REPLY}STEP 4 CHECK_ANSWER | {ANSWER}"));
    check_fails(
        &format!("{QUERY}STEP 2 {forged}"),
        "outside all steps",
        "a request to 192.0.2.53:53 is still pending",
    );
}

#[test]
fn range_answers_a_request_once() {
    let forged = RANGE.replace("ADJUST copy_id / ", "");
    check_fails(
        &format!("{forged}{QUERY}STEP 2 TRAFFIC"),
        "outside all steps",
        "a request to 192.0.2.53:53 is still pending",
    );
}

#[test]
fn timeout_moves_the_clock_to_when_the_subject_gives_up() {
    let played = check(&format!("{QUERY}STEP 2 TIMEOUT\nSTEP 3 CHECK_ANSWER | {SERVFAIL}"));
    assert_eq!(played.now, Now::from_micros(PATIENCE));
    check_fails("STEP 2 TIMEOUT", "STEP 2 TIMEOUT", "no request is pending");
    check_fails(
        &format!("{QUERY}STEP 2 TIMEOUT ADDRESS 192.0.2.1"),
        "STEP 2 TIMEOUT",
        "no request to 192.0.2.1:53 is pending, but one to 192.0.2.53:53",
    );
    check_fails_with(
        Fault::Restless,
        &format!("{QUERY}STEP 2 TIMEOUT"),
        "STEP 2 TIMEOUT",
        "the subject was woken 64 times, and nothing came of it",
    );
}

#[test]
fn time_that_passes_is_exact() {
    let passes = |seconds: &str| {
        format!("{QUERY}STEP 2 TIME_PASSES ELAPSE {seconds}\nSTEP 3 CHECK_ANSWER | {SERVFAIL}")
    };
    let played = check(&passes("2.5"));
    assert_eq!(played.now, Now::from_micros(2_500_000));
    check(&passes("2"));
    check_fails(&passes("1.999999"), "STEP 3 CHECK_ANSWER", "expected a reply, and there is none");
}

#[test]
fn expressions_have_the_clock_and_what_was_assigned() {
    let lines = format!(
        "{QUERY}STEP 2 ASSIGN wait = ${{timeout}}\nSTEP 3 TIME_PASSES EVAL ${{$wait - 1}}\n\
         STEP 4 TIME_PASSES EVAL ${{time}}\nSTEP 5 CHECK_ANSWER | {SERVFAIL}"
    );
    assert_eq!(check(&lines).now, Now::from_micros(PATIENCE));
    check_fails("STEP 1 TIME_PASSES EVAL $x", "STEP 1 TIME_PASSES", "nothing has set $x");
    check_fails(
        "STEP 1 TIME_PASSES EVAL 1-2",
        "STEP 1 TIME_PASSES",
        "time cannot pass by -1000000",
    );
}

#[test]
fn server_that_cannot_be_reached_is_told_to_the_subject() {
    let played = check(&format!("{QUERY}STEP 2 ERROR\nSTEP 3 CHECK_ANSWER | {SERVFAIL}"));
    assert_eq!(played.now, Now::default());
    check_fails("STEP 2 ERROR", "STEP 2 ERROR", "no request is pending");
}

#[test]
fn slow_response_comes_in_its_time_or_too_late() {
    let slow = |seconds: u32| RANGE.replace("copy_id", &format!("copy_id sleep={seconds}"));
    let passes = "STEP 2 TIME_PASSES ELAPSE 5\n";
    check(&format!("{}{QUERY}{passes}STEP 3 CHECK_ANSWER | {ANSWER}", slow(2)));
    check(&format!("{}{QUERY}{passes}STEP 3 CHECK_ANSWER | {SERVFAIL}", slow(3)));
    check_fails(
        &format!("{}{QUERY}STEP 2 TIMEOUT\nSTEP 3 CHECK_ANSWER | {SERVFAIL}", slow(9)),
        "outside all steps",
        "1 responses are still on their way",
    );
    // While nothing comes of one request, the response to another arrives.
    let other = "STEP 2 QUERY | REPLY RD / ?b. IN A\n";
    let played = check(&format!(
        "{}{QUERY}{other}STEP 3 TIMEOUT\nSTEP 4 CHECK_ANSWER | {ANSWER}STEP 5 TIMEOUT\n\
         STEP 6 CHECK_ANSWER | MATCH rcode / REPLY SERVFAIL",
        slow(1)
    ));
    assert_eq!(played.now, Now::from_micros(PATIENCE));
}

#[test]
fn cut_response_is_asked_for_over_tcp() {
    let cut = "RANGE_BEGIN 0 100\n\
        | MATCH qname UDP / ADJUST copy_id / REPLY QR TC / ?a. IN A\n\
        | MATCH qname TCP / ADJUST copy_id / REPLY QR AA / ?a. IN A / !a. 60 IN A 192.0.2.1\n\
        RANGE_END\n";
    let played = check(&format!("{cut}{QUERY}STEP 2 CHECK_ANSWER | {ANSWER}"));
    assert_eq!(played.requests, 2);
}

#[test]
fn replies_are_told_apart_by_client() {
    let two = "STEP 1 QUERY ADDRESS 192.0.2.7 | REPLY RD / ?a. IN A\n\
               STEP 2 QUERY ADDRESS 192.0.2.8 | REPLY RD / ?b. IN A\n";
    let range = RANGE.replace("qname qtype", "qtype").replace("copy_id", "copy_id copy_query");
    let answer = |client: &str, name: &str| {
        format!("CHECK_ANSWER ADDRESS {client} | MATCH question / ?{name} IN A\n")
    };
    check(&format!(
        "{range}{two}STEP 3 {}STEP 4 {}",
        answer("192.0.2.8", "b."),
        answer("192.0.2.7", "a.")
    ));
    check_fails(
        &format!("{range}{two}STEP 3 {}", answer("192.0.2.8", "a.")),
        "STEP 3 CHECK_ANSWER",
        "the reply to 192.0.2.8:53 is not as expected",
    );
}

#[test]
fn reply_that_no_step_looks_at_is_told() {
    check_fails(
        &format!("{RANGE}{QUERY}STEP 2 TRAFFIC"),
        "outside all steps",
        "a reply to 127.0.0.1:53 that no step looks at",
    );
}

#[test]
fn steps_about_a_request_mean_the_last_one() {
    let two = format!("{QUERY}STEP 2 QUERY | REPLY RD / ?b. IN A\n");
    let answer = "MATCH question / ?b. IN A\n";
    check_fails(
        &format!(
            "{two}STEP 3 {}STEP 4 CHECK_ANSWER | {answer}",
            REPLY.replace("copy_id", "copy_id copy_query")
        ),
        "outside all steps",
        "a request to 192.0.2.53:53 is still pending:\n;; opcode QUERY, status NOERROR, flags rd\n\
         ;; QUESTION\na. IN A",
    );
    check_fails(
        &format!("{two}STEP 3 ERROR\nSTEP 4 CHECK_ANSWER | {answer}"),
        "outside all steps",
        "a request to 192.0.2.53:53 is still pending:\n;; opcode QUERY, status NOERROR, flags rd\n\
         ;; QUESTION\na. IN A",
    );
}

#[test]
fn reply_with_another_id_is_told() {
    let lines = format!("{RANGE}{QUERY}STEP 2 CHECK_ANSWER | {ANSWER}");
    let message = "a reply that 127.0.0.1:53 has not asked for";
    check_fails_with(Fault::WrongId, &lines, "STEP 1 QUERY", message);
}

#[test]
fn number_that_two_requests_have_is_told() {
    let lines = format!("{QUERY}STEP 2 QUERY | REPLY RD / ?b. IN A\n");
    let message = "the subject uses RequestId(1) twice";
    check_fails_with(Fault::OneNumber, &lines, "STEP 2 QUERY", message);
}

#[test]
fn reply_that_nobody_asked_for_is_told() {
    let lines = format!("{RANGE}{QUERY}STEP 2 CHECK_ANSWER | {ANSWER}");
    check_fails_with(
        Fault::Twice,
        &lines,
        "STEP 1 QUERY",
        "a reply that 127.0.0.1:53 has not asked for",
    );
}

#[test]
fn traffic_without_end_is_told() {
    check_fails_with(
        Fault::Endless,
        &format!("{RANGE}{QUERY}STEP 2 TRAFFIC"),
        "STEP 1 QUERY",
        "more than 5000 events: this goes on for ever",
    );
}

#[test]
fn scenario_with_what_is_not_offered_is_not_played() {
    check_fails(
        "STEP 1 INFRA_RTT 192.0.2.1 a. 100",
        "outside all steps",
        "INFRA_RTT (line 3) cannot be played",
    );
}
