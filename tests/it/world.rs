//! Zones from text, and questions to them, without sockets.

use crate::message::{Asking, Message, query};
use kereru::answer::{
    AnswerOptions, DropReason, Exchange, Outcome, Snapshot, Transport, View, Workspace, ZoneState,
    ZoneTable, respond,
};
use kereru::base::limits::{MESSAGE_LEN_MAX, UDP_SIZE_MAX};
use kereru::base::time::{Now, Wall};
use kereru::wire::name::{Name, NameBuf};
use kereru::wire::numbers::Rtype;
use kereru::wire::trace::Trace;
use kereru::zone::crew::Crew;
use kereru::zone::file::source::Texts;
use kereru::zone::load::{Apex, Means, load};
use kereru::zone::store::Zone;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;

pub fn name(text: &str) -> NameBuf {
    NameBuf::from_text(text.as_bytes(), Some(Name::ROOT)).unwrap()
}

/// A zone from text without SOA and NS, which are added: SOA with a TTL of 900 and a MINIMUM of 300.
pub fn zone(apex: &str, records: &str) -> Zone {
    let text = format!(
        "$TTL 3600\n@ 900 SOA ns.elsewhere. admin 1 2 3 4 300\n@ NS ns.elsewhere.\n{records}\n"
    );
    whole_zone(apex, &text)
}

/// A zone from its whole text.
pub fn whole_zone(apex: &str, text: &str) -> Zone {
    let apex = name(apex);
    let texts = Texts::of("test.zone", text.as_bytes().to_vec());
    let means = Means { now: NOW, crew: &Crew::new(3) };
    let loaded = load(&texts, "test.zone", Apex::Given(apex.as_name()), means);
    let problems: Vec<String> = loaded.diagnostics.iter().map(ToString::to_string).collect();
    loaded.zone.unwrap_or_else(|| panic!("{}", problems.join("\n")))
}

/// A snapshot of one view.
pub fn snapshot(zones: Vec<Zone>, options: AnswerOptions) -> Snapshot {
    let mut table = ZoneTable::default();
    for zone in zones {
        let apex = zone.apex().to_buf();
        table.insert(apex.as_name(), ZoneState::Loaded(Arc::new(zone)));
    }
    of_table(table, options)
}

pub fn of_table(zones: ZoneTable, options: AnswerOptions) -> Snapshot {
    Snapshot {
        views: vec![Arc::new(View { zones, options, ..View::default() })],
        ..Snapshot::default()
    }
}

/// What the snapshot makes of a query; `None` if there is no reply.
pub fn exchange(snapshot: &Snapshot, transport: Transport, query: &[u8]) -> Option<Vec<u8>> {
    exchange_traced(snapshot, transport, query, &mut ())
}

/// When queries come.
pub const NOW: Wall = Wall::from_secs(1_559_731_985);

/// Who asks.
pub const PEER: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::new(192, 0, 2, 53)), 4000);

pub fn exchange_traced(
    snapshot: &Snapshot,
    transport: Transport,
    query: &[u8],
    trace: &mut impl Trace,
) -> Option<Vec<u8>> {
    exchange_with(snapshot, transport, PEER, query, trace).ok()
}

/// What the snapshot makes of a query from `peer`.
pub fn exchange_with(
    snapshot: &Snapshot,
    transport: Transport,
    peer: SocketAddr,
    query: &[u8],
    trace: &mut impl Trace,
) -> Result<Vec<u8>, DropReason> {
    exchange_in(snapshot, &mut Workspace::default(), (transport, peer), query, trace)
}

/// What the snapshot makes of a query, for a thread that goes on with `local`.
pub fn exchange_in(
    snapshot: &Snapshot,
    local: &mut Workspace,
    (transport, peer): (Transport, SocketAddr),
    query: &[u8],
    trace: &mut impl Trace,
) -> Result<Vec<u8>, DropReason> {
    let room = if transport == Transport::Udp { UDP_SIZE_MAX } else { MESSAGE_LEN_MAX };
    let mut message = vec![0xEE; room.max(query.len())];
    message[..query.len()].copy_from_slice(query);
    let mut exchange = Exchange {
        message: &mut message,
        len: query.len(),
        peer,
        local: "192.0.2.1:53".parse().unwrap(),
        transport,
        received: NOW,
        now: Now::default(),
    };
    match respond(snapshot, local, &mut exchange, trace) {
        Outcome::Reply { len, .. } => {
            message.truncate(len);
            Ok(message)
        }
        Outcome::Drop(reason) => Err(reason),
        Outcome::Defer(_) => panic!("there is nobody to ask"),
    }
}

/// Asks over UDP without EDNS.
pub fn ask(snapshot: &Snapshot, qname: &str, rtype: Rtype) -> Message {
    let query = query(&name(qname), rtype, Asking::PLAIN);
    Message::read(&exchange(snapshot, Transport::Udp, &query).unwrap())
}
