"""Addresses that a server has refused for good, with real workers, and the list as people see it."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator

import pytest
from commands import notifier as run_notifier
from workers import Plant, plant, wait_until

from notifier import send_email
from notifier.model.state import MailState
from notifier.tasks.runtime import runtime
from notifier.testing import Script

NOBODY, ZOE, LATE = "nobody@example.com", "zoe@example.com", "late@example.com"
asked: list[str] = []  # recipients that the server was asked about


def is_nobody(recipient: str) -> bool:
    asked.append(recipient)
    return recipient == NOBODY


def is_late(recipient: str) -> bool:
    """Somebody suppresses the address in the moment in which the server defers it."""
    if recipient == LATE:
        runtime().store.suppress(LATE, "asked for it meanwhile")
    return recipient == LATE


@pytest.fixture(scope="module")
def works(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Plant]:
    script = Script().refuse(is_nobody).refuse("barred@example.com", "550 5.7.1 Not from you").defer_first(is_late)
    with plant(tmp_path_factory.mktemp("suppression"), script) as made:
        made.start_worker()
        yield made


def notifier(works: Plant, *arguments: str) -> subprocess.CompletedProcess[str]:
    return run_notifier(works.environ, *arguments)


def send(*to: str) -> str:
    return send_email.delay(template="welcome", to=list(to), context={"name": "Zoë"}).id


def test_an_address_refused_for_good_is_asked_once_and_told_at_the_next_call(works: Plant) -> None:
    first = send(NOBODY, ZOE)
    works.settle([first], MailState.SENT)
    assert works.status(first).recipients == {NOBODY: "refused", ZOE: "accepted"}
    # Behind the settlement, and never in its way.
    wait_until(lambda: NOBODY in runtime().store.suppressed([NOBODY]), "it is on the list")
    second, third = send(NOBODY, ZOE), send(NOBODY)
    assert works.status(second).recipients[NOBODY] == "suppressed"
    works.settle([second], MailState.SENT)
    works.settle([third], MailState.FAILED)
    fault = works.status(third).last_fault
    assert fault is not None
    assert fault.taxonomy_id == "SUP"
    assert asked.count(NOBODY) == 1
    (entry,) = json.loads(notifier(works, "suppress", "show", NOBODY, "--json").stdout)
    assert entry["mail_id"] == first
    assert "5.1.1" in entry["reason"]
    assert entry["until"] - entry["since"] == pytest.approx(30 * 86400)


def test_a_refusal_of_the_sender_suppresses_nobody(works: Plant) -> None:
    mail_id = send("barred@example.com")
    works.settle([mail_id], MailState.FAILED)
    assert notifier(works, "suppress", "show", "barred@example.com").returncode == 1


def test_people_add_see_and_remove(works: Plant) -> None:
    added = notifier(
        works, "suppress", "add", "Ann@bücher.example", "bob@example.com", "--reason", "asked", "--days", "2"
    )
    assert added.returncode == 0, added.stderr
    listed = json.loads(notifier(works, "suppress", "list", "--json").stdout)
    assert {"ann@xn--bcher-kva.example", "bob@example.com"} <= {entry["address"] for entry in listed}
    assert "asked" in notifier(works, "suppress", "show", "bob@example.com").stdout
    assert notifier(works, "suppress", "remove", "bob@example.com").returncode == 0
    again = notifier(works, "suppress", "remove", "bob@example.com")
    assert again.returncode == 1
    assert "not on the suppression list: bob@example.com" in again.stderr


def test_what_is_no_address_is_refused_and_nothing_is_added(works: Plant) -> None:
    wrong = notifier(works, "suppress", "add", "carl@example.com", "no address")
    assert wrong.returncode == 1
    assert "Traceback" not in wrong.stderr
    assert notifier(works, "suppress", "show", "carl@example.com").returncode == 1


def test_a_mail_that_waits_is_not_sent_to_whoever_is_suppressed_meanwhile(works: Plant) -> None:
    mail_id = send(LATE, ZOE)
    works.settle([mail_id], MailState.SENT)
    assert works.status(mail_id).recipients == {LATE: "suppressed", ZOE: "accepted"}
    assert asked.count(LATE) == 1


def test_people_take_an_address_from_one_list_and_put_it_back(works: Plant) -> None:
    added = notifier(works, "suppress", "add", "liz@example.com", "--list", "default/bulk", "--reason", "a letter")
    assert (added.returncode, "default/bulk" in added.stdout) == (0, True)
    assert notifier(works, "suppress", "show", "liz@example.com").returncode == 1
    shown = json.loads(
        notifier(works, "suppress", "show", "liz@example.com", "--list", "default/bulk", "--json").stdout
    )
    assert [(entry["reason"], entry["mailing_list"]) for entry in shown] == [("a letter", "default/bulk")]
    assert notifier(works, "suppress", "remove", "liz@example.com").returncode == 1
    assert notifier(works, "suppress", "remove", "liz@example.com", "--list", "default/bulk").returncode == 0
    assert notifier(works, "suppress", "show", "liz@example.com", "--list", "default/bulk").returncode == 1


def test_a_list_that_is_none_is_refused(works: Plant) -> None:
    found = notifier(works, "suppress", "add", "liz@example.com", "--list", "bulk")
    assert found.returncode == 2
    assert "TENANT/CLASS" in found.stderr
