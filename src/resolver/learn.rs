//! Putting what a response says into the cache.
//!
//! Decides how far each part is believed (RFC 2181 §5.4.1) and nothing else: what lies outside the
//! zone is gone by now (`scrub`), and what the response means is known (`response`).

use std::sync::Arc;

use crate::base::limits::CACHED_PROOFS_MAX;
use crate::base::time::{Now, Ttl};
use crate::cache::{
    Cache, Entry, LearntDelegation, LearntDenial, LearntRecord, LearntRecords, LearntSet, Put,
    Rank, Security, Unfit,
};
use crate::resolver::Question;
use crate::resolver::response::{End, Found, Referral, redirected};
use crate::resolver::scrub::ReceivedSet;
use crate::wire::name::Name;
use crate::wire::numbers::Rtype;

/// A set as the cache takes it, whose records are borrowed from a response.
struct Shown<'r> {
    owner: Name<'r>,
    rtype: Rtype,
    records: Vec<LearntRecord<'r>>,
    signatures: Vec<LearntRecord<'r>>,
}

impl<'r> Shown<'r> {
    fn of(set: &'r ReceivedSet) -> Self {
        let ttl = Ttl::learnt(set.ttl_secs);
        let learnt = |rdatas: &'r [Box<[u8]>]| {
            rdatas.iter().map(move |rdata| LearntRecord { ttl, rdata }).collect()
        };
        let (records, signatures) = (learnt(&set.rdatas), learnt(&set.signatures));
        Self { owner: set.owner.as_name(), rtype: set.rtype, records, signatures }
    }

    fn as_set(&self) -> LearntSet<'_> {
        let Self { owner, rtype, records, signatures } = self;
        LearntSet { owner: *owner, rtype: *rtype, records, signatures }
    }
}

/// A name that a DNAME leads elsewhere.
struct Redirected<'r> {
    name: Name<'r>,
    target: Name<'r>,
    dname: &'r ReceivedSet,
}

/// Keeps an answer; returns its entries, also those that are for this one answer alone.
pub(super) fn found(
    cache: &Cache,
    now: Now,
    question: &Question,
    found: &Found,
) -> Vec<Arc<Entry>> {
    let rtype = question.rtype;
    // Behind an alias a server need not be responsible (RFC 2181 §5.4.1).
    let rank_of = |aliases: usize| {
        let is_its_own = found.is_authoritative && aliases == 0;
        if is_its_own { Rank::Authoritative } else { Rank::Answer }
    };
    let security = Security::Unchecked;
    let proofs: Vec<Shown<'_>> = believed(found.proofs.iter());
    let proofs: Vec<LearntSet<'_>> = proofs.iter().map(Shown::as_set).collect();
    let mut entries = Vec::new();
    let (mut name, mut aliases) = (question.name.clone(), 0);
    for set in &found.chain {
        let rank = rank_of(aliases);
        // A DNAME at the name itself is what was asked for.
        if set.rtype == Rtype::DNAME && name.as_name().is_below(set.owner.as_name()) {
            let Some(target) = redirected(name.as_name(), set) else {
                entries.extend(too_long(cache, now, set, rank));
                break;
            };
            let alias = Redirected { name: name.as_name(), target: target.as_name(), dname: set };
            entries.extend(redirect(cache, now, &alias, rank));
            (name, aliases) = (target, aliases + 1);
            continue;
        }
        // The server may have made its name from the question, in the random case of that.
        let owner = if set.owner == name { &name } else { &set.owner };
        let shown = Shown { owner: owner.as_name(), ..Shown::of(set) };
        // That nothing else has the name stands with what a wildcard answers (RFC 4035 §3.1.3.3).
        let proofs = if is_of_wildcard(set) { &proofs[..] } else { &[] };
        let learnt = LearntRecords { set: shown.as_set(), redirect: None, proofs, rank, security };
        entries.extend(kept(cache.put_records(now, &learnt)));
        let target = set.rdatas.first().and_then(|rdata| Name::read(rdata).ok());
        if let (Rtype::CNAME, Some(target)) = (set.rtype, target)
            && rtype != Rtype::ANY
        {
            (name, aliases) = (target.to_buf(), aliases + 1);
        }
    }
    keep_glue(cache, now, &found.glue);
    let soa = found.soa.as_ref().map(Shown::of);
    let soa = soa.as_ref().map(Shown::as_set);
    let rank = rank_of(aliases);
    let denial = LearntDenial { name: found.last.as_name(), soa, proofs: &proofs, rank, security };
    entries.extend(match found.end {
        End::Records | End::TooLong | End::Open => None,
        End::NoData => kept(cache.put_no_data(now, rtype, &denial)),
        End::NameError => kept(cache.put_name_error(now, &denial)),
    });
    entries
}

/// The proofs that are kept. More came in no honest message, and those who do not look at them need
/// the answer all the same.
fn believed<'r>(proofs: impl Iterator<Item = &'r ReceivedSet>) -> Vec<Shown<'r>> {
    proofs.take(CACHED_PROOFS_MAX).map(Shown::of).collect()
}

/// Whether a wildcard stands for the owner of a signed set: its signatures are of fewer labels
/// (RFC 4035 §5.3.4).
fn is_of_wildcard(set: &ReceivedSet) -> bool {
    let labels = set.signatures.iter().filter_map(|signature| signature.get(3));
    labels
        .map(|labels| usize::from(*labels))
        .any(|labels| labels < set.owner.as_name().label_count())
}

/// Keeps the alias that a DNAME makes of a name.
fn redirect(cache: &Cache, now: Now, alias: &Redirected<'_>, rank: Rank) -> Option<Arc<Entry>> {
    let Redirected { name, target, dname } = alias;
    let ttl = Ttl::learnt(dname.ttl_secs);
    let records = vec![LearntRecord { ttl, rdata: target.as_wire() }];
    let cname = Shown { owner: *name, rtype: Rtype::CNAME, records, signatures: Vec::new() };
    let dname = Shown::of(dname);
    let learnt = LearntRecords {
        set: cname.as_set(),
        redirect: Some(dname.as_set()),
        proofs: &[],
        rank,
        security: Security::Unchecked,
    };
    kept(cache.put_records(now, &learnt))
}

/// Keeps a DNAME that makes a name too long, as what its owner has.
fn too_long(cache: &Cache, now: Now, dname: &ReceivedSet, rank: Rank) -> Option<Arc<Entry>> {
    let shown = Shown::of(dname);
    let (set, security) = (shown.as_set(), Security::Unchecked);
    kept(
        cache.put_records(now, &LearntRecords { set, redirect: None, proofs: &[], rank, security }),
    )
}

/// Keeps a delegation and the addresses that came with it. `until` is when the delegation ends by
/// which it was found. Returns when the new one does; `None` if it cannot be kept.
pub(super) fn referral(
    cache: &Cache,
    now: Now,
    referral: &Referral,
    until: Option<Now>,
) -> Option<Now> {
    let security = Security::Unchecked;
    let servers = Shown::of(&referral.servers);
    let proofs = believed(referral.ds.iter().chain(&referral.proofs));
    let proofs: Vec<LearntSet<'_>> = proofs.iter().map(Shown::as_set).collect();
    let delegation =
        LearntDelegation { servers: servers.as_set(), proofs: &proofs, until, security };
    let kept = kept(cache.put_delegation(now, &delegation))?;
    keep_glue(cache, now, &referral.glue);
    Some(kept.expires())
}

/// Keeps addresses that are good for reaching servers and nothing else.
fn keep_glue(cache: &Cache, now: Now, glue: &[ReceivedSet]) {
    let (rank, security) = (Rank::Additional, Security::Unchecked);
    for set in glue {
        let shown = Shown::of(set);
        let set = shown.as_set();
        // What does not fit is no address that anybody needs.
        let _ = cache
            .put_records(now, &LearntRecords { set, redirect: None, proofs: &[], rank, security });
    }
}

/// The entry that came of a put.
fn kept(put: Result<Put, Unfit>) -> Option<Arc<Entry>> {
    match put {
        Ok(Put::Stored(entry) | Put::Once(entry) | Put::Outranked(entry)) => Some(entry),
        Err(Unfit::Empty | Unfit::TooLarge | Unfit::Soa) => None,
    }
}
