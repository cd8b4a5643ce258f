"""Messages that an application has composed itself, on the whole journey with a real worker."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from email import policy
from email.message import EmailMessage

import pytest
import redis
from workers import Plant, plant, wait_until

import notifier
from notifier import send_message
from notifier.errors import IdempotencyConflict, InvalidHeader, InvalidMail, MailNotFound
from notifier.model.address import Address
from notifier.model.ids import new_mail_id
from notifier.model.state import MailState
from notifier.tasks.app import app
from notifier.tasks.runtime import runtime
from notifier.testing import Script
from notifier.testing.mailbox import CaughtMail

BIG = b"0123456789 \xe9\xff of eight bits\r\n" * 4000  # more than a record holds


@pytest.fixture(scope="module")
def works(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Plant]:
    script = Script().defer_first(lambda r: r.startswith("later")).refuse(lambda r: r.startswith("nobody"))
    with plant(tmp_path_factory.mktemp("own"), script) as made:
        made.start_worker()
        yield made


def octets(to: str, body: bytes = b".dot\r\n\r\nFrom here on 8-bit: \xff\xfe\r\n") -> bytes:
    head = f"Received: by me\r\nX-Odd:  two  blanks \r\n\tand a fold\r\nFrom: <zoe@example.com>\r\nTo: {to}\r\n"
    return f"{head}Message-ID: <{new_mail_id()}@own.example>\r\nDate: yesterday\r\n\r\n".encode() + body


def caught(works: Plant, recipient: str) -> list[CaughtMail]:
    return [mail for mail in works.server.mailbox if recipient in mail.recipients]


@pytest.mark.parametrize("body", [b"", b".\r\n..\r\n\xff", BIG], ids=len)
def test_octets_arrive_as_they_were(works: Plant, body: bytes) -> None:
    to = f"{len(body)}@example.com"
    message = octets(to, body)
    result = send_message.delay(message=message, from_addr="bounces@example.com")
    assert result.get(timeout=30).state is MailState.SENT
    (mail,) = caught(works, to)
    # A message that ends in no line end gets one on its way (RFC 5321 section 4.1.1.4).
    assert mail.data.removesuffix(b"\r\n") == message.removesuffix(b"\r\n")
    assert (mail.reverse_path, mail.smtputf8) == ("bounces@example.com", False)


def test_a_message_object_arrives_with_what_it_lacked_and_without_bcc(works: Plant) -> None:
    message = EmailMessage(policy=policy.SMTP)
    message["From"], message["To"], message["Bcc"] = "Zoë <zoe@example.com>", "seen@example.com", "unseen@example.com"
    message.set_content("Grüße")
    message.add_attachment(b"\x00\xff", maintype="application", subtype="pdf", filename="für.pdf")
    result = send_message.delay(message=message)
    result.get(timeout=30)
    (mail,) = caught(works, "unseen@example.com")
    assert mail.recipients == ("seen@example.com", "unseen@example.com")
    assert b"unseen" not in mail.data
    assert mail.message_id == f"<{result.id}@example.com>"
    assert mail.message["Date"].datetime is not None
    (file,) = mail.message.iter_attachments()
    assert (file.get_filename(), file.get_content()) == ("für.pdf", b"\x00\xff")
    assert message["Bcc"] == "unseen@example.com", "the application's object is as it was"


def test_who_has_it_is_not_mailed_again_and_the_others_get_the_same_octets(works: Plant) -> None:
    message = octets("first@example.com, later@example.com").replace(b"Date: yesterday\r\n", b"")
    assert send_message.delay(message=message).get(timeout=30).state is MailState.SENT
    (first,), (later,) = caught(works, "first@example.com"), caught(works, "later@example.com")
    assert (first.recipients, later.recipients) == (("first@example.com",), ("later@example.com",))
    assert first.data == later.data


def test_a_key_makes_one_mail_of_one_message_and_a_conflict_of_another(works: Plant) -> None:
    message = octets("once@example.com").replace(b"Date: yesterday\r\n", b"")
    results = [send_message.delay(message=message, idempotency_key="own-1") for _ in range(3)]
    assert len({result.id for result in results}) == 1
    results[0].get(timeout=30)
    assert len(caught(works, "once@example.com")) == 1
    with pytest.raises(IdempotencyConflict):
        send_message.delay(message=message + b"more\r\n", idempotency_key="own-1")


def test_a_suppressed_recipient_gets_no_message_of_the_applications_own_either(works: Plant) -> None:
    runtime().store.suppress("never@example.com", "asked us not to")
    result = send_message.delay(message=octets("never@example.com, still@example.com"))
    assert dict(result.get(timeout=30).recipients) == {
        "never@example.com": "suppressed",
        "still@example.com": "accepted",
    }
    assert not caught(works, "never@example.com")


def test_a_dead_letter_is_sent_to_another_address_with_the_same_octets_and_leaves_nothing(works: Plant) -> None:
    message = octets("nobody@example.com")
    result = send_message.delay(message=message)
    works.settle([result.id], MailState.FAILED)
    readdress = {"nobody@example.com": Address.parse("somebody@example.com")}
    runtime().store.resolve(result.id, MailState.WAITING, readdress=readdress)
    works.settle([result.id], MailState.SENT)
    (mail,) = caught(works, "somebody@example.com")
    assert mail.data == message
    with redis.Redis.from_url(works.valkey.url) as client:
        assert client.exists("notifier:{mail}:refs") == 0, "its octets wait for nobody but the collector"


def test_a_purge_takes_a_dead_letters_message_along(works: Plant) -> None:
    result = send_message.delay(message=octets("nobody-2@example.com"))
    works.settle([result.id], MailState.FAILED)
    assert runtime().store.purge("nobody-2@example.com").discarded == (result.id,)
    with redis.Redis.from_url(works.valkey.url) as client:
        assert client.exists("notifier:{mail}:refs") == 0


def test_by_name_it_comes_as_base64_and_what_is_wrong_is_refused_on_receipt(works: Plant) -> None:
    message = octets("named@example.com")
    kwargs = {"message": base64.b64encode(message).decode()}
    sent = app.send_task("notifier.send_message", kwargs=kwargs, queue="mail", task_id=new_mail_id())
    wait_until(lambda: bool(caught(works, "named@example.com")), "sent")
    works.settle([sent.id], MailState.SENT)
    assert caught(works, "named@example.com")[0].data == message
    wrong = app.send_task("notifier.send_message", kwargs={"message": "From: x"}, queue="mail", task_id=new_mail_id())
    wait_until(lambda: f"[{wrong.id}] raised unexpected: InvalidMail" in works.logs(), "refused, not only received")
    with pytest.raises(MailNotFound):
        notifier.status(wrong.id)


def test_eager_and_called_directly_it_goes_out_at_once(works: Plant) -> None:
    app.conf.task_always_eager = True
    try:
        assert send_message.delay(message=octets("eager@example.com")).get().startswith("250 ")
    finally:
        app.conf.task_always_eager = False
    message = octets("direct@example.com")
    assert send_message(message=message).startswith("250 ")
    assert caught(works, "direct@example.com")[0].data == message


def test_what_is_wrong_is_refused_at_the_call_and_nothing_is_stored(works: Plant) -> None:
    before = dict(runtime().store.counts("mail"))
    for call, error in (
        ({"message": b"no header"}, InvalidHeader),
        ({"message": octets("a@x.example"), "to": "b@x.example"}, InvalidMail),
        ({"message": octets("a@x.example"), "mail_class": "none"}, InvalidMail),
        ({}, InvalidMail),
    ):
        with pytest.raises(error):
            send_message.delay(**call)
    with pytest.raises(InvalidMail, match=r"send_message\.si"):
        send_message.delay(octets("a@x.example"))
    assert dict(runtime().store.counts("mail")) == before
