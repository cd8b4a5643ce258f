"""A worker that was told to end: between two mails it stops, and inside one it goes on."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from unittest import mock

import pytest
from couriers import nobody_behind
from test_put_down_together import WAIT, Ledger, attempts, session

from notifier.delivery.attempt import Attempt
from notifier.delivery.courier import Courier
from notifier.delivery.draining import Drained
from notifier.delivery.rounds import Pace, serve
from notifier.retry import DEFAULT_TABLE
from notifier.store.base import Claim


def transact(does: Sequence[int | str], count: int) -> tuple[Ledger, dict[str, Attempt]]:
    """By a courier that drains from the beginning; what is settled, and what was left unsent."""
    ledger, mails = Ledger(), attempts(count)
    unsent = {one.claim.mail_id: one for one in mails}
    courier = Courier(
        store=ledger,  # type: ignore[arg-type]
        router=mock.Mock(),
        composer=mock.Mock(),
        limiter=mock.Mock(),
        pauses=mock.Mock(),
        table=lambda _: DEFAULT_TABLE,
        draining=lambda: True,
    )
    try:
        courier._transact(session(does), mails, unsent, nobody_behind)
    except Drained:
        return ledger, unsent
    assert not unsent, "it went on to the end"
    return ledger, unsent


def test_behind_a_mail_it_stops_and_the_next_is_unsent() -> None:
    ledger, unsent = transact([WAIT, 0, WAIT, 1], 2)
    assert (ledger.told, list(unsent)) == ([("0",)], ["1"])


def test_a_mail_that_is_begun_is_finished() -> None:
    ledger, unsent = transact([WAIT, WAIT, 0], 1)
    assert (ledger.told, unsent) == ([("0",)], {})


class Bells:
    """A store with mails without end."""

    def __init__(self) -> None:
        self.answered = 0
        self.rung: list[str] = []

    def answer(self, queue: str, bell: str, owner: str, limit: int) -> list[Claim]:
        self.answered += 1
        return [attempts(1)[0].claim]

    def ring_again(self, queue: str, bell: str) -> None:
        self.rung.append(bell)

    def renew(self, claims: Sequence[Claim]) -> None: ...


def served(store: Bells, draining: Callable[[], bool], *, useful: bool = True) -> bool:
    courier = mock.Mock()
    courier.deliver.return_value = useful
    return serve(
        "mail",
        "bell",
        store=store,  # type: ignore[arg-type]
        courier=courier,
        owner="worker-1",
        pace=Pace(1),
        time_slice=3600.0,
        renew_every=60.0,
        draining=draining,
    )


@pytest.mark.parametrize("useful", [True, False], ids=["sent", "handed back"])
def test_a_slot_that_has_a_batch_when_the_worker_is_told_to_end_rings_for_the_rest(useful: bool) -> None:
    store = Bells()
    assert served(store, lambda: store.answered > 0, useful=useful)
    assert (store.answered, store.rung) == (1, ["bell"])


def test_a_bell_that_comes_later_is_not_answered_and_does_not_go_in_circles() -> None:
    store = Bells()
    assert not served(store, lambda: True)
    assert (store.answered, store.rung) == (0, [])
