"""What delv and drill say of a server's answers, given the key of one zone as trust anchor."""

import re
import subprocess
from concurrent.futures import ThreadPoolExecutor

SECURE = "secure"
INSECURE = "insecure"
BOGUS = "bogus"
SECONDS = 20


class Validators:
    """Asks `address`, trusting the key of the zone `origin`."""

    def __init__(self, folder, address, origin, key):
        self.address = address
        self.origin = origin
        self.anchors = folder / f"{origin}anchors"
        self.key = folder / f"{origin}key"
        flags, protocol, algorithm, *text = key.split()
        self.anchors.write_text(
            f'trust-anchors {{ {origin} static-key {flags} {protocol} {algorithm}'
            f' "{"".join(text)}"; }};\n'
        )
        self.key.write_text(f"{origin} 300 IN DNSKEY {key}\n")

    def all(self, ways):
        """(verdict, output) of each (method, name, type), in order."""
        with ThreadPoolExecutor() as pool:
            return list(pool.map(lambda way: way[0](self, *way[1:]), ways))

    def delv(self, name, rtype):
        """delv's verdict: that of the worst part of the answer."""
        host, port = self.address
        text = run(
            "delv", f"@{host}", "-p", str(port), "-a", str(self.anchors), f"+root={self.origin}",
            "+nocrypto", name, rtype,
        )
        marks = r"^; (?:negative response, )?(fully validated|unsigned answer)$"
        found = re.findall(marks, text, re.M)
        failed = re.findall(r"resolution failed: (?!ncache )(.*)$", text, re.M)
        if failed or not found:
            return BOGUS, text
        return SECURE if {*found} == {"fully validated"} else INSECURE, text

    def drill(self, name, rtype):
        """drill's verdict, over TCP because it believes a truncated denial; it does not tell what
        is insecure from what is bogus."""
        host, port = self.address
        text = run(
            "drill", "-t", "-S", "-k", str(self.key), "-p", str(port), f"@{host}", name, rtype
        )
        return SECURE if ";; Chase successful" in text else BOGUS, text


def run(*command):
    """What a command prints."""
    done = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS)
    return done.stdout + done.stderr
