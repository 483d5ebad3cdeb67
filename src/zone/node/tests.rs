use super::{Node, SetKey};
use crate::base::limits::{NAME_DATA_MAX, SETS_MAX};
use crate::base::time::Ttl;
use crate::wire::folded::FoldedName;
use crate::wire::header::{Flags, HEADER_LEN, Header};
use crate::wire::name::{Name, NameBuf};
use crate::wire::numbers::Rtype;
use crate::wire::rdata::embedded_names;
use crate::wire::writer::{Compressor, Owner, RecordRef, Section, Writer};
use crate::zone::parts::{NodeParts, TooMuchData};
use hickory_proto::op::Message;
use proptest::prelude::*;

fn name(text: &str) -> NameBuf {
    NameBuf::from_text(text.as_bytes(), None).unwrap()
}

fn ttl(seconds: u32) -> Ttl {
    Ttl::new(seconds).unwrap()
}

fn packed(parts: &mut NodeParts) -> Node {
    parts.settle();
    Node::pack(parts, FoldedName::new(parts.owner()).hash(0), false)
}

#[test]
fn servers_of_a_cut_come_with_the_hashes_of_their_names() {
    let mut parts = NodeParts::empty(name("sub.example.").as_name());
    let servers = ["a.sub.example.", "NS.Other.", "b.sub.example."].map(name);
    for server in &servers {
        parts.add(Rtype::NS, Ttl::default(), server.as_name().as_wire()).unwrap();
    }
    for (rtype, rdata) in [(Rtype::A, &[192, 0, 2, 1][..]), (Rtype::TXT, b"\x04text")] {
        parts.add(rtype, Ttl::default(), rdata).unwrap();
    }
    let node = packed(&mut parts);
    let records: Vec<&[u8]> = node.find(Rtype::NS).unwrap().records().collect();
    for first in 0..4 {
        let mut expected = records.clone();
        expected.rotate_left(first % 3);
        let (found, hashes): (Vec<&[u8]>, Vec<u64>) = node.servers(first).unzip();
        assert_eq!(found, expected);
        let hash = |rdata: &&[u8]| FoldedName::new(Name::read(rdata).unwrap()).hash(0);
        assert_eq!(hashes, expected.iter().map(hash).collect::<Vec<_>>());
    }
    // They are no part of the records before them.
    assert_eq!(node.find(Rtype::TXT).unwrap().records().collect::<Vec<_>>(), [b"\x04text"]);
    assert_eq!(node.unpack().len(), parts.len());
    assert_eq!(Node::pack(&parts, 0, true).servers(0).count(), 0);
    assert_eq!(packed(&mut NodeParts::empty(name("x.").as_name())).servers(1).count(), 0);
}

#[test]
fn alias_comes_with_the_hash_of_its_target() {
    let mut parts = NodeParts::empty(name("alias.example.").as_name());
    parts.add(Rtype::CNAME, Ttl::default(), name("WWW.Example.").as_name().as_wire()).unwrap();
    parts.add(Rtype::NSEC, Ttl::default(), b"\0\0\x01\x40").unwrap();
    let node = packed(&mut parts);
    let target = FoldedName::new(name("www.example.").as_name()).hash(0);
    assert_eq!(node.next_ids().collect::<Vec<_>>(), [target]);
    // It is no part of the records before it.
    assert_eq!(node.find(Rtype::NSEC).unwrap().wire_len(), 12 + 4);
    assert_eq!(node.unpack().len(), parts.len());
    // A name that is a cut as well leads to its servers.
    parts.add(Rtype::NS, Ttl::default(), name("ns.example.").as_name().as_wire()).unwrap();
    let server = FoldedName::new(name("ns.example.").as_name()).hash(0);
    assert_eq!(packed(&mut parts).next_ids().collect::<Vec<_>>(), [server]);
}

#[test]
fn packed_name_gives_back_what_went_in() {
    let mut parts = NodeParts::empty(name("WWW.example.").as_name());
    assert_eq!(parts.add(Rtype::A, ttl(60), &[192, 0, 2, 2]), Ok(ttl(60)));
    assert_eq!(parts.add(Rtype::TXT, ttl(30), b"\x02hi"), Ok(ttl(30)));
    assert_eq!(parts.add(Rtype::A, ttl(90), &[192, 0, 2, 1]), Ok(ttl(60)));
    let node = packed(&mut parts);
    assert!(node.owner().is_identical(name("WWW.example.").as_name()));
    assert!(node.is_named(name("www.EXAMPLE.").as_name()));
    assert!(!node.is_named(name("www.example2.").as_name()));
    let addresses = node.find(Rtype::A).unwrap();
    assert_eq!((addresses.len(), addresses.ttl()), (2, ttl(60)));
    let records: Vec<&[u8]> = addresses.records().collect();
    assert_eq!(records, [[192, 0, 2, 1], [192, 0, 2, 2]]);
    assert!(node.find(Rtype::AAAA).is_none());
    let again = packed(&mut node.unpack());
    assert_eq!(again.0, node.0);
}

#[test]
fn signatures_of_different_types_are_different_sets() {
    let mut parts = NodeParts::empty(name("a.").as_name());
    for covered in [1, 15, 1] {
        let mut signature = vec![0; 40];
        signature[1] = covered;
        signature[30] = covered;
        parts.add(Rtype::RRSIG, ttl(u32::from(covered)), &signature).unwrap();
    }
    let node = packed(&mut parts);
    let keys: Vec<(SetKey, u32)> = node.sets().map(|set| (set.key, set.ttl().as_secs())).collect();
    let key = |covered| SetKey { rtype: Rtype::RRSIG, covered: Rtype(covered) };
    assert_eq!(keys, [(key(1), 1), (key(15), 15)]);
}

#[test]
fn equal_records_become_one_whatever_their_case() {
    let mut parts = NodeParts::empty(name("a.").as_name());
    parts.add(Rtype::NS, ttl(1), name("NS.example.").as_name().as_wire()).unwrap();
    parts.add(Rtype::NS, ttl(1), name("ns.example.").as_name().as_wire()).unwrap();
    assert_eq!(parts.settle().len(), 1);
    assert_eq!(packed(&mut parts).find(Rtype::NS).unwrap().len(), 1);
}

#[test]
fn cut_and_dname_are_seen_and_the_apex_is_no_cut() {
    let mut parts = NodeParts::empty(name("a.").as_name());
    assert!(packed(&mut parts).is_empty());
    parts.add(Rtype::NS, ttl(1), b"\0").unwrap();
    assert!(packed(&mut parts).is_cut());
    assert!(!Node::pack(&parts, 0, true).is_cut());
    assert!(!packed(&mut parts).has_dname());
    parts.add(Rtype::DNAME, ttl(1), b"\0").unwrap();
    assert!(packed(&mut parts).has_dname());
}

#[test]
fn removing_tells_whether_the_record_was_there() {
    let mut parts = NodeParts::empty(name("a.").as_name());
    parts.add(Rtype::NS, ttl(1), b"\x01B\0").unwrap();
    assert!(!parts.remove(Rtype::A, &[1, 2, 3, 4]));
    assert!(!parts.remove(Rtype::NS, b"\x01c\0"));
    assert!(parts.remove(Rtype::NS, b"\x01b\0"));
    assert!(packed(&mut parts).is_empty());
}

#[test]
fn name_with_too_many_sets_is_refused() {
    let mut parts = NodeParts::empty(name("a.").as_name());
    for number in 1..=SETS_MAX {
        let rtype = Rtype(u16::try_from(number + 1000).unwrap());
        assert_eq!(parts.add(rtype, ttl(1), b"x"), Ok(ttl(1)));
    }
    assert_eq!(parts.add(Rtype(60_000), ttl(1), b"x"), Err(TooMuchData));
    assert_eq!(parts.add(Rtype(1001), ttl(1), b"y"), Ok(ttl(1)));
    assert_eq!(packed(&mut parts).sets().count(), SETS_MAX);
}

#[test]
fn room_of_removed_records_can_be_used_again() {
    let mut parts = NodeParts::empty(name("a.").as_name());
    let rdata = |number: u8| [&[number][..], &vec![0; 60_000]].concat();
    while parts.add(Rtype::NULL, ttl(1), &rdata(0)).is_ok() {}
    let mut parts = packed(&mut parts).unpack();
    for number in 1..=3 {
        assert_eq!(parts.add(Rtype::NULL, ttl(1), &rdata(number)), Ok(ttl(1)));
    }
}

#[test]
fn name_with_too_much_data_is_refused() {
    let mut parts = NodeParts::empty(name("a.").as_name());
    let rdata = vec![0; 65_535];
    let fitting = NAME_DATA_MAX / (rdata.len() + 12);
    for _ in 0..fitting {
        assert_eq!(parts.add(Rtype::NULL, ttl(1), &rdata), Ok(ttl(1)));
    }
    assert_eq!(parts.add(Rtype::NULL, ttl(1), &rdata), Err(TooMuchData));
}

fn any_name(labels: std::ops::Range<usize>) -> impl Strategy<Value = NameBuf> {
    let label = prop::sample::select(vec!["a", "A", "b", "bb", "abc"]);
    prop::collection::vec(label, labels).prop_map(|labels| {
        name(&labels.iter().fold(".".to_owned(), |name, label| {
            format!("{label}.{}", name.trim_start_matches('.'))
        }))
    })
}

/// Who owns the records in the message.
#[derive(Clone, Copy, Debug)]
enum Owning {
    /// The name that the zone has.
    Itself,
    /// A name that a wildcard stands for.
    Wildcard,
}

/// Data of a type that holds names, from two of them.
fn rdata(rtype: Rtype, number: u8, first: &NameBuf, second: &NameBuf) -> Vec<u8> {
    let (first, second) = (first.as_name().as_wire(), second.as_name().as_wire());
    match rtype {
        Rtype::MX => [&[0, number], first].concat(),

        Rtype::SOA => [first, second, &[number; 20]].concat(),
        _ => first.to_vec(),
    }
}

proptest! {
    #[test]
    fn set_reads_back_from_any_message(
        stem in any_name(0..4),
        before in any_name(1..3),
        owning in prop::sample::select(vec![Owning::Itself, Owning::Wildcard]),
        is_question in any::<bool>(),
        rtype in prop::sample::select(vec![Rtype::NS, Rtype::MX, Rtype::SOA]),
        targets in prop::collection::vec((any_name(0..4), any_name(0..4)), 1..40),
        (first, ttl, junk) in (0..40_usize, 0..3_u32, 1..17_000_usize),
    ) {
        let join = |above: &NameBuf, below: &NameBuf| {
            let below = below.to_string();
            name(&format!("{}{}", above.to_string().trim_start_matches('.'), below.trim_start_matches('.'))
                .replace("..", "."))
        };
        // The name in the zone, and the name that owns the records in the message.
        let (source, owner) = match owning {
            Owning::Itself => (stem.clone(), stem),
            Owning::Wildcard => (join(&name("*."), &stem), join(&before, &stem)),
        };
        let question = if is_question { owner.clone() } else { join(&before, &owner) };
        let mut parts = NodeParts::empty(source.as_name());
        for (number, (a, b)) in (0..).zip(&targets) {
            parts.add(rtype, Ttl::default(), &rdata(rtype, number, a, b)).unwrap();
        }
        let node = packed(&mut parts);
        let set = node.find(rtype).unwrap();
        let wire = question.as_name().as_wire();
        let end = HEADER_LEN + wire.len() + 4;
        let mut message = vec![0; 65_535];
        message[HEADER_LEN..HEADER_LEN + wire.len()].copy_from_slice(wire);
        message[end - 4..end].copy_from_slice(&[0, 2, 0, 1]);
        let folded = FoldedName::new(question.as_name());
        let mut compressor = Compressor::default();
        let mut writer = Writer::new(&mut message, &folded, end, 65_535, &mut compressor);
        // Sometimes far from the names that pointers can reach.
        let filler = vec![7; junk];
        let filler = RecordRef {
            owner: Owner::Question,
            rtype: Rtype::NULL,
            ttl: Ttl::default(),
            rdata: &filler,
        };
        writer.write_record(Section::Answer, &filler).unwrap();
        let owner_ref =
            if is_question { Owner::Question } else { Owner::Name(owner.as_name()) };
        let written = set.as_written(Ttl::new(ttl).unwrap(), first);
        writer.write_set(Section::Answer, owner_ref, source.as_name().len(), &written).unwrap();
        let [answers, ..] = writer.counts();
        prop_assert_eq!(usize::from(answers), set.len() + 1);
        let flags = Flags(Flags::QR);
        let header =
            Header { id: 1, flags, questions: 1, answers, authorities: 0, additionals: 0 };
        header.write(writer.message_mut());
        let len = writer.position();
        let read = Message::from_vec(&message[..len]).unwrap();
        let mut rdatas: Vec<&[u8]> = set.records().collect();
        rdatas.rotate_left(first % set.len());
        let expected: Vec<String> = rdatas
            .into_iter()
            .map(|rdata| {
                let names = embedded_names(rtype, rdata);
                let names: Vec<String> = names.map(|found| found.name.to_string()).collect();
                format!("{owner} {ttl} {}", names.join(" "))
            })
            .map(|text| text.to_lowercase())
            .collect();
        let found: Vec<String> = read.answers[1..]
            .iter()
            .map(|record| {
                let data = record.data.to_string();
                let names = data.split_whitespace().filter(|word| word.ends_with('.'));
                let names: Vec<&str> = names.collect();
                format!("{} {} {}", record.name.to_ascii(), record.ttl, names.join(" "))
            })
            .map(|text| text.to_lowercase())
            .collect();
        prop_assert_eq!(found, expected);
    }
}
