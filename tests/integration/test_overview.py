"""`notifier status` without an id: how everything stands, for people and for programs."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from store_conformance import a_worker
from workers import Plant, plant

from notifier import send_email
from notifier.cli.status import command
from notifier.model.breaker import BreakerRule
from notifier.model.pause import Pause
from notifier.pool.relays import place_of
from notifier.store.base import Epoch
from notifier.tasks.runtime import runtime


@pytest.fixture
def works(tmp_path: Path) -> Iterator[Plant]:
    with plant(tmp_path) as made:
        yield made


def told(*words: str) -> Result:
    found = CliRunner(env={"COLUMNS": "160"}).invoke(command, words)
    assert found.exit_code == 0, found.output
    return found


def send(**more: object) -> str:
    mail_id: str = send_email.delay(template="welcome", to="zoe@example.com", context={"name": "Zoë"}, **more).id
    return mail_id


def test_a_store_without_a_mail_has_nothing_to_tell(works: Plant) -> None:
    assert "no queue has had a mail yet" in told().stdout
    found = json.loads(told("--json").stdout)
    assert found == {"queues": [], "pauses": [], "breakers": [], "changes": [], "workers": []}


def test_each_queue_is_told_and_what_holds_mail_up(works: Plant) -> None:
    store = runtime().store
    first, _, coded = send(), send(), send(mail_class="otp")
    store.cancel(coded)
    store.register_worker(a_worker(slots=3), ttl=600)
    (endpoint,) = runtime().settings.endpoints
    rule = BreakerRule(consecutive=1, first=300)
    store.breakers.bad(place_of(endpoint), "host", rule, "connection [red]refused[/red]")
    store.pause(Pause("queue", "mail"), "the relay is on fire")
    store.look(Epoch("e" * 32, 7))

    found = json.loads(told("--json").stdout)
    mail, urgent = found["queues"]
    assert (mail["queue"], mail["slots"], mail["counts"]["waiting"]) == ("mail", 3, 2)
    assert mail["first_due_at"] == store.status(first).due_at
    assert (urgent["queue"], urgent["slots"], urgent["first_due_at"]) == ("mail.urgent", 0, None)
    assert urgent["counts"]["cancelled"] == 1
    assert found["pauses"] == [{"kind": "queue", "name": "mail", "why": "the relay is on fire"}]
    (breaker,) = found["breakers"]
    assert (breaker["relay"], breaker["about"]) == (endpoint.name, "host")
    assert 200 < breaker["wait"] <= 300
    assert [(one["id"], one["concurrency"]) for one in found["workers"]] == [("worker-1", 3)]
    assert [change["why"] for change in found["changes"]] == ["wiped or exchanged"]

    shown = told()
    assert "queue mail is paused: the relay is on fire" in shown.stdout
    assert f"mails for {endpoint.name} wait, " in shown.stdout
    assert "connection [red]refused[/red]" in shown.stdout
    assert "wiped or exchanged" in shown.stderr


def test_looking_gives_no_probe_away(works: Plant) -> None:
    store, (endpoint,) = runtime().store, runtime().settings.endpoints
    place = place_of(endpoint)
    store.breakers.bad(place, "host", BreakerRule(consecutive=1, first=0.001), "refused")
    for _ in range(2):
        assert "for one that is tried now" in told().stdout
    assert store.breakers.permit(place).probe
