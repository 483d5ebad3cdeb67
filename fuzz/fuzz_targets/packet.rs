//! Any octets as a query: the outcome is a bounded reply with the query's ID, or nothing; and the same
//! in a batch with others.

#![no_main]

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::{Arc, LazyLock};

use kereru::answer::ahead::Drafts;
use kereru::answer::{
    AnswerOptions, DropReason, Exchange, Workspace, Outcome, Snapshot, Transport, View, ZoneState,
    ZoneTable, respond,
};
use kereru::base::limits::{BATCH_MAX, MESSAGE_LEN_MAX};
use kereru::base::time::{Now, Wall};
use kereru::policy::cookie::Secrets;
use kereru::wire::character_string::CharacterString;
use kereru::wire::header::{Flags, Header};
use kereru::wire::name::NameBuf;
use kereru::zone::crew::Crew;
use kereru::zone::file::source::Texts;
use kereru::zone::load::{Apex, Means, load};
use libfuzzer_sys::fuzz_target;

const ZONE: &str = "$TTL 60\n@ SOA ns.sub a 1 2 3 4 5\n@ NS ns.sub\nwww A 192.0.2.1\n\
    sub NS ns.sub\nns.sub A 192.0.2.2\na CNAME www\nd DNAME sub\n*.w TXT wild\n\
    $GENERATE 1-99 big TXT \"string $\"\n";

const PEER: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::new(192, 0, 2, 53)), 4000);

const NOW: Wall = Wall::from_secs(1_559_731_985);

static WORLD: LazyLock<Snapshot> = LazyLock::new(|| {
    let apex = NameBuf::from_text(b"example.", None).expect("a name");
    let (texts, given) = (Texts::of("zone", ZONE.as_bytes()), Apex::Given(apex.as_name()));
    let loaded = load(&texts, "zone", given, Means { now: NOW, crew: &Crew::alone() });
    let mut zones = ZoneTable::default();
    let zone = loaded.zone.expect("a zone without errors");
    zones.insert(apex.as_name(), ZoneState::Loaded(Arc::new(zone)));
    let options = AnswerOptions {
        identity: CharacterString::new("ns1"),
        version: CharacterString::new("1"),
        cookies: Some(Secrets::new([7; 16], Some([8; 16]))),
        ..AnswerOptions::default()
    };
    Snapshot { views: vec![Arc::new(View { zones, options, ..View::default() })], ..Snapshot::default() }
});

/// What becomes of a message: the reply, or why there is none.
fn made(
    asked: &[u8],
    transport: Transport,
    respond: impl FnOnce(&mut Exchange<'_>) -> Outcome,
) -> Result<Vec<u8>, DropReason> {
    let mut message = vec![0; MESSAGE_LEN_MAX];
    message[..asked.len()].copy_from_slice(asked);
    let outcome = respond(&mut Exchange {
        message: &mut message,
        len: asked.len(),
        peer: PEER,
        local: ([192, 0, 2, 1], 53).into(),
        transport,
        received: NOW,
        now: Now::default(),
    });
    match outcome {
        Outcome::Reply { len, .. } => {
            message.truncate(len);
            Ok(message)
        }
        Outcome::Drop(reason) => Err(reason),
        Outcome::Defer(_) => panic!("there is nobody to ask"),
    }
}

fn alone(query: &[u8], transport: Transport) -> Result<Vec<u8>, DropReason> {
    made(query, transport, |exchange| respond(&WORLD, &mut Workspace::default(), exchange, &mut ()))
}

/// The messages of a batch: the octets themselves, and pieces of them, each as long as the octet
/// before it says.
fn split(octets: &[u8]) -> Vec<&[u8]> {
    let (mut messages, mut rest) = (vec![octets], octets);
    while let Some((&len, behind)) = rest.split_first()
        && messages.len() < BATCH_MAX
    {
        let (message, next) = behind.split_at(usize::from(len).min(behind.len()));
        messages.push(message);
        rest = next;
    }
    // So many that it is looked ahead.
    messages.iter().copied().cycle().take(messages.len().max(4)).collect()
}

fuzz_target!(|query: &[u8]| {
    let query = &query[..query.len().min(MESSAGE_LEN_MAX)];
    for (transport, limit) in [(Transport::Udp, 1232), (Transport::Tcp, MESSAGE_LEN_MAX)] {
        if let Ok(reply) = alone(query, transport) {
            assert!(reply.len() <= limit);
            let (asked, replied) = (Header::read(query), Header::read(&reply));
            assert_eq!(asked.map(|header| header.id), replied.map(|header| header.id));
            assert!(replied.is_some_and(|header| header.flags.contains(Flags::QR)));
        }
    }
    let (mut drafts, mut local) = (Drafts::default(), Workspace::default());
    let messages = split(query);
    messages.iter().for_each(|message| drafts.push(message, PEER.ip()));
    let ahead = drafts.look_ahead(&WORLD);
    for (index, message) in messages.iter().enumerate() {
        let in_batch = made(message, Transport::Udp, |exchange| {
            ahead.respond(index, &mut local, exchange, &mut ())
        });
        assert_eq!(in_batch, alone(message, Transport::Udp));
    }
});
