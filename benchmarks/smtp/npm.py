"""nodemailer, installed by npm into ``.cache``. A benchmark goes on without it and says why."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

from benchmarks.smtp.sink import CACHE

VERSION = "10.6.0"
MODULES = CACHE / "benchmarks" / "node"
INSTALL_SECONDS = 120


def missing(*, install: bool) -> str | None:
    """Why nodemailer cannot be measured; None where it can. With ``install`` it is fetched where it is not there."""
    if shutil.which("node") is None:
        return "there is no node"
    if installed():
        return None
    return _install() if install else "it is not installed (a run that is not quick installs it)"


def versions() -> Iterator[str]:
    """Of nodemailer and of node, where both are there."""
    if missing(install=False) is None:
        said = subprocess.run(["node", "--version"], check=True, capture_output=True, text=True)
        yield from (f"nodemailer {VERSION}", f"node {said.stdout.strip()}")


def installed() -> bool:
    """True where the wanted version is in the cache."""
    return _stamp().exists()


def _stamp() -> Path:
    return MODULES / f"nodemailer-{VERSION}"


def _install() -> str | None:
    npm = shutil.which("npm")
    if npm is None:
        return "there is no npm"
    MODULES.mkdir(parents=True, exist_ok=True)
    options = ("--no-save", "--no-audit", "--no-fund", "--ignore-scripts", "--loglevel=error")
    command = [npm, "install", *options, "--prefix", str(MODULES), f"nodemailer@{VERSION}"]
    try:
        subprocess.run(command, check=True, capture_output=True, timeout=INSTALL_SECONDS)
    except (subprocess.SubprocessError, OSError):
        return "npm could not install it"
    _stamp().touch()
    return None
