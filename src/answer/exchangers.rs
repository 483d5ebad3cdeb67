//! Where our own zones send the mail of a domain (RFC 5321 §5.1).
//!
//! Looks at zones alone: what was learnt never makes a domain ours.

use std::net::IpAddr;

use crate::answer::snapshot::{Snapshot, View, ZoneState};
use crate::base::limits::RESOLVED_ALIASES_MAX;
use crate::cache::Local;
use crate::wire::folded::FoldedName;
use crate::wire::name::{Name, NameArray, NameBuf};
use crate::wire::numbers::Rtype;
use crate::zone::lookup::Lookup;
use crate::zone::node::Node;

/// A host that takes the mail of a domain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exchanger {
    /// The zone of ours that says so.
    pub zone: NameBuf,
    /// Its name, in lower case.
    pub host: NameBuf,
    /// Its addresses, as far as they are in our zones.
    pub addresses: Vec<IpAddr>,
}

impl Snapshot {
    /// The hosts that our zones, in any view, prefer for the mail of a domain: those of the MX records
    /// with the lowest preference or, if there are none, the domain itself if it has addresses. None
    /// if the domain is in no zone of ours.
    pub fn exchangers(&self, domain: Name<'_>) -> Vec<Exchanger> {
        self.views.iter().flat_map(|view| view.exchangers(domain)).collect()
    }
}

impl View {
    fn exchangers(&self, domain: Name<'_>) -> Vec<Exchanger> {
        let mut at = NameArray::new(domain);
        for _ in 0..=RESOLVED_ALIASES_MAX {
            let name = FoldedName::new(at.as_name());
            let Some(ZoneState::Loaded(zone)) = self.zones.find(&name, Rtype::MX) else { break };
            match zone.lookup(&name, Rtype::MX) {
                Lookup::Answer { set, .. } => {
                    return self.preferred(zone.apex(), set.records());
                }
                Lookup::Alias { set, .. } => {
                    let target = set.records().next().map(Name::read);
                    let Some(Ok(target)) = target else { break };
                    at.set(target);
                }
                Lookup::NoData { .. } => {
                    let host = at.as_name().to_lowercase();
                    let addresses = self.addresses(&name);
                    let has_any = !addresses.is_empty();
                    let own = Exchanger { zone: zone.apex().to_buf(), host, addresses };
                    return has_any.then_some(own).into_iter().collect();
                }
                Lookup::Redirect { node, set, .. } => {
                    let Some(target) = redirected(at.as_name(), node, set.records()) else { break };
                    at = target;
                }
                Lookup::Referral { .. }
                | Lookup::All { .. }
                | Lookup::Signatures { .. }
                | Lookup::NameError { .. } => break,
            }
        }
        Vec::new()
    }

    /// The hosts of the lowest preference among MX records. The root is no host: it says that there
    /// is no mail (RFC 7505).
    fn preferred<'r>(
        &self,
        zone: Name<'_>,
        records: impl Iterator<Item = &'r [u8]>,
    ) -> Vec<Exchanger> {
        let read = records.filter_map(|rdata| {
            let (preference, host) = rdata.split_first_chunk()?;
            Some((u16::from_be_bytes(*preference), Name::read(host).ok()?))
        });
        let read: Vec<(u16, Name<'_>)> = read.filter(|(_, host)| !host.is_root()).collect();
        let lowest = read.iter().map(|(preference, _)| *preference).min();
        let best = read.iter().filter(|(preference, _)| Some(*preference) == lowest);
        best.map(|(_, host)| Exchanger {
            zone: zone.to_buf(),
            host: host.to_lowercase(),
            addresses: self.addresses(&FoldedName::new(*host)),
        })
        .collect()
    }
}

/// What a DNAME makes of a name (RFC 6672 §2.2).
fn redirected<'r>(
    name: Name<'_>,
    owner: &Node,
    mut records: impl Iterator<Item = &'r [u8]>,
) -> Option<NameArray> {
    let target = Name::read(records.next()?).ok()?;
    let kept = name.len().checked_sub(owner.owner().len())?;
    let mut made = NameArray::new(name);
    made.set_replaced(name, kept, target).then_some(made)
}
