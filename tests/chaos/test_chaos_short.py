"""`make chaos` in short: some failpoints, some storms, the same checker. The whole run takes its quarter of an hour.

Killed stores and frozen workers are in `test_killed_workers.py`.
"""

from __future__ import annotations

import math

from nemesis.failpoints import Blow, Seam
from nemesis.lane import CALLS, Round, every_round, lane
from nemesis.report import Row, failures
from nemesis.storms import killed_workers

STEPS = (Seam.CLAIM, Seam.BEGIN_DOT, Seam.REPLY, Seam.SETTLE)
WAY = ("waiting>claimed", "claimed>at_dot", "", "at_dot>sent")


def good(row: Row) -> Row:
    """Nothing lost, nothing doubled, every failpoint reached."""
    assert failures([row], every_state=False) == []
    assert row.account.accepted > 0
    return row


def chosen(one: Round) -> bool:
    """kill -9 at each step of a mail's way, and of who enqueues or cancels one."""
    on_its_way = one.failpoint.seam in STEPS and one.failpoint.edge in WAY
    return one.blow is Blow.KILL and (on_its_way or one.failpoint.seam in (Seam.ADD, Seam.CANCEL))


def test_who_is_killed_at_a_step_of_a_mails_way_loses_and_doubles_nothing() -> None:
    rounds = [one for one in every_round() if chosen(one)]
    with lane("failpoints") as made:
        row = good(made.run(rounds, ends_at=math.inf))
    assert len(rounds) == 7 + 4
    assert row.blows == 7 + 4 * CALLS
    assert set(row.hits) == {"waiting", "claimed", "at_dot", "sent", "cancelled"}
    assert row.account.unknown > 0, "some were killed between the dot and its settlement"


def test_whole_workers_killed_with_a_bell_in_the_window_and_in_mid_run() -> None:
    good(killed_workers(rounds=2, windows=1, rate=100))
