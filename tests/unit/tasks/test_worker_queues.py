"""A worker does what its settings of Celery say; without a list of queues it takes the mails of every class."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from workers import TOP

pytestmark = [pytest.mark.unit, pytest.mark.long]  # a process each, for there is one app in each

PROGRAM = """
import json
from notifier.tasks.worker import create_worker_app
app = create_worker_app(config=None)
print(json.dumps(sorted(queue.name for queue in app.conf.task_queues)))
"""


SHIPPED = """
import json, celeryconfig
from notifier.tasks.app import app
if {early}:
    app.conf.task_queues
from worker import app
mine = {{name: value for name, value in vars(celeryconfig).items() if name[0] != "_" and name.islower()}}
print(json.dumps([name for name, value in mine.items() if name != "beat_schedule" and app.conf[name] != value]))
print(app.conf.broker_connection_timeout)
"""


def queues(**more: str) -> list[str]:
    clean = {name: value for name, value in os.environ.items() if not name.startswith("NOTIFIER_")}
    environ = {**clean, "NOTIFIER_BROKER_URL": "redis://localhost:1/0", "NOTIFIER_SMTP_URL": "smtp://localhost", **more}
    done = subprocess.run([sys.executable, "-c", PROGRAM], env=environ, capture_output=True, text=True, check=True)
    return list(json.loads(done.stdout))


def test_it_has_those_of_the_shipped_classes() -> None:
    assert queues() == ["mail", "mail.bulk", "mail.urgent"]


def test_it_has_those_of_ones_own(tmp_path: Path) -> None:
    policies = tmp_path / "policies.toml"
    policies.write_text('[classes.partner]\ndelivery = "at_least_once"\ndeadline = "1d"\nqueue = "partners"\n')
    assert queues(NOTIFIER_POLICIES=str(policies)) == ["mail", "mail.bulk", "mail.urgent", "partners"]


@pytest.mark.parametrize("early", [False, True], ids=["a worker", "a command that has looked at the app before"])
def test_what_celeryconfig_says_is_what_the_worker_does(early: bool) -> None:
    """Defaults of a process that only enqueues stood before it, and a check that looked otherwise than the worker does saw nothing."""
    environ = {"PATH": os.environ["PATH"], "PYTHONPATH": os.environ.get("PYTHONPATH", "")}
    environ |= {"NOTIFIER_BROKER_URL": "redis://localhost:1/0", "NOTIFIER_SMTP_URL": "smtp://localhost"}
    done = subprocess.run(
        [sys.executable, "-c", SHIPPED.format(early=early)],
        cwd=TOP,
        env=environ,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.splitlines() == ["[]", "2.0"]
