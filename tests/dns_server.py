"""A nameserver on loopback, over UDP and TCP, that says what a test has written, and misbehaves where it is told to."""

from __future__ import annotations

import errno
import socket
import struct
import threading
import time
from collections import defaultdict
from collections.abc import Iterable
from contextlib import suppress
from enum import StrEnum
from typing import Self

import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdataclass
import dns.rdatatype
import dns.rrset

_LONGEST_CHAIN = 20


class Mischief(StrEnum):
    """What is done in place of an answer."""

    SERVFAIL = "servfail"
    REFUSED = "refused"
    SILENT = "silent"
    TRUNCATED = "truncated"  # over UDP; over TCP the whole
    TRUNCATED_ALWAYS = "truncated always"
    REFERRAL = "referral"  # to other nameservers, as one answers that does not recurse
    GARBAGE = "garbage"
    FORGED_FIRST = "forged first"  # one with another id and another answer, before the true one


class DNSServer:
    """``asked``: name, type and transport of each question. ``signed``: names whose answers have the AD flag."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, str, str]] = []
        self.signed: set[str] = set()
        self.all_signed = False
        self.negative_ttl: int | None = 60
        self._records: dict[tuple[str, str], list[tuple[int, list[str]]]] = defaultdict(list)
        self._mischief: dict[tuple[str, str], Mischief] = {}
        self._threads: list[threading.Thread] = []
        self._ends = threading.Event()
        self.port = 0

    # what it says ---------------------------------------------------------------------------------------------------

    def add(self, name: str, kind: str, *texts: str, ttl: int = 300) -> None:
        """These records, in place of what was there."""
        self._records[name, kind] = [(ttl, list(texts))]

    def then(self, name: str, kind: str, *texts: str, ttl: int = 300) -> None:
        """These from the next question on: each set of records but the last is told once."""
        self._records[name, kind].append((ttl, list(texts)))

    def remove(self, name: str, kind: str) -> None:
        """No such records any more."""
        self._records.pop((name, kind), None)

    def misbehave(self, name: str, kind: str, mischief: Mischief | None) -> None:
        """At this question; None: no more."""
        self._mischief.pop((name, kind), None)
        if mischief is not None:
            self._mischief[name, kind] = mischief

    def count(self, name: str, kind: str) -> int:
        """How often this was asked, over UDP or TCP."""
        return sum((one, what) == (name, kind) for one, what, _ in self.asked)

    # life -----------------------------------------------------------------------------------------------------------

    def __enter__(self) -> Self:
        self._tcp, self._udp = _at_one_port()
        self.port = self._tcp.getsockname()[1]
        for sock, serve in ((self._udp, self._serve_udp), (self._tcp, self._serve_tcp)):
            sock.settimeout(0.05)
            self._threads.append(threading.Thread(target=serve, daemon=True))
            self._threads[-1].start()
        return self

    def __exit__(self, *details: object) -> None:
        self._ends.set()
        for thread in self._threads:
            thread.join(5)
            assert not thread.is_alive()
        self._tcp.close()
        self._udp.close()

    def _serve_udp(self) -> None:
        while not self._ends.is_set():
            with suppress(TimeoutError):
                octets, peer = self._udp.recvfrom(4096)
                for answer in self._answers(octets, "UDP"):
                    self._udp.sendto(answer, peer)

    def _serve_tcp(self) -> None:
        while not self._ends.is_set():
            with suppress(TimeoutError, OSError):
                connection, _ = self._tcp.accept()
                with connection:
                    connection.settimeout(2)
                    length = struct.unpack("!H", connection.recv(2))[0]
                    for answer in self._answers(connection.recv(length), "TCP"):
                        connection.sendall(struct.pack("!H", len(answer)) + answer)

    # answers --------------------------------------------------------------------------------------------------------

    def _answers(self, octets: bytes, transport: str) -> Iterable[bytes]:
        question = dns.message.from_wire(octets)
        name = question.question[0].name.to_text(omit_final_dot=True).lower()
        kind = dns.rdatatype.to_text(question.question[0].rdtype)
        self.asked.append((name, kind, transport))
        mischief = self._mischief.get((name, kind))
        answer = dns.message.make_response(question)
        answer.flags |= dns.flags.RA
        if mischief is Mischief.SILENT:
            return []
        if mischief is Mischief.GARBAGE:
            return [octets[:2] + b"\xff" * 20]
        if mischief in (Mischief.SERVFAIL, Mischief.REFUSED):
            answer.set_rcode(dns.rcode.from_text(mischief.upper()))
            return [answer.to_wire()]
        if mischief is Mischief.TRUNCATED_ALWAYS or (mischief is Mischief.TRUNCATED and transport == "UDP"):
            answer.flags |= dns.flags.TC
            return [answer.to_wire()]
        if mischief is Mischief.REFERRAL:
            answer.flags &= ~dns.flags.RA
            answer.authority.append(dns.rrset.from_text("test.", 300, "IN", "NS", "ns.test."))
            return [answer.to_wire()]
        self._fill(answer, name, kind)
        wire = answer.to_wire(max_size=65535)
        if transport == "UDP" and len(wire) > 1232:
            answer = dns.message.make_response(question)
            answer.flags |= dns.flags.TC
            wire = answer.to_wire()
        return [*self._forged(question, mischief), wire]

    def _forged(self, question: dns.message.Message, mischief: Mischief | None) -> list[bytes]:
        if mischief is not Mischief.FORGED_FIRST:
            return []
        forged = dns.message.make_response(question)
        forged.id ^= 1
        name, kind = question.question[0].name, question.question[0].rdtype
        forged.answer.append(dns.rrset.from_text(name, 300, "IN", dns.rdatatype.to_text(kind), "10 forged.example."))
        return [forged.to_wire()]

    def _fill(self, answer: dns.message.Message, name: str, kind: str) -> None:
        names = [name]
        while kind != "CNAME" and (name, "CNAME") in self._records and len(names) < _LONGEST_CHAIN:
            name = self._put(answer, name, "CNAME").rstrip(".").lower()
            names.append(name)
        if (name, kind) in self._records:
            self._put(answer, name, kind)
        elif len(names) < _LONGEST_CHAIN:
            if not any(known == name for known, _ in self._records):
                answer.set_rcode(dns.rcode.NXDOMAIN)
            self._put_soa(answer, name)
        if self.all_signed or self.signed.issuperset(names):
            answer.flags |= dns.flags.AD

    def _put(self, answer: dns.message.Message, name: str, kind: str) -> str:
        turns = self._records[name, kind]
        ttl, texts = turns.pop(0) if len(turns) > 1 else turns[0]
        answer.answer.append(dns.rrset.from_text(f"{name}.", ttl, "IN", kind, *texts))
        return texts[0]

    def _put_soa(self, answer: dns.message.Message, name: str) -> None:
        if self.negative_ttl is not None:
            zone = name.rpartition(".")[2] or name
            text = f"ns.{zone}. admin.{zone}. 1 3600 600 86400 {self.negative_ttl}"
            answer.authority.append(dns.rrset.from_text(f"{zone}.", 3600, "IN", "SOA", text))


def _at_one_port() -> tuple[socket.socket, socket.socket]:
    """For TCP and for UDP. A number that is free for the one may be taken for the other."""
    while True:
        tcp, udp = socket.create_server(("127.0.0.1", 0)), socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        try:
            udp.bind(tcp.getsockname())
        except OSError as error:
            tcp.close()
            udp.close()
            if error.errno != errno.EADDRINUSE:
                raise
        else:
            return tcp, udp


class Clock:
    """Monotonic seconds that a test moves on."""

    def __init__(self) -> None:
        self.now = time.monotonic()

    def __call__(self) -> float:
        return self.now
