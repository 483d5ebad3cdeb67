//! The zones of names that are reserved for local use: nobody on the Internet knows them, and nobody
//! there should be asked.
//!
//! Says what stands in them; `role` says whom they are for. Whoever sets up a resolver takes them.

use std::sync::{Arc, LazyLock};

use crate::answer::snapshot::{ZoneState, ZoneTable};
use crate::base::time::Wall;
use crate::wire::name::{Name, NameBuf};
use crate::zone::crew::Crew;
use crate::zone::file::source::Texts;
use crate::zone::load::{Apex, Means, load};

/// Zones without any name but their own.
const EMPTY: &[&str] = &[
    // RFC 6761.
    "test",
    "invalid",
    // RFC 6762 §22.1.
    "local",
    // RFC 7686, RFC 9476, RFC 8375, RFC 9462.
    "onion",
    "alt",
    "home.arpa",
    "resolver.arpa",
    // RFC 6303 §4.2 and §4.3: addresses of nobody, of private networks, of one link, of documents.
    "0.in-addr.arpa",
    "10.in-addr.arpa",
    "168.192.in-addr.arpa",
    "254.169.in-addr.arpa",
    "2.0.192.in-addr.arpa",
    "100.51.198.in-addr.arpa",
    "113.0.203.in-addr.arpa",
    "255.255.255.255.in-addr.arpa",
    // RFC 6303 §4.4 to §4.6.
    "0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.ip6.arpa",
    "d.f.ip6.arpa",
    "8.e.f.ip6.arpa",
    "9.e.f.ip6.arpa",
    "a.e.f.ip6.arpa",
    "b.e.f.ip6.arpa",
    "8.b.d.0.1.0.0.2.ip6.arpa",
];

/// Zones with records (RFC 6761 §6.3, RFC 6303 §4.2).
const WITH_RECORDS: &[(&str, &str)] = &[
    ("localhost", "@ A 127.0.0.1\n@ AAAA ::1\n* A 127.0.0.1\n* AAAA ::1\n"),
    ("127.in-addr.arpa", "1.0.0 PTR localhost.\n"),
    (
        "1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.ip6.arpa",
        "@ PTR localhost.\n",
    ),
];

/// What every one of them begins with (RFC 6303 §3).
const BEGINNING: &str = "$TTL 10800\n@ SOA localhost. nobody.invalid. 1 3600 1200 604800 10800\n\
                         @ NS localhost.\n";

static ZONES: LazyLock<ZoneTable> = LazyLock::new(|| {
    let empty = EMPTY.iter().map(|name| ((*name).to_owned(), ""));
    let with_records = WITH_RECORDS.iter().map(|(name, records)| ((*name).to_owned(), *records));
    // RFC 6303 §4.2 and, for the networks of providers, RFC 6598 §4.
    let private = (16..=31).map(|octet| (format!("{octet}.172.in-addr.arpa"), ""));
    let shared = (64..=127).map(|octet| (format!("{octet}.100.in-addr.arpa"), ""));
    let mut zones = ZoneTable::default();
    for (name, records) in empty.chain(with_records).chain(private).chain(shared) {
        insert(&mut zones, &name, records);
    }
    zones
});

/// All of them. Made once, and shared by all who have a copy.
pub fn zones() -> ZoneTable {
    ZONES.clone()
}

fn insert(zones: &mut ZoneTable, name: &str, records: &str) {
    let Ok(apex) = NameBuf::from_text(name.as_bytes(), Some(Name::ROOT)) else {
        debug_assert!(false, "{name} is no name");
        return;
    };
    let text = format!("{BEGINNING}{records}");
    let texts = Texts::of(name, text.into_bytes());
    // None of them is signed, so that the time is of no account.
    let means = Means { now: Wall::from_secs(0), crew: &Crew::alone() };
    let loaded = load(&texts, name, Apex::Given(apex.as_name()), means);
    debug_assert!(!loaded.diagnostics.has_errors(), "{name} cannot be loaded");
    if let Some(zone) = loaded.zone {
        zones.insert(apex.as_name(), ZoneState::Loaded(Arc::new(zone)));
    }
}

#[cfg(test)]
mod tests {
    use super::{EMPTY, WITH_RECORDS, zones};

    #[test]
    fn every_reserved_name_is_a_zone() {
        assert_eq!(zones().len(), EMPTY.len() + WITH_RECORDS.len() + 16 + 64);
    }
}
