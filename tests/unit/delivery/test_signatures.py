from __future__ import annotations

import math
from typing import Any

import pytest

from notifier.delivery.signatures import SigningKey, check_signature, sign
from notifier.errors import UnsignedPayload
from notifier.model.secret import Secret

OLD, NEW = (SigningKey(name, Secret(name * 16)) for name in ("old", "new"))
MAIL: dict[str, Any] = {"template": "welcome", "to": "zoe@example.com", "context": {"name": "Zoë", "n": 1.5}}
SIGNED = sign(MAIL, task_id="t1", key=OLD, expires_at=100)


def check(signature: object = SIGNED, mail: dict[str, Any] = MAIL, **more: Any) -> None:
    given = {"task_id": "t1", "keys": (NEW, OLD), "now": 99.0, **more}
    check_signature({**mail, "signature": signature}, signature, **given)


def taken(*given: Any, **more: Any) -> bool:
    try:
        check(*given, **more)
    except UnsignedPayload:
        return False
    return True


def test_what_one_of_the_keys_has_signed_is_taken() -> None:
    assert taken()


def test_without_keys_nothing_is_asked_for() -> None:
    assert taken(None, keys=())
    assert not taken(None)


def test_the_order_of_the_arguments_does_not_matter() -> None:
    assert taken(mail=dict(reversed(MAIL.items())))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"signature": None}, "no signature"),
        ({"signature": "0" * 64}, "no signature"),
        ({"signature": {**SIGNED, "key": "none"}}, "not in NOTIFIER_PAYLOAD_KEYS"),
        ({"keys": (NEW,)}, "not in NOTIFIER_PAYLOAD_KEYS"),
        ({"signature": {**SIGNED, "key": "new"}}, "another's"),
        ({"signature": {**SIGNED, "mac": "0" * 64}}, "another's"),
        ({"signature": {**SIGNED, "mac": "é\ud800"}}, "another's"),
        ({"signature": {**SIGNED, "mac": None}}, "is none"),
        ({"signature": {**SIGNED, "expires": 1000}}, "another's"),
        ({"signature": {**SIGNED, "expires": True}}, "is none"),
        ({"signature": {**SIGNED, "expires": "100"}}, "is none"),
        ({"signature": sign(MAIL, task_id="t1", key=OLD, expires_at=math.nan)}, "is over"),
        ({"mail": {**MAIL, "to": "eve@example.com"}}, "another's"),
        ({"mail": {**MAIL, "bcc": "eve@example.com"}}, "another's"),
        ({"task_id": "t2"}, "another's"),
        ({"now": 100.0}, "is over"),
    ],
)
def test_anything_else_is_refused_with_the_reason(change: dict[str, Any], words: str) -> None:
    with pytest.raises(UnsignedPayload, match=words):
        check(**change)


def test_a_secret_is_in_no_repr() -> None:
    assert "oldold" not in repr(OLD)
