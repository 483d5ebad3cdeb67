"""Starts servers on loopback, each in the foreground with a generated configuration. The option `at`
is an address and port instead of a free one.

A server is ready when it answers for every zone it was given; it is ended by its own process id,
and dies with the script in any case.
"""

import ctypes
import json
import os
import re
import select
import signal
import socket
import subprocess
import time

from lib import KERERU, ask, wire

READY_SECONDS = 30
STOP_SECONDS = 20
SOA = 6


class NotReady(Exception):
    """A server ended, or did not answer in time."""


def free_port():
    """A port of 127.0.0.1 that is free for UDP and TCP at this moment."""
    for _ in range(100):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as first:
            first.bind(("127.0.0.1", 0))
            port = first.getsockname()[1]
            with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as second:
                try:
                    second.bind(("127.0.0.1", port))
                except OSError:
                    continue
                return port
    raise NotReady("no port is free for UDP and TCP")


def _die_with_parent():
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)


class Server:
    """One running server. `zones` are (origin, file) pairs; as a context manager it runs within."""

    name = ""
    program = ""

    def __init__(self, folder, zones, **options):
        self.folder = folder / f"{self.name}-{free_port()}"
        self.folder.mkdir()
        self.zones = zones
        self.options = options
        self.address = None
        self.process = None

    def __enter__(self):
        # Another process may take the port in between: then it is tried again with another.
        for attempt in range(3):
            self.address = self.options.get("at") or ("127.0.0.1", free_port())
            self.start()
            try:
                self.wait_until_ready()
                return self
            except NotReady:
                self.stop()
                if attempt == 2 or "in use" not in self.log():
                    raise
            except BaseException:
                self.stop()
                raise
        raise NotReady(self.name)

    def __exit__(self, *_):
        self.stop()

    def start(self):
        """Writes the configuration and starts the program."""
        command = self.configure()
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=self.folder,
                preexec_fn=_die_with_parent,
            )

    def wait_until_ready(self):
        """Asks for the SOA of every zone until each is there."""
        deadline = time.monotonic() + READY_SECONDS
        missing = [origin for origin, _ in self.zones]
        poll = select.poll()
        # These servers answer only once they have tried to load all zones: where some may be bad,
        # the first reply says that all is decided.
        if self.options.get("partial"):
            missing = missing[:1]
        while missing:
            if self.process.poll() is not None:
                raise NotReady(f"{self.name} ended with {self.process.returncode}:\n{self.log()}")
            if time.monotonic() > deadline:
                raise NotReady(f"{self.name} does not serve {missing[:5]}:\n{self.log()}")
            queries = [wire.query(wire.name_from_text(origin), SOA) for origin in missing]
            try:
                replies = ask.udp(self.address, queries[:1])
                if replies[0] is not None:
                    replies = ask.udp(self.address, queries)
            except ask.NoReply:
                replies = [None] * len(queries)
            missing = [
                origin
                for origin, reply in zip(missing, replies + [None] * len(missing))
                if reply is None or (reply[3] & 15 not in (0, 3) and not self.options.get("partial"))
            ]
            if missing:
                # Nothing announces readiness; this paces the questions.
                poll.poll(20)

    def served(self):
        """The origins of the zones that it answers for."""
        queries = [wire.query(wire.name_from_text(origin), SOA) for origin, _ in self.zones]
        replies = ask.udp(self.address, queries)
        return {
            origin
            for (origin, _), reply in zip(self.zones, replies)
            if reply is not None and reply[3] & 15 == 0 and reply[2] & 4
        }

    def log(self):
        """The end of what the server wrote."""
        path = self.folder / "log"
        return path.read_text(errors="replace")[-4000:] if path.exists() else ""

    def stop(self):
        """Ends the server and returns its exit code."""
        if self.process is None:
            return None
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        return self.process.returncode

    def rss(self):
        """Resident memory in bytes."""
        with open(f"/proc/{self.process.pid}/status") as status:
            return int(re.search(r"VmRSS:\s+(\d+) kB", status.read())[1]) * 1024


class Bind(Server):
    """BIND 9."""

    name = "bind"

    def configure(self):
        zones = "".join(
            f'zone "{origin}" {{ type primary; file "{file}"; }};\n' for origin, file in self.zones
        )
        (self.folder / "named.conf").write_text(
            f"""options {{
    directory "{self.folder}";
    listen-on port {self.address[1]} {{ {self.address[0]}; }};
    listen-on-v6 {{ none; }};
    pid-file none;
    session-keyfile none;
    recursion no;
    minimal-responses {"yes" if self.options.get("minimal", True) else "no"};
    minimal-any no;
    answer-cookie no;
    empty-zones-enable no;
    dnssec-validation no;
    zero-no-soa-ttl no;
    allow-transfer {{ none; }};
    notify no;
    check-names primary ignore;
    max-records-per-type 0;
    max-types-per-name 0;
    edns-udp-size 1232;
    max-udp-size 1232;
    nocookie-udp-size 1232;
}};
controls {{ }};
logging {{ category default {{ default_stderr; }}; category lame-servers {{ null; }}; }};
{zones}"""
        )
        return ["named", "-g", "-n", "1", "-c", str(self.folder / "named.conf")]


class Knot(Server):
    """Knot DNS."""

    name = "knot"

    def configure(self):
        (self.folder / "storage").mkdir(exist_ok=True)
        zones = "".join(
            f"  - domain: {json.dumps(origin)}\n    file: {json.dumps(str(file))}\n"
            for origin, file in self.zones
        )
        (self.folder / "knot.conf").write_text(
            f"""server:
    rundir: "{self.folder}"
    listen: {self.address[0]}@{self.address[1]}
    udp-workers: 1
    tcp-workers: 1
    background-workers: 1
    udp-max-payload: 1232
    tcp-io-timeout: 10000
control:
    listen: "{self.folder}/control"
log:
  - target: stderr
    any: error
database:
    storage: "{self.folder}/storage"
template:
  - id: default
    storage: "{self.folder}/storage"
    semantic-checks: off
    zonefile-sync: -1
    zonefile-load: whole
    journal-content: none
zone:
{zones}"""
        )
        return ["knotd", "-c", str(self.folder / "knot.conf")]


class Nsd(Server):
    """NSD."""

    name = "nsd"

    def configure(self):
        zones = "".join(
            f'zone:\n    name: "{origin}"\n    zonefile: "{file}"\n' for origin, file in self.zones
        )
        (self.folder / "nsd.conf").write_text(
            f"""server:
    ip-address: {self.address[0]}@{self.address[1]}
    server-count: 1
    username: ""
    zonesdir: "{self.folder}"
    database: ""
    pidfile: "{self.folder}/pid"
    zonelistfile: "{self.folder}/zone.list"
    xfrdfile: "{self.folder}/xfrd.state"
    xfrdir: "{self.folder}"
    rrl-ratelimit: 0
    minimal-responses: {"yes" if self.options.get("minimal", True) else "no"}
    refuse-any: no
    answer-cookie: no
    ipv4-edns-size: 1232
    do-ip6: no
    verbosity: 0
remote-control:
    control-enable: no
{zones}"""
        )
        return ["nsd", "-d", "-c", str(self.folder / "nsd.conf")]


class Kereru(Server):
    """The program under test. `any` and `minimal` set what the configuration calls so, `config` has
    more of its keys. `http` is where its metrics are."""

    name = "kereru"
    http = None

    def configure(self):
        # JSON is YAML, and needs no quoting rules.
        config = {
            "listen": ["127.0.0.1:0"],
            "zones": [{"zone": origin, "file": str(file)} for origin, file in self.zones],
            "any": self.options.get("any", "full"),
            "minimal-responses": self.options.get("minimal", True),
            "http": {"listen": ["127.0.0.1:0"]},
            "rate-limit": {"per-second": 0},
        }
        config |= self.options.get("config", {})
        if self.options.get("at"):
            config["listen"] = [f"{self.address[0]}:{self.address[1]}"]
        (self.folder / "kereru.yaml").write_text(json.dumps(config, indent=1))
        return [str(KERERU), "serve", "--config", str(self.folder / "kereru.yaml")]

    def wait_until_ready(self):
        """Waits for the `ready` line, which tells the port, and then asks like the others."""
        deadline = time.monotonic() + READY_SECONDS
        poll = select.poll()
        while True:
            ready = re.search(r"^.*\bready (?=.*dns=).*$", plain(self.log()), re.MULTILINE)
            if ready:
                break
            if self.process.poll() is not None:
                raise NotReady(f"kereru ended with {self.process.returncode}:\n{self.log()}")
            if time.monotonic() > deadline:
                raise NotReady(f"kereru is not ready:\n{self.log()}")
            poll.poll(5)
        listening = re.search(r'dns="?([0-9.]+):(\d+)', ready[0])
        self.address = (listening[1], int(listening[2]))
        port = re.search(r'http="?[^ ]*?127\.0\.0\.1:(\d+)', ready[0])
        self.http = port and ("127.0.0.1", int(port[1]))
        super().wait_until_ready()


def plain(text):
    """Text without terminal colors."""
    return re.sub(r"\x1b\[[0-9;]*m", "", text)


class Unbound(Server):
    """Unbound, as a resolver: `hints` is a file, and servers listen on port 53."""

    name = "unbound"

    def configure(self):
        (self.folder / "unbound.conf").write_text(
            f"""server:
    interface: {self.address[0]}@{self.address[1]}
    directory: "{self.folder}"
    chroot: ""
    username: ""
    pidfile: ""
    use-syslog: no
    log-time-ascii: yes
    do-daemonize: no
    do-ip6: no
    do-not-query-localhost: no
    module-config: "iterator"
    root-hints: "{self.options["hints"]}"
    qname-minimisation: yes
    minimal-responses: yes
    access-control: 127.0.0.0/8 allow
    num-threads: 1
remote-control:
    control-enable: no
"""
        )
        return ["unbound", "-c", str(self.folder / "unbound.conf")]


PEERS = (Bind, Knot, Nsd)


def available():
    """Whether the program under test has been built."""
    return KERERU.exists() and os.access(KERERU, os.X_OK)
