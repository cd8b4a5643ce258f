"""What goes through, minute by minute."""

from __future__ import annotations

from notifier.console.operator_page.pulse import KEPT, Minute, Pulse
from notifier.model.state import MailState


class Store:
    """Counts and a clock that the test moves."""

    def __init__(self) -> None:
        self.now = 600.0
        self.counts = dict.fromkeys(MailState, 0)

    def __call__(self) -> list[dict[MailState, int]]:
        return [dict(self.counts), {**self.counts, MailState.SENT: 0}]


def seen(*steps: tuple[float, int, int]) -> list[Minute]:
    """After looks at these times, with so many sent since the store began, and so many waiting."""
    store = Store()
    pulse = Pulse(store, lambda: store.now)
    for store.now, store.counts[MailState.SENT], store.counts[MailState.WAITING] in steps:
        pulse.look()
    return pulse.minutes()


def test_nothing_was_seen_at_first() -> None:
    assert seen() == []


def test_the_first_look_is_where_counting_begins() -> None:
    assert seen((600, 1000, 5)) == [Minute(600, 0, 10)]


def test_a_minute_has_what_came_since_the_one_before() -> None:
    assert seen((600, 10, 5), (610, 14, 5), (655, 20, 3), (661, 25, 0), (730, 26, 1)) == [
        Minute(600, 10, 6),
        Minute(660, 5, 0),
        Minute(720, 1, 2),
    ]


def test_a_store_that_was_wiped_is_no_negative_number() -> None:
    assert [one.sent for one in seen((600, 10, 0), (660, 0, 0))] == [0, 0]


def test_only_so_many_minutes_are_kept() -> None:
    assert len(seen(*((10.0 * number, number, 0) for number in range(1000)))) <= KEPT + 1
