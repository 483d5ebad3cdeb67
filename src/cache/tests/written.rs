//! What is written of entries is read by another implementation as what was learnt, with lowered
//! times.

use super::{at, cache, denial, folded, name, records, set, stored};
use crate::cache::{Cache, Detail, Found, Freshness, LearntDenial, LearntRecords};
use crate::wire::folded::FoldedName;
use crate::wire::header::{Flags, HEADER_LEN, Header};
use crate::wire::numbers::Rtype;
use crate::wire::writer::{Compressor, Owner, Writer};
use hickory_proto::op::Message;
use hickory_proto::rr::{Record, RecordType};

const SIGNATURE: &str = "13 2 300 20300101000000 20200101000000 1 example. AAAA";

/// The reply that the cache gives, aliases followed, in the names and types of hickory-proto.
fn reply(cache: &Cache, now: u64, question: &str, detail: Detail) -> Message {
    let (qname, rtype) = question.split_once(' ').unwrap();
    let (wire, rtype) = (name(qname).as_wire(), Rtype::from_text(rtype).unwrap());
    let mut message = vec![0; 65_535];
    let end = HEADER_LEN + wire.len() + 4;
    message[HEADER_LEN..end - 4].copy_from_slice(wire);
    message[end - 4..end - 2].copy_from_slice(&rtype.0.to_be_bytes());
    message[end - 1] = 1;
    let (folded, mut compressor) = (folded(qname), Compressor::default());
    let mut writer = Writer::new(&mut message, &folded, end, 65_535, &mut compressor);
    let mut next = Some(folded.clone());
    while let Some(asked) = next.take() {
        let hit = match cache.find(at(now), &asked, rtype, || 0) {
            Found::Records(hit) | Found::NoData(hit) | Found::NameError(hit) => hit,
            Found::Alias(hit) => {
                next = hit.entry.target().map(FoldedName::new);
                hit
            }
            other @ (Found::Failure(_) | Found::Missing) => panic!("{other:?}"),
        };
        let Freshness::Fresh { ttl } = hit.freshness else { panic!("stale") };
        for part in hit.entry.parts(detail, ttl) {
            let owner = Owner::Name(part.owner);
            writer.write_set(part.section, owner, part.owner.len(), &part.set).unwrap();
        }
    }
    let ([answers, authorities, additionals], len) = (writer.counts(), writer.position());
    let flags = Flags(Flags::QR);
    Header { id: 0, flags, questions: 1, answers, authorities, additionals }.write(&mut message);
    Message::from_vec(&message[..len]).unwrap()
}

fn show(records: &[Record]) -> Vec<String> {
    let show = |record: &Record| {
        // Of these it shows the octets, without the features that decode them.
        let is_opaque = [RecordType::RRSIG, RecordType::NSEC].contains(&record.record_type());
        let data = if is_opaque { String::new() } else { format!(" {}", record.data) };
        format!("{} {} {}{data}", record.name, record.ttl, record.record_type())
    };
    records.iter().map(show).collect()
}

/// A cache with a signed set, an alias of it, a denial, and mail exchanges named below the owner.
fn filled() -> Cache {
    let cache = cache();
    let nsec = format!("w.example. 300 NSEC z.example. A\nw.example. 300 RRSIG NSEC {SIGNATURE}");
    let proofs = [set(&nsec)];
    let address = format!(
        "A.w.example. 250 A 192.0.2.2\na.w.example. 300 A 192.0.2.1\n\
         a.w.example. 300 RRSIG A {SIGNATURE}"
    );
    stored(cache.put_records(at(0), &LearntRecords { proofs: &proofs, ..records(&address) }));
    stored(cache.put_records(at(0), &records("alias.example. 300 CNAME a.w.example.")));
    let mail = "m.example. 300 MX 20 b.m.example.\nm.example. 300 MX 10 a.m.example.";
    stored(cache.put_records(at(0), &records(mail)));
    let soa = set("example. 900 SOA ns.example. host.example. 1 2 3 4 600");
    let denial = LearntDenial { soa: Some(soa), proofs: &proofs, ..denial("none.example.") };
    stored(cache.put_name_error(at(0), &denial));
    cache
}

#[track_caller]
fn check(question: &str, detail: Detail, answers: &[&str], authorities: &[&str]) {
    let message = reply(&filled(), 100, question, detail);
    assert_eq!(show(&message.answers), answers, "{question}");
    assert_eq!(show(&message.authorities), authorities, "{question}");
}

#[test]
fn plain_reply_has_the_records_with_what_is_left_of_their_lowest_time() {
    let addresses = ["A.w.example. 150 A 192.0.2.1", "A.w.example. 150 A 192.0.2.2"];
    check("A.w.example. A", Detail::Plain, &addresses, &[]);
    let lower = ["a.w.example. 150 A 192.0.2.1", "a.w.example. 150 A 192.0.2.2"];
    check("a.w.example. A", Detail::Plain, &lower, &[]);
    check(
        "m.example. MX",
        Detail::Plain,
        &["m.example. 200 MX 10 a.m.example.", "m.example. 200 MX 20 b.m.example."],
        &[],
    );
    check(
        "none.example. A",
        Detail::Plain,
        &[],
        &["example. 200 SOA ns.example. host.example. 1 2 3 4 600"],
    );
}

#[test]
fn signed_reply_has_signatures_and_proofs_too() {
    check(
        "a.w.example. A",
        Detail::Signed,
        &["a.w.example. 150 A 192.0.2.1", "a.w.example. 150 A 192.0.2.2", "a.w.example. 150 RRSIG"],
        &["w.example. 150 NSEC", "w.example. 150 RRSIG"],
    );
    check(
        "none.example. A",
        Detail::Signed,
        &[],
        &[
            "example. 200 SOA ns.example. host.example. 1 2 3 4 600",
            "w.example. 200 NSEC",
            "w.example. 200 RRSIG",
        ],
    );
}

#[test]
fn alias_and_what_it_leads_to_each_have_their_own_time() {
    check(
        "alias.example. A",
        Detail::Plain,
        &[
            "alias.example. 200 CNAME a.w.example.",
            "A.w.example. 150 A 192.0.2.1",
            "A.w.example. 150 A 192.0.2.2",
        ],
        &[],
    );
}
