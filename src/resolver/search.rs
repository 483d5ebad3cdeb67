//! How a fetch comes by addresses of servers: those that are known, those that are looked for by
//! fetches of their own, and those that a parent tells once more.
//!
//! Asks nobody itself. Where all that leads nowhere is remembered of the zone (`dead`).

use std::sync::Arc;

use crate::base::limits::{ADDRESS_FETCHES_AT_ONCE_MAX, ADDRESS_FETCHES_MAX};
use crate::base::time::Now;
use crate::cache::{Entry, Found, Owned};
use crate::resolver::fetch::{Failing, Fetch, Waiter};
use crate::resolver::options::RouteKind;
use crate::resolver::place::{Forwards, Origin, Place};
use crate::resolver::{Question, Resolver};
use crate::wire::folded::FoldedName;
use crate::wire::name::{Name, NameBuf};
use crate::wire::numbers::Rtype;

/// How a fetch goes on that has nobody to ask where it is.
pub(super) enum After {
    /// With other servers.
    Begin(Box<Place>),
    /// When another has asked the parent.
    Wait,
    /// It does not.
    End,
}

impl Resolver {
    /// Draws the addresses of the servers that a fetch has come to.
    pub(super) fn draw_for(&mut self, now: Now, id: u64) {
        let Some(mut place) = self.fetches.get_mut(&id).and_then(|fetch| fetch.place.take()) else {
            return;
        };
        self.draw_addresses(now, &mut place);
        if let Some(fetch) = self.fetches.get_mut(&id) {
            fetch.place = Some(place);
        }
    }

    /// Whom to ask when those that were asked do not help, if there is somebody else.
    pub(super) fn after(&mut self, now: Now, id: u64) -> After {
        let place = self.fetches.get_mut(&id).and_then(|fetch| fetch.place.take());
        let Some(mut place) = place else { return After::End };
        let told = self.at_glue(now, &mut place).map(Box::new);
        let (others, origin) = (told.or_else(|| place.parents.take()), place.origin);
        let outer = Forwards::Above(place.route_labels);
        let Some(fetch) = self.fetches.get_mut(&id) else { return After::End };
        fetch.place = Some(place);
        if let Some(others) = others {
            return After::Begin(others);
        }
        match origin {
            Origin::Route(RouteKind::ForwardFirst) => {
                let question = fetch.question.clone();
                After::Begin(Box::new(self.place_for(now, &question, outer)))
            }
            Origin::Learnt => self.renewed(now, id),
            Origin::Ours | Origin::Hints | Origin::Route(_) => After::End,
        }
    }

    /// Lets a fetch ask the parent of a zone for the zone's servers once more, if their addresses ended
    /// before the delegation, or wait for one that does. After a new referral that would bring the
    /// same.
    fn renewed(&mut self, now: Now, id: u64) -> After {
        let Some(fetch) = self.fetches.get(&id) else { return After::End };
        let Some(place) = &fetch.place else { return After::End };
        let zone = place.zone.clone();
        let is_new = fetch.referrals > 0 || !fetch.has_asked_nobody() || zone.as_name().is_root();
        if is_new || self.is_dead(now, id) || !self.is_glue_over(now, fetch, place) {
            return After::End;
        }
        let other = self.renewing.get(&zone).copied().filter(|other| *other != id);
        let of_other = other.and_then(|other| self.fetches.get(&other));
        if let Some((other, awaited)) = other.zip(of_other.map(|other| other.question.clone())) {
            return self.await_renewal(id, other, awaited);
        }
        self.renewing.insert(zone.clone(), id);
        if let Some(fetch) = self.fetches.get_mut(&id) {
            fetch.renews.push(zone.clone());
        }
        let question = Question { name: zone, rtype: Rtype::DS };
        After::Begin(Box::new(self.place_for(now, &question, Forwards::PassedOver)))
    }

    /// Lets a fetch wait for another, for the question `awaited`, which asks the parent.
    fn await_renewal(&mut self, id: u64, other: u64, awaited: Question) -> After {
        if self.waits_on(other, id) {
            return After::End;
        }
        let added = self.add_waiter(other, Waiter::Fetch(id));
        let Some(fetch) = self.fetches.get_mut(&id) else { return After::End };
        match added {
            Ok(()) => {
                fetch.awaited.push(awaited);
                After::Wait
            }
            Err(failing) => {
                fetch.hinder(failing);
                After::End
            }
        }
    }

    /// Whether an address of a server may be over that only the parent can tell again: it is not
    /// known, and could not be looked for.
    fn is_glue_over(&self, now: Now, fetch: &Fetch, place: &Place) -> bool {
        let mut wanted = place.names.iter().flat_map(|name| {
            let types = self.options.address_types();
            types.map(|rtype| Question { name: name.clone(), rtype })
        });
        fetch.address_fetches < ADDRESS_FETCHES_MAX
            && wanted.any(|wanted| {
                let folded = FoldedName::new(wanted.name.as_name());
                !fetch.has_searched(&wanted) && self.is_unknown(now, &folded, wanted.rtype)
            })
    }

    /// Takes in that a fetch which may have asked parents once more is over.
    pub(super) fn end_renewal(&mut self, fetch: &Fetch) {
        for zone in &fetch.renews {
            self.renewing.remove(zone);
        }
    }

    /// Whether no server of the zone that a fetch has come to could be found lately.
    fn is_dead(&self, now: Now, id: u64) -> bool {
        let place = self.fetches.get(&id).and_then(|fetch| fetch.place.as_ref());
        place.is_some_and(|place| {
            place.addresses().is_empty() && self.dead.is_dead(now, &place.zone)
        })
    }

    /// Remembers that no server of the zone can be found that a fetch has come to, if that is so and
    /// not for want of what others have spent.
    pub(super) fn note_dead(&mut self, now: Now, id: u64) {
        let Some(fetch) = self.fetches.get(&id) else { return };
        let Some(place) = &fetch.place else { return };
        let is_of_zone = match fetch.hindrance {
            None => true,
            Some(Failing::Limited) => fetch.means.depth == 0,
            Some(Failing::Busy | Failing::Answerless(_)) => false,
        };
        let is_delegated = matches!(place.origin, Origin::Learnt | Origin::Ours);
        if is_delegated && is_of_zone && fetch.fault.is_none() && !place.zone.as_name().is_root() {
            self.dead.note(now, &place.zone);
        }
    }

    /// Begins to look for addresses of servers that are not known; false if there is nothing to wait
    /// for.
    pub(super) fn look_for_addresses(&mut self, now: Now, id: u64) -> bool {
        let place = self.fetches.get(&id).and_then(|fetch| fetch.place.as_ref());
        let names = place.map_or_else(Vec::new, |place| place.names.clone());
        !self.is_dead(now, id) && self.look_for_addresses_of(now, id, &names)
    }

    /// The same, while others are still asked, of servers of which no address is known at all: those
    /// that are known may be dead.
    pub(super) fn look_ahead(&mut self, now: Now, id: u64) {
        let place = self.fetches.get(&id).and_then(|fetch| fetch.place.as_ref());
        let names = place.map_or_else(Vec::new, Place::unreached);
        self.look_for_addresses_of(now, id, &names);
    }

    fn look_for_addresses_of(&mut self, now: Now, id: u64, names: &[NameBuf]) -> bool {
        let place = self.fetches.get(&id).and_then(|fetch| fetch.place.as_ref());
        let zone = place.map_or_else(NameBuf::root, |place| place.zone.clone());
        for name in names {
            let may_begin = |fetch: &Fetch| {
                fetch.address_fetches < ADDRESS_FETCHES_MAX
                    && fetch.awaited_names() < ADDRESS_FETCHES_AT_ONCE_MAX
            };
            if !self.fetches.get(&id).is_some_and(may_begin) {
                break;
            }
            let mut has_begun = false;
            for rtype in self.options.address_types() {
                let wanted = Question { name: name.clone(), rtype };
                has_begun |= self.look_for_address(now, id, wanted, zone.as_name());
            }
            if let Some(fetch) = self.fetches.get_mut(&id) {
                fetch.address_fetches += u32::from(has_begun);
            }
        }
        self.fetches.get(&id).is_some_and(|fetch| !fetch.awaited.is_empty())
    }

    /// Begins to look for an address of a server of `zone`; false if that is of no use, or not possible.
    fn look_for_address(&mut self, now: Now, id: u64, wanted: Question, zone: Name<'_>) -> bool {
        let Some(fetch) = self.fetches.get(&id) else { return false };
        let is_done = fetch.has_searched(&wanted) || fetch.awaited.contains(&wanted);
        if is_done || !self.is_address_worth_asking(now, &wanted, zone) {
            return false;
        }
        let waiter = Waiter::Fetch(id);
        // It may wait for that since it was elsewhere.
        let is_awaited = self.is_awaited(&wanted, waiter);
        let awaited =
            if is_awaited { Ok(()) } else { self.await_fetch(now, wanted.clone(), waiter) };
        let Some(fetch) = self.fetches.get_mut(&id) else { return false };
        match awaited {
            Ok(()) => {
                fetch.searched.push((wanted.clone(), fetch.means.depth));
                fetch.awaited.push(wanted);
            }
            Err(failing) => fetch.hinder(failing),
        }
        awaited.is_ok()
    }

    /// Whether somebody waits for the fetch of a question already.
    fn is_awaited(&self, question: &Question, waiter: Waiter) -> bool {
        let fetch = self.by_question.get(question).and_then(|fetch| self.fetches.get(fetch));
        fetch.is_some_and(|fetch| fetch.waiters.contains(&waiter))
    }

    /// Whether asking for an address of a server of `zone` can bring one: none that is known by now
    /// was of use.
    fn is_address_worth_asking(&self, now: Now, wanted: &Question, zone: Name<'_>) -> bool {
        let folded = FoldedName::new(wanted.name.as_name());
        self.local.owner_of(&folded, wanted.rtype) != Owned::Yes
            && self.is_unknown(now, &folded, wanted.rtype)
            // The same servers would be asked, none of which could be.
            && self.place_for(now, wanted, Forwards::Asked).zone.as_name() != zone
    }

    /// Whether the cache knows nothing of a question, not even that it failed.
    fn is_unknown(&self, now: Now, name: &FoldedName, rtype: Rtype) -> bool {
        let floor = || self.denied_from(name, rtype);
        matches!(self.cache.find(now, name, rtype, floor), Found::Missing)
    }

    /// Lets a fetch go on that waited for an address, with what was found. One that has gone elsewhere
    /// meanwhile has no use for it.
    pub(super) fn address_came(
        &mut self,
        waiting: u64,
        awaited: &Question,
        found: Result<&[Arc<Entry>], Failing>,
    ) {
        let Some(fetch) = self.fetches.get_mut(&waiting) else { return };
        let Some(number) = fetch.awaited.iter().position(|question| question == awaited) else {
            return;
        };
        fetch.awaited.swap_remove(number);
        match (found, &mut fetch.place) {
            (Ok(entries), Some(place)) => {
                if place.learn_addresses(entries) {
                    self.dead.forget(&place.zone);
                }
            }
            (Ok(_), None) => (),
            (Err(failing), _) => fetch.hinder(failing),
        }
        if let Some(place) = &mut fetch.place {
            place.look_again();
        }
        self.ready.push_back(waiting);
    }
}
