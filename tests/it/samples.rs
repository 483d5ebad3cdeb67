//! The sample zones as texts, as they are or signed for tests: the chains of NSEC and NSEC3 are right,
//! the signatures made up.

use crate::reference::{Key, hashed_label, key};
use crate::world::name;
use kereru::wire::name::NameBuf;
use kereru::wire::numbers::Rtype;
use kereru::zone::file::reader::Reader;
use kereru::zone::file::source::Texts;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::fs;
use std::path::Path;

/// A zone as text.
pub struct Sample {
    pub apex: NameBuf,
    pub text: String,
}

/// How a zone is signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scheme {
    Unsigned,
    Nsec,
    Nsec3,
    /// NSEC3 without records for cuts without DS (RFC 5155 §6).
    OptOut,
}

const SALT: u8 = 0xAB;
const ITERATIONS: u16 = 1;

/// The zones of a folder.
pub fn read(folder: &str) -> Vec<Sample> {
    let mut samples = Vec::new();
    for entry in fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join(folder)).unwrap() {
        let path = entry.unwrap().path();
        let file = path.file_name().unwrap().to_str().unwrap();
        if let Some(apex) = file.strip_suffix(".zone") {
            let apex = name(if apex == "root" { "." } else { apex });
            samples.push(Sample { apex, text: fs::read_to_string(&path).unwrap() });
        }
    }
    samples
}

/// Names, how they are written, and the types they own with their TTLs.
type Owners = BTreeMap<Key, (NameBuf, BTreeMap<Rtype, u32>)>;

impl Sample {
    fn owners(&self) -> Owners {
        let texts = Texts::of("zone", self.text.as_bytes().to_vec());
        let mut reader = Reader::new(&texts, "zone", Some(self.apex.as_name()));
        let mut owners = Owners::new();
        while let Some(record) = reader.next_record() {
            let place = owners.entry(key(record.owner));
            let (_, types) = place.or_insert_with(|| (record.owner.to_buf(), BTreeMap::new()));
            types.entry(record.rtype).or_insert(record.ttl.as_secs());
        }
        owners
    }

    /// The zone signed.
    pub fn signed(mut self, scheme: Scheme) -> Self {
        let owners = self.owners();
        if scheme == Scheme::Unsigned {
            return self;
        }
        let depth = key(self.apex.as_name()).len();
        let owns = |at: &[Vec<u8>], rtype| {
            owners.get(at).is_some_and(|(_, types)| types.contains_key(&rtype))
        };
        let is_cut = |at: &[Vec<u8>]| at.len() > depth && owns(at, Rtype::NS);
        let is_occluded = |at: &Key| {
            (depth..at.len()).any(|depth| is_cut(&at[..depth]) || owns(&at[..depth], Rtype::DNAME))
        };
        self.text.push('\n');
        let mut chain = BTreeMap::new();
        for (at, (owner, types)) in owners.iter().filter(|(at, _)| !is_occluded(at)) {
            let is_signed = |rtype: Rtype| !is_cut(at) || rtype == Rtype::DS;
            for (rtype, ttl) in types.iter().filter(|(rtype, _)| is_signed(**rtype)) {
                self.sign(owner, *rtype, *ttl);
            }
            let is_of_zone = |rtype: &Rtype| is_signed(*rtype) || *rtype == Rtype::NS;
            let mut types: BTreeSet<Rtype> = types.keys().copied().filter(is_of_zone).collect();
            if types.iter().any(|rtype| is_signed(*rtype)) {
                types.insert(Rtype::RRSIG);
            }
            if scheme != Scheme::OptOut || types.contains(&Rtype::RRSIG) {
                chain.insert(at.clone(), (owner.clone(), types));
            }
        }
        match scheme {
            Scheme::Nsec => self.link(&chain),
            _ => self.link_hashed(&chain, depth, scheme),
        }
        self
    }

    fn sign(&mut self, owner: &NameBuf, rtype: Rtype, ttl: u32) {
        let labels = owner.as_name().label_count();
        let (apex, times) = (&self.apex, "20300101000000 20200101000000");
        let signature = format!("{rtype} 13 {labels} {ttl} {times} 1 {apex} c2ln");
        writeln!(self.text, "{owner} {ttl} RRSIG {signature}").unwrap();
    }

    fn link(&mut self, chain: &BTreeMap<Key, (NameBuf, BTreeSet<Rtype>)>) {
        let nexts = chain.values().cycle().skip(1);
        for ((owner, types), (next, _)) in chain.values().zip(nexts) {
            let mut types = types.clone();
            types.extend([Rtype::RRSIG, Rtype::NSEC]);
            writeln!(self.text, "{owner} 60 NSEC {next} {}", list(&types)).unwrap();
            self.sign(owner, Rtype::NSEC, 60);
        }
    }

    fn link_hashed(
        &mut self,
        chain: &BTreeMap<Key, (NameBuf, BTreeSet<Rtype>)>,
        depth: usize,
        scheme: Scheme,
    ) {
        let apex = self.apex.clone();
        let how = format!("{ITERATIONS} {SALT:X}");
        writeln!(self.text, "{apex} 0 NSEC3PARAM 1 0 {how}").unwrap();
        self.sign(&apex, Rtype::NSEC3PARAM, 0);
        let mut hashed: BTreeMap<String, BTreeSet<Rtype>> = BTreeMap::new();
        for (at, (_, types)) in chain {
            // The names above it exist, too.
            for depth in depth..=at.len() {
                let label = hashed_label(&at[..depth], &[SALT], ITERATIONS);
                let found = hashed.entry(String::from_utf8(label).unwrap()).or_default();
                if depth == at.len() {
                    found.extend(types);
                }
            }
        }
        let first = hashed_label(&key(apex.as_name()), &[SALT], ITERATIONS);
        let first = hashed.get_mut(std::str::from_utf8(&first).unwrap()).unwrap();
        first.insert(Rtype::NSEC3PARAM);
        let flags = u8::from(scheme == Scheme::OptOut);
        for ((label, types), next) in hashed.iter().zip(hashed.keys().cycle().skip(1)) {
            let owner = name(&format!("{label}.{apex}"));
            let types = list(types);
            writeln!(self.text, "{owner} 60 NSEC3 1 {flags} {how} {next} {types}").unwrap();
            self.sign(&owner, Rtype::NSEC3, 60);
        }
    }
}

fn list(types: &BTreeSet<Rtype>) -> String {
    types.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")
}
