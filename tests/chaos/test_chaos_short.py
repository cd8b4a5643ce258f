"""`make chaos` in short: some failpoints, some storms, the same checker. The whole run takes its quarter of an hour."""

from __future__ import annotations

import time

from nemesis.failpoints import Blow, Moment, Seam
from nemesis.lane import every_round, lane
from nemesis.report import Row, failures
from nemesis.storms import frozen_workers, killed_store, killed_workers

SOME = (Seam.CLAIM, Seam.BEGIN_DOT, Seam.REPLY, Seam.SETTLE)


def good(row: Row) -> Row:
    """Nothing lost, nothing doubled, every failpoint reached."""
    assert failures([row], every_state=False) == []
    assert row.account.accepted > 0
    return row


def test_a_child_killed_at_each_step_of_a_mails_way_loses_and_doubles_nothing() -> None:
    way = ("waiting>claimed", "claimed>at_dot", "", "at_dot>sent")
    rounds = [
        one
        for one in every_round()
        if one.failpoint.seam in SOME and one.failpoint.edge in way and one.blow is Blow.KILL
    ]
    with lane("failpoints") as made:
        row = good(made.run(rounds, time.monotonic() + 120))
    assert row.blows == len(rounds) == 7
    assert set(row.hits) == {"waiting", "claimed", "at_dot", "sent"}
    assert row.account.unknown > 0, "some were killed between the dot and its settlement"


def test_people_and_applications_that_are_killed_say_it_again_and_nothing_is_doubled() -> None:
    rounds = [
        one
        for one in every_round()
        if one.failpoint.seam in (Seam.ADD, Seam.CANCEL)
        and one.blow in (Blow.KILL, Blow.TERM)
        and one.failpoint.moment is Moment.AFTER
    ]
    with lane("outsiders") as made:
        good(made.run(rounds, time.monotonic() + 120))


def test_whole_workers_killed_with_a_bell_in_the_window_and_in_mid_run() -> None:
    good(killed_workers(rounds=3, windows=1, rate=100))


def test_a_killed_store() -> None:
    good(killed_store(rounds=1))


def test_a_frozen_worker() -> None:
    good(frozen_workers(rounds=1))
