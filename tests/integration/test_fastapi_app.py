"""The FastAPI example with real processes: uvicorn, a worker, Valkey, a catching server."""

from __future__ import annotations

import signal
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest
from real_servers.ground import held_ports
from workers import TOP, Plant, plant, wait_until

from notifier.testing.supervised import SupervisedProcess

EXAMPLE = TOP / "examples" / "fastapi_app"
WITHIN = 6.0  # seconds: the five of a call, and the way there


@pytest.fixture(scope="module")
def works(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Plant]:
    with plant(tmp_path_factory.mktemp("fastapi")) as made:
        made.environ["CELERY_BROKER_URL"] = made.environ.pop("NOTIFIER_BROKER_URL")
        made.environ["PYTHONPATH"] = f"{EXAMPLE}:{TOP}"
        made.start_worker(app="main.celery")
        yield made


@pytest.fixture(scope="module")
def site(works: Plant) -> Iterator[httpx.Client]:
    """A browser before the application's own server."""
    with held_ports(1) as (port,):
        command = [sys.executable, "-m", "uvicorn", "main:app", "--port", str(port)]
        with (works.folder / "uvicorn.log").open("wb") as log:
            server = SupervisedProcess(command, env=works.environ, cwd=EXAMPLE, output=log)
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=WITHIN, trust_env=False) as client:
            try:
                wait_until(lambda: is_up(client) or not server.running, "the site is up")
                assert server.running, (works.folder / "uvicorn.log").read_text()
                yield client
            finally:
                server.kill()


def is_up(client: httpx.Client) -> bool:
    try:
        return client.get("/health").is_success
    except httpx.TransportError:
        return False


def sign_up(site: httpx.Client, email: str) -> httpx.Response:
    return site.post("/sign-up", json={"name": "Zoë", "email": email})


def test_who_signs_up_gets_a_mail(works: Plant, site: httpx.Client) -> None:
    answer = sign_up(site, "zoe@example.com")
    assert answer.status_code == 202
    mail_id = answer.json()["mail"]
    wait_until(lambda: site.get(f"/mails/{mail_id}").json() == {"state": "sent"}, "the mail is sent")
    (mail,) = (one for one in works.server.mailbox if mail_id in one.message_id)
    assert (mail.recipients, mail.subject) == (("zoe@example.com",), "Welcome, Zoë")


def test_the_button_pressed_twice_is_one_mail(site: httpx.Client) -> None:
    assert sign_up(site, "twice@example.com").json() == sign_up(site, "twice@example.com").json()


def test_an_address_that_is_none_is_refused_in_the_frameworks_way(site: httpx.Client) -> None:
    assert sign_up(site, "nobody").status_code == 422


def test_a_mail_that_there_is_not_is_not_found(site: httpx.Client) -> None:
    assert site.get("/mails/6f1c1a0e-0000-4000-8000-000000000000").status_code == 404


def test_the_site_answers_while_the_store_is_frozen_and_the_caller_hears_in_time(
    works: Plant, site: httpx.Client
) -> None:
    works.valkey.signal(signal.SIGSTOP)
    try:
        with ThreadPoolExecutor(1) as browser:
            waiting = browser.submit(sign_up, site, "frozen@example.com")
            answers = 0
            while not waiting.done():
                answers += site.get("/health").is_success
        assert answers > 10
        assert waiting.result().status_code == 503
        assert waiting.result().headers["Retry-After"] == "10"
    finally:
        works.valkey.signal(signal.SIGCONT)


def test_its_readme_is_short() -> None:
    assert len(Path(EXAMPLE / "README.md").read_text(encoding="utf-8").splitlines()) < 10
