"""The zones that are served and the questions that are asked, made the same way every time.

A zone or a file of questions that is there already is used again: the folder is named after the
contents of this file.

A file of questions has for each: its length without the ID in two octets, the right response code
in one, and the packet without its ID. `load` reads it.
"""

import hashlib
import json
import random
import shutil
import struct
import subprocess
from dataclasses import dataclass
from pathlib import Path

from lib import wire
from lib.types import A, AAAA, MX, TXT

SEED = 53
NOERROR, NXDOMAIN = 0, 3

HOSTS_RECORDS = 169_000
TLD_RECORDS = 667_000
MILLION_NAMES = 1_000_000
SIGNED_RECORDS = 5_000
SIGNED_CUTS = 500

# How many questions of each kind are asked of a hundred.
HOSTS_MIX = {
    "address": 40, "address6": 20, "mail": 5, "text": 5,
    "alias": 10, "wildcard": 5, "no data": 7, "no name": 8,
}
SIGNED_MIX = {
    "address": 20, "alias": 10, "wildcard": 10, "no data": 20, "no name": 20,
    "signed cut": 10, "unsigned cut": 10,
}
HOSTS_QUESTIONS = 100_000
TLD_QUESTIONS = 200_000
MILLION_QUESTIONS = 1_000_000
SIGNED_QUESTIONS = 20_000

# Of a hundred delegations: servers below the cut, with glue; servers of an operator in the zone;
# the others are served from elsewhere.
TLD_OWN_SERVERS = 35
TLD_OPERATOR_SERVERS = 45
TLD_WITH_DS = 55
TLD_OPERATORS = 500

SITES = "akl wlg chc dud ham syd mel bne per osl ams lon par ber prg vie mad lis rom zrh".split()
TEAMS = "sales hr it lab ops legal press dev qa plant store fleet audit web data".split()
ROLES = "ws srv db app vm printer cam phone nas gw".split()
WORDS = (
    "kauri rimu totara matai kahikatea tui kea kaka kereru weka pukeko takahe moa huia korimako"
    " harakeke pohutukawa rata manuka kanuka ponga nikau horoeka tawa rewarewa puriri"
).split()

HEAD = """$TTL 3600
@ IN SOA ns1 hostmaster 2024010101 7200 3600 1209600 300
@ IN NS ns1
@ IN NS ns2
ns1 IN A 192.0.2.1
ns2 IN A 192.0.2.2
"""
HEAD_RECORDS = 5


@dataclass(frozen=True)
class Workload:
    """Questions for one of the zones of a group that is served together."""

    name: str
    about: str
    group: str
    questions: Path


@dataclass
class Data:
    """All zones by group, as (origin, file), and all workloads."""

    groups: dict
    workloads: list
    records: dict


def prepare(cache):
    """Makes what is missing in a folder below `cache`, and says where all is."""
    code = hashlib.sha256(Path(__file__).read_bytes()).hexdigest()[:12]
    folder = cache / f"data-{code}"
    if not (folder / "records.json").exists():
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        records = {
            "company.test.": _hosts(folder),
            "tld.": _tld(folder),
            "million.test.": _million(folder),
            "nsec.test.": _signed(folder, "nsec"),
            "nsec3.test.": _signed(folder, "nsec3"),
        }
        (folder / "records.json").write_text(json.dumps(records))
    records = json.loads((folder / "records.json").read_text())

    def zone(origin):
        return origin, folder / f"{origin}zone"

    mix = ", ".join(f"{kind} {share} %" for kind, share in HOSTS_MIX.items())
    signed = ", ".join(f"{kind} {share} %" for kind, share in SIGNED_MIX.items())
    return Data(
        groups={
            "company": [zone("company.test."), zone("tld.")],
            "million": [zone("million.test.")],
            "signed": [zone("nsec.test."), zone("nsec3.test.")],
        },
        workloads=[
            Workload("hosts", f"names of a company: {mix}", "company", folder / "hosts.queries"),
            Workload("tld", "referrals, DO=1", "company", folder / "tld.queries"),
            Workload("million", "uniformly random names", "million", folder / "million.queries"),
            Workload("nsec", f"signed, NSEC, DO=1: {signed}", "signed", folder / "nsec.queries"),
            Workload("nsec3", f"signed, NSEC3, DO=1: {signed}", "signed", folder / "nsec3.queries"),
        ],
        records=records,
    )


def read_questions(path):
    """The packets of a file of questions, each with room for its ID."""
    octets = path.read_bytes()
    packets = []
    at = 0
    while at < len(octets):
        (length,) = struct.unpack_from("!H", octets, at)
        packets.append(b"\0\0" + octets[at + 3 : at + 3 + length])
        at += 3 + length
    return packets


def _write_questions(path, questions):
    """Writes (name, type, DO, right response code)."""
    with path.open("wb") as file:
        for name, rtype, do, rcode in questions:
            packet = wire.query(wire.name_from_text(name), rtype, edns=wire.EDNS_SIZE, do=do)[2:]
            file.write(struct.pack("!HB", len(packet), rcode) + packet)


class _Names:
    """What a zone has of each kind, to draw questions from."""

    def __init__(self):
        self.hosts = []
        self.hosts6 = []
        self.aliases = []
        self.mail = []
        self.parents = []
        self.signed_cuts = []
        self.unsigned_cuts = []

    def question(self, rng, kind, number):
        """A name, a type and the right response code."""
        if kind == "address":
            return rng.choice(self.hosts), A, NOERROR
        if kind == "address6":
            return rng.choice(self.hosts6), AAAA, NOERROR
        if kind == "mail":
            return rng.choice(self.mail), MX, NOERROR
        if kind == "text":
            return rng.choice(self.mail), TXT, NOERROR
        if kind == "alias":
            return rng.choice(self.aliases), A, NOERROR
        if kind == "wildcard":
            return f"customer-{number}.apps", A, NOERROR
        if kind == "no data":
            return rng.choice(self.hosts), MX, NOERROR
        if kind == "no name":
            return f"gone-{number}.{rng.choice(self.parents)}", A, NXDOMAIN
        cuts = self.signed_cuts if kind == "signed cut" else self.unsigned_cuts
        return f"www.{rng.choice(cuts)}", A, NOERROR

    def questions(self, rng, mix, count, origin, do):
        """So many questions in random order, in exactly the shares of the mix."""
        kinds = [kind for kind, share in mix.items() for _ in range(count * share // 100)]
        rng.shuffle(kinds)
        for number, kind in enumerate(kinds):
            name, rtype, rcode = self.question(rng, kind, number)
            yield f"{name}.{origin}", rtype, do, rcode


def _company(file, records):
    """Writes a zone of exactly so many records like those of a company; returns its names."""
    names = _Names()
    file.write(HEAD + "*.apps IN A 192.0.2.80\n")
    left = records - HEAD_RECORDS - 1
    number = 0

    def record(line):
        nonlocal left
        if left > 0:
            file.write(line)
            left -= 1
            return True
        return False

    while left > 0:
        team = f"{TEAMS[number % len(TEAMS)]}.{SITES[number // len(TEAMS) % len(SITES)]}"
        again = number // (len(TEAMS) * len(SITES))
        team = f"{team}{again or ''}"
        number += 1
        names.parents.append(team)
        hosts = [f"{ROLES[at % len(ROLES)]}-{at:03}.{team}" for at in range(200)]
        for at, host in enumerate(hosts):
            if record(f"{host} IN A 10.{number % 250}.{at // 250}.{at % 250 + 1}\n"):
                names.hosts.append(host)
            if at % 5 < 3 and record(f"{host} IN AAAA 2001:db8:{number:x}::{at:x}\n"):
                names.hosts6.append(host)
        for at in range(120):
            # Every tenth alias leads to another.
            target = f"svc-{at - 1}.{team}" if at % 10 == 9 else hosts[at]
            if record(f"svc-{at}.{team} IN CNAME {target}\n"):
                names.aliases.append(f"svc-{at}.{team}")
        for at in range(60):
            if left < 3:
                break
            owner = f"list-{at}.{team}"
            names.mail.append(owner)
            record(f"{owner} IN MX 10 mx1.mail.example.\n")
            record(f"{owner} IN MX 20 mx2.mail.example.\n")
            record(f'{owner} IN TXT "v=spf1 include:_spf.mail.example -all"\n')
    return names


def _hosts(folder):
    rng = random.Random(SEED)
    with (folder / "company.test.zone").open("w") as file:
        names = _company(file, HOSTS_RECORDS)
    asked = names.questions(rng, HOSTS_MIX, HOSTS_QUESTIONS, "company.test.", do=False)
    _write_questions(folder / "hosts.queries", asked)
    return HOSTS_RECORDS


def _tld(folder):
    """Delegations: servers of their own with glue, of an operator, or from elsewhere; and DS."""
    rng = random.Random(SEED)
    operators = [f"operator-{at}" for at in range(TLD_OPERATORS)]
    cuts = []
    with (folder / "tld.zone").open("w") as file:
        file.write(HEAD)
        left = TLD_RECORDS - HEAD_RECORDS
        number = 0
        while left > 0:
            lines = []
            if number < len(operators):
                cut, kind = operators[number], 0
            else:
                cut = f"{rng.choice(WORDS)}-{rng.choice(WORDS)}-{number}"
                kind = rng.randrange(100)
            if kind < TLD_OWN_SERVERS:
                address = f"{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}"
                for server in ("ns1", "ns2"):
                    lines.append(f"{cut} NS {server}.{cut}\n")
                    lines.append(f"{server}.{cut} A 10.{address}\n")
                lines.append(f"ns1.{cut} AAAA 2001:db8::{number >> 16:x}:{number & 65535:x}\n")
            elif kind < TLD_OWN_SERVERS + TLD_OPERATOR_SERVERS:
                operator = rng.choice(operators)
                lines += [f"{cut} NS {server}.{operator}\n" for server in ("ns1", "ns2")]
            else:
                hoster = f"hoster-{rng.randrange(1000)}.example."
                lines += [f"{cut} NS {server}.{hoster}\n" for server in ("ns1", "ns2")]
            if rng.randrange(100) < TLD_WITH_DS:
                digest = rng.randbytes(32).hex()
                lines.append(f"{cut} DS {rng.randrange(65536)} 13 2 {digest}\n")
            # The last one has only as many servers as there is place for.
            lines = lines[:left] if left < len(lines) else lines
            file.writelines(lines)
            left -= len(lines)
            number += 1
            cuts.append(cut)
    # The last delegation may lack glue.
    cuts.pop()
    asked = ((f"www.{rng.choice(cuts)}.tld.", A, True, NOERROR) for _ in range(TLD_QUESTIONS))
    _write_questions(folder / "tld.queries", asked)
    return TLD_RECORDS


def _million(folder):
    rng = random.Random(SEED)

    def name(at):
        return f"{WORDS[at % len(WORDS)]}-{at}"

    with (folder / "million.test.zone").open("w") as file:
        file.write(HEAD)
        for at in range(MILLION_NAMES):
            file.write(f"{name(at)} A 10.{at >> 16 & 255}.{at >> 8 & 255}.{at & 255}\n")
    asked = (
        (f"{name(rng.randrange(MILLION_NAMES))}.million.test.", A, False, NOERROR)
        for _ in range(MILLION_QUESTIONS)
    )
    _write_questions(folder / "million.queries", asked)
    return MILLION_NAMES + HEAD_RECORDS


def _signed(folder, denial):
    """A small company with delegations, signed with ECDSA P-256 by one key."""
    rng = random.Random(SEED)
    origin = f"{denial}.test."
    unsigned = folder / f"{denial}.unsigned"
    with unsigned.open("w") as file:
        names = _company(file, SIGNED_RECORDS)
        for at in range(SIGNED_CUTS):
            cut = f"branch-{at}"
            file.write(f"{cut} NS ns1.{cut}\nns1.{cut} A 10.9.{at >> 8}.{at & 255}\n")
            if at % 2:
                file.write(f"{cut} DS {at} 13 2 {rng.randbytes(32).hex()}\n")
            (names.signed_cuts if at % 2 else names.unsigned_cuts).append(cut)

    def run(*command):
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
        if done.returncode != 0:
            raise SystemExit(f"{' '.join(command)}: {done.stdout}{done.stderr}")
        return done.stdout.strip()

    key = run("dnssec-keygen", "-q", "-a", "ECDSAP256SHA256", "-f", "KSK", origin)
    options = ["-3", "-", "-H", "0"] if denial == "nsec3" else []
    run(
        "dnssec-signzone", "-q", "-z", "-P", *options, "-s", "20240101000000",
        "-e", "20370101000000", "-K", ".", "-S", "-o", origin, "-f", f"{origin}zone",
        unsigned.name, key,
    )
    asked = names.questions(rng, SIGNED_MIX, SIGNED_QUESTIONS, origin, do=True)
    _write_questions(folder / f"{denial}.queries", asked)
    return SIGNED_RECORDS + SIGNED_CUTS * 5 // 2
