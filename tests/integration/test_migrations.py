"""The migration guides, tried: a project's own tests pass before, and after the lines that its guide shows, without the old package."""

from __future__ import annotations

from pathlib import Path

import pytest
from migrating import TOP, assert_tests_pass, migrated

PROJECTS = TOP / "tests" / "migrations"
GUIDES = TOP / "docs" / "how-to"


def before(name: str) -> Path:
    return PROJECTS / name / "before"


@pytest.mark.parametrize("name", ["flask_mail", "flask_mailman", "smtplib"])
def test_a_projects_tests_pass_before(name: str) -> None:
    assert_tests_pass(before(name))


@pytest.mark.parametrize("name", ["flask_mail", "flask_mailman"])
def test_a_flask_projects_tests_pass_after(name: str, tmp_path: Path) -> None:
    after = migrated(GUIDES / f"migrate-from-{name.replace('_', '-')}.md", before(name), tmp_path)
    assert_tests_pass(after, without="flask_mail flask_mailman")


def test_a_program_with_another_client_passes_its_tests(tmp_path: Path) -> None:
    after = migrated(GUIDES / "migrate-from-smtplib.md", before("smtplib"), tmp_path, blocks=1)
    assert "smtplib" in (after / "backup_report.py").read_text(encoding="utf-8")
    # Not without the standard module: the server of its tests imports it.
    assert_tests_pass(after)


def test_a_program_that_enqueues_passes_its_tests(tmp_path: Path) -> None:
    after = migrated(GUIDES / "migrate-from-smtplib.md", before("smtplib"), tmp_path)
    assert "smtplib" not in (after / "backup_report.py").read_text(encoding="utf-8")
    assert_tests_pass(after)
