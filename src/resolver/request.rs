//! One request of a fetch: what is sent, and what becomes of it if nothing comes back.

use std::net::{IpAddr, SocketAddr};

use crate::base::limits::{LATE_US_MAX, REQUEST_UDP_SIZE, TCP_WAIT_US_MIN};
use crate::base::time::Now;
use crate::cache::FailureReason;
use crate::resolver::fetch::Fetch;
use crate::resolver::minimise::labels_shown;
use crate::resolver::place::Place;
use crate::resolver::servers::{Asked, Manner, Wait};
use crate::resolver::{Channel, Due, RequestId, Resolver, Transmit};
use crate::wire::edns::{CLIENT_COOKIE_LEN, RequestOpt, ServerCookie};
use crate::wire::name::{Name, NameBuf};
use crate::wire::numbers::Rtype;
use crate::wire::request::Request;

/// A request that is under way.
#[derive(Debug)]
pub(super) struct Sent {
    pub(super) request: RequestId,
    pub(super) way: Way,
    /// The zone among whose requests it is counted, and the client for whom.
    zone: Option<(NameBuf, Option<IpAddr>)>,
    /// When, and until when it is waited for.
    pub(super) at: Now,
    pub(super) until: Now,
    /// What a response has to repeat.
    pub(super) id: u16,
    pub(super) name: NameBuf,
    pub(super) rtype: Rtype,
    /// Whether it has an OPT record, and whether its letters have a random case.
    pub(super) has_opt: bool,
    pub(super) mixed_case: bool,
    /// Our part of the cookie, and the server's.
    pub(super) cookie: Option<([u8; CLIENT_COOKIE_LEN], Option<ServerCookie>)>,
}

impl Sent {
    /// Whether the server has told a cookie before, so that its response has one.
    pub(super) fn expects_cookie(&self) -> bool {
        self.cookie.is_some_and(|(_, servers)| servers.is_some())
    }
}

/// To whom a request goes, and how.
#[derive(Clone, Copy, Debug)]
pub(super) struct Way {
    pub(super) to: SocketAddr,
    pub(super) channel: Channel,
    /// Why the same is asked once more, if it is.
    pub(super) again: Option<Again>,
}

/// Why, and how, the same server is asked again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Again {
    /// Over TCP, because the response was cut, or somebody sends wrong ones.
    OverTcp,
    /// Over TCP, because the response had the question in another case.
    InOneCase,
    /// Without EDNS, which it may not know.
    WithoutEdns,
    /// Without a cookie, which it may not understand.
    WithoutCookie,
    /// With the cookie that it has just told.
    WithNewCookie,
    /// Over TCP, because the response had no cookie though the server uses them (RFC 7873 §5.3).
    Unproven,
}

/// How a request was lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Loss {
    /// Nothing came back in time.
    Timeout,
    /// The network says that it cannot get there.
    Unreachable,
}

impl Resolver {
    /// Sends what is to be asked next.
    pub(super) fn send(&mut self, now: Now, id: u64, fetch: &mut Fetch, way: Way) {
        if self.cookies.roll_over(now, &mut *self.entropy) {
            // They were told for another part of ours.
            self.servers.forget_cookies();
        }
        let server = fetch.place.as_ref().map_or(Asked::Serves, Place::asked);
        let is_forwarded = server == Asked::Resolves;
        let wait = Wait { server, losses: fetch.losses(way.to) };
        let manner = self.servers.manner(now, way.to, wait);
        let sent = self.draw_up(now, fetch, way, &manner);
        let opt = RequestOpt { udp_size: REQUEST_UDP_SIZE, dnssec_ok: true, cookie: sent.cookie };
        let request = Request {
            id: sent.id,
            name: sent.name.as_name(),
            rtype: sent.rtype,
            recursion_desired: is_forwarded,
            opt: sent.has_opt.then_some(opt),
        };
        let octets = request.to_octets();
        let (request, due) = (sent.request, sent.until);
        let Way { to, channel, .. } = sent.way;
        let until = match channel {
            Channel::Udp => due.after_micros(LATE_US_MAX),
            Channel::Tcp => due,
        };
        fetch.count_request(to);
        if let Some((zone, client)) = sent.zone.clone() {
            if let Some(client) = client {
                self.by_zone_and_client.add((zone.clone(), client));
            }
            self.by_zone.add(zone);
        }
        fetch.sent = Some(sent);
        self.requests.insert(request, id);
        self.timers.insert((due, Due::Request(request)));
        self.transmits.push_back(Transmit { request, to, channel, until, octets });
    }

    /// The request that a fetch sends next.
    fn draw_up(&mut self, now: Now, fetch: &Fetch, mut way: Way, manner: &Manner) -> Sent {
        if manner.tcp || fetch.wants_tcp(way.to) {
            way.channel = Channel::Tcp;
        }
        let place = fetch.place.as_ref();
        let zone = place.filter(|place| !place.is_forwarded());
        let zone = zone.map(|place| (place.zone.clone(), fetch.means.client));
        let (name, rtype) = self.shown(fetch, place);
        let mixed_case =
            self.options.mixes_case && manner.mixed_case && way.channel == Channel::Udp;
        let name = if mixed_case { self.mix_case(&name) } else { name };
        let ours = || (self.cookies.for_server(way.to.ip()), manner.cookie);
        let has_opt = manner.edns && way.again != Some(Again::WithoutEdns);
        let has_cookie = has_opt && manner.with_cookie && way.again != Some(Again::WithoutCookie);
        let cookie = has_cookie.then(ours);
        let [high, low, ..] = self.entropy.next_u64().to_be_bytes();
        let wait_us = match way.channel {
            Channel::Udp => manner.wait_us,
            Channel::Tcp => manner.wait_us.max(TCP_WAIT_US_MIN),
        };
        Sent {
            request: RequestId(self.new_id()),
            way,
            zone,
            at: now,
            until: now.after_micros(wait_us),
            id: u16::from_be_bytes([high, low]),
            name,
            rtype,
            has_opt,
            mixed_case,
            cookie,
        }
    }

    /// What a server gets to see of the question.
    fn shown(&self, fetch: &Fetch, place: Option<&Place>) -> (NameBuf, Rtype) {
        let name = fetch.question.name.as_name();
        let total = name.label_count();
        let is_whole = place.is_some_and(Place::is_forwarded) || !self.options.minimises;
        let labels =
            if is_whole { total } else { labels_shown(total, fetch.known_labels, fetch.steps) };
        if labels == total {
            return (name.to_buf(), fetch.question.rtype);
        }
        let suffix = name.suffixes().nth(total - labels);
        (suffix.map_or_else(NameBuf::root, Name::to_buf), Rtype::A)
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
    pub(super) fn end_request(&mut self, fetch: &mut Fetch) -> Option<Sent> {
        let mut sent = fetch.sent.take()?;
        self.close(&mut sent);
        Some(sent)
    }

    /// Ends all requests of a fetch.
    pub(super) fn end_requests(&mut self, fetch: &mut Fetch) {
        for mut sent in fetch.sent.take().into_iter().chain(fetch.late.take()) {
            self.close(&mut sent);
        }
    }

    fn close(&mut self, sent: &mut Sent) {
        self.requests.remove(&sent.request);
        self.timers.remove(&(sent.until, Due::Request(sent.request)));
        self.leave_place(sent.zone.take());
        self.closed.push_back(sent.request);
    }

    /// Gives back the place that a request took among those to its zone.
    fn leave_place(&mut self, place: Option<(NameBuf, Option<IpAddr>)>) {
        let Some((zone, client)) = place else { return };
        self.by_zone.remove(&zone);
        if let Some(client) = client {
            self.by_zone_and_client.remove(&(zone, client));
        }
    }

    /// Takes in that nothing came back for a request.
    pub(super) fn give_up_request(&mut self, now: Now, id: u64, loss: Loss) {
        let Some(mut fetch) = self.fetches.remove(&id) else { return };
        if let Some(mut sent) = fetch.sent.take() {
            let Way { to, channel, again } = sent.way;
            self.servers.lost(now, to);
            let waited_us = now.as_micros().saturating_sub(sent.at.as_micros());
            fetch.count_loss(sent.way, loss, waited_us);
            if channel == Channel::Tcp {
                self.servers.lacks_tcp(now, to);
            }
            if again == Some(Again::Unproven) {
                // It has no TCP to prove itself by, and must not stay unreachable for that.
                self.servers.forget_cookie(now, to);
            }
            fetch.blame(match loss {
                Loss::Timeout => FailureReason::Unreachable,
                Loss::Unreachable => FailureReason::Network,
            });
            if let (Loss::Timeout, Channel::Udp) = (loss, channel) {
                // It takes no place among the requests to its zone.
                self.leave_place(sent.zone.take());
                if let Some(mut before) = fetch.late.replace(sent) {
                    self.close(&mut before);
                }
            } else {
                self.close(&mut sent);
            }
        }
        self.fetches.insert(id, fetch);
        self.look_ahead(now, id);
        self.ready.push_back(id);
    }
}
