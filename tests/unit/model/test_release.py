"""The version is that of what is installed, and where nothing is, no error."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version

import pytest

from notifier.model import release as module
from notifier.model.release import release

pytestmark = pytest.mark.unit


def test_it_is_the_installed_ones() -> None:
    assert release() == version("notifier-worker")


def test_files_that_nobody_installed_have_none(monkeypatch: pytest.MonkeyPatch) -> None:
    def nowhere(name: str) -> str:
        raise PackageNotFoundError(name)

    monkeypatch.setattr(module, "installed", nowhere)
    assert release() == "unpacked"
