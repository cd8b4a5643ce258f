"""`notifier check --production` as a person runs it: the exit status, and every fault with what to do about it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import redis
from workers import TOP, plant


def test_what_was_set_on_purpose_is_told_and_nothing_else(tmp_path: Path) -> None:
    with plant(tmp_path, NOTIFIER_FROM="shop@mail.shop.com", NOTIFIER_RETRY_SCALE="0.1") as made:
        with redis.Redis.from_url(made.valkey.url) as client:
            client.config_set("maxmemory-policy", "allkeys-lru")
        done = subprocess.run(
            [sys.executable, "-c", "from notifier.cli import main; main()", "check", "--production", "--json"],
            env=made.environ,
            cwd=TOP,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
    faults = [one for one in json.loads(done.stdout) if not one["ok"]]
    assert (done.returncode, done.stderr) == (1, "")
    assert [one["subject"] for one in faults] == ["store", "settings"]
    assert "set noeviction" in faults[0]["advice"]
    assert "NOTIFIER_RETRY_SCALE is 0.1" in faults[1]["seen"]
    assert faults[1]["advice"]
