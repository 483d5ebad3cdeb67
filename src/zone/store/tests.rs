use super::{Builder, Deviation, Zone};
use crate::base::time::Ttl;
use crate::wire::folded::FoldedName;
use crate::wire::name::{Name, NameBuf};
use crate::wire::numbers::Rtype;
use crate::zone::change::{Change, ChangeError, Record};
use crate::zone::crew::Crew;
use crate::zone::denial::Nsec3;
use crate::zone::lookup::Lookup;
use crate::zone::node::{Node, Set};
use proptest::prelude::*;
use std::collections::BTreeMap;

fn name(text: &str) -> NameBuf {
    NameBuf::from_text(text.as_bytes(), None).unwrap()
}

/// NSEC3 parameters, by the octet that tells them apart, which is the salt.
fn params(salt: u8) -> [u8; 6] {
    [1, 0, 0, 0, 1, salt]
}

fn record(owner: &str, rtype: Rtype, last: u8) -> Record {
    let nsec3 = [&params(last)[..], &[1, 0]].concat();
    let rdata: &[u8] = match rtype {
        Rtype::A => &[192, 0, 2, last],
        Rtype::NSEC => &[1, b'a' + last, 0, 0, 1, 0x40],
        Rtype::NSEC3PARAM => &params(last),
        Rtype::NSEC3 => &nsec3,
        _ => &[1, b'a' + last, 0],
    };
    Record { owner: name(owner), rtype, ttl: Ttl::default(), rdata: rdata.into() }
}

/// Owner and type to the data that is there: the naive model of a zone.
type Model = BTreeMap<(NameBuf, Rtype), Vec<Box<[u8]>>>;

fn build(model: &Model) -> Zone {
    let mut builder = Builder::new(name("z.").as_name());
    for ((owner, rtype), rdatas) in model {
        for rdata in rdatas {
            assert_eq!(builder.add(owner.as_name(), *rtype, Ttl::default(), rdata), None);
        }
    }
    builder.finish(&Crew::alone()).0
}

/// A name, whether it is a cut, and its records by type.
type Seen = (NameBuf, bool, Vec<(Rtype, Vec<Box<[u8]>>)>);

/// Everything that can be seen of a zone, in order.
fn contents(zone: &Zone) -> Vec<Seen> {
    let nodes = zone.nodes().map(|node| {
        let sets = node.sets().map(|set| (set.rtype(), set.records().map(Box::from).collect()));
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

/// Whether a record is added, and what it is.
fn step() -> impl Strategy<Value = (bool, String, Rtype, u8)> {
    let types = vec![Rtype::A, Rtype::NS, Rtype::CNAME, Rtype::DNAME, Rtype::NSEC];
    let data = (prop::sample::select(&OWNERS[..]), prop::sample::select(types));
    // What makes a zone one with NSEC3 is at its apex, and would be rare by chance.
    let hashed =
        vec![("z.", Rtype::NSEC3PARAM), (OWNERS[8], Rtype::NSEC3), (OWNERS[9], Rtype::NSEC3)];
    let hashed = prop::sample::select(hashed);
    let what = prop_oneof![3 => data, 1 => hashed];
    (any::<bool>(), what, 0..2_u8)
        .prop_map(|(is_added, (owner, rtype), last)| (is_added, owner.to_owned(), rtype, last))
}

/// What a zone says about a question: which case it is, the name that decides, and the records.
fn said(zone: &Zone, name: &FoldedName, rtype: Rtype) -> (&'static str, NameBuf, Vec<u8>) {
    let records = |set: Set<'_>| set.records().flatten().copied().collect::<Vec<_>>();
    let (case, node, set) = match zone.lookup(name, rtype) {
        Lookup::Answer { set, source } => ("answer", source.node(), Some(set)),
        Lookup::All { node, .. } => ("all", node, None),
        Lookup::Signatures { node, .. } => ("signatures", node, None),
        Lookup::Alias { set, source } => ("alias", source.node(), Some(set)),
        Lookup::Redirect { node, set, .. } => ("redirect", node, Some(set)),
        Lookup::NoData { source } => ("no data", source.node(), None),
        Lookup::NameError { encloser, .. } => ("name error", encloser, None),
        Lookup::Referral { cut } => ("referral", cut, cut.find(Rtype::NS)),
    };
    (case, node.owner().to_buf(), set.map(records).unwrap_or_default())
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
            for rtype in [Rtype::A, Rtype::NS, Rtype::DS, Rtype::CNAME, Rtype::ANY] {
                let (said, expected) = (said(zone, &folded, rtype), said(rebuilt, &folded, rtype));
                prop_assert_eq!(said, expected, "{} {}", asked, rtype);
            }
            let path = zone.guess_path(&folded);
            let along = format!("{:?}", zone.lookup_along(&path, &folded, Rtype::A));
            prop_assert_eq!(along, format!("{:?}", zone.lookup(&folded, Rtype::A)));
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
        steps in prop::collection::vec(step(), 0..40),
    ) {
        let mut model = Model::new();
        let mut zone = build(&model);
        for (is_added, owner, rtype, last) in steps {
            let record = record(&owner, rtype, last);
            let (before, seen_before) = (zone.clone(), contents(&zone));
            let rdatas = model.entry((record.owner.clone(), rtype)).or_default();
            let at = rdatas.iter().position(|rdata| *rdata == record.rdata);
            if is_added {
                if at.is_none() {
                    rdatas.push(record.rdata.clone());
                }
                let change = Change { added: vec![record.clone()], ..Change::default() };
                zone = zone.apply(&change).unwrap();
            } else {
                let change = Change { removed: vec![record.clone()], ..Change::default() };
                match at {
                    Some(at) => {
                        rdatas.remove(at);
                        zone = zone.apply(&change).unwrap();
                    }
                    None => {
                        prop_assert_eq!(zone.apply(&change).err(), Some(ChangeError::Missing(record.clone())));
                    }
                }
            }
            model.retain(|_, rdatas| !rdatas.is_empty());
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
