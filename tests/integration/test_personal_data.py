"""What people may see of a mail while it waits, when it has ended, and after its recipient was purged; real workers."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator

import pytest
import redis
from workers import Plant, plant

from notifier import send_email
from notifier.errors import Phase
from notifier.model.state import MailState
from notifier.testing import Script

SECRET = "https://shop.example/reset?token=canary-8f3a"


@pytest.fixture(scope="module")
def works(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Plant]:
    script = Script().at(Phase.FINAL_REPLY, f"554 5.7.1 looks like spam: {SECRET}", times=1)
    with plant(tmp_path_factory.mktemp("personal"), script) as made:
        made.start_worker(slots=1)
        yield made


def notifier(works: Plant, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", "from notifier.cli import main; main()", *arguments]
    environ = {**works.environ, "COLUMNS": "300"}
    return subprocess.run(command, env=environ, capture_output=True, text=True, timeout=60, check=False)


def send(to: str) -> str:
    return send_email.delay(template="welcome", to=to, context={"name": "Zoë", "action_url": SECRET}).id


def kept(works: Plant) -> str:
    """Every key and value of the ledger."""
    read = {b"hash": "HGETALL", b"string": "GET", b"set": "SMEMBERS"}
    with redis.Redis.from_url(works.valkey.url) as client:
        names = list(client.scan_iter("notifier:*"))
        ranges = {b"list": "LRANGE", b"zset": "ZRANGE"}
        values = [
            client.execute_command(ranges[kind], name, 0, -1)
            if (kind := client.type(name)) in ranges
            else client.execute_command(read[kind], name)
            for name in names
        ]
    return repr((names, values))


def test_a_secret_that_a_server_quotes_is_neither_logged_nor_kept_and_goes_with_the_purge(works: Plant) -> None:
    dead = send("ann@example.com")
    works.settle([dead], MailState.FAILED)
    shown = notifier(works, "status", dead, "--json").stdout + notifier(works, "status", dead).stdout
    assert "looks like spam: [redacted]" in shown
    assert "canary-8f3a" not in shown + works.logs()
    sent = send("ann@example.com")
    works.settle([sent], MailState.SENT)

    purged = notifier(works, "purge", "Ann@Example.com", "--json")
    assert purged.returncode == 0, purged.stderr
    told = json.loads(purged.stdout)
    assert (told["purged"], told["discarded"], told["still_on_their_way"]) == ([sent], [dead], [])
    assert works.status(dead).state is MailState.DISCARDED
    assert sent in kept(works)
    for words in ("canary-8f3a", "ann@example.com", "looks like spam"):
        assert words not in kept(works)
    assert "0 ended mails purged" in notifier(works, "purge", "ann@example.com").stdout
