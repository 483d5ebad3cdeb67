//! Any octets as a query: the outcome is a bounded reply with the query's ID, or nothing.

#![no_main]

use std::sync::{Arc, LazyLock};

use kereru::answer::{
    AnswerOptions, Exchange, Local, Outcome, Snapshot, Transport, View, ZoneState, ZoneTable,
    respond,
};
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
    Snapshot { views: vec![Arc::new(View { zones, options, ..View::default() })] }
});

fuzz_target!(|query: &[u8]| {
    let query = &query[..query.len().min(65_535)];
    for (transport, limit) in [(Transport::Udp, 1232), (Transport::Tcp, 65_535)] {
        let mut message = vec![0; 65_535];
        message[..query.len()].copy_from_slice(query);
        let (peer, local) = (([192, 0, 2, 53], 4000).into(), ([192, 0, 2, 1], 53).into());
        let mut exchange = Exchange {
            message: &mut message,
            len: query.len(),
            peer,
            local,
            transport,
            received: NOW,
            now: Now::default(),
        };
        if let Outcome::Reply { len, .. } =
            respond(&WORLD, &mut Local::default(), &mut exchange, &mut ())
        {
            assert!(len <= limit);
            let (asked, replied) = (Header::read(query), Header::read(&message[..len]));
            assert_eq!(asked.map(|header| header.id), replied.map(|header| header.id));
            assert!(replied.is_some_and(|header| header.flags.contains(Flags::QR)));
        }
    }
});
