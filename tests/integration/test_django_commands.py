"""`manage.py sendtestemail` with a worker, without one, and with a relay that refuses."""

from __future__ import annotations

from collections.abc import Iterator
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError
from django.test.utils import override_settings
from django_mail import MAILERS, default_mailer, installed
from workers import Plant, plant

from notifier.testing import Script


@pytest.fixture
def works(tmp_path: Path) -> Iterator[Plant]:
    script = Script().refuse(lambda r: r.startswith("nobody"))
    with plant(tmp_path, script) as made, installed():
        yield made


def said(*words: str, **options: Any) -> str:
    out = StringIO()
    call_command("sendtestemail", *words, stdout=out, **options)
    return out.getvalue()


def test_it_tells_the_id_and_what_became_of_it(works: Plant) -> None:
    works.start_worker(slots=1)
    with default_mailer():
        lines = said("to@example.com", wait=60).splitlines()
        assert lines[0] == "1 of 1 taken by notifier.integrations.django.backends.EmailBackend"
        assert lines[1].endswith(" sent; to@example.com: accepted")
        assert works.status(lines[1].split()[0]).state == "sent"
        with pytest.raises(CommandError, match="see above"):
            said("nobody@example.com", wait=60)
        admins = ["admin@example.com"] if MAILERS else [("A", "admin@example.com")]
        with override_settings(ADMINS=admins, MANAGERS=[], SERVER_EMAIL="root@example.com"):
            assert said("to@example.com", admins=True, managers=True, wait=60).startswith("2 of 2 taken")


def test_without_a_worker_it_says_that_the_mail_waits(works: Plant) -> None:
    with default_mailer():
        assert "waiting; to@example.com: pending; is a worker running?" in said("to@example.com", wait=0.1)


@pytest.mark.parametrize("seconds", ["nan", "inf"])
def test_a_wait_without_end_is_refused(works: Plant, seconds: str) -> None:
    with default_mailer(), pytest.raises(CommandError, match="--wait"):
        said("to@example.com", f"--wait={seconds}")


def test_at_once_and_with_other_backends_there_is_nothing_to_wait_for(works: Plant) -> None:
    with default_mailer("SMTPBackend"):
        assert said("to@example.com").splitlines() == [
            "1 of 1 taken by notifier.integrations.django.backends.SMTPBackend"
        ]
        with pytest.raises(CommandError, match="No such user"):
            said("nobody@example.com")


def test_it_has_the_other_spelling_as_well(works: Plant) -> None:
    out = StringIO()
    with default_mailer("SMTPBackend"):
        call_command("sendtestmail", "to@example.com", stdout=out)
    assert out.getvalue().startswith("1 of 1 taken")
