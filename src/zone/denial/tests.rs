use super::{Chain, Denial, Nsec3, Nsec3Params};
use crate::base::limits::NSEC3_ITERATIONS_MAX;
use crate::base::time::Ttl;
use crate::wire::name::{Name, NameBuf};
use crate::wire::numbers::Rtype;
use crate::zone::change::{Change, Record};
use crate::zone::crew::Crew;
use crate::zone::store::{Builder, Zone};

fn name(text: &str) -> NameBuf {
    NameBuf::from_text(text.as_bytes(), Some(Name::ROOT)).unwrap()
}

/// A zone example. with records of these types; NSEC records lead nowhere in particular.
fn zone(records: &[(&str, Rtype, &[u8])]) -> Zone {
    let mut builder = Builder::new(name("example.").as_name());
    for (owner, rtype, rdata) in records {
        builder.add(name(owner).as_name(), *rtype, Ttl::default(), rdata);
    }
    builder.finish(&Crew::alone()).0
}

const NSEC: &[u8] = b"\0\0\x01\x40";
const PARAM: &[u8] = &[1, 0, 0, 12, 4, 0xAA, 0xBB, 0xCC, 0xDD];
/// An NSEC3 record made with `PARAM`, its next hash and types of no interest.
const NSEC3: &[u8] = &[1, 1, 0, 12, 4, 0xAA, 0xBB, 0xCC, 0xDD, 1, 0];

#[test]
fn names_are_hashed_as_in_the_example_of_the_rfc() {
    // RFC 5155 appendix A.
    let params = Nsec3Params::read(PARAM).unwrap();
    for (text, hash) in [
        ("example", "0p9mhaveqvm6t7vbl5lop2u3t2rp3tom"),
        ("a.example", "35mthgpgcu1qg68fab165klnsnk3dpvl"),
        ("Ai.Example", "gjeqe526plbf1g8mklp59enfd789njgi"),
        ("*.w.example", "r53bq7cc2uvmubfu5ocmm6pers9tk9en"),
    ] {
        let hashed = params.hashed_name(name(text).as_name(), name("example.").as_name());
        assert_eq!(hashed.as_name().to_string(), format!("{hash}.example."));
    }
}

#[test]
fn parameters_that_are_not_for_answers_do_not_count() {
    let with = |at: usize, octet: u8| {
        let mut rdata = PARAM.to_vec();
        rdata[at] = octet;
        Nsec3Params::read(&rdata)
    };
    let iterated = |iterations: u16| {
        let mut rdata = PARAM.to_vec();
        rdata[2..4].copy_from_slice(&iterations.to_be_bytes());
        Nsec3Params::read(&rdata)
    };
    assert!(with(3, 12).is_some());
    assert_eq!(with(0, 2), None);
    assert_eq!(with(1, 1), None);
    assert!(iterated(NSEC3_ITERATIONS_MAX).is_some());
    assert_eq!(iterated(NSEC3_ITERATIONS_MAX + 1), None);
    assert_eq!(with(4, 5), None);
}

#[test]
fn record_at_the_name_or_the_last_before_it_covers() {
    let zone = zone(&[
        ("example.", Rtype::NSEC, NSEC),
        ("b.example.", Rtype::NSEC, NSEC),
        ("b.example.", Rtype::NS, b"\0"),
        ("glue.b.example.", Rtype::A, &[192, 0, 2, 1]),
        ("d.example.", Rtype::NSEC, NSEC),
    ]);
    for (asked, expected) in [
        ("example.", "example."),
        ("a.example.", "example."),
        ("b.example.", "b.example."),
        ("c.example.", "b.example."),
        ("zz.glue.b.example.", "b.example."),
        ("z.example.", "d.example."),
    ] {
        let found = zone.chain().nsec_for(name(asked).as_name()).unwrap();
        assert_eq!(found.owner(), name(expected).as_name(), "{asked}");
    }
}

#[test]
fn hash_before_the_first_is_covered_by_the_last() {
    let zone = zone(&[
        ("example.", Rtype::NSEC3PARAM, PARAM),
        // a.example and ai.example.
        ("35mthgpgcu1qg68fab165klnsnk3dpvl.example.", Rtype::NSEC3, NSEC3),
        ("gjeqe526plbf1g8mklp59enfd789njgi.example.", Rtype::NSEC3, NSEC3),
        // Made otherwise, so not of the chain.
        ("4.example.", Rtype::NSEC3, &[1, 0, 0, 0, 0, 1, 0]),
    ]);
    assert_eq!(zone.chain().links().count(), 2);
    let found = |asked: &str| {
        let (asked, apex) = (name(asked), name("example."));
        match zone.chain().nsec3_for(asked.as_name(), apex.as_name()).unwrap() {
            Nsec3::Match(node) => format!("match {}", &node.owner().to_string()[..2]),
            Nsec3::Cover(node) => format!("cover {}", &node.owner().to_string()[..2]),
        }
    };
    assert_eq!(found("a.example."), "match 35");
    // 0p9m…, r53b… and the hash in between, k8ud… (ns2.example would be q04j…).
    assert_eq!(found("example."), "cover gj");
    assert_eq!(found("*.w.example."), "cover gj");
}

#[test]
fn chain_after_changes_is_that_of_the_zone_built_from_scratch() {
    let record = |owner: &str, rtype, rdata: &[u8]| Record {
        owner: name(owner),
        rtype,
        ttl: Ttl::default(),
        rdata: rdata.into(),
    };
    let links = |zone: &Zone| -> Vec<String> {
        zone.chain().links().map(|node| node.owner().to_string()).collect()
    };
    let add = |zone: &Zone, record: Record| {
        zone.apply(&Change { added: vec![record], ..Change::default() }).unwrap()
    };
    let before = zone(&[("a.example.", Rtype::NSEC, NSEC)]);
    assert_eq!((before.chain().denial(), links(&before).len()), (&Denial::Unsigned, 0));
    let signed = add(&before, record("example.", Rtype::NSEC, NSEC));
    assert_eq!(links(&signed), ["example.", "a.example."]);
    let more = add(&signed, record("x.y.example.", Rtype::NSEC, NSEC));
    assert_eq!(links(&more), ["example.", "a.example.", "x.y.example."]);
    let change =
        Change { removed: vec![record("x.y.example.", Rtype::NSEC, NSEC)], ..Change::default() };
    assert_eq!(links(&more.apply(&change).unwrap()), ["example.", "a.example."]);
    let hashed = add(&more, record("example.", Rtype::NSEC3PARAM, PARAM));
    assert_eq!(links(&hashed), [""; 0]);
    let fresh = Chain::new(hashed.apex_node(), hashed.nodes());
    assert_eq!(fresh.denial(), hashed.chain().denial());
}
