"""Where attachments may come from, as an operator says it."""

from __future__ import annotations

from pathlib import Path

import pytest

from notifier.errors import ConfigurationError
from notifier.settings import Settings

BROKER = {"NOTIFIER_BROKER_URL": "redis://localhost"}


def test_without_a_root_there_is_none() -> None:
    assert Settings.load(BROKER).attachment_roots == ()


def test_roots_are_folders_divided_as_in_path(tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    chosen = Settings.load({**BROKER, "NOTIFIER_ATTACHMENT_ROOTS": f"{tmp_path}:{tmp_path}/other"})
    assert chosen.attachment_roots == (tmp_path, tmp_path / "other")


@pytest.mark.parametrize(
    ("roots", "why"), [("/not/there", "not there"), (".", "whole paths"), ("/usr/..", "whole paths")]
)
def test_what_is_no_folder_by_its_whole_path_is_refused(roots: str, why: str) -> None:
    with pytest.raises(ConfigurationError, match=f"NOTIFIER_ATTACHMENT_ROOTS.*{why}"):
        Settings.load({**BROKER, "NOTIFIER_ATTACHMENT_ROOTS": roots})
