//! Private addresses in answers of the world: taken out, or a web page could have its own name lead
//! into the network of whoever looks at it (DNS rebinding).
//!
//! Says which addresses are private, and changes what a response has told. Whose answers are looked
//! at is decided by who calls.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::resolver::response::{End, Found};
use crate::wire::numbers::Rtype;
use crate::wire::rdata::address;
use crate::wire::rdata::svcb::hints;

/// Takes private addresses out of an answer, and services that hint at some. Where nothing is left, the answer is that there are no
/// such records, without an SOA, so that it is not kept. Unbound does the same.
pub(super) fn remove(found: &mut Found) {
    for set in &mut found.chain {
        let before = set.rdatas.len();
        match set.rtype {
            Rtype::A | Rtype::AAAA => {
                set.rdatas.retain(|rdata| !address(rdata).is_some_and(is_private));
            }
            Rtype::SVCB | Rtype::HTTPS => {
                set.rdatas.retain(|rdata| !hints(rdata).any(is_private));
            }
            _ => (),
        }
        if set.rdatas.len() < before {
            // They cover the whole set.
            set.signatures.clear();
        }
    }
    found.chain.retain(|set| !set.rdatas.is_empty());
    let last = found.last.as_name();
    let has_records = found.chain.last().is_some_and(|set| set.owner.as_name() == last);
    if found.end == End::Records && !has_records {
        (found.end, found.soa) = (End::NoData, None);
        found.proofs.clear();
    }
}

fn is_private(address: IpAddr) -> bool {
    match address.to_canonical() {
        IpAddr::V4(address) => is_private_v4(address),
        IpAddr::V6(address) => is_private_v6(address),
    }
}

/// RFC 1918 §3, RFC 1122 §3.2.1.3 (loopback, this network), RFC 3927, RFC 6598.
fn is_private_v4(address: Ipv4Addr) -> bool {
    let [first, second, ..] = address.octets();
    address.is_private()
        || address.is_loopback()
        || address.is_link_local()
        || first == 0
        || (first == 100 && second & 0xC0 == 64)
}

/// RFC 4193, RFC 4291 §2.5.2, §2.5.3 and §2.5.6.
fn is_private_v6(address: Ipv6Addr) -> bool {
    let [first, ..] = address.octets();
    let is_local = address.is_loopback() || address.is_unspecified();
    is_local || first & 0xFE == 0xFC || address.is_unicast_link_local()
}

#[cfg(test)]
mod tests;
