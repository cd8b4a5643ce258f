"""What importing a part loads."""

from __future__ import annotations

import subprocess
import sys

import pytest


@pytest.mark.parametrize("statement", ["from notifier import smtp", "import notifier.protocol", "import notifier"])
def test_smtp_alone_loads_neither_celery_nor_redis(statement: str) -> None:
    code = f"{statement}; import sys; print([m for m in ('celery', 'redis', 'jinja2', 'smtplib') if m in sys.modules])"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"


def test_looking_at_a_task_without_settings_does_not_break_it() -> None:
    """Test runners and shells look at every attribute; Celery's lazy tasks are made by that."""
    code = "from notifier import send_email; send_email.name; print(send_email.request_stack is not None)"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env={})
    assert found.stdout.strip() == "True"


def test_a_name_that_smtp_and_the_drop_in_both_have_for_a_module_is_smtps() -> None:
    code = "from notifier.smtp import tls; print(tls.__name__)"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "notifier.smtp.tls"
