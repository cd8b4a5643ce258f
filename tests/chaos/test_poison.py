"""Mails that crash, hang or fill the child that has them, and time limits that strike: one worker for all of it."""

from __future__ import annotations

import json
import signal
import threading
import time
from collections import Counter
from collections.abc import Collection, Iterator
from pathlib import Path

import psutil
import pytest
from workers import TOP, Plant, plant, wait_until

import notifier
from notifier import send_email
from notifier.errors import Phase
from notifier.model.state import MailState
from notifier.testing import Script

DOT_DEADLINE = 0.5  # seconds
QUICK = {
    "NOTIFIER_TIME_SLICE": "0.4",
    "NOTIFIER_SWEEP_INTERVAL": "0.3",
    "NOTIFIER_DOT_DEADLINE": str(DOT_DEADLINE),
    "NOTIFIER_BREAKER_FAILURES": "1000",
}
ODD_PLACE = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0", "TZ": "Pacific/Kiritimati"}  # UTC+14
TEMPLATES = {
    "huge": "{{ 'A' * 10**10 }}",
    "endless": "{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}",
}
# The soft time limit and the hard one, in seconds: a relay that stands still for three is not to cost a healthy mail its crash.
BOTH_STRIKE = pytest.mark.parametrize("made", ["3.5 4.5"], indirect=True, ids=["both limits strike"])
ONE_STRIKES = pytest.mark.parametrize("made", ["4.0 600.0"], indirect=True, ids=["the soft limit strikes"])
# Compiled at once: a child that has just begun, and has seconds, is not to spend it on the layout of those that ship.
HEALTHY = {"plain": "Hello {{ name }}"}
SCRIPT = Script()


def write_templates(folder: Path) -> str:
    for name, text in (TEMPLATES | HEALTHY).items():
        (folder / name).mkdir(parents=True)
        (folder / name / "subject.txt.j2").write_text("A subject")
        (folder / name / "text.txt.j2").write_text(text)
    return str(folder)


@pytest.fixture(scope="module")
def made(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Plant]:
    folder = tmp_path_factory.mktemp("poison")
    with plant(folder, SCRIPT, journal=folder / "accepted.jsonl") as made:
        made.use(
            **QUICK,
            NOTIFIER_SMTP_URL=f"{made.server.url}&messages_per_connection=1",
            NOTIFIER_TEMPLATES=write_templates(folder / "templates"),
        )
        made.environ.update(ODD_PLACE, PYTHONPATH=f"{TOP}:{TOP / 'tests'}", TIME_LIMITS=request.param)
        made.start_worker(slots=3, app="programs.poisoned")
        yield made


def send(template: str = "plain", poison: str = "", mail_class: str = "transactional") -> str:
    context = {"name": "Zoë", "poison": poison}
    call = {"template": template, "to": "zoe@example.com", "context": context, "mail_class": mail_class}
    return send_email.apply_async(kwargs=call, queue="mail").id


def settle(made: Plant, mail_ids: Collection[str], *states: str) -> None:
    """Wait until each is in one of the states. What a dead child had in hand is over at once: a lease that is so short would end
    where a child stands still for a while, too.
    """

    def done() -> bool:
        made.lapse(lambda pid: not psutil.pid_exists(pid))
        return all(notifier.status(mail_id).state in states for mail_id in mail_ids)

    wait_until(done, f"mails in {states}", evidence=made.last_words)


def copies(made: Plant, mail_id: str) -> int:
    lines = (made.folder / "accepted.jsonl").read_text().splitlines()
    return Counter(json.loads(line)["message_id"].strip("<>").partition("@")[0] for line in lines)[mail_id]


@BOTH_STRIKE
def test_what_a_mail_does_to_its_child_is_its_own_affair(made: Plant) -> None:
    """Three tries and then quarantine, though it was claimed together with others, who are sent."""
    poisons = {name: send(poison=name) for name in ("segfault", "killed", "hang", "no memory")}
    poisons |= {name: send(template=name) for name in TEMPLATES}
    healthy = [send() for _ in range(20)]
    settle(made, healthy, "sent")
    settle(made, poisons.values(), "quarantined", "failed")
    found = {name: notifier.status(mail_id) for name, mail_id in poisons.items()}
    ends = {name: (one.state, one.crashes) for name, one in found.items() if name not in TEMPLATES}
    assert ends == dict.fromkeys(ends, (MailState.QUARANTINED, 3))
    assert {found[name].state for name in TEMPLATES} == {MailState.FAILED}
    assert "it needs more memory than it may have" in str(found["huge"].last_fault)
    assert made.workers[0].running


@BOTH_STRIKE
def test_a_hard_time_limit_before_the_dot_costs_a_try_and_at_the_dot_leaves_an_unknown(made: Plant) -> None:
    never = threading.Event()
    SCRIPT.hold(Phase.FINAL_REPLY, never, times=1)
    unknown = send(mail_class="bulk")
    wait_until(lambda: made.taken(unknown), "its reply is awaited")
    SCRIPT.hold(Phase.EHLO, never, times=1)
    retried = send()
    settle(made, [retried], "sent")
    settle(made, [unknown], "parked")
    one, other = notifier.status(retried), notifier.status(unknown)
    assert (one.unknowns, copies(made, retried)) == (0, 1)
    assert one.crashes >= 1, "a second that its child stands still for is another one"
    assert (other.unknowns, copies(made, unknown)) == (1, 1)


@BOTH_STRIKE
def test_in_an_odd_place_the_date_and_the_names_are_right(made: Plant) -> None:
    """The worker has the locale C, ASCII as its encoding, and a clock that shows fourteen hours more than UTC."""
    mail_id = send()
    settle(made, [mail_id], "sent")
    (caught,) = [mail for mail in made.server.mailbox if mail_id in mail.message_id]
    date = caught.message["Date"]
    assert date.endswith("+0000")
    assert date.datetime.timestamp() == int(notifier.status(mail_id).created_at)
    assert "Zoë" in caught.message.get_body(("plain",)).get_content()


@ONE_STRIKES
def test_a_soft_time_limit_that_strikes_while_the_final_reply_is_awaited_waits_for_the_settlement(made: Plant) -> None:
    released = threading.Event()
    SCRIPT.hold(Phase.FINAL_REPLY, released, times=1)
    mail_id = send()
    wait_until(lambda: "the soft time limit has struck at a dot" in made.logs(), "it has struck")
    released.set()
    made.settle([mail_id], "sent")
    found = notifier.status(mail_id)
    assert (found.unknowns, found.crashes, copies(made, mail_id)) == (0, 0, 1)
    wait_until(lambda: "raised unexpected: SoftTimeLimitExceeded" in made.logs(), "the task has heard it afterwards")


@ONE_STRIKES
def test_a_child_frozen_between_the_record_of_its_dot_and_the_dot_writes_none_when_it_is_too_late(made: Plant) -> None:
    mail_id = send(poison="frozen at the dot", mail_class="bulk")
    main = psutil.Process(made.workers[0].pid)
    wait_until(lambda: any(child.status() == psutil.STATUS_STOPPED for child in main.children()), "it is frozen")
    time.sleep(2 * DOT_DEADLINE)
    made.workers[0].signal_group(signal.SIGCONT)
    made.settle([mail_id], "sent", "parked")
    found = notifier.status(mail_id)
    assert (found.state, found.unknowns, copies(made, mail_id)) == (MailState.SENT, 0, 1)
    assert "the dot deadline had passed" in made.logs()
