"""The folder of a test gives it its mark; servers that many tests need."""

from __future__ import annotations

import gc
import os
import shutil
from collections.abc import Generator, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from driven import FULL
from hypothesis import HealthCheck, settings

from notifier.testing import EmbeddedValkey

# Notifier would say in each test, and in each process of one, that it is no setting. Workers of pytest's inherit the other.
if os.environ.pop("NOTIFIER_INSTALL_SERVERS", "") == "1":
    os.environ["INSTALL_SERVERS"] = "1"

pytest_plugins = [
    "real_servers.aio",
    "real_servers.dovecot",
    "real_servers.exim",
    "real_servers.postfix",
    "real_servers.postgresql",
    "real_servers.rabbitmq",
    "real_servers.brokers",  # behind what it imports
    "shops",
]

TESTS = Path(__file__).parent
# Projects of others with tests of their own, which run before and after they are migrated.
collect_ignore = ["migrations"]
# What waits long comes first: whoever runs the tests on several cores hands out what is short at the end.
ORDER = ("chaos", "packaging", "integration", "web", "unit", "protocol")

MEMORY = "/dev/shm"  # noqa: S108 - with a folder of its own in it
ROOM = 4 * 2**30  # octets: a server's files hold all that was ever written

settings.register_profile("dev", deadline=None, max_examples=FULL)
settings.register_profile("quick", deadline=None, max_examples=15, stateful_step_count=25)  # for `make check`
settings.register_profile("ci", deadline=None, max_examples=300, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("dev")


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """What is collected stays to the end: the garbage collector need not look through it, now or later."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        item.add_marker(getattr(pytest.mark, folder(item)))
    items.sort(key=lambda item: ORDER.index(folder(item)))


def folder(item: pytest.Item) -> str:
    return item.path.relative_to(TESTS).parts[0]


def in_memory() -> str | None:
    """Where the files of a server lie that syncs each of its writes: the disk, which no test takes the power from, is what tests
    would wait for most. None, the usual place, where there is no room.
    """
    return MEMORY if Path(MEMORY).is_dir() and shutil.disk_usage(MEMORY).free > ROOM else None


@pytest.fixture(scope="session")
def valkey_server() -> Iterator[EmbeddedValkey]:
    """One real Valkey for all tests that do not hurt it."""
    with TemporaryDirectory(prefix="notifier-valkey-", dir=in_memory()) as data, EmbeddedValkey(Path(data)) as server:
        yield server
