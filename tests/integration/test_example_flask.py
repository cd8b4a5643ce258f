"""examples/flask_contact, with an app server, a Celery worker, Valkey and an SMTP server, each a process or a server of its own."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
import redis
from workers import CLOCKS, QUICK, TOP, wait_until

from notifier.testing import CatchingServer, CaughtMail, EmbeddedValkey
from notifier.testing.supervised import SupervisedProcess

EXAMPLE = TOP / "examples" / "flask_contact"
SERVING = re.compile(r"Serving on (http://\S+)")


@pytest.fixture
def environ(valkey: EmbeddedValkey, server: CatchingServer, tmp_path: Path) -> dict[str, str]:
    inherited = {name: text for name, text in os.environ.items() if not name.startswith("NOTIFIER_")}
    return {
        **inherited,
        **CLOCKS,
        "PYTHONPATH": str(TOP),
        "PYTHONDONTWRITEBYTECODE": "1",
        "NOTIFIER_BROKER_URL": valkey.url,
        "NOTIFIER_SMTP_URL": server.url,
        "NOTIFIER_JOURNAL": str(tmp_path / "journal"),
    }


@pytest.fixture
def valkey() -> Iterator[EmbeddedValkey]:
    with EmbeddedValkey() as running:
        yield running


@pytest.fixture
def server() -> Iterator[CatchingServer]:
    with CatchingServer() as running:
        yield running


@pytest.fixture
def site(environ: dict[str, str], tmp_path: Path) -> Iterator[str]:
    """The address of the form, while the app server runs."""
    command = ["-m", "waitress", "--listen=127.0.0.1:0", "--call", "contact:create_app"]
    yield from running(command, environ, tmp_path / "app.log", SERVING)


@pytest.fixture
def worker(environ: dict[str, str], tmp_path: Path) -> Iterator[str]:
    command = ["-m", "celery", "-A", "worker", "worker", "-c", "1", "-l", "INFO", *QUICK]
    yield from running(command, environ, tmp_path / "worker.log", re.compile(r"(\S+) ready\."))


def running(command: list[str], environ: dict[str, str], log: Path, ready: re.Pattern[str]) -> Iterator[str]:
    with log.open("wb") as file:
        process = SupervisedProcess([sys.executable, *command], env=environ, cwd=EXAMPLE, output=file)
    try:
        wait_until(lambda: bool(ready.search(log.read_text())) or not process.running, f"{command[1]} is up")
        found = ready.search(log.read_text())
        assert found, log.read_text()
        yield found[1]
    finally:
        process.stop()


def caught(server: CatchingServer, recipient: str) -> CaughtMail:
    (mail,) = (mail for mail in server.mailbox if mail.recipients == (recipient,))
    return mail


def test_what_a_visitor_writes_is_read_by_the_shop_and_by_the_visitor(
    site: str, worker: str, server: CatchingServer
) -> None:
    with httpx.Client(follow_redirects=True) as browser:
        assert "What is it about?" in browser.get(site).text
        sent = browser.post(
            site, data={"name": "Zoë Ångström", "email": "zoe@example.com", "text": "Größe 7?\n.\nDanke"}
        )
    assert (sent.status_code, "A copy is on its way" in sent.text) == (200, True)
    wait_until(lambda: len(server.mailbox) == 2, "both mails")
    shop, copy = caught(server, "shop@example.com"), caught(server, "zoe@example.com")
    assert (shop.subject, shop.message["Reply-To"]) == ("Contact: Zoë Ångström", "Zoë Ångström <zoe@example.com>")
    assert shop.text().splitlines() == ["Größe 7?", ".", "Danke"]
    assert copy.subject == "We have your message, Zoë Ångström"
    assert "Größe 7?" in copy.text()
    assert copy.message["From"] == "The shop <shop@example.com>"


@pytest.mark.parametrize(
    "changes",
    [
        {"email": "a@b.c, d@e.f"},
        {"email": "x"},
        {"name": "a\r\nBcc: b@c.d"},
        {"name": ""},
        {"name": "x" * 1500},
        {"text": "x" * 6000},
    ],
)
def test_what_is_wrong_is_told_to_the_visitor_and_nothing_is_stored(
    changes: dict[str, str], site: str, valkey: EmbeddedValkey
) -> None:
    good = {"name": "Zoë", "email": "zoe@example.com", "text": "Hello"}
    answer = httpx.post(site, data={**good, **changes})
    assert (answer.status_code, 'role="status"' in answer.text) == (400, True)
    with redis.Redis.from_url(valkey.url) as client:
        assert client.keys() == []


def test_its_readme_is_short() -> None:
    assert len((EXAMPLE / "README.md").read_text(encoding="utf-8").splitlines()) < 10


def test_where_the_store_is_away_the_visitor_is_asked_to_try_again(site: str, valkey: EmbeddedValkey) -> None:
    valkey.kill()
    answer = httpx.post(site, data={"name": "Zoë", "email": "zoe@example.com", "text": "Hello"}, timeout=60)
    assert (answer.status_code, "try again in a minute" in answer.text) == (503, True)
