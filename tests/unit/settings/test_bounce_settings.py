from __future__ import annotations

import pytest

from notifier.errors import ConfigurationError
from notifier.settings import Settings

SECRET = "canary" * 6
WHOLE = {
    "NOTIFIER_BROKER_URL": "redis://localhost:6379/0",
    "NOTIFIER_BOUNCE_TO": "bounce@shop.example",
    "NOTIFIER_BOUNCE_KEYS": f"2026:{SECRET}",
}


def problems(**changes: str) -> str:
    with pytest.raises(ConfigurationError) as error:
        Settings.load({name: value for name, value in {**WHOLE, **changes}.items() if value})
    return "\n".join(error.value.problems)


def test_all_of_them_are_read_and_no_secret_is_shown() -> None:
    found = Settings.load(
        {
            **WHOLE,
            "NOTIFIER_BOUNCE_UNSIGNED": "count",
            "NOTIFIER_BOUNCE_TOLERANCE": "5/14d",
            "NOTIFIER_BOUNCE_MAILBOX": "imaps://zoe:canary@mail.example/Bounces",
        }
    )
    bounces = found.bounces
    assert str(bounces.returning.to) == "bounce@shop.example"
    assert (bounces.tolerance.mails, bounces.tolerance.seconds, bounces.unsigned) == (5, 14 * 86400.0, True)
    assert bounces.mailbox is not None
    assert "canary" not in repr(found)


def test_without_them_nothing_changes() -> None:
    bounces = Settings.load({"NOTIFIER_BROKER_URL": "redis://localhost"}).bounces
    assert (bounces.returning.to, bounces.returning.keys, bounces.unsigned, bounces.mailbox) == (None, (), False, None)
    assert (bounces.tolerance.mails, bounces.tolerance.seconds) == (3, 30 * 86400.0)


def test_keys_alone_sign_the_envid() -> None:
    given = {name: value for name, value in WHOLE.items() if name != "NOTIFIER_BOUNCE_TO"}
    assert Settings.load(given).bounces.returning.to is None


def test_a_mailbox_without_keys_is_refused() -> None:
    assert "forge" in problems(NOTIFIER_BOUNCE_KEYS="")


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("NOTIFIER_BOUNCE_TO", "no address", "is no address"),
        ("NOTIFIER_BOUNCE_TO", "a-local-part-that-is-too-long@shop.example", "a token goes behind it"),
        ("NOTIFIER_BOUNCE_TO", "bounce+more@shop.example", "a token goes behind it"),
        ("NOTIFIER_BOUNCE_TO", '"b o"@shop.example', "a token goes behind it"),
        ("NOTIFIER_BOUNCE_KEYS", "short:canary", "32 characters"),
        ("NOTIFIER_BOUNCE_UNSIGNED", "yes", "is one of ignore, count"),
        ("NOTIFIER_BOUNCE_TOLERANCE", "3", "such as 3/30d"),
        ("NOTIFIER_BOUNCE_TOLERANCE", "0/30d", "such as 3/30d"),
        ("NOTIFIER_BOUNCE_MAILBOX", "relative/Maildir", "whole path"),
        ("NOTIFIER_BOUNCE_MAILBOX", "imaps://mail.example/INBOX", "imaps://user:password@host"),
        ("NOTIFIER_BOUNCE_MAILBOX", "imap://zoe:canary@mail.example/INBOX", "clear text"),
        ("NOTIFIER_BOUNCE_MAILBOX", "imaps://zoe:canary@[::1/INBOX", "imaps://user:password@host"),
    ],
)
def test_a_setting_that_cannot_work_says_so_without_its_secret(name: str, value: str, words: str) -> None:
    found = problems(**{name: value})
    assert words in found
    assert "canary" not in found
