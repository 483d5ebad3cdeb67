//! Why octets cannot be read as a message, or do not fit into one.
//!
//! Carries positions, not prose.

use std::fmt;

/// The part of a message that was being read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Field {
    /// One of the twelve octets of the header.
    Header,
    /// A name.
    Name,
    /// The type of the question.
    Qtype,
    /// The class of the question.
    Qclass,
    /// Type, class, TTL or data length of a record.
    RecordHeader,
    /// The data of a record.
    Rdata,
    /// An option of the OPT record.
    EdnsOption,
}

/// Why octets are not a message we can act on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WireError {
    /// The octets end inside `field`.
    Short {
        /// What was being read.
        field: Field,
        /// Where it began, in octets from the start.
        at: usize,
    },
    /// A label is longer than 63 octets or has a reserved type (RFC 1035 §3.1).
    Label {
        /// Where the label's length octet stands.
        at: usize,
    },
    /// The name is longer than 255 octets.
    NameLength {
        /// Where the name began.
        at: usize,
    },
    /// A compression pointer where none is allowed, or one that does not point backwards.
    Pointer {
        /// Where the pointer stands.
        at: usize,
    },
    /// The message has not exactly one question (RFC 9619), nor none and a cookie (RFC 7873 §5.4).
    QuestionCount(u16),
    /// The data of a record that is not well-formed for its type.
    Rdata {
        /// Where the data began.
        at: usize,
    },
    /// An option of the OPT record whose value cannot be one.
    Option {
        /// Where the option began.
        at: usize,
    },
    /// A TSIG record that is not the last of the message (RFC 8945 §5.1), or malformed.
    Tsig {
        /// Where the record began.
        at: usize,
    },
    /// An OPT record that is not alone, not in the additional section or not at the root
    /// (RFC 6891 §6.1.1).
    Opt {
        /// Where the record began.
        at: usize,
    },
}

impl WireError {
    /// The same error, its position counted from `by` octets earlier.
    #[must_use]
    pub fn moved(self, by: usize) -> Self {
        match self {
            Self::Short { field, at } => Self::Short { field, at: at + by },
            Self::Label { at } => Self::Label { at: at + by },
            Self::NameLength { at } => Self::NameLength { at: at + by },
            Self::Pointer { at } => Self::Pointer { at: at + by },
            Self::Opt { at } => Self::Opt { at: at + by },
            Self::Rdata { at } => Self::Rdata { at: at + by },
            Self::Option { at } => Self::Option { at: at + by },
            Self::Tsig { at } => Self::Tsig { at: at + by },
            Self::QuestionCount(_) => self,
        }
    }
}

impl fmt::Display for WireError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Short { field, at } => {
                write!(f, "the {field:?} that begins at {at} is cut short")
            }
            Self::Label { at } => write!(f, "the label at {at} is too long or of a reserved type"),
            Self::NameLength { at } => write!(f, "the name at {at} has more than 255 octets"),
            Self::Pointer { at } => write!(f, "the compression pointer at {at} is not allowed"),
            Self::QuestionCount(count) => write!(f, "{count} questions instead of one"),
            Self::Opt { at } => write!(f, "the OPT record at {at} is not allowed there"),
            Self::Rdata { at } => write!(f, "the data at {at} is not of its record's type"),
            Self::Option { at } => write!(f, "the EDNS option at {at} has an impossible value"),
            Self::Tsig { at } => write!(f, "the TSIG record at {at} is malformed or not the last"),
        }
    }
}

impl std::error::Error for WireError {}

/// There is no room left in the message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NoSpace;
