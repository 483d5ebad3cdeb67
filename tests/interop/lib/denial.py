"""Whether a reply with DNSSEC proves what it says is not there: RFC 4035 §5.4, RFC 5155 §8.

Reads the NSEC and NSEC3 records as a validator does, whatever servers say. It takes signatures for
good (delv and drill look at those), but wants one beside each record that it reads.
"""

import base64
import hashlib
from functools import lru_cache

from lib.types import ANY, CNAME, DNAME, DS, NS, NSEC, NSEC3, RRSIG, SOA
from lib.wire import labels, lower, name_of

NOERROR = 0
NXDOMAIN = 3
OPT_OUT = 1


def is_proved_and_no_more(context, reply):
    """Whether a reply holds all records of denial that it needs, and none besides."""
    if reply.tc or reply.rcode not in (NOERROR, NXDOMAIN):
        return True
    links = links_of(reply)
    if links is None or not is_proved(context, reply, links):
        return False
    return not any(
        is_proved(context, reply, [other for other in links if other is not link])
        for link in links
    )


def links_of(reply):
    """The records of denial in a reply; None if one has no signature."""
    signers = {
        (record[0], int.from_bytes(record[4][:2], "big")): lower(record[4][18:])
        for record in reply.authority
        if record[1] == RRSIG
    }
    links = []
    for owner, rtype, _, _, data in reply.authority:
        if rtype in (NSEC, NSEC3):
            signature = signers.get((owner, rtype))
            if signature is None:
                return None
            signer = signature[: end_of_name(signature)]
            links.append((Nsec if rtype == NSEC else Nsec3)(owner, signer, data))
    return links


def is_proved(context, reply, links):
    """Whether the links prove all of what a reply says is not there."""
    qtype = int.from_bytes(reply.question[-4:-2], "big")
    # Who asks for an alias itself is not led on.
    is_led = qtype not in (CNAME, ANY)
    last = context.last(reply) if is_led else lower(reply.question[:-4])
    for record in reply.answer:
        if record[1] == RRSIG and not is_expansion_proved(context, record, links):
            return False
    if any(owner == last and rtype_answers(rtype, qtype) for owner, rtype, *_ in reply.answer):
        return reply.rcode == NOERROR
    zone = context.zone_for(last, qtype)
    owners = {record[1]: record[0] for record in reply.authority if record[1] != RRSIG}
    if SOA in owners:
        denial = Denial(zone, links)
        if owners[SOA] != zone:
            return False
        if zone not in context.signed:
            return True
        if reply.rcode == NXDOMAIN:
            return denial.has_no_name(last, context.is_below_left_out(last))
        return denial.has_no_data(last, qtype, context.is_there(last))
    if NS in owners:
        is_open = zone in context.signed and DS not in owners
        return not is_open or Denial(zone, links).has_no_signer(owners[NS])
    # A chain that ends before its target was looked for says nothing of it.
    return bool(reply.answer) and reply.rcode == NOERROR or zone is None


def rtype_answers(rtype, qtype):
    """Whether records of a type are what was asked for."""
    return rtype == qtype or qtype == ANY


def is_expansion_proved(context, record, links):
    """Whether nothing is closer to the owner of a signature than the wildcard that it was made for,
    if it was (RFC 4035 §5.3.4, RFC 5155 §8.8)."""
    owner, data = record[0], record[4]
    parts = labels(owner)
    depth = data[3]
    if depth >= len(parts) - (parts[:1] == [b"*"]):
        return True
    next_closer = name_of(parts[len(parts) - depth - 1 :])
    return Denial(context.zone(owner), links).cover(next_closer) is not None


class Denial:
    """The links of one zone."""

    def __init__(self, zone, links):
        self.zone = zone
        self.links = [link for link in links if link.zone == zone]

    def match(self, name):
        """The link of a name."""
        return next((link for link in self.links if link.matches(name)), None)

    def cover(self, name):
        """The link that says that there is no such name."""
        return next((link for link in self.links if link.covers(name)), None)

    def encloser(self, name):
        """The closest name above that is shown to exist while the one below it towards `name` is
        not, and the link that says so; or None and None."""
        parts = labels(name)
        for count in range(1, len(parts) + 1):
            above, next_closer = name_of(parts[count:]), name_of(parts[count - 1 :])
            covering = self.cover(next_closer)
            if covering and covering.shows(above, self):
                return above, covering
        return None, None

    def has_no_name(self, name, is_below_left_out):
        """Whether there is no such name, nor a wildcard for it. Below a name that the signer left
        out (opt-out) the encloser is one too high, and no link can say that its wildcard does not
        reach so far: then the wildcard's own has to do."""
        above, covering = self.encloser(name)
        if above is None:
            return False
        wildcard = b"\1*" + above
        if self.cover(wildcard) is not None:
            return True
        return is_below_left_out and covering.is_opt_out and self.match(wildcard) is not None

    def has_no_data(self, name, qtype, is_there):
        """Whether a name, or the wildcard that stands for it, has no such records; where the signer
        left either out (opt-out), whether the links leave room for it."""
        match = self.match(name)
        if match is not None:
            # A zone whose parent is elsewhere has to answer for its own DS (RFC 4035 §3.1.4.1).
            return match.lacks(qtype, name == self.zone)
        if any(link.has_below(name) for link in self.links):
            return True
        above, covering = self.encloser(name)
        if above is None:
            return False
        if not is_there:
            wildcard = b"\1*" + above
            match = self.match(wildcard)
            if match is not None:
                return match.lacks(qtype, False)
            covering = self.cover(wildcard)
        return covering is not None and covering.is_opt_out

    def has_no_signer(self, cut):
        """Whether a cut has no DS records."""
        match = self.match(cut)
        if match is not None:
            return NS in match.types and not {DS, SOA} & match.types
        _, covering = self.encloser(cut)
        return covering is not None and covering.is_opt_out


class Link:
    """What NSEC and NSEC3 have in common: the types of a name."""

    def lacks(self, qtype, at_apex):
        """Whether the name has no records of a type, nor an alias, and is the zone's to tell of."""
        is_cut = NS in self.types and not at_apex
        has_child = qtype != DS and is_cut or not at_apex and SOA in self.types
        return not {qtype, CNAME} & self.types and not has_child

    def leads_away(self):
        """Whether what is below the name is not told of by it."""
        return DNAME in self.types or NS in self.types and SOA not in self.types


class Nsec(Link):
    """A name and the next one in canonical order."""

    is_opt_out = False

    def __init__(self, owner, zone, data):
        end = end_of_name(data)
        self.zone = zone
        self.owner = labels(owner)[::-1]
        self.next = labels(lower(data[:end]))[::-1]
        self.is_last = self.next == labels(zone)[::-1]
        self.types = types_of(data[end:])

    def matches(self, name):
        return labels(name)[::-1] == self.owner

    def covers(self, name):
        parts = labels(name)[::-1]
        if self.leads_away() and parts[: len(self.owner)] == self.owner:
            return False
        is_before = self.is_last or parts < self.next
        return self.owner < parts and is_before and not self.has_below(name)

    def has_below(self, name):
        """Whether the next name lies below a name without records."""
        parts = labels(name)[::-1]
        return self.owner < parts < self.next and self.next[: len(parts)] == parts

    def shows(self, name, _):
        """Whether a name exists, because one end of the span is it or lies below it."""
        parts = labels(name)[::-1]
        return parts in (self.owner[: len(parts)], self.next[: len(parts)])


class Nsec3(Link):
    """The hash of a name and the next hash."""

    def __init__(self, owner, zone, data):
        salt_end = 5 + data[4]
        hash_end = salt_end + 1 + data[salt_end]
        self.zone = zone
        self.is_opt_out = bool(data[1] & OPT_OUT)
        self.how = (int.from_bytes(data[2:4], "big"), data[5:salt_end])
        self.hash = base64.b32hexdecode(labels(owner)[0].upper())
        self.next = data[salt_end + 1 : hash_end]
        self.types = types_of(data[hash_end:])

    def matches(self, name):
        return hashed(name, *self.how) == self.hash

    def covers(self, name):
        found = hashed(name, *self.how)
        if self.hash < self.next:
            return self.hash < found < self.next
        return found > self.hash or found < self.next

    def has_below(self, _):
        return False

    def shows(self, name, denial):
        """Whether a name exists, because it has a link."""
        match = denial.match(name)
        return match is not None and not match.leads_away()


@lru_cache(1 << 16)
def hashed(name, iterations, salt):
    """The hash of a name (RFC 5155 §5)."""
    digest = hashlib.sha1(name + salt).digest()
    for _ in range(iterations):
        digest = hashlib.sha1(digest + salt).digest()
    return digest


def end_of_name(data):
    """Where a name ends that data begins with."""
    at = 0
    while data[at]:
        at += 1 + data[at]
    return at + 1


def types_of(bitmap):
    """The types that a bitmap names (RFC 4034 §4.1.2)."""
    types = set()
    while bitmap:
        window, size = bitmap[:2]
        for at, byte in enumerate(bitmap[2 : 2 + size]):
            types |= {window << 8 | at << 3 | bit for bit in range(8) if byte & 0x80 >> bit}
        bitmap = bitmap[2 + size :]
    return types
