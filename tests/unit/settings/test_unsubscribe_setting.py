from __future__ import annotations

import pytest

from notifier.errors import ConfigurationError
from notifier.settings import Settings

SECRET = "canary" * 6
WHOLE = {
    "NOTIFIER_BROKER_URL": "redis://localhost:6379/0",
    "NOTIFIER_UNSUBSCRIBE_URL": "https://shop.example/unsubscribe",
    "NOTIFIER_UNSUBSCRIBE_KEYS": f"2026:{SECRET} 2025:{SECRET}",
}


def problems(**changes: str) -> str:
    with pytest.raises(ConfigurationError) as error:
        Settings.load({name: value for name, value in {**WHOLE, **changes}.items() if value})
    return "\n".join(error.value.problems)


def test_a_url_and_keys_make_links() -> None:
    settings = Settings.load({**WHOLE, "NOTIFIER_UNSUBSCRIBE_FOR": "2592000"})
    assert settings.unsubscribe is not None
    assert (settings.unsubscribe.url, settings.unsubscribe.lasts) == ("https://shop.example/unsubscribe", 2592000.0)
    assert [key.key_id for key in settings.unsubscribe.keys] == ["2026", "2025"]
    assert "canary" not in repr(settings)


def test_without_them_there_are_none() -> None:
    assert Settings.load({"NOTIFIER_BROKER_URL": "redis://localhost"}).unsubscribe is None


@pytest.mark.parametrize("missing", ["NOTIFIER_UNSUBSCRIBE_URL", "NOTIFIER_UNSUBSCRIBE_KEYS"])
def test_one_without_the_other_is_refused(missing: str) -> None:
    assert "go together" in problems(**{missing: ""})


@pytest.mark.parametrize(
    "url",
    [
        "http://shop.example/u",
        "shop.example",
        "https://",
        "https://zoe:canary@shop.example/u",
        "https://shop.example/u?a=b",
        "https://shop.example/u#a",
        "https://shop.example/ü",
        "https://shop.example/u>x",
        "https://shop.example/u=",
        "https://shop.example/a b",
        f"https://shop.example/{'x' * 200}",
    ],
)
def test_what_no_header_can_hold_is_refused_at_the_start(url: str) -> None:
    found = problems(NOTIFIER_UNSUBSCRIBE_URL=url)
    assert "NOTIFIER_UNSUBSCRIBE_URL" in found
    assert "canary" not in found


def test_no_key_is_shown() -> None:
    found = problems(NOTIFIER_UNSUBSCRIBE_KEYS="canary")
    assert "NOTIFIER_UNSUBSCRIBE_KEYS" in found
    assert "canary" not in found


def test_a_link_works_for_thirty_days_at_least() -> None:
    assert "30 days" in problems(NOTIFIER_UNSUBSCRIBE_FOR="86400")


@pytest.mark.parametrize("wrong", ["shop", "a:b:c:shop1", "sixteencharacter"])
def test_the_senders_feedback_id_is_one_part(wrong: str) -> None:
    assert "NOTIFIER_FEEDBACK_ID" in problems(NOTIFIER_FEEDBACK_ID=wrong)
