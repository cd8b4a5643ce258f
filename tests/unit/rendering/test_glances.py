"""What was seen on the disk a moment ago counts for as long as it was said to."""

from __future__ import annotations

import pytest

from notifier.rendering import glances
from notifier.rendering.glances import Glances

pytestmark = pytest.mark.unit


class Disk:
    """Counts who looks."""

    def __init__(self) -> None:
        self.looks = 0

    def look(self, name: str) -> str:
        self.looks += 1
        if name == "missing":
            raise FileNotFoundError(name)
        return f"{name} {self.looks}"


def test_without_a_time_every_look_is_at_the_disk() -> None:
    disk, seen = Disk(), Glances()
    assert [seen.at("file", disk.look, "a") for _ in range(3)] == ["a 1", "a 2", "a 3"]


def test_within_the_time_the_disk_is_looked_at_once_for_each_thing(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [100.0]
    monkeypatch.setattr(glances.time, "monotonic", lambda: now[0])
    disk, seen = Disk(), Glances(every=1.0)
    assert [seen.at("file", disk.look, name) for name in ("a", "b", "a")] == ["a 1", "b 2", "a 1"]
    assert seen.at("stamp", disk.look, "a") == "a 3"
    now[0] += 1.0
    assert seen.at("file", disk.look, "a") == "a 4"


def test_what_could_not_be_seen_is_looked_for_again() -> None:
    disk, seen = Disk(), Glances(every=100.0)
    for _ in range(2):
        with pytest.raises(FileNotFoundError):
            seen.at("file", disk.look, "missing")
    assert disk.looks == 2
