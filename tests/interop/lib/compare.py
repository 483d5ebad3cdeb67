"""Compares the replies of the program under test with those of its peers.

Peers may differ among themselves only in ways that are listed here, each with its reason. Where
all agree, the program must agree with them; where they differ, it must be like one of them.
"""

from lib import wire


class Allowed:
    """A way in which two servers may differ: `test(query, left, right)` says whether this is it."""

    def __init__(self, name, reason, test):
        self.name = name
        self.reason = reason
        self.test = test
        self.count = 0


ALLOWED = []


def allowed(name, reason):
    """Lists a difference."""

    def add(test):
        ALLOWED.append(Allowed(name, reason, test))
        return test

    return add


def explain(query, left, right):
    """The listed difference that two replies show, or None."""
    for entry in ALLOWED:
        if entry.test(query, left, right):
            entry.count += 1
            return entry
    return None
