use super::{Builder, Deviation, Zone};
use crate::base::time::Ttl;
use crate::wire::folded::FoldedName;
use crate::wire::name::{Name, NameBuf};
use crate::wire::numbers::Rtype;
use crate::zone::change::{Change, ChangeError, Record};
use crate::zone::crew::Crew;
use crate::zone::denial::Nsec3;
use crate::zone::lookup::{Lookup, Source};
use crate::zone::node::{Node, Set, SetKey};
use proptest::prelude::*;
use std::collections::BTreeMap;

fn name(text: &str) -> NameBuf {
    NameBuf::from_text(text.as_bytes(), None).unwrap()
}

/// NSEC3 parameters, by the octet that tells them apart, which is the salt.
fn params(salt: u8) -> [u8; 6] {
    [1, 0, 0, 0, 1, salt]
}

/// The data of a signature; the parity of the number tells of which type's records it is.
fn signature(number: u8) -> [u8; 20] {
    let mut rdata = [number; 20];
    let covered = if number.is_multiple_of(2) { Rtype::A } else { Rtype::NSEC };
    rdata[..2].copy_from_slice(&covered.0.to_be_bytes());
    // The signer is the root.
    rdata[18] = 0;
    rdata
}

fn record(owner: &str, rtype: Rtype, last: u8) -> Record {
    let nsec3 = [&params(last)[..], &[1, 0]].concat();
    let rdata: &[u8] = match rtype {
        Rtype::A => &[192, 0, 2, last],
        Rtype::NSEC => &[1, b'a' + last, 0, 0, 1, 0x40],
        Rtype::NSEC3PARAM => &params(last),
        Rtype::NSEC3 => &nsec3,
        Rtype::RRSIG => &signature(last),
        _ => &[1, b'a' + last, 0],
    };
    Record { owner: name(owner), rtype, ttl: Ttl::default(), rdata: rdata.into() }
}

/// Owner and set to the TTL and the data that is there: the naive model of a zone.
type Model = BTreeMap<(NameBuf, SetKey), (Ttl, Vec<Box<[u8]>>)>;

fn build(model: &Model) -> Zone {
    let mut builder = Builder::new(name("z.").as_name());
    for ((owner, key), (ttl, rdatas)) in model {
        for rdata in rdatas {
            assert_eq!(builder.add(owner.as_name(), key.rtype, *ttl, rdata), None);
        }
    }
    builder.finish(&Crew::alone()).0
}

/// All records of a model.
fn records(model: &Model) -> Vec<Record> {
    let sets = model.iter().flat_map(|((owner, key), (ttl, rdatas))| {
        rdatas.iter().map(|rdata| Record {
            owner: owner.clone(),
            rtype: key.rtype,
            ttl: *ttl,
            rdata: rdata.clone(),
        })
    });
    sets.collect()
}

/// Makes a change of the model; fails with the first record to be removed that is not there.
fn change(model: &mut Model, change: &Change) -> Result<(), ChangeError> {
    let key = |record: &Record| (record.owner.clone(), SetKey::of(record.rtype, &record.rdata));
    for record in &change.removed {
        let missing = ChangeError::Missing(record.clone());
        let Some((_, rdatas)) = model.get_mut(&key(record)) else { return Err(missing) };
        let at = rdatas.iter().position(|rdata| *rdata == record.rdata);
        rdatas.remove(at.ok_or(missing)?);
        model.retain(|_, (_, rdatas)| !rdatas.is_empty());
    }
    for record in &change.added {
        let (ttl, rdatas) = model.entry(key(record)).or_default();
        *ttl = record.ttl;
        if !rdatas.contains(&record.rdata) {
            rdatas.push(record.rdata.clone());
        }
    }
    Ok(())
}

/// A set, its TTL and its data.
type SeenSet = (SetKey, Ttl, Vec<Box<[u8]>>);

/// A name, whether it is a cut, and its sets.
type Seen = (NameBuf, bool, Vec<SeenSet>);

/// Everything that can be seen of a zone, in order.
fn contents(zone: &Zone) -> Vec<Seen> {
    let nodes = zone.nodes().map(|node| {
        let sets =
            node.sets().map(|set| (set.key, set.ttl(), set.records().map(Box::from).collect()));
        (node.owner().to_buf(), node.is_cut(), sets.collect())
    });
    nodes.collect()
}

/// Names that own records now and then. The last two could be hashes.
const OWNERS: [&str; 10] = [
    "z.",
    "a.z.",
    "b.a.z.",
    "c.b.a.z.",
    "*.a.z.",
    "d.c.b.a.z.",
    "e.z.",
    "x.y.e.z.",
    "7t2n4gjnv3rp4mbofj0jgo4p8kd5h0c1.z.",
    "k8udemvp1j2f7eg6jebps17vp3n8i58h.z.",
];

/// A part of a change.
#[derive(Clone, Debug)]
enum Part {
    Added(Record),
    /// Likely not there.
    Removed(Record),
    /// One that is there, counted around.
    RemovedNth(usize),
}

fn part() -> impl Strategy<Value = Part> {
    let types =
        vec![Rtype::A, Rtype::NS, Rtype::CNAME, Rtype::DNAME, Rtype::DS, Rtype::NSEC, Rtype::RRSIG];
    let data = (prop::sample::select(&OWNERS[..]), prop::sample::select(types));
    // What makes a zone one with NSEC3 is at its apex, and would be rare by chance.
    let hashed =
        vec![("z.", Rtype::NSEC3PARAM), (OWNERS[8], Rtype::NSEC3), (OWNERS[9], Rtype::NSEC3)];
    let hashed = prop::sample::select(hashed);
    let what = prop_oneof![3 => data, 1 => hashed];
    let record = (what, 0..2_u8, 1..3_u32).prop_map(|((owner, rtype), last, ttl)| {
        let ttl = Ttl::from_wire(ttl);
        Record { ttl, ..record(owner, rtype, last) }
    });
    let record = || record.clone();
    prop_oneof![
        8 => record().prop_map(Part::Added),
        1 => record().prop_map(Part::Removed),
        6 => any::<usize>().prop_map(Part::RemovedNth),
    ]
}

/// The change that the parts make of a zone with these records.
fn change_of(parts: Vec<Part>, there: &[Record]) -> Change {
    let mut change = Change::default();
    for part in parts {
        match part {
            Part::Added(record) => change.added.push(record),
            Part::Removed(record) => change.removed.push(record),
            Part::RemovedNth(number) => {
                change.removed.extend(number.checked_rem(there.len()).map(|at| there[at].clone()));
            }
        }
    }
    change
}

/// What a zone says about a question: which case it is and how many labels decide, whether that is a
/// wildcard, the name, and the records.
type Said = ((&'static str, usize), bool, NameBuf, Vec<u8>);

fn said(lookup: &Lookup<'_>) -> Said {
    let records = |set: Set<'_>| set.records().flatten().copied().collect::<Vec<_>>();
    let (case, source, set) = match *lookup {
        Lookup::Answer { set, source } => (("answer", 0), source, Some(set)),
        Lookup::All { source, .. } => (("all", 0), source, None),
        Lookup::Signatures { source, .. } => (("signatures", 0), source, None),
        Lookup::Alias { set, source } => (("alias", 0), source, Some(set)),
        Lookup::Redirect { node, set, depth } => {
            (("redirect", depth), Source::Name(node), Some(set))
        }
        Lookup::NoData { source } => (("no data", 0), source, None),
        Lookup::NameError { encloser, depth } => {
            (("name error", depth), Source::Name(encloser), None)
        }
        Lookup::Referral { cut } => (("referral", 0), Source::Name(cut), cut.find(Rtype::NS)),
    };
    let is_wildcard = matches!(source, Source::Wildcard(_));
    let owner = source.node().owner().to_buf();
    (case, is_wildcard, owner, set.map(records).unwrap_or_default())
}

/// The names of the records that deny something about a name: with NSEC, and with NSEC3 and whether
/// it is the name's own.
fn denied(zone: &Zone, name: Name<'_>) -> (Option<NameBuf>, Option<(bool, NameBuf)>) {
    let nsec3 = zone.chain().nsec3_for(name, zone.apex()).map(|nsec3| match nsec3 {
        Nsec3::Match(node) => (true, node.owner().to_buf()),
        Nsec3::Cover(node) => (false, node.owner().to_buf()),
    });
    (zone.chain().nsec_for(name).map(|node| node.owner().to_buf()), nsec3)
}

/// Asks both zones for all names there may be and some that there are not.
fn check_equal_answers(zone: &Zone, rebuilt: &Zone) -> Result<(), TestCaseError> {
    prop_assert_eq!(zone.chain().denial(), rebuilt.chain().denial());
    let links = |zone: &Zone| zone.chain().links().map(Node::id).collect::<Vec<_>>();
    prop_assert_eq!(links(zone), links(rebuilt));
    for owner in OWNERS {
        for asked in [name(owner), name(&format!("none.{owner}"))] {
            let folded = FoldedName::new(asked.as_name());
            let path = zone.guess_path(&folded);
            for rtype in [Rtype::A, Rtype::NS, Rtype::DS, Rtype::CNAME, Rtype::RRSIG, Rtype::ANY] {
                let expected = said(&rebuilt.lookup(&folded, rtype));
                prop_assert_eq!(
                    &said(&zone.lookup(&folded, rtype)),
                    &expected,
                    "{} {}",
                    asked,
                    rtype
                );
                let along = said(&zone.lookup_along(&path, &folded, rtype));
                prop_assert_eq!(along, expected, "{} {}", asked, rtype);
            }
            let denied_of = |zone| denied(zone, asked.as_name());
            prop_assert_eq!(denied_of(zone), denied_of(rebuilt), "{}", asked);
            let after = |zone: &Zone| zone.successor(asked.as_name()).map(Node::id);
            prop_assert_eq!(after(zone), after(rebuilt), "{}", asked);
        }
    }
    Ok(())
}

proptest! {
    #[test]
    fn zone_after_changes_is_the_zone_built_from_scratch(
        steps in prop::collection::vec(prop::collection::vec(part(), 1..4), 0..30),
    ) {
        let mut model = Model::new();
        let mut zone = build(&model);
        for parts in steps {
            let change_of_zone = change_of(parts, &records(&model));
            let (before, seen_before) = (zone.clone(), contents(&zone));
            let mut changed = model.clone();
            match (zone.apply(&change_of_zone), change(&mut changed, &change_of_zone)) {
                (Ok(next), Ok(())) => (zone, model) = (next, changed),
                (made, expected) => prop_assert_eq!(made.err(), expected.err()),
            }
            let rebuilt = build(&model);
            prop_assert_eq!(contents(&zone), contents(&rebuilt));
            prop_assert_eq!(zone.record_count(), rebuilt.record_count());
            check_equal_answers(&zone, &rebuilt)?;
            prop_assert_eq!(contents(&before), seen_before);
        }
    }
}

#[test]
fn parents_of_a_name_exist_as_long_as_the_name_does() {
    let zone = build(&Model::new());
    let change = Change { added: vec![record("c.b.a.z.", Rtype::A, 1)], ..Change::default() };
    let zone = zone.apply(&change).unwrap();
    let b = FoldedName::new(name("b.a.z.").as_name());
    assert!(zone.find_folded(&b).unwrap().is_empty());
    let change = Change { removed: change.added, ..Change::default() };
    let zone = zone.apply(&change).unwrap();
    assert!(zone.find_folded(&b).is_none());
    assert_eq!(zone.nodes().count(), 1);
}

#[test]
fn record_outside_the_zone_is_left_out() {
    let mut builder = Builder::new(name("z.").as_name());
    let outside = name("a.y.");
    let deviation = builder.add(outside.as_name(), Rtype::A, Ttl::default(), &[1, 2, 3, 4]);
    assert_eq!(deviation, Some(Deviation::OutOfZone));
    let (zone, _) = builder.finish(&Crew::alone());
    assert_eq!((zone.record_count(), zone.nodes().count()), (0, 1));
    let change = Change { added: vec![record("a.y.", Rtype::A, 1)], ..Change::default() };
    assert_eq!(zone.apply(&change).err(), Some(ChangeError::OutOfZone(outside)));
}

#[test]
fn records_of_a_name_may_be_scattered_over_the_file() {
    let mut builder = Builder::new(name("z.").as_name());
    for (owner, last) in [("a.z.", 1), ("b.z.", 1), ("A.z.", 2), ("b.z.", 1)] {
        let owner = name(owner);
        builder.add(owner.as_name(), Rtype::A, Ttl::default(), &[192, 0, 2, last]);
    }
    let (zone, duplicates) = builder.finish(&Crew::alone());
    let a = zone.find_folded(&FoldedName::new(name("a.z.").as_name())).unwrap();
    assert_eq!(a.find(Rtype::A).unwrap().len(), 2);
    assert_eq!(duplicates.len(), 1);
    assert_eq!(duplicates[0].owner, name("b.z."));
}

#[test]
fn no_record_is_lost_of_a_scattered_name_that_gets_large() {
    for visits in 2..6 {
        let mut builder = Builder::new(name("z.").as_name());
        let (large, other) = (name("large.z."), name("other.z."));
        let mut count = 0_u32;
        // One record first, then several times more than what is packed again at once.
        for visit in 0..visits {
            for _ in 0..if visit % 2 == 0 { 1 } else { 400 } {
                let rdata = count.to_be_bytes();
                builder.add(large.as_name(), Rtype::A, Ttl::default(), &rdata);
                count += 1;
            }
            builder.add(other.as_name(), Rtype::A, Ttl::default(), &[192, 0, 2, visit]);
        }
        let (zone, duplicates) = builder.finish(&Crew::alone());
        let node = zone.find_folded(&FoldedName::new(large.as_name())).unwrap();
        let found = node.find(Rtype::A).unwrap().len();
        assert_eq!((found, duplicates.len()), (count as usize, 0), "{visits} visits");
    }
}

#[test]
fn change_shares_all_but_a_few_pieces_with_the_old_version() {
    let mut builder = Builder::new(name("z.").as_name());
    for number in 0..40_000_u32 {
        let owner = name(&format!("n{number}.z."));
        builder.add(owner.as_name(), Rtype::A, Ttl::default(), &number.to_be_bytes());
    }
    let (zone, _) = builder.finish(&Crew::alone());
    let change = Change { added: vec![record("n7.z.", Rtype::A, 1)], ..Change::default() };
    let next = zone.apply(&change).unwrap();
    let (pieces, shared) = zone.names.shared_with(&next.names);
    assert!(pieces > 8 && shared == pieces - 1, "{shared} of {pieces}");
    let (runs, shared) = zone.order.shared_with(&next.order);
    assert!(runs > 8 && shared == runs - 1, "{shared} of {runs}");
}

#[test]
fn differing_ttl_in_a_set_is_told_and_the_first_one_counts() {
    let mut builder = Builder::new(Name::ROOT);
    let (first, second) = (Ttl::new(10).unwrap(), Ttl::new(20).unwrap());
    assert_eq!(builder.add(Name::ROOT, Rtype::A, first, &[1, 2, 3, 4]), None);
    let deviation = builder.add(Name::ROOT, Rtype::A, second, &[1, 2, 3, 5]);
    assert_eq!(deviation, Some(Deviation::TtlDiffers(first)));
    let (zone, _) = builder.finish(&Crew::alone());
    assert_eq!(zone.apex_node().find(Rtype::A).unwrap().ttl(), first);
}

#[test]
fn added_record_gives_its_ttl_to_the_whole_set() {
    let zone = build(&Model::new());
    let mut change = Change { added: vec![record("a.z.", Rtype::A, 1)], ..Change::default() };
    let zone = zone.apply(&change).unwrap();
    change.added[0].rdata = [192, 0, 2, 9].into();
    change.added[0].ttl = Ttl::new(77).unwrap();
    let zone = zone.apply(&change).unwrap();
    let a = zone.find_folded(&FoldedName::new(name("a.z.").as_name())).unwrap();
    let set = a.find(Rtype::A).unwrap();
    assert_eq!((set.len(), set.ttl().as_secs()), (2, 77));
}
