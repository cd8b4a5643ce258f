"""A big message goes out of the memory that it lies in: nothing holds it twice.

The client runs in a process of its own, so that what the server keeps is not in the figure.
"""

from __future__ import annotations

import hashlib
import json
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, BinaryIO

import pytest

from notifier.mime import Composition, compose
from notifier.model.address import Address
from notifier.model.content import Attachment, Content
from notifier.model.envelope import Envelope
from notifier.model.octets import whole
from notifier.store.blobs import Blobs
from notifier.store.blobs.directory import DirectoryBlobs
from notifier.testing import HostileServer

MOST = 1_000_000  # octets beyond the message itself
MOST_RESIDENT = 4_000_000  # and of what the system gave the process, buffers of TLS and of the allocator included
CLIENT = """
import json, re, sys, tracemalloc
from notifier.model.envelope import Envelope, MailObject
from notifier.smtp import Endpoint, Session, TLSPolicy

def resident(what):
    return int(re.search(rf"{what}:\\s+(\\d+) kB", open("/proc/self/status").read())[1]) * 1024

port, ca_file, line, lines = int(sys.argv[1]), sys.argv[2] or None, sys.argv[3].encode(), int(sys.argv[4])
envelope = Envelope("s@x.example", ("a@x.example",))
big = MailObject(envelope, b"x" * 70 + b"\\r\\n" + (line + b"\\r\\n") * lines)
policy = TLSPolicy.REQUIRED if ca_file else TLSPolicy.NONE
with Session.open(Endpoint("127.0.0.1", port, tls=policy, ca_file=ca_file)) as session:
    list(session.send_many([MailObject(envelope, b"a small one first\\r\\n")]))
    open("/proc/self/clear_refs", "w").write("5")  # the most that was resident is counted from here on
    before = resident("VmRSS")
    tracemalloc.start()
    (outcome,) = session.send_many([big])
    peak = tracemalloc.get_traced_memory()[1]
    grown = resident("VmHWM") - before
print(json.dumps([[one.state for one in outcome.recipients.values()], len(big.data), peak, grown]))
"""

FROM_A_FOLDER = """
import hashlib, json, os, re, sys, tracemalloc
from datetime import UTC, datetime
from pathlib import Path
from notifier.mime import Composition, Compositor
from notifier.model.address import Address
from notifier.model.content import Content, StoredAttachment
from notifier.model.envelope import Envelope
from notifier.smtp import Endpoint, Session, TLSPolicy
from notifier.store.blobs import Blobs
from notifier.store.blobs.directory import DirectoryBlobs

def resident(what):
    return int(re.search(rf"{what}:\\s+(\\d+) kB", open("/proc/self/status").read())[1]) * 1024

port, folder, name = int(sys.argv[1]), Path(sys.argv[2]), sys.argv[3]
blobs = Blobs([DirectoryBlobs(folder, lambda: "ledger")], limit=2**25, referenced=lambda names: frozenset())
sender, to = Address.parse("s@x.example"), [Address.parse("a@x.example")]
with Session.open(Endpoint("127.0.0.1", port, tls=TLSPolicy.NONE)) as session:
    def send(files):
        mail = Compositor().compose(Composition(
            Content("Hi", "hello"), sender=sender, to=to, message_id="<1@x.example>", date=datetime(2026, 11, 28, tzinfo=UTC),
            envelope=Envelope("s@x.example", ("a@x.example",)), attachments=files))
        (outcome,) = session.send_many([mail])
        return [one.state for one in outcome.recipients.values()], len(mail.data)
    send([])
    open("/proc/self/clear_refs", "w").write("5")
    before = resident("VmRSS")
    tracemalloc.start()
    states, size = send([StoredAttachment("big.bin", "application/octet-stream", name, blobs.open)])
    peak = tracemalloc.get_traced_memory()[1]
    grown = resident("VmHWM") - before
print(json.dumps([states, size, peak, grown]))
"""


def sent(port: int, ca_file: str | None, line: str, lines: int) -> Any:
    """States, size, most memory beside the message by Python's and by the system's count."""
    return run(CLIENT, str(port), ca_file or "", line, str(lines))


def run(program: str, *arguments: str) -> Any:
    """What a program in a process of its own prints."""
    command = [sys.executable, "-c", program, *arguments]
    ran = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert ran.returncode == 0, ran.stderr
    return json.loads(ran.stdout)


@pytest.mark.parametrize("tls", [False, True], ids=["plain", "TLS"])
@pytest.mark.parametrize(
    "offers",
    [("PIPELINING", "CHUNKING"), ("PIPELINING",), ()],
    ids=["chunked", "pipelined", "lock step"],
)
def test_25_megabytes_cost_under_one_beside_the_message(offers: tuple[str, ...], tls: bool) -> None:
    with HostileServer(offers=offers, tls=tls) as server:
        states, size, peak, grown = sent(server.port, server.ca_file, ".y", 6_250_000)
    assert states == ["accepted"]
    assert size > 25_000_000
    assert len(server.accepted[1].octets) == size
    assert peak < MOST
    assert grown < MOST_RESIDENT


MOST_OF_A_FILE = 8_000_000  # octets, the message itself included


@pytest.mark.parametrize("offers", [("r", "PIPELINING", "CHUNKING"), ("r", "PIPELINING"), ("r",)])
def test_a_file_of_25_megabytes_goes_from_its_folder_to_the_wire_and_is_never_held(
    tmp_path: Path, offers: tuple[str, ...]
) -> None:
    data = hashlib.shake_256(b"25").digest(25 * 2**20)
    blobs = Blobs([DirectoryBlobs(tmp_path, lambda: "ledger")], limit=2**25, referenced=lambda names: frozenset())
    name = blobs.put(data)
    with listening(Sink(offers)) as sink:
        states, size, peak, grown = run(FROM_A_FOLDER, str(sink.port), str(tmp_path), name)
    mail = compose(
        Composition(
            Content("Hi", "hello"),
            sender=Address.parse("s@x.example"),
            to=[Address.parse("a@x.example")],
            message_id="<1@x.example>",
            date=datetime(2026, 11, 28, tzinfo=UTC),
            envelope=Envelope("s@x.example", ("a@x.example",)),
            attachments=[Attachment("big.bin", "application/octet-stream", data)],
        )
    )
    assert (states, size) == (["accepted"], len(mail.data))
    assert sink.kept[1] == (size, hashlib.sha256(whole(mail.data)).digest())
    assert peak < MOST_OF_A_FILE
    assert grown < MOST_OF_A_FILE


class Sink:
    """A server that measures what it takes and keeps none of it. ``kept``: size and digest of each message."""

    def __init__(self, offers: tuple[str, ...]) -> None:
        self.offers = offers
        self.port = 0
        self.kept: list[tuple[int, bytes]] = []
        self._size, self._digest = 0, hashlib.sha256()

    def serve(self, connection: socket.socket, file: BinaryIO) -> None:
        connection.sendall(b"220 hi\r\n")
        while line := file.readline():
            connection.sendall(self._answer(line, connection, file))

    def _answer(self, line: bytes, connection: socket.socket, file: BinaryIO) -> bytes:
        match line.split():
            case [b"EHLO", _]:
                return "".join(f"250-{offer}\r\n" for offer in self.offers).encode() + b"250 DSN\r\n"
            case [b"DATA"]:
                connection.sendall(b"354 go\r\n")
                self._take_lines(file)
            case [b"BDAT", size, *last]:
                self._take(file.read(int(size)))
                if last:
                    self._end()
            case [b"QUIT"]:
                return b"221 bye\r\n"
        return b"250 ok\r\n"

    def _take_lines(self, file: BinaryIO) -> None:
        for line in file:
            if line == b".\r\n":
                break
            self._take(line.removeprefix(b"."))
        self._end()

    def _take(self, octets: bytes) -> None:
        self._size += len(octets)
        self._digest.update(octets)

    def _end(self) -> None:
        self.kept.append((self._size, self._digest.digest()))
        self._size, self._digest = 0, hashlib.sha256()


@contextmanager
def listening(sink: Sink) -> Iterator[Sink]:
    def run() -> None:
        connection, _ = listener.accept()
        with connection, connection.makefile("rb", buffering=1024 * 1024) as file:
            sink.serve(connection, file)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        sink.port = listener.getsockname()[1]
        thread = threading.Thread(target=run, daemon=True)
        thread.start()
        yield sink
        thread.join(30)
        assert not thread.is_alive()


@pytest.mark.parametrize("offers", [("r", "PIPELINING", "CHUNKING"), ("r", "PIPELINING")], ids=["chunked", "pipelined"])
def test_71_a_hundred_megabytes_cost_no_more(offers: tuple[str, ...]) -> None:
    line, lines = "." + "z" * 75, 1_300_000
    with listening(Sink(offers)) as sink:
        states, size, peak, grown = sent(sink.port, None, line, lines)
    expected = b"x" * 70 + b"\r\n" + f"{line}\r\n".encode() * lines
    assert (states, size > 100_000_000) == (["accepted"], True)
    assert sink.kept[1] == (size, hashlib.sha256(expected).digest())
    assert peak < MOST
    assert grown < MOST_RESIDENT
