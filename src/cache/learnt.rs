//! What is put into the cache, as the resolver read it from a response.
//!
//! Only borrowed. Whether a server may say this at all (bailiwick) and whether data are well-formed
//! (`wire::rdata::check`) the resolver has looked at before.

use crate::base::time::{Now, Ttl};
use crate::cache::entry::{Rank, Security};
use crate::wire::name::Name;
use crate::wire::numbers::Rtype;

/// One record of a set.
#[derive(Clone, Copy, Debug)]
pub struct LearntRecord<'a> {
    /// Its time to live, read by `Ttl::learnt`.
    pub ttl: Ttl,
    /// Its data in uncompressed wire form.
    pub rdata: &'a [u8],
}

/// The records of one type at one name, and their signatures, in any order.
#[derive(Clone, Copy, Debug)]
pub struct LearntSet<'a> {
    /// The name.
    pub owner: Name<'a>,
    /// The type.
    pub rtype: Rtype,
    /// The records, at least one.
    pub records: &'a [LearntRecord<'a>],
    /// The RRSIG records that cover the type.
    pub signatures: &'a [LearntRecord<'a>],
}

impl LearntSet<'_> {
    /// The lowest time to live of the records and their signatures, which counts for all
    /// (RFC 2181 §5.2, RFC 4034 §3).
    pub(super) fn ttl(&self) -> Ttl {
        let records = self.records.iter().chain(self.signatures);
        records.map(|record| record.ttl).min().unwrap_or_default()
    }
}

/// Records that answer a question, or are only good for reaching servers if they rank low.
#[derive(Clone, Copy, Debug)]
pub struct LearntRecords<'a> {
    /// The records.
    pub set: LearntSet<'a>,
    /// The DNAME that made the CNAME of `set` (RFC 6672 §3.1).
    pub redirect: Option<LearntSet<'a>>,
    /// The NSEC or NSEC3 sets which show that the name itself does not exist, if a wildcard stands
    /// for it (RFC 4035 §3.1.3.3).
    pub proofs: &'a [LearntSet<'a>],
    /// How far they are believed.
    pub rank: Rank,
    /// Whether they have been validated.
    pub security: Security,
}

/// That a name does not exist, or has no records of a type (RFC 2308 §2).
#[derive(Clone, Copy, Debug)]
pub struct LearntDenial<'a> {
    /// The name.
    pub name: Name<'a>,
    /// The SOA of the authority section. A denial without one is not kept (RFC 2308 §5).
    pub soa: Option<LearntSet<'a>>,
    /// The NSEC or NSEC3 sets that prove it.
    pub proofs: &'a [LearntSet<'a>],
    /// How far it is believed.
    pub rank: Rank,
    /// Whether it has been validated.
    pub security: Security,
}

/// A zone cut, as its parent says.
#[derive(Clone, Copy, Debug)]
pub struct LearntDelegation<'a> {
    /// The NS records.
    pub servers: LearntSet<'a>,
    /// The DS set, or the NSEC or NSEC3 sets which show that there is none (RFC 4035 §3.1.4.1).
    pub proofs: &'a [LearntSet<'a>],
    /// When the delegation ends by which the servers that said so were found; `None` if they are
    /// those of the root or were configured.
    ///
    /// No delegation outlives it. Else a zone that its parent has taken away could be kept alive by
    /// what it delegated before.
    pub until: Option<Now>,
    /// Whether it has been validated.
    pub security: Security,
}
