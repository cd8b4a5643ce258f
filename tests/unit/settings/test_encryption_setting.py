from __future__ import annotations

import pytest
from cryptography.fernet import Fernet

from notifier.model.secret import Secret
from notifier.settings.encryption import parse_keys


def test_keys_stand_with_blanks_between_them_the_first_first() -> None:
    keys = [Fernet.generate_key().decode() for _ in range(2)]
    assert parse_keys(" ".join(keys)) == tuple(map(Secret, keys))
    assert parse_keys("") == ()


@pytest.mark.parametrize("wrong", ["canary", "canary" * 8, "ä" * 43 + "="])
def test_what_is_no_key_is_refused_without_being_shown(wrong: str) -> None:
    with pytest.raises(ValueError, match="number 2 what is no key") as caught:
        parse_keys(f"{Fernet.generate_key().decode()} {wrong}")
    assert wrong not in str(caught.value)
