"""Real workers at relays that restart, say 421 and drop connections wherever they like: what it costs, and whom."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from random import Random

import pytest
from delivering import promises
from workers import plant, wait_until

import notifier
from notifier import send_bulk
from notifier.errors import Phase
from notifier.testing import Action, Script
from notifier.testing.script import Step

BYE = "421 4.3.2 Going down"


class Moody(Script):
    """Ends a connection now and then, in every phase and in every way."""

    WAYS = (BYE, Action.DROP, Action.RESET)
    EVERY = 40  # steps, on the average

    def __init__(self, seed: int) -> None:
        super().__init__()
        self._rng = Random(seed)  # noqa: S311 - it repeats

    def for_phase(self, phase: Phase) -> Step:
        with self._lock:
            if self._rng.random() > 1 / self.EVERY:
                return Step()
            ways = (*self.WAYS, Action.LOSE_REPLY) if phase is Phase.FINAL_REPLY else self.WAYS
            return Step(self._rng.choice(ways))


def enqueue(count: int) -> list[str]:
    recipients = [{"to": f"n{number}@example.com", "context": {"name": str(number)}} for number in range(count)]
    rows = send_bulk(template="welcome", recipients=recipients, mail_class="transactional", options={"queue": "mail"})
    return [row.result.id for row in rows if row.result]


def accepted(journal: Path) -> Counter[str]:
    lines = journal.read_text().splitlines()
    return Counter(json.loads(line)["message_id"].strip("<>").partition("@")[0] for line in lines)


def resending(folder: Path) -> dict[str, str]:
    """The setting by which a mail whose reply was lost goes again soon, and not when its takeover would be due."""
    policies = folder / "policies.toml"
    policies.write_text('[classes.transactional]\nresend_after = "1s"\n')
    return {"NOTIFIER_POLICIES": str(policies)}


@pytest.mark.parametrize(("pool", "slots"), [("prefork", 3), ("gevent", 10)])
def test_a_relay_that_restarts_again_and_again(tmp_path: Path, pool: str, slots: int) -> None:
    journal = tmp_path / "accepted.jsonl"
    with plant(tmp_path, journal=journal, **resending(tmp_path)) as made:
        made.start_worker("-P", pool, slots=slots)
        ids = enqueue(300)
        for share in (40, 120, 200):
            wait_until(lambda share=share: len(made.server.mailbox) >= share, f"{share} mails have come")
            made.server.stop()
            made.server.start()
        made.settle(ids, "sent", "parked")
        promises([notifier.status(one) for one in ids], accepted(journal))


def test_a_relay_that_ends_connections_wherever_it_likes(tmp_path: Path) -> None:
    journal = tmp_path / "accepted.jsonl"
    with plant(tmp_path, Moody(4), journal=journal, **resending(tmp_path)) as made:
        made.use(NOTIFIER_SMTP_URL=f"{made.server.url}&pool=3", NOTIFIER_BATCH="10")
        made.start_worker("-P", "threads", slots=4)
        ids = enqueue(300)
        made.settle(ids, "sent", "parked")
        found = [notifier.status(one) for one in ids]
        promises(found, accepted(journal))
        assert made.server.visits.most <= 3
        assert any(one.unknowns for one in found), "some replies were lost"
