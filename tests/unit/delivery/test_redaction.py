from __future__ import annotations

from typing import Any

import pytest

from notifier.delivery.redaction import REDACTED, Redactor
from notifier.errors import ErrorClass, Fault, Phase, Scope, TemplateNotFound
from notifier.model.address import Address
from notifier.model.email import Email
from notifier.model.state import MailState
from notifier.store.base import Claim, Settlement

KEYS = {"login": frozenset({"code", "link"}), "plain": frozenset[str]()}
CONTEXT: dict[str, Any] = {
    "name": "Zoë",
    "code": 481516,
    "link": {"url": "https://shop.example/r?t=8f3a", "ttl": 10},
    "items": [{"title": "Pen", "code": "A-9000"}],
}


def sensitive(template: str) -> frozenset[str]:
    if template not in KEYS:
        raise TemplateNotFound(template)
    return KEYS[template]


redactor = Redactor(sensitive)


def settlement(text: str, template: str = "login", **more: Any) -> Settlement:
    email = Email("id", template, (Address.parse("zoe@example.com"),), CONTEXT, "key", 0.0)
    fault = Fault("Z3", ErrorClass.PERMANENT, Scope.MESSAGE, Phase.FINAL_REPLY, text, 554)
    return Settlement(Claim(email, 1, {}, 0, 0, 0, 60.0), MailState.FAILED, fault=fault, **more)


def words(one: Settlement) -> str:
    assert one.fault is not None
    return one.fault.text


def test_sensitive_keys_are_shown_to_nobody_at_any_depth() -> None:
    assert redactor.context(settlement("").claim.email) == {
        "name": "Zoë",
        "code": REDACTED,
        "link": REDACTED,
        "items": [{"title": "Pen", "code": REDACTED}],
    }


def test_of_a_template_that_is_gone_nothing_is_shown() -> None:
    assert set(redactor.context(settlement("", "gone").claim.email).values()) == {REDACTED}


@pytest.mark.parametrize("secret", ["481516", "https://shop.example/r?t=8f3a", "A-9000"])
def test_a_server_that_quotes_a_secret_is_not_quoted(secret: str) -> None:
    said = ("C: RCPT TO:<a@b.example>", f"S: 554 {secret}")
    found = redactor.settlement(settlement(f"spam: 'Your code {secret}'", reply=f"554 {secret}", transcript=said))
    assert found.transcript == ("C: RCPT TO:<a@b.example>", f"S: 554 {REDACTED}")
    assert words(found) == f"spam: 'Your code {REDACTED}'"
    assert found.reply == f"554 {REDACTED}"


def test_what_is_said_of_an_address_is_kept_without_the_secret() -> None:
    fault = Fault("R7", ErrorClass.PERMANENT, Scope.RECIPIENT, Phase.RCPT, "5.1.1 code 481516")
    found = redactor.settlement(settlement("no", wrong_addresses={"zoe@example.com": fault}))
    assert found.wrong_addresses["zoe@example.com"].text == f"5.1.1 code {REDACTED}"


def test_what_is_not_sensitive_or_too_short_to_be_a_secret_stays() -> None:
    for text in ("Zoë, Pen, 10 minutes", "250 ok"):
        assert words(redactor.settlement(settlement(text))) == text


def test_a_template_without_sensitive_keys_hides_nothing() -> None:
    one = settlement("code 481516", "plain")
    assert redactor.settlement(one) is one


def test_of_a_template_that_is_gone_no_value_is_quoted() -> None:
    assert words(redactor.settlement(settlement("Pens, 481516", "gone"))) == f"Pens, {REDACTED}"
