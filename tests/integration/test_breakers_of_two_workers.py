"""A breaker that two workers share, with real ones side by side: what one has learned holds up the other, and when its time
is over one connection finds out for both.
"""

from __future__ import annotations

import threading
from pathlib import Path

import pytest
import redis
from workers import Plant, plant, wait_until

import notifier
from notifier import send_bulk
from notifier.errors import Phase
from notifier.model.state import MailState
from notifier.testing import Action, CatchingServer, Script

# No breaker is half-open before the test says so, and one failure opens it: how many are under way then is no question.
HELD_OPEN = {
    "NOTIFIER_RETRY_SCALE": "1",
    "NOTIFIER_BREAKER_FAILURES": "1",
    "NOTIFIER_BREAKER_OPEN": "3600",
    "NOTIFIER_ACCOUNT_BREAKER_OPEN": "3600",
    "NOTIFIER_BATCH": "1",
}
FAILS_ONCE = [
    pytest.param(Phase.GREETING, Action.DROP, id="relay"),
    pytest.param(Phase.AUTH, "535 5.7.8 Error: authentication failed", id="account"),
]


def send(count: int) -> list[str]:
    recipients = [{"to": f"n{number}@example.com", "context": {"name": str(number)}} for number in range(count)]
    return [row.result.id for row in send_bulk(template="welcome", recipients=recipients)]


def untried(ids: list[str]) -> list[str]:
    return [one for one in ids if not notifier.status(one).history]


def log_of(made: Plant, number: int) -> str:
    return (made.folder / f"worker-{number}.log").read_text(errors="replace")


def both_say(made: Plant, words: str) -> bool:
    """Mails are sent until each of the two workers has had one: nobody says which of them gets the next."""
    ids = send(4)
    wait_until(lambda: not untried(ids), "each was tried")
    return all(words in log_of(made, number) for number in range(2))


def let_half_open(made: Plant) -> None:
    """The time of the breaker that is open is over. It was short, so that those who are held up meanwhile ask again soon."""
    with redis.Redis.from_url(made.valkey.url) as client:
        opened = [key for key in client.scan_iter("notifier:{relay *:breaker*") if client.hexists(key, "until")]
        assert len(opened) == 1
        client.hset(opened[0], mapping={"until": 0, "open_for": 3000})


@pytest.mark.parametrize(("phase", "failure"), FAILS_ONCE)
def test_an_open_breaker_holds_up_both_and_one_connection_probes_for_both(
    phase: Phase, failure: Action | str, tmp_path: Path
) -> None:
    released = threading.Event()
    script = Script().at(phase, failure, times=1).hold(phase, released)
    with CatchingServer(credentials={"zoe": "right"}, script=script) as relay, plant(tmp_path) as made:
        made.use(NOTIFIER_SMTP_URL=relay.url.replace("://", "://zoe:right@"), **HELD_OPEN)
        made.start_worker("-l", "DEBUG", slots=1)
        first = send(1)
        wait_until(lambda: not untried(first), "the breaker is open")
        made.start_worker("-l", "DEBUG", slots=2)
        wait_until(lambda: both_say(made, "no relay may be tried now"), "each of the two was held up")
        assert relay.connections == 1, "neither of them has knocked again"

        let_half_open(made)
        ids = send(40)
        wait_until(lambda: len(untried(ids)) == 1, "all but the probe's were held up")
        assert relay.connections == 2, "one of them probes, and nobody beside it"

        released.set()
        made.settle(ids, "sent")
        wait_until(lambda: both_say(made, "opened in"), "both go on")
        assert {notifier.status(one).attempt for one in ids} == {1}
        assert {notifier.status(one).state for one in first} == {MailState.WAITING}, "an hour is an hour"
