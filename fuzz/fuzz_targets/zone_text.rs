//! Any octets as a zone file: reading ends without a panic, and what was read is written so that
//! it reads back the same.

#![no_main]

use kereru::wire::name::Name;
use kereru::zone::file::print::write_record;
use kereru::zone::file::reader::Reader;
use kereru::zone::file::source::Texts;
use libfuzzer_sys::fuzz_target;

/// A short line of `$GENERATE` can make this many times more than it is long.
const RECORDS_MAX: usize = 10_000;

fn read(text: Vec<u8>) -> String {
    let source = Texts::of("zone", text);
    let mut reader = Reader::new(&source, "zone", Some(Name::ROOT));
    let mut records = String::new();
    for _ in 0..RECORDS_MAX {
        let Some(record) = reader.next_record() else { break };
        write_record(&mut records, &record).expect("a string takes all text");
    }
    records
}

fuzz_target!(|text: &[u8]| {
    let records = read(text.to_vec());
    assert_eq!(read(records.clone().into_bytes()), records);
});
