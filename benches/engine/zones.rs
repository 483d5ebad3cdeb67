//! Zones for the benchmark, as text, and questions to them.

use std::fmt::Write;

use kereru::wire::name::{Name, NameBuf};
use sha1::{Digest, Sha1};

/// The name of every zone here.
pub(crate) const APEX: &str = "example.org.";

/// Names that are numbered take turns at being one of these.
const TURN: usize = 8;

/// How a zone denies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Signed {
    /// It is not signed.
    No,
    /// With NSEC records.
    Nsec,
    /// With NSEC3 records, no salt and no iterations.
    Nsec3,
}

/// What a question meets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// An address.
    Positive,
    /// A name without records of the type.
    NoData,
    /// No such name.
    NameError,
    /// A delegation with one server below it.
    Referral,
    /// A wildcard.
    Wildcard,
    /// An alias of a name of the zone.
    Alias,
}

impl Kind {
    /// All of them.
    pub(crate) const ALL: [Self; 6] = [
        Self::Positive,
        Self::NoData,
        Self::NameError,
        Self::Referral,
        Self::Wildcard,
        Self::Alias,
    ];

    /// What the table calls it.
    pub(crate) fn label(self) -> &'static str {
        match self {
            Self::Positive => "positive",
            Self::NoData => "nodata",
            Self::NameError => "nxdomain",
            Self::Referral => "referral",
            Self::Wildcard => "wildcard",
            Self::Alias => "cname",
        }
    }

    /// The name and type of question number `number` to a zone of `names` names.
    pub(crate) fn question(self, number: usize, names: usize) -> (String, u16) {
        let turn = |at: usize| number % (names / TURN) * TURN + at;
        let (label, rtype) = match self {
            Self::Positive => (format!("h{}", turn(0)), 1),
            Self::NoData => (format!("h{}", turn(0)), 16),
            Self::NameError => (format!("no{}", turn(0)), 1),
            Self::Referral => (format!("www.d{}", turn(6)), 1),
            Self::Wildcard => (format!("any.w{}", turn(7)), 1),
            Self::Alias => (format!("c{}", turn(5)), 1),
        };
        (format!("{label}.{APEX}"), rtype)
    }
}

/// The text of a zone with `names` names: five in eight are hosts, and one each an alias, a
/// delegation and the parent of a wildcard.
pub(crate) fn text(names: usize, signed: Signed) -> String {
    let mut zone = Text::default();
    zone.set("@", "SOA", &["ns admin 1 7200 3600 1209600 300"]);
    zone.set("@", "NS", &["ns", "ns.elsewhere.example."]);
    zone.set("ns", "A", &["192.0.2.53"]);
    for number in 0..names {
        let address = format!("10.{}.{}.{}", number >> 16 & 255, number >> 8 & 255, number & 255);
        match number % TURN {
            5 => zone.set(&format!("c{number}"), "CNAME", &[&format!("h{}", number - 5)]),
            6 => {
                let cut = format!("d{number}");
                zone.cut(&cut, &format!("ns.{cut}"));
                zone.set(&cut, "DS", &[&format!("{} 13 2 {}", number & 0xFFFF, "AB".repeat(32))]);
                zone.glue(&format!("ns.{cut}"), &address);
            }
            7 => zone.set(&format!("*.w{number}"), "A", &[&address]),
            _ => zone.set(&format!("h{number}"), "A", &[&address]),
        }
    }
    zone.finish(signed)
}

/// A zone in the making.
#[derive(Default)]
struct Text {
    records: String,
    /// Owners with the types they own, in the order they came.
    owners: Vec<(String, Vec<&'static str>)>,
}

impl Text {
    /// Adds a set that is signed in a signed zone.
    fn set(&mut self, owner: &str, rtype: &'static str, rdatas: &[&str]) {
        for rdata in rdatas {
            let _ = writeln!(self.records, "{owner} {rtype} {rdata}");
        }
        self.own(owner, rtype);
    }

    /// Adds the server of a delegation.
    fn cut(&mut self, owner: &str, server: &str) {
        let _ = writeln!(self.records, "{owner} NS {server}");
        self.own(owner, "NS");
    }

    /// Adds the address of a server below a delegation.
    fn glue(&mut self, owner: &str, address: &str) {
        let _ = writeln!(self.records, "{owner} A {address}");
    }

    fn own(&mut self, owner: &str, rtype: &'static str) {
        match self.owners.last_mut() {
            Some((last, types)) if last == owner => types.push(rtype),
            _ => self.owners.push((owner.to_owned(), vec![rtype])),
        }
    }

    fn sign(&mut self, owner: &str, rtype: &str) {
        let labels = owner.trim_start_matches("*.").split('.').count() + 2;
        let labels = if owner == "@" { 2 } else { labels };
        let _ = writeln!(
            self.records,
            "{owner} RRSIG {rtype} 13 {labels} 3600 20360101000000 20260101000000 1 {APEX} {}==",
            "A".repeat(86)
        );
    }

    fn finish(mut self, signed: Signed) -> String {
        let mut chain = match signed {
            Signed::No => return format!("$TTL 3600\n{}", self.records),
            Signed::Nsec => self.names_in_order(),
            Signed::Nsec3 => self.hashes_in_order(),
        };
        let owners = std::mem::take(&mut self.owners);
        for (owner, types) in &owners {
            let is_cut = owner != "@" && types.contains(&"NS");
            for rtype in types.iter().filter(|&&rtype| !is_cut || rtype == "DS") {
                self.sign(owner, rtype);
            }
        }
        let first = chain.first().cloned().unwrap_or_default();
        chain.push(first);
        for pair in chain.windows(2) {
            let [(owner, types), (next, _)] = pair else { continue };
            let types = types.join(" ");
            if signed == Signed::Nsec {
                let _ = writeln!(self.records, "{owner} NSEC {next} {types} RRSIG NSEC");
                self.sign(owner, "NSEC");
            } else {
                let _ = writeln!(self.records, "{owner} NSEC3 1 0 0 - {next} {types} RRSIG");
                self.sign(owner, "NSEC3");
            }
        }
        if signed == Signed::Nsec3 {
            self.records.push_str("@ NSEC3PARAM 1 0 0 -\n");
            self.sign("@", "NSEC3PARAM");
        }
        format!("$TTL 3600\n{}", self.records)
    }

    fn names_in_order(&self) -> Vec<(String, Vec<&'static str>)> {
        let mut chain: Vec<_> =
            self.owners.iter().map(|(owner, types)| (absolute(owner), owner, types)).collect();
        chain.sort_by(|a, b| a.0.as_name().cmp(&b.0.as_name()));
        chain.into_iter().map(|(_, owner, types)| (owner.clone(), types.clone())).collect()
    }

    fn hashes_in_order(&self) -> Vec<(String, Vec<&'static str>)> {
        let mut names = self.owners.clone();
        let wildcards = self.owners.iter().filter_map(|(owner, _)| owner.strip_prefix("*."));
        names.extend(wildcards.map(|parent| (parent.to_owned(), Vec::new())));
        let mut chain: Vec<_> = names
            .into_iter()
            .map(|(owner, types)| {
                let digest = Sha1::digest(absolute(&owner).as_name().as_wire());
                (data_encoding::BASE32HEX_NOPAD.encode(&digest).to_lowercase(), types)
            })
            .collect();
        chain.sort();
        chain
    }
}

/// A name as questions have it.
#[expect(clippy::expect_used, reason = "the names are ours")]
pub(crate) fn absolute(owner: &str) -> NameBuf {
    let text = match owner {
        "@" => APEX.to_owned(),
        _ if owner.ends_with('.') => owner.to_owned(),
        _ => format!("{owner}.{APEX}"),
    };
    NameBuf::from_text(text.as_bytes(), Some(Name::ROOT)).expect("a name")
}
