from __future__ import annotations

import runpy
from pathlib import Path
from types import SimpleNamespace

import pytest

from notifier.errors import ConfigurationError
from notifier.settings import Settings
from notifier.tasks.checks import attempt_budget, check_celery

SETTINGS = Settings.load({"NOTIFIER_BROKER_URL": "redis://localhost"})
SHIPPED = runpy.run_path(str(Path(__file__).resolve().parents[3] / "celeryconfig.py"))


def conf(**changes: object) -> SimpleNamespace:
    return SimpleNamespace(**{**SHIPPED, **changes})


def problems(conf: SimpleNamespace) -> list[str]:
    try:
        check_celery(conf, SETTINGS)
    except ConfigurationError as error:
        return list(error.problems)
    return []


def test_what_ships_is_right() -> None:
    assert problems(conf()) == []


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"accept_content": ["json", "pickle"]}, "holds pickle"),
        ({"accept_content": ["yaml"]}, "holds yaml"),
        ({"task_serializer": "pickle"}, "task_serializer"),
        ({"task_soft_time_limit": 100}, "task_soft_time_limit in celeryconfig.py is 100 s"),
        ({"task_time_limit": attempt_budget(SETTINGS)}, "task_time_limit"),
        ({"broker_transport_options": {"visibility_timeout": 60}}, "visibility_timeout in celeryconfig.py is 60 s"),
    ],
    ids=str,
)
def test_what_endangers_mail_is_refused(changes: dict[str, object], words: str) -> None:
    with pytest.raises(ConfigurationError) as error:
        check_celery(conf(**changes), SETTINGS)
    assert len(error.value.problems) == 1
    assert words in str(error.value)


def test_every_problem_is_told_at_once() -> None:
    with pytest.raises(ConfigurationError) as error:
        check_celery(conf(accept_content=["pickle"], task_serializer="pickle", task_time_limit=1), SETTINGS)
    assert len(error.value.problems) == 3


def test_no_limits_are_fine() -> None:
    assert problems(conf(task_soft_time_limit=None, task_time_limit=None, broker_transport_options={})) == []
