"""What a worker and a command make of report modules that cannot be imported."""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from notifier.errors import ConfigurationError
from notifier.reports.registry import Registry
from notifier.settings import Settings
from notifier.tasks import report, report_modules
from notifier.tasks.report_modules import load_reports, load_reports_of_worker

GOOD = """
from notifier.tasks.report import report
report("weekly-orders", schedule="@weekly", recipients="zoe@example.com", template="welcome")(lambda period: {})
"""


@pytest.fixture
def found(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Registry]:
    made = Registry()
    for module in (report, report_modules):
        monkeypatch.setattr(module, "registry", made)
    (tmp_path / "good_reports.py").write_text(GOOD)
    (tmp_path / "broken_reports.py").write_text("import nowhere_to_be_found")
    monkeypatch.syspath_prepend(tmp_path)
    yield made
    for name in ("good_reports", "broken_reports"):
        sys.modules.pop(name, None)


def settings() -> Settings:
    return Settings.load(
        {"NOTIFIER_BROKER_URL": "redis://localhost", "NOTIFIER_REPORTS": "broken_reports good_reports"}
    )


def test_a_command_says_what_cannot_be_imported(found: Registry) -> None:
    with pytest.raises(ConfigurationError, match="broken_reports, which cannot be imported: ModuleNotFoundError"):
        load_reports(settings())


def test_a_worker_says_so_and_has_the_other_reports(found: Registry, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.ERROR):
        load_reports_of_worker(settings())
    assert "broken_reports, which cannot be imported" in caplog.text
    assert "weekly-orders" in found
