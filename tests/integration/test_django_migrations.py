"""The migration guides of Django's users, tried: a project's own tests pass before, and after the lines that its guide shows."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from migrating import TOP, assert_tests_pass, migrated
from workers import plant, wait_until

PROJECTS = TOP / "tests" / "migrations"
OLD = {"django_celery_email": "djcelery_email", "django_post_office": "post_office"}

GUIDES = {
    "django_celery_email": "migrate-from-django-celery-email.md",
    "django_post_office": "migrate-from-django-post_office.md",
}


def before(name: str) -> Path:
    return PROJECTS / name / "before"


def after(name: str, tmp_path: Path) -> Path:
    return migrated(TOP / "docs" / "how-to" / GUIDES[name], before(name), tmp_path)


@pytest.mark.parametrize("name", OLD)
def test_a_django_projects_tests_pass_before(name: str) -> None:
    assert_tests_pass(before(name))


@pytest.mark.parametrize("name", OLD)
def test_a_django_projects_tests_pass_after_and_without_the_old_package(name: str, tmp_path: Path) -> None:
    assert_tests_pass(after(name, tmp_path), without=OLD[name])


def test_the_projects_own_worker_sends_what_its_site_enqueues(tmp_path: Path) -> None:
    project = after("django_celery_email", tmp_path)
    with plant(tmp_path) as made:
        made.environ["SHOP_BROKER"] = made.environ.pop("NOTIFIER_BROKER_URL")
        made.environ["PYTHONPATH"] = f"{project}{os.pathsep}{TOP}"
        made.start_worker(app="shop")
        order = "import django; django.setup(); from shop.orders import confirm; confirm(4711, 'zoe@example.com')"
        environ = {**made.environ, "DJANGO_SETTINGS_MODULE": "shop.settings"}
        subprocess.run([sys.executable, "-c", order], env=environ, cwd=project, check=True, timeout=60)
        wait_until(lambda: len(made.server.mailbox) == 1, "the mail is sent")
        assert [mail.subject for mail in made.server.mailbox] == ["Order 4711"]
