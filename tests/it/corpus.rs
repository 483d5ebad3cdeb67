//! Replays the inputs of the fuzz targets: none may panic, and the good ones are read whole.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use crate::message::Message;
use crate::protocol;
use crate::received;
use crate::world::exchange;
use kereru::answer::Transport;
use kereru::base::diagnostic::Diagnostics;
use kereru::wire::name::NameBuf;
use kereru::wire::numbers::Rtype;
use kereru::wire::typed::Response;
use kereru::zone::file::print::write_record;
use kereru::zone::file::reader::Reader;
use kereru::zone::file::source::Texts;

fn corpus(name: &str) -> Vec<u8> {
    fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpus/zone").join(name)).unwrap()
}

/// What a text holds: its records as text, their types, and its problems.
fn read(text: Vec<u8>, origin: &str) -> (String, BTreeSet<Rtype>, Diagnostics) {
    let source = Texts::of("zone", text);
    let origin = NameBuf::from_text(origin.as_bytes(), None).unwrap();
    let mut reader = Reader::new(&source, "zone", Some(origin.as_name()));
    let (mut records, mut rtypes) = (String::new(), BTreeSet::new());
    while let Some(record) = reader.next_record() {
        rtypes.insert(record.rtype);
        write_record(&mut records, &record).unwrap();
    }
    (records, rtypes, reader.finish().1)
}

/// Reads a file that has nothing wrong with it, and reads again what is written of it.
#[track_caller]
fn check(name: &str, origin: &str) -> BTreeSet<Rtype> {
    let (records, rtypes, diagnostics) = read(corpus(name), origin);
    let problems: Vec<String> = diagnostics.iter().map(ToString::to_string).collect();
    assert_eq!(problems, [""; 0]);
    assert_eq!(read(records.clone().into_bytes(), ".").0, records);
    rtypes
}

#[test]
fn zone_samples_hold_every_type_of_data() {
    let mut found = check("every-type.zone", "every.example.");
    found.extend(check("new-types.zone", "new.example."));
    let known = Rtype::MNEMONICS.iter().filter_map(Rtype::from_text);
    let missing: Vec<Rtype> =
        known.filter(|rtype| !rtype.is_meta() && !found.contains(rtype)).collect();
    assert_eq!(missing, []);
}

#[test]
fn every_problem_of_the_sample_is_told() {
    let (records, _, diagnostics) = read(corpus("problems.zone"), "example.");
    assert_eq!((records.as_str(), diagnostics.errors()), ("", 18));
}

#[test]
fn no_zone_text_of_the_corpus_panics() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpus/zone");
    let mut count = 0;
    for entry in fs::read_dir(folder).unwrap() {
        read(fs::read(entry.unwrap().path()).unwrap(), "example.");
        count += 1;
    }
    assert!(count >= 6, "{count} inputs");
}

#[test]
fn every_packet_of_the_corpus_gets_a_readable_reply_or_silence() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpus/packet");
    let mut count = 0;
    for entry in fs::read_dir(folder).unwrap() {
        let query = fs::read(entry.unwrap().path()).unwrap();
        for transport in [Transport::Udp, Transport::Tcp] {
            if let Some(reply) = exchange(&protocol::WORLD, transport, &query) {
                let reply = Message::read(&reply);
                assert_eq!(reply.header.id.to_be_bytes(), query[..2]);
            }
        }
        count += 1;
    }
    assert!(count >= 29, "{count} inputs");
}

/// Mutations of each response of the corpus.
const MUTATIONS: u64 = 300;

/// The responses of the corpus by their names, sorted.
fn responses() -> Vec<(String, Vec<u8>)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpus/response");
    let mut responses: Vec<(String, Vec<u8>)> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_str().unwrap().to_owned();
            (name, fs::read(path).unwrap())
        })
        .collect();
    responses.sort();
    responses
}

#[test]
fn every_response_of_the_corpus_is_resolved_within_bounds() {
    let responses = responses();
    assert!(responses.len() >= 24, "{} inputs", responses.len());
    for (name, octets) in responses {
        let told = OnPanic(format!("the response {name}"));
        received::check(&octets);
        drop(told);
    }
}

#[test]
fn responses_with_changes_are_resolved_within_bounds() {
    for (name, octets) in responses() {
        for seed in 0..MUTATIONS {
            let told = OnPanic(format!("the response {name}, mutated with seed {seed}"));
            received::check(&received::mutated(&octets, seed));
            drop(told);
        }
    }
}

#[test]
fn what_is_kept_of_a_response_grows_with_its_octets_only() {
    for (name, octets) in responses() {
        for seed in 0..MUTATIONS {
            let octets = received::mutated(&octets, seed);
            let used = allocation_counter::measure(|| drop(Response::read(&octets)));
            // Sections grow to twice what they hold.
            let most = 1024 + 128 * octets.len() as u64;
            assert!(used.bytes_max <= most, "{name}, seed {seed}: {}", used.bytes_max);
        }
    }
}

/// Tells what was being done if that panics.
pub struct OnPanic(pub String);

impl Drop for OnPanic {
    #[expect(clippy::print_stderr, reason = "a failure has to tell how to repeat it")]
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("with {}:", self.0);
        }
    }
}
