from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from notifier.bounces import Taken
from notifier.bounces.receiver import MOST_CONNECTIONS, Receiver
from notifier.errors import ConfigurationError, StoreUnavailable

ENVELOPE = b"LHLO a\r\nMAIL FROM:<>\r\nRCPT TO:<one@b>\r\nRCPT TO:<two@b>\r\nDATA\r\n"


class Heard:
    """A desk whose store is away for some."""

    def __init__(self) -> None:
        self.taken: list[tuple[bytes, str]] = []

    def knows(self, path: str) -> bool:
        return True

    def take(self, octets: bytes, *, to: str = "") -> list[Taken]:
        if to == "two@b":
            raise StoreUnavailable("it has gone away")
        if b"broken" in octets:
            raise RuntimeError("a fault of ours")
        self.taken.append((octets, to))
        return []


@contextmanager
def listening(address: Any, desk: Heard, **options: Any) -> Iterator[Receiver]:
    made = Receiver(address, lambda: desk, **options)
    thread = threading.Thread(target=made.serve)
    thread.start()
    try:
        yield made
    finally:
        made.stop()
        thread.join(30)
        assert not thread.is_alive()


@contextmanager
def connected(receiver: Receiver) -> Iterator[Callable[[], str]]:
    with socket.create_connection(("127.0.0.1", receiver.port), 30) as connection, connection.makefile("rb") as lines:
        connection.sendall(b"")

        def reply() -> str:
            while (line := lines.readline().decode())[3:4] == "-":
                pass
            return line.strip()

        reply.send = connection.sendall  # type: ignore[attr-defined]
        yield reply


def test_each_recipient_has_a_reply_of_his_own() -> None:
    desk = Heard()
    with listening(("127.0.0.1", 0), desk) as made, connected(made) as reply:
        reply.send(ENVELOPE)
        assert [reply()[:3] for _ in range(6)] == ["220", "250", "250", "250", "250", "354"]
        reply.send(b"Subject: x\r\n\r\n.\r\nNOOP\r\n")
        assert [reply()[:9] for _ in range(3)] == ["250 2.0.0", "451 4.3.0", "250 2.0.0"]
    assert desk.taken == [(b"Subject: x\r\n\r\n", "one@b")]


def test_a_fault_of_ours_is_no_reason_to_lose_a_report() -> None:
    with listening(("127.0.0.1", 0), Heard()) as made, connected(made) as reply:
        reply.send(ENVELOPE + b"broken\r\n.\r\n")
        assert [reply()[:3] for _ in range(8)][-2:] == ["451", "451"]


def test_whoever_is_silent_is_shown_out() -> None:
    with listening(("127.0.0.1", 0), Heard(), patience=0.05) as made, connected(made) as reply:
        assert [reply()[:9] for _ in range(2)][1] == "421 4.4.2"
        assert reply() == ""


def test_so_many_may_talk_at_once_and_the_next_is_told_to_come_again() -> None:
    with listening(("127.0.0.1", 0), Heard()) as made:
        held = [socket.create_connection(("127.0.0.1", made.port), 30) for _ in range(MOST_CONNECTIONS)]
        assert {one.recv(3) for one in held} == {b"220"}
        with connected(made) as reply:
            assert reply()[:9] == "421 4.3.2"
        for one in held:
            one.close()


def test_where_the_system_has_no_room_for_a_thread_the_next_is_told_to_come_again() -> None:
    with listening(("127.0.0.1", 0), Heard()) as made:
        before = threading.stack_size(1 << 47)  # more than an address space has
        try:
            with connected(made) as reply:
                assert reply()[:9] == "421 4.3.2"
        finally:
            threading.stack_size(before)
        with connected(made) as reply:
            assert reply()[:3] == "220"


def test_a_receiver_that_ends_says_so_to_those_who_wait() -> None:
    with listening(("127.0.0.1", 0), Heard()) as made, connected(made) as reply:
        assert reply()[:3] == "220"
        made.stop()
        assert reply()[:9] == "421 4.3.2"


def test_a_socket_that_nobody_listens_at_is_taken_over_and_another_file_stays(tmp_path: Path) -> None:
    left, file = tmp_path / "left", tmp_path / "file"
    with socket.socket(socket.AF_UNIX) as one:
        one.bind(str(left))
    file.write_text("somebody's")
    with listening(str(left), Heard(), mode=0o600):
        assert left.stat().st_mode & 0o777 == 0o600
        with pytest.raises(ConfigurationError, match="cannot listen"):
            Receiver(str(left), Heard)
    assert not left.exists()
    with pytest.raises(ConfigurationError, match="cannot listen"):
        Receiver(str(file), Heard)
    assert file.read_text() == "somebody's"
