from __future__ import annotations

import pytest

from notifier.delivery.signatures import SigningKey
from notifier.model.secret import Secret
from notifier.settings.signing import parse_signing_keys

SECRET = "canary" * 6


def test_keys_have_a_name_and_a_secret() -> None:
    assert parse_signing_keys(f"web-1:{SECRET} web-2:{SECRET}:x") == (
        SigningKey("web-1", Secret(SECRET)),
        SigningKey("web-2", Secret(f"{SECRET}:x")),
    )
    assert parse_signing_keys("") == ()


@pytest.mark.parametrize("wrong", [SECRET, "a:canary", f":{SECRET}", f"a/b:{SECRET}", f"web:{SECRET} web:{SECRET}"])
def test_what_is_no_key_is_refused_without_being_shown(wrong: str) -> None:
    with pytest.raises(ValueError, match=r"number 1|twice") as caught:
        parse_signing_keys(wrong)
    assert "canary" not in str(caught.value)
