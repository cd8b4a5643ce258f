from __future__ import annotations

import base64
import os
from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from notifier.delivery.context import checked_context
from notifier.delivery.intake import Accepted, Intake, Options
from notifier.errors import (
    ContextMismatch,
    InvalidAddress,
    InvalidAttachment,
    InvalidContext,
    InvalidHeader,
    InvalidMail,
    MailTooLarge,
    TemplateNotFound,
)
from notifier.model.address import Address
from notifier.model.email import Email
from notifier.model.mail_class import SHIPPED_CLASSES
from notifier.model.template import MailDefaults
from notifier.model.tenant import THE_DEFAULT, Grant, Sender, Tenant
from notifier.store.records import ms

LIMIT = 100_000


def known(name: str) -> None:
    if name != "welcome":
        raise TemplateNotFound(name)


INTAKE = Intake(
    template_known=known,
    classes=SHIPPED_CLASSES,
    tenants={
        "default": THE_DEFAULT,
        "small": Tenant("small", (Grant((Sender("*"),)),), max_recipients=2, max_mail_bytes=3000),
        "big": Tenant("big", (Grant((Sender("*"),)),), max_recipients=5000, max_mail_bytes=10 * LIMIT),
        "shop": Tenant("shop", (Grant((Sender("shop.example"), Sender("*.shop.example"))),)),
    },
    sender=Address.parse("Notifier <notifier@house.example>"),
    max_bytes=LIMIT,
    blob_name=lambda data: f"blob-{len(data)}",
    clock=lambda: 7.0,
)


def intake_at(seconds: float) -> Intake:
    return Intake(
        template_known=known,
        classes=SHIPPED_CLASSES,
        tenants={"default": THE_DEFAULT},
        sender=Address.parse("notifier@house.example"),
        max_bytes=LIMIT,
        blob_name=lambda data: f"blob-{len(data)}",
        clock=lambda: seconds,
    )


def accept(**call: object) -> Accepted:
    return INTAKE.accept(**{"template": "welcome", "to": "a@x.example", **call})  # type: ignore[arg-type]


def test_a_call_becomes_a_mail_of_its_class() -> None:
    email = accept(context={"name": "Zoë"}, mail_class="otp").email
    assert (email.queue, email.created_at, email.idempotency_key) == ("mail.urgent", 7.0, email.id)


@given(st.floats(min_value=1e9, max_value=4e9))
@example(1795863833.9997)
def test_a_mail_and_its_record_of_whole_milliseconds_name_one_moment(now: float) -> None:
    email = intake_at(now).accept(template="welcome", to="a@x.example").email
    assert (ms(email.created_at) / 1000, int(email.created_at)) == (email.created_at, int(now))


def from_a_template(defaults: MailDefaults, **call: object) -> Email:
    intake = Intake(
        template_known=known,
        defaults=lambda _: defaults,
        classes=SHIPPED_CLASSES,
        tenants={"default": THE_DEFAULT, "shop": Tenant("shop", (Grant((Sender("shop.example"),)),))},
        sender=Address.parse("notifier@house.example"),
        max_bytes=LIMIT,
        blob_name=lambda data: f"blob-{len(data)}",
    )
    return intake.accept(**{"template": "welcome", "to": "a@x.example", **call}).email  # type: ignore[arg-type]


THE_TEMPLATES = MailDefaults("otp", Address.parse("codes@x.example"), (Address.parse("help@x.example"),))


def test_what_the_call_does_not_say_is_the_templates() -> None:
    email = from_a_template(THE_TEMPLATES)
    assert (email.mail_class, email.queue) == ("otp", "mail.urgent")
    assert (str(email.sender), [str(one) for one in email.reply_to]) == ("codes@x.example", ["help@x.example"])


def test_what_the_call_says_comes_before_the_template() -> None:
    email = from_a_template(THE_TEMPLATES, mail_class="report", sender="a@x.example", reply_to=[])
    assert (email.mail_class, str(email.sender), email.reply_to) == ("report", "a@x.example", ())


def test_a_mail_without_defaults_is_transactional_and_the_settings_senders() -> None:
    email = from_a_template(MailDefaults())
    assert (email.mail_class, email.sender, email.reply_to) == ("transactional", None, ())


def test_a_templates_sender_is_no_way_around_the_tenants_rights() -> None:
    with pytest.raises(InvalidMail, match=r"may not send as codes@x\.example"):
        from_a_template(THE_TEMPLATES, tenant="shop")


def test_a_context_that_does_not_fit_the_template_is_refused_at_the_call() -> None:
    seen = []

    def fits(template: str, context: Mapping[str, object]) -> None:
        seen.append((template, dict(context)))
        raise ContextMismatch("context.code is missing")

    intake = Intake(
        template_known=known,
        check_context=fits,
        classes=SHIPPED_CLASSES,
        tenants={"default": THE_DEFAULT},
        sender=Address.parse("notifier@house.example"),
        max_bytes=LIMIT,
        blob_name=lambda data: f"blob-{len(data)}",
    )
    with pytest.raises(InvalidContext, match=r"context\.code is missing"):
        intake.accept(template="welcome", to="a@x.example", context={"name": ("Zoë",)})
    assert seen == [("welcome", {"name": ["Zoë"]})]


def test_one_address_or_a_list_and_never_a_comma_list() -> None:
    assert len(accept(to=["a@x.example", "B <b@x.example>"]).email.to) == 2
    with pytest.raises(InvalidAddress, match="to: "):
        accept(to="a@x.example, b@x.example")


@pytest.mark.parametrize(
    ("call", "error"),
    [
        ({"template": "nope"}, TemplateNotFound),
        ({"template": 7}, TemplateNotFound),
        ({"to": []}, InvalidAddress),
        ({"to": None}, InvalidAddress),
        ({"to": {"a@x.example"}}, InvalidAddress),
        ({"to": [f"u{n}@x.example" for n in range(1001)]}, InvalidMail),
        ({"cc": "a"}, InvalidAddress),
        ({"sender": "a"}, InvalidAddress),
        ({"mail_class": "urgent"}, InvalidMail),
        ({"headers": {"Bcc": "x"}}, InvalidHeader),
        ({"locale": "../de"}, InvalidMail),
        ({"idempotency_key": ""}, InvalidMail),
        ({"idempotency_key": "x" * 257}, InvalidMail),
        ({"idempotency_key": "a\nb"}, InvalidMail),
        ({"options": Options(queue="a b")}, InvalidMail),
        ({"options": Options(queue="{x}")}, InvalidMail),
        ({"options": Options(mail_id="not-a-uuid")}, InvalidMail),
        ({"options": Options(expires_at=6.0)}, InvalidMail),
        ({"options": Options(send_at=100.0, expires_at=50.0)}, InvalidMail),
        ({"context": {"x": "y" * LIMIT}}, MailTooLarge),
        ({"attachments": [{"filename": "a", "data": b"x" * LIMIT}]}, MailTooLarge),
        ({"attachments": {"filename": "a", "data": b""}}, InvalidMail),
        ({"attachments": [{"filename": "a", "data": b""}] * 101}, InvalidMail),
    ],
    ids=str,
)
def test_what_is_wrong_is_refused(call: dict[str, object], error: type[Exception]) -> None:
    with pytest.raises(error):
        accept(**call)


@pytest.mark.parametrize(
    ("value", "place"),
    [
        (..., "context.x"),
        ({"y": [1, Decimal(1)]}, r"context\.x\.y\[1\]"),
        (float("nan"), "context.x"),
        (float("inf"), "context.x"),
        (b"x", "context.x"),
        ({1: 2}, "context.x has the key 1"),
        ("\ud800", "context.x"),
        ({1, 2}, "context.x"),
    ],
    ids=repr,
)
def test_a_context_that_is_no_json_is_told_by_its_place(value: object, place: str) -> None:
    with pytest.raises(InvalidContext, match=place):
        checked_context({"x": value})


def test_a_context_that_contains_itself_is_refused() -> None:
    loop: dict[str, object] = {}
    loop["x"] = loop
    with pytest.raises(InvalidContext, match="deeper than 64"):
        checked_context(loop)


def test_a_context_is_copied() -> None:
    given = {"x": [1, (2, 3)], "y": {"z": None}}
    assert checked_context(given) == {"x": [1, [2, 3]], "y": {"z": None}}


def test_an_attachment_is_read_at_the_call(tmp_path: Path) -> None:
    file = tmp_path / "a.pdf"
    file.write_bytes(b"pdf")
    encoded = {"filename": "b.txt", "data": base64.b64encode(b"text").decode()}
    accepted = accept(attachments=[{"path": str(file)}, encoded])
    assert [(a.filename, a.content_type) for a in accepted.email.attachments] == [
        ("a.pdf", "application/pdf"),
        ("b.txt", "text/plain"),
    ]
    assert dict(accepted.blobs) == {"blob-3": b"pdf", "blob-4": b"text"}


def test_what_is_no_regular_file_is_no_attachment(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to("/etc/hostname")
    os.mkfifo(tmp_path / "fifo")
    for path in (tmp_path / "link", tmp_path / "fifo", tmp_path, tmp_path / "nothing", "/dev/zero"):
        with pytest.raises(InvalidAttachment):
            accept(attachments=[{"path": str(path)}])


@pytest.mark.parametrize(
    "attachment",
    [
        {}, {"path": "x", "data": b""}, {"data": b"x"}, {"filename": "../x", "data": b""}, {"filename": "a", "data": "!"},
        {"filename": "a", "data": 7}, {"filename": "a", "data": b"", "url": "http://x"}, "path", 7,
    ],
    ids=repr,
)  # fmt: skip
def test_an_attachment_that_cannot_be_told_is_refused(attachment: object) -> None:
    with pytest.raises(InvalidAttachment):
        accept(attachments=[attachment])


def test_a_payload_from_the_broker_reads_no_files(tmp_path: Path) -> None:
    file = tmp_path / "a"
    file.write_bytes(b"")
    with pytest.raises(InvalidAttachment, match="carries its data"):
        accept(attachments=[{"path": str(file)}], allow_paths=False)


# tenants ------------------------------------------------------------------------------------------------------------


def test_a_mail_is_the_default_tenants_who_may_send_as_anybody() -> None:
    assert accept(sender="who@ever.example").email.tenant == "default"
    assert "tenant" not in accept().email.to_payload(), "workers of before there were tenants read it"


def test_a_tenant_may_send_as_its_own_senders_only() -> None:
    assert accept(tenant="shop", sender="a@mail.shop.example").email.tenant == "shop"
    with pytest.raises(InvalidMail, match=r"'shop' may not send as boss@house.example; it may send as shop.example"):
        accept(tenant="shop", sender="boss@house.example")


def test_the_default_sender_is_not_every_tenants() -> None:
    with pytest.raises(InvalidMail, match=r"may not send as notifier@house\.example"):
        accept(tenant="shop")


def test_a_tenant_has_caps_of_its_own_for_recipients_and_size() -> None:
    three = [f"u{number}@x.example" for number in range(3)]
    accept(tenant="small", to=three[:2])
    accept(to=three, context={"x": "y" * 3000})
    with pytest.raises(InvalidMail, match=r"3 recipients in one mail; the limit is 2 for tenant 'small'"):
        accept(tenant="small", to=three[:1], cc=three[1:2], bcc=three[2:])
    with pytest.raises(MailTooLarge, match=r"the limit is 3,000 \(tenant 'small', NOTIFIER_TENANTS\)"):
        accept(tenant="small", context={"x": "y" * 3000})
    with pytest.raises(MailTooLarge, match="the limit is 3,000"):
        accept(tenant="small", attachments=[{"filename": "a", "data": b"x" * 2500}])


def test_a_tenants_caps_raise_nobodys_above_everybodys() -> None:
    with pytest.raises(InvalidMail, match="the limit is 1000"):
        accept(tenant="big", to=[f"u{number}@x.example" for number in range(1001)])
    with pytest.raises(MailTooLarge, match="NOTIFIER_MAX_MAIL_BYTES"):
        accept(tenant="big", context={"x": "y" * LIMIT})


@pytest.mark.parametrize("tenant", ["nobody", "", None, 5, ["shop"]])
def test_an_unknown_tenant_is_refused(tenant: object) -> None:
    with pytest.raises(InvalidMail, match="unknown tenant"):
        accept(tenant=tenant)


def test_a_tenants_mail_survives_the_store() -> None:
    email = accept(tenant="shop", sender="a@shop.example").email
    assert Email.from_payload(email.to_payload()) == email
