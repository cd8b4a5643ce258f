"""Where a server's files are: the system's own, else those that install_servers.sh unpacked, else the test is skipped."""

from __future__ import annotations

import os
import pwd
from pathlib import Path
from typing import NoReturn

import pytest
from workers import TOP

SYSTEM = Path("/")
UNPACKED = TOP / ".cache" / "servers"


def installed(package: str, program: str) -> Path:
    """The folder in which ``program`` (``usr/sbin/…``) of a package is found."""
    found = next((root for root in (SYSTEM, UNPACKED / package) if (root / program).is_file()), None)
    if found is None:
        missing(f"no {package} here; NOTIFIER_INSTALL_SERVERS=1 make test unpacks it")
    return found


def needs_root(server: str) -> None:
    """A server that gives up its privileges process by process has to have some."""
    if os.geteuid() != 0:
        missing(f"{server} is started by root only")


def needs_account(name: str) -> None:
    """A system account that is compiled into a server."""
    try:
        pwd.getpwnam(name)
    except KeyError:
        missing(f"no account {name} here; NOTIFIER_INSTALL_SERVERS=1 make test makes it")


def missing(why: str) -> NoReturn:
    """Skip; in CI, where everything is installed, a server that is missing is a fault."""
    assert not os.environ.get("CI"), f"CI has every server (tests/install_servers.sh): {why}"
    pytest.skip(why)
