"""The admin's pages on the outbox and on the ledger, through Django's test client, with a real store and worker."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import redis
from shops import Shop, shop_with
from workers import wait_until

import notifier
from notifier.model.state import MailState
from notifier.testing import Script

OUTBOX, LEDGER = "/admin/notifier/outboxmail/", "/admin/notifier/ledgermail/"
SECRET = "name-that-stands-in-the-context"
LOOKS = ["view_outboxmail", "view_ledgermail"]


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    """Its relay knows nobody whose address begins with ``no``."""
    folder = tmp_path_factory.mktemp("office")
    script = Script().refuse(lambda path: path.startswith("no"))
    with shop_with(folder, script) as opened:
        opened.made.start_worker("-Q", "mail,mail.bulk", slots=1)
        opened.call("user", name="root")
        opened.call("user", name="decides", permissions=[*LOOKS, "change_outboxmail", "change_ledgermail"])
        opened.call("user", name="looks", permissions=LOOKS)
        opened.call("user", name="cleans", permissions=[])
        yield opened


def dead_letter(office: Shop, number: str) -> str:
    mail_id = office.order(f"no {number}", name=SECRET)
    office.made.settle([mail_id], "failed")
    office.sweep()
    assert office.rows()[mail_id]["state"] == "dead_letter"
    return mail_id


def held(office: Shop, number: str) -> str:
    """What may go only once, and may have gone when the store was wiped."""
    mail_id = office.order(number, mail_class="bulk", name=SECRET)
    office.made.settle([mail_id], "sent")
    with redis.Redis.from_url(office.made.valkey.url) as client:
        client.flushall()
    office.sweep()
    assert office.rows()[mail_id]["state"] == "held"
    return mail_id


def page(office: Shop, path: str, who: str = "root", **more: Any) -> dict[str, Any]:
    found = office.call("page", who=who, path=path, **more)
    assert (SECRET in found["text"], found["contents_read"]) == (False, 0), "what a mail says is nobody's affair here"
    return found


def choose(action: str, *ids: str) -> dict[str, Any]:
    return {"action": action, "_selected_action": list(ids)}


def test_dead_letters_are_listed_filtered_and_found(office: Shop) -> None:
    mail_id = dead_letter(office, "list")
    for query in ("", "?state=failed", "?template=welcome", "?domain=example.com", "?q=NO%2Blist", "?queue=mail"):
        assert mail_id in page(office, LEDGER + query)["text"], query
    for query in ("?state=waiting", "?template=other", "?domain=example.org", "?q=nobody", "?queue=other", "?p=2"):
        assert mail_id not in page(office, LEDGER + query)["text"], query
    found = page(office, f"{LEDGER}?q={mail_id}")
    assert (found["status"], found["location"]) == (302, f"{LEDGER}{mail_id}/change/")


def test_a_mails_page_tells_its_timeline_and_not_what_it_says(office: Shop) -> None:
    mail_id = dead_letter(office, "timeline")
    text = page(office, f"{LEDGER}{mail_id}/change/", who="looks")["text"]
    for words in ("failed", "No such user here", "no+timeline@example.com: refused", "class transactional"):
        assert words in text
    assert "Send once more" not in text, "who only looks has nothing to press"
    assert "Send once more" in page(office, f"{LEDGER}{mail_id}/change/", who="decides")["text"]


@pytest.mark.parametrize("mail", ["00000000-0000-7000-8000-000000000000", "no-id"])
def test_a_mail_that_is_not_there_is_not_found(office: Shop, mail: str) -> None:
    assert page(office, f"{LEDGER}{mail}/change/")["status"] == 404


def test_a_dead_letter_is_sent_once_more_and_the_outbox_guards_it_again(office: Shop) -> None:
    mail_id = dead_letter(office, "requeue")
    assert "Requeue is done for 1 of 1" in page(office, LEDGER, "decides", post=choose("requeue", mail_id))["text"]
    wait_until(lambda: len(notifier.status(mail_id).history) > 2, "it was tried again")
    assert "requeue in the admin by decides" in str(notifier.status(mail_id).history)
    office.made.settle([mail_id], "failed")


def test_a_dead_letter_that_is_discarded_keeps_nothing_of_what_it_says(office: Shop) -> None:
    mail_id = dead_letter(office, "discard")
    page(office, LEDGER, "decides", post=choose("discard", mail_id))
    assert notifier.status(mail_id).state is MailState.DISCARDED
    office.call("sweep")
    row = office.rows()[mail_id]
    assert (row["state"], row["outcome"], row["payload"]) == ("settled", "discarded", False)


@pytest.mark.parametrize(("who", "forged"), [("looks", False), ("cleans", False), ("decides", True), ("root", True)])
def test_whoever_may_not_or_was_tricked_decides_nothing(office: Shop, who: str, forged: bool) -> None:
    mail_id = dead_letter(office, f"{who} {forged}")
    for action in ("requeue", "discard"):
        assert page(office, LEDGER, who, post=choose(action, mail_id), forged=forged)["status"] == 403
    page(office, OUTBOX, who, post=choose("give_up", mail_id), forged=forged)
    assert notifier.status(mail_id).state is MailState.FAILED
    assert office.rows()[mail_id]["state"] == "dead_letter"


def test_who_has_no_permission_sees_no_page(office: Shop) -> None:
    for path in (OUTBOX, LEDGER, f"{LEDGER}{dead_letter(office, 'hidden')}/change/"):
        assert page(office, path, who="cleans")["status"] == 403


def test_the_outbox_is_listed_filtered_and_found_without_what_the_mails_say(office: Shop) -> None:
    mail_id = dead_letter(office, "outbox")
    for query in ("", "?state=dead_letter", f"?q={mail_id}", "?q=no%2Boutbox", "?q=welcome", "?outcome=failed"):
        assert mail_id in page(office, OUTBOX + query, who="looks")["text"], query
    assert mail_id not in page(office, f"{OUTBOX}?state=held")["text"]
    text = page(office, f"{OUTBOX}{mail_id}/change/")["text"]
    assert "no+outbox@example.com" in text
    assert "payload" not in text.lower()
    assert 'name="_save"' not in text, "nothing is edited"


@pytest.mark.parametrize("lookup", ["payload__regex", "payload__contains", "payload__gt", "blobs__octets__contains"])
def test_nobody_asks_for_what_is_not_shown(office: Shop, lookup: str) -> None:
    """Whoever may look would read a reset link letter by letter."""
    dead_letter(office, f"asked {lookup}")
    assert page(office, f"{OUTBOX}?{lookup}={SECRET}", who="looks")["status"] == 400


@pytest.mark.parametrize("number", ["9" * 25, "9" * 5000, "0", "-1", "x", "\N{SUPERSCRIPT TWO}"])
def test_a_page_that_there_is_not_is_none(office: Shop, number: str) -> None:
    assert page(office, f"{LEDGER}?p={number}")["status"] == 200


def test_a_list_that_was_not_read_to_its_end_says_so(office: Shop) -> None:
    for number in ("first", "second"):
        dead_letter(office, f"{number} of many")
    before = office.call("reads_at_most", mails=1)["before"]
    try:
        assert "Only the first 1 mails were looked at" in page(office, f"{LEDGER}?q=second")["text"]
    finally:
        office.call("reads_at_most", mails=before)
    assert "were looked at" not in page(office, f"{LEDGER}?q=second")["text"]


def test_the_ledgers_mails_are_in_no_table_for_whoever_asks(office: Shop) -> None:
    mail_id = dead_letter(office, "tableless")
    assert page(office, f"{LEDGER}{mail_id}/delete/")["status"] == 403
    assert min(office.call("dumped")["letters"]) > len(mail_id)


def test_a_held_mail_is_sent_again_by_a_person_or_given_up(office: Shop) -> None:
    once_more, never = held(office, "once more"), held(office, "never")
    before = len(office.made.server.mailbox)
    assert "1 of 1 sent again" in page(office, OUTBOX, "decides", post=choose("send_again", once_more))["text"]
    page(office, OUTBOX, "decides", post=choose("give_up", never))
    office.sweep()
    office.made.settle([once_more], "sent")
    office.sweep()
    rows = office.rows()
    assert [rows[one]["outcome"] for one in (once_more, never)] == ["sent", "discarded"]
    assert [rows[one]["payload"] for one in (once_more, never)] == [False, False]
    assert len(office.made.server.mailbox) == before + 1
    assert "nobody has to decide on it" in page(office, OUTBOX, post=choose("give_up", once_more))["text"]


def test_a_store_that_is_away_is_said_on_the_page(office: Shop) -> None:
    mail_id, other = dead_letter(office, "away"), dead_letter(office, "far away")
    office.made.valkey.kill()
    try:
        text = page(office, OUTBOX, post=choose("give_up", mail_id, other))["text"]
        assert text.count("was not reached") == 1, "nobody waits for each of them"
        for path in (LEDGER, f"{LEDGER}{mail_id}/change/"):
            found = page(office, path)
            assert (found["status"], "errorlist" in found["text"] or "was not reached" in found["text"]) == (200, True)
    finally:
        office.made.valkey.start()
