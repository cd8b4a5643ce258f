"""A big message goes out of the memory that it lies in: nothing holds it twice. A big file is held by nobody at all, from the call to the wire.

What is measured runs in a process of its own, so that what the server keeps is not in the figure.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
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
from cryptography.fernet import Fernet
from signing_keys import ed25519_pem

from notifier.mime import Composition, compose
from notifier.model.address import Address
from notifier.model.content import Attachment, Content
from notifier.model.envelope import Envelope
from notifier.model.octets import whole
from notifier.store.blobs import Blobs
from notifier.store.blobs.directory import DirectoryBlobs
from notifier.testing import EmbeddedValkey, HostileServer

TOP = Path(__file__).resolve().parents[2]

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

CALLER = """
import json, re, sys, tracemalloc
from pathlib import Path
from notifier import send_email, send_message, store_attachment

def resident(what):
    return int(re.search(rf"{what}:\\s+(\\d+) kB", open("/proc/self/status").read())[1]) * 1024

def welcome(queue, *attachments):
    call = {"template": "welcome", "to": "a@x.example", "context": {"name": "Zoe"}, "attachments": attachments}
    return send_email.apply_async(kwargs=call, queue=queue)

def own(queue, octets):
    return send_message.apply_async(kwargs={"message": octets}, queue=queue)

way, path, small = sys.argv[1], sys.argv[2], Path(sys.argv[3])
octets = Path(path).read_bytes() if way == "message" else b""
CALLS = {
    "path": lambda queue, path, octets: welcome(queue, {"path": path}),
    "stored": lambda queue, path, octets: welcome(queue, store_attachment({"path": path})),
    "message": lambda queue, path, octets: own(queue, octets),
}
call = CALLS[way]
call("small", str(small), small.read_bytes())
open("/proc/self/clear_refs", "w").write("5")
before = resident("VmRSS")
tracemalloc.start()
call("big", path, octets)
print(json.dumps([tracemalloc.get_traced_memory()[1], resident("VmHWM") - before]))
"""

WORKER = """
import json, re, tracemalloc
from notifier.tasks.runtime import runtime, shut_down

def resident(what):
    return int(re.search(rf"{what}:\\s+(\\d+) kB", open("/proc/self/status").read())[1]) * 1024

mine = runtime()

def work(queue):
    claims = mine.store.claim(queue, mine.owner, 10)
    mine.courier.deliver(claims)
    found = [mine.store.status(claim.mail_id) for claim in claims]
    return [f"{one.state} {one.last_fault or str()}".strip() for one in found]

work("small")
open("/proc/self/clear_refs", "w").write("5")
before = resident("VmRSS")
tracemalloc.start()
states = work("big")
print(json.dumps([states, tracemalloc.get_traced_memory()[1], resident("VmHWM") - before]))
shut_down(1.0)
"""


def sent(port: int, ca_file: str | None, line: str, lines: int) -> Any:
    """States, size, most memory beside the message by Python's and by the system's count."""
    return run(CLIENT, str(port), ca_file or "", line, str(lines))


def run(program: str, *arguments: str, **environ: str) -> Any:
    """What a program in a process of its own prints."""
    command = [sys.executable, "-c", program, *arguments]
    own = {name: value for name, value in os.environ.items() if not name.startswith("NOTIFIER_")} | environ
    ran = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False, env=own, cwd=TOP)
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


def lines_of_a_message() -> bytes:
    """Of more than 25 MB, as a file has them; some begin with a dot, and not all is ASCII."""
    header = b"From: s@x.example\nTo: a@x.example\nMessage-ID: <1@x.example>\nDate: Sat, 28 Nov 2026 12:00:00 +0000\n\n"
    return header + ("." * 70 + "\n" + "\u00e4" * 30 + "\n").encode() * 200_000


@pytest.mark.parametrize(
    ("way", "blobs", "offers"),
    [
        ("path", "dir", ("CHUNKING",)),
        ("stored", "redis", ()),
        ("message", "redis", ("CHUNKING",)),
        ("message", "dir", ()),
        ("path", "dir sealed", ()),
        ("message", "redis sealed", ("CHUNKING",)),
    ],
)
def test_25_megabytes_cost_the_caller_and_the_worker_under_8_from_the_call_to_the_wire(
    tmp_path: Path, valkey_server: EmbeddedValkey, way: str, blobs: str, offers: tuple[str, ...]
) -> None:
    octets = lines_of_a_message() if way == "message" else hashlib.shake_256(b"25").digest(25 * 2**20)
    (tmp_path / "big.bin").write_bytes(octets)
    (tmp_path / "small.bin").write_bytes(octets[:1000])
    (tmp_path / "blobs").mkdir()
    (tmp_path / "key.pem").touch(0o600)
    (tmp_path / "key.pem").write_text(ed25519_pem())
    with listening(Keeping(("r", "8BITMIME", "PIPELINING", *offers))) as sink:
        environ = {
            "NOTIFIER_BROKER_URL": valkey_server.url,
            "NOTIFIER_SMTP_URL": f"smtp://127.0.0.1:{sink.port}?tls=none",
            "NOTIFIER_BLOBS": f"dir:{tmp_path}/blobs" if "dir" in blobs else "redis:256MB",
            "NOTIFIER_DKIM": f"x.example:e1:{tmp_path}/key.pem",
            "NOTIFIER_FROM": "s@x.example",
            "NOTIFIER_JOURNAL": f"{tmp_path}/journal",
        }
        if "sealed" in blobs:
            environ["NOTIFIER_ENCRYPTION_KEYS"] = Fernet.generate_key().decode()
        of_caller = run(CALLER, way, str(tmp_path / "big.bin"), str(tmp_path / "small.bin"), **environ)
        states, *of_worker = run(WORKER, **environ)
    assert states == ["sent"]
    assert max(of_caller) < MOST_OF_A_FILE
    assert max(of_worker) < MOST_OF_A_FILE
    assert sink.last.startswith(b"DKIM-Signature: ")
    if way == "message":
        assert sink.last.endswith(b"\r\n" + octets.replace(b"\n", b"\r\n"))
    else:
        encoded = sink.last.partition(b"big.bin")[2].partition(b"\r\n\r\n")[2].partition(b"\r\n--")[0]
        assert base64.b64decode(encoded) == octets


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


class Keeping(Sink):
    """One that keeps the last message."""

    last = bytearray()

    def _take(self, octets: bytes) -> None:
        if not self._size:
            self.last = bytearray()
        self.last += octets
        super()._take(octets)


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
