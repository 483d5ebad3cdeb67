"""The servers that are measured: how each is configured and started, and what it takes.

Each has one worker for UDP and is kept on the CPUs it is given; without any it may use all.
"""

import os
import re
import select
import socket
import time

from lib import peers, wire

READY_SECONDS = 60
# The pace of questions to a server that starts: what the start time is known to.
PACE_MS = 2
SOA = 6
AA_NOERROR = 0x8400


class Measured(peers.Server):
    """What is common to all: the CPUs, and the moment of the first answer."""

    label = ""

    def __init__(self, folder, zones, cpus=None, **options):
        super().__init__(folder, zones, **options)
        self.cpus = cpus
        self.began = 0.0
        self.start_seconds = 0.0

    def pinned(self, command):
        """The command of a server that is kept on its CPUs."""
        if not self.cpus:
            return command
        return ["taskset", "--cpu-list", ",".join(map(str, self.cpus)), *command]

    def configure(self):
        return self.pinned(super().configure())

    def start(self):
        self.began = time.monotonic()
        super().start()

    def wait_until_ready(self):
        """Asks for the SOA of all zones until each was answered; notes how long that took."""
        missing = {
            wire.query(wire.name_from_text(origin), SOA)[12:]: number
            for number, (origin, _) in enumerate(self.zones)
        }
        poll = select.poll()
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            sock.connect(self.address)
            sock.setblocking(False)
            poll.register(sock, select.POLLIN)
            while missing:
                if self.process.poll() is not None:
                    code = self.process.returncode
                    raise peers.NotReady(f"{self.name} ended with {code}:\n{self.log()}")
                if time.monotonic() > self.began + READY_SECONDS:
                    raise peers.NotReady(f"{self.name} does not answer:\n{self.log()}")
                try:
                    for question, number in missing.items():
                        head = number.to_bytes(2, "big") + bytes((0, 0, 0, 1, 0, 0, 0, 0, 0, 0))
                        sock.send(head + question)
                    if not poll.poll(PACE_MS):
                        continue
                    while True:
                        reply = sock.recv(4096)
                        flags = int.from_bytes(reply[2:4], "big")
                        if flags & 0xFE0F == AA_NOERROR:
                            for question in list(missing):
                                if reply[12:].startswith(question):
                                    del missing[question]
                except BlockingIOError:
                    continue
                except ConnectionRefusedError:
                    # The error comes at once: without a pause this would keep a CPU busy.
                    select.poll().poll(PACE_MS)
        self.start_seconds = time.monotonic() - self.began

    def pids(self):
        """All processes of the server."""
        found = [self.process.pid]
        parents = {}
        for entry in os.scandir("/proc"):
            if entry.name.isdigit():
                try:
                    with open(f"/proc/{entry.name}/stat") as stat:
                        # The name in parentheses may hold anything.
                        parent = int(stat.read().rpartition(")")[2].split()[1])
                except OSError:
                    continue
                parents.setdefault(parent, []).append(int(entry.name))
        for pid in found:
            found += parents.get(pid, [])
        return found

    def memory(self):
        """Resident octets of all processes, pages that they share counted once."""
        octets = 0
        for pid in self.pids():
            with open(f"/proc/{pid}/smaps_rollup") as file:
                octets += int(re.search(r"^Pss:\s+(\d+) kB", file.read(), re.MULTILINE)[1]) * 1024
        return octets

    def settings(self):
        """The configuration it was started with, without the places of this machine."""
        texts = [path.read_text() for path in self.folder.glob(f"{self.name}.*[lf]")]
        text = "\n".join(texts).replace(str(self.folder), "FOLDER")
        text = text.replace(str(self.address[1]), "PORT")
        return re.sub(r"/[^\"\s]*/data-[0-9a-f]+/", "ZONES/", text)


class Knot(Measured, peers.Knot):
    """Knot DNS."""

    label = "Knot DNS"

    def configure(self):
        command = super().configure()
        if not self.cpus:
            # Where it may use all CPUs it also loads zones with all, as by default.
            path = self.folder / "knot.conf"
            path.write_text(path.read_text().replace("    background-workers: 1\n", ""))
        return command


class Nsd(Measured, peers.Nsd):
    """NSD."""

    label = "NSD"


class Kereru(Measured, peers.Kereru):
    """The program under test; `workers` is how many. The rate limiter is on with a rate that it
    never reaches, for all clients, and its counters are on: what they cost is part of it."""

    label = "Kereru"

    def configure(self):
        self.options["any"] = "minimal"
        self.options["config"] = {
            "listen": [f"{self.address[0]}:{self.address[1]}"],
            "workers": self.options.get("workers", 1),
            "rate-limit": {"per-second": 1_000_000, "exempt": []},
            # The peers do not, by default.
            "rotate-answers": False,
        }
        return super().configure()


class Echo(Measured):
    """The floor; it serves no zones."""

    name = "echo"
    label = "echo"
    program = None

    def configure(self):
        command = [str(self.program), "--address", f"{self.address[0]}:{self.address[1]}"]
        return self.pinned(command)

    def wait_until_ready(self):
        poll = select.poll()
        while "ready" not in self.log():
            if self.process.poll() is not None:
                raise peers.NotReady(f"{self.name} ended:\n{self.log()}")
            poll.poll(PACE_MS)


class EchoSingle(Echo):
    """The floor of servers that receive and send one datagram at a time."""

    name = "echo-single"
    label = "echo, single"

    def configure(self):
        return [*super().configure(), "--single"]


SERVERS = {kind.name: kind for kind in (Echo, EchoSingle, Knot, Nsd, Kereru)}
