//! What a response means: an answer, a denial, a referral, or nothing that helps.
//!
//! Looks at nothing outside the zone that was asked (`scrub`), and takes of the answer section only
//! what lies on the chain of aliases from the question. What a DNAME makes of a name is worked out
//! here and not believed (RFC 6672 §3.4). Asks nobody and keeps nothing.

use crate::base::limits::RESOLVED_ALIASES_MAX;
use crate::resolver::scrub::{ReceivedSet, sets_within};
use crate::wire::header::Flags;
use crate::wire::name::{Name, NameArray, NameBuf};
use crate::wire::numbers::{Rcode, Rtype};
use crate::wire::typed::{Record, Response};

/// What a server was asked, and for what it speaks.
#[derive(Clone, Copy, Debug)]
pub struct Asked<'a> {
    /// The name, perhaps shortened.
    pub name: Name<'a>,
    /// The type.
    pub rtype: Rtype,
    /// The zone that the server was said to serve; the root for one that is forwarded to.
    pub zone: Name<'a>,
    /// Whether it was asked to resolve, so that its answers need not be authoritative and it refers
    /// nobody on.
    pub is_forwarded: bool,
}

/// What a response means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Meaning {
    /// It answers, or denies.
    Found(Found),
    /// It answers, or denies, and its server does not say that it is responsible: what it knows may
    /// come from somebody's cache.
    Borrowed(Found),
    /// It says who knows.
    Referral(Referral),
    /// It does not help.
    Useless(Useless),
}

/// An answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// The aliases from the name that was asked, as CNAME or DNAME sets, and at the end the records;
    /// several sets if all types were asked for.
    pub chain: Vec<ReceivedSet>,
    /// The name at which the chain ends.
    pub last: NameBuf,
    /// What is at that name.
    pub end: End,
    /// The SOA record of a denial.
    pub soa: Option<ReceivedSet>,
    /// NSEC and NSEC3 records, which prove a denial or a wildcard.
    pub proofs: Vec<ReceivedSet>,
    /// Addresses of the root's servers that the answer names, if it was asked for these
    /// (RFC 9609 §4.2).
    pub glue: Vec<ReceivedSet>,
    /// Whether the server says that it is responsible for the name.
    pub is_authoritative: bool,
}

impl Found {
    /// That there are no records of the type at a name, without an SOA.
    pub(super) fn nothing_at(name: Name<'_>) -> Self {
        Self {
            chain: Vec::new(),
            last: name.to_buf(),
            end: End::NoData,
            soa: None,
            proofs: Vec::new(),
            glue: Vec::new(),
            is_authoritative: false,
        }
    }
}

/// How a chain of aliases ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// With records of the type.
    Records,
    /// With a name that the last DNAME of the chain makes too long (RFC 6672 §2.2).
    TooLong,
    /// With a name about which the response says nothing.
    Open,
    /// With a name that has no records of the type (RFC 2308 §2.2).
    NoData,
    /// With a name that does not exist (RFC 2308 §2.1).
    NameError,
}

/// A delegation below the zone that was asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Referral {
    /// The NS records of the cut, which name the zone.
    pub servers: ReceivedSet,
    /// The DS records.
    pub ds: Option<ReceivedSet>,
    /// NSEC and NSEC3 records, which prove that there are no DS records.
    pub proofs: Vec<ReceivedSet>,
    /// Addresses of the servers, as far as they lie in the zone that was asked.
    pub glue: Vec<ReceivedSet>,
}

/// Why a response does not help.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Useless {
    /// The server does not serve the zone: it refers to its own zone, upwards or sideways, or denies
    /// for a zone above.
    Lame,
    /// The server does not tell of a DS record what its zone does, as the parent: it answers as the
    /// child would, or refers to that. Of other names it may well speak for the zone.
    NotAsParent,
    /// A response code that tells nothing of the name.
    Failed(Rcode),
    /// No records of use and no SOA, so that nobody knows what is denied for how long; or
    /// cut.
    Empty {
        /// Whether it says all the same that there are no such records: it comes from who is
        /// responsible, and there is nothing else in it (RFC 2308 §2.2).
        is_denial: bool,
    },
}

/// What a response means.
pub fn read(response: Response, asked: Asked<'_>) -> Meaning {
    let rcode = response.rcode;
    if !matches!(rcode, Rcode::NOERROR | Rcode::NXDOMAIN | Rcode::YXDOMAIN) {
        return Meaning::Useless(Useless::Failed(rcode));
    }
    if response.is_cut() {
        // Over TCP, too: a part of a set is not the set.
        return Meaning::Useless(Useless::Empty { is_denial: false });
    }
    let is_authoritative = response.header.flags.contains(Flags::AA);
    let is_bare = response.odd == 0
        && response.answers.is_empty()
        && !response
            .authorities
            .iter()
            .any(|record| matches!(record.rtype, Rtype::NS | Rtype::SOA));
    let is_responsible = is_authoritative || asked.is_forwarded;
    let is_denial = is_bare && is_responsible;
    let is_from_above = response
        .authorities
        .iter()
        .any(|record| record.rtype == Rtype::SOA && asked.zone.is_below(record.owner.as_name()));
    let mut answers = sets_within(response.answers, asked.zone);
    let mut authorities = sets_within(response.authorities, asked.zone);
    let (chain, last, reached) = follow(&mut answers, asked);
    if rcode == Rcode::YXDOMAIN && reached != Some(End::TooLong) {
        return Meaning::Useless(Useless::Failed(rcode));
    }
    let proofs = take_proofs(&mut authorities);
    let soa = authorities.iter().position(|set| {
        set.rtype == Rtype::SOA
            && set.rdatas.len() == 1
            && last.as_name().is_within(set.owner.as_name())
    });
    let soa = soa.map(|place| authorities.swap_remove(place));
    let is_referral = !is_responsible
        && authorities.iter().any(|set| set.rtype == Rtype::NS && leads_down(set, asked));
    let end = match (reached, rcode, &soa) {
        // Glue, which some servers put where an answer stands.
        (Some(_), ..) if is_referral => {
            let referral = refer(authorities, response.additionals, proofs, asked);
            return referral.unwrap_or(Meaning::Useless(Useless::Lame));
        }
        (Some(reached), ..) => reached,
        (None, Rcode::NXDOMAIN, _) => End::NameError,
        (None, _, Some(_)) => End::NoData,
        (None, _, None) if chain.is_empty() => {
            let referral = refer(authorities, response.additionals, proofs, asked);
            return referral.unwrap_or(Meaning::Useless(Useless::Empty { is_denial }));
        }
        (None, _, None) => End::Open,
    };
    // Who serves a zone above, and not this one, denies all of it.
    let is_denied_above =
        end == End::NameError && chain.is_empty() && soa.is_none() && is_from_above;
    let is_childs = end == End::NoData && is_childs_word(asked, soa.as_ref());
    if is_childs {
        return Meaning::Useless(Useless::NotAsParent);
    }
    if is_denied_above {
        return Meaning::Useless(Useless::Lame);
    }
    let servers = chain.first().filter(|_| is_responsible && is_for_root_servers(asked));
    let glue = servers.map(|servers| glue_of(servers, response.additionals, asked.zone));
    let glue = glue.unwrap_or_default();
    // Who was asked to resolve tells what others said, whatever it says of itself.
    let is_authoritative = is_authoritative && !asked.is_forwarded;
    let found = Found { chain, last, end, soa, proofs, glue, is_authoritative };
    if is_responsible { Meaning::Found(found) } else { Meaning::Borrowed(found) }
}

/// Whether a zone speaks of its own DS records, which are its parent's (RFC 4035 §3.1.4.1): some
/// servers of both answer so.
fn is_childs_word(asked: Asked<'_>, soa: Option<&ReceivedSet>) -> bool {
    let is_apex = soa.is_some_and(|soa| soa.owner.as_name() == asked.name);
    is_apex && is_of_parent(asked)
}

/// Whether the parent of a zone was asked for what is its to tell: the zone's DS records.
fn is_of_parent(asked: Asked<'_>) -> bool {
    asked.rtype == Rtype::DS && !asked.name.is_root() && !asked.is_forwarded
}

/// Whether a server of the root was asked for those of the root.
fn is_for_root_servers(asked: Asked<'_>) -> bool {
    asked.name.is_root() && asked.rtype == Rtype::NS && !asked.is_forwarded
}

/// Takes the sets out of an answer section that lie on the chain of aliases from the question.
/// Returns them, the name at the end, and how the chain ends if the section shows that.
fn follow(
    answers: &mut Vec<ReceivedSet>,
    asked: Asked<'_>,
) -> (Vec<ReceivedSet>, NameBuf, Option<End>) {
    let mut chain = Vec::new();
    let mut name = NameArray::new(asked.name);
    for _ in 0..=RESOLVED_ALIASES_MAX {
        let alias = match take_redirect(answers, name.as_name()) {
            // What stands above redirects whatever the server has put at the name itself, and makes
            // an alias of it.
            Some(dname) if matches!(asked.rtype, Rtype::CNAME | Rtype::ANY) => {
                chain.push(dname);
                return (chain, name.as_name().to_buf(), Some(End::Records));
            }
            Some(dname) => dname,
            None => {
                let before = chain.len();
                take_wanted(answers, name.as_name(), asked.rtype, &mut chain);
                if chain.len() > before {
                    return (chain, name.as_name().to_buf(), Some(End::Records));
                }
                let is_alias = |set: &ReceivedSet| {
                    set.rtype == Rtype::CNAME
                        && set.rdatas.len() == 1
                        && set.owner.as_name() == name.as_name()
                };
                let Some(place) = answers.iter().position(is_alias) else { break };
                answers.remove(place)
            }
        };
        let target = target(name.as_name(), &alias);
        let is_redirect = alias.rtype == Rtype::DNAME;
        chain.push(alias);
        match target {
            Some(target) => name.set(target.as_name()),
            None if is_redirect => return (chain, name.as_name().to_buf(), Some(End::TooLong)),
            None => break,
        }
    }
    (chain, name.as_name().to_buf(), None)
}

/// Takes the DNAME out that redirects a name.
fn take_redirect(answers: &mut Vec<ReceivedSet>, name: Name<'_>) -> Option<ReceivedSet> {
    let place = answers.iter().position(|set| {
        set.rtype == Rtype::DNAME && set.rdatas.len() == 1 && name.is_below(set.owner.as_name())
    })?;
    Some(answers.remove(place))
}

/// Takes the sets of a name out that were asked for: one, or all if all types were.
fn take_wanted(
    answers: &mut Vec<ReceivedSet>,
    name: Name<'_>,
    rtype: Rtype,
    chain: &mut Vec<ReceivedSet>,
) {
    if rtype == Rtype::RRSIG
        && let Some(signatures) = signatures_of(answers, name)
    {
        chain.push(signatures);
        return;
    }
    let is_wanted = |set: &ReceivedSet| {
        set.owner.as_name() == name
            && !set.rdatas.is_empty()
            && (set.rtype == rtype || rtype == Rtype::ANY)
    };
    while let Some(place) = answers.iter().position(is_wanted) {
        chain.push(answers.remove(place));
    }
}

/// The signatures that were asked for themselves: those of all types at a name, as one set.
fn signatures_of(answers: &[ReceivedSet], name: Name<'_>) -> Option<ReceivedSet> {
    let signed =
        || answers.iter().filter(|set| set.owner.as_name() == name && !set.signatures.is_empty());
    let rdatas = signed().flat_map(|set| set.signatures.iter().cloned()).collect();
    Some(ReceivedSet {
        owner: signed().next()?.owner.clone(),
        rtype: Rtype::RRSIG,
        ttl_secs: signed().map(|set| set.ttl_secs).min()?,
        rdatas,
        signatures: Vec::new(),
    })
}

/// The name that an alias leads to from this one.
pub(super) fn target(name: Name<'_>, alias: &ReceivedSet) -> Option<NameBuf> {
    match alias.rtype {
        Rtype::DNAME => redirected(name, alias),
        _ => alias.rdatas.first().and_then(|rdata| Name::read(rdata).ok()).map(Name::to_buf),
    }
}

/// The name that a DNAME makes of one below its owner; `None` if that gets too long, and so leads
/// nowhere (RFC 6672 §2.2).
pub(super) fn redirected(name: Name<'_>, dname: &ReceivedSet) -> Option<NameBuf> {
    let target = dname.rdatas.first().and_then(|rdata| Name::read(rdata).ok())?;
    let kept = name.len().checked_sub(dname.owner.as_name().len())?;
    let mut redirected = NameArray::new(name);
    redirected.set_replaced(name, kept, target).then(|| redirected.as_name().to_buf())
}

/// Takes the sets of a section that prove something.
fn take_proofs(sets: &mut Vec<ReceivedSet>) -> Vec<ReceivedSet> {
    let is_proof = |set: &mut ReceivedSet| matches!(set.rtype, Rtype::NSEC | Rtype::NSEC3);
    sets.extract_if(.., is_proof).collect()
}

/// What a response without answer and SOA means by its NS records; `None` if it has none.
fn refer(
    mut authorities: Vec<ReceivedSet>,
    additionals: Vec<Record>,
    proofs: Vec<ReceivedSet>,
    asked: Asked<'_>,
) -> Option<Meaning> {
    let servers =
        authorities.iter().position(|set| set.rtype == Rtype::NS && !set.rdatas.is_empty())?;
    let servers = authorities.swap_remove(servers);
    let cut = servers.owner.as_name();
    if is_of_parent(asked) && asked.name == cut && cut.is_below(asked.zone) {
        return Some(Meaning::Useless(Useless::NotAsParent));
    }
    if !leads_down(&servers, asked) {
        return Some(Meaning::Useless(Useless::Lame));
    }
    let ds =
        authorities.iter().position(|set| set.rtype == Rtype::DS && set.owner.as_name() == cut);
    let ds = ds.map(|place| authorities.swap_remove(place));
    let glue = glue_of(&servers, additionals, asked.zone);
    Some(Meaning::Referral(Referral { servers, ds, proofs, glue }))
}

/// Whether NS records lead to a zone below the one that was asked, and nearer to the question.
fn leads_down(servers: &ReceivedSet, asked: Asked<'_>) -> bool {
    let cut = servers.owner.as_name();
    let is_at_end = is_of_parent(asked) && asked.name == cut;
    let is_on_the_way = cut.is_below(asked.zone) && asked.name.is_within(cut);
    is_on_the_way && !is_at_end && !asked.is_forwarded
}

/// The addresses of these servers, as far as they lie in the zone that was asked.
fn glue_of(servers: &ReceivedSet, additionals: Vec<Record>, zone: Name<'_>) -> Vec<ReceivedSet> {
    let names: Vec<Name<'_>> =
        servers.rdatas.iter().filter_map(|rdata| Name::read(rdata).ok()).collect();
    let mut glue = sets_within(additionals, zone);
    glue.retain(|set| {
        let is_address = matches!(set.rtype, Rtype::A | Rtype::AAAA) && !set.rdatas.is_empty();
        is_address && names.contains(&set.owner.as_name())
    });
    glue
}

#[cfg(test)]
mod tests;
