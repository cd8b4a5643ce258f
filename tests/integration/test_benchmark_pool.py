"""The benchmark of the pool: its tables have their rows, and no figure stands for mail that did not arrive."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from sinks import ENVELOPE, converse, running_sink, stuffed
from workers import TOP

from benchmarks.pool import __main__ as program
from benchmarks.pool import rounds
from benchmarks.pool.dead import TENTH
from benchmarks.pool.report import CROWDS, WAYS
from benchmarks.pool.rounds import KEEPS, RELAYS, Bench, Case
from benchmarks.smtp import sink as sinks
from benchmarks.smtp.sink import Sink

TIMEOUT = 180
MAIL = ENVELOPE + b"DATA\r\n" + stuffed(b"x\r\n")
ACCEPTED = b"\r\n250 2.0.0 Accepted\r\n"


@pytest.fixture
def sink() -> Iterator[Sink]:
    with running_sink() as running:
        yield running


@pytest.mark.usefixtures("sink")
def test_a_quick_run_writes_every_row_and_no_mail_is_missing(tmp_path: Path) -> None:
    page = tmp_path / "results.md"
    command = [sys.executable, "-m", "benchmarks.pool", "--quick", "--output", str(page)]
    done = subprocess.run(command, cwd=TOP, capture_output=True, text=True, timeout=TIMEOUT, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    text = page.read_text()
    assert re.search(r"^\| checkout and return \| [\d.]+ \| [\d.]+–[\d.]+ \| [\d.]+ \|", text, re.MULTILINE), (
        "the checkout"
    )
    for way in CROWDS:
        assert re.search(rf"^\| {way} \| [\d,]+ \|", text, re.MULTILINE)
    for way in WAYS:
        for relay in RELAYS:
            assert re.search(rf"^\| {way} \| {relay} \| [\d,]+ \|", text, re.MULTILINE)
    for kind in TENTH:
        assert re.search(rf"^\| {kind} \| [\d,]+ \|", text, re.MULTILINE)
    assert "no figure" not in text


def test_mails_that_did_not_arrive_have_no_figure(sink: Sink, monkeypatch: pytest.MonkeyPatch) -> None:
    output = rounds._output

    def forged(case: Case, first: int, count: int, ports: Sequence[int]) -> str:
        return output(case, first + 1, count, ports)

    monkeypatch.setattr(rounds, "_output", forged)
    told: list[str] = []
    (one,) = Bench({KEEPS: sink}, told.append).measure([(Case("relays"), 10)], 2).values()
    assert one.trouble == "mismatch: the sink has other octets than were to be sent"
    assert one.runs == []
    assert told[1].endswith(one.trouble)


def test_a_story_that_fails_is_told_with_its_last_words(sink: Sink) -> None:
    (one,) = Bench({KEEPS: sink}, lambda _: None).measure([(Case("nobody's"), 10)], 1).values()
    assert one.trouble == 'it failed: KeyError: "nobody\'s"'


def test_without_a_compiler_there_is_a_sentence_and_an_exit_code(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sinks, "CACHE", tmp_path)
    monkeypatch.setenv("CC", "no-such-compiler")
    monkeypatch.setattr(sys, "argv", ["benchmarks.pool", "--quick"])
    monkeypatch.setattr(program.cores, "keep_for_clients", lambda: None)
    assert program.main() == os.EX_UNAVAILABLE
    assert "there is no compiler here" in capsys.readouterr().err


# the relay that ends connections ------------------------------------------------------------------------------------


def test_the_sink_leaves_without_a_word_behind_so_many_mails(sink: Sink) -> None:
    sink.drop_after(2)
    replies = converse(sink.plain_port, b"EHLO x\r\n" + MAIL * 3, 1_000_000)
    assert replies.count(ACCEPTED) == 2
    assert replies.endswith(ACCEPTED)
    assert sink.received().mails == 2


def test_the_sink_says_421_for_the_next_mail(sink: Sink) -> None:
    sink.drop_after(2, said=True)
    replies = converse(sink.plain_port, b"EHLO x\r\n" + MAIL * 2 + ENVELOPE, 1_000_000)
    assert replies.endswith(ACCEPTED + b"421 4.7.0 Enough mails for one connection\r\n")


def test_the_sink_keeps_connections_again(sink: Sink) -> None:
    sink.drop_after(2)
    sink.drop_after(0)
    assert converse(sink.plain_port, b"EHLO x\r\n" + MAIL * 3 + b"QUIT\r\n", 1_000_000).count(ACCEPTED) == 3
