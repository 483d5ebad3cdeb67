//! What a view gives its clients beyond its zones: answers that are learnt from others, or at least
//! the way to those who know.
//!
//! Asks nobody: it says who may have what, and for which names there are other rules.

use std::net::IpAddr;
use std::sync::Arc;

use crate::answer::local::cut;
use crate::answer::refusal::Refusal;
use crate::answer::snapshot::{View, ZoneState, ZoneTable};
use crate::cache::Cache;
use crate::metrics::AnswerSource;
use crate::policy::acl::Acl;
use crate::wire::folded::FoldedName;
use crate::wire::name::{Name, NameBuf};
use crate::wire::numbers::Rtype;
use crate::zone::store::Zone;

/// How far a view goes for its clients.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    /// It asks others for what it does not know.
    Answers,
    /// It asks nobody, and tells of the closest servers it knows of.
    Referrals,
}

/// A zone whose questions go to servers that were configured.
#[derive(Clone, Debug)]
pub struct Routed {
    /// The zone.
    pub zone: NameBuf,
    /// Whether those resolve, so that what they say is passed on.
    pub is_forwarded: bool,
}

/// The resolver as one view has it.
#[derive(Clone, Debug)]
pub struct ResolverRole {
    /// Who may use it.
    pub allow: Acl,
    /// How far it goes.
    pub reach: Reach,
    /// What has been learnt.
    pub cache: Cache,
    /// Zones of names that are reserved for local use, so that nobody is asked for them (RFC 6303,
    /// RFC 6761).
    pub reserved: ZoneTable,
    /// Zones that were configured, reserved names among them: these are not answered here then.
    pub routes: Vec<Routed>,
    /// The servers of the root, for who asks where to begin.
    pub hints: Arc<[(NameBuf, Vec<IpAddr>)]>,
}

impl ResolverRole {
    /// The reserved zone that a name is in; `None` if it is in none, or others were configured for it.
    pub(super) fn reserved(&self, name: &FoldedName, rtype: Rtype) -> Option<&Zone> {
        let ZoneState::Loaded(zone) = self.reserved.find(name, rtype)? else { return None };
        // Whether there is a DS record, only the parent can tell.
        let is_parents = is_ds_of_apex(zone, rtype, name);
        let is_routed = self.routes.iter().any(|route| {
            let of_route = route.zone.as_name();
            of_route.is_within(zone.apex()) && name.as_name().is_within(of_route)
        });
        (!is_parents && !is_routed).then_some(&**zone)
    }

    /// How many labels a name has at least whose denial counts for a name below it (`Cache::find`):
    /// others are asked for what a zone of ours delegates, and for what has a route. The resolver
    /// has the same rule.
    pub(super) fn denied_from(&self, view: &View, name: &FoldedName, rtype: Rtype) -> usize {
        let of_parent = usize::from(rtype == Rtype::DS && name.label_count() > 0);
        let within = name.suffix(of_parent);
        let routes = self.routes.iter().map(|route| route.zone.as_name());
        let routes = routes.filter(|zone| within.is_within(*zone)).map(Name::label_count);
        let zone = match view.zones.find(name, rtype) {
            Some(ZoneState::Loaded(zone)) if !is_ds_of_apex(zone, rtype, name) => {
                cut(zone, name, rtype).map_or(0, |cut| cut.owner().label_count())
            }
            Some(ZoneState::Loaded(_) | ZoneState::Broken) | None => 0,
        };
        routes.max().unwrap_or(0).max(zone)
    }

    /// What an answer counts as that was just got for a name.
    pub(super) fn source_of(&self, name: Name<'_>) -> AnswerSource {
        let routes = self.routes.iter().filter(|route| name.is_within(route.zone.as_name()));
        match routes.max_by_key(|route| route.zone.as_name().len()) {
            Some(route) if route.is_forwarded => AnswerSource::Forwarder,
            Some(_) | None => AnswerSource::Resolver,
        }
    }
}

/// What one query gets beyond the zones.
#[derive(Clone, Copy, Debug)]
pub(super) struct Access<'v> {
    /// The role, if the client may use it.
    pub(super) role: Option<&'v ResolverRole>,
    /// Whether others are asked for what is not known.
    pub(super) asks: bool,
    /// Whether there is a role that this client may not use.
    is_denied: bool,
}

impl<'v> Access<'v> {
    /// What a client gets.
    pub(super) fn of(view: &'v View, client: IpAddr, recursion_desired: bool) -> Self {
        let there = view.resolver.as_ref();
        let role = there.filter(|role| role.allow.allows(client));
        Self {
            role,
            asks: recursion_desired && role.is_some_and(|role| role.reach == Reach::Answers),
            is_denied: there.is_some() && role.is_none(),
        }
    }

    /// Whether the client could have names resolved (RFC 1035 §4.1.1, RA).
    pub(super) fn offers_recursion(&self) -> bool {
        self.role.is_some_and(|role| role.reach == Reach::Answers)
    }

    /// Why a name gets nothing that is in none of our zones.
    fn refusal(&self) -> Refusal {
        if self.is_denied { Refusal::NotAllowed } else { Refusal::NotAuthoritative }
    }

    /// Who answers for a name.
    pub(super) fn answerer(
        &self,
        view: &'v View,
        rtype: Rtype,
        name: &FoldedName,
    ) -> Result<Answerer<'v>, Refusal> {
        match view.zones.find(name, rtype) {
            Some(ZoneState::Loaded(zone)) => Ok(self.answerer_in(zone, rtype, name)),
            Some(ZoneState::Broken) => Err(Refusal::BrokenZone),
            None => {
                let role = self.role.ok_or_else(|| self.refusal())?;
                let reserved = role.reserved(name, rtype);
                Ok(reserved.map_or(Answerer::Others(role), Answerer::Reserved))
            }
        }
    }

    /// Who answers for a name in one of our zones: the zone, but for its DS record, of which only the
    /// parent can tell (RFC 4035 §3.1.4.1).
    pub(super) fn answerer_in(
        &self,
        zone: &'v Zone,
        rtype: Rtype,
        name: &FoldedName,
    ) -> Answerer<'v> {
        match self.role.filter(|_| self.asks && is_ds_of_apex(zone, rtype, name)) {
            Some(role) => Answerer::Others(role),
            None => Answerer::Zone(zone),
        }
    }
}

/// Who answers for a name.
#[derive(Clone, Copy, Debug)]
pub(super) enum Answerer<'v> {
    /// One of our zones.
    Zone(&'v Zone),
    /// A zone of names that are reserved.
    Reserved(&'v Zone),
    /// Others, from whom it is learnt.
    Others(&'v ResolverRole),
}

/// Whether the question is for the DS record of a zone itself, which its parent has.
pub(super) fn is_ds_of_apex(zone: &Zone, rtype: Rtype, name: &FoldedName) -> bool {
    rtype == Rtype::DS && zone.depth() > 0 && zone.depth() == name.label_count()
}
