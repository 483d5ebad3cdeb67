//! Whether each set has the signatures it should have (RFC 4035 §2.2).
//!
//! A set is sound if each algorithm of the zone's keys has a signature that may be good, whatever
//! other signatures it has: while keys are rolled over, there are some of keys that are gone or not
//! yet published (RFC 6781 §4.1). Verifies none.

use crate::base::time::{Ttl, Wall};
use crate::wire::name::Name;
use crate::wire::numbers::Rtype;
use crate::wire::rdata::octets::Octets;
use crate::zone::check::holes::Holes;
use crate::zone::check::signed::is_signed_at_cut;
use crate::zone::check::{Kind, Subject, any_record, record};
use crate::zone::node::{Node, Set};

/// What is left of a signature's time when it expires soon: three days, and no more than a quarter
/// of all of it. BIND renews signatures five days before they expire, Knot DNS seven.
const SOON_SECONDS: u32 = 3 * DAY;

const DAY: u32 = 24 * HOUR;
const HOUR: u32 = 60 * MINUTE;
const MINUTE: u32 = 60;

/// Flag of a DNSKEY record that belongs to a zone (RFC 4034 §2.1.1).
const ZONE_KEY: u16 = 0x0100;
/// Flag of a key that must not be used any more (RFC 5011 §2.1).
const REVOKED: u16 = 0x0080;
/// The one protocol of DNSKEY records (RFC 4034 §2.1.2).
const DNSSEC: u8 = 3;
/// RSA/MD5, whose key tags are made in a way of their own (RFC 4034 appendix B.1).
const RSAMD5: u8 = 1;

/// The keys that may sign a zone.
#[derive(Debug)]
pub(super) struct Keys {
    /// Algorithm and key tag of each, sorted.
    keys: Vec<(u8, u16)>,
    algorithms: Algorithms,
}

impl Keys {
    /// The keys at the apex.
    pub(super) fn of(apex: &Node) -> Self {
        let (mut keys, mut algorithms) = (Vec::new(), Algorithms::default());
        for rdata in apex.find(Rtype::DNSKEY).iter().flat_map(Set::records) {
            let &[high, low, protocol, ..] = rdata else { continue };
            let Some((algorithm, tag)) = identity(rdata) else { continue };
            let flags = u16::from_be_bytes([high, low]);
            if flags & (ZONE_KEY | REVOKED) == ZONE_KEY && protocol == DNSSEC {
                keys.push((algorithm, tag));
                algorithms.insert(algorithm);
            }
        }
        keys.sort_unstable();
        Self { keys, algorithms }
    }

    /// Whether there are none.
    pub(super) fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    fn contains(&self, signature: &Signature<'_>) -> bool {
        self.keys.binary_search(&(signature.algorithm, signature.key_tag)).is_ok()
    }
}

/// Algorithm and key tag of a DNSKEY record.
pub(super) fn identity(rdata: &[u8]) -> Option<(u8, u16)> {
    let &[_, _, _, algorithm, ref key @ ..] = rdata else { return None };
    let tag = if algorithm == RSAMD5 { rsamd5_tag(key) } else { key_tag(rdata) };
    Some((algorithm, tag))
}

/// The key tag of a DNSKEY record (RFC 4034 appendix B).
fn key_tag(rdata: &[u8]) -> u16 {
    let words = rdata.chunks(2).map(|pair| match *pair {
        [high, low] => u32::from(u16::from_be_bytes([high, low])),
        [high] => u32::from(high) << 8,
        _ => 0,
    });
    // At most 32,768 words of 16 bits.
    let sum: u32 = words.sum();
    let [_, _, high, low] = (sum + (sum >> 16)).to_be_bytes();
    u16::from_be_bytes([high, low])
}

fn rsamd5_tag(key: &[u8]) -> u16 {
    match *key {
        [.., high, low, _] => u16::from_be_bytes([high, low]),
        _ => 0,
    }
}

/// A set of algorithm numbers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Algorithms([u128; 2]);

impl Algorithms {
    fn insert(&mut self, algorithm: u8) {
        self.0[usize::from(algorithm >> 7)] |= 1 << (algorithm & 0x7F);
    }

    fn contains(self, algorithm: u8) -> bool {
        self.0[usize::from(algorithm >> 7)] & (1 << (algorithm & 0x7F)) != 0
    }

    fn is_empty(self) -> bool {
        self == Self::default()
    }

    fn without(self, other: Self) -> Self {
        Self([self.0[0] & !other.0[0], self.0[1] & !other.0[1]])
    }

    fn iter(self) -> impl Iterator<Item = u8> {
        (0..=u8::MAX).filter(move |algorithm| self.contains(*algorithm))
    }
}

/// The fields of an RRSIG record that are looked at (RFC 4034 §3.1).
struct Signature<'z> {
    algorithm: u8,
    labels: u8,
    original_ttl: u32,
    expiration: u32,
    inception: u32,
    key_tag: u16,
    signer: Name<'z>,
    rdata: &'z [u8],
}

impl<'z> Signature<'z> {
    fn read(rdata: &'z [u8]) -> Option<Self> {
        let mut octets = Octets::new(rdata);
        let _covered = octets.take_u16()?;
        Some(Self {
            algorithm: octets.take_u8()?,
            labels: octets.take_u8()?,
            original_ttl: octets.take_u32()?,
            expiration: octets.take_u32()?,
            inception: octets.take_u32()?,
            key_tag: octets.take_u16()?,
            signer: octets.take_name().ok()?,
            rdata,
        })
    }
}

/// A set that should be signed, and where.
#[derive(Clone, Copy)]
struct Signed<'z> {
    owner: Name<'z>,
    set: Set<'z>,
    signatures: Set<'z>,
}

impl<'z> Signed<'z> {
    fn each(&self) -> impl Iterator<Item = Signature<'z>> + use<'z> {
        self.signatures.records().filter_map(Signature::read)
    }
}

/// Checks the signatures of a zone.
pub(super) struct Signatures<'z, 'k> {
    apex: Name<'z>,
    keys: &'k Keys,
    now: u32,
}

impl<'z, 'k> Signatures<'z, 'k> {
    /// Judges signatures as of `now`.
    pub(super) fn new(apex: Name<'z>, keys: &'k Keys, now: Wall) -> Self {
        Self { apex, keys, now: now.as_serial() }
    }

    /// Checks that there are keys.
    pub(super) fn keys(&self, apex: &Node, holes: &mut Holes) {
        if self.keys.is_empty() {
            let name = apex.owner();
            holes.add(Kind::DNSKEY_MISSING, || {
                let message = format!("the zone {name} has signatures and no key for them");
                (message, any_record(name, Rtype::RRSIG))
            });
        }
    }

    /// Checks a name that the zone answers for, or that a hash is the name of.
    pub(super) fn node(&self, node: &'z Node, holes: &mut Holes) {
        let owner = node.owner();
        let mut signatures = signatures(node).peekable();
        for set in node.sets().filter(|set| set.rtype() != Rtype::RRSIG) {
            // Both stand in the order of types. A signature of what is not there does no harm.
            while signatures.next_if(|other| other.key.covered < set.rtype()).is_some() {}
            let found = signatures.next_if(|other| other.key.covered == set.rtype());
            let is_due = !node.is_cut() || is_signed_at_cut(set.rtype());
            match found {
                Some(signatures) if is_due => self.set(Signed { owner, set, signatures }, holes),
                Some(signatures) => tell_out_of_place(owner, &signatures, holes),
                None if is_due => holes.add(Kind::SIGNATURE_MISSING, || {
                    let message = format!("{owner} {} has no signature", set.rtype());
                    (message, any_record(owner, set.rtype()))
                }),
                None => (),
            }
        }
    }

    /// Checks a name below a cut, where nothing is signed.
    pub(super) fn hidden(&self, node: &'z Node, holes: &mut Holes) {
        for set in signatures(node) {
            tell_out_of_place(node.owner(), &set, holes);
        }
    }

    fn set(&self, signed: Signed<'z>, holes: &mut Holes) {
        let mut good = Algorithms::default();
        let mut lasts_for = None;
        for signature in signed.each().filter(|other| self.flaw(&signed, other).is_none()) {
            good.insert(signature.algorithm);
            lasts_for = lasts_for.max(Some(signature.expiration.wrapping_sub(self.now)));
        }
        let lacking = self.keys.algorithms.without(good);
        if lacking.is_empty() && !good.is_empty() {
            if lasts_for.is_some_and(|seconds| seconds <= SOON_SECONDS) {
                self.expires_soon(&signed, holes);
            }
            return;
        }
        let mut explained = Algorithms::default();
        for signature in signed.each() {
            if good.is_empty() || lacking.contains(signature.algorithm) {
                self.tell_flaw(&signed, &signature, holes);
                explained.insert(signature.algorithm);
            }
        }
        // A zone with one algorithm whose signatures have another has been told of their keys.
        if !good.is_empty() || lacking.iter().nth(1).is_some() {
            for algorithm in lacking.without(explained).iter() {
                tell_algorithm(&signed, algorithm, holes);
            }
        }
    }

    /// What keeps a signature from being good, besides its octets.
    fn flaw(&self, signed: &Signed<'z>, signature: &Signature<'z>) -> Option<Kind> {
        let Signed { set, signatures, .. } = signed;
        if signature.signer != self.apex {
            Some(Kind::SIGNATURE_BY_OTHER_SIGNER)
        } else if !self.keys.is_empty() && !self.keys.contains(signature) {
            Some(Kind::SIGNATURE_BY_UNKNOWN_KEY)
        } else if usize::from(signature.labels) != labels_of(signed.owner) {
            Some(Kind::SIGNATURE_LABELS_DIFFER)
        } else if signature.original_ttl != set.ttl().as_secs()
            || !is_ttl_of(signatures.ttl(), set.ttl(), signature)
        {
            Some(Kind::SIGNATURE_TTL_DIFFERS)
        } else if is_before(self.now, signature.inception) {
            Some(Kind::SIGNATURE_NOT_YET_VALID)
        } else if is_before(signature.expiration, self.now) {
            Some(Kind::SIGNATURE_EXPIRED)
        } else {
            None
        }
    }

    fn tell_flaw(&self, signed: &Signed<'z>, signature: &Signature<'z>, holes: &mut Holes) {
        let Some(kind) = self.flaw(signed, signature) else { return };
        let describe = || (self.describe(kind, signed, signature), subject(signed, signature));
        let has_one_cause = [
            Kind::SIGNATURE_BY_OTHER_SIGNER,
            Kind::SIGNATURE_BY_UNKNOWN_KEY,
            Kind::SIGNATURE_NOT_YET_VALID,
            Kind::SIGNATURE_EXPIRED,
        ];
        if has_one_cause.contains(&kind) {
            holes.add_once(kind, signature.algorithm, describe);
        } else {
            holes.add(kind, describe);
        }
    }

    fn describe(&self, kind: Kind, signed: &Signed<'z>, signature: &Signature<'z>) -> String {
        let Signed { owner, set, signatures } = signed;
        let Signature { algorithm, labels, original_ttl, key_tag, signer, .. } = signature;
        let what = format!("the signature of {owner} {}", set.rtype());
        match kind {
            Kind::SIGNATURE_BY_OTHER_SIGNER => format!("{what} is by {signer}"),
            Kind::SIGNATURE_BY_UNKNOWN_KEY => format!(
                "{what} is by the key {key_tag} of algorithm {algorithm}, which the zone does not \
                 have"
            ),
            Kind::SIGNATURE_LABELS_DIFFER => {
                format!("{what} is for a name of {labels} labels, not {}", labels_of(*owner))
            }
            Kind::SIGNATURE_TTL_DIFFERS => {
                let (ttl, own) = (set.ttl(), signatures.ttl());
                if *original_ttl == ttl.as_secs() {
                    format!("{what} has a TTL of {own}, and the set one of {ttl}")
                } else {
                    format!("{what} is for a TTL of {original_ttl}, and the set has one of {ttl}")
                }
            }
            Kind::SIGNATURE_NOT_YET_VALID => {
                let seconds = signature.inception.wrapping_sub(self.now);
                format!("{what} is not valid for another {}", span(seconds))
            }
            _ => {
                let seconds = self.now.wrapping_sub(signature.expiration);
                format!("{what} expired {} ago", span(seconds))
            }
        }
    }

    fn expires_soon(&self, signed: &Signed<'z>, holes: &mut Holes) {
        let good = signed.each().filter(|signature| self.flaw(signed, signature).is_none());
        let Some(last) = good.max_by_key(|other| other.expiration.wrapping_sub(self.now)) else {
            return;
        };
        let left = last.expiration.wrapping_sub(self.now);
        if left > last.expiration.wrapping_sub(last.inception) / 4 {
            return;
        }
        holes.add_once(Kind::SIGNATURE_EXPIRES_SOON, 0, || {
            let Signed { owner, set, .. } = signed;
            let message =
                format!("the signature of {owner} {} expires in {}", set.rtype(), span(left));
            (message, subject(signed, &last))
        });
    }
}

/// The sets of signatures of a name, by the type they cover.
fn signatures(node: &Node) -> impl Iterator<Item = Set<'_>> {
    node.sets().filter(|set| set.rtype() == Rtype::RRSIG)
}

fn subject(signed: &Signed<'_>, signature: &Signature<'_>) -> Subject {
    record(signed.owner, Rtype::RRSIG, signature.rdata)
}

fn tell_out_of_place(owner: Name<'_>, signatures: &Set<'_>, holes: &mut Holes) {
    holes.add(Kind::SIGNATURE_OUT_OF_PLACE, || {
        let covered = signatures.key.covered;
        let message = format!("{owner} {covered} is signed and belongs to the zone below");
        let rdata = signatures.records().next().unwrap_or_default();
        (message, record(owner, Rtype::RRSIG, rdata))
    });
}

fn tell_algorithm(signed: &Signed<'_>, algorithm: u8, holes: &mut Holes) {
    holes.add_once(Kind::ALGORITHM_WITHOUT_SIGNATURE, algorithm, || {
        let (owner, rtype) = (signed.owner, signed.set.rtype());
        let message = format!(
            "{owner} {rtype} has no signature of algorithm {algorithm}, of which the zone has a key"
        );
        (message, any_record(owner, rtype))
    });
}

/// Whether a signature has the TTL of its set (RFC 4034 §3) or, where that is longer than the
/// signature lasts, that time, as BIND's signer has it.
fn is_ttl_of(own: Ttl, ttl: Ttl, signature: &Signature<'_>) -> bool {
    let lifetime = signature.expiration.wrapping_sub(signature.inception);
    own == ttl || (own < ttl && own.as_secs() == lifetime)
}

/// The labels that a signature counts (RFC 4034 §3.1.3): all but those of a wildcard.
fn labels_of(owner: Name<'_>) -> usize {
    owner.label_count() - usize::from(owner.is_wildcard())
}

/// Whether a time comes before another one (RFC 4034 §3.1.5, RFC 1982).
fn is_before(earlier: u32, later: u32) -> bool {
    earlier.wrapping_sub(later).cast_signed() < 0
}

/// A time span as people say it, rounded down.
fn span(seconds: u32) -> String {
    let units = [(DAY, "days"), (HOUR, "hours"), (MINUTE, "minutes")];
    match units.iter().find(|(length, _)| seconds >= 2 * length) {
        Some((length, unit)) => format!("{} {unit}", seconds / length),
        None if seconds == 1 => "1 second".to_owned(),
        None => format!("{seconds} seconds"),
    }
}
