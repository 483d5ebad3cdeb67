"""Questions and answers as bytes: small and quick, because there are hundreds of thousands.

It reads what honest servers send; `mangled` has its own bytes. It does not make text of record
data: dnspython does that, and only for what a failure shows.
"""

import struct

import dns.message
import dns.rdatatype

# Where names lie in the data of the types that have them: bytes before, names, bytes after.
# Only these are read through compression pointers and compared without regard to case.
NAMES = {
    2: (0, 1), 3: (0, 1), 4: (0, 1), 5: (0, 1), 6: (0, 2), 7: (0, 1), 8: (0, 1), 9: (0, 1),
    12: (0, 1), 14: (0, 2), 15: (2, 1), 17: (0, 2), 18: (2, 1), 21: (2, 1), 26: (2, 2),
    33: (6, 1), 36: (2, 1), 39: (0, 1),
}
NAPTR = 35
OPT = 41
# The EDNS option of cookies.
COOKIE = 10
# The UDP size that questions with EDNS offer, and all servers are told to keep to.
EDNS_SIZE = 1232
TC = 0x0200
AA = 0x0400
DO = 0x8000
AD = 0x0020


def name_from_text(text):
    """Wire form of a fully qualified name in master-file text."""
    out = bytearray()
    label = bytearray()
    text = text.encode("latin-1")
    at = 0
    if text == b".":
        return b"\0"
    while at < len(text):
        byte = text[at]
        if byte == 0x5C:
            if text[at + 1 : at + 4].isdigit():
                label.append(int(text[at + 1 : at + 4]))
                at += 4
            else:
                label.append(text[at + 1])
                at += 2
            continue
        if byte == 0x2E:
            out.append(len(label))
            out += label
            label.clear()
        else:
            label.append(byte)
        at += 1
    assert not label, f"{text!r} is not fully qualified"
    return bytes(out) + b"\0"


def labels(name):
    """The labels of a name in wire form, without the root's."""
    out = []
    at = 0
    while name[at]:
        out.append(name[at + 1 : at + 1 + name[at]])
        at += 1 + name[at]
    return out


def name_of(parts):
    """Wire form of a list of labels, or None where it would be longer than a name may be."""
    out = b"".join(bytes([len(part)]) + part for part in parts) + b"\0"
    return out if len(out) <= 255 else None


def name_to_text(name):
    """Master-file text of a name in wire form."""
    if name == b"\0":
        return "."
    shown = ""
    for label in labels(name):
        for byte in label:
            char = chr(byte)
            if char in '.\\";()@$':
                shown += "\\" + char
            elif 0x21 <= byte <= 0x7E:
                shown += char
            else:
                shown += f"\\{byte:03}"
        shown += "."
    return shown


def query(name, rtype, edns=None, flags=0, rclass=1, do=False):
    """A question with ID 0; `edns` is the UDP size, or None for a query without EDNS; `do` asks for
    DNSSEC."""
    packet = struct.pack("!HHHHHH", 0, flags, 1, 0, 0, 0 if edns is None else 1)
    packet += name + struct.pack("!HH", rtype, rclass)
    if edns is not None:
        packet += struct.pack("!BHHIH", 0, OPT, edns, DO if do else 0, 0)
    return packet


def read_name(packet, at):
    """A name that may be compressed, lower-cased, and where the reading goes on."""
    out = []
    end = None
    for _ in range(130):
        size = packet[at]
        if size == 0:
            out.append(b"\0")
            return b"".join(out), at + 1 if end is None else end
        if size >= 0xC0:
            if end is None:
                end = at + 2
            at = (size & 0x3F) << 8 | packet[at + 1]
            continue
        if size > 63:
            raise ValueError("reserved label type")
        out.append(packet[at : at + 1 + size])
        at += 1 + size
    raise ValueError("a name that does not end")


def lower(name):
    """A name in lower case. Length octets are below 64, so that bytes.lower() leaves them."""
    return name.lower()


def canonical_data(packet, rtype, at, size):
    """Record data with its names expanded and in lower case."""
    end = at + size
    if rtype == NAPTR:
        begin = at
        at += 4
        for _ in range(3):
            at += 1 + packet[at]
        name, _ = read_name(packet, at)
        return packet[begin:at] + lower(name)
    where = NAMES.get(rtype)
    if where is None:
        return packet[at:end]
    before, count = where
    out = packet[at : at + before]
    at += before
    for _ in range(count):
        name, at = read_name(packet, at)
        out += lower(name)
    if at > end:
        raise ValueError("a name that goes beyond its record")
    return out + packet[at:end]


def without_option(options, code):
    """The data of an OPT record without the options of one code."""
    out = b""
    while options:
        found, size = struct.unpack_from("!HH", options)
        if found != code:
            out += options[: 4 + size]
        options = options[4 + size :]
    return out


class Answer:
    """One reply in the form in which replies are compared."""

    __slots__ = ("packet", "flags", "rcode", "question", "answer", "authority", "additional", "opt")

    def __init__(self, packet):
        self.packet = packet
        _, flags, questions, *counts = struct.unpack_from("!HHHHHH", packet)
        self.flags = flags & 0xFFF0
        self.rcode = flags & 15
        self.opt = None
        at = 12
        for _ in range(questions):
            _, at = read_name(packet, at)
            at += 4
        self.question = packet[12:at]
        sections = []
        for count in counts:
            section = []
            for _ in range(count):
                owner, at = read_name(packet, at)
                rtype, rclass, ttl, size = struct.unpack_from("!HHIH", packet, at)
                at += 10
                if at + size > len(packet):
                    raise ValueError("a record that goes beyond its packet")
                if rtype == OPT:
                    if self.opt is not None or owner != b"\0":
                        raise ValueError("a second OPT record, or one that is not at the root")
                    # Version and the DO bit; the size is the server's own affair.
                    self.opt = (ttl >> 16 & 0xFF, ttl & DO, bytes(packet[at : at + size]))
                    self.rcode |= ttl >> 24 << 4
                else:
                    data = canonical_data(packet, rtype, at, size)
                    section.append((lower(owner), rtype, rclass, ttl, data))
                at += size
            sections.append(section)
        if at != len(packet):
            raise ValueError("bytes after the last record")
        self.answer, self.authority, self.additional = sections

    @property
    def tc(self):
        """Whether the reply says that it was cut short."""
        return bool(self.flags & TC)

    @property
    def aa(self):
        """Whether the reply is authoritative."""
        return bool(self.flags & AA)

    def form(self):
        """Everything that is compared; the order within a section is not."""
        if self.tc:
            # Where a server stops filling is its own choice; TCP compares the whole.
            return (self.rcode, self.flags, self.question, self.opt)
        return (
            self.rcode,
            self.flags,
            self.question,
            self.opt,
            tuple(sorted(self.answer)),
            tuple(sorted(self.authority)),
            tuple(sorted(self.additional)),
        )

    def text(self):
        """The reply as dig shows it, for a failure."""
        try:
            shown = dns.message.from_wire(self.packet, one_rr_per_rrset=True).to_text()
        except Exception as error:  # noqa: BLE001: anything dnspython dislikes is worth showing
            return f"{self.packet.hex()} ({error!r})"
        return "\n".join(line for line in shown.splitlines() if line and not line.startswith("id "))


def type_text(rtype):
    """The mnemonic of a type."""
    return dns.rdatatype.to_text(rtype)


def signed(packet):
    """The same query with TSIG, by a key that nobody has."""
    algorithm = b"\x0bhmac-sha256\0"
    data = algorithm + bytes(6) + struct.pack("!HH", 300, 32) + bytes(32) + packet[:2] + bytes(4)
    record = b"\3key\0" + struct.pack("!HHIH", 250, 255, 0, len(data)) + data
    return packet[:10] + b"\0\1" + packet[12:] + record


def with_cookie(packet, cookie):
    """The same query with EDNS and this cookie."""
    option = struct.pack("!HH", COOKIE, len(cookie)) + cookie
    opt = struct.pack("!BHHIH", 0, 41, 1232, 0, len(option)) + option
    return packet[:10] + b"\0\1" + packet[12:] + opt
