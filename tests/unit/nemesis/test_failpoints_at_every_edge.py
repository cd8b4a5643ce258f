"""No edge of the ledger is without its failpoint."""

from __future__ import annotations

from pathlib import Path

import pytest
from nemesis import failpoints, stories
from nemesis.failpoints import NO_STEP_TAKES, Blow, Failpoint, Moment, Order, Orders, Seam, Struck, every_edge
from nemesis.seams import LOOKS


def test_every_edge_of_the_model_has_a_failpoint_before_and_after_it_or_a_reason_why_not() -> None:
    covered = {story.edge for story in stories.STORIES if story.edge and story.moments == tuple(Moment)}
    assert covered | NO_STEP_TAKES.keys() == every_edge()
    assert not covered & NO_STEP_TAKES.keys()


def test_every_seam_has_a_story_and_is_wrapped() -> None:
    assert {story.seam for story in stories.STORIES} == set(Seam)
    assert LOOKS.keys() == set(Seam) - {Seam.REPLY}


@pytest.mark.parametrize("where", ["IN_A_CHILD", "IN_MAIN", "OUTSIDE"])
def test_stories_stand_where_their_seams_are(where: str) -> None:
    assert {story.seam for story in getattr(stories, where)} == set(getattr(failpoints, where))


@pytest.mark.parametrize("seam", Seam)
def test_every_failpoint_gets_every_signal(seam: Seam) -> None:
    blows = Failpoint(seam, Moment.BEFORE).blows
    assert {blow.number for blow in blows} == {blow.number for blow in Blow}


def test_an_order_is_carried_out_once(tmp_path: Path) -> None:
    orders = Orders(tmp_path)
    order = Order("one", Failpoint(Seam.CLAIM, Moment.AFTER, "waiting>claimed"), Blow.TERM, ("m", "n"))
    orders.give(order)
    (read,) = orders.open()
    assert read == order
    assert read.failpoint.moment is Moment.AFTER
    assert orders.struck(order) is None
    hit = Struck(2, 1, {"m": "claimed"})
    assert [orders.take(order, hit), orders.take(order, Struck(3, 1, {}))] == [True, False]
    assert (orders.struck(order), list(orders.open())) == (hit, [])
