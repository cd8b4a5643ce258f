"""The command `notifier` where DJANGO_SETTINGS_MODULE names a project: its settings, its apps, its faults."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

SETTINGS = """
SECRET_KEY = "for the tests"
INSTALLED_APPS = ["django.contrib.contenttypes", "django.contrib.auth", "notifier.integrations.django"]
NOTIFIER = {"broker_url": "redis://127.0.0.1:1/0", "reports": "kiosk_reports"}
"""
# It imports a model, which works only where Django is set up.
REPORTS = """
from django.contrib.auth.models import User
from notifier import report

@report("new-users", schedule="0 6 * * *", recipients=["boss@example.com"], template="welcome")
def new_users(period):
    return {"name": User.__name__}
"""
SECRET = "postgres://shop:Tr0ub4dor@db/shop"


@pytest.fixture
def kiosk(tmp_path: Path) -> Path:
    (tmp_path / "kiosk_settings.py").write_text(SETTINGS)
    (tmp_path / "kiosk_reports.py").write_text(REPORTS)
    return tmp_path


def notifier(folder: Path, *words: str, settings: str = "kiosk_settings") -> subprocess.CompletedProcess[str]:
    environ = {name: text for name, text in os.environ.items() if not name.startswith("NOTIFIER_")}
    return subprocess.run(
        [sys.executable, "-c", "from notifier.cli import main; main()", *words],
        cwd=folder,
        env={**environ, "DJANGO_SETTINGS_MODULE": settings},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_a_command_has_the_projects_settings_and_models(kiosk: Path) -> None:
    found = notifier(kiosk, "report", "next", "--count", "1", "--json")
    assert found.returncode == 0, found.stderr
    assert [row["report"] for row in json.loads(found.stdout)] == ["new-users"]


@pytest.mark.parametrize(
    ("broken", "told"),
    [("import no_such_module", "ModuleNotFoundError: No module named 'no_such_module'"), (f"raise ValueError('{SECRET}')", "ValueError")],
    ids=["a module that is not there", "an error that may hold a secret"],
)  # fmt: skip
def test_a_project_that_cannot_be_set_up_is_told_in_a_sentence(kiosk: Path, broken: str, told: str) -> None:
    (kiosk / "kiosk_settings.py").write_text(broken)
    found = notifier(kiosk, "queue")
    assert found.returncode == 1
    assert told in found.stderr
    assert "DJANGO_SETTINGS_MODULE=kiosk_settings" in found.stderr
    assert "Traceback" not in found.stderr
    assert SECRET not in found.stdout + found.stderr


def test_what_looks_at_a_file_needs_no_project(kiosk: Path) -> None:
    found = notifier(kiosk, "completion", "bash", settings="not_there")
    assert found.returncode == 0, found.stderr
