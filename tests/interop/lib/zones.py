"""The zones that the suites serve, as lists of (origin, file), and what they contain.

Owners and types come from what named-compilezone prints, so that no zone parser of our own (in
Python or Rust) decides what is asked.
"""

import subprocess

import dns.exception
import dns.rdata
import dns.rdatatype

from lib import KERERU, ROOT

# Zones that a peer refuses to load: data below a DNAME; the obsolete types MD and MF.
REFUSED_BY = {
    "occluded-dname.test.": {"knot", "nsd"},
    "new.example.": {"bind"},
}

# A zone that `signed` serves as it is, below one that it signs.
NOT_TO_BE_SIGNED = {"plain.signed.test."}

# Zones whose types some peer cannot read by name: peers get them in generic form.
GENERIC = {"types.test."}


def origin_of(path):
    """The zone that a file holds, by its name."""
    return "." if path.name == "root.zone" else path.name.removesuffix(".zone") + "."


def lab():
    """The lab's zones."""
    return [(origin_of(path), path) for path in sorted((ROOT / "zones/lab").glob("*.zone"))]


def samples():
    """The zones beside this library, and the tests' own zones of every type."""
    folder = ROOT / "tests/interop/zones"
    return [(origin_of(path), path) for path in sorted(folder.glob("*.zone"))]


def to_be_signed():
    """The zones that `signed` signs and serves together."""
    folder = ROOT / "tests/interop/zones/signed"
    return [(origin_of(path), path) for path in sorted(folder.glob("*.zone"))]


def corpus():
    """The zones with every type, which peers need in generic form; their origin stands in them."""
    found = []
    for name in ("every-type.zone", "new-types.zone"):
        path = ROOT / "tests/corpus/zone" / name
        if path.exists():
            for line in path.read_text().splitlines():
                words = line.split()
                if len(words) > 1 and words[0].upper() == "$ORIGIN":
                    found.append((words[1], path))
                    break
            else:
                raise ValueError(f"{path} has no $ORIGIN")
    return found


def compiled(origin, path):
    """The zone as named-compilezone prints it: one whole record a line. None if it refuses."""
    done = subprocess.run(
        ["named-compilezone", "-q", "-i", "none", "-k", "ignore", "-n", "ignore", "-m", "ignore",
         "-f", "text", "-F", "text", "-s", "full", "-o", "-", origin, str(path)],
        capture_output=True, text=True, encoding="latin-1",
    )
    lines = done.stdout.splitlines()
    # BIND remarks when it would renew a signature.
    lines = [line for line in lines if not line.startswith("; resign=")]
    return lines if done.returncode == 0 else None


def dumped(origin, path):
    """The zone as `kereru check --dump` prints it."""
    done = subprocess.run(
        [str(KERERU), "check", "--origin", origin, "--dump", str(path)],
        capture_output=True, text=True, encoding="latin-1",
    )
    return done.stdout.splitlines() if done.returncode == 0 else None


def records(lines):
    """(owner, ttl, type, data) of each line, the data as text."""
    for line in lines:
        if line and not line.startswith(";"):
            owner, ttl, rclass, rtype, *data = line.split(None, 4)
            assert rclass == "IN", line
            yield owner, int(ttl), rtype.upper(), data[0] if data else ""


def generic(origin, path, look_up=None):
    """Lines of the zone with all data as `TYPEn \\#`, which every peer reads.

    Where neither BIND nor dnspython can read the data, `look_up(owner, type)` tells the bytes of
    the whole set.
    """
    lines = compiled(origin, path) or dumped(origin, path)
    if lines is None:
        raise ValueError(f"neither named-compilezone nor kereru can print {path}")
    out = {}
    for owner, ttl, rtype, data in records(lines):
        if rtype in ("SOA", "NS"):
            # Readers want to see these by name.
            out[f"{owner} {ttl} IN {rtype} {data}"] = None
            continue
        try:
            out[f"{owner} {ttl} IN {generic_data(rtype, data)}"] = None
        except dns.exception.DNSException:
            if look_up is None:
                raise
            number = int(dns.rdatatype.from_text(rtype))
            for data in look_up(owner, number):
                out[f"{owner} {ttl} IN TYPE{number} \\# {len(data)} {data.hex()}"] = None
    return list(out)


def generic_data(rtype, data):
    """Type and data of a record in generic form: by BIND, or by dnspython where BIND is too old."""
    done = subprocess.run(
        ["named-rrchecker", "-u"], input=f"IN {rtype} {data}\n", capture_output=True, text=True
    )
    if done.returncode == 0:
        return done.stdout.split(None, 1)[1].replace("\t", " ").strip()
    data = dns.rdata.from_text("IN", rtype, data).to_wire()
    return f"TYPE{int(dns.rdatatype.from_text(rtype))} \\# {len(data)} {data.hex()}"


def contents(lines):
    """The types at each owner, as numbers."""
    found = {}
    for owner, _, rtype, _ in records(lines):
        found.setdefault(owner.lower(), set()).add(int(dns.rdatatype.from_text(rtype)))
    return found
