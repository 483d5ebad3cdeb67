//! What entries of the cache cost: memory while they are kept, and nothing to be found and written.

use crate::world::name;
use kereru::base::time::{Now, Ttl};
use kereru::cache::{
    Cache, Detail, Found, LearntRecord, LearntRecords, LearntSet, Limits, Put, Rank, Security,
    Table,
};
use kereru::wire::folded::FoldedName;
use kereru::wire::header::HEADER_LEN;
use kereru::wire::name::Name;
use kereru::wire::numbers::Rtype;
use kereru::wire::writer::{Compressor, Owner, Writer};

/// Entries that are measured: enough that what a store has from the start is a small part.
const ENTRIES: u64 = 20_000;

/// What the allocator of the C library takes for an allocation, besides what is asked for: a head
/// of 8 octets, and 8 on average because it gives multiples of 16.
const ALLOCATION_LEN: i64 = 16;

fn limits() -> Limits {
    let ttl = |seconds| Ttl::new(seconds).unwrap();
    Limits {
        min_ttl: ttl(0),
        max_ttl: ttl(86_400),
        max_negative_ttl: ttl(10_800),
        max_stale: ttl(86_400),
    }
}

/// Puts two addresses.
fn put(cache: &Cache, owner: Name<'_>) {
    let ttl = Ttl::new(300).unwrap();
    let addresses = [[192, 0, 2, 1], [192, 0, 2, 2]];
    let records = addresses.each_ref().map(|rdata| LearntRecord { ttl, rdata });
    let set = LearntSet { owner, rtype: Rtype::A, records: &records, signatures: &[] };
    let (rank, security) = (Rank::Authoritative, Security::Unchecked);
    let learnt = LearntRecords { set, redirect: None, proofs: &[], rank, security };
    assert!(matches!(cache.put_records(Now::default(), &learnt), Ok(Put::Stored(_))));
}

#[test]
fn store_reckons_the_octets_that_its_entries_take() {
    let mut octets = 0;
    let mut kept = None;
    let counted = allocation_counter::measure(|| {
        let cache = Cache::of_size(1 << 30, limits());
        for number in 0..ENTRIES {
            put(&cache, name(&format!("host{number}.example.")).as_name());
            if number % 64 == 0 {
                cache.run_pending();
            }
        }
        cache.run_pending();
        octets = cache.counts().octets;
        kept = Some(cache);
    });
    let taken = counted.bytes_current + counted.count_current * ALLOCATION_LEN;
    let taken = u64::try_from(taken).unwrap();
    let near = taken * 9 / 10..taken * 11 / 10;
    assert!(near.contains(&octets), "{taken} octets are taken, {octets} are reckoned");
    assert_eq!(kept.map(|cache| cache.counts().entries), Some(ENTRIES));
}

#[test]
fn entry_is_found_and_written_without_allocating() {
    let cache = Cache::new(Box::new(Table::new(1 << 20)), limits());
    let owner = name("www.example.");
    put(&cache, owner.as_name());
    let wire = owner.as_name().as_wire();
    let end = HEADER_LEN + wire.len() + 4;
    let mut message = vec![0; 512];
    message[HEADER_LEN..end - 4].copy_from_slice(wire);
    let (mut question, mut compressor) = (FoldedName::root(), Compressor::default());
    let mut written = 0;
    let counted = allocation_counter::measure(|| {
        question.fold(owner.as_name());
        let found = cache.find(Now::default(), &question, Rtype::A, || 0);
        let mut writer = Writer::new(&mut message, &question, end, 512, &mut compressor);
        if let Found::Records(hit) = &found {
            for part in hit.entry.parts(Detail::Signed, Ttl::new(7).unwrap()) {
                let owner = Owner::Name(part.owner);
                writer.write_set(part.section, owner, part.owner.len(), &part.set).unwrap();
            }
        }
        written = writer.position() - end;
    });
    assert_eq!((written, counted.count_total), (32, 0));
}
