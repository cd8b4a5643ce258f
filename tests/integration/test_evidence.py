"""Classes that look for proof of an unknown outcome, with real workers and a relay whose last word is lost."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from commands import notifier as command
from delivery_reports import recipient, report
from workers import TOP, Plant, plant, wait_until

from notifier import send_email
from notifier.cli.resolve import command as resolving
from notifier.errors import Phase
from notifier.model.state import MailState
from notifier.testing import Action, Script

CLASSES = """\
[classes.contract]
delivery = "evidence_first"
queue = "mail"

[classes.again]
delivery = "evidence_first"
queue = "mail"
evidence_for = "1s"
then = "at_least_once"
resend_after = "1s"

[classes.once]
delivery = "evidence_first"
queue = "mail"
evidence_for = "1s"
"""
TAKEN = """\
Nov 25 19:34:43 mx1 postfix/cleanup[1204]: 4F1A2B3C4D: message-id=<{mail_id}@localhost>
Nov 25 19:34:43 mx1 postfix/qmgr[987]: 4F1A2B3C4D: from=<notifier@localhost>, size=1893, nrcpt=1 (queue active)
Nov 25 19:34:44 mx1 postfix/smtp[1210]: 4F1A2B3C4D: to=<zoe@example.com>, relay=mail.example.com[198.51.100.4]:25, \
delay=0.71, delays=0.05/0.01/0.4/0.25, dsn={dsn}, status={status} (the other server's words)
Nov 25 19:34:44 mx1 postfix/qmgr[987]: 4F1A2B3C4D: removed
"""


script = Script()


@contextmanager
def looking(folder: Path, app: str = "worker") -> Iterator[Plant]:
    """The relay's log is empty as yet, and the application knows nothing."""
    policies, log, known = folder / "policies.toml", folder / "mail.log", folder / "known"
    policies.write_text(CLASSES)
    log.write_text("")
    known.write_text("")
    with plant(folder, script, NOTIFIER_POLICIES=str(policies), NOTIFIER_RELAY_LOG=str(log)) as made:
        made.environ |= {"PYTHONPATH": str(TOP / "tests" / "programs"), "PROVING_FILE": str(known)}
        made.start_worker(app=app, slots=1)
        yield made


@pytest.fixture(scope="module")
def works(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Plant]:
    with looking(tmp_path_factory.mktemp("evidence"), app="proving") as made:
        yield made


def send(mail_class: str) -> str:
    mail_id: str = send_email.delay(
        template="welcome", to="zoe@example.com", context={"name": "Zoë"}, mail_class=mail_class
    ).id
    return mail_id


def send_unknown(works: Plant, action: Action = Action.LOSE_REPLY) -> str:
    """A mail of which nobody knows whether it has arrived."""
    script.at(Phase.FINAL_REPLY, action, times=1)
    mail_id = send("contract")
    works.settle([mail_id], "unknown")
    return mail_id


def copies(works: Plant, mail_id: str) -> int:
    return sum(mail_id in mail.message_id for mail in works.server.mailbox)


@pytest.mark.parametrize(
    ("status", "dsn", "state", "recipient"),
    [("sent", "2.0.0", "sent", "accepted"), ("bounced", "5.1.1", "failed", "refused")],
)
def test_the_relays_log_proves_what_became_of_it(
    works: Plant, status: str, dsn: str, state: str, recipient: str
) -> None:
    mail_id = send_unknown(works)
    (works.folder / "mail.log").write_text(TAKEN.format(mail_id=mail_id, status=status, dsn=dsn))
    works.settle([mail_id], state)
    assert works.status(mail_id).recipients == {"zoe@example.com": recipient}
    assert works.status(mail_id).history[-1]["why"].startswith("the relay's log says: ")
    assert copies(works, mail_id) == 1


def test_an_applications_own_source_says_that_it_did_not_arrive_and_it_is_sent_again(works: Plant) -> None:
    mail_id = send_unknown(works, Action.DROP)
    assert copies(works, mail_id) == 0
    (works.folder / "known").write_text(f"{mail_id} not_delivered\n")
    works.settle([mail_id], "sent")
    assert copies(works, mail_id) == 1
    assert "proving.look_up says: not_delivered" in works.logs()


@pytest.mark.parametrize(
    ("mail_class", "states", "count"),
    [("again", ["unknown", "waiting", "sent"], 2), ("once", ["unknown", "parked"], 1)],
)
def test_without_proof_it_goes_the_way_that_its_class_names(
    works: Plant, mail_class: str, states: list[str], count: int
) -> None:
    script.at(Phase.FINAL_REPLY, Action.LOSE_REPLY, times=1)
    mail_id = send(mail_class)
    works.settle([mail_id], states[-1])
    assert [entry["state"] for entry in works.status(mail_id).history] == states
    assert copies(works, mail_id) == count


def test_a_person_need_not_wait_for_proof(works: Plant) -> None:
    mail_id = send_unknown(works)
    found = command(works.environ, "resolve", mail_id, "sent", "--why", "Zoë has called", "--json")
    assert json.loads(found.stdout) == [{"id": mail_id, "state": "sent", "error": None, "warning": None}]
    assert works.status(mail_id).state is MailState.SENT


def resolve(*words: str) -> Result:
    return CliRunner().invoke(resolving, words)


def test_a_report_decides_and_what_is_none_says_so(works: Plant) -> None:
    mail_id, file = send_unknown(works), works.folder / "report.eml"
    envelope_id = f"Original-Envelope-Id: {mail_id}\n"
    file.write_bytes(report(recipient("failed", original="bob@example.com"), envelope_id=envelope_id))
    found = resolve("--dsn", str(file))
    assert (found.exit_code, "nothing was changed by it" in found.output) == (1, True), "it is about somebody else"
    file.write_bytes(report(recipient("failed", original="zoe@example.com"), envelope_id=envelope_id))
    found = resolve("--dsn", str(file), "--json")
    assert json.loads(found.stdout) == [{"id": mail_id, "state": "failed", "error": None, "warning": None}]
    assert works.status(mail_id).recipients == {"zoe@example.com": "refused"}
    file.write_text("Subject: I am away\n\nUntil Monday.\n")
    assert "no delivery status notification" in resolve("--dsn", str(file)).output
    assert "give reports by --dsn" in resolve("sent").output


def test_without_a_word_it_lists_what_waits_for_one(works: Plant) -> None:
    mail_id = send_unknown(works)
    (found,) = (one for one in json.loads(resolve("--json").stdout) if one["id"] == mail_id)
    assert found["state"] == "unknown"
    assert mail_id not in resolve("--json", "--domain", "elsewhere.example").stdout
    assert resolve("--queue", "mail", mail_id, "sent").exit_code == 2


def test_a_mail_whose_worker_was_killed_at_the_dot_waits_for_proof_too(tmp_path: Path) -> None:
    script.hold(Phase.FINAL_REPLY, threading.Event(), times=1)
    with looking(tmp_path) as made:
        mail_id = send("contract")
        wait_until(lambda: made.taken(mail_id), "its reply is awaited")
        made.lose(made.workers[0])
        made.start_worker(slots=1)
        made.settle([mail_id], "unknown")
        (tmp_path / "mail.log").write_text(TAKEN.format(mail_id=mail_id, status="sent", dsn="2.0.0"))
        made.settle([mail_id], "sent")
