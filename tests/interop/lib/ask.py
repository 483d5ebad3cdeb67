"""Asks many questions of one server quickly: numbered, with many under way at a time."""

import selectors
import socket
import struct
import time
from collections import deque

from lib import wire

# Small enough that a server's default receive buffer (212,992 bytes) never overflows.
WINDOW = 128
TRIES = 5
# Long enough that only a lost datagram or a dead server is asked again.
PATIENCE = 1.0
DEADLINE = 60.0


class NoReply(Exception):
    """The server did not answer a question, however often it was asked."""


def udp(address, queries):
    """The replies to `queries`, in order, as bytes; None where none came after all tries."""
    replies = [None] * len(queries)
    waiting = {}
    todo = deque((index, 0) for index in range(len(queries)))
    family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
        sock.connect(address)
        sock.setblocking(False)
        selector = selectors.DefaultSelector()
        selector.register(sock, selectors.EVENT_READ)
        while todo or waiting:
            while todo and len(waiting) < WINDOW:
                index, tries = todo[0]
                number = index & 0xFFFF
                if number in waiting:
                    break
                try:
                    sock.send(number.to_bytes(2, "big") + queries[index][2:])
                except BlockingIOError:
                    break
                except ConnectionRefusedError:
                    # An earlier datagram met no socket; this one was not sent.
                    raise NoReply(f"nobody listens on {address}") from None
                todo.popleft()
                waiting[number] = (index, tries + 1, time.monotonic())
            selector.select(PATIENCE / 4)
            while True:
                try:
                    packet = sock.recv(65535)
                except BlockingIOError:
                    break
                except ConnectionRefusedError:
                    raise NoReply(f"nobody listens on {address}") from None
                number = int.from_bytes(packet[:2], "big")
                if number in waiting:
                    index, _, _ = waiting.pop(number)
                    replies[index] = packet
            if len(waiting) == 0:
                continue
            now = time.monotonic()
            late = [n for n, (_, _, sent) in waiting.items() if now - sent > PATIENCE]
            for number in late:
                index, tries, _ = waiting.pop(number)
                if tries < TRIES:
                    todo.append((index, tries))
    return replies


def tcp(address, queries):
    """The same over TCP, on as few connections as the server allows."""
    replies = [None] * len(queries)
    todo = deque(range(len(queries)))
    fruitless = 0
    while todo:
        before = len(todo)
        _tcp_connection(address, queries, replies, todo)
        # A server may close a connection at any time; one that closes each without a reply is
        # not answering.
        fruitless = fruitless + 1 if len(todo) == before else 0
        if fruitless == TRIES:
            break
    return replies


def _tcp_connection(address, queries, replies, todo):
    waiting = {}
    received = bytearray()
    unsent = bytearray()
    with socket.create_connection(address, timeout=PATIENCE * TRIES) as sock:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sock.setblocking(False)
        selector = selectors.DefaultSelector()
        selector.register(sock, selectors.EVENT_READ | selectors.EVENT_WRITE)
        last = time.monotonic()
        try:
            while todo or waiting:
                while todo and len(waiting) < WINDOW and len(unsent) < 1 << 16:
                    number = todo[0] & 0xFFFF
                    if number in waiting:
                        break
                    index = todo.popleft()
                    waiting[number] = index
                    query = queries[index]
                    unsent += struct.pack("!HH", len(query), number) + query[2:]
                events = selectors.EVENT_READ | (selectors.EVENT_WRITE if unsent else 0)
                selector.modify(sock, events)
                selector.select(PATIENCE)
                if unsent:
                    try:
                        del unsent[: sock.send(unsent)]
                    except BlockingIOError:
                        pass
                try:
                    chunk = sock.recv(1 << 16)
                    if not chunk:
                        return
                    received += chunk
                    last = time.monotonic()
                except BlockingIOError:
                    if time.monotonic() - last > PATIENCE * TRIES:
                        return
                at = 0
                while len(received) - at >= 2:
                    size = int.from_bytes(received[at : at + 2], "big")
                    if len(received) - at < 2 + size:
                        break
                    packet = bytes(received[at + 2 : at + 2 + size])
                    at += 2 + size
                    index = waiting.pop(int.from_bytes(packet[:2], "big"), None)
                    if index is not None:
                        replies[index] = packet
                del received[:at]
        except (ConnectionResetError, BrokenPipeError):
            return
        finally:
            todo.extendleft(sorted(waiting.values(), reverse=True))


def one(address, query, transport=udp):
    """The parsed reply to one question; a truncated one is asked again over TCP."""
    reply = transport(address, [query])[0]
    if reply is None:
        raise NoReply(f"no reply from {address}")
    answer = wire.Answer(reply)
    if answer.tc and transport is udp:
        return one(address, query, tcp)
    return answer
