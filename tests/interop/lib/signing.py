"""Signs zones with the tools of BIND and of ldns, with new keys each time."""

import itertools
import subprocess
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import dns.dnssec
import dns.name
import dns.rdata

from lib import zones

ALGORITHMS = ("ECDSAP256SHA256", "RSASHA256", "ED25519")
# How a zone denies: by NSEC, or by NSEC3 with (salt, iterations, opt-out).
DENIALS = {
    "NSEC": None,
    "NSEC3": ("", 0, False),
    "NSEC3 salted": ("aabbccdd", 5, False),
    "NSEC3 opt-out": ("", 0, True),
}
# With more iterations than validators take: what it denies is to them not signed (RFC 9276 §3.2).
OVERDONE = "NSEC3 iterated"
TOOLS = ("dnssec-signzone", "ldns-signzone")


@dataclass(frozen=True)
class Scheme:
    """One way to sign a zone."""

    tool: str
    algorithm: str
    denial: str

    def __str__(self):
        return f"{self.tool}, {self.algorithm}, {self.denial}"


def every_scheme():
    """All combinations."""
    return [Scheme(*way) for way in itertools.product(TOOLS, ALGORITHMS, DENIALS)]


def few_schemes():
    """Each tool with each denial, each algorithm with most of them."""
    ways = itertools.product(DENIALS, TOOLS)
    return [
        Scheme(tool, ALGORITHMS[at % len(ALGORITHMS)], denial)
        for at, (denial, tool) in enumerate(ways)
    ]


def overdone_scheme():
    """With iterations that only ldns's tool allows."""
    return Scheme("ldns-signzone", "ECDSAP256SHA256", OVERDONE)


@dataclass
class Signed:
    """A zone that has been signed: how, its file, and the text of its DNSKEY record's data."""

    origin: str
    scheme: Scheme
    path: object
    key: str


def sign_all(folder, chosen):
    """Signs each (origin, path, scheme), and puts the DS of each zone into the zone above it that
    delegates it. A zone whose scheme is None stays as it is. Returns them by origin."""
    folder.mkdir(parents=True, exist_ok=True)
    places = {origin: folder / f"at-{number}" for number, (origin, _, _) in enumerate(chosen)}
    signers = {"dnssec-signzone": _Bind, "ldns-signzone": _Ldns}

    def make_key(entry):
        origin, _, scheme = entry
        if scheme is None:
            return origin, None
        places[origin].mkdir()
        signer = signers[scheme.tool](places[origin], origin, scheme)
        signer.make_key()
        return origin, signer

    with ThreadPoolExecutor() as pool:
        keys = dict(pool.map(make_key, chosen))

    def sign(entry):
        origin, path, scheme = entry
        if scheme is None:
            return Signed(origin, None, path, None)
        lines = zones.compiled(origin, path)
        cuts = {owner for owner, _, rtype, _ in zones.records(lines) if rtype == "NS"}
        for below, signer in keys.items():
            if signer and below != origin and below in cuts:
                ds = dns.dnssec.make_ds(dns.name.from_text(below), signer.record(), "SHA256")
                lines.append(f"{below} 300 IN DS {ds}")
        unsigned = places[origin] / "unsigned"
        unsigned.write_text("\n".join(lines) + "\n", encoding="latin-1")
        keys[origin].sign(unsigned)
        return Signed(origin, scheme, places[origin] / "signed", keys[origin].text())

    with ThreadPoolExecutor() as pool:
        return {zone.origin: zone for zone in pool.map(sign, chosen)}


class _Signer:
    def __init__(self, folder, origin, scheme):
        self.folder = folder
        self.origin = origin
        self.scheme = scheme
        self.base = None

    def run(self, *command):
        done = subprocess.run(command, cwd=self.folder, capture_output=True, text=True)
        if done.returncode != 0:
            raise ValueError(f"{' '.join(command)}: {done.stdout}{done.stderr}")
        return done.stdout

    def text(self):
        """Data of the DNSKEY record, as text."""
        for line in (self.folder / f"{self.base}.key").read_text().splitlines():
            if "DNSKEY" in line and not line.startswith(";"):
                return line.split("DNSKEY", 1)[1].split(";")[0].strip()
        raise ValueError(f"no key in {self.base}.key")

    def record(self):
        return dns.rdata.from_text("IN", "DNSKEY", self.text())


class _Bind(_Signer):
    def make_key(self):
        size = ["-b", "2048"] if self.scheme.algorithm.startswith("RSA") else []
        # It publishes CDS and CDNSKEY, too.
        command = ["dnssec-keygen", "-q", "-a", self.scheme.algorithm, *size, "-f", "KSK"]
        self.base = self.run(*command, "-P", "sync", "now-1h", self.origin).strip()

    def sign(self, unsigned):
        denial = DENIALS[self.scheme.denial]
        options = []
        if denial is not None:
            salt, iterations, opt_out = denial
            options = ["-3", salt or "-", "-H", str(iterations), *(["-A"] if opt_out else [])]
        # -P: the zones have what no good zone has; -z: one key signs everything.
        self.run(
            "dnssec-signzone", "-q", "-S", "-K", ".", "-z", "-P", *options, "-e", "now+30d",
            "-o", self.origin, "-f", "signed", str(unsigned),
        )


class _Ldns(_Signer):
    def make_key(self):
        command = ["ldns-keygen", "-k", "-a", self.scheme.algorithm, "-b", "2048", self.origin]
        self.base = self.run(*command).strip()

    def sign(self, unsigned):
        denial = {**DENIALS, OVERDONE: ("", 200, False)}[self.scheme.denial]
        options = []
        if denial is not None:
            salt, iterations, opt_out = denial
            options = ["-n", "-t", str(iterations), *(["-s", salt] if salt else [])]
            options += ["-p"] if opt_out else []
        self.run(
            "ldns-signzone", *options, "-o", self.origin, "-f", "signed", str(unsigned), self.base
        )
