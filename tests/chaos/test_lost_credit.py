"""A broker that dies under an acknowledgement: the worker sees that its connection is broken, and reads again."""

from __future__ import annotations

from pathlib import Path

from workers import HURRIED, plant, wait_until

from notifier import send_email
from notifier.tasks.app import app

TASK = "acknowledged.in.vain"  # see `programs.loses_acknowledgements`


def test_a_worker_whose_only_acknowledgement_was_lost_reads_again(tmp_path: Path) -> None:
    with plant(tmp_path, BROKER_PID="0", **HURRIED) as made:
        made.environ |= {"PYTHONPATH": str(Path(__file__).parents[1]), "BROKER_PID": str(made.valkey.pid)}
        made.start_worker(app="programs.loses_acknowledgements", slots=1)
        app.send_task(TASK, queue="mail")
        wait_until(lambda: "Couldn't ack" in made.logs(), "the broker died under the acknowledgement")
        made.valkey.kill()  # it is dead already; this takes note
        made.valkey.start()
        mail_id = send_email.delay(template="welcome", to="zoe@example.com", context={"name": "Zoë"}).id
        made.settle([mail_id], "sent")
        assert "acknowledgements that were lost with the broker: 1" in made.logs()
