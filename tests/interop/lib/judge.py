"""What is asked around a name, and whether a reply is right beside those of the peers."""

from itertools import combinations

from lib import ask, compare, wire
from lib.types import ANY, CNAME, DNAME, RRSIG


def mixed_case(name):
    """The name with every second letter in the other case."""
    out = bytearray(name)
    at = 0
    while out[at]:
        for place in range(at + 1, at + 1 + out[at]):
            if place % 2 and chr(out[place]).isascii() and chr(out[place]).isalpha():
                out[place] ^= 0x20
        at += 1 + out[at]
    return bytes(out)


def names_around(owner, apex_labels):
    """Names beside, below and above an owner, that may or may not exist."""
    parts = wire.labels(owner)
    depth = len(parts) - apex_labels
    if depth > 0:
        for beside in (b"zz-beside", parts[0] + b"0", parts[0][:-1], b"*"):
            if 0 < len(beside) <= 63:
                yield wire.name_of([beside, *parts[1:]])
    for below in ([b"below"], [b"two", b"below"], [b"*"]):
        yield wire.name_of([*below, *parts])
    for up in range(1, depth):
        yield wire.name_of(parts[up:])


def transports(asked):
    """(name, how to ask, packets) of each transport."""
    with_edns = [wire.query(name, rtype, edns=wire.EDNS_SIZE) for name, rtype in asked]
    with_do = [wire.query(name, rtype, edns=wire.EDNS_SIZE, do=True) for name, rtype in asked]
    plain = [wire.query(name, rtype) for name, rtype in asked]
    return (
        ("UDP with EDNS", ask.udp, with_edns),
        ("UDP with DO", ask.udp, with_do),
        ("UDP", ask.udp, plain),
        ("TCP", ask.tcp, with_edns),
    )


def show(asked, transport, replies):
    """A question and what each server said, equal replies together."""
    name, rtype = asked
    lines = [f"{wire.name_to_text(name)} {wire.type_text(rtype)} over {transport}"]
    groups = {}
    for server, reply in replies.items():
        groups.setdefault(reply.form() if reply else None, []).append(server)
    for servers in groups.values():
        reply = replies[servers[0]]
        lines.append(f"-- {', '.join(servers)}:")
        lines.append(reply.text() if reply else "no reply that can be read")
    return "\n".join(lines)


def parse(packet, cache):
    """The reply's parsed form; equal bytes are read once. None for what cannot be read."""
    if packet is None:
        return None
    body = packet[2:]
    if body not in cache:
        try:
            cache[body] = wire.Answer(b"\0\0" + body)
        except (ValueError, IndexError, wire.struct.error):
            cache[body] = None
    return cache[body]


def in_order(answer):
    """Whether every alias in the answer section stands before what it leads to, and every signature
    behind what it covers."""
    if answer.tc:
        return True
    owner = wire.lower(answer.question[:-4])
    qtype = int.from_bytes(answer.question[-4:-2], "big")
    last = None
    for record in answer.answer:
        record_owner, rtype, _, _, data = record
        if rtype == RRSIG and last == (record_owner, compare.kind(record)):
            continue
        last = record[:2]
        if rtype == DNAME and owner != record_owner and owner.endswith(record_owner):
            continue
        if record_owner != owner:
            return False
        if rtype == CNAME and qtype not in (CNAME, ANY):
            owner = data
    return True


def judge(tally, context, asked, transport, replies, ours, further=()):
    """Compares the replies to one question. `further` are claims about our reply that is like its
    peers', each with a function of it and of the replies of peers that are right."""

    def detail():
        return show(asked, transport, replies)

    for server, reply in replies.items():
        if reply is None:
            return tally.check(False, f"{server} gives a reply that can be read", detail)
    others = {server: reply for server, reply in replies.items() if server != ours}
    forms = {server: reply.form() for server, reply in others.items()}
    wrong = set()
    for left, right in combinations(others, 2):
        if forms[left] != forms[right]:
            used = compare.explain(context, asked[1], others[left], others[right], {left, right})
            if used is None:
                return tally.check(False, "peers differ only as is listed", detail)
            wrong.update(*(entry.wrong for entry in used))
    if ours is None:
        return tally.check(True, "peers differ only as is listed")
    mine = replies[ours]
    models = [server for server in others if server not in wrong]
    if not models:
        return tally.check(False, "one peer at least is right", detail)
    if not any(forms[server] == mine.form() for server in models):
        if not compare.explain_ours(context, asked[1], mine, others, models):
            return tally.check(False, "kereru answers like its peers", detail)
    if not in_order(mine):
        return tally.check(False, "an alias stands before what it leads to", detail)
    rightful = [
        others[server]
        for server in models
        if further and compare.is_right(context, asked[1], mine, others[server], server)
    ]
    for claim, holds in further:
        if not holds(mine, rightful):
            return tally.check(False, claim, detail)
    return tally.check(True, "kereru answers like its peers")
