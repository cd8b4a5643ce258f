from __future__ import annotations

import inspect
from datetime import UTC, datetime, timedelta

import pytest
from celery import Task
from celery.app.amqp import AMQP

from notifier.errors import UnsupportedOption
from notifier.tasks.options import HANDED_DOWN, HARMLESS, MADE_TRUE, REFUSED, mail_options

NOW = 1_000_000.0


def options(**given: object) -> object:
    return mail_options(given, lambda: NOW)


def test_every_option_of_celery_has_a_row() -> None:
    """Read off Celery's own signatures so that a new one fails here."""
    known = MADE_TRUE.keys() | HARMLESS.keys() | REFUSED.keys()
    named = set(inspect.signature(Task.apply_async).parameters) | set(inspect.signature(AMQP.as_task_v2).parameters)
    not_options = {
        "self",
        "args",
        "kwargs",
        "options",
        "name",
        "argsrepr",
        "kwargsrepr",
        "create_sent_event",
        "now",
        "origin",
        "timezone",
    }
    elsewhere = {"callbacks": "link", "errbacks": "link_error"}
    asked = {elsewhere.get(name, name) for name in named - not_options}
    assert asked <= known


def test_no_option_has_two_rows() -> None:
    assert not MADE_TRUE.keys() & HARMLESS.keys()
    assert not (MADE_TRUE.keys() | HARMLESS.keys()) & REFUSED.keys()


@pytest.mark.parametrize(
    ("name", "value", "field", "expected"),
    [
        ("countdown", 60, "send_at", NOW + 60),
        ("eta", datetime(2026, 1, 1, tzinfo=UTC), "send_at", datetime(2026, 1, 1, tzinfo=UTC).timestamp()),
        ("eta", "2026-01-01T00:00:00+00:00", "send_at", datetime(2026, 1, 1, tzinfo=UTC).timestamp()),
        ("expires", 60, "expires_at", NOW + 60),
        ("expires", datetime(2026, 1, 1, tzinfo=UTC), "expires_at", datetime(2026, 1, 1, tzinfo=UTC).timestamp()),
        ("queue", "mail.urgent", "queue", "mail.urgent"),
        ("task_id", "x", "mail_id", "x"),
    ],
)
def test_an_option_that_is_made_true(name: str, value: object, field: str, expected: object) -> None:
    assert getattr(options(**{name: value}), field) == expected


@pytest.mark.parametrize("name", HARMLESS)
def test_an_option_that_is_harmless(name: str) -> None:
    assert options(**{name: "x"}) == options()


@pytest.mark.parametrize("name", REFUSED)
def test_an_option_that_is_refused_says_what_to_use(name: str) -> None:
    with pytest.raises(UnsupportedOption, match=f"'{name}' does not apply to a mail: ."):
        options(**{name: "x"})


STEP = {"task_id": "x", "reply_to": "y", "parent_id": "z", "root_id": "z"}
BODY = {"task_id": "x", "reply_to": "y", "group_id": "z"}
CANVAS = {"priority": 3, "link_error": ["log"], "stamped_headers": ["order"], "order": "7"}


@pytest.mark.parametrize("by", [STEP, BODY], ids=["step", "body"])
def test_what_a_canvas_hands_down_is_harmless_to_the_mail_at_its_end(by: dict[str, object]) -> None:
    assert options(**by, **CANVAS) == options(task_id="x")


@pytest.mark.parametrize("by", [{}, {**BODY, "group_index": 0}], ids=["caller", "group"])
@pytest.mark.parametrize("name", HANDED_DOWN)
def test_the_same_is_refused_to_a_caller(by: dict[str, object], name: str) -> None:
    with pytest.raises(UnsupportedOption, match=f"'{name}' does not apply"):
        options(**by, **{name: "x"})


def test_an_option_that_nobody_knows_is_refused() -> None:
    with pytest.raises(UnsupportedOption, match="does not know it"):
        options(colour="red")


def test_an_option_that_was_not_given_is_none() -> None:
    assert options(link=None, chain=[], headers={}) == options()


@pytest.mark.parametrize(
    "given",
    [
        {"countdown": 1, "eta": datetime(2026, 1, 1, tzinfo=UTC)},
        {"countdown": "soon"},
        {"countdown": timedelta(seconds=1)},
        {"countdown": 1e12},
        {"eta": "tomorrow"},
        {"expires": True},
    ],
    ids=str,
)
def test_a_time_that_is_none_is_refused(given: dict[str, object]) -> None:
    with pytest.raises(UnsupportedOption):
        options(**given)
