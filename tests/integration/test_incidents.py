"""In an incident, with real workers and the real commands: pause, resume, cancel, reschedule, and the dead letters."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from commands import notifier as command
from workers import Plant, plant, wait_until

import notifier
from notifier import send_bulk, send_email
from notifier.model.outcome import RecipientState
from notifier.model.state import MailState
from notifier.testing import CatchingServer, Script


@pytest.fixture
def works(tmp_path: Path) -> Iterator[Plant]:
    script = Script().refuse("gone@example.com")
    with plant(tmp_path, script) as made:
        yield made


def run(made: Plant, *words: str, status: int = 0) -> object:
    found = command(made.environ, *words, "--json")
    assert found.returncode == status, found.stdout + found.stderr
    return json.loads(found.stdout)


def send(to: str = "zoe@example.com", **more: object) -> str:
    return send_email.delay(template="welcome", to=to, context={"name": "Zoë"}, **more).id


def send_many(count: int, **more: object) -> list[str]:
    recipients = [{"to": f"n{number}@example.com", "context": {"name": str(number)}} for number in range(count)]
    return [row.result.id for row in send_bulk(template="welcome", recipients=recipients, **more)]


def states(ids: list[str]) -> set[MailState]:
    return {notifier.status(one).state for one in ids}


def test_a_paused_queue_waits_over_restarts_and_other_queues_go_on(works: Plant) -> None:
    run(works, "pause", "queue", "mail", "--why", "the relay is on fire")
    works.start_worker()
    ids = [send() for _ in range(10)]
    urgent = send(mail_class="otp")
    works.settle([urgent], "sent")
    works.workers.pop().stop()
    works.start_worker()
    works.settle([send(mail_class="otp")], "sent")
    assert states(ids) == {MailState.WAITING}
    assert run(works, "pause") == [{"kind": "queue", "name": "mail", "why": "the relay is on fire"}]
    run(works, "resume", "queue", "mail")
    works.settle(ids, "sent")
    assert {notifier.status(one).attempt for one in ids} == {1}


def test_a_queue_that_is_paused_in_mid_run_stops_and_loses_nothing(works: Plant) -> None:
    works.start_worker()
    ids = send_many(600, options={"queue": "mail"})
    works.server.mailbox.wait_for(30, timeout=30)
    run(works, "pause", "queue", "mail")
    rest = send_many(20, options={"queue": "mail"})
    works.settle([send(mail_class="otp")], "sent")
    assert states(rest) == {MailState.WAITING}
    run(works, "resume", "queue", "mail")
    works.settle(ids + rest, "sent")
    assert len({mail.message_id for mail in works.server.mailbox}) == len(works.server.mailbox) == 621


def test_mails_of_a_paused_tenant_wait_and_others_go(works: Plant, tmp_path: Path) -> None:
    tenants = tmp_path / "tenants.toml"
    tenants.write_text('[tenants.shop]\nsend = [{ as = "*" }]\n')
    works.use(NOTIFIER_TENANTS=str(tenants))
    run(works, "pause", "tenant", "shop")
    works.start_worker()
    held = [send(tenant="shop") for _ in range(20)]
    works.settle([send() for _ in range(20)], "sent")
    wait_until(lambda: all(notifier.status(one).history for one in held), "each was looked at")
    assert {notifier.status(one).last_fault.taxonomy_id for one in held} == {"PAU"}
    # A sweep of the worker's may be quicker with some. Where there is none, `store_conformance` counts them.
    assert run(works, "resume", "tenant", "shop")["released"] <= 20
    works.settle(held, "sent")
    assert {notifier.status(one).attempt for one in held} == {1}


def test_a_paused_relay_is_left_in_peace_and_another_stands_in(works: Plant) -> None:
    with CatchingServer(starttls=False) as spare:
        name = f"127.0.0.1:{works.server.port}"
        works.use(NOTIFIER_SMTP_URL=f"{works.server.url} {spare.url}")
        run(works, "pause", "relay", name)
        works.start_worker()
        works.settle([send() for _ in range(20)], "sent")
        assert (len(works.server.mailbox), len(spare.mailbox)) == (0, 20)
        run(works, "pause", "relay", f"127.0.0.1:{spare.port}")

        def held() -> bool:
            """What is sent within the second in which a worker has not looked is sent."""
            return (fault := notifier.status(send_and_wait()).last_fault) is not None and "paused" in fault.text

        def send_and_wait() -> str:
            mail_id = send()
            wait_until(lambda: bool(notifier.status(mail_id).history), "it was looked at")
            return mail_id

        wait_until(held, "both are left in peace")
        run(works, "resume", "relay", name)
        run(works, "resume", "relay", f"127.0.0.1:{spare.port}")
        wait_until(lambda: works_all_sent(works), "all that waited is sent")


def works_all_sent(works: Plant) -> bool:
    from notifier.tasks.runtime import runtime

    counts = runtime().store.counts("mail")
    return counts[MailState.WAITING] == counts[MailState.CLAIMED] == 0


def test_waiting_mails_are_cancelled_and_rescheduled_by_what_they_have_in_common(works: Plant) -> None:
    later = [send(f"n{number}@later.example") for number in range(3)]
    never = [send(f"n{number}@never.example") for number in range(3)]
    assert {row["state"] for row in run(works, "cancel", "--domain", "never.example")} == {"cancelled"}
    assert {row["state"] for row in run(works, "reschedule", "--domain", "later.example", "--at", "1h")} == {"waiting"}
    works.start_worker()
    works.settle([send()], "sent")
    assert (states(later), states(never)) == ({MailState.WAITING}, {MailState.CANCELLED})
    run(works, "reschedule", *later, "--at", "0s")
    works.settle(later, "sent")
    assert len(works.server.mailbox) == 4


def test_dead_letters_are_listed_shown_mended_and_sent_again(works: Plant) -> None:
    works.start_worker()
    mail_id = send("gone@example.com", idempotency_key="once")
    other = send("gone@example.com")
    works.settle([mail_id, other], "failed")
    assert {row["id"] for row in run(works, "dead", "list", "--row", "R7", "--domain", "example.com")} == {
        mail_id,
        other,
    }
    assert run(works, "dead", "list", "--template", "invoice") == []
    shown = run(works, "dead", "show", mail_id)
    assert "550" in json.dumps(shown["history"])
    assert "Zoë" not in json.dumps(shown, ensure_ascii=False), "the context is never shown"
    run(works, "dead", "requeue", mail_id, "--to", "gone@example.com=Zoë <zoe@example.com>", "--why", "a typo")
    works.settle([mail_id], "sent")
    assert notifier.status(mail_id).recipients == {"zoe@example.com": RecipientState.ACCEPTED}
    assert [str(mail.message["To"]) for mail in works.server.mailbox] == ["Zoë <zoe@example.com>"]
    assert send("gone@example.com", idempotency_key="once") == mail_id, "its key is still taken"
    run(works, "dead", "discard", "--all")
    assert states([other]) == {MailState.DISCARDED}


def test_many_dead_letters_are_sent_again_at_a_rate(works: Plant) -> None:
    works.start_worker()
    ids = [send("gone@example.com") for _ in range(5)]
    works.settle(ids, "failed")
    works.workers.pop().stop()
    assert len(run(works, "dead", "requeue", "--all", "--rate", "10/min")) == 5
    dues = sorted(notifier.status(one).due_at for one in ids)
    assert [round(due - dues[0]) for due in dues] == [0, 6, 12, 18, 24]


def test_a_parked_mail_is_declared_sent_or_sent_again(works: Plant) -> None:
    from notifier.errors import Phase
    from notifier.testing.script import Action

    works.server._script.at(Phase.FINAL_REPLY, Action.LOSE_REPLY, times=2)
    works.start_worker(slots=1)
    ids = send_many(1) + send_many(1)
    works.settle(ids, "parked")
    assert run(works, "resolve", ids[0], "sent", "--why", "the relay's log has it")[0]["state"] == "sent"
    run(works, "resolve", ids[1], "resend")
    works.settle(ids, "sent")
    assert notifier.status(ids[0]).recipients == {"n0@example.com": RecipientState.ACCEPTED}


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("dead", "requeue"), "name mails by their ids, choose them by options"),
        (("cancel", "some-id", "--all"), "and not both"),
        (("dead", "requeue", "--all", "--rate", "fast"), "number of mails a second"),
        (("reschedule", "--all", "--at", "soon"), "no time"),
        (("dead", "requeue", "x", "--to", "a@b=nobody"), "OLD=NEW"),
        (("pause", "relay"), "which relay?"),
    ],
)
def test_what_makes_no_sense_says_so(works: Plant, words: tuple[str, ...], told: str) -> None:
    found = command(works.environ, *words)
    assert found.returncode != 0
    assert told in found.stderr


def test_what_cannot_be_done_is_told_one_by_one(works: Plant) -> None:
    (row,) = run(works, "dead", "requeue", "01a213c5-485b-7d6d-998b-f2f8b0233b78", status=1)
    assert "no mail 01a213c5" in row["error"]
