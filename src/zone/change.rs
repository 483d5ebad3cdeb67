//! The one type through which a zone changes, whoever asks for it.

use std::fmt;

use crate::base::time::Ttl;
use crate::wire::name::NameBuf;
use crate::wire::numbers::Rtype;

/// A record that stands for itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// The name that owns it.
    pub owner: NameBuf,
    /// Its type.
    pub rtype: Rtype,
    /// Its time to live.
    pub ttl: Ttl,
    /// Its data in uncompressed wire form, well-formed for the type.
    pub rdata: Box<[u8]>,
}

/// A change of a zone: first `removed` go, then `added` come.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Change {
    /// Records that go; their TTLs do not matter.
    pub removed: Vec<Record>,
    /// Records that come. One that is there already is replaced; the TTL becomes that of the whole
    /// set.
    pub added: Vec<Record>,
}

/// Why a change does not fit a zone. The zone is as it was.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ChangeError {
    /// A record to be removed is not there.
    Missing(Record),
    /// A record is for a name that is not within the zone.
    OutOfZone(NameBuf),
    /// A name would have more data than `NAME_DATA_MAX`.
    TooMuchData(NameBuf),
}

impl fmt::Display for ChangeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing(record) => {
                write!(f, "{} has no such {} record to remove", record.owner, record.rtype)
            }
            Self::OutOfZone(name) => write!(f, "{name} is not within the zone"),
            Self::TooMuchData(name) => write!(f, "{name} would have too many records"),
        }
    }
}

impl std::error::Error for ChangeError {}
