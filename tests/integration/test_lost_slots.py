"""Slots that the pool has lost with the broker's connection come back: a lone worker goes on."""

from __future__ import annotations

from pathlib import Path

from workers import plant

from notifier import send_email


def test_a_worker_that_has_lost_every_slot_finds_them_again(tmp_path: Path) -> None:
    with plant(tmp_path) as made:
        made.environ["PYTHONPATH"] = str(Path(__file__).parents[1])
        made.start_worker(app="programs.loses_slots")
        ids = [send_email.delay(template="welcome", to="zoe@example.com", context={"name": "Zoë"}).id for _ in range(5)]
        made.settle(ids, "sent")
        assert "are given back" in made.logs()
