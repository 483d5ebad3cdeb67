//! What was found out, in words that need no knowledge of mail.

use std::fmt::Write;

use crate::app::route::{Findings, Policy, Verdict};
use crate::mail::address::Domain;
use crate::mail::lookup::{End, Source};
use crate::mail::route::{Host, NoWay, Origin, Sight, Target, text};
use crate::net::mail::Locality;

/// The walk, step by step.
pub(super) fn walk(found: &Findings) -> String {
    let domain = found.address.domain();
    let mut out = format!("Mail for {}\n\n1. Is {domain} local here?\n", found.address);
    for line in locality(found) {
        line_of(&mut out, &line);
    }
    let _ = writeln!(out, "\n2. Which hosts take mail for {domain}?");
    for sight in &found.walk.sights {
        for line in sight_lines(sight) {
            line_of(&mut out, &line);
        }
    }
    if !found.policies.is_empty() {
        let _ = writeln!(out, "\n3. What does {domain} publish about its mail?");
        for policy in &found.policies {
            for line in policy_lines(policy) {
                line_of(&mut out, &line);
            }
        }
    }
    out.push('\n');
    out.push_str(&verdict(found));
    out
}

fn line_of(out: &mut String, line: &str) {
    // Writing into a string does not fail. What others publish does not steer the terminal.
    let line = line.chars().map(|char| if char.is_control() { '?' } else { char });
    let _ = writeln!(out, "   {}", line.collect::<String>());
}

fn locality(found: &Findings) -> Vec<String> {
    let domain = found.address.domain();
    let Some(hostname) = found.hostname.as_ref().map(text) else {
        return vec!["No: without a section `mail` this configuration takes no mail.".to_owned()];
    };
    let why = match &found.locality {
        None if matches!(domain, Domain::Literal(_)) => {
            return vec!["No: this server does not listen at that address.".to_owned()];
        }
        None => {
            return vec![
                format!(
                    "No: none of our zones says that {hostname}, which is this server, is among"
                ),
                format!("the best hosts for {domain}, and `mail.domains` does not list it."),
            ];
        }
        Some(Locality::Configured) => "Yes: `mail.domains` lists it.".to_owned(),
        Some(Locality::Address) => "Yes: this server listens there.".to_owned(),
        Some(Locality::Exchanger(exchanger)) => {
            let (zone, host) = (&exchanger.zone, text(&exchanger.host));
            format!("Yes: our zone {zone} says that its best host is {host}, which is this server.")
        }
    };
    let mailbox = match &found.mailbox {
        Some(mailbox) => format!("Mail for {} is put into the mailbox {mailbox}.", found.address),
        None => format!("But nobody here has the address {} (`mail.users`).", found.address),
    };
    vec![why, mailbox]
}

/// Where something comes from, in brackets.
fn of(origin: &Origin) -> String {
    let ttl = origin.ttl_secs.map_or_else(String::new, |ttl| format!(", for {ttl} s"));
    format!("[{}{ttl}]", source(origin.source))
}

fn source(source: Source) -> &'static str {
    match source {
        Source::OwnZone => "our own zone, authoritative",
        Source::Cache => "learnt before",
        Source::Stale => "learnt before, and out of date",
        Source::Servers => "asked of the zone's servers",
        Source::Forwarder => "asked of a forwarder",
        Source::Reserved => "a name reserved for local use",
        Source::Nobody => "nobody says",
    }
}

fn sight_lines(sight: &Sight) -> Vec<String> {
    let joined = |items: Vec<String>| items.join(", ");
    match sight {
        Sight::Literal(address) => {
            vec![format!("The address names the host itself: {address}. DNS is not asked.")]
        }
        Sight::Route(route) => {
            let to = match &route.to {
                Target::Address(address) => address.to_string(),
                Target::Name(name) => text(name),
            };
            vec![format!(
                "`mail.routes` says: {to}, port {}. MX records do not matter.",
                route.port
            )]
        }
        Sight::Alias { name, to } => {
            let to = to.iter().map(text).collect();
            vec![format!("{} is an alias of {}.", text(name), joined(to))]
        }
        Sight::Exchangers { hosts, origin } => {
            let host = |(preference, host): &(u16, _)| format!("MX {preference:<5} {}", text(host));
            let mut lines: Vec<String> = hosts.iter().map(host).collect();
            if let Some(last) = lines.last_mut() {
                let _ = write!(last, "   {}", of(origin));
            }
            lines
        }
        Sight::NullMx(origin) => {
            vec![format!(
                "MX 0 .   {}: none; it says that it takes no mail (RFC 7505).",
                of(origin)
            )]
        }
        Sight::Implicit(host, origin) => {
            let host = text(host);
            vec![format!("There are no MX records {}, so {host} itself is the host.", of(origin))]
        }
        Sight::NoDomain(origin) => vec![format!("None: the domain does not exist {}.", of(origin))],
        Sight::Addresses { host, addresses, origin } => {
            let addresses = joined(addresses.iter().map(ToString::to_string).collect());
            vec![format!("{} has the address {addresses}   {}", text(host), of(origin))]
        }
        Sight::Dropped { host, address: None, why } => {
            vec![format!("{} is left out: {why}.", text(host))]
        }
        Sight::Dropped { host, address: Some(address), why } => {
            vec![format!("{} at {address} is left out: {why}.", text(host))]
        }
        Sight::Unknown { name, rtype, why } => {
            vec![format!("{rtype} records of {} cannot be found out: {why}.", text(name))]
        }
    }
}

fn policy_lines(policy: &Policy) -> Vec<String> {
    let (kind, name) = (policy.kind.to_uppercase(), text(&policy.name));
    match policy.answer.end {
        End::Unknown(why) => vec![format!("{kind:<8} cannot be found out: {why}.")],
        End::Records | End::NoData | End::NoName if policy.texts.is_empty() => {
            vec![format!("{kind:<8} nothing (TXT at {name})")]
        }
        End::Records | End::NoData | End::NoName => {
            let line = |text: &String| format!("{kind:<8} {text}");
            policy.texts.iter().map(line).collect()
        }
    }
}

fn verdict(found: &Findings) -> String {
    let address = &found.address;
    match found.verdict() {
        Verdict::Kept(mailbox) => format!("It arrives: this server keeps it in {mailbox}.\n"),
        Verdict::NoMailbox => format!(
            "It does not arrive: this server is to keep it, and has no mailbox for {address}. Senders \
             get 550 5.1.1.\n"
        ),
        Verdict::Sent(hosts) => {
            let mut out = "It is sent on, to the first of these hosts that takes it:\n".to_owned();
            for (number, host) in (1..).zip(hosts) {
                let _ = writeln!(out, "   {number}. {}", host_text(host));
            }
            out
        }
        Verdict::None(why) => {
            let told = match why {
                NoWay::NoDomain => "Senders get 550 5.1.2.",
                NoWay::NullMx => "Senders get 556 5.1.10.",
                NoWay::NoHost | NoWay::Loop | NoWay::Forbidden => "It goes back to its sender.",
            };
            format!("It does not arrive: {why}. {told}\n")
        }
        Verdict::Unknown(why) => format!(
            "It does not arrive now: {why}. It would be kept, tried again, and returned in the end.\n"
        ),
    }
}

fn host_text(host: &Host) -> String {
    let addresses: Vec<String> = host.addresses.iter().map(ToString::to_string).collect();
    format!("{} at {}", host.name, addresses.join(", "))
}
