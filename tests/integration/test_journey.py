"""The whole journey with a real worker: what an application may expect of `send_email`."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from celery import chain, group
from real_servers.brokers import Broker
from workers import Plant, plant, wait_until

import notifier
import notifier.errors
from notifier import send_bulk, send_email
from notifier.errors import IdempotencyConflict, MailNotFound, PermanentError
from notifier.model.state import MailState
from notifier.tasks.app import app
from notifier.tasks.runtime import runtime
from notifier.testing import Script


@pytest.fixture(scope="module")
def works(broker: Broker, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Plant]:
    script = Script().defer_first(lambda r: r.startswith("later")).refuse(lambda r: r.startswith("nobody"))
    with plant(tmp_path_factory.mktemp("journey"), script, **broker.settings()) as made:
        made.start_worker()
        yield made


def welcome(to: str, **more: object) -> dict[str, object]:
    return {"template": "welcome", "to": to, "context": {"name": "Zoë"}, **more}


def caught(works: Plant, mail_id: str) -> list[object]:
    return [mail for key, group in works.server.mailbox.by_message_id().items() if mail_id in key for mail in group]


def test_the_five_lines_of_the_readme(works: Plant) -> None:
    result = send_email.delay(
        template="welcome",
        to="Zoë Ångström <zoe@example.com>",
        context={"name": "Zoë"},
        idempotency_key="welcome-42",
    )
    assert result.get(timeout=30).state is MailState.SENT
    found = notifier.status(result.id)
    assert dict(found.recipients) == {"zoe@example.com": "accepted"}
    (mail,) = (m for m in works.server.mailbox if result.id in m.message_id)
    assert mail.subject == "Welcome, Zoë"
    assert str(mail.message["To"]) == "Zoë Ångström <zoe@example.com>"
    assert mail.tls is not None


def test_the_same_key_and_content_is_the_first_mail(works: Plant) -> None:
    first = send_email.delay(**welcome("a@example.com", idempotency_key="same"))
    again = send_email.apply_async(kwargs=welcome("a@example.com", idempotency_key="same"), countdown=0.5)
    assert again.id == first.id
    first.get(timeout=30)
    assert len(caught(works, first.id)) == 1


def test_the_same_key_with_another_content_is_a_conflict(works: Plant) -> None:
    first = send_email.delay(**welcome("a@example.com", idempotency_key="conflict"))
    with pytest.raises(IdempotencyConflict) as error:
        send_email.delay(**welcome("b@example.com", idempotency_key="conflict"))
    assert error.value.mail_id == first.id


def test_a_deferred_mail_goes_out_later_with_the_same_octets(works: Plant) -> None:
    result = send_email.delay(**welcome("later@example.com"))
    found = result.get(timeout=30)
    assert (found.attempt, len(caught(works, result.id))) == (2, 1)
    assert [entry["state"] for entry in found.history] == ["waiting", "sent"]


def test_who_was_accepted_is_not_mailed_again_because_of_others(works: Plant) -> None:
    result = send_email.delay(**welcome("ok@example.com", cc="later2@example.com", bcc="nobody@example.com"))
    found = result.get(timeout=30)
    assert dict(found.recipients) == {
        "ok@example.com": "accepted",
        "later2@example.com": "accepted",
        "nobody@example.com": "refused",
    }
    envelopes = sorted(mail.recipients for mail in works.server.mailbox if result.id in mail.message_id)
    assert envelopes == [("later2@example.com",), ("ok@example.com",)]
    messages = {mail.data for mail in works.server.mailbox if result.id in mail.message_id}
    assert len(messages) == 1
    assert b"nobody@" not in messages.pop()


def test_a_mail_refused_for_good_is_a_dead_letter_that_says_why(works: Plant) -> None:
    result = send_email.delay(**welcome("nobody.here@example.com"))
    with pytest.raises(PermanentError, match=r"550 5\.1\.1 No such user here"):
        result.get(timeout=30)
    assert result.state == "FAILURE"
    assert notifier.status(result.id).state is MailState.FAILED


def test_a_template_that_cannot_be_rendered_is_a_dead_letter(works: Plant) -> None:
    context = {"name": "Zoë", "action_url": "https://x.example/a b"}
    result = send_email.delay(template="welcome", to="a@example.com", context=context)
    found = result.get(timeout=30, propagate=False)
    assert found.state is MailState.FAILED
    assert "a link begins with" in str(found.last_fault)


def test_countdown_and_eta_are_due_times_of_the_store(works: Plant) -> None:
    soon = datetime.now(UTC) + timedelta(hours=1)
    waiting = send_email.apply_async(kwargs=welcome("eta@example.com"), eta=soon)
    found = notifier.status(waiting.id)
    assert found.state is MailState.WAITING
    assert found.due_at == pytest.approx(soon.timestamp(), abs=1)
    quick = send_email.apply_async(kwargs=welcome("countdown@example.com"), countdown=1)
    assert quick.get(timeout=30).state is MailState.SENT


def test_revoke_cancels_what_has_not_been_handed_over(works: Plant) -> None:
    result = send_email.apply_async(kwargs=welcome("revoked@example.com"), countdown=3600)
    result.revoke()
    assert notifier.status(result.id).state is MailState.CANCELLED
    assert result.state == "REVOKED"


def test_a_mail_that_expires_first_is_never_sent(works: Plant) -> None:
    works.server.mailbox.clear()
    result = send_email.apply_async(kwargs=welcome("expired@example.com"), countdown=1.0, expires=1.001)
    found = result.get(timeout=30, propagate=False)
    assert found.state is MailState.EXPIRED
    assert not caught(works, result.id)


def test_queue_and_task_id_are_the_mails_own(works: Plant) -> None:
    mail_id = "0190a0b0-0000-7000-8000-000000000001"
    result = send_email.apply_async(kwargs=welcome("urgent@example.com"), queue="mail.urgent", task_id=mail_id)
    assert result.id == mail_id
    assert result.get(timeout=30).queue == "mail.urgent"


def test_a_group_is_many_mails(works: Plant) -> None:
    results = group(send_email.s(**welcome(f"group{n}@example.com")) for n in range(3)).apply_async()
    assert [child.get(timeout=30).state for child in results.children] == [MailState.SENT] * 3


def test_a_chain_and_a_link_are_refused_with_what_to_use(works: Plant) -> None:
    signature = send_email.si(**welcome("chain@example.com"))
    with pytest.raises(notifier.errors.UnsupportedOption, match=r"notifier\.status|last in the chain"):
        chain(signature, signature).apply_async()
    with pytest.raises(notifier.errors.UnsupportedOption, match=r"notifier\.status"):
        send_email.apply_async(kwargs=welcome("link@example.com"), link=signature)


def test_enqueue_by_name_without_the_package(works: Plant) -> None:
    message = app.send_task("notifier.send_email", kwargs=welcome("byname@example.com"), queue="mail")
    wait_until(lambda: runtime().store.status(message.id) is not None, "registered on receipt")
    works.settle([message.id], "sent")
    assert len(caught(works, message.id)) == 1


def test_a_worker_does_not_read_files_for_a_payload_that_came_by_name(works: Plant, tmp_path: Path) -> None:
    secret = tmp_path / "secret.txt"
    secret.write_text("hunter2")
    message = app.send_task(
        "notifier.send_email", kwargs=welcome("path@example.com", attachments=[{"path": str(secret)}]), queue="mail"
    )
    wait_until(lambda: message.id in works.logs() and "carries its data, not a path" in works.logs(), "refused")
    with pytest.raises(MailNotFound):
        notifier.status(message.id)


def test_attachments_arrive_whole(works: Plant, tmp_path: Path) -> None:
    file = tmp_path / "Übersicht.bin"
    file.write_bytes(bytes(range(256)) * 1000)
    result = send_email.delay(**welcome("file@example.com", attachments=[{"path": str(file)}]))
    result.get(timeout=30)
    (mail,) = (m for m in works.server.mailbox if result.id in m.message_id)
    (part,) = mail.message.iter_attachments()
    assert (part.get_filename(), part.get_content()) == ("Übersicht.bin", file.read_bytes())


def test_bulk_sends_one_mail_to_each_and_says_what_is_wrong(works: Plant) -> None:
    recipients = [
        {"to": "Ana <ana@example.com>", "context": {"name": "Ana"}},
        {"to": "walter@@example.com", "context": {"name": "Walter"}},
        {"to": "ben@example.com", "context": {"name": "Ben"}},
    ]
    with pytest.raises(notifier.errors.InvalidMail, match="recipient 1: to: local part"):
        send_bulk(template="welcome", recipients=recipients)
    rows = send_bulk(template="welcome", recipients=recipients, skip_invalid=True)
    assert [row.result is not None for row in rows] == [True, False, True]
    ids = [row.result.id for row in rows if row.result]
    works.settle(ids, "sent")
    mails = [mail for mail in works.server.mailbox if any(one in mail.message_id for one in ids)]
    assert sorted(mail.subject for mail in mails) == ["Welcome, Ana", "Welcome, Ben"]
    assert all(len(mail.message["To"].addresses) == 1 for mail in mails)


def test_a_suppressed_recipient_is_an_outcome_and_not_an_error(works: Plant) -> None:
    runtime().store.suppress("never@example.com", "asked us not to")
    result = send_email.delay(**welcome("never@example.com", cc="still@example.com"))
    found = result.get(timeout=30)
    (mail,) = (m for m in works.server.mailbox if result.id in m.message_id)
    assert mail.recipients == ("still@example.com",)
    assert found.state is MailState.SENT
    assert dict(found.recipients) == {"never@example.com": "suppressed", "still@example.com": "accepted"}


def test_eager_renders_and_sends_at_once_without_a_store(works: Plant) -> None:
    app.conf.task_always_eager = True
    try:
        result = send_email.delay(**welcome("eager@example.com"))
    finally:
        app.conf.task_always_eager = False
    assert result.get().startswith("250 ")
    assert any("eager@example.com" in mail.recipients for mail in works.server.mailbox)


def test_a_call_that_is_wrong_is_refused_and_nothing_is_stored(works: Plant) -> None:
    before = dict(runtime().store.counts("mail"))
    for wrong in (
        {"template": "welcom", "to": "a@b.example"},
        {"template": "welcome", "to": "a"},
        {"template": "welcome", "to": "a@b.example", "context": {"x": object()}},
        {"template": "welcome", "to": "a@b.example", "context": {"x": float("nan")}},
        {"template": "welcome", "to": "a@b.example", "attachments": [{"path": "/no/such/file"}]},
        {"template": "welcome", "to": "a@b.example", "attachments": [{"filename": "x", "data": "!"}]},
        {"template": "welcome", "to": "a@b.example", "attachments": [{"filename": "x", "data": b"x" * (50 * 2**20)}]},
        {"template": "welcome", "to": "a@b.example", "headers": {"X-A": "b\r\nBcc: c"}},
        {"template": "welcome", "to": "a@b.example", "contxt": {}},
        {"template": "welcome"},
    ):
        with pytest.raises(notifier.NotifierError):
            send_email.delay(**wrong)
    assert dict(runtime().store.counts("mail")) == before
