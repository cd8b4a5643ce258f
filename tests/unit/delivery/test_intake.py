from __future__ import annotations

import base64
import json
import os
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from notifier.delivery.attachments import HELD, Sources, read_attachment
from notifier.delivery.context import checked_context
from notifier.delivery.intake import Accepted, Intake, Options, _is_surely_smaller
from notifier.errors import (
    BlobUnavailable,
    ContextMismatch,
    InvalidAddress,
    InvalidAttachment,
    InvalidCalendar,
    InvalidContext,
    InvalidHeader,
    InvalidMail,
    MailTooLarge,
    TemplateNotFound,
)
from notifier.model.address import Address
from notifier.model.email import AttachmentRef, Email, MessageRef
from notifier.model.mail_class import SHIPPED_CLASSES
from notifier.model.octets import whole
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

    def fits(email: Email) -> None:
        seen.append((email.template, dict(email.context)))
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
        ({"attachments": ({"filename": "a", "data": b""} for _ in range(10**9))}, InvalidMail),
        ({"attachments": [{"filename": "a", "data": b"x" * (LIMIT // 100)}] * 100}, MailTooLarge),
    ],
    ids=lambda value: str(value).partition(" at 0x")[0][:60],
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
        accept(attachments=[{"path": str(file)}], options=Options(by_name=True))


def test_an_invitation_is_checked_at_the_call() -> None:
    inside = "BEGIN:VEVENT\nUID:1\nEND:VEVENT\n"
    text = f"BEGIN:VCALENDAR\nVERSION:2.0\nPRODID:x\nMETHOD:CANCEL\n{inside}END:VCALENDAR\n"
    calendar = accept(calendar=text).email.calendar
    assert calendar is not None
    assert (calendar.method, calendar.text) == ("CANCEL", text.replace("\n", "\r\n"))
    with pytest.raises(InvalidCalendar):
        accept(calendar="")


# stored and fetched attachments -------------------------------------------------------------------------------------


def stored(tenant: str, blob: str) -> int:
    if (tenant, blob) != ("shop", "f" * 64):
        raise BlobUnavailable(f"tenant {tenant!r} has no stored attachment {blob}")
    return 7


def fetched(url: str, limit: int) -> Iterator[bytes]:
    yield f"{url} {limit}".encode()


def attaching(*attachments: object, **call: object) -> Accepted:
    intake = Intake(
        template_known=known,
        classes=SHIPPED_CLASSES,
        tenants={"default": THE_DEFAULT, "shop": Tenant("shop", (Grant((Sender("*"),)),))},
        sender=Address.parse("notifier@house.example"),
        max_bytes=LIMIT,
        blob_name=lambda data: f"blob-{len(data)}",
        sources=Sources((), stored, fetched),
    )
    more: dict[str, object] = {"template": "welcome", "to": "a@x.example", "tenant": "shop", **call}
    return intake.accept(attachments=attachments, **more)  # type: ignore[arg-type]


def test_a_stored_attachment_is_named_and_not_uploaded_again() -> None:
    for options in (Options(), Options(by_name=True)):
        accepted = attaching({"blob": "f" * 64, "filename": "terms.pdf"}, options=options)
        assert accepted.email.attachments == (AttachmentRef("terms.pdf", "application/pdf", "f" * 64, 7),)
        assert accepted.blobs == {}


@pytest.mark.parametrize(
    ("given", "call", "why"),
    [
        ({"blob": "f" * 64, "filename": "a"}, {"tenant": "default"}, "tenant 'default' has no stored attachment"),
        ({"blob": "e" * 64, "filename": "a"}, {}, "has no stored attachment"),
        ({"blob": "f" * 64}, {}, "a filename is text"),
        ({"blob": "f" * 64, "filename": "../a"}, {}, "no folders"),
        ({"blob": "f" * 64, "filename": "a", "content_type": "multipart/x"}, {}, "content type"),
        ({"blob": 7, "filename": "a"}, {}, "named by text, not int"),
        ({"blob": "f" * 64, "filename": "a", "data": b""}, {}, "has one of"),
        ({"blob": "f" * 64, "filename": "a", "size": 0}, {}, "unknown field size"),
    ],
)
def test_a_stored_attachment_that_is_none_of_the_tenants_is_refused(
    given: object, call: dict[str, object], why: str
) -> None:
    with pytest.raises(InvalidAttachment, match=why):
        attaching(given, **call)


def test_the_size_of_a_stored_attachment_counts() -> None:
    with pytest.raises(MailTooLarge):
        INTAKE_OF_GIANTS.accept(template="welcome", to="a@x.example", attachments=[{"blob": "x", "filename": "a"}])


INTAKE_OF_GIANTS = Intake(
    template_known=known,
    classes=SHIPPED_CLASSES,
    tenants={"default": THE_DEFAULT},
    sender=Address.parse("notifier@house.example"),
    max_bytes=LIMIT,
    blob_name=str,
    sources=Sources((), lambda tenant, blob: LIMIT),
)


def test_a_url_is_fetched_at_the_call_and_named_by_its_end() -> None:
    accepted = attaching({"url": "s3://reports/may.pdf"}, {"url": "s3://reports/x", "filename": "june.pdf"})
    assert [file.filename for file in accepted.email.attachments] == ["may.pdf", "june.pdf"]
    assert f"s3://reports/may.pdf {LIMIT}".encode() in accepted.blobs.values()


def test_a_big_object_is_asked_for_again_when_it_is_kept_and_has_to_be_the_same() -> None:
    readings = [b"x" * (HELD + 1), b"x" * (HELD + 1), b"x" * HELD + b"y"]
    sources = Sources(fetched=lambda url, limit: iter([readings.pop(0)]))
    big = read_attachment({"url": "s3://reports/may.pdf"}, limit=2 * HELD, allow_paths=True, sources=sources).data
    assert len(readings) == 2
    assert whole(big) == b"x" * (HELD + 1)
    with pytest.raises(InvalidAttachment, match=r"may\.pdf' was changed"):
        whole(big)


def test_a_url_is_text_and_none_comes_through_the_broker() -> None:
    with pytest.raises(InvalidAttachment, match="url is text"):
        attaching({"url": 7})
    with pytest.raises(InvalidAttachment, match="carries its data, not a url"):
        attaching({"url": "s3://reports/may.pdf"}, options=Options(by_name=True))
    with pytest.raises(InvalidAttachment, match="no URL is fetched"):
        accept(attachments=[{"url": "s3://reports/may.pdf"}])
    with pytest.raises(InvalidAttachment, match="no stored attachments here"):
        accept(attachments=[{"blob": "f" * 64, "filename": "a"}])


# messages of the application's own ---------------------------------------------------------------------------------

OWN = b"From: Shop <a@shop.example>\r\nTo: b@x.example\r\n\r\nHello\r\n"


def accept_own(message: object = OWN, **call: object) -> Accepted:
    return INTAKE.accept_message(message=message, **call)  # type: ignore[arg-type]


def test_a_message_of_the_applications_own_is_a_mail_like_any_other() -> None:
    accepted = accept_own(mail_class="otp", idempotency_key="k", options=Options(send_at=100.0))
    email = accepted.email
    assert (email.template, email.queue, email.send_at, email.idempotency_key) == ("", "mail.urgent", 100.0, "k")
    assert [one.forward_path for one in email.recipients] == ["b@x.example"]
    assert email.sender == Address.parse("a@shop.example")
    assert email.message == MessageRef(f"blob-{len(OWN)}", len(OWN), "a@shop.example")
    assert dict(accepted.blobs) == {f"blob-{len(OWN)}": OWN}
    assert Email.from_payload(email.to_payload()) == email


def test_the_same_message_again_is_the_same_mail_whenever_it_is_said() -> None:
    first = accept_own(idempotency_key="k").email
    later = intake_at(1e9).accept_message(message=OWN, idempotency_key="k").email
    assert first.body_hash == later.body_hash
    assert first.body_hash != accept_own(OWN + b"more\r\n", idempotency_key="k").email.body_hash
    assert first.body_hash != accept_own(to_addrs="c@x.example", idempotency_key="k").email.body_hash


@pytest.mark.parametrize(
    ("call", "error"),
    [
        ({"message": b"nothing"}, InvalidHeader),
        ({"to_addrs": "a@x.example, b@x.example"}, InvalidAddress),
        ({"to_addrs": []}, InvalidAddress),
        ({"to_addrs": [f"u{n}@x.example" for n in range(1001)]}, InvalidMail),
        ({"from_addr": "nobody"}, InvalidAddress),
        ({"from_addr": 0}, InvalidAddress),
        ({"mail_class": "urgent"}, InvalidMail),
        ({"message": OWN + b"x\r\n" * LIMIT}, MailTooLarge),
        ({"options": Options(expires_at=6.0)}, InvalidMail),
    ],
    ids=str,
)
def test_what_is_wrong_with_a_message_or_its_call_is_refused(call: dict[str, object], error: type[Exception]) -> None:
    with pytest.raises(error):
        accept_own(**call)


def test_a_tenant_must_be_allowed_everybody_in_from_and_the_envelopes_sender() -> None:
    assert accept_own(tenant="shop").email.tenant == "shop"
    assert accept_own(tenant="shop", from_addr="").email.message == MessageRef(f"blob-{len(OWN)}", len(OWN), "")
    for message, call in (
        (OWN.replace(b"Shop <a@shop.example>", b"a@shop.example, boss@house.example"), {}),
        (OWN.replace(b"From:", b"Sender: boss@house.example\r\nFrom:"), {}),
        (OWN, {"from_addr": "boss@house.example"}),
    ):
        with pytest.raises(InvalidMail, match=r"'shop' may not send as boss@house\.example"):
            accept_own(message, tenant="shop", **call)
    with pytest.raises(MailTooLarge, match="the limit is 3,000"):
        accept_own(OWN + b"x\r\n" * 2500, tenant="small")


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


@given(
    st.dictionaries(
        st.text(max_size=4),
        st.one_of(st.text(), st.floats(allow_nan=False, allow_infinity=False), st.integers()),
        max_size=5,
    )
)
def test_a_mail_that_is_surely_small_enough_is_so(context: dict[str, object]) -> None:
    email = accept(context=context).email
    octets = len(json.dumps(email.to_payload(), ensure_ascii=False).encode())
    assert not _is_surely_smaller(email, octets)
    assert _is_surely_smaller(email, 10 * octets + 20_000)
