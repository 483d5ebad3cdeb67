//! Whether those whom a client names exist and take mail (RFC 5321 §3.6, RFC 7505 §4).
//!
//! Asks nobody (`lookup`). What an answer that cannot be had means, others say: it differs from client
//! to client.

use std::net::IpAddr;

use crate::mail::address::Domain;
use crate::mail::lookup::{End, Known, Question, Unknown, reverse_name};
use crate::mail::reply::{Reply, Status};
use crate::mail::route::text;
use crate::wire::name::NameBuf;
use crate::wire::numbers::Rtype;

/// What came of a check.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// There is nothing against it.
    Fine,
    /// It is refused, with this reply.
    Refused(Reply),
    /// It cannot be found out now.
    Unknown(Unknown),
}

fn refused(code: u16, status: Status, text: String) -> Verdict {
    Verdict::Refused(Reply::new(code, status, "").with_text(text))
}

/// Whether anybody at a domain can be written back to.
///
/// # Errors
///
/// Returns the question whose answer comes next; so do all of these.
pub fn sender(domain: &NameBuf, known: &Known) -> Result<Verdict, Question> {
    let mx = known.find(domain.as_name(), Rtype::MX)?;
    let shown = text(domain);
    let none = |why: &str| {
        let text = format!("the sender's domain {shown} {why}; write from one that takes replies");
        refused(550, Status(1, 8), text)
    };
    match mx.end {
        End::Unknown(why) => return Ok(Verdict::Unknown(why)),
        End::NoName => return Ok(none("does not exist")),
        End::Records if mx.is_null_mx() => {
            let text = format!("the sender's domain {shown} takes no mail (null MX)");
            return Ok(refused(550, Status(7, 27), text));
        }
        End::Records => return Ok(Verdict::Fine),
        End::NoData => (),
    }
    let mut verdict = none("has neither MX records nor addresses");
    for rtype in [Rtype::A, Rtype::AAAA] {
        match known.find(domain.as_name(), rtype)?.end {
            End::Records => return Ok(Verdict::Fine),
            End::Unknown(why) => verdict = Verdict::Unknown(why),
            End::NoData | End::NoName => (),
        }
    }
    Ok(verdict)
}

/// Whether there can be mail for a domain at all.
///
/// # Errors
///
/// See `sender`.
pub fn recipient(domain: &NameBuf, known: &Known) -> Result<Verdict, Question> {
    let mx = known.find(domain.as_name(), Rtype::MX)?;
    let shown = text(domain);
    Ok(match mx.end {
        End::Unknown(why) => Verdict::Unknown(why),
        End::NoName => {
            refused(550, Status(1, 2), format!("the domain {shown} does not exist; check its name"))
        }
        End::Records if mx.is_null_mx() => {
            refused(556, Status(1, 10), format!("the domain {shown} takes no mail (null MX)"))
        }
        End::Records | End::NoData => Verdict::Fine,
    })
}

/// Whether the name exists that a client calls itself.
///
/// # Errors
///
/// See `sender`.
pub fn helo(name: &str, known: &Known) -> Result<Verdict, Question> {
    let domain = match Domain::read(name) {
        Ok(Domain::Name(domain)) => domain,
        Ok(Domain::Literal(_)) => return Ok(Verdict::Fine),
        Err(_) => {
            let text = "what you say in HELO is neither a name nor an address in brackets";
            return Ok(refused(550, Status(7, 1), text.to_owned()));
        }
    };
    let answer = known.find(domain.as_name(), Rtype::A)?;
    Ok(match answer.end {
        End::Records | End::NoData => Verdict::Fine,
        End::NoName => {
            let text = format!("the name {} that you say in HELO does not exist", text(&domain));
            refused(550, Status(7, 1), text)
        }
        End::Unknown(why) => Verdict::Unknown(why),
    })
}

/// Whether an address has a name.
///
/// # Errors
///
/// See `sender`.
pub fn reverse(address: IpAddr, known: &Known) -> Result<Verdict, Question> {
    let answer = known.find(reverse_name(address).as_name(), Rtype::PTR)?;
    Ok(match answer.end {
        End::Records => Verdict::Fine,
        End::NoData | End::NoName => {
            let text = format!("your address {address} has no name (PTR record)");
            refused(550, Status(7, 25), text)
        }
        End::Unknown(why) => Verdict::Unknown(why),
    })
}

#[cfg(test)]
mod tests {
    use super::{Verdict, helo, recipient, reverse, sender};
    use crate::mail::lookup::tests::{Dns, name};
    use crate::mail::lookup::{Known, Question};

    const RECORDS: &str = "mx. MX 10 h.\nh. A 192.0.2.1\nv6. AAAA 2001:db8::1\nnull. MX 0 .\n\
                           text. TXT a\nalias. CNAME mx.\nlost. CNAME none.\n\
                           1.2.0.192.in-addr.arpa. PTR h.\n\
                           1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa. PTR h.\n";

    #[track_caller]
    fn check(step: impl Fn(&Known) -> Result<Verdict, Question>, expected: &str) {
        let verdict = match Dns::of(RECORDS).find_out(step) {
            Verdict::Fine => "fine".to_owned(),
            Verdict::Unknown(_) => "unknown".to_owned(),
            Verdict::Refused(reply) => {
                let mut text = Vec::new();
                reply.write(&mut text);
                String::from_utf8(text).unwrap().chars().take(11).collect()
            }
        };
        assert!(verdict.trim_end().starts_with(expected), "{verdict}");
    }

    #[test]
    fn sender_must_be_one_who_can_be_written_back_to() {
        for (domain, expected) in [
            ("mx.", "fine"),
            ("alias.", "fine"),
            ("h.", "fine"),
            ("v6.", "fine"),
            ("text.", "550 5.1.8"),
            ("none.", "550 5.1.8"),
            ("lost.", "550 5.1.8"),
            ("null.", "550 5.7.27"),
            ("x.broken.", "unknown"),
        ] {
            check(|known| sender(&name(domain), known), expected);
        }
    }

    #[test]
    fn recipient_must_be_in_a_domain_that_takes_mail() {
        for (domain, expected) in [
            ("mx.", "fine"),
            ("h.", "fine"),
            // It has no host now; whoever sends finds that out.
            ("text.", "fine"),
            ("none.", "550 5.1.2"),
            ("lost.", "550 5.1.2"),
            ("null.", "556 5.1.10"),
            ("x.broken.", "unknown"),
        ] {
            check(|known| recipient(&name(domain), known), expected);
        }
    }

    #[test]
    fn client_must_exist_where_that_is_wanted() {
        for (text, expected) in [
            ("h", "fine"),
            ("text.", "fine"),
            ("[192.0.2.77]", "fine"),
            ("none", "550 5.7.1"),
            ("a b", "550 5.7.1"),
            ("x.broken", "unknown"),
        ] {
            check(|known| helo(text, known), expected);
        }
        for (address, expected) in [
            ("192.0.2.1", "fine"),
            ("::ffff:192.0.2.1", "fine"),
            ("192.0.2.2", "550 5.7.25"),
            ("2001:db8::1", "fine"),
            ("2001:db8::2", "550 5.7.25"),
        ] {
            check(|known| reverse(address.parse().unwrap(), known), expected);
        }
    }
}
