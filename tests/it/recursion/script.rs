//! Writes what happened to a resolver as a scenario, so that a run of random trouble can be kept, cut
//! down and played again (`sim::player`).
//!
//! The player's resolver draws the same numbers, so the scenario goes as the run did as long as all that
//! happened is here: questions, requests and what came back. What has no step is not: options that
//! change, and what is fetched before its end.

use kereru::base::time::Now;
use kereru::resolver::{Channel, Options, Question, RequestId, Transmit};
use kereru::sim::message::Message;
use kereru::wire::typed::Response;
use std::collections::BTreeMap;
use std::fmt::Write;

/// Something that happened.
#[derive(Clone, Debug)]
pub(super) enum Event {
    /// A client asked.
    Asked(Question),
    /// A client got its answer.
    Told(Question),
    /// A request was sent.
    Sent(Transmit),
    /// This came back for a request, or that its server cannot be reached.
    Came(RequestId, Option<Vec<u8>>),
}

/// A scenario that is being written.
struct Script {
    text: String,
    step: u32,
    now: Now,
}

impl Script {
    /// Writes a step at its time.
    fn step(&mut self, at: Now, what: &str, entry: &str) {
        self.wait_until(at);
        self.step += 1;
        writeln!(self.text, "STEP {} {what}", self.step).unwrap();
        if !entry.is_empty() {
            writeln!(self.text, "ENTRY_BEGIN\n{entry}ENTRY_END").unwrap();
        }
    }

    fn wait_until(&mut self, at: Now) {
        let micros = at.as_micros() - self.now.as_micros();
        if micros > 0 {
            self.now = at;
            let (seconds, rest) = (micros / 1_000_000, micros % 1_000_000);
            self.step(at, &format!("TIME_PASSES ELAPSE {seconds}.{rest:06}"), "");
        }
    }
}

/// What happened up to `end` to a resolver with these options, which began at `start`, as the text of a scenario.
pub(super) fn scenario(
    options: &Options,
    (start, end): (Now, Now),
    events: &[(Now, Event)],
) -> String {
    let switch = |is_on| if is_on { "yes" } else { "no" };
    let [v4, v6] = options.families;
    let mut text = format!(
        "server:\n\tdo-ip4: {}\n\tdo-ip6: {}\n\tqname-minimisation: {}\n\tuse-caps-for-id: {}\n\
         \tkereru-priming: {}\n\tcache-max-negative-ttl: 10800\n\
         \tserve-expired: yes\n\tserve-expired-ttl: 600\nstub-zone:\n\tname: \".\"\n",
        switch(v4),
        switch(v6),
        switch(options.minimises),
        switch(options.mixes_case),
        switch(options.primes),
    );
    for address in options.root.iter().flat_map(|(_, addresses)| addresses) {
        writeln!(text, "\tstub-addr: {address}").unwrap();
    }
    text.push_str("CONFIG_END\n\nSCENARIO_BEGIN A run of random trouble\n\n");
    let mut script = Script { text, step: 0, now: start };
    // What the start brings is seen behind the first step.
    script.step(start, "NOTHING", "");
    let came: BTreeMap<RequestId, (Now, Option<&[u8]>)> = events
        .iter()
        .filter_map(|(at, event)| match event {
            Event::Came(request, octets) => Some((*request, (*at, octets.as_deref()))),
            Event::Asked(_) | Event::Told(_) | Event::Sent(_) => None,
        })
        .collect();
    for (at, event) in events {
        match event {
            Event::Asked(question) => {
                script.step(*at, "QUERY", &format!("REPLY RD\n{}", section(question)));
            }
            Event::Told(question) => {
                let entry = format!("MATCH qname qtype\n{}", section(question));
                script.step(*at, "CHECK_ANSWER", &entry);
            }
            Event::Sent(transmit) => {
                let what = format!("CHECK_OUT_QUERY ADDRESS {}", transmit.to.ip());
                let answer = came.get(&transmit.request);
                let answer = answer.map_or_else(String::new, |(due, octets)| {
                    let delay_us = due.as_micros() - at.as_micros();
                    answer_after(delay_us, transmit, *octets)
                });
                script.step(*at, &what, &format!("{}{answer}", shown(transmit)));
            }
            // It stands where the request does.
            Event::Came(..) => (),
        }
    }
    script.wait_until(end);
    script.text.push_str("SCENARIO_END\n");
    script.text
}

fn section(question: &Question) -> String {
    format!("SECTION QUESTION\n{} IN {}\n", question.name, question.rtype)
}

/// What a request asks, and how it is sent.
fn shown(transmit: &Transmit) -> String {
    let (name, asked) = Response::read(&transmit.octets).unwrap().question.unwrap();
    let question = Question { name: name.as_name().to_lowercase(), rtype: asked.rtype };
    let transport = match transmit.channel {
        Channel::Udp => "UDP",
        Channel::Tcp => "TCP",
    };
    format!("MATCH qname qtype {transport}\n{}", section(&question))
}

/// What came back for a request; one with its ID gets that of the request which is played.
fn answer_after(delay_us: u64, transmit: &Transmit, octets: Option<&[u8]>) -> String {
    match octets {
        None => format!("ADJUST unreachable sleep_us={delay_us}\n"),
        Some(octets) if octets.get(..2) == transmit.octets.get(..2) => {
            format!("ADJUST copy_id sleep_us={delay_us}\n{}", raw(octets))
        }
        Some(octets) => format!("ADJUST sleep_us={delay_us}\n{}", raw(octets)),
    }
}

/// The octets of a response, and what they say where they can be read.
fn raw(octets: &[u8]) -> String {
    let mut text = String::new();
    if let Ok(message) = Message::read(octets) {
        for line in message.to_string().lines() {
            writeln!(text, "; {line}").unwrap();
        }
    }
    text.push_str("HEX_ANSWER_BEGIN\n");
    for line in octets.chunks(32) {
        line.iter().for_each(|octet| write!(text, "{octet:02x}").unwrap());
        text.push('\n');
    }
    text.push_str("HEX_ANSWER_END\n");
    text
}
