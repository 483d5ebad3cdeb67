"""Compares the replies of the program under test with those of its peers.

Peers may differ among themselves only in ways that are listed here, each with its reason. Where
all agree, the program must agree with them; where they differ, it must be like one of them, and
not like one whose reply the list calls wrong.

An entry of the list takes two replies (as `Shown`) and takes away what may differ; whatever is
left must be equal.
"""

from lib import wire
from lib.types import A, AAAA, ANY, CNAME, DNAME, DNSKEY, DS, HTTPS, KEY, NS, NSEC, NSEC3
from lib.types import NSEC3PARAM, RRSIG, SIG, SRV, SVCB

EDE = 15
DNSSEC = {RRSIG, NSEC, DNSKEY, NSEC3, NSEC3PARAM}
# SIG, KEY and their successors (RFC 2181 §10.1, RFC 4034 §2.5).
BESIDE_ALIASES = {SIG, KEY, RRSIG, NSEC, NSEC3}
NXDOMAIN = 3
# The shortest bound on a chain of aliases among the peers: Knot's.
CHAIN_BOUND = 5
# What part of the limit a reply must fill for another server to be unable to fit the same.
NEAR = 0.5


class Shown:
    """The parts of a reply that are left to compare."""

    def __init__(self, reply):
        self.rcode = reply.rcode
        self.flags = reply.flags
        self.question = reply.question
        self.opt = reply.opt
        self.tc = reply.tc
        self.aa = reply.aa
        self.size = len(reply.packet)
        self.answer = list(reply.answer)
        self.authority = list(reply.authority)
        self.additional = list(reply.additional)

    def key(self):
        """What is compared."""
        head = (self.rcode, self.flags, self.question, self.opt)
        if self.tc:
            return head
        sections = (self.answer, self.authority, self.additional)
        return head + tuple(tuple(sorted(section)) for section in sections)

    def forget(self, *parts):
        """Takes parts away."""
        for part in parts:
            if part in ("answer", "authority", "additional"):
                setattr(self, part, [])
            elif part == "tc":
                self.flags &= ~wire.TC
                self.tc = False
            elif part == "flags":
                self.flags = 0
                self.tc = False
            else:
                setattr(self, part, None)

    def chain(self):
        """The aliases of the answer section, from the question's name on, as (owner, target)."""
        owner = wire.lower(self.question[:-4])
        links = {record[0]: record[4] for record in self.answer if record[1] == CNAME}
        found = []
        while owner in links:
            # Each alias once: a circle ends with the name that it began with.
            found.append((owner, links[owner]))
            owner = links.pop(owner)
        return found

    def keep_chain(self, count):
        """Takes away of the answer section all but the first aliases, each once."""
        owners = {owner for owner, _ in self.chain()[:count]}
        self.answer = list({r: None for r in self.answer if kind(r) == CNAME and r[0] in owners})


def kind(record):
    """The type of a record; of a signature, that of what it covers."""
    return record[1] if record[1] != RRSIG else int.from_bytes(record[4][:2], "big")


class Context:
    """What the entries may know besides the replies: the zones that all servers have, and the
    names in them that own records."""

    def __init__(self, origins, owners):
        self.owners = {wire.lower(owner) for owner in owners}
        self.origins = {wire.lower(wire.name_from_text(origin)) for origin in origins}

    def zone(self, name):
        """The origin of the zone that a name lies in, or None."""
        at = 0
        while name[at:] not in self.origins:
            if not name[at]:
                return None
            at += 1 + name[at]
        return name[at:]


class Allowed:
    """One entry. `wrong` names peers whose reply is not one to be like; `only` those without whom
    it does not apply; `ours` says that we, too, may differ from every peer in this way; `stops`
    that one reply goes on where the other ends."""

    def __init__(self, relax, reason, wrong, only, ours, stops):
        self.name = relax.__name__.replace("_", " ")
        self.relax = relax
        self.reason = reason
        self.wrong = wrong
        self.only = only
        self.ours = ours
        self.stops = stops
        self.count = 0


ALLOWED = []


def allowed(reason, wrong=(), only=None, ours=False, stops=False):
    """Adds an entry to the list; where nothing else is said, only those are met that are wrong."""

    def add(relax):
        names = frozenset(wrong if only is None else only)
        ALLOWED.append(Allowed(relax, reason, frozenset(wrong), names, ours, stops))
        return relax

    return add


def explain(context, qtype, left, right, servers):
    """The entries by which two servers' replies differ; None if they differ otherwise, too."""
    left, right = Shown(left), Shown(right)
    used = []
    for entry in ALLOWED:
        before = (left.key(), right.key())
        if before[0] == before[1]:
            break
        if entry.only and not entry.only & servers:
            continue
        entry.relax(context, qtype, left, right)
        if (left.key(), right.key()) != before:
            used.append(entry)
    if left.key() != right.key():
        return None
    for entry in used:
        entry.count += 1
    return used


def explain_ours(context, qtype, mine, others, models):
    """Whether our reply differs from one of the peers that it is to be like only as each server may
    choose for itself. Where the others end at an alias that we follow, the one that goes on may be
    unlike us in what is listed as wrong of it."""
    found = {peer: explain(context, qtype, mine, others[peer], {peer}) for peer in others}
    explained = {peer: used for peer, used in found.items() if used is not None}
    if any(all(entry.ours for entry in explained[peer]) for peer in models if peer in explained):
        return True
    ended = {peer for peer, used in explained.items() if any(entry.stops for entry in used)}
    return any(
        all(entry.ours or peer in entry.wrong for entry in used)
        for peer, used in explained.items()
        if ended and ended == {*others} - {peer}
    )


def is_right(context, qtype, mine, other, server):
    """Whether a peer's reply differs from ours by nothing that is listed as wrong of it."""
    used = explain(context, qtype, mine, other, {server})
    return not any(server in entry.wrong for entry in used or ())


def referral(reply):
    """Whether a reply points at other servers."""
    return not reply.aa and reply.rcode == 0 and not reply.answer


@allowed("extended errors are a courtesy (RFC 8914 §2): BIND tells why it refuses, others do not",
         ours=True)
def extended_errors_are_optional(context, qtype, left, right):
    for reply in (left, right):
        if reply.opt is not None:
            version, do, options = reply.opt
            reply.opt = (version, do, wire.without_option(options, EDE))


@allowed("addresses for the targets of SRV, SVCB and HTTPS spare every client a question: we always"
         " give those of all our zones, Knot those of the same zone", ours=True)
def addresses_of_services_are_given(context, qtype, left, right):
    services = [record for record in left.answer if record[1] in (SRV, SVCB, HTTPS)]
    if same_but_additional(left, right):
        if all(is_of_a_target(record, services) for record in differing(left, right)):
            for reply in (left, right):
                reply.forget("additional")


@allowed("asked for NS, all give the addresses of servers in the zone; we also those that another of"
         " our zones has, from there instead of from glue, and those at a cut", ours=True)
def addresses_of_servers_elsewhere_are_given(context, qtype, left, right):
    if qtype == NS and left.answer and same_but_additional(left, right):
        ours = {(record[0], record[1], record[4]) for record in left.additional}
        theirs = {(record[0], record[1], record[4]) for record in right.additional}
        if ours >= theirs and all(is_of_a_target(r, left.answer) for r in left.additional):
            left.additional = list(right.additional)


@allowed("records of DNSSEC that stand in a zone without being its signatures: BIND leaves them out"
         " of ANY, the others treat them like any other", ours=True)
def any_holds_records_of_dnssec_or_not(context, qtype, left, right):
    if qtype == ANY:
        kept = [[r for r in reply.answer if r[1] not in DNSSEC] for reply in (left, right)]
        # One that gave nothing but signatures answered in part.
        if all(kept) or not any(kept):
            left.answer, right.answer = kept


@allowed("whether a question for a type that may stand beside an alias (RRSIG, NSEC, SIG, KEY) and"
         " does not is for the alias or for its target is nowhere said: BIND and Knot answer for it if"
         " it is NSEC, BIND also if it is KEY or SIG, Knot also if it is RRSIG, NSD also if it is"
         " NSEC3; we never", ours=True)
def some_questions_follow_aliases_or_not(context, qtype, left, right):
    chains = [reply.chain() for reply in (left, right)]
    if qtype in BESIDE_ALIASES and (len(chains[0]) != len(chains[1]) or left.tc != right.tc):
        for reply in (left, right):
            reply.keep_chain(min(map(len, chains)))
            reply.forget("rcode", "opt", "authority", "additional", "tc")


@allowed("BIND calls an answer to ANY of which it left out everything authentic", wrong=("bind",))
def nothing_is_not_authentic(context, qtype, left, right):
    if qtype == ANY and not left.answer and not right.answer:
        for reply in (left, right):
            reply.flags &= ~wire.AD


@allowed("a question for RRSIG may be answered in part (RFC 8482 §2): Knot gives the signatures of"
         " one type, with the TTL that they name", wrong=("knot",))
def signatures_are_all_given(context, qtype, left, right):
    if qtype != RRSIG or {*left.answer} == {*right.answer}:
        return
    if left.answer and right.answer or left.tc or right.tc:
        names = [{(*record[:2], record[4]) for record in reply.answer} for reply in (left, right)]
        if names[0] <= names[1] or names[1] <= names[0]:
            beside = ("authority", "tc") if left.tc or right.tc else ()
            for reply in (left, right):
                reply.forget("answer", *beside)


@allowed("whether ANY is followed through a DNAME is nowhere said: Knot and NSD do, BIND does not",
         ours=True)
def any_is_followed_through_a_dname_or_not(context, qtype, left, right):
    both = (left, right)
    if qtype == ANY and all(has_dname(reply) and reply.chain() or reply.tc for reply in both):
        kept = 0 if left.tc or right.tc else 1
        for reply in both:
            reply.keep_chain(kept)
            reply.forget("rcode", "authority", "additional", "tc", "opt")


@allowed("RFC 8482 lets a server choose one RRset for ANY: Knot and NSD do, BIND gives all",
         ours=True)
def any_is_answered_in_part(context, qtype, left, right):
    if qtype != ANY or not (left.answer and right.answer or left.tc or right.tc):
        return
    both = (left, right)
    subset = {*left.answer} <= {*right.answer} or {*right.answer} <= {*left.answer}
    chosen = all(is_one_set(reply.answer) for reply in both)
    if subset or chosen or left.tc or right.tc:
        beside = ("authority", "tc") if left.tc or right.tc else ()
        for reply in both:
            reply.forget("answer", "additional", *beside)


def is_one_set(section):
    """Whether records are all of one type, or signatures."""
    return 1 in (len({kind(record) for record in section}), len({record[1] for record in section}))


def has_dname(reply):
    """Whether the answer section holds a DNAME."""
    return any(record[1] == DNAME for record in reply.answer)


@allowed("a question for DS belongs to the parent; NSD 4.6 takes the zone above for every name of"
         " a chain that it tries, and loses the middle one of three nested zones", wrong=("nsd",))
def the_zone_for_ds_is_found(context, qtype, left, right):
    chain = left.chain()
    last = chain[-1][1] if chain else wire.lower(left.question[:-4])
    # Behind an alias to the zone's own name NSD is right; see the next entry.
    leads_up = chain and context.zone(chain[-1][0]) == context.zone(last)
    if qtype == DS and last in context.origins and not leads_up:
        for reply in (left, right):
            reply.forget("rcode", "flags", "answer", "authority", "additional", "tc")


@allowed("RFC 1034 §4.3.2 restarts with the alias's target in all zones of the server, as NSD does"
         " and we do; BIND and Knot stop at the edge of the zone, Knot with a referral", stops=True)
def aliases_are_followed_into_other_zones(context, qtype, left, right):
    chains = [reply.chain() for reply in (left, right)]
    for at, (one, other) in enumerate(zip(*chains), 1):
        if one != other:
            return
        # The DS of a zone's own name is its parent's data, so that this leaves the zone, too.
        leaves = qtype == DS and one[1] in context.origins
        if leaves or context.zone(one[0]) != context.zone(one[1]):
            for reply in (left, right):
                reply.keep_chain(at)
                reply.forget("rcode", "authority", "additional", "opt", "tc")
            return


@allowed("a wildcard that owns a DNAME is nowhere defined (RFC 6672 §3.3 discourages it): BIND and"
         " NSD leave its owner as it is, Knot puts the name asked in its place", wrong=("knot",))
def a_wildcard_dname_keeps_its_owner(context, qtype, left, right):
    both = (left, right)
    owners = [{record[0] for record in reply.answer if record[1] == DNAME} for reply in both]
    if all(owners) and any(owner.startswith(b"\1*") for owner in owners[0] ^ owners[1]):
        if any(circular(reply) for reply in both):
            for reply in both:
                reply.forget("rcode", "opt", "answer", "authority", "additional")
        for reply in both:
            reply.answer = [record for record in reply.answer if kind(record) != DNAME]


@allowed("a circle of aliases: BIND says SERVFAIL with what it has, NSD and Knot NOERROR, and each"
         " stops at a different place", ours=True)
def circles_of_aliases_end_somewhere(context, qtype, left, right):
    if circular(left) and circular(right):
        for reply in (left, right):
            reply.forget("rcode", "answer", "authority", "opt", "tc")


def circular(reply):
    """Whether the aliases of a reply lead back to one of them, or to a DNAME that was followed."""
    chain = reply.chain()
    names = [owner for owner, _ in chain] + [target for _, target in chain[-1:]]
    followed = [record[0] for record in reply.answer if record[1] == DNAME]
    return len({*names}) < len(names) or any(
        sum(below(name, owner) for name in names) > 1 for owner in followed
    )


def below(name, ancestor):
    """Whether a name lies below another, at a label's edge."""
    at = 0
    while name[at]:
        at += 1 + name[at]
        if name[at:] == ancestor:
            return True
    return False


@allowed("how many aliases are followed is the server's choice: Knot 5, BIND 11, NSD more; BIND"
         " says SERVFAIL where it stops", ours=True)
def long_chains_end_somewhere(context, qtype, left, right):
    short, long = sorted((left, right), key=lambda reply: len(reply.chain()))
    if len(short.chain()) >= CHAIN_BOUND and short.chain() == long.chain()[: len(short.chain())]:
        count = min(len(short.chain()), len(long.chain()))
        for reply in (left, right):
            reply.keep_chain(count)
            reply.forget("rcode", "authority", "additional", "opt", "tc")


def is_of_a_target(record, section):
    """Whether a record is an address (or service binding) of a name in a section's data."""
    is_wanted = kind(record) in (A, AAAA, SVCB, HTTPS)
    return is_wanted and any(record[0] in other[4] for other in section)


@allowed("addresses for the targets of a positive answer are optional (RFC 1034 §4.3.2 step 6):"
         " Knot gives them for NS, MX and SRV, BIND and NSD with minimal responses do not")
def addresses_beside_an_answer_are_optional(context, qtype, left, right):
    if left.answer and left.aa and same_but_additional(left, right):
        if all(is_of_a_target(record, left.answer) for record in differing(left, right)):
            for reply in (left, right):
                reply.forget("additional")


def same_but_additional(left, right):
    """Whether two whole replies differ in nothing but their additional records."""
    return not left.tc and not right.tc and left.key()[:-1] == right.key()[:-1]


@allowed("a referral with the addresses of servers that are the zone's own data, or a wildcard's,"
         " spares a question: NSD, Knot and we give them, BIND does not", ours=True)
def addresses_beside_a_referral_are_welcome(context, qtype, left, right):
    if differing_glue(left, right) and {*right.additional} < {*left.additional}:
        left.additional = list(right.additional)


@allowed("addresses of servers that are not below the cut are not needed to follow the referral;"
         " BIND leaves them out of minimal responses where they are the zone's own data")
def addresses_beside_a_referral_are_optional(context, qtype, left, right):
    cut = differing_glue(left, right)
    if cut and all(not record[0].endswith(cut) for record in differing(left, right)):
        for reply in (left, right):
            reply.forget("additional")


@allowed("a wildcard below a cut is not the zone's own: Knot and NSD make glue of it, BIND and we do"
         " not", ours=True)
def glue_does_not_come_from_wildcards(context, qtype, left, right):
    cut = differing_glue(left, right)
    if cut and all(record[0] not in context.owners for record in differing(left, right)):
        for reply in (left, right):
            reply.forget("additional")


def differing(left, right):
    """The additional records that only one of two replies has."""
    return {*left.additional} ^ {*right.additional}


def differing_glue(left, right):
    """The cut of two referrals that differ only in addresses of its servers, or None."""
    servers = [record for record in left.authority if record[1] == NS]
    if servers and same_but_additional(left, right):
        if all(is_of_a_target(record, servers) for record in differing(left, right)):
            return servers[0][0]
    return None


@allowed("RFC 9471: a referral without all glue of servers below the cut is truncated; BIND and NSD"
         " leave glue out without saying so", wrong=("bind", "nsd"))
def referrals_with_too_much_glue_are_truncated(context, qtype, left, right):
    if referral(left) and referral(right):
        if left.tc != right.tc or differing_glue(left, right) and is_near_limit(left, right):
            for reply in (left, right):
                reply.forget("tc", "authority", "additional")


def is_near_limit(left, right):
    """Whether two replies are so large that what one holds may not fit the other."""
    limit = 512 if left.opt is None else wire.EDNS_SIZE
    return all(reply.tc or reply.size > limit * NEAR for reply in (left, right))


@allowed("NSD keeps one tree of names for all its zones: a name that only the upper of two nested"
         " zones has exists, without data, in the lower one, too", wrong=("nsd",))
def a_name_exists_in_its_own_zone_only(context, qtype, left, right):
    if {left.rcode, right.rcode} == {0, NXDOMAIN} and left.key()[1:] == right.key()[1:]:
        last = left.chain()[-1][1] if left.chain() else wire.lower(left.question[:-4])
        zone = context.zone(last)
        if any(below(zone, other) for other in context.origins):
            for reply in (left, right):
                reply.forget("rcode")


@allowed("how well names are compressed decides what fits just so: BIND compresses in regard of"
         " case, and a truncated reply ends, with its RCODE, where it was full")
def a_reply_near_the_limit_fits_or_not(context, qtype, left, right):
    if (left.tc or right.tc) and is_near_limit(left, right):
        for reply in (left, right):
            reply.forget("rcode", "answer", "authority", "additional", "tc")


@allowed("RFC 2181 §5.2 forbids different TTLs in one set and does not say which holds: BIND takes"
         " the first that it reads, Knot the least, and NSD gives each its own",
         wrong=("nsd",), only=())
def one_ttl_is_chosen_for_a_set(context, qtype, left, right):
    for reply in (left, right):
        sets = [record[:2] for record in reply.answer]
        reply.answer = [
            (*record[:3], None if sets.count(record[:2]) > 1 else record[3], record[4])
            for record in reply.answer
        ]
