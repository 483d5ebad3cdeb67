//! Finding the records of one type at one name, from server to server down to the zone that has them.
//!
//! A fetch has one request under way at a time (`request`, `reception`), or waits for addresses of
//! servers, which are fetches, too. Aliases are not followed here: that they are there is the answer.
//! Nor is the cache asked for the answer: whoever begins a fetch wants a new one.

use std::collections::{HashMap, HashSet};
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use crate::base::limits::{
    ADDRESS_DEPTH_MAX, ADDRESS_REQUESTS_MAX, CLIENTS_PER_ZONE_MIN, FETCH_US_MAX, FETCHES_MAX,
    LOOKUPS_MAX, REQUESTS_PER_FETCH_MAX, REQUESTS_PER_LOOKUP_MAX, REQUESTS_PER_TOP_ZONE_MAX,
    REQUESTS_PER_ZONE_MAX, TRIES_PER_SERVER_MAX, UDP_LOSSES_MAX, UDP_LOSSES_MIN, UDP_WAITED_US_MIN,
    WAITING_FETCHES_MAX,
};
use crate::base::time::Now;
use crate::cache::{Entry, FailureReason};
use crate::resolver::budget::Purse;
use crate::resolver::place::{Forwards, Origin, Place};
use crate::resolver::request::{Loss, Sent, Way};
use crate::resolver::search::After;
use crate::resolver::{Channel, Question, Resolver, response};
use crate::wire::folded::FoldedName;
use crate::wire::name::NameBuf;

/// Who waits for a fetch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Waiter {
    /// A question of a client.
    Lookup(u64),
    /// A fetch that needs an address.
    Fetch(u64),
}

/// Why a fetch brings no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Failing {
    /// By what was asked: it is remembered that there is no answer.
    Answerless(FailureReason),
    /// By what those may spend whom it is for: requests, time or depth. Not remembered, because others
    /// may have more: an expensive chain of aliases must not make the name at its end unreachable, nor
    /// a deep delegation the name of its server.
    Limited,
    /// There is no room for it. Not remembered.
    Busy,
}

impl Failing {
    /// What those who wait are told.
    pub(super) fn reason(self) -> FailureReason {
        match self {
            Self::Answerless(reason) => reason,
            Self::Limited => FailureReason::TooLong,
            Self::Busy => FailureReason::Busy,
        }
    }
}

/// What a fetch may spend.
#[derive(Clone, Debug)]
pub(super) struct Means {
    /// Who pays.
    purse: Purse,
    /// What those it leads to may spend, which look for addresses, all together.
    errands: Purse,
    /// As whom the client is counted whom it is for; nobody, if it is for none.
    pub(super) client: Option<IpAddr>,
    /// How many fetches for addresses it is for, one for the other.
    pub(super) depth: u32,
    /// When it is given up.
    until: Now,
}

impl Means {
    /// For one that is paid from this purse.
    fn of(purse: Purse, client: Option<IpAddr>, now: Now) -> Self {
        let errands = Purse::new(ADDRESS_REQUESTS_MAX);
        Self { purse, errands, client, depth: 0, until: now.after_micros(FETCH_US_MAX) }
    }

    /// For one for which no client waits.
    pub(super) fn of_nobody(now: Now) -> Self {
        Self::of(Purse::new(REQUESTS_PER_LOOKUP_MAX), None, now)
    }

    /// For one that looks for an address.
    fn for_address(&self) -> Self {
        Self { depth: self.depth + 1, ..self.clone() }
    }

    /// Requests that can be paid.
    fn left(&self) -> u32 {
        let errands = if self.depth > 0 { self.errands.left() } else { u32::MAX };
        self.purse.left().min(errands)
    }

    /// Pays for a request.
    fn spend(&self) {
        self.purse.spend();
        if self.depth > 0 {
            self.errands.spend();
        }
    }
}

/// How often an address was asked, since the fetch came to it.
#[derive(Clone, Copy, Debug, Default)]
struct Tries {
    /// In all; a server that does not help counts as asked often enough.
    count: u32,
    /// Requests over UDP without a response, and microseconds that they were waited for.
    lost_udp: u32,
    waited_us: u64,
    /// Whether the network said that it is not there.
    is_out_of_reach: bool,
    /// Whether a response over TCP did not come, or there was no connection.
    tcp: Option<Loss>,
    /// Whether it has responded, with whatever.
    has_spoken: bool,
}

impl Tries {
    /// Whether it has had time enough over UDP.
    fn is_silent_over_udp(&self) -> bool {
        let is_over = self.is_out_of_reach || self.waited_us >= UDP_WAITED_US_MIN;
        self.lost_udp >= UDP_LOSSES_MIN && is_over
    }

    /// Whether it is asked no more: not by either way, but if it only has no TCP once more over UDP.
    fn is_spent(&self) -> bool {
        let is_without = |loss| loss == Loss::Timeout || self.is_out_of_reach;
        let is_silent = self.is_silent_over_udp() && self.tcp.is_some_and(is_without);
        self.count >= TRIES_PER_SERVER_MAX || is_silent
    }
}

/// A fetch.
#[derive(Debug)]
pub(super) struct Fetch {
    pub(super) question: Question,
    pub(super) waiters: Vec<Waiter>,
    pub(super) means: Means,
    /// Whether it is for the root's servers: its failure is nobody's.
    pub(super) is_priming: bool,
    pub(super) place: Option<Place>,
    /// Labels of the name that are known to exist, or not to be hidden from the servers.
    pub(super) known_labels: usize,
    /// Requests for shortened names so far.
    pub(super) steps: usize,
    tries: HashMap<SocketAddr, Tries>,
    pub(super) sent: Option<Sent>,
    /// The request before, over UDP, for which nothing has come in time: its server may be slow, and its
    /// response still counts.
    pub(super) late: Option<Sent>,
    requests: u32,
    pub(super) referrals: u32,
    /// Responses that were none to what was asked.
    pub(super) wrong: u32,
    pub(super) address_fetches: u32,
    /// Addresses that were looked for since it came to its place, and how deep that was.
    pub(super) searched: Vec<(Question, u32)>,
    /// What it waits for where it is, addresses for the most part.
    pub(super) awaited: Vec<Question>,
    /// Fetches among those who wait for it.
    waiting_fetches: u32,
    /// The zones whose parents it asks for the zones' servers once more.
    pub(super) renews: Vec<NameBuf>,
    /// Whether a server has said that there is nothing, without an SOA: that counts if no other says
    /// more.
    pub(super) is_denied: bool,
    /// What a server has answered that does not say that it is responsible: that counts if no other
    /// helps.
    pub(super) borrowed: Option<Box<response::Found>>,
    /// Whether a server of this zone was left behind that said nothing.
    is_unheard: bool,
    /// What the servers of this zone have done wrong, the worst.
    pub(super) fault: Option<FailureReason>,
    /// What kept an address of a server of this zone from being found, if that was not its name's
    /// fault.
    pub(super) hindrance: Option<Failing>,
}

impl Fetch {
    pub(super) fn new(question: Question, means: Means) -> Self {
        Self {
            question,
            waiters: Vec::new(),
            means,
            is_priming: false,
            place: None,
            known_labels: 0,
            steps: 0,
            tries: HashMap::new(),
            sent: None,
            late: None,
            requests: 0,
            referrals: 0,
            wrong: 0,
            address_fetches: 0,
            searched: Vec::new(),
            awaited: Vec::new(),
            waiting_fetches: 0,
            renews: Vec::new(),
            is_denied: false,
            borrowed: None,
            is_unheard: false,
            fault: None,
            hindrance: None,
        }
    }

    /// Goes to other servers.
    pub(super) fn move_to(&mut self, place: Place) {
        let is_of_same = |before: &Place| {
            before.zone == place.zone && before.is_forwarded() == place.is_forwarded()
        };
        if self.place.as_ref().is_some_and(is_of_same) {
            self.is_unheard |= self.is_any_silent();
        } else {
            (self.fault, self.hindrance) = (None, None);
            (self.is_denied, self.is_unheard) = (false, false);
            self.borrowed = None;
        }
        self.known_labels = place.zone.as_name().label_count();
        self.place = Some(place);
        self.tries.clear();
        self.address_fetches = 0;
        self.searched.clear();
        // What comes of those is of no use here.
        self.awaited.clear();
    }

    /// Names among what it waits for.
    pub(super) fn awaited_names(&self) -> usize {
        let names = self.awaited.iter().enumerate();
        names
            .filter(|(number, question)| {
                self.awaited.iter().take(*number).all(|before| before.name != question.name)
            })
            .count()
    }

    /// How often an address has been asked.
    fn tries(&self, to: SocketAddr) -> u32 {
        self.tries.get(&to).map_or(0, |tries| tries.count)
    }

    /// Whether an address is asked no more.
    fn is_spent(&self, to: SocketAddr) -> bool {
        self.tries.get(&to).is_some_and(Tries::is_spent)
    }

    /// Counts a request to an address.
    pub(super) fn count_request(&mut self, to: SocketAddr) {
        self.requests += 1;
        self.means.spend();
        self.tries.entry(to).or_default().count += 1;
    }

    /// Counts a request that got no response for so many microseconds.
    pub(super) fn count_loss(&mut self, way: Way, loss: Loss, waited_us: u64) {
        let tries = self.tries.entry(way.to).or_default();
        match (way.channel, loss) {
            (Channel::Udp, Loss::Timeout) => tries.waited_us += waited_us,
            (Channel::Udp, Loss::Unreachable) => tries.is_out_of_reach = true,
            (Channel::Tcp, loss) => tries.tcp = Some(loss),
        }
        tries.lost_udp += u32::from(way.channel == Channel::Udp);
    }

    /// How often an address did not respond over UDP.
    pub(super) fn losses(&self, to: SocketAddr) -> u32 {
        self.tries.get(&to).map_or(0, |tries| tries.lost_udp)
    }

    /// Takes in that an address has responded.
    pub(super) fn hear(&mut self, from: SocketAddr) {
        self.tries.entry(from).or_default().has_spoken = true;
    }

    /// Whether it has asked nobody since it came to its place.
    pub(super) fn has_asked_nobody(&self) -> bool {
        self.tries.is_empty()
    }

    fn is_any_silent(&self) -> bool {
        self.tries.values().any(|tries| !tries.has_spoken)
    }

    /// Whether its servers deny what is asked for: one says so without an SOA, and all have spoken.
    fn is_denied_by_all(&self) -> bool {
        let is_any_unheard = self.is_unheard || self.is_any_silent() || self.hindrance.is_some();
        self.is_denied && !is_any_unheard
    }

    /// Whether an address was looked for in vain by what it may spend.
    pub(super) fn has_searched(&self, wanted: &Question) -> bool {
        let is_same =
            |(question, depth): &(Question, u32)| question == wanted && *depth <= self.means.depth;
        self.searched.iter().any(is_same)
    }

    /// Notes what keeps an address from being found.
    pub(super) fn hinder(&mut self, by: Failing) {
        match by {
            Failing::Answerless(_) => (),
            Failing::Limited if self.hindrance == Some(Failing::Busy) => (),
            Failing::Limited | Failing::Busy => self.hindrance = Some(by),
        }
    }

    /// Why it really fails: without an answer only if its servers were asked, or if it had all that a
    /// question may have, and nothing that has to do with others was in its way.
    fn fails_by(&self, failing: Failing) -> Failing {
        match (failing, self.hindrance) {
            (Failing::Answerless(_), Some(Failing::Busy)) => Failing::Busy,
            (Failing::Answerless(_), hindrance)
                if self.means.depth > 0 && (hindrance.is_some() || self.fault.is_none()) =>
            {
                Failing::Limited
            }
            (Failing::Answerless(_) | Failing::Limited | Failing::Busy, _) => failing,
        }
    }

    /// Takes the means of one more who waits, if they go further, and time for it.
    fn join(&mut self, means: Means) {
        let until = self.means.until.max(means.until);
        if means.depth < self.means.depth && means.left() > 0 {
            self.means = means;
        }
        self.means.until = until;
    }

    /// Lets an address be asked for the next part of the name as if it had not been asked.
    pub(super) fn forget_tries(&mut self, to: SocketAddr) {
        self.tries.remove(&to);
    }

    /// Whether an address is silent over UDP.
    pub(super) fn is_silent_over_udp(&self, to: SocketAddr) -> bool {
        self.tries.get(&to).is_some_and(Tries::is_silent_over_udp)
    }

    /// Whether an address is to be asked over TCP because it did not respond over UDP.
    pub(super) fn wants_tcp(&self, to: SocketAddr) -> bool {
        self.tries.get(&to).is_some_and(|tries| {
            let is_lost = tries.is_silent_over_udp() || tries.lost_udp >= UDP_LOSSES_MAX;
            is_lost && tries.tcp.is_none()
        })
    }

    /// Asks an address no more.
    pub(super) fn give_up(&mut self, to: SocketAddr, fault: FailureReason) {
        self.blame(fault);
        self.tries.entry(to).or_default().count = TRIES_PER_SERVER_MAX;
    }

    /// Notes what a server has done wrong: one that responds with nothing of use says more than one
    /// that is silent, and that more than a network which is not there.
    pub(super) fn blame(&mut self, fault: FailureReason) {
        let weight = |fault| match fault {
            FailureReason::Network => 0,
            FailureReason::Unreachable => 1,
            FailureReason::Lame => 2,
            FailureReason::TooLong | FailureReason::Busy => 3,
        };
        if self.fault.is_none_or(|before| weight(before) < weight(fault)) {
            self.fault = Some(fault);
        }
    }

    /// Why it has found nothing so far.
    pub(super) fn reason(&self) -> FailureReason {
        self.fault.unwrap_or(FailureReason::Unreachable)
    }
}

/// What a fetch is to do next.
enum Next {
    Send(SocketAddr),
    Wait,
    /// Take that there is nothing, as all say.
    Deny,
    Fail(Failing),
}

impl Resolver {
    /// Lets somebody wait for the fetch of a question, which begins if it is not under way.
    ///
    /// # Errors
    ///
    /// Fails if that would be waiting in a circle, or too deep, or there is no room for it.
    pub(super) fn await_fetch(
        &mut self,
        now: Now,
        question: Question,
        waiter: Waiter,
    ) -> Result<(), Failing> {
        if let Some(&id) = self.by_question.get(&question) {
            if let Waiter::Fetch(waiting) = waiter
                && self.waits_on(id, waiting)
            {
                return Err(Failing::Limited);
            }
            let means = self.means_of(now, waiter);
            if let (Some(means), Some(fetch)) = (means, self.fetches.get_mut(&id)) {
                fetch.join(means);
            }
            return self.add_waiter(id, waiter);
        }
        let means = self.means_of(now, waiter);
        let means = means.filter(|means| means.depth <= ADDRESS_DEPTH_MAX);
        let means = means.ok_or(Failing::Limited)?;
        let mut fetch = Fetch::new(question, means);
        fetch.waiting_fetches = u32::from(matches!(waiter, Waiter::Fetch(_)));
        fetch.waiters.push(waiter);
        self.begin_fetch(fetch)
    }

    /// What a fetch may spend for which somebody waits.
    fn means_of(&self, now: Now, waiter: Waiter) -> Option<Means> {
        match waiter {
            Waiter::Lookup(lookup) => {
                let lookup = self.lookups.get(&lookup)?;
                Some(Means::of(lookup.purse.clone(), Some(lookup.client), now))
            }
            Waiter::Fetch(above) => Some(self.fetches.get(&above)?.means.for_address()),
        }
    }

    /// Begins a fetch for which no client waits, unless it is under way or there is no room: the
    /// cache is to have its answer when the next one asks.
    pub(super) fn prefetch(&mut self, now: Now, question: Question) {
        if !self.by_question.contains_key(&question) {
            // Where there is no room, the next who asks waits.
            let _ = self.begin_fetch(Fetch::new(question, Means::of_nobody(now)));
        }
    }

    /// Begins a fetch.
    ///
    /// # Errors
    ///
    /// Fails if there is no room for it.
    pub(super) fn begin_fetch(&mut self, fetch: Fetch) -> Result<(), Failing> {
        if self.fetches.len() >= FETCHES_MAX {
            return Err(Failing::Busy);
        }
        let id = self.new_id();
        self.by_question.insert(fetch.question.clone(), id);
        self.fetches.insert(id, fetch);
        self.ready.push_back(id);
        Ok(())
    }

    /// Lets one more wait for a fetch.
    ///
    /// # Errors
    ///
    /// Fails if there is no room for it.
    pub(super) fn add_waiter(&mut self, id: u64, waiter: Waiter) -> Result<(), Failing> {
        let is_fetch = matches!(waiter, Waiter::Fetch(_));
        let waiting = self.fetches.get(&id).map_or(0, |fetch| fetch.waiting_fetches);
        let of_client = || self.waiting_of_same_client(id, waiter);
        if is_fetch && is_taken(waiting, of_client, WAITING_FETCHES_MAX) {
            return Err(Failing::Busy);
        }
        let Some(fetch) = self.fetches.get_mut(&id) else { return Err(Failing::Busy) };
        fetch.waiting_fetches += u32::from(is_fetch);
        fetch.waiters.push(waiter);
        if fetch.waiters.len() > 2 * LOOKUPS_MAX {
            // Some have been answered in another way.
            let lookups = &self.lookups;
            fetch.waiters.retain(|waiter| match waiter {
                Waiter::Lookup(lookup) => lookups.contains_key(lookup),
                Waiter::Fetch(_) => true,
            });
        }
        Ok(())
    }

    /// How many of the fetches that wait for a fetch are for the client that one more is for.
    fn waiting_of_same_client(&self, id: u64, waiter: Waiter) -> u32 {
        let client_of = |waiter: &Waiter| match waiter {
            Waiter::Fetch(fetch) => self.fetches.get(fetch)?.means.client,
            Waiter::Lookup(_) => None,
        };
        let Some(client) = client_of(&waiter) else { return 0 };
        let waiters = self.fetches.get(&id).map_or(&[][..], |fetch| &fetch.waiters);
        let of_same = waiters.iter().filter(|other| client_of(other) == Some(client)).count();
        u32::try_from(of_same).unwrap_or(u32::MAX)
    }

    /// Whether the fetch `id` waits, itself or through others, for what `waiting` is for.
    pub(super) fn waits_on(&self, id: u64, waiting: u64) -> bool {
        // From the one that waits up to all that wait for it.
        let mut above = vec![waiting];
        let mut seen = HashSet::new();
        while let Some(fetch) = above.pop() {
            if fetch == id {
                return true;
            }
            if !seen.insert(fetch) {
                continue;
            }
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
            Next::Send(_) if self.is_zone_busy(&fetch) => {
                return self.fail(now, fetch, Failing::Busy);
            }
            Next::Send(to) => {
                let way = Way { to, channel: Channel::Udp, again: None };
                self.send(now, id, &mut fetch, way);
            }
            Next::Wait => (),
            Next::Deny => {
                let nothing = response::Found::nothing_at(fetch.question.name.as_name());
                return self.take_found(now, fetch, nothing);
            }
            Next::Fail(failing) => return self.fail(now, fetch, failing),
        }
        self.fetches.insert(id, fetch);
    }

    /// Lets the fetch of a question end with what counts if no other server helps, if it has that.
    pub(super) fn hurry(&mut self, now: Now, question: &Question) {
        let Some(&id) = self.by_question.get(question) else { return };
        if self.fetches.get(&id).is_some_and(|fetch| fetch.borrowed.is_some())
            && let Some(fetch) = self.fetches.remove(&id)
        {
            let failing = Failing::Answerless(fetch.reason());
            self.fail(now, fetch, failing);
        }
    }

    /// What a fetch that waits for no response does next.
    fn next(&mut self, now: Now, id: u64) -> Next {
        self.let_others_pay(now, id);
        if let Some(failing) = self.fetches.get(&id).and_then(|fetch| exhausted(now, fetch)) {
            return Next::Fail(failing);
        }
        loop {
            self.draw_for(now, id);
            let Some(fetch) = self.fetches.get(&id) else { return Next::Wait };
            let Some(place) = &fetch.place else {
                let place = self.place_for(now, &fetch.question, Forwards::Asked);
                self.begin_at(now, id, place);
                continue;
            };
            let addresses = place.addresses().iter().copied();
            let addresses: Vec<SocketAddr> = addresses.filter(|to| !fetch.is_spent(*to)).collect();
            // Whoever did not help lately comes after all others.
            let tries = |to| {
                let is_lame = self.lame.is_lame(now, to, &place.zone);
                fetch.tries(to) + if is_lame { TRIES_PER_SERVER_MAX } else { 0 }
            };
            let candidates = (&addresses[..], place.asked());
            let chosen = self.servers.choose(now, candidates, tries, &mut *self.entropy);
            if let Some(to) = chosen {
                return Next::Send(to);
            }
            if self.look_for_addresses(now, id) {
                return Next::Wait;
            }
            match self.after(now, id) {
                After::Begin(place) => self.begin_at(now, id, *place),
                After::Wait => return Next::Wait,
                After::End => break,
            }
        }
        self.note_dead(now, id);
        let Some(fetch) = self.fetches.get(&id) else { return Next::Wait };
        let failing = Failing::Answerless(fetch.reason());
        let is_denied = fetch.borrowed.is_none() && fetch.is_denied_by_all();
        if is_denied { Next::Deny } else { Next::Fail(failing) }
    }

    /// Lets a fetch begin with some servers.
    fn begin_at(&mut self, now: Now, id: u64, place: Place) {
        if place.origin == Origin::Hints {
            self.prime(now);
        }
        if let Some(mut fetch) = self.fetches.remove(&id) {
            self.end_requests(&mut fetch);
            fetch.move_to(place);
            self.fetches.insert(id, fetch);
        }
    }

    /// Lets somebody else pay for a fetch if who began it has nothing left.
    fn let_others_pay(&mut self, now: Now, id: u64) {
        let Some(fetch) = self.fetches.get(&id).filter(|fetch| fetch.means.left() == 0) else {
            return;
        };
        let until = fetch.means.until;
        let mut others = fetch.waiters.iter().filter_map(|waiter| self.means_of(now, *waiter));
        let other = others.find(|means| means.left() > 0);
        if let (Some(means), Some(fetch)) = (other, self.fetches.get_mut(&id)) {
            fetch.means = Means { until, ..means };
        }
    }

    /// Whether the servers of the zone that a fetch has come to are asked enough by now. Those that
    /// resolve are not counted: they were configured to be asked everything.
    fn is_zone_busy(&self, fetch: &Fetch) -> bool {
        let zone = fetch.place.as_ref().filter(|place| !place.is_forwarded());
        zone.map(|place| &place.zone).is_some_and(|zone| {
            let is_top = zone.as_name().label_count() <= 1;
            let max = if is_top { REQUESTS_PER_TOP_ZONE_MAX } else { REQUESTS_PER_ZONE_MAX };
            let of_client = || {
                let key = fetch.means.client.map(|client| (zone.clone(), client));
                key.map_or(0, |key| self.by_zone_and_client.count(&key))
            };
            is_taken(self.by_zone.count(zone), of_client, max)
        })
    }

    /// Ends a fetch that found something.
    pub(super) fn succeed(&mut self, now: Now, mut fetch: Fetch, entries: &[Arc<Entry>]) {
        self.end_requests(&mut fetch);
        if entries.is_empty() {
            return self.fail(now, fetch, Failing::Answerless(FailureReason::Lame));
        }
        self.by_question.remove(&fetch.question);
        self.end_renewal(&fetch);
        for waiter in fetch.waiters {
            match waiter {
                Waiter::Lookup(lookup) => self.continue_lookup(now, lookup, entries),
                Waiter::Fetch(waiting) => {
                    self.address_came(waiting, &fetch.question, Ok(entries));
                }
            }
        }
    }

    /// Ends a fetch that no server has helped as it should: with what counts then, or with nothing,
    /// which is kept if it says something of what was asked.
    pub(super) fn fail(&mut self, now: Now, mut fetch: Fetch, failing: Failing) {
        self.end_requests(&mut fetch);
        if let Some(found) = fetch.borrowed.take() {
            return self.take_found(now, fetch, *found);
        }
        self.by_question.remove(&fetch.question);
        self.end_renewal(&fetch);
        let failing = fetch.fails_by(failing);
        if let Failing::Answerless(reason) = failing
            && !fetch.is_priming
        {
            let folded = FoldedName::new(fetch.question.name.as_name());
            self.cache.put_failure(now, &folded, fetch.question.rtype, reason);
        }
        for waiter in fetch.waiters {
            match waiter {
                Waiter::Lookup(lookup) => self.fail_lookup(now, lookup, failing),
                Waiter::Fetch(waiting) => {
                    self.address_came(waiting, &fetch.question, Err(failing));
                }
            }
        }
    }
}

/// Whether of so many places for requests none is left for a client that has some of them: who has many
/// leaves the rest to others.
fn is_taken(count: u32, of_client: impl FnOnce() -> u32, max: u32) -> bool {
    count >= max || (count >= max / 2 && of_client() >= max / CLIENTS_PER_ZONE_MIN)
}

/// Why a fetch may send no more requests, if that is so.
pub(super) fn exhausted(now: Now, fetch: &Fetch) -> Option<Failing> {
    if fetch.requests >= REQUESTS_PER_FETCH_MAX {
        return Some(Failing::Answerless(FailureReason::TooLong));
    }
    if now >= fetch.means.until {
        let is_borrowed = fetch.means.depth > 0;
        let failing = Failing::Answerless(fetch.reason());
        return Some(if is_borrowed { Failing::Limited } else { failing });
    }
    (fetch.means.left() == 0).then_some(Failing::Limited)
}
