//! The twelve octets that every message begins with (RFC 1035 §4.1.1).

use crate::wire::numbers::Opcode;

/// Octets of a header.
pub const HEADER_LEN: usize = 12;

/// The flags, opcode and low response code of a header, as its second 16 bits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Flags(pub u16);

impl Flags {
    /// The message is a reply.
    pub const QR: u16 = 0x8000;
    /// The answer is authoritative.
    pub const AA: u16 = 0x0400;
    /// The message was cut to fit.
    pub const TC: u16 = 0x0200;
    /// Recursion is asked for.
    pub const RD: u16 = 0x0100;
    /// Recursion is offered.
    pub const RA: u16 = 0x0080;
    /// The data is authentic (RFC 4035 §3.2.3).
    pub const AD: u16 = 0x0020;
    /// The client checks signatures itself (RFC 4035 §3.2.2).
    pub const CD: u16 = 0x0010;
    /// The four bits of the opcode.
    const OPCODE: u16 = 0x7800;

    /// Whether all of these bits are set.
    pub fn contains(self, bits: u16) -> bool {
        self.0 & bits == bits
    }

    /// The kind of operation.
    pub fn opcode(self) -> Opcode {
        Opcode((self.0 >> 11 & 0xF) as u8)
    }

    /// The flags a reply to a query with these flags starts from: QR set, opcode, RD and CD
    /// copied, all else clear (RFC 1035 §4.1.1, RFC 4035 §3.2.2).
    pub fn for_reply(self) -> Self {
        Self(Self::QR | self.0 & (Self::OPCODE | Self::RD | Self::CD))
    }
}

/// A header.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Header {
    /// The number by which the client knows the reply.
    pub id: u16,
    /// Flags, opcode and low response code.
    pub flags: Flags,
    /// Questions.
    pub questions: u16,
    /// Records of the answer section.
    pub answers: u16,
    /// Records of the authority section.
    pub authorities: u16,
    /// Records of the additional section.
    pub additionals: u16,
}

impl Header {
    /// Reads the header that `message` begins with; `None` if it is shorter than a header.
    pub fn read(message: &[u8]) -> Option<Self> {
        let header = message.first_chunk::<HEADER_LEN>()?;
        let [a, b, c, d, e, f, g, h, i, j, k, l] = *header;
        Some(Self {
            id: u16::from_be_bytes([a, b]),
            flags: Flags(u16::from_be_bytes([c, d])),
            questions: u16::from_be_bytes([e, f]),
            answers: u16::from_be_bytes([g, h]),
            authorities: u16::from_be_bytes([i, j]),
            additionals: u16::from_be_bytes([k, l]),
        })
    }

    /// Writes the header over the first twelve octets of `message`, which must have them.
    pub fn write(self, message: &mut [u8]) {
        debug_assert!(message.len() >= HEADER_LEN, "no room for a header");
        let fields = [
            self.id,
            self.flags.0,
            self.questions,
            self.answers,
            self.authorities,
            self.additionals,
        ];
        for (slot, field) in message.chunks_exact_mut(2).zip(fields) {
            slot.copy_from_slice(&field.to_be_bytes());
        }
    }
}
