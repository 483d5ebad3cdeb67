//! The authoritative engine as the subject of a scenario: `answer::respond` over the zones that the
//! scenario's `auth-zone` clauses name.
//!
//! Sends no requests. A scenario that needs a resolver, or a setting that means nothing here, is not
//! played. Called by tests.

use std::collections::VecDeque;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;

use crate::answer::{
    AnswerOptions, Exchange, Local, Outcome, Snapshot, View, ZoneState, ZoneTable, respond,
};
use crate::base::diagnostic::Severity;
use crate::base::limits::{MESSAGE_LEN_MAX, UDP_SIZE_MAX};
use crate::base::time::{Now, SECOND_US, Wall};
use crate::metrics::Transport;
use crate::sim::script::{Clause, Config, Scenario, Setting};
use crate::sim::subject::{Reply, Request, RequestId, Subject};
use crate::wire::name::{Name, NameBuf};
use crate::zone::crew::Crew;
use crate::zone::file::source::Texts;
use crate::zone::load::{Apex, Means, load};

/// The address that queries arrive at.
const LOCAL: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 53);

/// Keys of `server` that only say how names are resolved or what is logged: without a resolver they
/// cannot change anything.
const WITHOUT_MEANING: [&str; 6] = [
    "target-fetch-policy",
    "qname-minimisation",
    "trust-anchor-signaling",
    "verbosity",
    "log-time-ascii",
    "do-ip6",
];

/// Why there is no authority for a scenario.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unready {
    /// The scenario asks for what is not offered: these things.
    NotOffered(Vec<String>),
    /// The scenario is wrong: these are the reasons.
    Faulty(Vec<String>),
}

/// An authoritative server.
pub struct Authority {
    snapshot: Snapshot,
    local: Local,
    replies: VecDeque<Reply>,
}

impl Authority {
    /// The server that a scenario's configuration describes.
    ///
    /// # Errors
    ///
    /// Fails if the scenario asks for anything else, or if a zone of it cannot be served.
    pub fn new(scenario: &Scenario) -> Result<Self, Unready> {
        let mut setup = Setup::default();
        for clause in &scenario.config.clauses {
            match clause.name.as_str() {
                "server" => clause.settings.iter().for_each(|setting| setup.set(setting)),
                "auth-zone" => setup.add_zone(clause, &scenario.config),
                name => setup.not_offered.push(format!("{name}:")),
            }
        }
        if !setup.not_offered.is_empty() {
            return Err(Unready::NotOffered(setup.not_offered));
        }
        if !setup.faults.is_empty() {
            return Err(Unready::Faulty(setup.faults));
        }
        let Setup { zones, options, .. } = setup;
        let view = View { zones, options, ..View::default() };
        let snapshot = Snapshot { views: vec![Arc::new(view)] };
        Ok(Self { snapshot, local: Local::default(), replies: VecDeque::new() })
    }
}

impl Subject for Authority {
    fn handle_query(&mut self, now: Now, client: SocketAddr, transport: Transport, octets: &[u8]) {
        let room = match transport {
            Transport::Udp => UDP_SIZE_MAX,
            Transport::Tcp => MESSAGE_LEN_MAX,
        };
        let mut message = octets.to_vec();
        message.resize(room.max(octets.len()), 0);
        let mut exchange = Exchange {
            message: &mut message,
            len: octets.len(),
            peer: client,
            local: LOCAL,
            transport,
            received: Wall::from_secs(now.as_micros() / SECOND_US),
            now,
        };
        match respond(&self.snapshot, &mut self.local, &mut exchange, &mut ()) {
            Outcome::Reply { len, .. } => {
                message.truncate(len);
                self.replies.push_back(Reply { client, octets: message });
            }
            Outcome::Drop(_) => (),
        }
    }

    fn handle_response(&mut self, _now: Now, _request: RequestId, _octets: &[u8]) {}

    fn handle_unreachable(&mut self, _now: Now, _request: RequestId) {}

    fn handle_timeout(&mut self, _now: Now) {}

    fn poll_request(&mut self) -> Option<Request> {
        None
    }

    fn poll_reply(&mut self) -> Option<Reply> {
        self.replies.pop_front()
    }

    fn poll_timeout(&self) -> Option<Now> {
        None
    }

    fn awaits(&self, _request: RequestId) -> bool {
        false
    }
}

/// What the configuration has said so far.
struct Setup {
    zones: ZoneTable,
    options: AnswerOptions,
    not_offered: Vec<String>,
    faults: Vec<String>,
}

impl Default for Setup {
    /// As unbound does without a configuration, for what is offered.
    fn default() -> Self {
        let options = AnswerOptions { minimal_responses: true, ..AnswerOptions::default() };
        let (not_offered, faults) = (Vec::new(), Vec::new());
        Self { zones: ZoneTable::default(), options, not_offered, faults }
    }
}

impl Setup {
    /// Takes a setting of `server`.
    fn set(&mut self, setting: &Setting) {
        let Setting { key, values, line } = setting;
        let switch = match values.as_slice() {
            [value] if value == "yes" => Some(true),
            [value] if value == "no" => Some(false),
            _ => None,
        };
        match (key.as_str(), switch) {
            ("minimal-responses", Some(on)) => self.options.minimal_responses = on,
            ("rrset-roundrobin", Some(on)) => self.options.rotate_answers = on,
            ("minimal-responses" | "rrset-roundrobin", None) => {
                self.faults.push(format!("line {line}: {key} is yes or no"));
            }
            (key, _) if WITHOUT_MEANING.contains(&key) => (),
            (key, _) => self.not_offered.push(format!("server: {key}")),
        }
    }

    fn add_zone(&mut self, clause: &Clause, config: &Config) {
        let mut name = None;
        let mut file = None;
        for Setting { key, values, .. } in &clause.settings {
            match (key.as_str(), values.as_slice()) {
                ("name", [value]) => name = Some(value),
                ("zonefile", [value]) => file = Some(value),
                // Who asks is a client, and there is no other way to answer it.
                ("for-downstream", [value]) if value == "yes" => (),
                ("for-upstream", [_]) => (),
                ("fallback-enabled", [value]) if value == "no" => (),
                (key, values) => {
                    self.not_offered.push(format!("auth-zone: {key} {}", values.join(" ")));
                }
            }
        }
        match (name, file) {
            (Some(name), Some(file)) => self.load(name, file, config),
            _ => {
                let line = clause.line;
                self.faults.push(format!("line {line}: an auth-zone needs a name and a zonefile"));
            }
        }
    }

    fn load(&mut self, name: &str, file: &str, config: &Config) {
        let mut texts = Texts::default();
        for (name, text) in &config.files {
            texts.insert(name.clone(), text.clone().into_bytes());
        }
        let name = match NameBuf::from_text(name.as_bytes(), Some(Name::ROOT)) {
            Ok(name) => name,
            Err(error) => return self.faults.push(format!("the auth-zone \"{name}\": {error}")),
        };
        let means = Means { now: Wall::from_secs(0), crew: &Crew::alone() };
        let loaded = load(&texts, file, Apex::Given(name.as_name()), means);
        match loaded.zone {
            Some(zone) => self.zones.insert(name.as_name(), ZoneState::Loaded(Arc::new(zone))),
            None => {
                let errors = loaded.diagnostics.iter();
                let errors = errors.filter(|problem| problem.severity == Severity::Error);
                self.faults.extend(errors.map(ToString::to_string));
            }
        }
    }
}

#[cfg(test)]
mod tests;
