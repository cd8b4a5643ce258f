"""`notifier console`: what it prints, where it listens, and what it refuses."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import httpx
import pytest
from click.testing import CliRunner

from notifier.cli.console import command
from notifier.errors import ConfigurationError, NotifierError

TOP = Path(__file__).resolve().parents[2]
TOKEN = "a token of the operator's own"


def started(*options: str) -> subprocess.Popen[str]:
    clean = {key: value for key, value in os.environ.items() if not key.startswith(("NOTIFIER_", "CELERY_", "REDIS_"))}
    return subprocess.Popen(
        [sys.executable, "-c", "from notifier.cli import main; main()", "console", "--port", "0", *options],
        env={**clean, "PYTHONPATH": str(TOP), "NOTIFIER_BROKER_URL": "redis://127.0.0.1:1/0"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        cwd=TOP,
    )


def test_exposed_it_says_what_that_means_and_starts_without_a_store_and_ends_in_order(tmp_path: Path) -> None:
    guarded = ("--name", "mail.example", "--token-file", str(a_file(tmp_path, TOKEN)))
    options = ("--host", "0.0.0.0", "--expose", *guarded, "--json")  # noqa: S104
    with started(*options) as process:
        try:
            assert process.stdout is not None
            assert "whoever reaches it there" in process.stdout.readline()
            link = json.loads(process.stdout.readline())["url"]
            look_around(link.replace("0.0.0.0", "127.0.0.1"))  # noqa: S104
        finally:
            process.send_signal(signal.SIGTERM)
            rest, _ = process.communicate(timeout=30)
        assert "Ended." in rest
        assert "Traceback" not in rest
        assert process.returncode == 0


def look_around(link: str) -> None:
    base = str(httpx.URL(link).copy_with(raw_path=b""))
    with httpx.Client(base_url=base, trust_env=False, timeout=60) as browser:
        for name, code in {"mail.example": 401, "10.0.0.7": 401, "evil.example": 421}.items():
            assert browser.get("/", headers={"Host": name}).status_code == code
        assert browser.get(link).status_code == 200
        away = browser.get("/")
        assert (away.status_code, "The store does not answer" in away.text) == (503, True)
        assert browser.get("/templates/welcome/frame").status_code == 200
        browser.cookies.clear()
        assert browser.post("/enter", data={"token": TOKEN}).status_code == 200


def a_file(folder: Path, text: str, mode: int = 0o600) -> Path:
    file = folder / "token"
    file.write_text(f"{text}\n", encoding="utf-8")
    file.chmod(mode)
    return file


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "10.0.0.7", "mail.example"])  # noqa: S104
def test_another_address_than_loopback_is_asked_for_twice(host: str) -> None:
    found = CliRunner().invoke(command, ["--host", host])
    assert found.exit_code == 2
    assert "--expose says that they may" in found.output


@pytest.mark.parametrize(
    ("text", "mode", "words"),
    [("short", 0o600, "fewer than 20 characters"), (TOKEN, 0o644, "can be read by everybody")],
)
def test_a_token_that_guards_nothing_is_refused(tmp_path: Path, text: str, mode: int, words: str) -> None:
    found = CliRunner().invoke(command, ["--token-file", str(a_file(tmp_path, text, mode))])
    assert isinstance(found.exception, ConfigurationError)
    assert words in str(found.exception)
    assert text not in str(found.exception)


def test_a_missing_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in sys.modules if name.startswith(("notifier.console.", "starlette", "uvicorn"))]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "starlette", None)
    found = CliRunner().invoke(command, [])
    assert isinstance(found.exception, NotifierError)
    assert "notifier console needs Starlette and uvicorn: pip install 'notifier-worker[console]'" in str(
        found.exception
    )
