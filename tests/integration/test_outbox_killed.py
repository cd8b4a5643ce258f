"""Requests and sweepers that are killed at any point, on SQLite and on PostgreSQL, with a real worker, a real store and a catching server."""

from __future__ import annotations

import pytest
from shops import Shop


def test_what_is_committed_is_sent_once_and_what_is_rolled_back_never_was(busy_shop: Shop) -> None:
    busy_shop.call("order", number="rolled back", rolls_back=True)
    mail_id = busy_shop.order("committed")
    busy_shop.made.settle([mail_id], "sent")  # handed over by the request: nobody has swept
    busy_shop.sent_once("rolled back", mails=0)
    busy_shop.sent_once("committed")
    row = busy_shop.rows()[mail_id]
    assert (row["state"], row["payload"], row["hand_overs"]) == ("settled", False, 1)


@pytest.mark.parametrize("kill", ["written", "committed", "asked", "handed over", "marked"])
def test_a_request_killed_at_any_point_sends_once_what_it_has_committed(busy_shop: Shop, kill: str) -> None:
    busy_shop.killed("order", kill, number=f"request {kill}")
    busy_shop.sent_once(f"request {kill}", mails=int(kill != "written"))


@pytest.mark.parametrize(
    ("kill", "mail_class"),
    [
        *((kill, "transactional") for kill in ("taken", "asked", "handed over", "marked", "learned", "settled")),
        *((kill, "bulk") for kill in ("asked", "handed over", "marked")),
    ],
)
def test_43_a_sweeper_killed_at_any_point_doubles_nothing(busy_shop: Shop, kill: str, mail_class: str) -> None:
    """Mail that may go only once is no exception: the row says to which ledger it was handed over, before it is."""
    number = f"{mail_class} {kill}"
    busy_shop.killed("order", "committed", number=number, mail_class=mail_class)
    if kill in ("learned", "settled"):
        busy_shop.sweep()
        busy_shop.made.settle(list(busy_shop.mails_of(number)), "sent")
    busy_shop.call("forward")
    busy_shop.killed("sweep", kill)
    busy_shop.sent_once(number)
