//! What was found out, as JSON. Keys stay as they are; others may be added.

use serde_json::{Value, json};

use crate::app::route::{Findings, Policy, Verdict};
use crate::mail::lookup::{End, Source};
use crate::mail::route::{Host, NoWay, Origin, Sight, Target, text};
use crate::net::mail::Locality;
use crate::wire::name::NameBuf;

/// One document, and a line end.
pub(super) fn json(found: &Findings) -> String {
    let verdict = found.verdict();
    let hosts: Vec<Value> = match &verdict {
        Verdict::Sent(hosts) => hosts.iter().map(host).collect(),
        Verdict::Kept(_) | Verdict::NoMailbox | Verdict::None(_) | Verdict::Unknown(_) => {
            Vec::new()
        }
    };
    let document = json!({
        "address": found.address.to_string(),
        "domain": found.address.domain().to_string(),
        "hostname": found.hostname.as_ref().map(text),
        "local": found.locality.as_ref().map(local),
        "mailbox": found.mailbox,
        "steps": found.walk.sights.iter().map(step).collect::<Vec<Value>>(),
        "hosts": hosts,
        "policies": found.policies.iter().map(policy).collect::<Vec<Value>>(),
        "verdict": word(&verdict),
        "reason": reason(&verdict),
        "arrives": verdict.arrives(),
    });
    format!("{document:#}\n")
}

fn word(verdict: &Verdict<'_>) -> &'static str {
    match verdict {
        Verdict::Kept(_) => "mailbox",
        Verdict::NoMailbox => "no-mailbox",
        Verdict::Sent(_) => "relay",
        Verdict::None(NoWay::NoDomain) => "no-domain",
        Verdict::None(NoWay::NoHost) => "no-host",
        Verdict::None(NoWay::NullMx) => "null-mx",
        Verdict::None(NoWay::Loop) => "loop",
        Verdict::None(NoWay::Forbidden) => "forbidden",
        Verdict::Unknown(_) => "unknown",
    }
}

/// Why mail would not arrive.
fn reason(verdict: &Verdict<'_>) -> Option<String> {
    match verdict {
        Verdict::Kept(_) | Verdict::Sent(_) => None,
        Verdict::NoMailbox => Some("there is no such mailbox".to_owned()),
        Verdict::None(why) => Some(why.to_string()),
        Verdict::Unknown(why) => Some((*why).to_owned()),
    }
}

fn host(host: &Host) -> Value {
    let addresses: Vec<String> = host.addresses.iter().map(ToString::to_string).collect();
    json!({"name": host.name, "addresses": addresses})
}

fn local(locality: &Locality) -> Value {
    match locality {
        Locality::Configured => json!({"by": "mail.domains"}),
        Locality::Address => json!({"by": "address"}),
        Locality::Exchanger(exchanger) => json!({
            "by": "mx",
            "zone": text(&exchanger.zone),
            "host": text(&exchanger.host),
        }),
    }
}

/// Puts where something comes from beside it.
fn with_origin(mut value: Value, origin: &Origin) -> Value {
    value["source"] = json!(source(origin.source));
    value["authoritative"] = json!(origin.is_authoritative);
    value["ttl"] = json!(origin.ttl_secs);
    value
}

fn source(source: Source) -> String {
    source.to_string()
}

fn step(sight: &Sight) -> Value {
    let names = |names: &[NameBuf]| names.iter().map(text).collect::<Vec<String>>();
    match sight {
        Sight::Literal(address) => json!({"step": "literal", "address": address}),
        Sight::Route(route) => {
            let to = match &route.to {
                Target::Address(address) => address.to_string(),
                Target::Name(name) => text(name),
            };
            json!({"step": "route", "to": to, "port": route.port})
        }
        Sight::Alias { name, to } => json!({"step": "alias", "name": text(name), "to": names(to)}),
        Sight::Exchangers { hosts, origin } => {
            let host = |(preference, host): &(u16, NameBuf)| json!({"preference": preference, "host": text(host)});
            let hosts: Vec<Value> = hosts.iter().map(host).collect();
            with_origin(json!({"step": "mx", "hosts": hosts}), origin)
        }
        Sight::NullMx(origin) => with_origin(json!({"step": "null-mx"}), origin),
        Sight::Implicit(host, origin) => {
            with_origin(json!({"step": "no-mx", "host": text(host)}), origin)
        }
        Sight::NoDomain(origin) => with_origin(json!({"step": "no-domain"}), origin),
        Sight::Addresses { host, addresses, origin } => {
            let value = json!({"step": "addresses", "host": text(host), "addresses": addresses});
            with_origin(value, origin)
        }
        Sight::Dropped { host, address, why } => json!({
            "step": "dropped",
            "host": text(host),
            "address": address,
            "reason": why.to_string(),
        }),
        Sight::Unknown { name, rtype, why } => json!({
            "step": "unknown",
            "name": text(name),
            "type": rtype.to_string(),
            "reason": why.to_string(),
        }),
    }
}

fn policy(policy: &Policy) -> Value {
    let problem = match policy.answer.end {
        End::Unknown(why) => Some(why.to_string()),
        End::Records | End::NoData | End::NoName => None,
    };
    json!({
        "kind": policy.kind,
        "name": text(&policy.name),
        "texts": policy.texts,
        "source": source(policy.answer.source),
        "problem": problem,
    })
}
