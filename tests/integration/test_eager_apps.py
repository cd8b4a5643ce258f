"""An app that runs its tasks at once, as in tests: its mails go out at the call, and what a real call refuses is refused."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest
from celery import Celery, chain
from celery.result import EagerResult

import notifier.tasks
from notifier import asend_bulk, send_bulk, send_email
from notifier.errors import InvalidAddress, InvalidMail, PermanentError, UnsupportedOption
from notifier.tasks import registered, runtime
from notifier.tasks.app import app as ours
from notifier.testing import TestRelay

WELCOME = {"template": "welcome", "to": "zoe@example.com", "context": {"name": "Zoë"}}
TWO = [{"to": f"{name}@example.com", "context": {"name": name}} for name in ("anna", "bert")]


@pytest.fixture
def relay(monkeypatch: pytest.MonkeyPatch) -> Iterator[TestRelay]:
    """Nothing names a broker."""
    for name in ("NOTIFIER_BROKER_URL", "CELERY_BROKER_URL", "REDIS_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(registered, "_apps", [])
    with TestRelay() as made:
        monkeypatch.setenv("NOTIFIER_SMTP_URL", made.url)
        runtime.configure(None)
        yield made
        runtime.configure(None)


@pytest.fixture
def shop(relay: TestRelay) -> Celery:
    """As most have it in their tests, and a broker that has no store and is not there."""
    app = Celery("shop", broker="amqp://127.0.0.1:1//", set_as_current=False)
    app.conf.update(task_always_eager=True, task_eager_propagates=True)
    notifier.tasks.register(app)
    return app


def test_a_mail_goes_out_at_the_call(shop: Celery, relay: TestRelay) -> None:
    result = send_email.delay(**WELCOME)
    assert (result.state, result.get()) == ("SUCCESS", "250 2.0.0 Kept as number 1")
    assert asyncio.run(_awaited()).successful()
    assert len(relay.outbox) == 2


async def _awaited() -> EagerResult[str]:
    return await send_email.adelay(**WELCOME)


def test_so_does_each_of_a_bulk(shop: Celery, relay: TestRelay) -> None:
    rows = send_bulk(template="welcome", recipients=TWO)
    rows += asyncio.run(asend_bulk(template="welcome", recipients=TWO))
    assert [row.result.state for row in rows if row.result] == ["SUCCESS"] * 4
    assert [mail.recipients[0] for mail in relay.outbox] == ["anna@example.com", "bert@example.com"] * 2


def test_so_does_the_last_of_a_chain(shop: Celery, relay: TestRelay) -> None:
    @shop.task(name="shop.ship")
    def ship() -> None: ...

    chain(ship.si(), shop.tasks["notifier.send_email"].si(**WELCOME)).apply_async()
    assert len(relay.outbox) == 1


@pytest.mark.parametrize(
    ("kwargs", "options", "error"),
    [
        ({**WELCOME, "to": "nobody"}, {}, InvalidAddress),
        ({"templat": "welcome"}, {}, InvalidMail),
        (WELCOME, {"priority": 3}, UnsupportedOption),
        (WELCOME, {"countdown": "soon"}, UnsupportedOption),
    ],
    ids=["address", "argument", "option", "countdown"],
)
@pytest.mark.parametrize("propagates", [True, False])
def test_what_is_refused_at_a_call_is_refused_at_this_one(
    shop: Celery, kwargs: dict[str, object], options: dict[str, object], error: type[Exception], propagates: bool
) -> None:
    shop.conf.task_eager_propagates = propagates
    with pytest.raises(error):
        send_email.apply_async(kwargs=kwargs, **options)


def test_what_the_relay_refuses_is_raised_where_the_app_says_so(shop: Celery, relay: TestRelay) -> None:
    relay.refuse("zoe@example.com")
    with pytest.raises(PermanentError):
        send_email.delay(**WELCOME)
    with pytest.raises(PermanentError):
        send_email.si(**WELCOME).apply()
    shop.conf.task_eager_propagates = False
    assert isinstance(send_email.delay(**WELCOME).result, PermanentError)
    assert send_bulk(template="welcome", recipients=[WELCOME])[0].result.failed()  # type: ignore[union-attr]


def test_our_own_app_makes_calls_through_another_eager(relay: TestRelay, monkeypatch: pytest.MonkeyPatch) -> None:
    """As the fixture `notifier_eager` does, for who calls ``app.tasks["notifier.send_email"]``."""
    app = Celery("shop", broker="redis://127.0.0.1:1/0", set_as_current=False)
    notifier.tasks.register(app)
    monkeypatch.setitem(ours.conf, "task_always_eager", True)
    app.tasks["notifier.send_email"].delay(**WELCOME)
    assert len(relay.outbox) == 1
