"""What is compared and judged of replies with DNSSEC: the differences that are allowed besides
those of `compare`, and what a reply must not hold."""

import dns.dnssec
import dns.name
import dns.rdatatype

from lib import compare, denial, wire, zones
from lib.compare import allowed, below, has_dname, kind, referral
from lib.types import ANY, DNAME, DS, NSEC, NSEC3, RRSIG

DENIALS = {NSEC, NSEC3}
# What the signatures of the tests are valid for, in seconds.
MONTH = 30 * 24 * 3600
BEFORE = len(compare.ALLOWED)


class Context(compare.Context):
    """The names and zones, and what each zone has: all its names, also those without data; owners
    of NSEC3 records; names without such a record, which the signer left out (opt-out); and whether
    it is signed."""

    def __init__(self, texts):
        self.names = {}
        self.hashed = set()
        self.left_out = set()
        self.signed = set()
        owners = set()
        for origin, lines in texts.items():
            apex = wire.lower(wire.name_from_text(origin))
            names = self.names[apex] = set()
            hashed = set()
            for owner, types in zones.contents(lines).items():
                owner = wire.lower(wire.name_from_text(owner))
                owners.add(owner)
                if owner == apex and RRSIG in types:
                    self.signed.add(apex)
                if types <= {NSEC3, RRSIG}:
                    hashed.add(owner)
                    continue
                while owner not in names and len(owner) >= len(apex):
                    names.add(owner)
                    owner = owner[1 + owner[0] :]
            if hashed:
                self.hashed |= hashed
                self.left_out |= names - set(with_hash(lines, apex, names, hashed))
        super().__init__(texts, owners)

    def last(self, reply):
        """The name at which a reply's aliases end."""
        chain = reply.chain()
        return chain[-1][1] if chain else wire.lower(reply.question[:-4])

    def zone_for(self, name, qtype):
        """The zone that answers a question: for the DS of a zone's own name the one above, if there
        is one."""
        if qtype == DS and name in self.origins and len(name) > 1:
            return self.zone(name[1 + name[0] :]) or name
        return self.zone(name)

    def lineage(self, name):
        """The name and those above it, up to and without the apex of its zone."""
        apex = self.zone(name)
        while apex is not None and name != apex:
            yield name
            name = name[1 + name[0] :]

    def is_below_left_out(self, name):
        """Whether the signer left out a name or one above it."""
        return any(above in self.left_out for above in self.lineage(name))

    def is_there(self, name):
        """Whether a name is in its zone."""
        return name in self.names.get(self.zone(name), ())


def with_hash(lines, apex, names, hashed):
    """Those of the names whose hash is among the owners."""
    for _, _, rtype, data in zones.records(lines):
        if rtype == "NSEC3PARAM":
            _, _, iterations, salt = data.split()
            break
    else:
        return
    salt = None if salt == "-" else salt
    for name in names:
        text = dns.name.from_wire(name, 0)[0]
        label = dns.dnssec.nsec3_hash(text, salt, int(iterations), "SHA1").lower().encode()
        if bytes([len(label)]) + label + apex in hashed:
            yield name


def is_minimal(mine, models):
    """Whether no peer proves the same with fewer NSEC or NSEC3 records."""
    return all(
        len(denials(mine)) <= len(denials(model))
        for model in models
        if not mine.tc and not model.tc and said(mine) == said(model)
    )


def denials(reply):
    """The records of denial in the authority section."""
    return {record for record in reply.authority if record[1] in DENIALS}


def said(reply):
    """What a reply says, without its proofs."""
    others = [record for record in reply.authority if kind(record) not in DENIALS]
    return reply.rcode, sorted(reply.answer), sorted(others)


def without_do(qtype):
    """Claims about a reply to a question without DO."""

    def is_plain(mine, _):
        records = mine.authority + mine.additional
        records += mine.answer if qtype not in (ANY, RRSIG, *DENIALS) else []
        return not any(record[1] in {RRSIG, *DENIALS} for record in records)

    return (("without DO there is nothing of DNSSEC that was not asked for", is_plain),)


def with_do(context):
    """Claims about a reply to a question with DO."""

    def is_proved(mine, _):
        return denial.is_proved_and_no_more(context, compare.Shown(mine))

    return (
        ("no peer proves the same with fewer records", is_minimal),
        ("what is not there is proved, with no record more than that takes", is_proved),
    )


def same_but_proofs(left, right):
    """Whether two whole replies differ in nothing but their proofs."""
    return left.key()[:4] == right.key()[:4] and not left.tc and said(left) == said(right)


def forget_proofs(left, right):
    """Takes the proofs away."""
    for reply in (left, right):
        reply.authority = [record for record in reply.authority if kind(record) not in DENIALS]


def forget_all(left, right):
    """Takes everything away, so that the entry alone decides."""
    for reply in (left, right):
        reply.forget("rcode", "flags", "opt", "answer", "authority", "additional")


@allowed("a signature has the TTL of what it covers (RFC 4034 §3), but dnssec-signzone lets it end"
         " with its validity: Knot gives that of the set, the others what the file has",
         only=("knot",))
def signatures_keep_their_ttl_or_not(context, qtype, left, right):
    for reply in (left, right):
        for section in ("answer", "authority", "additional"):
            records = getattr(reply, section)
            if any(record[1] == RRSIG and record[3] > MONTH for record in records):
                kept = [(*r[:3], None if r[1] == RRSIG else r[3], r[4]) for r in records]
                setattr(reply, section, kept)


@allowed("an owner of NSEC3 records alone is no name of the zone (RFC 5155 §7.2.8): for NSD names"
         " below it have it as their closest encloser", wrong=("nsd",))
def names_of_hashes_do_not_exist(context, qtype, left, right):
    for last in (wire.lower(left.question[:-4]), context.last(left), context.last(right)):
        if any(name in context.hashed for name in context.lineage(last)):
            forget_all(left, right)


@allowed("NSD keeps one tree of names for all its zones: a name that an upper zone has exists in"
         " the lower one, too, and stops its wildcards", wrong=("nsd",))
def names_of_the_upper_zone_are_not_in_the_lower(context, qtype, left, right):
    for last in (context.last(left), context.last(right)):
        apex = context.zone(last)
        upper = [names for origin, names in context.names.items() if apex and below(apex, origin)]
        for name in context.lineage(last):
            if not context.is_there(name) and any(name in names for names in upper):
                forget_all(left, right)
                return


@allowed("where the signer left out a name without data (opt-out), the closest encloser is one"
         " above it that has a record (RFC 5155 §7.2.1): NSD proves another, or none",
         wrong=("nsd",))
def the_closest_encloser_has_a_record(context, qtype, left, right):
    last = context.last(left)
    if same_but_proofs(left, right):
        if context.is_below_left_out(last):
            forget_proofs(left, right)


@allowed("asked for a wildcard itself, its own record proves that it has no such data (RFC 5155"
         " §7.2.3): NSD adds that nothing is closer", wrong=("nsd",))
def a_wildcard_proves_itself(context, qtype, left, right):
    last = context.last(left)
    if last.startswith(b"\1*") and context.is_there(last) and same_but_proofs(left, right):
        forget_proofs(left, right)


@allowed("a wildcard stands for names that begin with an asterisk, too, and needs the same proof:"
         " Knot gives none", wrong=("knot",))
def an_asterisk_is_no_proof(context, qtype, left, right):
    last = context.last(left)
    if last.startswith(b"\1*") and not context.is_there(last):
        alike = last == context.last(right) and left.rcode == right.rcode and left.aa and right.aa
        if alike and qtype in (ANY, RRSIG):
            forget_all(left, right)
        elif same_but_proofs(left, right):
            forget_proofs(left, right)


@allowed("the NSEC record of a wildcard that answers a question for NSEC needs the proof that the"
         " name does not exist (RFC 4035 §3.1.3.3): Knot leaves it out", wrong=("knot",))
def an_nsec_from_a_wildcard_is_proved(context, qtype, left, right):
    if qtype == NSEC and left.answer and same_but_proofs(left, right):
        forget_proofs(left, right)


@allowed("behind a DNAME, NSD takes the NSEC record of another name, or none", wrong=("nsd",))
def names_behind_a_dname_are_proved(context, qtype, left, right):
    # Some give signatures in part, which is another entry's affair.
    if not has_dname(left) or any(r[1] == NSEC3 for r in left.authority + right.authority):
        return
    if qtype == RRSIG or same_but_proofs(left, right):
        forget_proofs(left, right)
    elif left.tc != right.tc and compare.is_near_limit(left, right):
        forget_all(left, right)


@allowed("in a zone with NSEC3, Knot says nothing at all below a wildcard that owns a DNAME, and"
         " below a name that the signer left out where a wildcard stands above it", wrong=("knot",))
def something_is_said(context, qtype, left, right):
    last = context.last(left)
    for one, other in ((left, right), (right, left)):
        if not one.aa and not one.answer + one.authority:
            if has_dname(other) or other.tc or context.is_below_left_out(last):
                forget_all(left, right)
                return


@allowed("what is redirected by a wildcard's DNAME needs no proof, because its owner is not"
         " expanded: Knot gives one", wrong=("knot",))
def a_wildcard_dname_is_not_proved(context, qtype, left, right):
    owners = {record[0] for record in left.answer + right.answer if record[1] == DNAME}
    if any(owner.startswith(b"\1*") for owner in owners):
        forget_proofs(left, right)


@allowed("the NSEC record at a cut is the upper zone's, as its DS is, but only DS is excepted from"
         " the referral (RFC 4035 §3.1.4.1): BIND answers", only=("bind",))
def the_nsec_of_a_cut_is_answered_or_not(context, qtype, left, right):
    if qtype == NSEC and referral(left) != referral(right):
        forget_all(left, right)


@allowed("BIND compresses names only where they agree in case, and signers write hashes in either:"
         " what fits for us may not fit for BIND", only=("bind",), ours=True)
def names_that_differ_in_case_are_compressed(context, qtype, mine, other):
    if other.tc and not mine.tc and mine.size > wire.EDNS_SIZE * compare.NEAR:
        forget_all(mine, other)


# These come first: each takes more away than those that are for all replies.
ALLOWED = compare.ALLOWED[BEFORE:]
del compare.ALLOWED[BEFORE:]
compare.ALLOWED[:0] = ALLOWED
