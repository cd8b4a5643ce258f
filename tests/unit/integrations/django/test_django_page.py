"""The page about Django says what the code says."""

from __future__ import annotations

import inspect
from pathlib import Path

import pytest
from django_mail import MAILERS  # noqa: F401 - it sets Django up

from notifier.integrations.django import EmailBackend, SMTPBackend, conf, system_checks

PAGE = (Path(__file__).parents[4] / "docs" / "how-to" / "django.md").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    "name", sorted({*conf.OWN, *conf.RELAY_SETTINGS, *EmailBackend.OPTIONS, *SMTPBackend.OPTIONS, "fail_silently"})
)
def test_every_option_is_told(name: str) -> None:
    assert f"`{name}`" in PAGE


def test_every_check_is_told() -> None:
    source = inspect.getsource(system_checks)
    ids = {part.partition('"')[0] for part in source.split('id="')[1:]}
    assert ids
    assert [one for one in sorted(ids) if f"`{one}`" not in PAGE] == []
