"""kill -9 of the whole worker at each step before the dot is recorded: the mail goes once, and nothing is unknown."""

from __future__ import annotations

import base64
import threading
from collections.abc import Sequence
from pathlib import Path

import pytest
from workers import Plant, plant, wait_until

from notifier import send_email
from notifier.errors import Phase
from notifier.model.state import MailState
from notifier.testing import CatchingServer, Script
from notifier.testing.script import Action, Step

NAME, PASSWORD = "zoe", "of-this-test-alone"
# No CHUNKING, so that the message waits for 354.
OFFERS = "250-relay.example\r\n250-PIPELINING\r\n250-8BITMIME\r\n250 AUTH PLAIN"
BIG = 8 * 2**20  # octets, more than the system takes in before anybody reads them
STEPS = (Phase.GREETING, Phase.EHLO, Phase.AUTH, Phase.MAIL, Phase.RCPT, Phase.DATA, Phase.BODY)


class StandsStill(Script):
    """Once it is told to, the server stops at a phase of one connection, and never goes on with that."""

    def __init__(self, phase: Phase) -> None:
        super().__init__()
        self._phase = phase
        self.told, self.reached = threading.Event(), threading.Event()
        self.at(Phase.EHLO, OFFERS)

    def for_phase(self, phase: Phase) -> Step:
        if phase is self._phase and self.told.is_set() and not self.reached.is_set():
            self.reached.set()
            return Step(Action.STALL)
        return super().for_phase(phase)


def enqueue(attachments: Sequence[object] = ()) -> str:
    context = {"name": "Zoë"}
    return send_email.delay(template="welcome", to="zoe@example.com", context=context, attachments=attachments).id


def prove_the_login(made: Plant) -> None:
    """Nobody else tries an account's first login while one is under way, and a worker killed in it leaves that so for a while."""
    worker = made.start_worker(slots=1)
    made.settle([enqueue()], "sent")
    worker.kill()


@pytest.mark.parametrize("phase", STEPS, ids=lambda phase: phase.value)
def test_a_worker_killed_before_its_dot_is_recorded_costs_one_try(tmp_path: Path, phase: Phase) -> None:
    script, logs_in = StandsStill(phase), phase is Phase.AUTH
    with CatchingServer(script=script, starttls=False, credentials={NAME: PASSWORD} if logs_in else None) as relay:
        url = relay.url.replace("://", f"://{NAME}:{PASSWORD}@") if logs_in else relay.url
        with plant(tmp_path, NOTIFIER_SMTP_URL=url) as made:
            if logs_in:
                prove_the_login(made)
            before = len(relay.mailbox)
            script.told.set()
            worker = made.start_worker(slots=1)
            big = {"filename": "big.bin", "data": base64.b64encode(bytes(BIG)).decode()}
            mail_id = enqueue([big] if phase is Phase.BODY else ())
            wait_until(script.reached.is_set, f"the server stands still at {phase}")
            assert made.status(mail_id).state is MailState.CLAIMED
            made.lose(worker)
            made.start_worker(slots=1)
            made.settle([mail_id], "sent")
            found = made.status(mail_id)
            assert (found.unknowns, found.crashes, len(relay.mailbox)) == (0, 1, before + 1)
