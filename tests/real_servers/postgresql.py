"""PostgreSQL: a cluster of its own in a folder, under an account without privileges, as it refuses to be run by root."""

from __future__ import annotations

import os
import pwd
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from notifier.testing.supervised import SupervisedProcess
from real_servers.ground import HOST, held_ports, open_folder, running
from real_servers.installed import SYSTEM, UNPACKED, missing

VERSIONS = "usr/lib/postgresql"
USER = "notifier"
ACCOUNTS = ("postgres", "nobody")


@dataclass(frozen=True, slots=True)
class PostgreSQL:
    """A running server that trusts whoever comes from this host."""

    port: int
    process: SupervisedProcess

    def database(self, name: str) -> dict[str, object]:
        """An entry of Django's ``DATABASES``, for a new and empty database."""
        import psycopg

        with psycopg.connect(
            f"host={HOST} port={self.port} user={USER} dbname=postgres", autocommit=True
        ) as connection:
            connection.execute(f'CREATE DATABASE "{name}"'.encode())
        return self.entry(name)

    def entry(self, name: str, port: int | None = None) -> dict[str, object]:
        """The same for one that is there; ``port``: of what stands between."""
        return {
            "ENGINE": "django.db.backends.postgresql",
            "NAME": name,
            "USER": USER,
            "HOST": HOST,
            "PORT": port or self.port,
            "OPTIONS": {"connect_timeout": 5},
        }


@pytest.fixture(scope="session")
def postgresql() -> Iterator[PostgreSQL]:
    """One server for all tests, each with a database of its own."""
    with started() as server:
        yield server


@contextmanager
def started() -> Iterator[PostgreSQL]:
    programs = _programs()
    with open_folder("postgresql") as folder:
        data, environ = folder / "data", _environ(programs)
        _give_away(folder)
        initdb = [str(programs / "initdb"), "-D", str(data), "-U", USER, "-A", "trust", "-E", "UTF8", "--no-sync"]
        made = subprocess.run(
            [*_account(), *initdb], env=environ, cwd="/", capture_output=True, text=True, check=False, timeout=120
        )
        assert made.returncode == 0, made.stderr
        with held_ports(1) as (port,):
            settings = {"port": port, "listen_addresses": HOST, "unix_socket_directories": folder, "fsync": "off"}
            chosen = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
            command = [*_account(), str(programs / "postgres"), "-D", str(data), *chosen]
            with running(command, environ=environ, ports=[port], said=folder / "log") as process:
                try:
                    yield PostgreSQL(port, process)
                finally:
                    process.signal(signal.SIGQUIT)  # with SIGTERM it would wait for clients that a test has left


def _programs() -> Path:
    """The newest version's folder of programs."""
    roots = (SYSTEM, *UNPACKED.glob("postgresql-*"))
    found = [program.parent for root in roots for program in (root / VERSIONS).glob("*/bin/postgres")]
    if not found:
        missing("no postgresql here; NOTIFIER_INSTALL_SERVERS=1 make test unpacks it")
    return max(found, key=lambda folder: float(folder.parent.name))


def _environ(programs: Path) -> dict[str, str]:
    return {"PATH": f"{programs}:{os.environ['PATH']}", "LC_ALL": "C.UTF-8", "TZ": "UTC"}


def _account() -> list[str]:
    """What a command begins with so that it is not root's."""
    if os.geteuid() != 0:
        return []
    account = next(account for account in map(_entry, ACCOUNTS) if account is not None)
    return ["setpriv", f"--reuid={account.pw_uid}", f"--regid={account.pw_gid}", "--clear-groups"]


def _give_away(folder: Path) -> None:
    if os.geteuid() == 0:
        account = next(account for account in map(_entry, ACCOUNTS) if account is not None)
        os.chown(folder, account.pw_uid, account.pw_gid)


def _entry(name: str) -> pwd.struct_passwd | None:
    try:
        return pwd.getpwnam(name)
    except KeyError:
        return None
