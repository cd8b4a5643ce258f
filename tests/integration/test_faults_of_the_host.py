"""What a host does to Notifier: clocks that jump, disks that are full, files that change, servers that lose their tail."""

from __future__ import annotations

import contextlib
import os
import resource
import select
import signal
import socket
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from delivering import copies, desk, relay
from store_conformance import added, an_email, state_of
from workers import plant, wait_until

from notifier import send_bulk, send_email
from notifier.delivery.attachments import read_attachment
from notifier.errors import InvalidAttachment, MailTooLarge, StoreUnavailable
from notifier.model.state import MailState
from notifier.pool import PoolConfig
from notifier.store import RedisStore
from notifier.store.base import Settlement
from notifier.tasks.bells import gate
from notifier.tasks.runtime import runtime
from notifier.testing import EmbeddedValkey, HostileServer, Moment, Refuse

HOUR = 3600.0
MEGABYTE = 2**20


@pytest.mark.parametrize("jump", [HOUR, -HOUR], ids=["ahead", "back"])
def test_44_a_clock_that_jumps_in_mid_run_expires_nothing_and_sends_nothing_twice(
    valkey_server: EmbeddedValkey, monkeypatch: pytest.MonkeyPatch, jump: float
) -> None:
    """Leases are the store's clock, deadlines the monotonic one. This process's wall clock is what jumps."""
    clock = time.time
    jumped = False
    monkeypatch.setattr(time, "time", lambda: clock() + jump * jumped)
    greylisting = {(Moment.RCPT, number): Refuse("451 4.7.1 later") for number in (1, 2, 4)}
    with HostileServer(greylisting) as server, desk(valkey_server.url, relay(server)) as made:
        before = made.post(5, mail_class="otp")
        made.round(batch=2)
        jumped = True
        after = made.post(5, mail_class="otp")
        made.deliver()
        found = [made.status(mail_id) for mail_id in (*before, *after)]
        assert {(one.state, one.crashes, one.unknowns) for one in found} == {(MailState.SENT, 0, 0)}
        assert set(copies(server).values()) == {1}


@contextmanager
def full_disk() -> Iterator[None]:
    """No file may grow over 64 KB in this process."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (64 * 1024, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_45_a_disk_that_is_full_refuses_the_mail_and_keeps_no_half_of_it(tmp_path: Path) -> None:
    folder = tmp_path / "blobs"
    folder.mkdir()
    call = {"template": "welcome", "to": "a@x.example", "context": {"name": "Zoë"}, "idempotency_key": "one"}
    report = {"filename": "report.bin", "data": os.urandom(MEGABYTE)}
    with plant(tmp_path, NOTIFIER_BLOBS=f"dir:{folder}") as made:
        with full_disk(), pytest.raises(StoreUnavailable, match=str(folder)):
            send_email.delay(**call, attachments=[report])
        assert [path for path in folder.rglob("*") if path.is_file()] == []
        assert made.status(send_email.delay(**call, attachments=[report]).id).state is MailState.WAITING


def test_31_a_journal_of_the_server_that_lost_its_tail_loses_that_tail_and_no_more(tmp_path: Path) -> None:
    valkey = EmbeddedValkey(tmp_path / "data")
    with valkey:
        store = RedisStore(valkey.url)
        whole = added(store, *(an_email() for _ in range(3)))
        (torn,) = added(store)
        valkey.kill()
        (file,) = (tmp_path / "data").glob("appendonlydir/*.incr.aof")
        with file.open("r+b") as log:
            log.truncate(file.stat().st_size - 20)
        valkey.start()
        assert {state_of(store, mail_id) for mail_id in whole} == {MailState.WAITING}
        assert store.status(torn) is None
        assert len(store.claim("mail", "worker-1", 10)) == 3
        store.close()


class CutReplies:
    """A proxy before the store that cuts the connection within a reply, when it is told to."""

    def __init__(self, port: int) -> None:
        self._target = port
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self.cut_after: int | None = None  # octets of a reply
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        with client, socket.create_connection(("127.0.0.1", self._target)) as server:
            self._converse(client, server)

    def _converse(self, client: socket.socket, server: socket.socket) -> None:
        while True:
            for source in select.select([client, server], [], [])[0]:
                octets = source.recv(65536)
                if source is client:
                    server.sendall(octets)
                else:
                    cut, self.cut_after = self.cut_after, None
                    client.sendall(octets[:cut])
                    if cut is not None:
                        return
                if not octets:
                    return

    def __enter__(self) -> CutReplies:
        return self

    def __exit__(self, *details: object) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._thread.join(10)
        self._listener.close()


@pytest.mark.parametrize("octets", [0, 1, 3, 8])
def test_38_a_reply_of_the_store_that_is_cut_off_is_no_reply_and_saying_it_again_is_safe(
    valkey_server: EmbeddedValkey, octets: int
) -> None:
    with CutReplies(valkey_server.port) as proxy:
        store = RedisStore(f"redis://127.0.0.1:{proxy.port}/0", namespace=f"cut-{octets}", durability="aof")
        (mail_id,) = added(store, an_email(queue="mail"))
        (claim,) = store.claim("mail", "worker-1", 10)
        for step in (lambda: store.begin_dot([claim]), lambda: store.settle([Settlement(claim, MailState.SENT)])):
            proxy.cut_after = octets
            try:
                step()
            except StoreUnavailable:
                step()
            assert proxy.cut_after is None, "it was cut"
        assert state_of(store, mail_id) is MailState.SENT
        store.close()


def test_84_after_an_outage_the_herd_keeps_to_its_connections_and_what_is_too_late_stays(
    valkey_server: EmbeddedValkey,
) -> None:
    with (
        HostileServer({Moment.GREETING: Refuse("421 4.3.2 down")}) as server,
        desk(valkey_server.url, relay(server), PoolConfig(size=2), scale=0.002) as made,
    ):
        herd = made.post(150)
        codes = [an_email(mail_class="otp", queue="mail", expires_at=time.time() + 0.3) for _ in range(20)]
        made.store.add(codes)
        wait_until(lambda: made.round(batch=50) >= 0 and time.time() > codes[-1].expires_at, "the codes are too late")
        knocks = server.connections
        assert knocks < 100, "the breaker was open most of the time"
        server.plan.clear()
        made.deliver(batch=50)
        found = [made.status(mail_id) for mail_id in herd]
        assert {(one.state, one.attempt) for one in found} == {(MailState.SENT, 1)}
        assert {made.status(code.id).state for code in codes} == {MailState.EXPIRED}
        assert copies(server) == Counter(herd)


def test_88_a_log_that_nobody_reads_stops_no_mail(tmp_path: Path) -> None:
    call = {"template": "welcome", "to": "a@x.example", "context": {"name": "Zoë"}}
    reading, writing = os.pipe()
    with plant(tmp_path) as made, os.fdopen(reading, "rb", buffering=0) as log:
        worker = made.start_worker(slots=1, output=writing)
        fill(writing)
        stuck = [send_email.delay(**call).id for _ in range(10)]
        made.settle(stuck, "sent")
        os.set_blocking(reading, False)
        said = bytearray()

        def says_it() -> bool:
            while octets := log.read(2**20):
                said.extend(octets)
            return b"writes to the log were lost" in said

        says_it()  # there is room again, and who says it first need not wait for the next mail
        made.settle([send_email.delay(**call).id], "sent")
        wait_until(says_it, "it says that lines are missing")
        assert worker.running
        fill(writing)
        worker.signal(signal.SIGTERM)
        wait_until(lambda: not worker.running, "it ends, though nobody reads that it was told to")
    os.close(writing)


def fill(pipe: int) -> None:
    own = os.open(f"/proc/self/fd/{pipe}", os.O_WRONLY | os.O_NONBLOCK)
    with contextlib.suppress(BlockingIOError):
        while True:
            os.write(own, b"x\n" * 512)
    with contextlib.suppress(BlockingIOError):
        while True:
            os.write(own, b"x")
    os.close(own)


class TestAttachments:
    """Fault 87, at the call: what is read is what was there then, bounded, and a worker needs no file."""

    def read(self, path: Path | str) -> bytes:
        return read_attachment({"path": str(path)}, limit=30 * MEGABYTE, allow_paths=True).data

    def test_an_empty_file_and_a_big_one_are_read_whole(self, tmp_path: Path) -> None:
        for size in (0, 25 * MEGABYTE):
            (tmp_path / "file").write_bytes(b"\xff" * size)
            assert len(self.read(tmp_path / "file")) == size

    def test_a_gigabyte_is_refused_and_not_read(self, tmp_path: Path) -> None:
        with (tmp_path / "file").open("wb") as file:
            file.truncate(1024 * MEGABYTE)
        with pytest.raises(MailTooLarge):
            self.read(tmp_path / "file")

    def test_what_has_no_end_or_no_beginning_is_refused(self, tmp_path: Path) -> None:
        os.mkfifo(tmp_path / "fifo")
        for path in (tmp_path / "fifo", "/dev/zero", "/dev/stdin", tmp_path):
            with pytest.raises(InvalidAttachment):
                self.read(path)

    def test_a_file_that_changes_or_vanishes_after_the_call_arrives_as_it_was(self, tmp_path: Path) -> None:
        file = tmp_path / "invoice.txt"
        file.write_text("the first text")
        with plant(tmp_path) as made:
            call = {"template": "welcome", "context": {"name": "Zoë"}, "attachments": [{"path": str(file)}]}
            changed = send_email.delay(to="a@x.example", **call).id
            file.write_text("the second text")
            vanished = send_email.delay(to="b@x.example", **call).id
            file.unlink()
            made.start_worker(slots=1)
            made.settle([changed, vanished], "sent")
            bodies = {}
            for mail in made.server.mailbox:
                (part,) = mail.message.iter_attachments()
                bodies[mail.recipients[0]] = part.get_content().strip()
            assert bodies == {"a@x.example": "the first text", "b@x.example": "the second text"}

    @pytest.mark.parametrize("becomes", ["other", "shorter", "longer", "gone", "a folder"])
    def test_a_big_file_that_changes_in_the_middle_of_the_call_is_refused_and_nothing_stays(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, becomes: str
    ) -> None:
        file, blobs = tmp_path / "big", tmp_path / "blobs"
        file.write_bytes(b"x" * MEGABYTE)
        blobs.mkdir()

        def change() -> None:  # the call was checked, and nothing of it is stored
            if becomes in ("gone", "a folder"):
                file.unlink()
            if becomes == "a folder":
                file.mkdir()
            sizes = {"other": MEGABYTE, "shorter": 1000, "longer": 2 * MEGABYTE}
            if becomes in sizes:
                file.write_bytes(b"y" * sizes[becomes])

        with plant(tmp_path, NOTIFIER_BLOBS=f"dir:{blobs}"):
            monkeypatch.setattr(gate, "ensure", change)
            with pytest.raises(InvalidAttachment, match=r"/big (was changed|cannot be read|is not a regular file)"):
                send_email.delay(
                    to="a@x.example",
                    template="welcome",
                    context={"name": "Zoë"},
                    attachments=[{"path": str(file)}],
                )
            assert [path for path in blobs.rglob("*") if path.is_file()] == []
            assert not any(runtime().store.counts("mail").values())

    def test_of_many_mails_the_one_whose_file_has_changed_is_refused(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        rows = []
        for number in range(3):
            (tmp_path / f"{number}").write_bytes(b"%d" % number * MEGABYTE)
            path = {"path": str(tmp_path / f"{number}")}
            rows.append({"to": f"{number}@x.example", "context": {"name": "Zoë"}, "attachments": [path]})
        with plant(tmp_path):
            monkeypatch.setattr(gate, "ensure", lambda: os.truncate(tmp_path / "1", 7))
            first, second, third = send_bulk(template="welcome", recipients=rows)
            assert isinstance(second.error, InvalidAttachment)
            assert [row.result is not None for row in (first, second, third)] == [True, False, True]
