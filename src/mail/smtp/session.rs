//! A session: what each command does in each state.

mod content;
mod faults;
mod log_in;

use std::collections::VecDeque;
use std::net::IpAddr;
use std::sync::Arc;

use crate::base::time::Wall;
use crate::mail::OUTPUT_LEN_MAX;
use crate::mail::address::Path;
use crate::mail::faults::{Fault, Stage};
use crate::mail::line::{Line, Lines};
use crate::mail::reply::{Reply, Status};
use crate::mail::sasl::{self, Credentials, Exchange, Verdict};
use crate::mail::smtp::command::{self, Command};
use crate::mail::smtp::message::{Destination, Envelope, Incoming, Recipient, too_large};
use crate::mail::smtp::{COMMAND_LEN_MAX, ERRORS_MAX, IDLE_COMMANDS_MAX, RECIPIENTS_MAX};
use crate::mail::trace::Hop;

/// What a server offers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// Its name.
    pub hostname: String,
    /// Octets of a message.
    pub size_max: u64,
    /// Whether there is a certificate.
    pub offers_tls: bool,
    /// Whether there are users who can log in.
    pub offers_log_in: bool,
    /// Whether mail is taken from those alone who have logged in (RFC 6409), or need not.
    pub is_submission: bool,
    /// Troubles to make.
    pub faults: Vec<Fault>,
}

/// Who is at the other end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Client {
    /// Its address.
    pub address: IpAddr,
    /// Whether the session is within TLS.
    pub is_tls: bool,
    /// Whether it may send to anywhere without a password.
    pub is_trusted: bool,
}

/// What a session needs done. Until the result is handed in, it takes no more octets, but for
/// `Forget` and `Close`, which have none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// Find out whether mail from this sender is taken: `handle_sender`.
    CheckSender {
        /// Who sends.
        sender: Path,
        /// What the client calls itself.
        helo: String,
        /// Whether this client may send to anywhere.
        may_relay: bool,
    },
    /// Find out whether mail for this recipient is taken: `handle_recipient`.
    CheckRecipient {
        /// Who is to get it.
        recipient: Path,
        /// Whether this client may send to anywhere.
        may_relay: bool,
    },
    /// A message begins; what is in the content from now on is its: `handle_opened`.
    Open(Box<Envelope>),
    /// The message is whole. Keep it so that no crash loses it: `handle_kept`.
    Keep,
    /// The message that was opened is not kept.
    Forget,
    /// Check a password: `handle_log_in`.
    LogIn(Credentials),
    /// Let so many seconds pass: `handle_pause_end`.
    Pause(u32),
    /// Begin TLS, when all replies have been sent: `handle_tls`.
    StartTls,
    /// Close the connection, when all replies have been sent.
    Close,
}

/// What a session does with the octets that come.
#[derive(Clone, Debug, Default)]
enum State {
    /// Commands.
    #[default]
    Command,
    /// A response of the client when it logs in.
    LogIn(Exchange),
    /// A message, up to a dot.
    Data,
    /// So many octets of a message.
    Chunk { left: u64, is_last: bool },
    /// So many octets that nobody wants, and the reply to them.
    Skip { left: u64, reply: Reply },
    /// Nothing more.
    Ended,
}

/// A message under way.
#[derive(Clone, Debug)]
struct Message {
    from: Path,
    is_utf8: bool,
    notes: String,
    recipients: Vec<Recipient>,
    /// Its content, once that has begun.
    incoming: Option<Incoming>,
}

/// What the session waits for.
#[derive(Clone, Debug)]
enum Waiting {
    Sender(command::Mail),
    Recipient(Path),
    Opened(Entry),
    Kept,
    LogIn(String),
    Pause(Fault, Halted),
    Tls,
}

/// What a fault happens to.
#[derive(Clone, Debug)]
enum Halted {
    Greeting,
    Line(Vec<u8>),
    Content,
}

/// With which command the content comes.
#[derive(Clone, Copy, Debug)]
enum Entry {
    Data,
    Chunk { octets: u64, is_last: bool },
}

/// The server's side of one connection.
#[derive(Debug)]
pub struct Session {
    options: Arc<Options>,
    client: Client,
    lines: Lines,
    state: State,
    waiting: Option<Waiting>,
    helo: Option<Hello>,
    user: Option<String>,
    message: Option<Message>,
    errors: u32,
    idle_commands: u32,
    output: Vec<u8>,
    content: Vec<u8>,
    actions: VecDeque<Action>,
}

/// How the client said hello.
#[derive(Clone, Debug)]
struct Hello {
    name: String,
    is_extended: bool,
}

impl Session {
    /// A session that greets.
    pub fn new(options: Arc<Options>, client: Client) -> Self {
        let mut session = Self {
            options,
            client,
            lines: Lines::default(),
            state: State::Command,
            waiting: None,
            helo: None,
            user: None,
            message: None,
            errors: 0,
            idle_commands: 0,
            output: Vec::new(),
            content: Vec::new(),
            actions: VecDeque::new(),
        };
        if !session.suffers(Stage::Connect, None, Halted::Greeting) {
            session.greet();
        }
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
            taken += match &self.state {
                State::Command | State::LogIn(_) => self.take_line(rest),
                State::Data => self.take_data(rest),
                State::Chunk { .. } => self.take_chunk(rest),
                State::Skip { .. } => self.skip(rest),
                State::Ended => rest.len(),
            };
            if matches!(self.waiting, Some(Waiting::Tls)) {
                // What a third party put behind STARTTLS would count as said within TLS
                // (RFC 3207 §6).
                return octets.len();
            }
        }
        taken
    }

    /// What is to be sent; it may be taken out at any time.
    pub fn output(&mut self) -> &mut Vec<u8> {
        &mut self.output
    }

    /// Content of the message that is open; it is to be taken out before the next octets are handed
    /// in.
    pub fn content(&mut self) -> &mut Vec<u8> {
        &mut self.content
    }

    /// What it needs done next.
    pub fn poll_action(&mut self) -> Option<Action> {
        self.actions.pop_front()
    }

    /// Ends the session, with a reply that says why.
    pub fn end(&mut self, reply: &Reply) {
        if !matches!(self.state, State::Ended) {
            self.reset();
            self.reply(reply);
            self.close();
        }
    }

    /// Takes in whether mail from the sender is taken, with fields to put into the message.
    pub fn handle_sender(&mut self, result: Result<String, Reply>) {
        let Some(Waiting::Sender(mail)) = self.waiting.take() else { return };
        match result {
            Ok(notes) => {
                let command::Mail { from, is_utf8, .. } = mail;
                let (recipients, incoming) = (Vec::new(), None);
                self.message = Some(Message { from, is_utf8, notes, recipients, incoming });
                self.reply(&Reply::new(250, Status(1, 0), "the sender is fine"));
            }
            Err(reply) => self.refuse(&reply),
        }
    }

    /// Takes in where a recipient's mail goes.
    pub fn handle_recipient(&mut self, result: Result<Destination, Reply>) {
        let Some(Waiting::Recipient(path)) = self.waiting.take() else { return };
        match (result, &mut self.message) {
            (Ok(destination), Some(message)) => {
                message.recipients.push(Recipient { path, destination });
                self.reply(&Reply::new(250, Status(1, 5), "the recipient is fine"));
            }
            (Ok(_), None) => self.refuse(&wrong_order("write MAIL FROM:<address> first")),
            (Err(reply), _) => self.refuse(&reply),
        }
    }

    /// Takes in that there is a place for the message, its name here and the time, or why not.
    pub fn handle_opened(&mut self, result: Result<(&str, Wall), Reply>) {
        let Some(Waiting::Opened(entry)) = self.waiting.take() else { return };
        let (id, wall) = match result {
            Ok(opened) => opened,
            Err(reply) => return self.refuse_content(entry, reply),
        };
        if let Some(envelope) = self.envelope() {
            let hop = Hop {
                helo: &envelope.helo,
                client: envelope.client,
                host: &self.options.hostname,
                protocol: envelope.protocol,
                id,
                recipient: None,
                wall,
            };
            self.content.extend(envelope.head(hop));
        }
        if let Some(message) = &mut self.message {
            message.incoming = Some(Incoming::default());
        }
        match entry {
            Entry::Data => {
                self.state = State::Data;
                self.reply(&Reply::plain(
                    354,
                    "send the message, and a line with a dot at its end",
                ));
            }
            Entry::Chunk { octets, is_last } => self.begin_chunk(octets, is_last),
        }
    }

    /// Takes in that the message cannot be kept, while it comes.
    pub fn handle_trouble(&mut self, reply: Reply) {
        if let Some(incoming) = self.message.as_mut().and_then(|message| message.incoming.as_mut())
        {
            incoming.trouble.get_or_insert(reply);
            self.content.clear();
        }
    }

    /// Takes in whether the message is kept.
    pub fn handle_kept(&mut self, result: Result<&str, Reply>) {
        let Some(Waiting::Kept) = self.waiting else { return };
        self.waiting = None;
        self.message = None;
        match result {
            Ok(id) => {
                (self.errors, self.idle_commands) = (0, 0);
                let text = format!("the message is kept as {id}");
                self.reply(&Reply::new(250, Status(0, 0), "").with_text(text));
            }
            Err(reply) => self.refuse(&reply),
        }
    }

    /// Takes in whether the password is right.
    pub fn handle_log_in(&mut self, verdict: Verdict) {
        let Some(Waiting::LogIn(user)) = self.waiting.take() else { return };
        match verdict {
            Verdict::Right => {
                self.user = Some(user);
                self.reply(&Reply::new(235, Status(7, 0), "logged in"));
            }
            Verdict::Wrong => {
                self.refuse(&Reply::new(535, Status(7, 8), "no such user, or another password"));
            }
            Verdict::NotNow => {
                let text = "too many wrong passwords from your address; come back later";
                self.refuse(&Reply::new(454, Status(7, 0), text));
            }
        }
    }

    /// Takes in that TLS has begun: all that was said before counts no more (RFC 3207 §4.2).
    pub fn handle_tls(&mut self) {
        if let Some(Waiting::Tls) = self.waiting {
            self.waiting = None;
            self.client.is_tls = true;
            self.helo = None;
            self.user = None;
        }
    }

    /// Takes in that the time has passed.
    pub fn handle_pause_end(&mut self) {
        if let Some(Waiting::Pause(fault, halted)) = self.waiting.take() {
            self.suffer(fault, halted);
        }
    }

    fn greet(&mut self) {
        let greeting = format!("{} ESMTP Kereru", self.options.hostname);
        self.reply(&Reply::plain(220, "").with_text(greeting));
    }

    /// Takes up to the end of a line.
    fn take_line(&mut self, octets: &[u8]) -> usize {
        let is_response = matches!(self.state, State::LogIn(_));
        let len_max = if is_response { sasl::RESPONSE_LEN_MAX } else { COMMAND_LEN_MAX };
        let (taken, line) = self.lines.read(octets, len_max);
        match line {
            None => (),
            Some(Line::TooLong) => {
                self.state = State::Command;
                self.refuse(&Reply::new(500, Status(5, 2), "the line is too long"));
            }
            Some(Line::Whole(line)) => match std::mem::take(&mut self.state) {
                State::LogIn(exchange) => self.go_on_logging_in(exchange.take(&line)),
                State::Command
                | State::Data
                | State::Chunk { .. }
                | State::Skip { .. }
                | State::Ended => self.command(&line),
            },
        }
        taken
    }

    fn command(&mut self, line: &[u8]) {
        let command = Command::read(line);
        let (stage, recipient) = match &command {
            Ok(Command::Helo(_) | Command::Ehlo(_)) => (Some(Stage::Helo), None),
            Ok(Command::Mail(_)) => (Some(Stage::Mail), None),
            Ok(Command::Rcpt(recipient)) => (Some(Stage::Rcpt), Some(recipient)),
            Ok(Command::Data | Command::Bdat { .. }) => (Some(Stage::Data), None),
            _ => (None, None),
        };
        let suffers =
            stage.is_some_and(|stage| self.suffers(stage, recipient, Halted::Line(line.to_vec())));
        if !suffers {
            self.obey(command);
        }
    }

    fn obey(&mut self, command: Result<Command<'_>, Reply>) {
        match command {
            Ok(Command::Helo(name)) => self.hello(name, false),
            Ok(Command::Ehlo(name)) => self.hello(name, true),
            Ok(Command::Mail(mail)) => self.mail(mail),
            Ok(Command::Rcpt(recipient)) => self.rcpt(recipient),
            Ok(Command::Data) => self.data(),
            Ok(Command::Bdat { octets, is_last }) => self.bdat(octets, is_last),
            Ok(Command::Rset) => {
                self.reset();
                self.idle(&Reply::new(250, Status(0, 0), "forgotten"));
            }
            Ok(Command::Noop) => self.idle(&Reply::new(250, Status(0, 0), "still here")),
            Ok(Command::Vrfy) => {
                let text = "nobody is told who is here; send a message and see";
                self.idle(&Reply::new(252, Status(5, 0), text));
            }
            Ok(Command::Help) => {
                let text = "HELO or EHLO, MAIL FROM, RCPT TO, DATA, QUIT\nRFC 5321 tells all";
                self.idle(&Reply::new(214, Status(0, 0), text));
            }
            Ok(Command::Quit) => {
                let text = format!("{} says goodbye", self.options.hostname);
                self.end(&Reply::new(221, Status(0, 0), "").with_text(text));
            }
            Ok(Command::StartTls) => self.start_tls(),
            Ok(Command::Auth { mechanism, initial }) => self.auth(mechanism, initial),
            Err(reply) => self.refuse(&reply),
        }
    }

    fn hello(&mut self, name: &str, is_extended: bool) {
        self.reset();
        self.helo = Some(Hello { name: name.to_owned(), is_extended });
        let mut text = self.options.hostname.clone();
        if is_extended {
            let size = format!("SIZE {}", self.options.size_max);
            text = format!(
                "{text}\nPIPELINING\n{size}\n8BITMIME\nSMTPUTF8\nENHANCEDSTATUSCODES\nCHUNKING\nHELP"
            );
            if self.options.offers_tls && !self.client.is_tls {
                text.push_str("\nSTARTTLS");
            }
            if self.options.offers_log_in && self.client.is_tls {
                text.push_str("\nAUTH PLAIN LOGIN");
            }
        }
        self.idle(&Reply::plain(250, "").with_text(text));
    }

    fn mail(&mut self, mail: command::Mail) {
        let Some(hello) = &self.helo else {
            return self.refuse(&wrong_order("say HELO or EHLO first"));
        };
        let is_known = self.user.is_some() || self.client.is_trusted;
        let refusal = if self.message.is_some() {
            Some(wrong_order("a message is under way; end it, or write RSET"))
        } else if self.options.is_submission && !is_known {
            let text = "log in first: STARTTLS, then AUTH";
            Some(Reply::new(530, Status(7, 0), text))
        } else if mail.size.is_some_and(|size| size > self.options.size_max) {
            Some(too_large(self.options.size_max))
        } else {
            needs_utf8(&mail.from, mail.is_utf8)
        };
        if let Some(refusal) = refusal {
            return self.refuse(&refusal);
        }
        let (sender, helo) = (mail.from.clone(), hello.name.clone());
        let action = Action::CheckSender { sender, helo, may_relay: is_known };
        self.act(action, Waiting::Sender(mail));
    }

    fn rcpt(&mut self, recipient: Path) {
        let Some(message) = self.message.as_ref().filter(|message| message.incoming.is_none())
        else {
            return self.refuse(&wrong_order("write MAIL FROM:<address> first"));
        };
        if message.recipients.len() >= RECIPIENTS_MAX {
            return self.refuse(&Reply::new(
                452,
                Status(5, 3),
                "that is as many as a message may have",
            ));
        }
        if let Some(refusal) = needs_utf8(&recipient, message.is_utf8) {
            return self.refuse(&refusal);
        }
        let may_relay = self.user.is_some() || self.client.is_trusted;
        let action = Action::CheckRecipient { recipient: recipient.clone(), may_relay };
        self.act(action, Waiting::Recipient(recipient));
    }

    fn start_tls(&mut self) {
        if self.client.is_tls {
            self.refuse(&wrong_order("TLS has begun"));
        } else if self.options.offers_tls {
            self.reset();
            self.reply(&Reply::new(220, Status(0, 0), "begin TLS"));
            self.act(Action::StartTls, Waiting::Tls);
        } else {
            self.refuse(&Reply::new(502, Status(5, 1), "there is no certificate here"));
        }
    }

    fn act(&mut self, action: Action, waiting: Waiting) {
        self.actions.push_back(action);
        self.waiting = Some(waiting);
    }

    /// Forgets the message under way.
    fn reset(&mut self) {
        self.content.clear();
        if let Some(message) = self.message.take()
            && message.incoming.is_some()
        {
            self.actions.push_back(Action::Forget);
        }
    }

    fn reply(&mut self, reply: &Reply) {
        reply.write(&mut self.output);
    }

    /// Replies to a command that does nothing for a message.
    fn idle(&mut self, reply: &Reply) {
        self.idle_commands = self.idle_commands.saturating_add(1);
        self.reply(reply);
        if self.idle_commands > IDLE_COMMANDS_MAX {
            self.count_error();
        }
    }

    /// Replies that something was wrong.
    fn refuse(&mut self, reply: &Reply) {
        self.reply(reply);
        self.count_error();
    }

    fn count_error(&mut self) {
        self.errors = self.errors.saturating_add(1);
        if self.errors >= ERRORS_MAX {
            self.end(&Reply::new(421, Status(7, 0), "too many errors; goodbye"));
        }
    }

    fn close(&mut self) {
        self.state = State::Ended;
        self.waiting = None;
        self.actions.push_back(Action::Close);
    }
}

fn wrong_order(text: &'static str) -> Reply {
    Reply::new(503, Status(5, 1), text)
}

/// Refuses an address beyond ASCII in a message that was not announced as such (RFC 6531 §3.5).
fn needs_utf8(path: &Path, is_utf8: bool) -> Option<Reply> {
    let is_fine = is_utf8 || path.address().is_none_or(|address| address.is_ascii());
    let reply = || Reply::new(553, Status(6, 7), "this address needs SMTPUTF8 in MAIL");
    (!is_fine).then(reply)
}
