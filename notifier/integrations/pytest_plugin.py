"""The pytest plugin: what a test's code has mailed, a relay that fails on demand, and mails compared with files.

It is loaded in every project where Notifier is installed, so it imports nothing of ours before a fixture is used.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Callable, Iterator, Mapping
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from email.message import Message

    from notifier.testing.mailbox import CaughtMail
    from notifier.testing.outbox import Outbox
    from notifier.testing.relay import TestRelay
    from notifier.testing.supervised import SupervisedProcess

UPDATE = "--update-mail-snapshots"
FOLDER = "mail_snapshots"
LONGEST = 200  # octets of a file's name; systems take 255
WRITTEN = "mail snapshot written"


def pytest_addoption(parser: pytest.Parser) -> None:
    """One option, in a group of its own."""
    group = parser.getgroup("notifier", "mails (notifier)")
    group.addoption(
        UPDATE, action="store_true", help=f"write the files that assert_mail_matches compares with ({FOLDER}/)"
    )


@pytest.fixture
def notifier_relay(monkeypatch: pytest.MonkeyPatch) -> Iterator[TestRelay]:
    """The relay of this test, in place of `NOTIFIER_SMTP_URL`: for this process, and for those that it starts.

    It keeps what it accepts, and fails when it is told to: ``notifier_relay.defer_next()``, ``drop_at_data()``, …
    """
    from notifier.tasks.overlay import overlaid_settings  # noqa: PLC0415 - loading the plugin costs nothing
    from notifier.testing.relay import TestRelay  # noqa: PLC0415

    with TestRelay() as relay:
        monkeypatch.delenv("NOTIFIER_SMTP_URL_FILE", raising=False)
        monkeypatch.setenv("NOTIFIER_SMTP_URL", relay.url)
        with overlaid_settings({"NOTIFIER_SMTP_URL": relay.url}):
            yield relay


@pytest.fixture
def notifier_outbox(notifier_relay: TestRelay) -> Outbox:
    """What was mailed in this test, by this process or by a worker; ``wait_for(count)`` waits for those of a worker."""
    return notifier_relay.outbox


@pytest.fixture
def notifier_eager(notifier_relay: TestRelay) -> Iterator[TestRelay]:
    """Mails go out at the call, without broker, store and worker; a call raises what the relay says."""
    from notifier.tasks.app import app  # noqa: PLC0415 - as above

    names = ("task_always_eager", "task_eager_propagates")
    before = {name: app.conf[name] for name in names}
    app.conf.update(dict.fromkeys(names, True))
    yield notifier_relay
    app.conf.update(before)


@pytest.fixture
def notifier_worker(
    notifier_relay: TestRelay, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Iterator[Callable[..., SupervisedProcess]]:
    """``notifier_worker("shop.celery")`` starts a real worker of that Celery app, with a Valkey as its broker and store.

    Its URL is in `NOTIFIER_BROKER_URL`, `NOTIFIER_STORE_URL` and `CELERY_BROKER_URL`. Needs ``notifier-worker[testing]``.
    """
    from notifier.tasks.overlay import overlaid_settings  # noqa: PLC0415 - as above
    from notifier.testing.celery_worker import start_worker  # noqa: PLC0415
    from notifier.testing.valkey import EmbeddedValkey  # noqa: PLC0415

    workers: list[SupervisedProcess] = []

    def start(app: str, *options: str) -> SupervisedProcess:
        workers.append(start_worker(app, tmp_path / f"worker-{len(workers)}.log", options))
        return workers[-1]

    with EmbeddedValkey() as valkey:
        ours = dict.fromkeys(("NOTIFIER_BROKER_URL", "NOTIFIER_STORE_URL"), valkey.url)
        for name, url in (ours | {"CELERY_BROKER_URL": valkey.url}).items():
            monkeypatch.delenv(f"{name}_FILE", raising=False)
            monkeypatch.setenv(name, url)
        with overlaid_settings({**ours, "NOTIFIER_SMTP_URL": notifier_relay.url}):
            try:
                yield start
            finally:
                for worker in workers:
                    worker.kill()


@pytest.fixture
def assert_mail_matches(request: pytest.FixtureRequest) -> Callable[..., None]:
    """``assert_mail_matches(mail, "in-german", replace={r"[0-9a-f]{32}": "<token>"})``: the same mail as in the file.

    The files are in ``mail_snapshots/`` beside the test; ``pytest --update-mail-snapshots`` writes them.
    """
    compared: set[Path] = set()

    def matches(
        mail: CaughtMail | Message | bytes, name: str = "", *, replace: Mapping[str, str] | None = None
    ) -> None:
        __tracebackhide__ = True
        from notifier.testing.snapshot import difference, read, snapshot_of, write  # noqa: PLC0415 - as above

        found, path = snapshot_of(mail, replace), _snapshot_path(request, name)
        if path in compared:
            pytest.fail(
                f"this test has compared a mail with {_shown(path)} already; give each a name of its own: "
                'assert_mail_matches(mail, "second")',
                pytrace=False,
            )
        compared.add(path)
        kept = read(path)
        if request.config.getoption(UPDATE):
            if kept != found:
                write(path, found)
                request.node.user_properties.append((WRITTEN, _shown(path)))  # xdist's workers tell their master so
        elif kept is None:
            pytest.fail(
                f"no snapshot {_shown(path)} yet; look at the mail, then run pytest {UPDATE}\n\n{found}", pytrace=False
            )
        elif kept != found:
            changes = difference(kept, found, path.name)
            pytest.fail(
                f"the mail is not that of {_shown(path)} ({UPDATE} keeps the new one):\n{changes}", pytrace=False
            )

    return matches


def _snapshot_path(request: pytest.FixtureRequest, name: str) -> Path:
    test = ".".join(node.name for node in request.node.listchain() if isinstance(node, pytest.Class | pytest.Item))
    words = "--".join(part for part in (test, name) if part)
    file = re.sub(r"[^\w.-]+", "_", words).strip("_")
    if len(file.encode()) > LONGEST:
        digest = hashlib.sha256(words.encode()).hexdigest()[:8]
        file = f"{file.encode()[:LONGEST].decode(errors='ignore')}-{digest}"
    return request.path.parent / FOLDER / request.path.stem / f"{file}.txt"


def _shown(path: Path) -> str:
    return os.path.relpath(path)


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Which snapshots were written."""
    for report in chain.from_iterable(terminalreporter.stats.values()):
        if getattr(report, "when", None) == "call":
            for name, path in report.user_properties:
                if name == WRITTEN:
                    terminalreporter.write_line(f"{WRITTEN}: {path}")
