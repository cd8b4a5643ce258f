from __future__ import annotations

import logging
import os
import time
from pathlib import Path

import pytest

from notifier.model.health import Health
from notifier.tasks.health_file import HealthFile


def test_what_is_told_is_read_back(tmp_path: Path) -> None:
    HealthFile(tmp_path / "health", lasts=3600).tell("the broker is not reached")
    found = Health.read((tmp_path / "health").read_text(encoding="utf-8"))
    assert (found.pid, found.hindrance) == (os.getpid(), "the broker is not reached")
    assert found.until > time.time()
    assert [file.name for file in tmp_path.iterdir()] == ["health"]


def test_a_file_that_cannot_be_written_is_said_and_ends_nothing(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        HealthFile(tmp_path / "nowhere" / "health", lasts=60).tell("")
    assert "the health file was not written" in caplog.text


def test_without_a_path_nothing_is_written_or_removed() -> None:
    file = HealthFile(None, lasts=60)
    file.tell("")
    file.remove()


@pytest.mark.parametrize("text", ["", "[]", "{}", "7", '{"pid": 1, "until": null, "hindrance": ""}', "\x00"])
def test_another_file_is_no_health_file(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        Health.read(text)
