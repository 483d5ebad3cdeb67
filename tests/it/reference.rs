//! What a reply should hold, worked out the plain and slow way from the records of zone texts.
//!
//! Written apart from the code under test, of which it shares names, numbers and the reading of text.
//! Knows nothing of sizes: it tells what must be there, and what only helps.

use crate::message::Record;
use kereru::answer::Transport;
use kereru::metrics::AnswerSource;
use kereru::wire::name::Name;
use kereru::wire::numbers::{Rcode, Rtype};
use kereru::zone::file::print;
use kereru::zone::file::reader::Reader;
use kereru::zone::file::source::Texts;
use sha1::{Digest, Sha1};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

/// Names that one answer is made for at most, and names whose addresses it adds at most.
const NAMES_MAX: usize = 16;
const HELPED_MAX: usize = 32;

/// The labels of a name in lower case, the highest first: so that keys are in canonical order
/// (RFC 4034 §6.1), and names below a name begin with it.
pub type Key = Vec<Vec<u8>>;

/// A record without its class, whatever the case of names in it.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Row {
    /// In wire form and lower case.
    pub owner: Vec<u8>,
    pub rtype: Rtype,
    pub ttl: u32,
    pub rdata: Vec<u8>,
}

pub type Rows = BTreeSet<Row>;

/// The type of records and, for signatures, the type they cover.
pub type Kind = (Rtype, Rtype);

type Sets = BTreeMap<Kind, Set>;

#[derive(Clone, Debug)]
struct Set {
    ttl: u32,
    rdatas: Vec<Vec<u8>>,
}

/// How a zone denies.
enum Denial {
    Not,
    Nsec,
    Nsec3 { salt: Vec<u8>, iterations: u16 },
}

/// The records of a zone.
pub struct Model {
    apex: Key,
    names: BTreeMap<Key, Sets>,
    /// Names that are there for their NSEC3 records alone, and so are none (RFC 5155 §7.2.8).
    hashed: BTreeMap<Key, Sets>,
    denial: Denial,
}

/// What is asked.
#[derive(Clone, Debug)]
pub struct Asked {
    pub name: Key,
    pub rtype: Rtype,
    pub dnssec_ok: bool,
    pub transport: Transport,
}

/// What a reply holds: in each section what must be there, and what only helps.
#[derive(Debug)]
pub struct Expected {
    pub rcode: Rcode,
    pub is_authoritative: bool,
    pub source: AnswerSource,
    pub required: [Rows; 3],
    pub extra: [Rows; 3],
}

/// The zones of a server.
pub struct Reference {
    pub zones: BTreeMap<Key, Model>,
    pub is_minimal: bool,
}

/// Where the name of a question is in a zone.
enum Place {
    /// Its records are those of `owner`, which may be a wildcard.
    At { owner: Key, is_wildcard: bool },
    /// A name above it owns a DNAME.
    BelowDname(Key),
    /// It is at or below a cut.
    Cut(Key),
    /// Nowhere; and how many labels of it exist.
    Nowhere(usize),
}

pub fn key(name: Name<'_>) -> Key {
    let mut key: Key = name.labels().map(<[u8]>::to_ascii_lowercase).collect();
    key.reverse();
    key
}

/// Where the name that begins at `at` ends.
fn name_end(octets: &[u8], at: usize) -> usize {
    let next = at + usize::from(octets[at]) + 1;
    if octets[at] == 0 { next } else { name_end(octets, next) }
}

pub fn child(key: &[Vec<u8>], label: &[u8]) -> Key {
    [key, &[label.to_ascii_lowercase()]].concat()
}

pub fn wire(key: &[Vec<u8>]) -> Vec<u8> {
    let mut wire = Vec::new();
    for label in key.iter().rev() {
        wire.push(label.len() as u8);
        wire.extend_from_slice(label);
    }
    wire.push(0);
    wire
}

/// Data with its names in lower case, as far as they can be pointers: what a pointer leads to may be
/// written in another case.
fn fold(rtype: Rtype, rdata: &[u8]) -> Vec<u8> {
    match rtype {
        Rtype::NS | Rtype::CNAME | Rtype::PTR | Rtype::MX | Rtype::SOA | Rtype::MINFO => {
            rdata.to_ascii_lowercase()
        }
        Rtype::MB | Rtype::MG | Rtype::MR | Rtype::MD | Rtype::MF => rdata.to_ascii_lowercase(),
        _ => rdata.to_vec(),
    }
}

impl fmt::Debug for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { owner, rtype, ttl, rdata } = self;
        let owner = Name::read(owner).unwrap();
        write!(f, "{owner} {ttl} {rtype} {}", print::rdata(*rtype, rdata))
    }
}

impl Row {
    pub fn of(record: &Record) -> Self {
        let Record { owner, rtype, ttl, rdata, .. } = record;
        let rdata = fold(*rtype, rdata);
        Self {
            owner: owner.as_name().as_wire().to_ascii_lowercase(),
            rtype: *rtype,
            ttl: *ttl,
            rdata,
        }
    }

    /// What makes records one set, which is there whole or not at all, its signatures included.
    pub fn set(&self) -> (&[u8], Rtype) {
        (&self.owner, if self.rtype == Rtype::RRSIG { covered(&self.rdata) } else { self.rtype })
    }
}

fn covered(rdata: &[u8]) -> Rtype {
    Rtype(u16::from_be_bytes([rdata[0], rdata[1]]))
}

/// The hash of a name (RFC 5155 §5) as a label.
pub fn hashed_label(key: &[Vec<u8>], salt: &[u8], iterations: u16) -> Vec<u8> {
    let mut hash = [wire(key), salt.to_vec()].concat();
    for _ in 0..=iterations {
        hash = [&Sha1::digest(&hash)[..], salt].concat();
    }
    data_encoding::BASE32HEX_NOPAD.encode(&hash[..20]).to_ascii_lowercase().into_bytes()
}

impl Model {
    /// The zone that a text without errors describes.
    pub fn read(apex: Name<'_>, text: &str) -> Self {
        let texts = Texts::of("zone", text.as_bytes().to_vec());
        let mut reader = Reader::new(&texts, "zone", Some(apex));
        let mut all: BTreeMap<Key, Sets> = BTreeMap::from([(key(apex), Sets::new())]);
        while let Some(record) = reader.next_record() {
            let is_signature = record.rtype == Rtype::RRSIG;
            let covered = if is_signature { covered(record.rdata) } else { Rtype(0) };
            let sets = all.entry(key(record.owner)).or_default();
            // The first TTL is that of the set (RFC 2181 §5.2).
            let new = Set { ttl: record.ttl.as_secs(), rdatas: Vec::new() };
            let set = sets.entry((record.rtype, covered)).or_insert(new);
            let is_known =
                |old: &Vec<u8>| fold(record.rtype, old) == fold(record.rtype, record.rdata);
            if !set.rdatas.iter().any(is_known) {
                set.rdatas.push(record.rdata.to_vec());
            }
        }
        let is_hashed = |sets: &Sets| {
            sets.contains_key(&(Rtype::NSEC3, Rtype(0)))
                && sets.keys().all(|&(rtype, covered)| [rtype, covered].contains(&Rtype::NSEC3))
        };
        let (hashed, names) = all.into_iter().partition(|(_, sets)| is_hashed(sets));
        let mut model = Self { apex: key(apex), names, hashed, denial: Denial::Not };
        model.denial = model.read_denial();
        model
    }

    fn read_denial(&self) -> Denial {
        if let Some(params) = self.set(&self.apex, Rtype::NSEC3PARAM) {
            let rdata = &params.rdatas[0];
            let iterations = u16::from_be_bytes([rdata[2], rdata[3]]);
            return Denial::Nsec3 { salt: rdata[5..].to_vec(), iterations };
        }
        let is_signed = self.set(&self.apex, Rtype::NSEC).is_some();
        if is_signed { Denial::Nsec } else { Denial::Not }
    }

    /// All names that own records, and the types of these.
    pub fn owners(&self) -> impl Iterator<Item = (&Key, BTreeSet<Rtype>)> {
        let types = |sets: &Sets| sets.keys().map(|&(rtype, _)| rtype).collect();
        let all = self.names.iter().chain(&self.hashed);
        all.map(move |(owner, sets)| (owner, types(sets)))
    }

    fn sets(&self, owner: &[Vec<u8>]) -> &Sets {
        static NONE: Sets = Sets::new();
        self.names.get(owner).or_else(|| self.hashed.get(owner)).unwrap_or(&NONE)
    }

    fn set(&self, owner: &[Vec<u8>], rtype: Rtype) -> Option<&Set> {
        self.sets(owner).get(&(rtype, Rtype(0)))
    }

    /// Whether a name is there, if only because there are names below it (RFC 4592 §2.2.2).
    pub fn exists(&self, name: &[Vec<u8>]) -> bool {
        let next = self.names.range(name.to_vec()..).next();
        next.is_some_and(|(owner, _)| owner.starts_with(name))
    }

    pub fn is_cut(&self, name: &[Vec<u8>]) -> bool {
        name.len() > self.apex.len() && self.set(name, Rtype::NS).is_some()
    }

    /// RFC 1034 §4.3.2 step 3, with RFC 4592 and RFC 6672.
    fn place(&self, name: &Key, rtype: Rtype) -> Place {
        for depth in self.apex.len()..=name.len() {
            let at = &name[..depth];
            if !self.exists(at) {
                let owner = child(&name[..depth - 1], b"*");
                return if self.exists(&owner) {
                    Place::At { owner, is_wildcard: true }
                } else {
                    Place::Nowhere(depth - 1)
                };
            }
            let is_last = depth == name.len();
            // The DS of a cut is the parent's (RFC 4035 §3.1.4.1).
            if self.is_cut(at) && !(is_last && rtype == Rtype::DS) {
                return Place::Cut(at.to_vec());
            }
            if !is_last && self.set(at, Rtype::DNAME).is_some() {
                return Place::BelowDname(at.to_vec());
            }
        }
        Place::At { owner: name.clone(), is_wildcard: false }
    }

    /// The owner of the NSEC3 record of a name, whether there is one or not.
    fn hashed_owner(&self, name: &[Vec<u8>]) -> Key {
        let Denial::Nsec3 { salt, iterations } = &self.denial else { unreachable!() };
        child(&self.apex, &hashed_label(name, salt, *iterations))
    }

    /// The owner of the record that matches or covers `place`.
    fn link(&self, place: &Key) -> Option<Key> {
        let (names, rtype) = match &self.denial {
            Denial::Not => return None,
            Denial::Nsec => (&self.names, Rtype::NSEC),
            Denial::Nsec3 { .. } => (&self.hashed, Rtype::NSEC3),
        };
        let is_link = |(owner, sets): (&Key, &Sets)| {
            sets.contains_key(&(rtype, Rtype(0))).then(|| owner.clone())
        };
        let before = names.range(..=place.clone()).rev().find_map(is_link);
        before.or_else(|| names.iter().rev().find_map(is_link))
    }
}

impl Reference {
    /// What a question gets.
    pub fn expect(&self, asked: &Asked) -> Expected {
        let expected = Expected {
            rcode: Rcode::NOERROR,
            is_authoritative: false,
            source: AnswerSource::Error,
            required: Default::default(),
            extra: Default::default(),
        };
        let mut answer = Answer { world: self, asked, expected, helped: Vec::new() };
        let Some(mut zone) = self.zone(&asked.name, asked.rtype) else {
            answer.expected.rcode = Rcode::REFUSED;
            return answer.expected;
        };
        let mut met = vec![asked.name.clone()];
        while let Some(target) = answer.step(zone, &met) {
            let next = self.zone(&target, asked.rtype);
            match next {
                Some(next) if !met.contains(&target) && met.len() < NAMES_MAX => zone = next,
                _ => break,
            }
            met.push(target);
        }
        answer.expected
    }

    /// The zone with the longest name; for DS that above the name, if there is one.
    fn zone(&self, name: &Key, rtype: Rtype) -> Option<&Model> {
        let shortest = if rtype == Rtype::DS { 1 } else { 0 };
        let longest = (0..=name.len()).rev();
        let mut zones = longest.filter_map(|depth| self.zones.get(&name[..depth]));
        let zone = zones.next()?;
        let is_at_apex = zone.apex.len() == name.len();
        if shortest == 1 && is_at_apex { zones.next().or(Some(zone)) } else { Some(zone) }
    }
}

const ANSWER: usize = 0;
const AUTHORITY: usize = 1;
const ADDITIONAL: usize = 2;

struct Answer<'w> {
    world: &'w Reference,
    asked: &'w Asked,
    expected: Expected,
    /// Names whose addresses were added.
    helped: Vec<Key>,
}

impl Answer<'_> {
    /// Answers for the last name of `met`; returns where an alias leads.
    fn step(&mut self, zone: &Model, met: &[Key]) -> Option<Key> {
        let name = met.last().unwrap();
        let place = zone.place(name, self.asked.rtype);
        if met.len() == 1 {
            self.expected.is_authoritative = !matches!(place, Place::Cut(_));
            self.expected.source = match place {
                Place::Cut(_) => AnswerSource::Referral,
                _ => AnswerSource::Authoritative,
            };
        }
        match place {
            Place::At { owner, is_wildcard } => self.at(zone, name, &owner, is_wildcard),
            Place::BelowDname(owner) => self.redirect(zone, name, &owner),
            Place::Cut(cut) => {
                self.refer(zone, &cut);
                None
            }
            Place::Nowhere(depth) => {
                self.expected.rcode = Rcode::NXDOMAIN;
                self.soa(zone);
                self.prove_no_name(zone, name, depth);
                None
            }
        }
    }

    fn at(&mut self, zone: &Model, name: &Key, owner: &Key, is_wildcard: bool) -> Option<Key> {
        let asked = self.asked.rtype;
        let kinds: Vec<Kind> = zone.sets(owner).keys().copied().collect();
        let is_signature = |kind: &&Kind| kind.0 == Rtype::RRSIG;
        let (signatures, mut plain): (Vec<Kind>, Vec<Kind>) = kinds.iter().partition(is_signature);
        // RFC 8482 §4.1: over UDP one set of all.
        let most = if self.asked.transport == Transport::Udp { 1 } else { usize::MAX };
        let found = match asked {
            Rtype::ANY if plain.is_empty() => signatures.into_iter().take(most).collect(),
            Rtype::ANY => plain.into_iter().take(most).collect(),
            Rtype::RRSIG => signatures.into_iter().take(most).collect(),
            _ => {
                plain.retain(|kind| kind.0 == asked);
                plain
            }
        };
        if found.is_empty() {
            if let Some(alias) = zone.set(owner, Rtype::CNAME)
                && !zone.is_cut(owner)
            {
                self.signed(ANSWER, name, zone, owner, (Rtype::CNAME, Rtype(0)), None);
                self.prove_wildcard(zone, name, owner, is_wildcard);
                return Some(key(Name::read(&alias.rdatas[0]).unwrap()));
            }
            self.soa(zone);
            self.prove_no_data(zone, name, owner, is_wildcard);
            return None;
        }
        for kind in &found {
            self.signed(ANSWER, name, zone, owner, *kind, None);
        }
        self.prove_wildcard(zone, name, owner, is_wildcard);
        self.help_all(zone, name, owner, &found);
        None
    }

    /// Adds what the client will likely ask for next.
    fn help_all(&mut self, zone: &Model, name: &Key, owner: &Key, found: &[Kind]) {
        let is_minimal = self.world.is_minimal;
        let servers = zone.set(&zone.apex, Rtype::NS);
        let has_servers = *owner == zone.apex && found.iter().any(|kind| kind.0 == Rtype::NS);
        if let Some(servers) = servers.filter(|_| !is_minimal && !has_servers) {
            let rows = self.rows(&zone.apex, zone, &zone.apex, (Rtype::NS, Rtype(0)), None);
            self.expected.extra[AUTHORITY].extend(rows);
            self.help(name, &zone.apex, Rtype::NS, servers);
        }
        for &(rtype, covered) in found {
            let is_wanted = match rtype {
                Rtype::SRV | Rtype::SVCB | Rtype::HTTPS => true,
                Rtype::NS => !is_minimal || rtype == self.asked.rtype,
                _ => !is_minimal,
            };
            if is_wanted {
                self.help(name, name, rtype, &zone.sets(owner)[&(rtype, covered)]);
            }
        }
    }

    /// Adds the addresses of the names in a set of `owner`. The answer is about `answered`.
    fn help(&mut self, answered: &Key, owner: &Key, rtype: Rtype, set: &Set) {
        for rdata in &set.rdatas {
            let at = match rtype {
                Rtype::NS => 0,
                Rtype::MX | Rtype::AFSDB | Rtype::RT | Rtype::KX => 2,
                Rtype::SVCB | Rtype::HTTPS => 2,
                Rtype::SRV => 6,
                _ => return,
            };
            let is_service = matches!(rtype, Rtype::SVCB | Rtype::HTTPS);
            let end = name_end(rdata, at);
            // A root is the owner (RFC 9460 §2.5), or for an alias nothing.
            let target = match &rdata[at..end] {
                [0] if is_service && rdata[..2] == [0, 0] => continue,
                [0] if is_service => owner.clone(),
                name => key(Name::read(name).unwrap()),
            };
            if !self.helped.contains(&target) && self.helped.len() < HELPED_MAX {
                self.add_addresses(answered, &target);
                self.helped.push(target);
            }
        }
    }

    fn add_addresses(&mut self, answered: &Key, target: &Key) {
        let Some(zone) = self.world.zone(target, Rtype::A) else { return };
        let owner = match zone.place(target, Rtype::A) {
            Place::At { owner, .. } => owner,
            Place::Cut(_) => target.clone(),
            Place::BelowDname(_) | Place::Nowhere(_) => return,
        };
        for rtype in [Rtype::A, Rtype::AAAA] {
            let is_answered =
                answered == target && (self.asked.rtype == rtype || self.asked.rtype == Rtype::ANY);
            if !is_answered {
                let rows = self.rows(target, zone, &owner, (rtype, Rtype(0)), None);
                self.expected.extra[ADDITIONAL].extend(rows);
            }
        }
    }

    /// RFC 6672 §3.1.
    fn redirect(&mut self, zone: &Model, name: &Key, owner: &Key) -> Option<Key> {
        self.signed(ANSWER, owner, zone, owner, (Rtype::DNAME, Rtype(0)), None);
        let dname = zone.set(owner, Rtype::DNAME).unwrap();
        let above = key(Name::read(&dname.rdatas[0]).unwrap());
        let target = [&above[..], &name[owner.len()..]].concat();
        let rdata = wire(&target);
        if rdata.len() > 255 {
            self.expected.rcode = Rcode::YXDOMAIN;
            return None;
        }
        let alias = Row { owner: wire(name), rtype: Rtype::CNAME, ttl: dname.ttl, rdata };
        self.expected.required[ANSWER].insert(alias);
        let is_asked = matches!(self.asked.rtype, Rtype::CNAME | Rtype::ANY);
        (!is_asked).then_some(target)
    }

    /// RFC 4035 §3.1.4, RFC 9471.
    fn refer(&mut self, zone: &Model, cut: &Key) {
        let servers = zone.set(cut, Rtype::NS).unwrap();
        let rows = rows(cut, Rtype::NS, servers, servers.ttl);
        self.expected.required[AUTHORITY].extend(rows);
        if !self.asked.dnssec_ok {
        } else if zone.set(cut, Rtype::DS).is_none() {
            self.prove_insecure(zone, cut);
        } else if zone.sets(cut).contains_key(&(Rtype::RRSIG, Rtype::DS)) {
            self.signed(AUTHORITY, cut, zone, cut, (Rtype::DS, Rtype(0)), None);
        }
        for rdata in &servers.rdatas {
            let server = key(Name::read(rdata).unwrap());
            if !server.starts_with(&zone.apex) {
                continue;
            }
            for rtype in [Rtype::A, Rtype::AAAA] {
                let glue = self.rows(&server, zone, &server, (rtype, Rtype(0)), None);
                let is_below = server.starts_with(cut);
                let place =
                    if is_below { &mut self.expected.required } else { &mut self.expected.extra };
                place[ADDITIONAL].extend(glue);
            }
        }
    }

    /// RFC 2308 §3.
    fn soa(&mut self, zone: &Model) {
        let soa = zone.set(&zone.apex, Rtype::SOA).unwrap();
        let rdata = &soa.rdatas[0];
        let minimum = u32::from_be_bytes(*rdata.last_chunk().unwrap());
        let ttl = Some(soa.ttl.min(minimum));
        self.signed(AUTHORITY, &zone.apex, zone, &zone.apex, (Rtype::SOA, Rtype(0)), ttl);
    }

    /// The records of a set of `owner` under `name` and, with DO, their signatures.
    fn rows(
        &self,
        name: &Key,
        zone: &Model,
        owner: &Key,
        (rtype, covered): Kind,
        ttl: Option<u32>,
    ) -> Vec<Row> {
        let sets = zone.sets(owner);
        let Some(set) = sets.get(&(rtype, covered)) else { return Vec::new() };
        let ttl = ttl.unwrap_or(set.ttl);
        let mut all = rows(name, rtype, set, ttl);
        if self.asked.dnssec_ok
            && let Some(signatures) = sets.get(&(Rtype::RRSIG, rtype))
        {
            all.extend(rows(name, Rtype::RRSIG, signatures, ttl.min(signatures.ttl)));
        }
        all
    }

    fn signed(
        &mut self,
        section: usize,
        name: &Key,
        zone: &Model,
        owner: &Key,
        kind: Kind,
        ttl: Option<u32>,
    ) {
        let rows = self.rows(name, zone, owner, kind, ttl);
        self.expected.required[section].extend(rows);
    }
}

fn rows(name: &Key, rtype: Rtype, set: &Set, ttl: u32) -> Vec<Row> {
    let owner = wire(name);
    let row = |rdata: &Vec<u8>| Row { owner: owner.clone(), rtype, ttl, rdata: fold(rtype, rdata) };
    set.rdatas.iter().map(row).collect()
}

/// Proofs: RFC 4035 §3.1.3, RFC 5155 §7.2.
impl Answer<'_> {
    /// Adds the NSEC record at or before a name, or the NSEC3 record at or before its hash.
    fn prove(&mut self, zone: &Model, name: &[Vec<u8>]) {
        let (place, rtype) = match zone.denial {
            Denial::Not => return,
            Denial::Nsec => (name.to_vec(), Rtype::NSEC),
            Denial::Nsec3 { .. } => (zone.hashed_owner(name), Rtype::NSEC3),
        };
        if let Some(link) = zone.link(&place).filter(|_| self.asked.dnssec_ok) {
            self.signed(AUTHORITY, &link, zone, &link, (rtype, Rtype(0)), None);
        }
    }

    /// The closest encloser proof (RFC 5155 §7.2.1): for the closest of the ancestors with at most
    /// `depth` labels that has a record. Returns its labels.
    fn prove_encloser(&mut self, zone: &Model, name: &Key, depth: usize) -> usize {
        let has_record = |depth: &usize| {
            let owner = zone.hashed_owner(&name[..*depth]);
            zone.hashed.contains_key(&owner)
        };
        let closest = (zone.apex.len()..=depth).rev().find(has_record).unwrap();
        self.prove(zone, &name[..closest]);
        self.prove(zone, &name[..=closest]);
        closest
    }

    fn prove_no_name(&mut self, zone: &Model, name: &Key, depth: usize) {
        let mut depth = depth;
        match zone.denial {
            Denial::Not => return,
            Denial::Nsec => self.prove(zone, name),
            Denial::Nsec3 { .. } => depth = self.prove_encloser(zone, name, depth),
        }
        self.prove(zone, &child(&name[..depth], b"*"));
    }

    fn prove_no_data(&mut self, zone: &Model, name: &Key, owner: &Key, is_wildcard: bool) {
        match (&zone.denial, is_wildcard) {
            (Denial::Not, _) => (),
            (Denial::Nsec, true) => {
                self.prove(zone, name);
                self.prove(zone, owner);
            }
            (Denial::Nsec, false) => self.prove(zone, name),
            (Denial::Nsec3 { .. }, true) => {
                self.prove_encloser(zone, name, owner.len() - 1);
                self.prove(zone, owner);
            }
            (Denial::Nsec3 { .. }, false) => self.prove_own(zone, name),
        }
    }

    /// That of the name itself or, where opt-out left it without a record, that it has none
    /// (RFC 5155 §7.2.4, §7.2.7).
    fn prove_own(&mut self, zone: &Model, name: &Key) {
        if zone.hashed.contains_key(&zone.hashed_owner(name)) {
            self.prove(zone, name);
        } else {
            self.prove_encloser(zone, name, name.len() - 1);
        }
    }

    fn prove_wildcard(&mut self, zone: &Model, name: &Key, owner: &Key, is_wildcard: bool) {
        match (&zone.denial, is_wildcard) {
            (_, false) | (Denial::Not, _) => (),
            (Denial::Nsec, true) => self.prove(zone, name),
            // The name next below the closest encloser.
            (Denial::Nsec3 { .. }, true) => self.prove(zone, &name[..owner.len()]),
        }
    }

    fn prove_insecure(&mut self, zone: &Model, cut: &Key) {
        match zone.denial {
            Denial::Not => (),
            Denial::Nsec => self.prove(zone, cut),
            Denial::Nsec3 { .. } => self.prove_own(zone, cut),
        }
    }
}
