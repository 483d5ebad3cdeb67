//! Plays a scenario: gives a subject its queries and responses, and compares what it does.
//!
//! The clock stands still but for `TIME_PASSES` and `TIMEOUT`. In every moment the first of these
//! that applies is done, until the steps are through:
//!
//! 1. the step is `CHECK_OUT_QUERY` and a pending request is like its entry: the step is done;
//! 2. the step is `CHECK_ANSWER` and a reply is like its entry: the step is done;
//! 3. a range that holds the number of the step answers a pending request, the oldest first. Of
//!    several ranges the last in the file counts, of its entries the first that matches;
//! 4. the step is done, or fails.
//!
//! So a request that follows from one step is answered from the ranges of the next. A request is
//! answered from ranges once; as long as the subject awaits a response it stays pending all the
//! same, for `REPLY`, `TIMEOUT` and `ERROR`. At the end no request may be pending and no reply
//! unseen. Knows no sockets and nothing of what is tested. Called by tests.
//!
//! Where this differs from testbound: each request is seen by one `CHECK_OUT_QUERY` only, `REPLY`
//! heeds `MATCH`, older requests are answered before younger ones, time moves on in a `TIMEOUT`,
//! and what becomes due while time passes is done at its time, with ranges answering meanwhile.

mod told;

use std::collections::VecDeque;
use std::fmt;
use std::net::SocketAddr;

use crate::base::time::Now;
use crate::metrics::Transport;
use crate::sim::arithmetic::Variables;
use crate::sim::entry::{Adjustment, Difference, Entry, Part};
use crate::sim::message::Message;
use crate::sim::player::told::{Seconds, compare, mismatch, read, show, summary};
use crate::sim::script::{Action, Scenario, Step};
use crate::sim::subject::{Reply, Request, RequestId, Subject};

/// Events within one step. The longest honest step resolves a name with some hundred requests.
const EVENTS_MAX: usize = 5000;

/// Times that a subject is woken in a `TIMEOUT` until something comes of it. A subject may wake for
/// other things than the request.
const WAKES_MAX: usize = 64;

/// Events that a failure tells of, the last ones.
const TRAFFIC_SHOWN_MAX: usize = 40;

/// What was seen of a scenario that went as it should.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Played {
    /// Requests that the subject sent.
    pub requests: usize,
    /// Replies that it sent.
    pub replies: usize,
    /// The clock at the end.
    pub now: Now,
}

/// Why a scenario did not go as it should.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// The scenario's file, and the line of the step if there is one.
    pub place: String,
    /// The step, as the script names it.
    pub step: String,
    /// What was expected and what happened.
    pub message: String,
    /// What happened before, the last events.
    pub traffic: Vec<String>,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { place, step, message, traffic } = self;
        write!(f, "{place}: {step}: {message}")?;
        if !traffic.is_empty() {
            write!(f, "\nbefore:")?;
        }
        traffic.iter().try_for_each(|event| write!(f, "\n  {event}"))
    }
}

/// Plays a scenario.
///
/// # Errors
///
/// Fails at the first thing that is not as the scenario says, or if it cannot be played.
pub fn play(scenario: &Scenario, subject: &mut dyn Subject) -> Result<Played, Box<Failure>> {
    let mut player = Player {
        scenario,
        subject,
        now: Now::default(),
        next: 0,
        doing: None,
        events: 0,
        pending: Vec::new(),
        delayed: Vec::new(),
        unanswered: Vec::new(),
        answered: Vec::new(),
        variables: Variables::default(),
        traffic: VecDeque::new(),
        played: Played { requests: 0, replies: 0, now: Now::default() },
        query_id: 0,
    };
    player.run().map_err(|message| Box::new(player.failure(message)))?;
    Ok(Played { now: player.now, ..player.played })
}

/// A request that the subject has sent.
struct Pending {
    request: Request,
    /// Read for comparing; why not, if it cannot be.
    message: Result<Message, String>,
    /// Whether a `CHECK_OUT_QUERY` has seen it.
    seen: bool,
    /// Whether a range or a `CHECK_OUT_QUERY` has answered it.
    answered: bool,
}

impl Pending {
    /// How the request differs from an entry, if it goes to `server`.
    fn differences(&self, server: Option<SocketAddr>, entry: &Entry) -> Vec<Difference> {
        if let Some(server) = server.filter(|server| *server != self.request.to) {
            let (expected, got) = (server.to_string(), self.request.to.to_string());
            return vec![Difference::Value { part: "server", expected, got }];
        }
        compare(entry, &self.message, self.request.transport)
    }
}

/// A response that is on its way.
struct Delayed {
    due: Now,
    request: RequestId,
    /// `None` if the server cannot be reached.
    octets: Option<Vec<u8>>,
}

/// A query that a client waits for.
struct Unanswered {
    client: SocketAddr,
    id: Option<[u8; 2]>,
    transport: Transport,
}

/// A reply that no step has seen.
struct Answered {
    client: SocketAddr,
    transport: Transport,
    message: Result<Message, String>,
}

impl Answered {
    fn differences(&self, client: Option<SocketAddr>, entry: &Entry) -> Vec<Difference> {
        if let Some(client) = client.filter(|client| *client != self.client) {
            let (expected, got) = (client.to_string(), self.client.to_string());
            return vec![Difference::Value { part: "client", expected, got }];
        }
        compare(entry, &self.message, self.transport)
    }
}

struct Player<'s> {
    scenario: &'s Scenario,
    subject: &'s mut dyn Subject,
    now: Now,
    /// The step to be done next.
    next: usize,
    /// The step that is being done, or was done last; `None` before the first and after the last.
    doing: Option<&'s Step>,
    /// Events since the last step was done.
    events: usize,
    /// Requests that the subject awaits, the oldest first.
    pending: Vec<Pending>,
    /// Responses on their way, in no order.
    delayed: Vec<Delayed>,
    unanswered: Vec<Unanswered>,
    answered: Vec<Answered>,
    variables: Variables,
    traffic: VecDeque<String>,
    played: Played,
    query_id: u16,
}

impl<'s> Player<'s> {
    fn run(&mut self) -> Result<(), String> {
        if let Some(what) = self.scenario.not_offered.first() {
            return Err(format!("{what} cannot be played"));
        }
        while let Some(step) = self.step() {
            self.count_event()?;
            if self.meet_request(step) || self.meet_reply(step) || self.answer_from_ranges() {
                self.collect()?;
                continue;
            }
            self.doing = Some(step);
            self.perform(step)?;
        }
        while self.answer_from_ranges() {
            self.count_event()?;
            self.collect()?;
        }
        self.doing = None;
        self.check_end()
    }

    /// The step to be done next.
    fn step(&self) -> Option<&'s Step> {
        self.scenario.steps.get(self.next)
    }

    fn advance(&mut self) {
        self.next += 1;
        self.events = 0;
    }

    fn count_event(&mut self) -> Result<(), String> {
        self.events += 1;
        if self.events > EVENTS_MAX {
            return Err(format!("more than {EVENTS_MAX} events: this goes on for ever"));
        }
        Ok(())
    }

    /// Takes in what the subject wants to send, and forgets requests that it no longer awaits.
    fn collect(&mut self) -> Result<(), String> {
        while let Some(request) = self.subject.poll_request() {
            self.count_event()?;
            if self.pending.iter().any(|pending| pending.request.id == request.id) {
                return Err(format!("the subject uses {:?} twice", request.id));
            }
            self.played.requests += 1;
            let message = read(&request.octets);
            let (to, transport) = (request.to, request.transport.label());
            self.log(format!("request to {to} ({transport}): {}", summary(&message)));
            self.pending.push(Pending { request, message, seen: false, answered: false });
        }
        while let Some(reply) = self.subject.poll_reply() {
            self.count_event()?;
            self.take_reply(reply)?;
        }
        let subject = &*self.subject;
        self.pending.retain(|pending| subject.awaits(pending.request.id));
        Ok(())
    }

    fn take_reply(&mut self, Reply { client, octets }: Reply) -> Result<(), String> {
        self.played.replies += 1;
        let message = read(&octets);
        self.log(format!("reply to {client}: {}", summary(&message)));
        let id = octets.first_chunk().copied();
        let is_meant = |query: &Unanswered| query.client == client && query.id == id;
        let Some(at) = self.unanswered.iter().position(is_meant) else {
            return Err(format!("a reply that {client} has not asked for:\n{}", show(&message)));
        };
        let transport = self.unanswered.remove(at).transport;
        self.answered.push(Answered { client, transport, message });
        Ok(())
    }

    /// Does a `CHECK_OUT_QUERY` that a request meets.
    fn meet_request(&mut self, step: &Step) -> bool {
        let Action::CheckOutQuery { server, entry } = &step.action else { return false };
        let meets = |pending: &Pending| is_checked_by(pending, *server, entry);
        let Some(at) = self.pending.iter().position(meets) else { return false };
        self.advance();
        if let Some(pending) = self.pending.get_mut(at) {
            pending.seen = true;
        }
        if entry.answers() {
            self.answer_for_good(at, entry);
        }
        true
    }

    /// Does a `CHECK_ANSWER` that a reply meets.
    fn meet_reply(&mut self, step: &Step) -> bool {
        let Action::CheckAnswer { client, entry } = &step.action else { return false };
        let meets = |reply: &Answered| reply.differences(*client, entry).is_empty();
        let Some(at) = self.answered.iter().position(meets) else { return false };
        self.answered.remove(at);
        self.advance();
        true
    }

    /// Answers one request from the ranges that hold the number of the step, or of the last one.
    /// What the step is to see first is left.
    fn answer_from_ranges(&mut self) -> bool {
        let steps = &self.scenario.steps;
        let step = self.step().or_else(|| steps.last());
        let number = step.map_or(0, |step| step.number);
        let found = self.pending.iter().enumerate().find_map(|(at, pending)| {
            let is_left = pending.answered
                || step.is_some_and(|step| {
                    let Action::CheckOutQuery { server, entry } = &step.action else {
                        return false;
                    };
                    is_checked_by(pending, *server, entry)
                });
            let entry = (!is_left).then(|| self.entry_for(number, pending)).flatten()?;
            Some((at, entry))
        });
        let Some((at, entry)) = found else { return false };
        self.answer_for_good(at, entry);
        true
    }

    /// Answers a request that no range is to answer then.
    fn answer_for_good(&mut self, at: usize, entry: &Entry) {
        if let Some(pending) = self.pending.get_mut(at) {
            pending.answered = true;
        }
        self.answer(at, entry);
    }

    /// The entry that answers a request in the step with this number.
    fn entry_for(&self, number: u32, pending: &Pending) -> Option<&'s Entry> {
        let to = pending.request.to;
        let holds = self.scenario.ranges.iter().rev().filter(|range| {
            (range.from..=range.to).contains(&number)
                && (range.addresses.is_empty() || range.addresses.contains(&to))
        });
        holds
            .flat_map(|range| &range.entries)
            .find(|entry| pending.differences(None, entry).is_empty())
    }

    /// Gives a request the reply of an entry, now or after its delay.
    fn answer(&mut self, at: usize, entry: &Entry) {
        let Some(pending) = self.pending.get(at) else { return };
        let (request, to) = (pending.request.id, pending.request.to);
        let is_reached = !entry.adjusts(Adjustment::Unreachable);
        let octets = is_reached.then(|| entry.reply(&pending.request.octets));
        let delay = entry.delay_us();
        if delay > 0 {
            let due = Now::from_micros(self.now.as_micros().saturating_add(delay));
            self.delayed.push(Delayed { due, request, octets });
            return;
        }
        self.bring(&format!("response of {to} (line {})", entry.line), request, octets);
    }

    /// Does a step that is not done already.
    fn perform(&mut self, step: &Step) -> Result<(), String> {
        match &step.action {
            Action::CheckOutQuery { server, entry } => {
                return Err(self.unmet_request(*server, entry));
            }
            Action::CheckAnswer { client, entry } => return Err(self.unmet_reply(*client, entry)),
            Action::Nothing | Action::Traffic => self.advance(),
            Action::Query { client, entry } => {
                self.advance();
                self.ask(*client, entry);
            }
            Action::Reply { server, entry } => {
                let meets = |pending: &Pending| pending.differences(*server, entry).is_empty();
                let at = self.pending.iter().rposition(meets);
                let at = at.ok_or_else(|| self.no_request(*server, Some(entry)))?;
                self.advance();
                self.answer(at, entry);
            }
            Action::Timeout { server } => {
                let request = self.last_to(*server)?;
                self.wait_in_vain(request)?;
            }
            Action::Error { server } => {
                let request = self.last_to(*server)?;
                self.advance();
                self.bring("ERROR", request, None);
            }
            Action::TimePasses(period) => {
                let micros = period.value(&self.variables()).map_err(|error| error.to_string())?;
                let period = u64::try_from(micros)
                    .map_err(|_| format!("time cannot pass by {micros} µs"))?;
                let until = self.now.as_micros().saturating_add(period);
                self.advance();
                self.pass_time(Now::from_micros(until))?;
            }
            Action::Assign { variable, value } => {
                let value = value.value(&self.variables()).map_err(|error| error.to_string())?;
                self.advance();
                self.variables.values.insert(variable.clone(), value);
            }
        }
        self.collect()
    }

    fn ask(&mut self, client: SocketAddr, entry: &Entry) {
        let is_tcp = entry.compares(Part::Transport(Transport::Tcp));
        let transport = if is_tcp { Transport::Tcp } else { Transport::Udp };
        let octets = match &entry.raw {
            Some(raw) => raw.clone(),
            None => {
                self.query_id = self.query_id.wrapping_add(1);
                Message { id: self.query_id, ..entry.template.clone() }.write()
            }
        };
        let label = transport.label();
        self.log(format!("query of {client} ({label}): {}", summary(&read(&octets))));
        self.unanswered.push(Unanswered { client, id: octets.first_chunk().copied(), transport });
        self.subject.handle_query(self.now, client, transport, &octets);
    }

    /// The last pending request, of those to `server` if that is given.
    fn last_to(&self, server: Option<SocketAddr>) -> Result<RequestId, String> {
        let mut pending = self.pending.iter().rev();
        pending
            .find(|pending| server.is_none_or(|server| server == pending.request.to))
            .map(|pending| pending.request.id)
            .ok_or_else(|| self.no_request(server, None))
    }

    /// Lets time pass until waiting for a request has a consequence: the subject no longer awaits
    /// it, asks again, or replies.
    fn wait_in_vain(&mut self, request: RequestId) -> Result<(), String> {
        self.advance();
        let before = (self.played.requests, self.played.replies);
        for _ in 0..WAKES_MAX {
            let due =
                self.subject.poll_timeout().ok_or("the subject does not wait for anything")?;
            if !self.deliver(due) {
                self.wake(due);
            }
            self.collect()?;
            let after = (self.played.requests, self.played.replies);
            if after != before || !self.subject.awaits(request) {
                return Ok(());
            }
        }
        Err(format!("the subject was woken {WAKES_MAX} times, and nothing came of it"))
    }

    /// Sets the clock to when the subject wants to be woken, and wakes it.
    fn wake(&mut self, due: Now) {
        self.now = self.now.max(due);
        self.log(format!("woken at {}", Seconds(self.now)));
        self.subject.handle_timeout(self.now);
    }

    /// Sets the clock to when the first response on its way arrives, if that is not after `until`, and
    /// gives it to the subject.
    fn deliver(&mut self, until: Now) -> bool {
        let first = self.delayed.iter().enumerate().min_by_key(|(_, delayed)| delayed.due);
        let Some((at, _)) = first.filter(|(_, delayed)| delayed.due <= until) else { return false };
        let Delayed { due, request, octets } = self.delayed.remove(at);
        self.now = self.now.max(due);
        self.bring(&format!("late response at {}", Seconds(self.now)), request, octets);
        true
    }

    /// Gives the subject what comes for a request; `None` if that cannot reach its server.
    fn bring(&mut self, what: &str, request: RequestId, octets: Option<Vec<u8>>) {
        match octets {
            Some(octets) => {
                self.log(format!("{what}: {}", summary(&read(&octets))));
                self.subject.handle_response(self.now, request, &octets);
            }
            None => {
                self.log(format!("{what}: the server cannot be reached"));
                self.subject.handle_unreachable(self.now, request);
            }
        }
    }

    /// Lets time pass. What becomes due is done at its time.
    fn pass_time(&mut self, until: Now) -> Result<(), String> {
        loop {
            self.collect()?;
            self.count_event()?;
            if self.answer_from_ranges() {
                continue;
            }
            let timeout = self.subject.poll_timeout();
            // A response that comes when its time is up comes in time.
            if self.deliver(timeout.unwrap_or(until).min(until)) {
                continue;
            }
            match timeout {
                Some(due) if due <= until => self.wake(due),
                Some(_) | None => break,
            }
        }
        self.now = self.now.max(until);
        Ok(())
    }

    /// The variables as of now.
    fn variables(&self) -> Variables {
        let now = i128::from(self.now.as_micros());
        let due = self.subject.poll_timeout().map_or(now, |due| i128::from(due.as_micros()));
        Variables { time: now, timeout: (due - now).max(0), ..self.variables.clone() }
    }

    fn check_end(&self) -> Result<(), String> {
        if let Some(reply) = self.answered.first() {
            let (client, shown) = (reply.client, show(&reply.message));
            return Err(format!("a reply to {client} that no step looks at:\n{shown}"));
        }
        if let Some(pending) = self.pending.first() {
            let (to, shown) = (pending.request.to, show(&pending.message));
            return Err(format!("a request to {to} is still pending:\n{shown}"));
        }
        if !self.delayed.is_empty() {
            return Err(format!("{} responses are still on their way", self.delayed.len()));
        }
        Ok(())
    }

    fn unmet_request(&self, server: Option<SocketAddr>, entry: &Entry) -> String {
        let closest = self.pending.iter().filter(|pending| !pending.seen);
        let closest = closest.min_by_key(|pending| {
            let is_elsewhere = server.is_some_and(|server| server != pending.request.to);
            (is_elsewhere, pending.differences(server, entry).len())
        });
        match closest {
            None => format!("expected a request, and none is pending:\n{}", entry.template),
            Some(pending) => {
                let differences = pending.differences(server, entry);
                let to = pending.request.to;
                mismatch(&format!("the request to {to}"), &differences, entry, &pending.message)
            }
        }
    }

    fn unmet_reply(&self, client: Option<SocketAddr>, entry: &Entry) -> String {
        let closest = self.answered.iter();
        let closest = closest.min_by_key(|reply| {
            let is_elsewhere = client.is_some_and(|client| client != reply.client);
            (is_elsewhere, reply.differences(client, entry).len())
        });
        match closest {
            Some(reply) => {
                let differences = reply.differences(client, entry);
                let to = reply.client;
                mismatch(&format!("the reply to {to}"), &differences, entry, &reply.message)
            }
            None => {
                let mut text = format!("expected a reply, and there is none:\n{}", entry.template);
                for pending in &self.pending {
                    let (to, shown) = (pending.request.to, summary(&pending.message));
                    text.push_str(&format!("\npending to {to}: {shown}"));
                }
                text
            }
        }
    }

    fn no_request(&self, server: Option<SocketAddr>, entry: Option<&Entry>) -> String {
        let to = server.map_or_else(String::new, |server| format!(" to {server}"));
        match (entry, self.pending.last()) {
            (_, None) => format!("no request{to} is pending"),
            (Some(entry), Some(pending)) => {
                let differences = pending.differences(server, entry);
                mismatch("the pending request", &differences, entry, &pending.message)
            }
            (None, Some(pending)) => {
                format!("no request{to} is pending, but one to {}", pending.request.to)
            }
        }
    }

    fn log(&mut self, event: String) {
        if self.traffic.len() == TRAFFIC_SHOWN_MAX {
            self.traffic.pop_front();
        }
        self.traffic.push_back(event);
    }

    fn failure(&self, message: String) -> Failure {
        let file = &self.scenario.file;
        let (place, step) = match self.doing {
            Some(step) => {
                let named = format!("STEP {} {}", step.number, step.keyword);
                (format!("{file}:{}", step.line), named)
            }
            None => (file.to_string(), "outside all steps".to_owned()),
        };
        Failure { place, step, message, traffic: self.traffic.iter().cloned().collect() }
    }
}

/// Whether a `CHECK_OUT_QUERY` with this entry is about the request.
fn is_checked_by(pending: &Pending, server: Option<SocketAddr>, entry: &Entry) -> bool {
    !pending.seen && pending.differences(server, entry).is_empty()
}

#[cfg(test)]
mod tests;
