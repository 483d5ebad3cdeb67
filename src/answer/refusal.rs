//! Why a query gets no data, and the one place where that becomes a response code.

use crate::cache::FailureReason;
use crate::wire::edns::ExtendedError;
use crate::wire::error::WireError;
use crate::wire::numbers::{Class, Opcode, Rcode, Rtype};

/// Why a query gets no data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// The octets are not a query.
    Malformed(WireError),
    /// An operation that is not offered.
    Opcode(Opcode),
    /// An EDNS version above ours (RFC 6891 §6.1.3).
    EdnsVersion(u8),
    /// A keepalive option with a value, which only a server gives (RFC 7828 §3.2.1).
    Keepalive,
    /// A signature with a key that we do not have (RFC 8945 §5.2.1).
    UnknownKey,
    /// A class other than IN, or a name in class CH that nothing is told about.
    Class(Class),
    /// A type that cannot be asked for, such as OPT (RFC 6895 §3.1).
    MetaType(Rtype),
    /// A type that is obsolete and was never offered (RFC 1035 §3.2.3).
    ObsoleteType(Rtype),
    /// A transfer of a zone.
    Transfer,
    /// The client may not ask.
    NotAllowed,
    /// The name is in none of our zones.
    NotAuthoritative,
    /// The zone could not be loaded.
    BrokenZone,
    /// Others were asked for it, and it could not be found out.
    Unresolved(FailureReason),
}

impl Refusal {
    /// The response code the client gets.
    pub fn rcode(self) -> Rcode {
        match self {
            Self::Malformed(_) | Self::Keepalive | Self::MetaType(_) => Rcode::FORMERR,
            Self::Opcode(_) | Self::ObsoleteType(_) => Rcode::NOTIMP,
            Self::EdnsVersion(_) => Rcode::BADVERS,
            Self::UnknownKey => Rcode::NOTAUTH,
            Self::Class(_) | Self::Transfer | Self::NotAllowed | Self::NotAuthoritative => {
                Rcode::REFUSED
            }
            Self::BrokenZone | Self::Unresolved(_) => Rcode::SERVFAIL,
        }
    }

    /// The extended error that goes with it (RFC 8914).
    pub fn extended_error(self) -> Option<ExtendedError> {
        match self {
            Self::NotAllowed => Some(ExtendedError::PROHIBITED),
            Self::NotAuthoritative => Some(ExtendedError::NOT_AUTHORITATIVE),
            Self::BrokenZone => Some(ExtendedError::INVALID_DATA),
            Self::Unresolved(reason) => Some(match reason {
                FailureReason::Unreachable | FailureReason::Lame => {
                    ExtendedError::NO_REACHABLE_AUTHORITY
                }
                FailureReason::Network => ExtendedError::NETWORK_ERROR,
                FailureReason::TooLong => ExtendedError::OTHER,
                FailureReason::Busy => ExtendedError::NOT_READY,
            }),
            Self::Class(_) | Self::ObsoleteType(_) | Self::Transfer => {
                Some(ExtendedError::NOT_SUPPORTED)
            }
            Self::Malformed(_)
            | Self::Opcode(_)
            | Self::EdnsVersion(_)
            | Self::Keepalive
            | Self::UnknownKey
            | Self::MetaType(_) => None,
        }
    }
}
