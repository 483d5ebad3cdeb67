//! How the data of each type is written, for the hints of diagnostics.
//!
//! Says nothing of ranges; the readers of the fields do.

use crate::wire::numbers::Rtype;
use crate::zone::file::problem::Problem;

/// Gives a problem the form of the type's data as a hint, if it has none of its own.
pub(super) fn explain(rtype: Rtype, problem: Problem) -> Problem {
    match of(rtype) {
        Some(form) => problem.or_hint(|| format!("the data of {rtype} is: {form}")),
        None => problem,
    }
}

fn of(rtype: Rtype) -> Option<&'static str> {
    Some(match rtype {
        Rtype::L32 | Rtype::NID | Rtype::L64 => "preference locator",
        Rtype::A => "address, as in 192.0.2.1",
        Rtype::AAAA => "address, as in 2001:db8::1",
        Rtype::NS
        | Rtype::CNAME
        | Rtype::DNAME
        | Rtype::PTR
        | Rtype::MB
        | Rtype::MD
        | Rtype::MF
        | Rtype::MG
        | Rtype::MR => "name",
        Rtype::SOA => "server mailbox serial refresh retry expire minimum",
        Rtype::WKS => "address protocol port…",
        Rtype::HINFO => "cpu system",
        Rtype::MINFO | Rtype::RP => "mailbox name",
        Rtype::MX | Rtype::KX | Rtype::RT | Rtype::AFSDB | Rtype::LP => "preference name",
        Rtype::TXT | Rtype::SPF => "\"string\"…",
        Rtype::ISDN => "\"address\" \"subaddress\"",
        Rtype::PX => "preference name name",
        Rtype::GPOS => "longitude latitude altitude",
        Rtype::LOC => {
            "degrees minutes seconds N|S degrees minutes seconds E|W altitude size precisions"
        }
        Rtype::SRV => "priority weight port name",
        Rtype::NAPTR => "order preference \"flags\" \"services\" \"expression\" name",
        Rtype::CERT => "type key-tag algorithm base64",
        Rtype::DS | Rtype::CDS => {
            "key-tag algorithm digest-type hexadecimal, of 20 octets for SHA-1 (1), 32 for \
             SHA-256 (2), 48 for SHA-384 (4)"
        }
        Rtype::X25 => "\"digits\", at least four",
        Rtype::SSHFP => {
            "algorithm type hexadecimal, of 20 octets for SHA-1 (1), 32 for SHA-256 (2)"
        }
        Rtype::IPSECKEY => "precedence gateway-type algorithm gateway base64",
        Rtype::RRSIG | Rtype::SIG => {
            "type algorithm labels ttl expiration inception key-tag signer base64"
        }
        Rtype::NSEC => "name type…",
        Rtype::DNSKEY | Rtype::CDNSKEY | Rtype::KEY => "flags protocol algorithm base64",
        Rtype::NSEC3 => "hash flags iterations salt next type…",
        Rtype::NSEC3PARAM => "hash flags iterations salt",
        Rtype::TLSA | Rtype::SMIMEA => "usage selector matching hexadecimal",
        Rtype::HIP => "algorithm hexadecimal base64 name…",
        Rtype::CSYNC => "serial flags type…",
        Rtype::ZONEMD => {
            "serial scheme hash hexadecimal, of 48 octets for SHA-384 (1), 64 for SHA-512 (2)"
        }
        Rtype::SVCB | Rtype::HTTPS => "priority target key=value…",
        Rtype::URI => "priority weight \"target\"",
        Rtype::CAA => "flags tag \"value\"",
        _ => return None,
    })
}
