"""Where a process's settings come from."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from notifier.errors import ConfigurationError
from notifier.settings import Settings
from notifier.tasks import runtime


@pytest.fixture(autouse=True)
def as_before() -> Iterator[None]:
    source = runtime._source
    runtime.configure(None)
    yield
    runtime._source = source
    runtime.configure(None)


def broker(host: str) -> dict[str, str]:
    return {"NOTIFIER_BROKER_URL": f"redis://{host}/0"}


def test_they_are_read_when_they_are_needed_and_from_where_they_are_said_to_be() -> None:
    texts = broker("first.example")
    runtime.read_settings_from(lambda: texts)
    texts |= broker("second.example")
    assert runtime.settings().broker_url.reveal() == "redis://second.example/0"
    runtime.read_settings_from(lambda: broker("third.example"))
    assert runtime.settings().broker_url.reveal() == "redis://third.example/0"


def test_settings_that_were_chosen_stay() -> None:
    runtime.configure(Settings.load(broker("chosen.example")))
    runtime.read_settings_from(lambda: broker("other.example"))
    assert runtime.settings().broker_url.reveal() == "redis://chosen.example/0"


def test_sending_at_once_asks_for_neither_broker_nor_store() -> None:
    runtime.read_settings_from(lambda: {"NOTIFIER_FROM": "shop@example.com"})
    assert runtime.inline_settings().sender.addr_spec == "shop@example.com"


@pytest.mark.parametrize(
    "named", [{}, {"NOTIFIER_BROKER_URL": "amqp://broker.example//"}], ids=["no broker", "no store"]
)
def test_who_has_sent_at_once_and_enqueues_then_is_told_what_is_missing(named: dict[str, str]) -> None:
    runtime.read_settings_from(lambda: named)
    assert runtime.inline_runtime() is runtime.inline_runtime()
    with pytest.raises(ConfigurationError, match=r"is not set|NOTIFIER_STORE_URL"):
        runtime.runtime()


def test_who_has_sent_at_once_enqueues_through_the_broker_that_is_named_later() -> None:
    texts: dict[str, str] = {}
    runtime.read_settings_from(lambda: texts)
    runtime.inline_runtime()
    texts |= broker("later.example")
    assert runtime.runtime().settings.broker_url.reveal() == "redis://later.example/0"
    assert runtime.inline_runtime() is runtime.runtime()
