//! Finding the records of one type at one name, from server to server down to the zone that has them.
//!
//! A fetch has one request under way at a time, or waits for addresses of servers, which are fetches,
//! too. Aliases are not followed here: that they are there is the answer.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Arc;

use crate::base::limits::{
    ADDRESS_DEPTH_MAX, ADDRESS_FETCHES_AT_ONCE_MAX, ADDRESS_FETCHES_MAX, REFERRALS_MAX,
    REQUEST_UDP_SIZE, REQUESTS_PER_FETCH_MAX, TRIES_PER_SERVER_MAX, WRONG_RESPONSES_MAX,
};
use crate::base::time::Now;
use crate::cache::{Entry, FailureReason, Found};
use crate::resolver::minimise::{STEPS_MAX, labels_shown};
use crate::resolver::options::RouteKind;
use crate::resolver::place::{Forwards, Place};
use crate::resolver::response::{Asked, End, Meaning, Useless, read};
use crate::resolver::{Channel, Due, Question, RequestId, Resolver, Transmit, learn};
use crate::wire::edns::RequestOpt;
use crate::wire::folded::FoldedName;
use crate::wire::header::Flags;
use crate::wire::name::{Name, NameBuf};
use crate::wire::numbers::{Class, Opcode, Rcode, Rtype};
use crate::wire::request::Request;
use crate::wire::typed::Response;

/// Who waits for a fetch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Waiter {
    /// A question of a client.
    Lookup(u64),
    /// A fetch that needs an address.
    Fetch(u64),
}

/// A request that is under way.
#[derive(Debug)]
struct Sent {
    request: RequestId,
    to: SocketAddr,
    channel: Channel,
    /// When, and until when it is waited for.
    at: Now,
    until: Now,
    /// What a response has to repeat.
    id: u16,
    name: NameBuf,
    rtype: Rtype,
    /// Whether it has an OPT record, and whether its letters have a random case.
    has_opt: bool,
    mixed_case: bool,
}

/// A fetch.
#[derive(Debug)]
pub(super) struct Fetch {
    question: Question,
    folded: FoldedName,
    waiters: Vec<Waiter>,
    /// The question of a client that pays for it.
    payer: Option<u64>,
    /// How many fetches for addresses it is for, one for the other.
    depth: u32,
    place: Option<Place>,
    /// Labels of the name that are known to exist, or not to be hidden from the servers.
    known_labels: usize,
    /// Requests for shortened names so far.
    steps: usize,
    /// How often each address was asked; a server that does not help counts as asked often enough.
    tries: HashMap<SocketAddr, u32>,
    sent: Option<Sent>,
    requests: u32,
    referrals: u32,
    wrong: u32,
    address_fetches: u32,
    /// Fetches for addresses that it waits for.
    waits_for: u32,
    /// Why the last server did not help.
    reason: FailureReason,
}

impl Fetch {
    fn new(question: Question, waiter: Waiter) -> Self {
        Self {
            folded: FoldedName::new(question.name.as_name()),
            question,
            waiters: vec![waiter],
            payer: None,
            depth: 0,
            place: None,
            known_labels: 0,
            steps: 0,
            tries: HashMap::new(),
            sent: None,
            requests: 0,
            referrals: 0,
            wrong: 0,
            address_fetches: 0,
            waits_for: 0,
            reason: FailureReason::Unreachable,
        }
    }

    /// Goes to other servers.
    fn move_to(&mut self, place: Place) {
        self.known_labels = place.zone.as_name().label_count();
        self.place = Some(place);
        self.tries.clear();
        self.address_fetches = 0;
    }

    /// How often an address has been asked.
    fn tries(&self, to: SocketAddr) -> u32 {
        self.tries.get(&to).copied().unwrap_or(0)
    }

    /// Asks an address no more.
    fn give_up(&mut self, to: SocketAddr, reason: FailureReason) {
        self.reason = reason;
        self.tries.insert(to, TRIES_PER_SERVER_MAX);
    }
}

/// To whom a request goes, and how.
#[derive(Clone, Copy, Debug)]
struct Way {
    to: SocketAddr,
    channel: Channel,
}

/// A response, and the request it is to.
struct Answered {
    response: Response,
    sent: Sent,
}

/// What a fetch is to do next.
enum Next {
    Send(SocketAddr),
    Wait,
    Fail(FailureReason),
}

impl Resolver {
    /// Lets somebody wait for the fetch of a question, which begins if it is not under way. Returns
    /// false if that would be waiting in a circle, or too deep.
    pub(super) fn await_fetch(&mut self, question: Question, waiter: Waiter) -> bool {
        if let Some(&id) = self.by_question.get(&question) {
            if let Waiter::Fetch(waiting) = waiter
                && self.waits_on(id, waiting)
            {
                return false;
            }
            if let Some(fetch) = self.fetches.get_mut(&id) {
                fetch.waiters.push(waiter);
            }
            return true;
        }
        let (payer, depth) = match waiter {
            Waiter::Lookup(lookup) => (Some(lookup), 0),
            Waiter::Fetch(fetch) => {
                let above = self.fetches.get(&fetch);
                above.map_or((None, 0), |above| (above.payer, above.depth + 1))
            }
        };
        if depth > ADDRESS_DEPTH_MAX {
            return false;
        }
        let id = self.new_id();
        let mut fetch = Fetch::new(question.clone(), waiter);
        (fetch.payer, fetch.depth) = (payer, depth);
        self.by_question.insert(question, id);
        self.fetches.insert(id, fetch);
        self.ready.push_back(id);
        true
    }

    /// Whether the fetch `id` waits, itself or through others, for what `waiting` is for.
    fn waits_on(&self, id: u64, waiting: u64) -> bool {
        // From the one that waits up to all that wait for it.
        let mut above = vec![waiting];
        let mut seen = Vec::new();
        while let Some(fetch) = above.pop() {
            if fetch == id {
                return true;
            }
            if seen.contains(&fetch) {
                continue;
            }
            seen.push(fetch);
            let waiters = self.fetches.get(&fetch).map_or(&[][..], |fetch| &fetch.waiters[..]);
            above.extend(waiters.iter().filter_map(|waiter| match waiter {
                Waiter::Fetch(fetch) => Some(*fetch),
                Waiter::Lookup(_) => None,
            }));
        }
        false
    }

    /// Lets a fetch do what it can do now.
    pub(super) fn advance(&mut self, now: Now, id: u64) {
        if self.fetches.get(&id).is_none_or(|fetch| fetch.sent.is_some()) {
            return;
        }
        let next = self.next(now, id);
        let Some(mut fetch) = self.fetches.remove(&id) else { return };
        match next {
            Next::Send(to) => self.send(now, id, &mut fetch, Way { to, channel: Channel::Udp }),
            Next::Wait => (),
            Next::Fail(reason) => return self.fail(now, fetch, reason),
        }
        self.fetches.insert(id, fetch);
    }

    /// What a fetch that waits for no response does next.
    fn next(&mut self, now: Now, id: u64) -> Next {
        if let Some(reason) = self.exhausted(id) {
            return Next::Fail(reason);
        }
        loop {
            let Some(fetch) = self.fetches.get(&id) else { return Next::Wait };
            let Some(place) = &fetch.place else {
                let place = self.place_for(now, &fetch.question, Forwards::Asked);
                self.move_to(id, place);
                continue;
            };
            let mut addresses = self.addresses(now, place);
            addresses.retain(|to| fetch.tries(*to) < TRIES_PER_SERVER_MAX);
            let tries = |to| fetch.tries(to);
            let chosen = self.servers.choose(now, &addresses, tries, &mut *self.entropy);
            if let Some(to) = chosen {
                return Next::Send(to);
            }
            let (reason, route) = (fetch.reason, place.route);
            if self.look_for_addresses(now, id) {
                return Next::Wait;
            }
            if route != Some(RouteKind::ForwardFirst) {
                return Next::Fail(reason);
            }
            let Some(fetch) = self.fetches.get(&id) else { return Next::Wait };
            let place = self.place_for(now, &fetch.question, Forwards::PassedOver);
            self.move_to(id, place);
        }
    }

    /// Why a fetch may send no more requests, if that is so.
    fn exhausted(&self, id: u64) -> Option<FailureReason> {
        let fetch = self.fetches.get(&id)?;
        let payer = fetch.payer.and_then(|payer| self.lookups.get(&payer));
        let is_exhausted = fetch.requests >= REQUESTS_PER_FETCH_MAX
            || payer.is_some_and(|payer| payer.requests_left == 0);
        is_exhausted.then_some(FailureReason::TooLong)
    }

    fn move_to(&mut self, id: u64, place: Place) {
        if let Some(fetch) = self.fetches.get_mut(&id) {
            fetch.move_to(place);
        }
    }

    /// Begins to look for addresses of servers of which none is known; false if there is nothing to
    /// wait for.
    fn look_for_addresses(&mut self, now: Now, id: u64) -> bool {
        let names =
            self.fetches.get(&id).and_then(|fetch| Some(fetch.place.as_ref()?.names.clone()));
        for name in names.unwrap_or_default() {
            let may_begin = |fetch: &Fetch| {
                fetch.address_fetches < ADDRESS_FETCHES_MAX
                    && fetch.waits_for < ADDRESS_FETCHES_AT_ONCE_MAX
            };
            if !self.fetches.get(&id).is_some_and(may_begin) {
                break;
            }
            let folded = FoldedName::new(name.as_name());
            let mut begun = 0;
            for rtype in self.options.address_types() {
                // What is known is of no use, or it would have been tried.
                let is_known = !matches!(self.cache.find(now, &folded, rtype), Found::Missing);
                let wanted = Question { name: name.clone(), rtype };
                begun += u32::from(!is_known && self.await_fetch(wanted, Waiter::Fetch(id)));
            }
            if let Some(fetch) = self.fetches.get_mut(&id) {
                fetch.waits_for += begun;
                fetch.address_fetches += u32::from(begun > 0);
            }
        }
        self.fetches.get(&id).is_some_and(|fetch| fetch.waits_for > 0)
    }

    /// Sends what is to be asked next.
    fn send(&mut self, now: Now, id: u64, fetch: &mut Fetch, way: Way) {
        let Way { to, channel } = way;
        let manner = self.servers.manner(now, to);
        let channel = if manner.tcp { Channel::Tcp } else { channel };
        let is_forwarded = fetch.place.as_ref().is_some_and(Place::is_forwarded);
        let total = fetch.folded.label_count();
        let shown = if is_forwarded || !self.options.minimises {
            total
        } else {
            labels_shown(total, fetch.known_labels, fetch.steps)
        };
        let rtype = if shown == total { fetch.question.rtype } else { Rtype::A };
        let mut name = fetch.folded.suffix(total - shown).to_buf();
        let mixed_case = self.options.mixes_case && manner.mixed_case && channel == Channel::Udp;
        if mixed_case {
            name = self.mix_case(&name);
        }
        let [high, low, ..] = self.entropy.next_u64().to_be_bytes();
        let message_id = u16::from_be_bytes([high, low]);
        let opt = RequestOpt { udp_size: REQUEST_UDP_SIZE, dnssec_ok: true, cookie: None };
        let request = Request {
            id: message_id,
            name: name.as_name(),
            rtype,
            recursion_desired: is_forwarded,
            checking_disabled: is_forwarded,
            opt: manner.edns.then_some(opt),
        };
        let octets = request.to_octets();
        let request = RequestId(self.new_id());
        let until = now.after_micros(manner.wait_us);
        fetch.requests += 1;
        *fetch.tries.entry(to).or_default() += 1;
        if let Some(payer) = fetch.payer.and_then(|payer| self.lookups.get_mut(&payer)) {
            payer.requests_left = payer.requests_left.saturating_sub(1);
        }
        let has_opt = manner.edns;
        let sent = Sent {
            request,
            to,
            channel,
            at: now,
            until,
            id: message_id,
            name,
            rtype,
            has_opt,
            mixed_case,
        };
        fetch.sent = Some(sent);
        self.requests.insert(request, id);
        self.timers.insert((until, Due::Request(request)));
        self.transmits.push_back(Transmit { request, to, channel, octets });
    }

    /// The name with letters of random case.
    fn mix_case(&mut self, name: &NameBuf) -> NameBuf {
        let mut octets = name.as_name().as_wire().to_vec();
        let mut bits = 0;
        for (number, octet) in octets.iter_mut().enumerate() {
            if number % 64 == 0 {
                bits = self.entropy.next_u64();
            }
            // Lengths of labels are below 64 and so no letters.
            if octet.is_ascii_alphabetic() && bits & 1 << (number % 64) != 0 {
                *octet ^= 0x20;
            }
        }
        Name::read(&octets).map_or_else(|_| name.clone(), Name::to_buf)
    }

    /// Ends the request of a fetch, which is no longer awaited.
    fn end_request(&mut self, fetch: &mut Fetch) -> Option<Sent> {
        let sent = fetch.sent.take()?;
        self.requests.remove(&sent.request);
        self.timers.remove(&(sent.until, Due::Request(sent.request)));
        Some(sent)
    }

    /// Takes in that nothing came back for a request.
    pub(super) fn give_up_request(&mut self, now: Now, id: u64) {
        let Some(mut fetch) = self.fetches.remove(&id) else { return };
        if let Some(sent) = self.end_request(&mut fetch) {
            self.servers.lost(now, sent.to);
            fetch.reason = FailureReason::Unreachable;
        }
        self.fetches.insert(id, fetch);
        self.ready.push_back(id);
    }

    /// Takes what came back for the request of a fetch.
    pub(super) fn take_response(&mut self, now: Now, id: u64, octets: &[u8]) {
        let Some(mut fetch) = self.fetches.remove(&id) else { return };
        let Some(sent) = &fetch.sent else {
            self.fetches.insert(id, fetch);
            return;
        };
        // What cannot be read, or is not what was asked for, may come from anyone: the wait goes on.
        let response = Response::read(octets).ok().filter(|response| repeats(response, sent));
        let Some(response) = response else {
            fetch.wrong += 1;
            if fetch.wrong.is_multiple_of(WRONG_RESPONSES_MAX) && sent.channel == Channel::Udp {
                let to = sent.to;
                self.end_request(&mut fetch);
                self.send(now, id, &mut fetch, Way { to, channel: Channel::Tcp });
            }
            self.fetches.insert(id, fetch);
            return;
        };
        let Some(sent) = self.end_request(&mut fetch) else {
            return self.fail(now, fetch, FailureReason::Lame);
        };
        let after = now.as_micros().saturating_sub(sent.at.as_micros());
        self.servers.answered(now, sent.to, after);
        let Some(again) = again(&response, &sent) else {
            return self.take_meaning(now, id, fetch, Answered { response, sent });
        };
        let channel = match again {
            Again::OverTcp => Channel::Tcp,
            Again::InOneCase => {
                self.servers.lacks_case(now, sent.to);
                Channel::Tcp
            }
            Again::WithoutEdns => {
                self.servers.lacks_edns(now, sent.to);
                sent.channel
            }
        };
        self.send(now, id, &mut fetch, Way { to: sent.to, channel });
        self.fetches.insert(id, fetch);
    }

    /// Goes on with what a response means.
    fn take_meaning(&mut self, now: Now, id: u64, mut fetch: Fetch, answered: Answered) {
        let Answered { response, sent } = answered;
        let Some(place) = &fetch.place else {
            return self.fail(now, fetch, FailureReason::Lame);
        };
        let asked = Asked {
            name: sent.name.as_name(),
            rtype: sent.rtype,
            zone: place.zone.as_name(),
            is_forwarded: place.is_forwarded(),
        };
        let until = place.until;
        let labels = sent.name.as_name().label_count();
        match read(response, asked) {
            Meaning::Found(found) if labels == fetch.folded.label_count() => {
                let entries = learn::found(&self.cache, now, &fetch.question, &found);
                return self.succeed(now, fetch, &entries);
            }
            Meaning::Found(found) => {
                fetch.known_labels = labels;
                fetch.tries.insert(sent.to, 0);
                // A server may deny a name above one that exists (RFC 9156 §2.3, step 6): the whole
                // name is asked for.
                fetch.steps = if found.end == End::NameError { STEPS_MAX } else { fetch.steps + 1 };
            }
            Meaning::Referral(referral) => {
                fetch.referrals += 1;
                if fetch.referrals > REFERRALS_MAX {
                    return self.fail(now, fetch, FailureReason::TooLong);
                }
                match learn::referral(&self.cache, now, &referral, until) {
                    Some(until) => fetch.move_to(Place::below(&referral, Some(until))),
                    None => fetch.give_up(sent.to, FailureReason::Lame),
                }
            }
            Meaning::Useless(Useless::Lame | Useless::Failed(_) | Useless::Empty) => {
                fetch.give_up(sent.to, FailureReason::Lame);
            }
        }
        self.fetches.insert(id, fetch);
        self.ready.push_back(id);
    }

    /// Ends a fetch that found something.
    fn succeed(&mut self, now: Now, fetch: Fetch, entries: &[Arc<Entry>]) {
        self.by_question.remove(&fetch.question);
        if entries.is_empty() {
            return self.fail(now, fetch, FailureReason::Lame);
        }
        for waiter in fetch.waiters {
            match waiter {
                Waiter::Lookup(lookup) => self.continue_lookup(now, lookup, entries),
                Waiter::Fetch(waiting) => self.address_came(waiting),
            }
        }
    }

    /// Ends a fetch that found nothing, and keeps that it did.
    fn fail(&mut self, now: Now, mut fetch: Fetch, reason: FailureReason) {
        self.end_request(&mut fetch);
        self.by_question.remove(&fetch.question);
        self.cache.put_failure(now, &fetch.folded, fetch.question.rtype, reason);
        for waiter in fetch.waiters {
            match waiter {
                Waiter::Lookup(lookup) => self.fail_lookup(lookup, reason),
                Waiter::Fetch(waiting) => self.address_came(waiting),
            }
        }
    }

    /// Lets a fetch go on that waited for an address.
    fn address_came(&mut self, waiting: u64) {
        if let Some(fetch) = self.fetches.get_mut(&waiting) {
            fetch.waits_for = fetch.waits_for.saturating_sub(1);
            self.ready.push_back(waiting);
        }
    }
}

/// Whether a response is one to the request: anybody can send one (RFC 5452 §9.1).
fn repeats(response: &Response, sent: &Sent) -> bool {
    let flags = response.header.flags;
    let is_response = flags.contains(Flags::QR) && flags.opcode() == Opcode::QUERY;
    let is_asked = response.question.as_ref().is_some_and(|(name, question)| {
        name.as_name() == sent.name.as_name()
            && question.rtype == sent.rtype
            && question.class == Class::IN
    });
    // Who cannot read a query may leave its question out.
    let is_error = response.question.is_none() && response.rcode == Rcode::FORMERR;
    is_response && response.header.id == sent.id && (is_asked || is_error)
}

/// How the same server is asked again.
enum Again {
    OverTcp,
    InOneCase,
    WithoutEdns,
}

/// Whether the same server is to be asked again, in another way.
fn again(response: &Response, sent: &Sent) -> Option<Again> {
    if response.is_cut() && sent.channel == Channel::Udp {
        return Some(Again::OverTcp);
    }
    let is_other_case = |name: &NameBuf| !name.as_name().is_identical(sent.name.as_name());
    let question = response.question.as_ref();
    if sent.mixed_case && question.is_some_and(|(name, _)| is_other_case(name)) {
        return Some(Again::InOneCase);
    }
    // Only that tells that EDNS is not known; anything else may have another cause (RFC 6891 §7).
    let is_without = sent.has_opt && response.edns.is_none();
    (is_without && response.rcode == Rcode::FORMERR).then_some(Again::WithoutEdns)
}
