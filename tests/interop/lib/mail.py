"""A Kereru that takes mail, and those who send some."""

import os
import re
import signal
import socket
import subprocess
import threading

from lib import peers

# The hash of `iluvjane`.
HASH = (
    "$argon2id$v=19$m=19456,t=2,p=1$P9S/J2/AQHoGK74/AReU9A"
    "$LnIC38xhMEPVyslDe8GaUeEmUvuhe+zvUPINrDODSEs"
)
PASSWORD = "iluvjane"
SECONDS_MAX = 30

ZONE = """$TTL 300
@ SOA ns.other. admin 1 2 3 4 5
@ NS ns.other.
@ MX 10 mail
mail A 192.0.2.25
"""


class Kereru(peers.Kereru):
    """A Kereru with mailboxes: that of joe, who is joe@bloggs.com, and of jane, who is
    jane@bloggs.com. `mail` has more keys of its section, `prefix` is put before its command."""

    def configure(self):
        if not hasattr(self, "smtp"):
            self.smtp = ("127.0.0.1", peers.free_port())
            self.pop3 = ("127.0.0.1", peers.free_port())
        mail = {
            "hostname": "mail.bloggs.com",
            "smtp": ["%s:%d" % self.smtp],
            "pop3": ["%s:%d" % self.pop3],
            "users": [
                {"name": name, "addresses": [f"{name}@bloggs.com"], "password": HASH}
                for name in ("joe", "jane")
            ],
            "sessions": {"total": 1000, "per-client": 1000},
        }
        mail |= self.options.get("mail", {})
        self.options.setdefault("config", {})["mail"] = mail
        return [*self.options.get("prefix", []), *super().configure()]

    def kill(self):
        """Ends it as a power cut would."""
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def start_again(self):
        """Starts it with what it has on disk."""
        (self.folder / "log").unlink()
        self.start()
        self.wait_until_ready()

    def mailbox(self, name):
        """The messages in a mailbox, as they are on disk."""
        box = self.folder / "var/mail" / name
        files = [file for part in ("new", "cur") for file in (box / part).iterdir()]
        return [file.read_bytes() for file in files]

    def unfinished(self):
        """The files of messages that are not whole."""
        return list((self.folder / "var/mail/.incoming").iterdir())


def bloggs(folder):
    """The zone of bloggs.com in a file."""
    file = folder / "bloggs.com.zone"
    file.write_text(ZONE)
    return [("bloggs.com.", file)]


class Gone(Exception):
    """The server closed the connection."""


class Client:
    """One SMTP session, as plain as can be."""

    def __init__(self, address):
        self.sock = socket.create_connection(address, SECONDS_MAX)
        self.file = self.sock.makefile("rb")
        self.hear()
        self.say("EHLO client.example")

    def hear(self):
        """The code and the text of a reply."""
        while line := self.file.readline():
            if line[3:4] == b" ":
                return int(line[:3]), line.decode().strip()
        raise Gone

    def say(self, line):
        self.sock.sendall(line.encode() + b"\r\n")
        return self.hear()

    def send(self, sender, recipients, content):
        """Sends a message; the reply to its end, or to the command that was refused."""
        reply = self.say(f"MAIL FROM:<{sender}>")
        for recipient in recipients:
            if reply[0] < 400:
                reply = self.say(f"RCPT TO:<{recipient}>")
        if reply[0] < 400:
            reply = self.say("DATA")
        if reply[0] < 400:
            self.sock.sendall(content + b"\r\n.\r\n")
            reply = self.hear()
        return reply

    def close(self):
        self.file.close()
        self.sock.close()


class Crowd:
    """Clients who send one message after the other, each with a name of its own, until they are told
    to stop or their server is gone."""

    def __init__(self, server, clients, recipients, name):
        self.acknowledged = []
        self.refused = []
        self.begun = 0
        self.stopping = False
        self.lock = threading.Condition()
        self.threads = [
            threading.Thread(target=self._run, args=(server, recipients, f"{name}-{number}"))
            for number in range(clients)
        ]
        for thread in self.threads:
            thread.start()

    def _run(self, server, recipients, name):
        try:
            client = Client(server.smtp)
            number = 0
            while not self.stopping:
                number += 1
                ident = f"{name}-{number}"
                with self.lock:
                    self.begun += 1
                content = f"Subject: hello\r\nX-Ident: {ident}\r\n\r\n{ident} text".encode()
                code, text = client.send("jane@bloggs.com", recipients, content)
                with self.lock:
                    if code == 250:
                        self.acknowledged.append(ident)
                    else:
                        self.refused.append((ident, text))
                    self.lock.notify_all()
        except (OSError, Gone):
            pass

    def wait_for(self, count):
        """Waits until so many messages have been acknowledged."""
        with self.lock:
            return self.lock.wait_for(lambda: len(self.acknowledged) >= count, SECONDS_MAX)

    def end(self):
        self.stopping = True
        for thread in self.threads:
            thread.join(SECONDS_MAX)


def idents(messages):
    """The names of messages, one for each."""
    return [re.search(rb"^X-Ident: (\S+)\r$", message, re.MULTILINE)[1].decode() for message in messages]


def smtp_source(server, messages, sessions, octets, recipient="joe@bloggs.com"):
    """Sends messages with Postfix's smtp-source; its exit code and what it said."""
    command = ["smtp-source", "-s", str(sessions), "-m", str(messages), "-l", str(octets)]
    command += ["-f", "jane@bloggs.com", "-t", recipient, "%s:%d" % server.smtp]
    done = subprocess.run(command, capture_output=True, text=True, env=dict(os.environ))
    return done.returncode, done.stdout + done.stderr
