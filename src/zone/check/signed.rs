//! What is wrong with a zone that claims to be signed.
//!
//! A zone claims that by a DNSKEY with the zone key flag, an RRSIG, an NSEC or an NSEC3PARAM record
//! at its apex; the records of any other zone are not looked at. Verifies no signature: it sees
//! what can be told without cryptography, in one walk over the names.

use crate::base::limits::NSEC3_ITERATIONS_MAX;
use crate::base::time::Wall;
use crate::wire::numbers::Rtype;
use crate::wire::rdata::listed_types;
use crate::zone::check::holes::Holes;
use crate::zone::check::nsec::NsecChain;
use crate::zone::check::nsec3::{Hash, Hashed, Nsec3Chain};
use crate::zone::check::signature::{Keys, Signatures};
use crate::zone::check::{Findings, Kind, Subject, any_record, record};
use crate::zone::crew::Crew;
use crate::zone::denial::{Denial, Nsec3Params};
use crate::zone::node::Node;
use crate::zone::store::Zone;

/// Adds what is wrong with the signatures of a zone, as of `now`, and with its proofs.
pub(super) fn check(zone: &Zone, now: Wall, crew: &Crew, findings: &mut Findings) {
    let (apex, keys) = (zone.apex_node(), Keys::of(zone.apex_node()));
    let Some(claim) = claim(apex, &keys) else { return };
    let mut holes = Holes::default();
    if has_signatures(apex) {
        let chain = chain(zone, &mut holes);
        let signatures = Signatures::new(zone.apex(), &keys, now);
        Walk { zone, signatures, chain }.walk(crew, &mut holes);
    } else {
        holes.add(Kind::NOT_SIGNED, || {
            let name = apex.owner();
            let message = format!("the zone {name} has {claim} records and no signatures");
            (message, any_record(name, claim))
        });
    }
    holes.tell(findings);
}

/// The type of the record that says the zone is signed.
fn claim(apex: &Node, keys: &Keys) -> Option<Rtype> {
    if !keys.is_empty() {
        return Some(Rtype::DNSKEY);
    }
    let claims = |rtype: Rtype| matches!(rtype, Rtype::RRSIG | Rtype::NSEC | Rtype::NSEC3PARAM);
    apex.sets().map(|set| set.rtype()).find(|rtype| claims(*rtype))
}

fn has_signatures(node: &Node) -> bool {
    node.sets().any(|set| set.rtype() == Rtype::RRSIG)
}

/// How the zone denies, ready to be walked along; none if it does not.
fn chain<'z>(zone: &'z Zone, holes: &mut Holes) -> Chain<'z> {
    match zone.chain().denial() {
        Denial::Nsec => Chain::Nsec(NsecChain::new(zone.apex())),
        Denial::Nsec3(params) => {
            if params.iterations() > ITERATIONS_ACCEPTED {
                holes.add(Kind::NSEC3_ITERATIONS, || iterations(zone, params));
            }
            Chain::Nsec3(Nsec3Chain::new(zone, params, holes))
        }
        Denial::Unsigned => {
            let apex = zone.apex_node();
            match apex.find(Rtype::NSEC3PARAM).and_then(|set| set.records().find(is_overdone)) {
                Some(rdata) => holes.add(Kind::NSEC3_NOT_SERVED, || {
                    let message = format!(
                        "the zone {} has NSEC3 with more than {NSEC3_ITERATIONS_MAX} iterations",
                        zone.apex()
                    );
                    (message, record(zone.apex(), Rtype::NSEC3PARAM, rdata))
                }),
                None => holes.add(Kind::DENIAL_MISSING, || denial_missing(apex)),
            }
            Chain::None
        }
    }
}

/// Iterations that validators take; more count as not signed (RFC 9276 §3.2). BIND and Unbound take
/// so many, others fewer.
const ITERATIONS_ACCEPTED: u16 = 150;

fn iterations(zone: &Zone, params: &Nsec3Params) -> (String, Subject) {
    let (name, iterations) = (zone.apex(), params.iterations());
    let message = format!(
        "the zone {name} has NSEC3 with {iterations} iterations, of which validators take \
         {ITERATIONS_ACCEPTED} at most"
    );
    (message, any_record(name, Rtype::NSEC3PARAM))
}

/// Whether an NSEC3PARAM record wants more iterations than are served.
fn is_overdone(rdata: &&[u8]) -> bool {
    let iterations = rdata.get(2..4).and_then(|octets| octets.first_chunk());
    iterations.is_some_and(|octets| u16::from_be_bytes(*octets) > NSEC3_ITERATIONS_MAX)
}

fn denial_missing(apex: &Node) -> (String, Subject) {
    let name = apex.owner();
    if apex.find(Rtype::NSEC3PARAM).is_some() {
        let message = format!("the zone {name} has no NSEC3PARAM record that can be used");
        return (message, any_record(name, Rtype::NSEC3PARAM));
    }
    let message = format!("the signed zone {name} has neither an NSEC nor an NSEC3PARAM record");
    (message, any_record(name, Rtype::RRSIG))
}

/// The records that prove what is not there.
enum Chain<'z> {
    /// There are none.
    None,
    /// By name.
    Nsec(NsecChain<'z>),
    /// By hash.
    Nsec3(Nsec3Chain<'z>),
}

/// Names that are hashed before they are looked at: enough to be worth starting threads for.
const AHEAD: usize = 8192;

struct Walk<'z, 'k> {
    zone: &'z Zone,
    signatures: Signatures<'z, 'k>,
    chain: Chain<'z>,
}

/// A name, and whether the zone answers for it.
#[derive(Clone, Copy)]
enum Standing<'z> {
    /// It does.
    Answered(&'z Node),
    /// It is the name of a hash.
    Hashed(&'z Node),
    /// A cut or DNAME, which is the second, hides the first.
    Hidden(&'z Node, &'z Node),
}

/// The names of a zone in order.
fn standings(zone: &Zone) -> impl Iterator<Item = Standing<'_>> {
    // The closest cut or DNAME above.
    let mut hiding: Option<&Node> = None;
    zone.nodes().map(move |node| {
        let owner = node.owner();
        // Hashes stand below a DNAME of the apex as they do below any apex.
        if node.is_hashed() && owner.parent() == Some(zone.apex()) {
            return Standing::Hashed(node);
        }
        hiding = hiding.filter(|above| owner.is_below(above.owner()));
        if let Some(above) = hiding {
            return Standing::Hidden(node, above);
        }
        hiding = (node.is_cut() || node.has_dname()).then_some(node);
        Standing::Answered(node)
    })
}

impl<'z> Walk<'z, '_> {
    fn walk(mut self, crew: &Crew, holes: &mut Holes) {
        self.signatures.keys(self.zone.apex_node(), holes);
        let mut types = Vec::new();
        let mut names = standings(self.zone);
        loop {
            let ahead: Vec<Standing<'_>> = names.by_ref().take(AHEAD).collect();
            if ahead.is_empty() {
                break;
            }
            let mut hashes = self.hashes(&ahead, crew).into_iter();
            for standing in ahead {
                match standing {
                    Standing::Answered(node) => {
                        self.answered(node, hashes.next(), &mut types, holes);
                    }
                    Standing::Hashed(node) => self.signatures.node(node, holes),
                    Standing::Hidden(node, above) => self.hidden(node, above, holes),
                }
            }
        }
        match self.chain {
            Chain::None => (),
            Chain::Nsec(chain) => chain.finish(holes),
            Chain::Nsec3(chain) => chain.finish(holes),
        }
    }

    /// The hashes of those names that the zone answers for; none if it does not deny by hash.
    fn hashes(&self, names: &[Standing<'z>], crew: &Crew) -> Vec<Hash> {
        let Chain::Nsec3(chain) = &self.chain else { return Vec::new() };
        let answered = |standing: &Standing<'z>| match standing {
            Standing::Answered(node) => Some(node.owner()),
            Standing::Hashed(_) | Standing::Hidden(..) => None,
        };
        let helpers = crew.gather(names.len());
        let parts = names.chunks(names.len().div_ceil(helpers.count()).max(1)).collect();
        let hashes = helpers.map(parts, |part: &[Standing<'z>]| {
            let hashes = part.iter().filter_map(answered).map(|name| chain.hash(name));
            hashes.collect::<Vec<Hash>>()
        });
        hashes.concat()
    }

    /// Checks a name that the zone answers for.
    fn answered(
        &mut self,
        node: &'z Node,
        hash: Option<Hash>,
        types: &mut Vec<Rtype>,
        holes: &mut Holes,
    ) {
        self.signatures.node(node, holes);
        match (&mut self.chain, hash) {
            (Chain::Nsec(chain), _) => {
                list_types(node, Rtype::NSEC3, types);
                chain.name(node, types, holes);
            }
            (Chain::Nsec3(chain), Some(hash)) => {
                list_types(node, Rtype::NSEC, types);
                chain.name(self.zone, &Hashed { node, hash }, types, holes);
            }
            (Chain::None, _) | (Chain::Nsec3(_), None) => (),
        }
    }

    /// Checks a name that a cut or a DNAME hides.
    fn hidden(&mut self, node: &'z Node, above: &Node, holes: &mut Holes) {
        let owner = node.owner();
        if node.find(Rtype::NSEC).is_some() {
            if let Chain::Nsec(chain) = &mut self.chain {
                chain.stray(node);
            }
            holes.add(Kind::NSEC_OUT_OF_PLACE, || {
                let what = if above.is_cut() { "delegation" } else { "DNAME" };
                let name = above.owner();
                let message = format!("{owner} has an NSEC record below the {what} at {name}");
                (message, any_record(owner, Rtype::NSEC))
            });
        } else if above.is_cut() {
            self.signatures.hidden(node, holes);
        }
    }
}

/// The types that the proof of a name lists, in order (RFC 4035 §2.3): all but those of hashed
/// names, and at a cut those that belong to this side. `other` is the type of the proofs that the
/// zone does not go by, which may be left from before or be there already.
fn list_types(node: &Node, other: Rtype, types: &mut Vec<Rtype>) {
    types.clear();
    let belongs_here =
        |rtype: &Rtype| !node.is_cut() || *rtype == Rtype::NS || is_signed_at_cut(*rtype);
    let is_listed = |rtype: &Rtype| ![Rtype::RRSIG, Rtype::NSEC3, other].contains(rtype);
    types.extend(node.sets().map(|set| set.rtype()).filter(is_listed).filter(belongs_here));
    // As it ought to be: a missing signature is told as that.
    let is_signed =
        if node.is_cut() { types.iter().any(|t| is_signed_at_cut(*t)) } else { !types.is_empty() };
    if is_signed {
        types.insert(types.partition_point(|rtype| *rtype < Rtype::RRSIG), Rtype::RRSIG);
    }
}

/// Whether sets of a type are signed at a cut (RFC 4035 §2.2).
pub(super) fn is_signed_at_cut(rtype: Rtype) -> bool {
    matches!(rtype, Rtype::DS | Rtype::NSEC)
}

/// In what the types of a bitmap differ from those that are there.
pub(super) fn difference(bitmap: &[u8], there: &[Rtype]) -> String {
    let surplus = listed_types(bitmap).find(|rtype| !there.contains(rtype));
    let lacking = there.iter().find(|rtype| !listed_types(bitmap).any(|other| other == **rtype));
    match (surplus, lacking) {
        (Some(surplus), Some(lacking)) => format!("lists {surplus} and not {lacking}"),
        (Some(surplus), None) => format!("lists {surplus}, which is not there"),
        (None, Some(lacking)) => format!("does not list {lacking}"),
        (None, None) => "lists types out of order".to_owned(),
    }
}

#[cfg(test)]
mod tests;
