//! What comes back for the request of a fetch: whether it is a response to it at all, whether the
//! same server is asked again in another way, and how the fetch goes on with what it means.

use std::borrow::Cow;
use std::net::SocketAddr;

use crate::base::limits::{LATE_US_MAX, REFERRALS_MAX, WRONG_RESPONSES_MAX};
use crate::base::time::Now;
use crate::cache::{FailureReason, Owned};
use crate::resolver::fetch::{Failing, Fetch, exhausted};
use crate::resolver::minimise::STEPS_MAX;
use crate::resolver::place::{Origin, Place};
use crate::resolver::request::{Again, Loss, Sent, Way};
use crate::resolver::response::{Asked, End, Found, Meaning, Referral, Useless, read, target};
use crate::resolver::{Channel, Ignored, Question, RequestId, Resolver, learn, private};
use crate::wire::folded::FoldedName;
use crate::wire::header::{HEADER_LEN, Header};
use crate::wire::name::NameBuf;
use crate::wire::numbers::{Rcode, Rtype};
use crate::wire::typed::Response;

/// A response, and the request it is to.
struct Answered {
    response: Response,
    sent: Sent,
}

/// How a response repeats the letters of the question.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Letters {
    /// As they were sent, or as is all the same.
    Kept,
    /// Otherwise: somebody may have guessed.
    Changed,
}

/// What came back for a request.
enum Received {
    /// Nothing that ends the wait.
    Nothing,
    /// Nothing of use from who alone can send it: nothing better is to come.
    Loss,
    /// Something by which the same is to be asked once more.
    Again(Way),
    /// A response by which the fetch can go on.
    Answered(Box<Answered>),
}

impl Resolver {
    /// Whether a request is the one that its fetch waits for, and not the one before.
    pub(super) fn is_current(&self, id: u64, request: RequestId) -> bool {
        let sent = self.fetches.get(&id).and_then(|fetch| fetch.sent.as_ref());
        sent.is_some_and(|sent| sent.request == request)
    }

    /// Takes what came back for a request of a fetch: the one that it waits for, or the one before.
    /// Returns why it is not used if somebody else may have sent it.
    pub(super) fn take_response(
        &mut self,
        now: Now,
        of: (u64, RequestId),
        octets: &[u8],
    ) -> Option<Ignored> {
        let (id, request) = of;
        let is_late = !self.is_current(id, request);
        let mut fetch = self.fetches.remove(&id)?;
        if is_late {
            std::mem::swap(&mut fetch.sent, &mut fetch.late);
        }
        let (received, ignored) = self.receive(now, &mut fetch, octets);
        if is_late {
            // What it waits for stays, if there is something.
            std::mem::swap(&mut fetch.sent, &mut fetch.late);
        }
        match received {
            Received::Nothing => {
                self.fetches.insert(id, fetch);
            }
            Received::Loss => {
                self.fetches.insert(id, fetch);
                self.give_up_request(now, id, Loss::Timeout);
            }
            // Another server is asked by now, which may be about to answer.
            Received::Again(_) if is_late && fetch.sent.is_some() => {
                self.fetches.insert(id, fetch);
            }
            Received::Again(way) => match exhausted(now, &fetch) {
                Some(failing) => self.fail(now, fetch, failing),
                None => {
                    self.end_request(&mut fetch);
                    self.send(now, id, &mut fetch, way);
                    self.fetches.insert(id, fetch);
                }
            },
            Received::Answered(answered) => self.take_meaning(now, id, fetch, *answered),
        }
        ignored
    }

    /// Looks at what came back. What cannot be read, or is not what was asked for, may come from
    /// anyone over UDP: the wait goes on. Nobody else sends anything over a connection of ours.
    fn receive(
        &mut self,
        now: Now,
        fetch: &mut Fetch,
        octets: &[u8],
    ) -> (Received, Option<Ignored>) {
        let Some(sent) = &fetch.sent else { return (Received::Nothing, None) };
        let (to, channel) = (sent.way.to, sent.way.channel);
        let (response, letters) = match read_response(octets, sent) {
            Ok(read) => read,
            Err(ignored) => return (self.ignore(fetch, (to, channel)), Some(ignored)),
        };
        let Some(sent) = self.end_request(fetch) else { return (Received::Nothing, None) };
        fetch.hear(to);
        self.measure(now, fetch, &sent);
        let again = again(&response, &sent, letters);
        self.take_lack(now, &response, &sent);
        self.take_cookie(now, &response, &sent);
        let (channel, ignored) = match again {
            None => return (Received::Answered(Box::new(Answered { response, sent })), None),
            Some(Again::OverTcp) => (Channel::Tcp, None),
            Some(Again::Unproven) => (Channel::Tcp, Some(Ignored::Cookie)),
            Some(Again::InOneCase) => {
                self.servers.lacks_case(now, to);
                (Channel::Tcp, Some(Ignored::Case))
            }
            Some(Again::WithoutEdns | Again::WithoutCookie | Again::WithNewCookie) => {
                (channel, None)
            }
        };
        (Received::Again(Way { to, channel, again }), ignored)
    }

    /// Goes on waiting for a response when something else came from the server's address. After many
    /// of them the server is asked over TCP.
    fn ignore(&mut self, fetch: &mut Fetch, (to, channel): (SocketAddr, Channel)) -> Received {
        if channel == Channel::Tcp {
            return Received::Loss;
        }
        fetch.wrong += 1;
        if !fetch.wrong.is_multiple_of(WRONG_RESPONSES_MAX) {
            return Received::Nothing;
        }
        self.end_request(fetch);
        Received::Again(Way { to, channel: Channel::Tcp, again: Some(Again::OverTcp) })
    }

    /// Takes in how long a response took, and by what way it came.
    fn measure(&mut self, now: Now, fetch: &Fetch, sent: &Sent) {
        // The machine may have slept since, and the response have waited.
        let waited_us = sent.until.as_micros().saturating_sub(sent.at.as_micros()) + LATE_US_MAX;
        let after_us = now.as_micros().saturating_sub(sent.at.as_micros()).min(waited_us);
        // A connection takes one more trip.
        let trips = if sent.way.channel == Channel::Tcp { 2 } else { 1 };
        self.servers.answered(now, sent.way.to, after_us / trips);
        if sent.way.channel == Channel::Tcp && fetch.is_silent_over_udp(sent.way.to) {
            self.servers.lacks_udp(now, sent.way.to);
        }
    }

    /// Takes in what a server does not understand, if it is of use without. It may say FORMERR for another
    /// reason, and then says it again (RFC 6891 §6.2.2).
    fn take_lack(&mut self, now: Now, response: &Response, sent: &Sent) {
        if !matches!(response.rcode, Rcode::NOERROR | Rcode::NXDOMAIN) {
            return;
        }
        match sent.way.again {
            Some(Again::WithoutEdns) => self.servers.lacks_edns(now, sent.way.to),
            Some(Again::WithoutCookie) => self.servers.lacks_cookies(now, sent.way.to),
            Some(Again::OverTcp | Again::InOneCase | Again::WithNewCookie | Again::Unproven)
            | None => (),
        }
    }

    /// Takes in the cookie of a response. What is none over TCP, where nobody can forge a response,
    /// is that the server uses none any more (RFC 7873 §5.3).
    fn take_cookie(&mut self, now: Now, response: &Response, sent: &Sent) {
        let cookie = response.edns.and_then(|edns| edns.cookie);
        match cookie {
            Some((_, Some(theirs))) => self.servers.told_cookie(now, sent.way.to, theirs),
            Some((_, None)) => (),
            None if sent.expects_cookie() && sent.way.channel == Channel::Tcp => {
                self.servers.forget_cookie(now, sent.way.to);
            }
            None => (),
        }
    }

    /// Goes on with what a response means.
    fn take_meaning(&mut self, now: Now, id: u64, mut fetch: Fetch, answered: Answered) {
        let Answered { response, sent } = answered;
        let Some(place) = &fetch.place else {
            return self.fail(now, fetch, Failing::Answerless(FailureReason::Lame));
        };
        let name = sent.name.as_name().to_lowercase();
        let asked = Asked {
            name: name.as_name(),
            rtype: sent.rtype,
            zone: place.zone.as_name(),
            is_forwarded: place.is_forwarded(),
        };
        let labels = name.as_name().label_count();
        let is_whole = labels == fetch.question.name.as_name().label_count();
        match read(response, asked) {
            Meaning::Found(found) if is_whole => return self.take_found(now, fetch, found),
            Meaning::Found(found) => {
                self.end_requests(&mut fetch);
                fetch.known_labels = labels;
                fetch.forget_tries(sent.way.to);
                // A server may deny a name above one that exists (RFC 9156 §2.3, step 6): the whole
                // name is asked for.
                fetch.steps = if found.end == End::NameError { STEPS_MAX } else { fetch.steps + 1 };
            }
            Meaning::Referral(referral) => {
                self.end_requests(&mut fetch);
                fetch.referrals += 1;
                if fetch.referrals > REFERRALS_MAX {
                    return self.fail(now, fetch, Failing::Answerless(FailureReason::TooLong));
                }
                self.follow(now, &mut fetch, &referral, sent.way.to);
            }
            // Some servers fail for names that have no records, and for those below do not.
            Meaning::Useless(Useless::Failed(_) | Useless::Empty { .. }) if !is_whole => {
                fetch.steps = STEPS_MAX;
            }
            // Some servers leave AA out; what they say of a part of the name need not be so of the
            // whole.
            Meaning::Borrowed(_) if !is_whole => fetch.steps = STEPS_MAX,
            Meaning::Borrowed(found) => {
                if matches!(found.end, End::Records | End::Open) {
                    fetch.borrowed = Some(Box::new(found));
                }
                self.lame.note(now, sent.way.to, &place.zone);
                fetch.give_up(sent.way.to, FailureReason::Lame);
            }
            Meaning::Useless(useless) => {
                fetch.is_denied |= useless == Useless::Empty { is_denial: true };
                if !place.is_forwarded() && useless != Useless::NotAsParent {
                    self.lame.note(now, sent.way.to, &place.zone);
                }
                fetch.give_up(sent.way.to, FailureReason::Lame);
            }
        }
        self.fetches.insert(id, fetch);
        self.ready.push_back(id);
    }

    /// Goes where a referral leads.
    fn follow(&self, now: Now, fetch: &mut Fetch, referral: &Referral, from: SocketAddr) {
        let until = fetch.place.as_ref().and_then(|place| place.until);
        match learn::referral(&self.cache, now, referral, until) {
            Some(until) => fetch.move_to(Place::below(referral, Some(until))),
            None => fetch.give_up(from, FailureReason::Lame),
        }
    }

    /// Ends a fetch with what was found.
    pub(super) fn take_found(&mut self, now: Now, fetch: Fetch, mut found: Found) {
        self.cut_chain(&fetch, &mut found);
        let is_route =
            fetch.place.as_ref().is_some_and(|place| matches!(place.origin, Origin::Route(_)));
        if self.options.filters_private && !is_route && self.is_of_the_world(&fetch.question) {
            private::remove(&mut found);
        }
        let entries = learn::found(&self.cache, now, &fetch.question, &found);
        self.succeed(now, fetch, &entries);
    }

    /// Cuts a chain of aliases where it comes to a name for which these servers do not speak: it lies
    /// outside their zone, or others are asked for it, whom the configuration or a zone of ours names.
    fn cut_chain(&self, fetch: &Fetch, found: &mut Found) {
        let Some(place) = &fetch.place else { return };
        let asked = &fetch.question;
        let mut name = asked.name.clone();
        for (number, set) in found.chain.iter().enumerate() {
            let is_alias = match set.rtype {
                Rtype::DNAME => name.as_name().is_below(set.owner.as_name()),
                rtype => rtype == Rtype::CNAME && asked.rtype != rtype && asked.rtype != Rtype::ANY,
            };
            let target = is_alias.then(|| target(name.as_name(), set)).flatten();
            let Some(target) = target else { return };
            let is_theirs = target.as_name().is_within(place.zone.as_name())
                && self.told_by(&target, asked.rtype) == self.told_by(&asked.name, asked.rtype);
            if !is_theirs {
                found.chain.truncate(number + 1);
                (found.last, found.end, found.soa) = (target, End::Open, None);
                return;
            }
            name = target;
        }
    }

    /// The zones of the route and of the delegation of ours that a name is below, if it is.
    fn told_by(&self, name: &NameBuf, rtype: Rtype) -> (Option<NameBuf>, Option<NameBuf>) {
        let route = self.options.route(name.as_name()).map(|route| route.zone.clone());
        let cut = match self.local.owner_of(&FoldedName::new(name.as_name()), rtype) {
            Owned::Cut(cut) => Some(cut.zone),
            Owned::Yes | Owned::No => None,
        };
        (route, cut)
    }

    /// Whether a name belongs to nobody whom we know: neither a route nor a zone of ours leads to it.
    fn is_of_the_world(&self, question: &Question) -> bool {
        let name = question.name.as_name();
        self.options.route(name).is_none()
            && self.local.owner_of(&FoldedName::new(name), question.rtype) == Owned::No
    }
}

/// A response if it is one to the request, which anybody can send, and whether it has the letters that
/// were sent. One with a cookie has ours (RFC 7873 §5.3).
///
/// # Errors
///
/// Fails with what shows that it is none.
fn read_response(octets: &[u8], sent: &Sent) -> Result<(Response, Letters), Ignored> {
    let header = Header::read(octets).ok_or(Ignored::Malformed)?;
    if header.id != sent.id {
        return Err(Ignored::Id);
    }
    if !Response::may_answer(octets, sent.id, sent.name.as_name(), sent.rtype) {
        return Err(Ignored::Question);
    }
    let (octets, letters) = in_one_case(octets, sent);
    let response = Response::read(&octets).map_err(|_| Ignored::Malformed)?;
    if response.question.is_none() && response.rcode != Rcode::FORMERR {
        return Err(Ignored::Question);
    }
    let cookie = response.edns.and_then(|edns| edns.cookie);
    let cookies = cookie.zip(sent.cookie);
    let has_our_cookie = cookies.is_none_or(|((repeated, _), (ours, _))| repeated == ours);
    if has_our_cookie { Ok((response, letters)) } else { Err(Ignored::Cookie) }
}

/// A message with the question in lower case if it has the letters that were sent, and whether it
/// has. The rest of the message points at the question, so that their random case would come with the
/// answer.
fn in_one_case<'o>(octets: &'o [u8], sent: &Sent) -> (Cow<'o, [u8]>, Letters) {
    if !sent.mixed_case {
        return (octets.into(), Letters::Kept);
    }
    let name = HEADER_LEN..HEADER_LEN + sent.name.as_name().len();
    if octets.get(name.clone()) != Some(sent.name.as_name().as_wire()) {
        return (octets.into(), Letters::Changed);
    }
    let mut lowered = octets.to_vec();
    if let Some(question) = lowered.get_mut(name) {
        question.make_ascii_lowercase();
    }
    (lowered.into(), Letters::Kept)
}

/// Whether, and why, the same server is to be asked again.
fn again(response: &Response, sent: &Sent, letters: Letters) -> Option<Again> {
    let is_udp = sent.way.channel == Channel::Udp;
    if response.is_cut() && is_udp {
        return Some(Again::OverTcp);
    }
    let cookie = response.edns.and_then(|edns| edns.cookie);
    if sent.expects_cookie() && cookie.is_none() && is_udp {
        return Some(Again::Unproven);
    }
    if letters == Letters::Changed && response.question.is_some() {
        return Some(Again::InOneCase);
    }
    if response.rcode == Rcode::BADCOOKIE && cookie.is_some() && is_udp {
        // Once more, or it is that nothing will do (RFC 7873 §5.3).
        let has_new = sent.way.again == Some(Again::WithNewCookie);
        return Some(if has_new { Again::OverTcp } else { Again::WithNewCookie });
    }
    // Only that tells that EDNS is not known; anything else may have another cause (RFC 6891 §7).
    if response.rcode != Rcode::FORMERR || !sent.has_opt {
        return None;
    }
    match response.edns {
        None => Some(Again::WithoutEdns),
        Some(_) => sent.cookie.map(|_| Again::WithoutCookie),
    }
}
