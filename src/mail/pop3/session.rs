//! A session: what each command does in each state.

use std::collections::VecDeque;
use std::fmt::Write;
use std::sync::Arc;

use crate::mail::OUTPUT_LEN_MAX;
use crate::mail::content::Stuffer;
use crate::mail::line::{Line, Lines};
use crate::mail::pop3::command::Command;
use crate::mail::pop3::{COMMAND_LEN_MAX, ERRORS_MAX};
use crate::mail::sasl::{self, Credentials, Exchange, Next, SaslError};

/// What a server offers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// Its name.
    pub hostname: String,
    /// Whether there is a certificate.
    pub offers_tls: bool,
}

/// A message of a mailbox.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// Its octets on the wire, without dots that are put before others.
    pub octets: u64,
    /// What names it for ever (RFC 1939 §7): 1 to 70 characters from `!` to `~`.
    pub uid: String,
}

/// Why a mailbox is not opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Locked {
    /// There is no such user, or the password is another.
    Password,
    /// The client has guessed so often that no password is looked at.
    NotNow,
    /// Another session has it.
    InUse,
    /// It cannot be read.
    Trouble,
}

/// What a session needs done. Until the result is handed in, it takes no more octets, but for
/// `Close`, which has none. Messages are told by their place in the list that was handed in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// Check a password, and lock and list the user's mailbox: `handle_log_in`.
    LogIn(Credentials),
    /// Open a message: `handle_opened`, `handle_content` until it wants no more, and
    /// `handle_content_end`.
    Fetch(usize),
    /// Delete these messages: `handle_deleted`.
    Delete(Vec<usize>),
    /// Begin TLS, when all replies have been sent: `handle_tls`.
    StartTls,
    /// Close the connection, when all replies have been sent, and unlock the mailbox.
    Close,
}

/// Where a session is (RFC 1939 §3).
#[derive(Clone, Debug)]
enum State {
    /// Waiting for USER, then PASS.
    Authorization { user: Option<String> },
    /// A response of the client when it logs in.
    LogIn(Exchange),
    /// The mailbox is locked and its messages are numbered.
    Transaction(Maildrop),
    /// Nothing more.
    Ended,
}

/// What the session waits for.
#[derive(Clone, Debug)]
enum Waiting {
    LogIn,
    Content { octets: u64, sent: Sent },
    Deleted,
    Tls,
}

/// A message that is being sent.
#[derive(Clone, Debug)]
struct Sent {
    stuffer: Stuffer,
    /// Lines of the body that are still wanted; `None` is all (RFC 1939 §7, TOP).
    lines: Option<u32>,
    is_in_body: bool,
    is_line_empty: bool,
}

/// The messages of a mailbox, some perhaps marked.
#[derive(Clone, Debug)]
struct Maildrop {
    messages: Vec<(Message, Mark)>,
}

/// Whether a message is to be deleted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mark {
    Kept,
    Deleted,
}

/// The server's side of one connection.
#[derive(Debug)]
pub struct Session {
    options: Arc<Options>,
    is_tls: bool,
    may_log_in_clear: bool,
    lines: Lines,
    state: State,
    waiting: Option<Waiting>,
    errors: u32,
    output: Vec<u8>,
    actions: VecDeque<Action>,
}

impl Session {
    /// A session that greets. `may_log_in_clear` is whether this client may send its password without
    /// TLS.
    pub fn new(options: Arc<Options>, is_tls: bool, may_log_in_clear: bool) -> Self {
        let mut session = Self {
            options,
            is_tls,
            may_log_in_clear,
            lines: Lines::default(),
            state: State::Authorization { user: None },
            waiting: None,
            errors: 0,
            output: Vec::new(),
            actions: VecDeque::new(),
        };
        let greeting = format!("{} POP3 Kereru", session.options.hostname);
        session.fine(&greeting);
        session
    }

    /// Takes octets from the client, and returns how many: it takes no more while it waits, or while
    /// much is to be sent.
    pub fn handle_input(&mut self, octets: &[u8]) -> usize {
        let mut taken = 0;
        while self.waiting.is_none()
            && self.output.len() < OUTPUT_LEN_MAX
            && let Some(rest) = octets.get(taken..)
            && !rest.is_empty()
        {
            taken += self.take_line(rest);
            if matches!(self.waiting, Some(Waiting::Tls)) {
                // What a third party put behind STLS would count as said within TLS (RFC 2595 §4).
                return octets.len();
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

    /// Ends the session without deleting anything, and says why.
    pub fn end(&mut self, text: &str) {
        if !matches!(self.state, State::Ended) {
            self.line(&format!("-ERR {text}"));
            self.close();
        }
    }

    /// Takes in the messages of the mailbox that was locked, or why it is not.
    pub fn handle_log_in(&mut self, result: Result<Vec<Message>, Locked>) {
        let Some(Waiting::LogIn) = self.waiting.take() else { return };
        match result {
            Ok(messages) => {
                let messages = messages.into_iter().map(|message| (message, Mark::Kept)).collect();
                let drop = Maildrop { messages };
                let (count, octets) = drop.totals();
                self.state = State::Transaction(drop);
                self.fine(&format!("{count} messages ({octets} octets)"));
            }
            Err(Locked::Password) => self.refuse("[AUTH] no such user, or another password"),
            Err(Locked::NotNow) => self
                .refuse("[SYS/TEMP] too many wrong passwords from your address; come back later"),
            Err(Locked::InUse) => self.refuse("[IN-USE] another session has the mailbox"),
            Err(Locked::Trouble) => self.refuse("[SYS/TEMP] the mailbox cannot be read now"),
        }
    }

    /// Takes in whether a message could be opened.
    pub fn handle_opened(&mut self, is_there: bool) {
        let Some(Waiting::Content { octets, .. }) = &self.waiting else { return };
        if is_there {
            let text = format!("{octets} octets");
            self.fine(&text);
        } else {
            self.waiting = None;
            self.refuse("the message is gone");
        }
    }

    /// Takes in the next octets of a message. Returns whether more are wanted.
    pub fn handle_content(&mut self, octets: &[u8]) -> bool {
        match &mut self.waiting {
            Some(Waiting::Content { sent, .. }) => sent.write(octets, &mut self.output),
            Some(Waiting::LogIn | Waiting::Deleted | Waiting::Tls) | None => false,
        }
    }

    /// Takes in that this was all of a message, or that there is more which cannot be read: then
    /// nothing but the end of the connection can tell the client.
    pub fn handle_content_end(&mut self, is_whole: bool) {
        let Some(Waiting::Content { sent, .. }) = self.waiting.take() else { return };
        if is_whole {
            sent.stuffer.end(&mut self.output);
        } else {
            self.close();
        }
    }

    /// Takes in whether all messages have been deleted that were to be.
    pub fn handle_deleted(&mut self, are_all: bool) {
        let Some(Waiting::Deleted) = self.waiting.take() else { return };
        if are_all {
            self.fine("goodbye");
        } else {
            self.line("-ERR [SYS/TEMP] some messages are not deleted");
        }
        self.close();
    }

    /// Takes in that TLS has begun: all that was said before counts no more.
    pub fn handle_tls(&mut self) {
        if let Some(Waiting::Tls) = self.waiting {
            self.waiting = None;
            self.is_tls = true;
            self.state = State::Authorization { user: None };
        }
    }

    fn take_line(&mut self, octets: &[u8]) -> usize {
        let len_max = match self.state {
            State::LogIn(_) => sasl::RESPONSE_LEN_MAX,
            State::Authorization { .. } | State::Transaction(_) => COMMAND_LEN_MAX,
            State::Ended => return octets.len(),
        };
        let (taken, line) = self.lines.read(octets, len_max);
        match line {
            None => (),
            Some(Line::TooLong) => self.refuse("the line is too long"),
            Some(Line::Whole(line)) => self.handle_line(&line),
        }
        taken
    }

    fn handle_line(&mut self, line: &[u8]) {
        if let State::LogIn(exchange) = &self.state {
            let next = exchange.clone().take(line);
            self.state = State::Authorization { user: None };
            return self.go_on_logging_in(next);
        }
        let command = match Command::read(line) {
            Ok(command) => command,
            Err(text) => return self.refuse(text),
        };
        let may_log_in = self.may_log_in();
        match (&mut self.state, command) {
            (_, Command::Capa) => self.capabilities(),
            (State::Transaction(drop), Command::Quit) => {
                let deleted = drop.deleted();
                if deleted.is_empty() {
                    self.fine("goodbye");
                    return self.close();
                }
                self.act(Action::Delete(deleted), Waiting::Deleted);
            }
            (_, Command::Quit) => {
                self.fine("goodbye");
                self.close();
            }
            (State::Authorization { .. }, Command::Stls) => self.start_tls(),
            (
                State::Authorization { .. },
                Command::User(_) | Command::Pass(_) | Command::Auth { .. },
            ) if !may_log_in => {
                self.refuse("[AUTH] a password needs TLS: write STLS first");
            }
            (State::Authorization { user }, Command::User(name)) => {
                *user = Some(name.to_owned());
                self.fine("the password?");
            }
            (State::Authorization { user }, Command::Pass(password)) => match user.take() {
                Some(user) => {
                    let password = password.to_owned();
                    self.act(Action::LogIn(Credentials { user, password }), Waiting::LogIn);
                }
                None => self.refuse("write USER first"),
            },
            (State::Authorization { .. }, Command::Auth { mechanism, initial }) => {
                let next = if mechanism.eq_ignore_ascii_case("PLAIN") {
                    Exchange::begin(mechanism, initial)
                } else {
                    Err(SaslError::Mechanism)
                };
                self.go_on_logging_in(next);
            }
            (State::Transaction(_), Command::Noop) => self.fine("still here"),
            (State::Transaction(drop), Command::Stat) => {
                let (count, octets) = drop.totals();
                self.fine(&format!("{count} {octets}"));
            }
            (State::Transaction(drop), Command::Rset) => {
                drop.unmark_all();
                let (count, octets) = drop.totals();
                self.fine(&format!("{count} messages ({octets} octets)"));
            }
            (State::Transaction(drop), Command::List(which)) => {
                let text = drop.table(which, |message| message.octets.to_string());
                self.tell(text);
            }
            (State::Transaction(drop), Command::Uidl(which)) => {
                let text = drop.table(which, |message| message.uid.clone());
                self.tell(text);
            }
            (State::Transaction(drop), Command::Dele(number)) => {
                let is_there = drop.mark_deleted(number);
                if is_there { self.fine("deleted when you quit") } else { self.refuse(NO_MESSAGE) }
            }
            (State::Transaction(_), Command::Retr(number)) => self.fetch(number, None),
            (State::Transaction(_), Command::Top { number, lines }) => {
                self.fetch(number, Some(lines));
            }
            (State::Authorization { .. }, _) => self.refuse("log in first"),
            (State::Transaction(_) | State::LogIn(_) | State::Ended, _) => self.refuse("not now"),
        }
    }

    fn may_log_in(&self) -> bool {
        self.is_tls || self.may_log_in_clear
    }

    fn capabilities(&mut self) {
        self.fine("what is here");
        let mut lines = vec![
            "TOP",
            "UIDL",
            "RESP-CODES",
            "AUTH-RESP-CODE",
            "PIPELINING",
            "EXPIRE NEVER",
            "IMPLEMENTATION Kereru",
        ];
        if self.may_log_in() {
            lines.extend(["USER", "SASL PLAIN"]);
        }
        if self.options.offers_tls && !self.is_tls {
            lines.push("STLS");
        }
        for line in lines {
            self.line(line);
        }
        self.output.extend_from_slice(b".\r\n");
    }

    fn start_tls(&mut self) {
        if self.is_tls {
            self.refuse("TLS has begun");
        } else if self.options.offers_tls {
            self.fine("begin TLS");
            self.act(Action::StartTls, Waiting::Tls);
        } else {
            self.refuse("there is no certificate here");
        }
    }

    fn go_on_logging_in(&mut self, next: Result<Next, SaslError>) {
        match next {
            Ok(Next::Challenge(exchange)) => {
                let challenge = exchange.challenge();
                self.line(&format!("+ {challenge}"));
                self.state = State::LogIn(exchange);
            }
            Ok(Next::Done(credentials)) => self.act(Action::LogIn(credentials), Waiting::LogIn),
            Err(SaslError::Mechanism) => self.refuse("log in with PLAIN"),
            Err(SaslError::Response) => self.refuse("that is not what this mechanism has"),
            Err(SaslError::Cancelled) => self.refuse("given up"),
        }
    }

    fn fetch(&mut self, number: u32, lines: Option<u32>) {
        let State::Transaction(drop) = &self.state else { return };
        let Some((at, message)) = drop.find(number) else { return self.refuse(NO_MESSAGE) };
        let octets = message.octets;
        let sent =
            Sent { stuffer: Stuffer::default(), lines, is_in_body: false, is_line_empty: true };
        self.act(Action::Fetch(at), Waiting::Content { octets, sent });
    }

    fn act(&mut self, action: Action, waiting: Waiting) {
        self.actions.push_back(action);
        self.waiting = Some(waiting);
    }

    fn line(&mut self, text: &str) {
        self.output.extend_from_slice(text.as_bytes());
        self.output.extend_from_slice(b"\r\n");
    }

    fn fine(&mut self, text: &str) {
        self.line(&format!("+OK {text}"));
    }

    /// Writes what was found, or why there is nothing.
    fn tell(&mut self, found: Result<String, &'static str>) {
        match found {
            Ok(text) => self.output.extend_from_slice(text.as_bytes()),
            Err(text) => self.refuse(text),
        }
    }

    fn refuse(&mut self, text: &str) {
        self.line(&format!("-ERR {text}"));
        self.errors = self.errors.saturating_add(1);
        if self.errors >= ERRORS_MAX {
            self.close();
        }
    }

    fn close(&mut self) {
        self.state = State::Ended;
        self.waiting = None;
        self.actions.push_back(Action::Close);
    }
}

const NO_MESSAGE: &str = "there is no such message";

impl Sent {
    /// Writes the next octets as far as they are wanted. Returns whether more are.
    fn write(&mut self, octets: &[u8], out: &mut Vec<u8>) -> bool {
        for line in octets.split_inclusive(|&octet| octet == b'\n') {
            if self.is_in_body && self.lines == Some(0) {
                return false;
            }
            self.stuffer.write(line, out);
            let is_empty = self.is_line_empty && matches!(line, b"\n" | b"\r\n" | b"\r");
            if line.ends_with(b"\n") {
                match (self.is_in_body, &mut self.lines) {
                    (true, Some(lines)) => *lines -= 1,
                    (true, None) => (),
                    (false, _) => self.is_in_body = is_empty,
                }
                self.is_line_empty = true;
            } else {
                self.is_line_empty = is_empty;
            }
        }
        !(self.is_in_body && self.lines == Some(0))
    }
}

impl Maildrop {
    /// The messages that are not deleted, with their numbers.
    fn there(&self) -> impl Iterator<Item = (usize, &Message)> {
        let numbered = self.messages.iter().enumerate();
        numbered.filter_map(|(at, (message, mark))| (*mark == Mark::Kept).then_some((at, message)))
    }

    fn find(&self, number: u32) -> Option<(usize, &Message)> {
        let at = usize::try_from(number).ok()?.checked_sub(1)?;
        let (message, mark) = self.messages.get(at)?;
        (*mark == Mark::Kept).then_some((at, message))
    }

    fn totals(&self) -> (usize, u64) {
        let octets = self.there().map(|(_, message)| message.octets);
        (self.there().count(), octets.fold(0, u64::saturating_add))
    }

    fn deleted(&self) -> Vec<usize> {
        let numbered = self.messages.iter().enumerate();
        numbered.filter(|(_, (_, mark))| *mark == Mark::Deleted).map(|(at, _)| at).collect()
    }

    /// Marks a message; `false` if it is not there.
    fn mark_deleted(&mut self, number: u32) -> bool {
        let Some((at, _)) = self.find(number) else { return false };
        match self.messages.get_mut(at) {
            Some((_, mark)) => *mark = Mark::Deleted,
            None => return false,
        }
        true
    }

    fn unmark_all(&mut self) {
        for (_, mark) in &mut self.messages {
            *mark = Mark::Kept;
        }
    }

    /// The reply to LIST and UIDL: of one message a line, of all a table.
    fn table(
        &self,
        which: Option<u32>,
        tell: impl Fn(&Message) -> String,
    ) -> Result<String, &'static str> {
        if let Some(number) = which {
            let (_, message) = self.find(number).ok_or(NO_MESSAGE)?;
            return Ok(format!("+OK {number} {}\r\n", tell(message)));
        }
        let (count, octets) = self.totals();
        let mut text = format!("+OK {count} messages ({octets} octets)\r\n");
        for (at, message) in self.there() {
            // Writing to a string does not fail.
            let _ = write!(text, "{} {}\r\n", at + 1, tell(message));
        }
        text.push_str(".\r\n");
        Ok(text)
    }
}
