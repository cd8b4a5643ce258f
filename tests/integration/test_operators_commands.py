"""The commands of an operator, against real servers."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from commands import notifier
from workers import Plant, plant


@pytest.fixture(scope="module")
def works(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Plant]:
    with plant(tmp_path_factory.mktemp("commands")) as made:
        made.start_worker()
        yield made


def test_check_says_that_all_is_well(works: Plant) -> None:
    found = notifier(works.environ, "check", "--json")
    assert found.returncode == 0, found.stdout + found.stderr
    assert {row["subject"] for row in json.loads(found.stdout)} == {
        "settings",
        "broker",
        "store",
        "blobs",
        "templates",
        "relay",
        "dkim",
    }
    assert "TLSv1.3" in found.stdout


@pytest.mark.parametrize(
    ("change", "subject", "words"),
    [
        ({"NOTIFIER_SMTP_URL": "smtp://127.0.0.1:1?tls=none"}, "relay", "nothing listens there"),
        ({"NOTIFIER_SMTP_URL": "smtp://zoe@x:465?a=b"}, "settings", "465"),
        ({"NOTIFIER_BROKER_URL": "redis://127.0.0.1:1/0"}, "broker", "Start it, or set NOTIFIER_BROKER_URL"),
        ({"NOTIFIER_TYPO": "x"}, "settings", "no setting of Notifier"),
    ],
)
def test_check_says_what_to_do(works: Plant, change: dict[str, str], subject: str, words: str) -> None:
    found = notifier({**works.environ, **change}, "check", "--json")
    assert found.returncode == 1
    faults = [row for row in json.loads(found.stdout) if not row["ok"]]
    assert any(row["subject"] == subject and words in row["seen"] + row["advice"] for row in faults), faults


def test_check_tells_a_template_of_an_unknown_class(works: Plant, tmp_path: Path) -> None:
    folder = tmp_path / "note"
    folder.mkdir()
    for part, text in {"subject.txt.j2": "Hi", "text.txt.j2": "hello", "meta.json": '{"mail_class": "urgent"}'}.items():
        (folder / part).write_text(text)
    found = notifier({**works.environ, "NOTIFIER_TEMPLATES": str(tmp_path)}, "check", "--json")
    (wrong, _) = [line for line in json.loads(found.stdout) if line["subject"] == "templates"]
    assert "template 'note': meta.json names the unknown mail_class 'urgent'; known: bulk, otp" in wrong["seen"]


def test_check_tells_a_wrong_certificate_and_a_wrong_password(works: Plant) -> None:
    url = works.environ["NOTIFIER_SMTP_URL"].split("&ca=")[0]
    found = notifier({**works.environ, "NOTIFIER_SMTP_URL": url}, "check")
    assert "name its CA with ?ca=FILE" in found.stdout
    with_user = works.environ["NOTIFIER_SMTP_URL"].replace("smtp://", "smtp://zoe:hunter2@")
    found = notifier({**works.environ, "NOTIFIER_SMTP_URL": with_user}, "check")
    assert "offers no way to log in" in found.stdout
    assert "hunter2" not in found.stdout + found.stderr


def test_send_and_status(works: Plant) -> None:
    sent = notifier(
        works.environ,
        "send",
        "welcome",
        "--to",
        "Zoë <zoe@example.com>",
        "--context",
        '{"name": "Zoë"}',
        "--wait",
        "30",
    )
    assert sent.returncode == 0, sent.stderr
    mail_id, state = sent.stdout.split()
    assert state == "sent"
    found = notifier(works.environ, "status", mail_id, "--json")
    assert json.loads(found.stdout)["recipients"] == {"zoe@example.com": "accepted"}
    assert "Kept as number" in notifier(works.environ, "status", mail_id).stdout


def test_send_a_csv(works: Plant, tmp_path: Path) -> None:
    file = tmp_path / "people.csv"
    file.write_text("to,name\nana@example.com,Ana\nwalter@@example.com,Walter\n", encoding="utf-8")
    refused = notifier(works.environ, "send", "welcome", "--csv", str(file))
    assert refused.returncode == 1
    assert "recipient 1: to: local part 'walter@'" in refused.stderr
    assert refused.stdout == ""
    sent = notifier(works.environ, "send", "welcome", "--csv", str(file), "--skip-invalid", "--key", "people")
    assert (sent.returncode, len(sent.stdout.split())) == (1, 1)
    works.settle(sent.stdout.split(), "sent")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["send", "welcom", "--to", "a@b.example"], "did you mean 'welcome'?"),
        (["send", "welcome", "--to", "a"], "no '@' in address"),
        (["send", "welcome"], "give --to ADDRESS"),
        (["send", "welcome", "--to", "a@b.example", "--context", "{"], "--context is not JSON"),
        (["send", "welcome", "--csv", "/no/such/file"], "cannot be read"),
        (["send", "welcome", "--to", "a@b.example", "--attach", "/no/such/file"], "cannot be read"),
        (["status", "0190a0b0-0000-7000-8000-000000000001"], "no mail 0190a0b0"),
    ],
)
def test_what_is_wrong_is_one_clear_line(works: Plant, arguments: list[str], words: str) -> None:
    found = notifier(works.environ, *arguments)
    assert found.returncode != 0
    assert words in found.stderr
    assert "Traceback" not in found.stderr


def test_a_worker_with_settings_that_cannot_work_does_not_start(tmp_path: Path) -> None:
    environ = {name: value for name, value in os.environ.items() if not name.startswith("NOTIFIER_")}
    wrong = {**environ, "NOTIFIER_BROKER_URL": "redis://localhost", "NOTIFIER_LEASE": "5 minutes", "NOTIFIER_TYPO": "x"}
    top = Path(__file__).resolve().parents[2]
    found = subprocess.run(
        [sys.executable, "-m", "celery", "-A", "worker", "worker"],
        env=wrong,
        cwd=top,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert found.returncode != 0
    assert "2 settings need attention" in found.stderr
    assert "NOTIFIER_LEASE" in found.stderr
    assert "Traceback" not in found.stderr
