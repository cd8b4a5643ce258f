"""The wheel: what is in it, and that it works in an empty environment in an empty folder."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import venv
import zipfile
from collections.abc import Iterator
from email.parser import Parser
from pathlib import Path

import pytest

TOP = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(folder), str(TOP)]
    subprocess.run(command, check=True, capture_output=True, timeout=120)
    (built,) = folder.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def archive(wheel: Path) -> Iterator[zipfile.ZipFile]:
    with zipfile.ZipFile(wheel) as opened:
        yield opened


def test_it_has_its_name_licence_extras_and_command(archive: zipfile.ZipFile) -> None:
    names = archive.namelist()
    (folder,) = {name.split("/")[0] for name in names if name.startswith("notifier_worker-") and ".dist-info" in name}
    metadata = Parser().parsestr(archive.read(f"{folder}/METADATA").decode())
    assert metadata["Name"] == "notifier-worker"
    assert metadata["License-Expression"] == "MIT"
    assert set(metadata.get_all("Provides-Extra", [])) == {
        "testing",
        "demo",
        "preview",
        "console",
        "mx",
        "blobs",
        "encryption",
        "dkim",
        "schema",
        "i18n",
        "css",
        "mjml",
        "markdown",
        "reports",
        "django",
        "flask",
        "metrics",
        "otel",
    }
    assert f"{folder}/licenses/LICENSE" in names
    entry_points = archive.read(f"{folder}/entry_points.txt").decode()
    assert "notifier = notifier.cli:main" in entry_points
    assert "[pytest11]\nnotifier = notifier.integrations.pytest_plugin" in entry_points


@pytest.mark.parametrize(
    "name",
    [
        "notifier/py.typed",
        "notifier/store/lua/settle.lua",
        "notifier/integrations/django/templates/admin/notifier/ledgermail/list.html",
        "notifier/console/static/base.css",
        "notifier/console/static/icon.svg",
        "notifier/console/mailbox_page/static/mailbox.css",
        "notifier/console/preview_page/static/preview.css",
        "notifier/console/preview_page/static/preview.js",
        "notifier/console/operator_page/static/console.css",
        "notifier/rendering/shipped/welcome/html.html.j2",
        "notifier/rendering/shipped/_images/logo.png",
        "notifier/rendering/shipped/_theme/brand.j2",
        "notifier/cli/demo/mail_merge/orders.csv",
        "notifier/cli/demo/site/worker.py",
        "notifier/cli/demo/site/celeryconfig.py",
    ],
)
def test_what_is_no_module_is_in_it_too(archive: zipfile.ZipFile, name: str) -> None:
    assert name in archive.namelist()


def test_no_file_carries_a_path_of_the_machine(archive: zipfile.ZipFile) -> None:
    home = re.compile(re.escape(str(TOP)).encode())
    assert not [name for name in archive.namelist() if home.search(archive.read(name))]


ROWS = 60  # of the mail merge, its head among them


def test_the_demo_runs_from_the_wheel_in_an_empty_environment(wheel: Path, tmp_path: Path) -> None:
    home = tmp_path / "venv"
    venv.create(home)
    pins = ["-c", str(TOP / "requirements.txt")]
    install = [
        *(sys.executable, "-m", "pip", "--python", str(home / "bin" / "python")),
        "install",
        "-qq",
        "--disable-pip-version-check",
        "--no-compile",
        *pins,
        f"{wheel}[demo]",
    ]
    subprocess.run(install, check=True, timeout=240)
    (packaged,) = home.glob("lib/python*/site-packages/notifier/cli/demo/mail_merge/orders.csv")
    few = tmp_path / "orders.csv"  # all of them are sent by the demo's own tests
    few.write_text("".join(packaged.read_text(encoding="utf-8").splitlines(keepends=True)[:ROWS]), encoding="utf-8")
    empty = tmp_path / "empty"
    empty.mkdir()
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("NOTIFIER_", "PYTHON"))}
    found = subprocess.run(
        [home / "bin" / "notifier", "demo", "--exit", "--csv", str(few)],
        cwd=empty,
        env=clean,
        capture_output=True,
        text=True,
        timeout=180,
        check=False,
    )
    assert found.returncode == 0, found.stdout + found.stderr
    assert "none missing, none twice" in found.stdout
    assert list(empty.iterdir()) == [], "it leaves nothing where it runs"
