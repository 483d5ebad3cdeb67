"""The metrics of a server, as a scraper gets them."""

import http.client
import re
import time

SECONDS_MAX = 20


def text(server, path="/metrics"):
    """What the server shows at a path."""
    connection = http.client.HTTPConnection(*server.http, timeout=SECONDS_MAX)
    connection.request("GET", path)
    shown = connection.getresponse().read().decode()
    connection.close()
    return shown


def values(server):
    """Every value of the families that are ours, by name and labels."""
    lines = re.findall(r"^(kereru_\S+) (\S+)$", text(server), re.MULTILINE)
    return {name: float(value) for name, value in lines}


def settles(server, name, wanted, seconds=SECONDS_MAX, meanwhile=lambda: None):
    """The value that a metric has when it is `wanted`, or after so many seconds."""
    deadline = time.monotonic() + seconds
    while (found := values(server).get(name)) != wanted and time.monotonic() < deadline:
        meanwhile()
    return found
