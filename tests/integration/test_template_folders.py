"""An application's template folder, from the call to the message."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
import redis
from rendering_catalogs import po, write_catalog
from workers import Plant, plant

from notifier import send_bulk, send_email
from notifier.errors import ContextMismatch
from notifier.tasks.bulk import InvalidBulk

META = {
    "mail_class": "otp",
    "from": "Codes <codes@shop.example>",
    "reply_to": ["help@shop.example"],
    "sensitive": ["code"],
    "schema": {"type": "object", "required": ["code"], "properties": {"code": {"type": "string"}}},
    "samples": {"plain": {"code": "123456"}},
}


@pytest.fixture(scope="module")
def works(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Plant]:
    root = tmp_path_factory.mktemp("templates")
    (root / "code").mkdir()
    for name, text in {
        "subject.txt.j2": "{{ _('Your code') }}",
        "text.txt.j2": "{% trans code=code %}It is {{ code }}.{% endtrans %}",
        "meta.json": json.dumps(META),
    }.items():
        (root / "code" / name).write_text(text)
    write_catalog(root, "de", po({"Your code": "Ihr Code", "It is %(code)s.": "Er ist %(code)s."}))
    with plant(tmp_path_factory.mktemp("state"), NOTIFIER_TEMPLATES=str(root)) as made:
        made.start_worker()
        yield made


def test_what_the_template_says_of_its_mails_is_in_the_message(works: Plant) -> None:
    result = send_email.delay(template="code", to="a@x.example", context={"code": "123456"}, locale="de-AT")
    works.settle([result.id], "sent")
    (mail,) = (one for one in works.server.mailbox if result.id in one.message_id)
    status = works.status(result.id)
    assert (status.mail_class, status.queue, mail.reverse_path) == ("otp", "mail.urgent", "codes@shop.example")
    assert b"From: Codes <codes@shop.example>\r\n" in mail.data
    assert b"\r\nReply-To: help@shop.example\r\n" in mail.data
    assert b"\r\nSubject: Ihr Code\r\n" in mail.data
    assert b"Er ist 123456." in mail.data


def test_a_context_that_does_not_fit_is_refused_at_the_call_and_nothing_is_stored(works: Plant) -> None:
    def records() -> int:
        with redis.Redis.from_url(works.valkey.url) as client:
            return sum(1 for _ in client.scan_iter("*}mail:*"))

    before = records()
    with pytest.raises(ContextMismatch, match=r"template 'code': context\.code is to be of type string"):
        send_email.delay(template="code", to="a@x.example", context={"code": 123456})
    with pytest.raises(InvalidBulk, match=r"recipient 1: template 'code': context\.code is missing"):
        send_bulk(
            template="code",
            recipients=[
                {"to": "a@x.example", "context": {"code": "1"}},
                {"to": "b@x.example", "context": {"cod": "2"}},
            ],
        )
    assert records() == before
