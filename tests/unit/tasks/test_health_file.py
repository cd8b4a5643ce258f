from __future__ import annotations

import logging
import os
import threading
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


def test_two_who_tell_at_once_write_no_draft_together(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """At SIGTERM the farewell has a thread of its own, and the timer may be in the middle of its word."""

    def tell() -> None:
        for _ in range(200):
            file.tell("it was told to end")

    file = HealthFile(tmp_path / "health", lasts=3600)
    file.tell("")
    threads = [threading.Thread(target=tell) for _ in range(2)]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        Health.read((tmp_path / "health").read_text(encoding="utf-8"))
    assert caplog.text == ""


def test_a_word_that_comes_late_is_not_written_when_the_worker_has_ended(tmp_path: Path) -> None:
    file = HealthFile(tmp_path / "health", lasts=3600)
    file.tell("it was told to end")
    file.remove()
    file.tell("it was told to end")
    assert list(tmp_path.iterdir()) == []


def test_without_a_path_nothing_is_written_or_removed() -> None:
    file = HealthFile(None, lasts=60)
    file.tell("")
    file.remove()


@pytest.mark.parametrize("text", ["", "[]", "{}", "7", '{"pid": 1, "until": null, "hindrance": ""}', "\x00"])
def test_another_file_is_no_health_file(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        Health.read(text)
