"""The benchmark from end to end: its tables have their rows, no figure stands for mail that is not right, and the page of all."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable
from email.message import EmailMessage
from pathlib import Path

import pytest
from sinks import ENVELOPE, converse, running_sink, stuffed
from workers import TOP

from benchmarks import summary
from benchmarks.compose.jinja import rendered
from benchmarks.end_to_end import cases
from benchmarks.end_to_end.bars import bars
from benchmarks.end_to_end.cases import SINGLES
from benchmarks.end_to_end.drain import Measured, Run
from benchmarks.end_to_end.found import REPLICAS, TEMPLATES, USED_TEMPLATES, WAITING, Found
from benchmarks.end_to_end.mails import IMAGE, SENDER, TEMPLATE, context, recipient
from benchmarks.end_to_end.received import Mismatch, check
from benchmarks.end_to_end.targets import targets
from benchmarks.scale.plot import plot
from benchmarks.smtp.sink import Kept

TIMEOUT = 580  # seconds; it takes one and a half minutes where nothing else runs


@pytest.mark.timeout(600)
def test_a_quick_run_writes_every_part_with_a_figure_for_everybody(tmp_path: Path) -> None:
    with running_sink():
        pass  # there is something to build it with
    page = tmp_path / "RESULTS.md"
    command = [sys.executable, "-m", "benchmarks.end_to_end", "--quick", "--output", str(page)]
    done = subprocess.run(command, cwd=TOP, capture_output=True, text=True, timeout=TIMEOUT, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    text = page.read_text()
    for name in (*cases.drained(1, 1, 1), *cases.far(1, 1)):
        assert re.search(rf"^\| {re.escape(name)} \| \d+ \| [\d,]+ \|", text, re.MULTILINE), name
    for part in ("Light load", "Enqueueing", "A relay 100 ms away", "Memory", "Start", "Growth", "STARTTLS"):
        assert re.search(rf"^## {part}\n(?:(?!## ).*\n)*\|", text, re.MULTILINE), part
    assert "not measured" not in text
    assert (tmp_path / "drained.svg").read_text().startswith("<svg ")


def mail(number: int, **other: str) -> Kept:
    """As a peer sends it. ``other``: what is not as it should be."""
    subject, text, html = rendered(TEMPLATE, context(number), image=IMAGE)
    message = EmailMessage()
    message["From"], message["To"] = SENDER, recipient(number)
    message["Subject"], message["Date"] = other.get("subject", subject), f"Mon, 02 Jun 2025 10:00:{number:02d} +0000"
    message.set_content(other.get("text", text), cte="quoted-printable")
    message.add_alternative(other.get("html", html), subtype="html", cte="quoted-printable")
    return Kept(float(number), other.get("recipient", recipient(number)), message.as_bytes().replace(b"\n", b"\r\n"))


def test_mails_that_differ_in_what_is_their_own_are_right() -> None:
    assert check([mail(2), mail(1), mail(3)], range(1, 4)) == {2: 2.0, 1: 1.0, 3: 3.0}


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda: [mail(1), mail(2)], "1 of 3 mails did not come"),
        (lambda: [mail(1), mail(2), mail(2)], "nobody waits for, or twice"),
        (lambda: [mail(1), mail(2), mail(4)], "nobody waits for"),
        (lambda: [mail(1, subject="Another"), mail(2), mail(3)], "another subject than its template"),
        (lambda: [mail(1), mail(2, text="Another"), mail(3)], "other octets than the first"),
        (lambda: [mail(1), mail(2, recipient=recipient(3)), mail(3)], "other octets|or twice"),
        (lambda: [mail(1), mail(2), mail(3, html=rendered(TEMPLATE, context(2), image=IMAGE)[2])], "other octets"),
    ],
)
def test_a_mail_that_is_missing_or_doubled_or_other_leaves_no_figure(
    spoil: Callable[[], list[Kept]], said: str
) -> None:
    with pytest.raises(Mismatch, match=said):
        check(spoil(), range(1, 4))


def test_the_sink_keeps_what_it_takes_with_its_recipient_until_it_is_reset() -> None:
    with running_sink() as sink:
        sink.keep()
        for port, octets in (
            (sink.plain_port, ENVELOPE + b"DATA\r\n" + stuffed(b".one\r\n")),
            (sink.port, ENVELOPE + b"BDAT 5\r\ntwo\r\nBDAT 0 LAST\r\n"),
        ):
            converse(port, b"HELO x\r\n" + octets + b"QUIT\r\n", step=7)
        first, second = sink.kept()
        assert (first.octets, second.octets) == (b".one\r\n", b"two\r\n")
        assert (first.recipient, first.at <= second.at) == ("r@x.example", True)
        sink.reset()
        converse(
            sink.plain_port, b"HELO x\r\n" + ENVELOPE + b"DATA\r\n" + stuffed(b"three\r\n") + b"QUIT\r\n", step=100
        )
        assert list(sink.kept()) == []


def test_a_target_is_kept_by_the_median_of_the_ratios_within_each_round() -> None:
    found = Found()
    plan = cases.drained(1, 1, 1)
    for name, rates in ((SINGLES, (900.0, 800.0, 100.0)), (cases.DJANGO_EACH, (100.0, 100.0, 100.0))):
        found.drained[name] = Measured(plan[name], [Run(rate, 1.0, 1.0, 1.0, (1, 1)) for rate in rates])
    rows = {one.work: one for one in targets(found)}
    kept = rows[f"{SINGLES}: drained, beside django-celery-email"]
    assert (kept.found, kept.kept) == ("8 times", True)
    assert rows[f"{SINGLES}: drained, beside {cases.NO_TASKS}"].kept is None


def test_bars_have_the_length_of_their_figures() -> None:
    drawn = bars({"**Notifier** <a>": 100.0, "others": 50.0}, "a & b")
    widths = [float(width) for width in re.findall(r'width="([\d.]+)" height="18"', drawn)]
    assert widths == [310.0, 155.0]
    assert "Notifier &lt;a&gt;" in drawn


def test_the_page_of_all_takes_its_rows_from_the_programs_pages() -> None:
    page = summary.summary()
    assert re.search(r"^\| a million deferred mails.*\| at most 1 MB \| [\d.]+ MB \| yes \|$", page, re.MULTILINE)
    for program in summary.PROGRAMS:
        assert program.what in page


def test_every_kind_of_growth_has_a_colour_of_its_own() -> None:
    kinds = (WAITING, REPLICAS, TEMPLATES, USED_TEMPLATES)
    drawn = plot({kind: [(1.0, 2.0), (10.0, 3.0)] for kind in kinds})
    assert all(f">{kind}</text>" in drawn for kind in kinds)
    assert len(set(re.findall(r'stroke="(#\w{6})"', drawn))) == len(kinds)
