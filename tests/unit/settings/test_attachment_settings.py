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


def test_prefixes_have_blanks_between() -> None:
    assert Settings.load(BROKER).attachment_urls == ()
    chosen = Settings.load({**BROKER, "NOTIFIER_ATTACHMENT_URLS": "s3://reports/2026/  gs://shop/"})
    assert chosen.attachment_urls == ("s3://reports/2026/", "gs://shop/")


@pytest.mark.parametrize(
    "prefix", ["s3://reports", "https://cdn.example/", "file:///srv/", "s3://a/ s3://key:hunter2@b/"]
)
def test_a_prefix_that_names_too_much_is_refused_and_no_key_in_it_is_shown(prefix: str) -> None:
    with pytest.raises(ConfigurationError, match="NOTIFIER_ATTACHMENT_URLS") as caught:
        Settings.load({**BROKER, "NOTIFIER_ATTACHMENT_URLS": prefix})
    assert "hunter2" not in str(caught.value)


def test_without_fsspec_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("notifier.settings.attachments.find_spec", lambda name: None)
    with pytest.raises(ConfigurationError, match=r"notifier-worker\[blobs\]"):
        Settings.load({**BROKER, "NOTIFIER_ATTACHMENT_URLS": "s3://reports/"})


@pytest.mark.parametrize(
    ("roots", "why"), [("/not/there", "not there"), (".", "whole paths"), ("/usr/..", "whole paths")]
)
def test_what_is_no_folder_by_its_whole_path_is_refused(roots: str, why: str) -> None:
    with pytest.raises(ConfigurationError, match=f"NOTIFIER_ATTACHMENT_ROOTS.*{why}"):
        Settings.load({**BROKER, "NOTIFIER_ATTACHMENT_ROOTS": roots})
