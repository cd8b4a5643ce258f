from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from signing_keys import rsa_key

from notifier.settings import Settings
from notifier.settings.dkim import DkimKeys
from notifier.tasks.runtime import Runtime


@pytest.mark.parametrize(("bits", "warned"), [(1024, True), (2048, False)])
def test_a_short_key_is_warned_of_at_the_start(
    bits: int, warned: bool, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    environ = {"NOTIFIER_BROKER_URL": "redis://localhost", "NOTIFIER_JOURNAL": str(tmp_path / "journal")}
    settings = replace(Settings.load(environ), dkim=DkimKeys((rsa_key("shop.example", bits=bits),)))
    Runtime(settings).close(0.0)
    assert ("r1._domainkey.shop.example has 1024 bits" in caplog.text) is warned
