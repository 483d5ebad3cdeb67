use super::{Compressor, Owner, RecordRef, Section, Writer};
use crate::base::time::Ttl;
use crate::wire::error::NoSpace;
use crate::wire::folded::FoldedName;
use crate::wire::header::{Flags, HEADER_LEN, Header};
use crate::wire::name::NameBuf;
use crate::wire::numbers::Rtype;
use hickory_proto::op::Message;
use proptest::prelude::*;

fn name(text: &str) -> NameBuf {
    NameBuf::from_text(text.as_bytes(), None).unwrap()
}

/// Writes NS records for `owners` with `targets` behind a question for `question`, and returns the
/// message with whether everything fit.
fn write(question: &NameBuf, records: &[(NameBuf, NameBuf)], limit: usize) -> (Vec<u8>, bool) {
    let mut message = vec![0; 65_535];
    let wire = question.as_name().as_wire();
    let end = HEADER_LEN + wire.len() + 4;
    message[HEADER_LEN..HEADER_LEN + wire.len()].copy_from_slice(wire);
    message[end - 4..end].copy_from_slice(&[0, 2, 0, 1]);
    let mut compressor = Compressor::default();
    let folded = FoldedName::new(question.as_name());
    let mut writer = Writer::new(&mut message, &folded, end, limit, &mut compressor);
    let mut fits = true;
    for (owner, target) in records {
        let record = RecordRef {
            owner: Owner::Name(owner.as_name()),
            rtype: Rtype::NS,
            ttl: Ttl::new(300).unwrap(),
            rdata: target.as_name().as_wire(),
        };
        let before = writer.position();
        if writer.write_record(Section::Answer, &record).is_err() {
            assert_eq!(writer.position(), before);
            fits = false;
            break;
        }
    }
    let [answers, ..] = writer.counts();
    let header = Header {
        id: 1,
        flags: Flags(Flags::QR),
        questions: 1,
        answers,
        authorities: 0,
        additionals: 0,
    };
    header.write(writer.message_mut());
    let len = writer.position();
    message.truncate(len);
    (message, fits)
}

/// The owners and targets that another implementation reads out of a message.
fn read_back(message: &[u8]) -> Vec<(String, String)> {
    let message = Message::from_vec(message).unwrap();
    let pairs = message.answers.iter().map(|record| {
        let owner = record.name.to_ascii().to_lowercase();
        (owner, record.data.to_string().to_lowercase())
    });
    pairs.collect()
}

#[test]
fn names_are_written_once_and_pointed_at_afterwards() {
    let question = name("a.example.");
    let records =
        [(name("a.example."), name("ns.example.")), (name("example."), name("ns.a.example."))];
    let (message, _) = write(&question, &records, 512);
    let expected: &[u8] = b"\xC0\x0C\0\x02\0\x01\0\0\x01\x2C\0\x05\x02ns\xC0\x0E\
                            \xC0\x0E\0\x02\0\x01\0\0\x01\x2C\0\x05\x02ns\xC0\x0C";
    assert_eq!(&message[HEADER_LEN + 15..], expected);
}

#[test]
fn record_that_does_not_fit_leaves_the_message_as_it_was() {
    let question = name("example.");
    let records =
        [(name("example."), name("ns1.example.")), (name("example."), name("ns2.example."))];
    let (whole, _) = write(&question, &records, 512);
    for limit in 0..whole.len() {
        let (message, fits) = write(&question, &records, limit);
        assert!(!fits && message.len() <= limit.max(HEADER_LEN + 13), "{limit}");
    }
}

#[test]
fn octets_beyond_the_limit_are_refused() {
    let mut message = [0; 20];
    let mut compressor = Compressor::default();
    let root = FoldedName::root();
    let mut writer = Writer::new(&mut message, &root, 17, 19, &mut compressor);
    assert_eq!(writer.write_octets(&[1, 2, 3]), Err(NoSpace));
    assert_eq!(writer.write_u16(0x0102), Ok(()));
    assert_eq!(writer.write_octets(&[3]), Err(NoSpace));
    writer.release(1);
    assert_eq!(writer.write_octets(&[3]), Ok(()));
    assert_eq!(&message[17..], &[1, 2, 3]);
}

fn any_name() -> impl Strategy<Value = NameBuf> {
    let label = prop::sample::select(vec!["a", "A", "b", "bb", "abc"]);
    prop::collection::vec(label, 0..5).prop_map(|labels| {
        name(&labels.iter().fold(".".to_owned(), |name, label| {
            format!("{label}.{}", name.trim_start_matches('.'))
        }))
    })
}

proptest! {
    #[test]
    fn another_implementation_reads_what_was_written(
        question in any_name(),
        records in prop::collection::vec((any_name(), any_name()), 0..40),
        limit in 30..1500_usize,
    ) {
        let (message, fits) = write(&question, &records, limit);
        prop_assert!(message.len() <= limit.max(HEADER_LEN + question.as_name().len() + 4));
        let read = read_back(&message);
        prop_assert!(read.len() == records.len() || !fits);
        for ((owner, target), (read_owner, read_target)) in records.iter().zip(&read) {
            prop_assert_eq!(&owner.to_string().to_lowercase(), read_owner);
            prop_assert_eq!(&target.to_string().to_lowercase(), read_target);
        }
    }
}
