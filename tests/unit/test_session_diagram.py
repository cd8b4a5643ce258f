"""What the page about the protocol says of its picture, asked of the dialogues and the tables that it is drawn from."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from notifier.errors import ErrorClass, Phase
from notifier.protocol.taxonomy import LOSSES, ROWS, RULES

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from docs.reference.dialogues import COMMIT, DEAD, READY, Answer, edges

pytestmark = pytest.mark.unit


def test_every_loss_and_every_421_ends_the_connection() -> None:
    ways = {(one, by, to) for one, by, to in edges() if by in {Answer.LOST, Answer.CLOSING}}
    assert {to for _, _, to in ways} == {DEAD}
    awaited = set(Phase) - {Phase.DNS, Phase.CONNECT, Phase.BODY, Phase.QUIT}
    assert awaited <= {one for one, by, _ in ways if by is Answer.LOST}


def test_only_the_final_reply_makes_an_unknown() -> None:
    unknown = ErrorClass.UNKNOWN
    assert {rule.phase for rule in RULES if ROWS[rule.row].error_class is unknown} == {Phase.FINAL_REPLY}
    assert {phase for (phase, _), row in LOSSES.items() if ROWS[row].error_class is unknown} == {Phase.FINAL_REPLY}


@pytest.mark.long
def test_the_ledger_is_told_before_every_final_reply_and_of_nothing_else() -> None:
    assert {one for one, _, to in edges() if to == Phase.FINAL_REPLY} == {COMMIT}
    assert {to for one, _, to in edges() if one == COMMIT} == {Phase.FINAL_REPLY}


@pytest.mark.long
def test_no_refusal_before_the_first_mail_is_gone_on_from() -> None:
    before = {Phase.GREETING, Phase.EHLO, Phase.STARTTLS, Phase.AUTH}
    refusals = {Answer.TRANSIENT, Answer.PERMANENT}
    assert {to for one, by, to in edges() if one in before and by in refusals} == {DEAD}
    assert READY in {to for one, by, to in edges() if one == Phase.AUTH and by is Answer.POSITIVE}
