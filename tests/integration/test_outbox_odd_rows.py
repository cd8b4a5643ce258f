"""What cannot be handed over, and what is handed over at an odd moment: on SQLite, with a real store and no worker."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from shops import Shop, shop_with

BILL = "U2l4dGVlbg=="  # base64


@pytest.fixture(scope="module")
def small_shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    """Its store takes a megabyte of attachments."""
    with shop_with(tmp_path_factory.mktemp("odd"), NOTIFIER_BLOBS="redis:1MB") as opened:
        yield opened


def left(opened: Shop, number: str, **arguments: Any) -> str:
    """The id of a mail that its request has not handed over."""
    before = opened.rows()
    opened.killed("order", "committed", number=number, **arguments)
    (mail_id,) = opened.rows().keys() - before.keys()
    return str(mail_id)


@pytest.mark.parametrize(
    ("state", "why", "edited"),
    [
        ("held", "UnicodeDecodeError", {"payload": "\xc3("}),
        ("held", "RecursionError", {"payload": '{"v":' + "[" * 100_000}),
        ("held", "in the database are others", {"octets": "another bill"}),
    ],
    ids=["no UTF-8", "too deep", "another attachment"],
)
def test_a_row_that_somebody_has_edited_is_held_and_keeps_no_others(
    small_shop: Shop, state: str, why: str, edited: dict[str, str]
) -> None:
    odd, other = left(small_shop, f"odd {why}", attach=BILL), left(small_shop, f"other {why}")
    small_shop.call("edit", mail_id=odd, **edited)
    small_shop.sweep()
    rows = small_shop.rows()
    assert (rows[odd]["state"], rows[other]["state"]) == (state, "handed_over")
    assert why in rows[odd]["why"]


def test_a_mail_of_a_class_that_the_settings_have_lost_waits_for_it_and_keeps_no_others(small_shop: Shop) -> None:
    odd, other = left(small_shop, "classless"), left(small_shop, "of a class")
    small_shop.call("of_another_class", mail_id=odd, mail_class="campaign")
    small_shop.sweep()
    rows = small_shop.rows()
    assert (rows[odd]["state"], rows[other]["state"]) == ("open", "handed_over")
    assert "'campaign' is not in the settings" in rows[odd]["why"]
    small_shop.call("edit", mail_id=odd, state="held")
    assert "of the class 'campaign'" in small_shop.call("decided_twice", mail_id=odd)["error"]
    small_shop.call("of_another_class", mail_id=odd, mail_class="transactional")
    small_shop.call("edit", mail_id=odd, state="open")
    small_shop.sweep()
    assert small_shop.rows()[odd]["state"] == "handed_over"


def test_a_mail_for_which_the_store_has_no_room_keeps_no_others(small_shop: Shop) -> None:
    big = left(small_shop, "big", attach="A" * 2_000_000)
    others = [left(small_shop, f"small {number}", attach=BILL) for number in range(2)]
    assert "error" not in small_shop.sweep()
    rows = small_shop.rows()
    assert [rows[one]["state"] for one in (big, *others)] == ["open", "handed_over", "handed_over"]
    assert "has no room in the store" in rows[big]["why"]
    small_shop.call("edit", mail_id=big, state="held")


def test_what_rows_hold_is_read_in_portions_and_what_they_share_is_counted_once(small_shop: Shop) -> None:
    left(small_shop, "a", attach="A" * 400_000)
    left(small_shop, "b", attach=BILL)
    small_shop.killed("order", "committed", number="c", attach="B" * 120_000, count=3)
    found = small_shop.call("portions", octets=110_000)["portions"]
    assert found == [[[300_000]], [[7], [90_000], [90_000], [90_000]]]
    small_shop.sweep()


def test_calls_of_one_transaction_are_handed_over_together_and_a_campaign_is_the_sweepers(small_shop: Shop) -> None:
    """As a loop of ``send_mail`` makes them: a request that hands each over by itself would take minutes for them."""
    assert small_shop.call("handed_over", number="loop", count=20, apart="calls")["steps"] == [20]
    found = small_shop.call("handed_over", number="campaign", count=103, apart="calls")
    assert found["steps"] == [100]
    rows = small_shop.rows()
    assert sorted(rows[one]["state"] for one in found["ids"]) == ["handed_over"] * 100 + ["open"] * 3


def test_a_savepoint_that_is_taken_back_takes_its_mails_along(small_shop: Shop) -> None:
    found = small_shop.call("handed_over", number="savepoints", count=3, apart="savepoints")
    assert (found["steps"], found["ids"][2] in small_shop.rows()) == ([1, 1], False)


def test_who_commits_by_hand_leaves_his_mails_to_the_sweeper(small_shop: Shop) -> None:
    (mail_id,) = small_shop.call("by_hand", number="byhand")["ids"]
    assert small_shop.rows()[mail_id]["state"] == "open"
    small_shop.sweep()
    assert small_shop.rows()[mail_id]["state"] == "handed_over"


def test_of_two_people_who_decide_at_once_the_first_one_has(small_shop: Shop) -> None:
    mail_id = left(small_shop, "decided twice")
    small_shop.call("edit", mail_id=mail_id, state="held")
    assert "somebody else has decided" in small_shop.call("decided_twice", mail_id=mail_id)["error"]
    assert (small_shop.rows()[mail_id]["state"], small_shop.rows()[mail_id]["payload"]) == ("open", True)


def test_a_sweeper_that_was_stopped_hands_over_nothing_that_another_one_has(small_shop: Shop) -> None:
    """Mail that may go only once: the store that had it has lost it since, and it may have gone."""
    mail_id = left(small_shop, "stopped", mail_class="bulk")
    assert mail_id not in small_shop.call("stopped_sweeper")["known"]
