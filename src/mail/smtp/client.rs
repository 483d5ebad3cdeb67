//! The SMTP client's side of a session with one host: one message, to some of its recipients.
//!
//! It takes the host's replies and gives commands, and says at the end what has become of each
//! recipient. It neither knows where the host is nor whether another takes the message.

use std::collections::VecDeque;
use std::time::Duration;

use crate::mail::address::Address;
use crate::mail::content::Stuffer;
use crate::mail::reply::{Reply, Status};
use crate::mail::smtp::response::ResponseReader;

/// Recipients of one session: as many as every server takes (RFC 5321 §4.5.3.1.8).
pub const SESSION_RECIPIENTS_MAX: usize = 100;

/// How long a host may take to greet, and for a command (RFC 5321 §4.5.3.2.1 to .3).
const COMMAND_PATIENCE: Duration = Duration::from_secs(300);

/// How long it may take to ask for the content (RFC 5321 §4.5.3.2.4).
const DATA_PATIENCE: Duration = Duration::from_secs(120);

/// How long it may take a piece of the content (RFC 5321 §4.5.3.2.5).
const CONTENT_PATIENCE: Duration = Duration::from_secs(180);

/// How long it may take to keep a message that is whole (RFC 5321 §4.5.3.2.6).
const FINAL_PATIENCE: Duration = Duration::from_secs(600);

/// How long a goodbye is waited for. Nothing depends on it.
const QUIT_PATIENCE: Duration = Duration::from_secs(5);

/// What is to be sent, and to whom.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mail {
    /// The name of this host.
    pub hostname: String,
    /// Who is told if it cannot be delivered; `None` is nobody.
    pub sender: Option<Address>,
    /// At most `SESSION_RECIPIENTS_MAX` are tried.
    pub recipients: Vec<Address>,
    /// Octets of the content, about.
    pub octets: u64,
    /// Whether the content has octets above 127.
    pub is_8bit: bool,
    /// Whether an address or a header is beyond ASCII (RFC 6531).
    pub is_utf8: bool,
    /// Whether TLS is begun where it is offered.
    pub may_start_tls: bool,
}

/// What a session needs done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// Begin TLS: `handle_tls`. No certificate is demanded, for a host without TLS gets the message
    /// all the same (RFC 7435). If it fails, the message goes over another connection without.
    StartTls,
    /// Hand in the content, from its beginning: `handle_content`, and `handle_content_end` at last.
    SendContent,
    /// All outcomes are known; they are to be written down before anything else is waited for.
    Decided,
    /// Close the connection.
    Close,
}

/// What has become of a recipient.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The host has taken the message.
    Delivered,
    /// It never will.
    Refused(Trouble),
    /// It may later.
    Later(Trouble),
}

/// Why a message has not been taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trouble {
    /// What was said, or would be.
    pub reply: Reply,
    /// Whether the host said it; else it is what this server found.
    pub is_said: bool,
}

impl Trouble {
    /// What a host said.
    pub fn said(reply: Reply) -> Self {
        Self { reply, is_said: true }
    }

    /// What this server found.
    pub fn found(reply: Reply) -> Self {
        Self { reply, is_said: false }
    }
}

/// What a host offers in its reply to EHLO.
#[derive(Clone, Copy, Debug, Default)]
struct Offers {
    pipelining: bool,
    eight_bit: bool,
    utf8: bool,
    tls: bool,
    /// The most octets of a message; 0 is no bound (RFC 1870 §4).
    size: Option<u64>,
}

/// Which reply is waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Greeting,
    Ehlo,
    Helo,
    StartTls,
    /// None: TLS begins.
    Tls,
    Mail,
    /// To the RCPT at this place of the transaction.
    Rcpt(usize),
    Data,
    /// None: the content is being sent.
    Content,
    Final,
    Quit,
    Ended,
}

/// The client's side of one connection.
#[derive(Debug)]
pub struct Session {
    mail: Mail,
    state: State,
    reader: ResponseReader,
    offers: Offers,
    is_tls: bool,
    stuffer: Stuffer,
    /// The recipients of the transaction under way, by their places.
    transaction: Vec<usize>,
    /// Those of them that the host takes.
    accepted: Vec<usize>,
    /// Those that were too many for it.
    surplus: Vec<usize>,
    /// Why it does not take the sender, while replies to recipients come.
    refusal: Option<Reply>,
    outcomes: Vec<Option<Outcome>>,
    is_in_doubt: bool,
    output: Vec<u8>,
    actions: VecDeque<Action>,
}

impl Session {
    /// A session that waits for the host's greeting.
    pub fn new(mut mail: Mail) -> Self {
        mail.recipients.truncate(SESSION_RECIPIENTS_MAX);
        let count = mail.recipients.len();
        Self {
            mail,
            state: State::Greeting,
            reader: ResponseReader::default(),
            offers: Offers::default(),
            is_tls: false,
            stuffer: Stuffer::default(),
            transaction: (0..count).collect(),
            accepted: Vec::new(),
            surplus: Vec::new(),
            refusal: None,
            outcomes: vec![None; count],
            is_in_doubt: false,
            output: Vec::new(),
            actions: VecDeque::new(),
        }
    }

    /// Takes octets from the host, and returns how many: it takes no more while content is to be
    /// sent or TLS begins.
    pub fn handle_input(&mut self, octets: &[u8]) -> usize {
        let mut taken = 0;
        while let Some(rest) = octets.get(taken..)
            && !rest.is_empty()
        {
            match self.state {
                State::Content => return taken,
                // What a third party put behind the reply to STARTTLS would count as said within TLS
                // (RFC 3207 §6).
                State::Tls | State::Ended => return octets.len(),
                State::Greeting
                | State::Ehlo
                | State::Helo
                | State::StartTls
                | State::Mail
                | State::Rcpt(_)
                | State::Data
                | State::Final
                | State::Quit => (),
            }
            let Ok((more, reply)) = self.reader.read(rest) else {
                let reply = Reply::new(451, Status(5, 0), "the host does not speak SMTP");
                self.end(&Trouble::found(reply));
                return octets.len();
            };
            taken += more;
            if let Some(reply) = reply {
                self.take(reply);
            }
        }
        taken
    }

    /// What is to be sent; it may be taken out at any time.
    pub fn output(&mut self) -> &mut Vec<u8> {
        &mut self.output
    }

    /// What it needs done next.
    pub fn poll_action(&mut self) -> Option<Action> {
        self.actions.pop_front()
    }

    /// How long the host may take for what is waited for.
    pub fn patience(&self) -> Duration {
        match self.state {
            State::Greeting
            | State::Ehlo
            | State::Helo
            | State::StartTls
            | State::Tls
            | State::Mail
            | State::Rcpt(_) => COMMAND_PATIENCE,
            State::Data => DATA_PATIENCE,
            State::Content => CONTENT_PATIENCE,
            State::Final => FINAL_PATIENCE,
            State::Quit | State::Ended => QUIT_PATIENCE,
        }
    }

    /// Takes in that TLS has begun: what the host offered before counts no more (RFC 3207 §4.2).
    pub fn handle_tls(&mut self) {
        if self.state == State::Tls {
            self.is_tls = true;
            self.ehlo();
        }
    }

    /// Takes the next octets of the content, with its own dots and line ends.
    pub fn handle_content(&mut self, octets: &[u8]) {
        if self.state == State::Content {
            self.stuffer.write(octets, &mut self.output);
        }
    }

    /// Takes in that the content is whole.
    pub fn handle_content_end(&mut self) {
        if self.state == State::Content {
            std::mem::take(&mut self.stuffer).end(&mut self.output);
            self.state = State::Final;
        }
    }

    /// Takes in that nothing more comes from the host: the connection is lost, or time is over.
    pub fn handle_end(&mut self, why: &'static str) {
        let reply = Reply::new(421, Status(4, 2), why);
        self.end(&Trouble::found(reply));
    }

    /// Whether the host may have taken the message without saying so.
    pub fn is_in_doubt(&self) -> bool {
        self.is_in_doubt
    }

    /// What has become of the recipients, in their order; it may be asked for once they are decided.
    pub fn into_outcomes(self) -> Vec<Outcome> {
        let undecided = || Outcome::Later(Trouble::found(Reply::plain(451, "not tried")));
        self.outcomes.into_iter().map(|outcome| outcome.unwrap_or_else(undecided)).collect()
    }

    fn take(&mut self, reply: Reply) {
        if self.state == State::Quit {
            return self.close();
        }
        if reply.code() == 421 {
            // The host closes the connection, whatever was asked (RFC 5321 §3.8).
            return self.end(&Trouble::said(reply));
        }
        match self.state {
            State::Greeting if reply.code() == 220 => self.ehlo(),
            State::Ehlo if is_done(&reply) => self.take_offers(&reply),
            State::Ehlo if is_refusal(&reply) => {
                self.offers = Offers::default();
                self.say(&format!("HELO {}", self.mail.hostname), State::Helo);
            }
            State::Helo if is_done(&reply) => self.begin(),
            State::StartTls if reply.code() == 220 => {
                self.state = State::Tls;
                self.actions.push_back(Action::StartTls);
            }
            State::StartTls => self.begin(),
            State::Mail => self.take_mail(reply),
            State::Rcpt(at) => self.take_rcpt(at, reply),
            State::Data if reply.code() == 354 => {
                self.state = State::Content;
                self.actions.push_back(Action::SendContent);
            }
            State::Data => {
                self.decide_accepted(reply);
                self.quit();
            }
            State::Final => self.take_final(reply),
            // A host that takes no mail at all; another of the domain may (RFC 5321 §3.1).
            State::Greeting | State::Ehlo | State::Helo => self.end(&Trouble::said(reply)),
            State::Tls | State::Content | State::Quit | State::Ended => (),
        }
    }

    fn ehlo(&mut self) {
        self.say(&format!("EHLO {}", self.mail.hostname), State::Ehlo);
    }

    fn take_offers(&mut self, reply: &Reply) {
        let mut offers = Offers::default();
        // The first line is the host's name.
        for line in reply.text().lines().skip(1) {
            let mut words = line.split_ascii_whitespace();
            match words.next().unwrap_or_default().to_ascii_uppercase().as_str() {
                "PIPELINING" => offers.pipelining = true,
                "8BITMIME" => offers.eight_bit = true,
                "SMTPUTF8" => offers.utf8 = true,
                "STARTTLS" => offers.tls = true,
                "SIZE" => {
                    offers.size = words.next().map_or(Some(0), |size| size.parse().ok());
                }
                _ => (),
            }
        }
        self.offers = offers;
        if offers.tls && self.mail.may_start_tls && !self.is_tls {
            self.say("STARTTLS", State::StartTls);
        } else {
            self.begin();
        }
    }

    /// Begins a transaction, if the host can take the message.
    fn begin(&mut self) {
        if let Some(reply) = self.unfit() {
            let trouble = Trouble::found(reply);
            for &at in &self.transaction {
                set(&mut self.outcomes, at, Outcome::Refused(trouble.clone()));
            }
            return self.quit();
        }
        let sender = self.mail.sender.as_ref().map(ToString::to_string).unwrap_or_default();
        let mut line = format!("MAIL FROM:<{sender}>");
        if self.offers.size.is_some() {
            line.push_str(&format!(" SIZE={}", self.mail.octets));
        }
        if self.offers.eight_bit && self.mail.is_8bit {
            line.push_str(" BODY=8BITMIME");
        }
        if self.mail.is_utf8 {
            line.push_str(" SMTPUTF8");
        }
        self.accepted = Vec::new();
        self.say(&line, State::Mail);
        if self.offers.pipelining {
            for at in 0..self.transaction.len() {
                self.say_rcpt(at);
            }
            self.state = State::Mail;
        }
    }

    /// Why the host cannot take the message, from what it offers.
    fn unfit(&self) -> Option<Reply> {
        let Offers { eight_bit, utf8, size, .. } = self.offers;
        if self.mail.is_utf8 && !utf8 {
            let text = "the host takes no addresses or headers beyond ASCII";
            return Some(Reply::new(550, Status(6, 7), text));
        }
        if self.mail.is_8bit && !eight_bit {
            // RFC 6152 §3: nothing beyond ASCII goes to a host without 8BITMIME.
            let text = "the host takes ASCII alone, and the message has more";
            return Some(Reply::new(554, Status(6, 3), text));
        }
        if let Some(size @ 1..) = size
            && self.mail.octets > size
        {
            let text = format!("the host takes no message of more than {size} octets");
            return Some(Reply::new(552, Status(3, 4), "").with_text(text));
        }
        None
    }

    fn say_rcpt(&mut self, at: usize) {
        let recipient = self.transaction.get(at).and_then(|&at| self.mail.recipients.get(at));
        if let Some(recipient) = recipient {
            let line = format!("RCPT TO:<{recipient}>");
            self.say(&line, State::Rcpt(at));
        }
    }

    fn take_mail(&mut self, reply: Reply) {
        if !is_done(&reply) {
            self.refusal = Some(reply);
            if !self.offers.pipelining {
                return self.end_recipients();
            }
        }
        self.go_on(0);
    }

    fn take_rcpt(&mut self, at: usize, reply: Reply) {
        if let Some(&recipient) = self.transaction.get(at)
            && self.refusal.is_none()
        {
            if is_done(&reply) {
                self.accepted.push(recipient);
            } else if is_surplus(&reply) {
                self.surplus.push(recipient);
                let outcome = Outcome::Later(Trouble::said(reply));
                set(&mut self.outcomes, recipient, outcome);
            } else {
                set(&mut self.outcomes, recipient, outcome_of(reply));
            }
        }
        self.go_on(at + 1);
    }

    /// Waits for the reply to the recipient at this place, or ends them.
    fn go_on(&mut self, at: usize) {
        if at >= self.transaction.len() {
            self.end_recipients();
        } else if self.offers.pipelining {
            self.state = State::Rcpt(at);
        } else {
            self.say_rcpt(at);
        }
    }

    fn end_recipients(&mut self) {
        if let Some(refusal) = self.refusal.take() {
            self.accepted.clone_from(&self.transaction);
            self.decide_accepted(refusal);
            self.quit();
        } else if self.accepted.is_empty() {
            self.quit();
        } else {
            self.say("DATA", State::Data);
        }
    }

    fn take_final(&mut self, reply: Reply) {
        let is_taken = is_done(&reply);
        self.decide_accepted(reply);
        let surplus = std::mem::take(&mut self.surplus);
        if is_taken && !surplus.is_empty() {
            // Each transaction has fewer, for one at least has been taken.
            self.transaction = surplus;
            self.begin();
        } else {
            self.quit();
        }
    }

    fn decide_accepted(&mut self, reply: Reply) {
        let outcome = outcome_of(reply);
        for at in std::mem::take(&mut self.accepted) {
            set(&mut self.outcomes, at, outcome.clone());
        }
    }

    fn say(&mut self, line: &str, state: State) {
        self.output.extend_from_slice(line.as_bytes());
        self.output.extend_from_slice(b"\r\n");
        self.state = state;
    }

    fn quit(&mut self) {
        self.say("QUIT", State::Quit);
        self.actions.push_back(Action::Decided);
    }

    /// Ends the session; who is undecided is to be tried again.
    fn end(&mut self, trouble: &Trouble) {
        match self.state {
            State::Ended => return,
            State::Quit => return self.close(),
            State::Final => self.is_in_doubt = !trouble.is_said,
            State::Greeting
            | State::Ehlo
            | State::Helo
            | State::StartTls
            | State::Tls
            | State::Mail
            | State::Rcpt(_)
            | State::Data
            | State::Content => (),
        }
        for outcome in &mut self.outcomes {
            outcome.get_or_insert_with(|| Outcome::Later(trouble.clone()));
        }
        self.actions.push_back(Action::Decided);
        self.close();
    }

    fn close(&mut self) {
        self.state = State::Ended;
        self.output.clear();
        self.actions.push_back(Action::Close);
    }
}

/// Whether a command has done what it was to do.
fn is_done(reply: &Reply) -> bool {
    (200..300).contains(&reply.code())
}

fn is_refusal(reply: &Reply) -> bool {
    reply.code() >= 500
}

/// Whether a reply to RCPT says that there are too many recipients. RFC 5321 §4.5.3.1.10 has 452, and
/// 552 of older hosts counts as it; but both also say that a mailbox or a disk is full.
fn is_surplus(reply: &Reply) -> bool {
    let is_count = matches!(reply.status(), None | Some(Status(5, 3)));
    matches!(reply.code(), 452 | 552) && is_count
}

/// What a reply that ends the matter makes of a recipient.
fn outcome_of(reply: Reply) -> Outcome {
    if is_done(&reply) {
        Outcome::Delivered
    } else if is_refusal(&reply) {
        Outcome::Refused(Trouble::said(reply))
    } else {
        Outcome::Later(Trouble::said(reply))
    }
}

fn set(outcomes: &mut [Option<Outcome>], at: usize, outcome: Outcome) {
    if let Some(place) = outcomes.get_mut(at) {
        *place = Some(outcome);
    }
}

#[cfg(test)]
mod tests;
