"""Where and with what a run was made. No name and no path of the machine."""

from __future__ import annotations

import os
import platform
from collections.abc import Iterator
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from benchmarks.smtp import cores, npm


def described() -> Iterator[str]:
    """Lines for the foot of the table."""
    yield from place()
    yield "versions: " + ", ".join(_versions())


def place() -> Iterator[str]:
    """The same without versions."""
    yield f"date: {datetime.now(UTC):%Y-%m-%d %H:%M} UTC"
    yield f"machine: {_processor()}, {os.cpu_count()} cores, {platform.system()} {platform.release()}"
    yield "cores: " + ("the servers have one, each client another" if cores.APART else "one for clients and servers")
    yield f"load average before the run: {os.getloadavg()[0]:.2f}"


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    models = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(models, platform.machine())


def _versions() -> Iterator[str]:
    yield f"Python {platform.python_version()} (with its smtplib)"
    for package in ("notifier-worker", "aiosmtplib"):
        try:
            yield f"{package} {version(package)}"
        except PackageNotFoundError:
            continue
    yield from npm.versions()
