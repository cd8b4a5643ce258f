"""A project as the page about Django describes it: its worker.py, its commands, processes of its own."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from workers import QUICK, TOP, Plant, plant, wait_until

from notifier.testing.supervised import SupervisedProcess

PAGE = (TOP / "docs" / "how-to" / "django.md").read_text(encoding="utf-8")
SETTINGS = """
import os
import django
SECRET_KEY = "for tests"
INSTALLED_APPS = ["notifier.integrations.django"]
BACKEND = "notifier.integrations.django.EmailBackend"
RELAY = {"host": "localhost", "port": int(os.environ["RELAY_PORT"]), "use_tls": False}
if django.VERSION >= (6, 1):
    MAILERS = {"default": {"BACKEND": BACKEND, "OPTIONS": RELAY}}
else:
    EMAIL_BACKEND, EMAIL_HOST, EMAIL_PORT, EMAIL_USE_TLS = BACKEND, *RELAY.values()
TEMPLATES = [{"BACKEND": "django.template.backends.django.DjangoTemplates", "DIRS": ["templates"]}]
DEFAULT_FROM_EMAIL = "Shop <shop@example.com>"
NOTIFIER = {"broker_url": os.environ["BROKER"], "sweep_interval": 1, "journal": os.environ["JOURNAL"]}
"""
MANAGE = """
import os, sys
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "shop.settings")
from django.core.management import execute_from_command_line
execute_from_command_line(sys.argv)
"""

ENQUEUE = """
import worker
from notifier import send_email
result = send_email.delay(template="shop/welcome", to="zoe@example.com", context={"name": "Zoë"})
print(result.get(timeout=60).state)
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "shop").mkdir()
    (tmp_path / "shop" / "__init__.py").touch()
    (tmp_path / "shop" / "settings.py").write_text(SETTINGS)
    (tmp_path / "manage.py").write_text(MANAGE)
    (worker,) = (block for block in re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL) if "create_worker_app" in block)
    (tmp_path / "worker.py").write_text(worker)
    welcome = tmp_path / "templates" / "shop" / "welcome"
    welcome.mkdir(parents=True)
    (welcome / "subject.txt").write_text("Welcome, {{ name }}")
    (welcome / "body.txt").write_text("Hello {{ name|upper }}")
    shutil.copy(TOP / "celeryconfig.py", tmp_path)
    return tmp_path


@pytest.fixture
def made(tmp_path: Path) -> Iterator[Plant]:
    with plant(tmp_path) as found:
        yield found


def test_the_project_of_the_page_sends_by_its_own_worker(project: Path, made: Plant) -> None:
    environ = {name: text for name, text in os.environ.items() if not name.startswith(("NOTIFIER_", "DJANGO_"))}
    environ |= {"BROKER": made.valkey.url, "RELAY_PORT": str(made.server.port), "JOURNAL": str(project / "journal")}
    given = os.environ.get("PYTHONPATH", "").split(os.pathsep)  # another version of Django lies there
    environ["PYTHONPATH"] = os.pathsep.join([*filter(None, given), str(TOP), str(project)])
    celery = [sys.executable, "-m", "celery", "-A", "worker", "worker", "-c", "1", *QUICK]
    with (project / "worker-0.log").open("wb") as log:
        made.workers.append(SupervisedProcess(celery, env=environ, cwd=project, output=log))
    wait_until(lambda: made.registered(made.workers[0]) or not made.workers[0].running, "the worker is up")
    assert made.workers[0].running, made.logs()
    assert "no issues" in manage(project, environ, "check")
    for command in ("sendtestemail", "sendtestmail"):
        assert "sent; you@example.com: accepted" in manage(project, environ, command, "you@example.com", "--wait=60")
    assert run(project, environ, sys.executable, "-c", ENQUEUE) == "sent\n"
    assert [mail.message["From"] for mail in made.server.mailbox] == ["Shop <shop@example.com>"] * 3
    last = list(made.server.mailbox)[-1].message
    assert (last["Subject"], last.get_content().strip()) == ("Welcome, Zoë", "Hello ZOË")


def manage(project: Path, environ: dict[str, str], *words: str) -> str:
    return run(project, environ, sys.executable, "manage.py", *words)


def run(project: Path, environ: dict[str, str], *command: str) -> str:
    done = subprocess.run(command, cwd=project, env=environ, capture_output=True, text=True, timeout=100, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout
