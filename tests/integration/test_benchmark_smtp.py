"""The benchmark of SMTP clients: its table has its rows, and no figure stands for mail that did not arrive."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
import threading
import time
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from sinks import ENVELOPE, converse, running_sink, stuffed
from workers import TOP

from benchmarks.smtp import __main__ as program
from benchmarks.smtp import rounds
from benchmarks.smtp import sink as sinks
from benchmarks.smtp.delay import Delay
from benchmarks.smtp.load import SIZE, Expected, Load
from benchmarks.smtp.peers import PEERS, Peer
from benchmarks.smtp.report import report
from benchmarks.smtp.rounds import Bench, Plan
from benchmarks.smtp.sink import Received, Sink

TIMEOUT = 180
BODIES = (
    b"",
    b"x\r\n",
    b".\r\n",
    b"..\r\n.\r\n",
    b".\rx\r\n\r\n.\r\n",
    b"a\r\r\n.\rb\r\n...\r\n",
    b"a\n.\nb\r\n",
    b"a line\r\n.and one with a dot\r\n" * 20,
    bytes(octet for octet in range(256) if octet not in b"\r\n") + b"\r\n",
)


@pytest.fixture
def sink() -> Iterator[Sink]:
    with running_sink() as running:
        yield running


def expected(bodies: tuple[bytes, ...]) -> Expected:
    return Expected(len(bodies), sum(zlib.crc32(body) + len(body) for body in bodies))


# the table --------------------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("sink")
def test_a_quick_run_writes_a_row_for_every_client_and_no_mail_is_missing(tmp_path: Path) -> None:
    page = tmp_path / "results.md"
    command = [sys.executable, "-m", "benchmarks.smtp", "--quick", "--output", str(page)]
    done = subprocess.run(command, cwd=TOP, capture_output=True, text=True, timeout=TIMEOUT, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    text = page.read_text()
    assert "mismatch" not in text
    for peer in PEERS:
        rows = [line for line in text.splitlines() if line.startswith(f"| {peer.name} |")]
        assert len(rows) == 2, f"{peer.name}: on loopback and with a round trip"
        assert all(re.search(r"\| [\d,.]+ \||no figure: (it is not installed|there is no node)", row) for row in rows)


class Forger(Peer):
    """Sends as many mails as it was told, but others."""

    def command(self, port: int, load: Load) -> tuple[list[str], str]:
        return super().command(port, replace(load, first=load.first + 1))


class Loser(Peer):
    """Sends a mail too few."""

    def command(self, port: int, load: Load) -> tuple[list[str], str]:
        return super().command(port, replace(load, count=load.count - 1))


@pytest.mark.parametrize(
    ("kind", "words"),
    [(Forger, "the sink has other octets than were to be sent"), (Loser, "the sink has 9 mails of 10")],
)
def test_a_client_whose_mails_did_not_all_arrive_has_no_figure(
    sink: Sink, monkeypatch: pytest.MonkeyPatch, kind: type[Peer], words: str
) -> None:
    monkeypatch.setattr(rounds, "PEERS", (kind("smtplib", "a client in error"), Peer("socket-data", "another")))
    plan = Plan(10, 2)
    told: list[str] = []
    table = Bench(sink, {}, told.append).measure(plan)
    text = report(plan, table, {}, [], [])
    assert f"| a client in error | – | no figure: mismatch: {words} | | | | |" in text
    assert told[0] == f"smtplib: mismatch: {words}"
    assert re.search(r"\| another \| DATA \| [\d,]+ \|", text), "the other goes on"


@pytest.mark.usefixtures("sink")
def test_a_client_that_fails_is_told_with_its_last_words(monkeypatch: pytest.MonkeyPatch, sink: Sink) -> None:
    monkeypatch.setattr(rounds, "PEERS", (Peer("nobody", "nobody"),))
    (one,) = Bench(sink, {}, lambda _: None).measure(Plan(10, 1))
    assert one.trouble == "it failed: KeyError: 'nobody'"


def test_without_a_compiler_there_is_a_sentence_and_an_exit_code(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sinks, "CACHE", tmp_path)
    monkeypatch.setenv("CC", "no-such-compiler")
    monkeypatch.setattr(sys, "argv", ["benchmarks.smtp", "--quick"])
    assert program.main() == os.EX_UNAVAILABLE
    assert "there is no compiler here" in capsys.readouterr().err


def test_no_two_mails_of_a_run_are_alike_and_each_has_its_size() -> None:
    messages = [*Load(1, 100).messages(), *Load(101, 100).messages()]
    assert len(set(messages)) == 200
    assert {len(message) for message in messages} == {SIZE}
    assert all(message.endswith(b"\r\n") and b"\r\n." in message for message in messages)


# the sink ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("step", [1, 2, 3, 5, 7, 64, 1_000_000])
def test_the_sink_unstuffs_and_hashes_data_wherever_the_reads_are_cut(sink: Sink, step: int) -> None:
    mails = b"".join(ENVELOPE + b"DATA\r\n" + stuffed(body) for body in BODIES)
    replies = converse(sink.plain_port, b"EHLO x\r\n" + mails + b"QUIT\r\n", step)
    assert replies.count(b"\r\n250 2.0.0 Accepted\r\n") == len(BODIES)
    assert sink.received() == Received(*_pair(expected(BODIES)), by_bdat=0)


@pytest.mark.parametrize("step", [1, 7, 1_000_000])
def test_the_sink_takes_a_mail_in_several_chunks(sink: Sink, step: int) -> None:
    mails = b"".join(
        ENVELOPE + b"BDAT 0\r\nBDAT %d\r\n%bBDAT %d LAST\r\n%b" % (len(body) // 2, body[: len(body) // 2],
                                                           len(body) - len(body) // 2, body[len(body) // 2 :])
        for body in BODIES
    )  # fmt: skip
    replies = converse(sink.port, b"EHLO x\r\n" + mails + b"QUIT\r\n", step)
    assert replies.count(b"250 2.0.0 Accepted\r\n") == len(BODIES)
    assert sink.received() == Received(*_pair(expected(BODIES)), by_bdat=len(BODIES))


def _pair(value: Expected) -> tuple[int, int]:
    return value.mails, value.sum


def test_the_sink_counts_nothing_that_was_broken_off_or_came_out_of_turn(sink: Sink) -> None:
    octets = ENVELOPE + b"RSET\r\nDATA\r\nBDAT 3 LAST\r\nx\r\nMAIL FROM:<>\r\nBDAT 3 LAST\r\nx\r\nQUIT\r\n"
    replies = converse(sink.port, b"EHLO x\r\n" + octets, 1000)
    assert replies.count(b"503 ") == 3
    converse(sink.plain_port, ENVELOPE + b"BDAT 3 LAST\r\nx\r\nQUIT\r\n", 1000)
    with socket.create_connection(("127.0.0.1", sink.plain_port)) as client:
        client.sendall(ENVELOPE + b"DATA\r\nhalf a mail\r\n")
    assert sink.received() == Received(0, 0, 0)


def test_only_one_port_offers_chunking(sink: Sink) -> None:
    assert b"250-CHUNKING\r\n" in converse(sink.port, b"EHLO x\r\nQUIT\r\n", 100)
    assert b"CHUNKING" not in converse(sink.plain_port, b"EHLO x\r\nQUIT\r\n", 100)


def test_the_sink_waits_for_a_client_that_does_not_read(sink: Sink) -> None:
    count = 500_000
    with socket.create_connection(("127.0.0.1", sink.port), timeout=30) as client:
        writer = threading.Thread(target=client.sendall, args=(b"NOOP\r\n" * count + b"QUIT\r\n",))
        writer.start()
        assert sink.received().mails == 0, "and serves others meanwhile"
        with client.makefile("rb") as replies:
            found = replies.read()
        writer.join()
    assert found.count(b"250 2.0.0 OK\r\n") == count


# the round trip ---------------------------------------------------------------------------------------------------


@contextmanager
def delayed(port: int, round_trip: float) -> Iterator[int]:
    proxy = Delay(("127.0.0.1", port), round_trip)
    reading, writing = os.pipe()
    thread = threading.Thread(target=proxy.run, args=(reading,))
    thread.start()
    try:
        yield proxy.port
    finally:
        os.close(writing)
        thread.join()
        os.close(reading)
        proxy.close()


def test_what_goes_through_the_proxy_arrives_in_order_and_not_before_its_time(sink: Sink) -> None:
    mails = b"".join(ENVELOPE + b"DATA\r\n" + stuffed(body) for body in BODIES)
    with delayed(sink.plain_port, 0.05) as port:
        began = time.monotonic()
        replies = converse(port, b"EHLO x\r\n" + mails + b"QUIT\r\n", 100)
        took = time.monotonic() - began
    assert replies.endswith(b"221 2.0.0 Bye\r\n"), "the end comes behind what was said before it"
    assert sink.received() == Received(*_pair(expected(BODIES)), by_bdat=0)
    assert took >= 0.1, "two round trips to the greeting, and all else rode on its way"


def test_the_proxy_carries_more_than_its_sockets_hold(sink: Sink) -> None:
    body = b"y" * 20_000_000
    with delayed(sink.port, 0.002) as port:
        replies = converse(port, ENVELOPE + b"BDAT %d LAST\r\n%bQUIT\r\n" % (len(body), body), 1_000_000)
    assert replies.count(b"250 2.0.0 Accepted") == 1
    assert sink.received() == Received(*_pair(expected((body,))), by_bdat=1)
