"""What came by name and needs the store to be checked is not lost where the store is away."""

from __future__ import annotations

import dataclasses
from types import SimpleNamespace
from typing import Any

import pytest

from notifier.delivery.intake import Accepted
from notifier.errors import StoreUnavailable
from notifier.tasks import send
from notifier.tasks.calls import SEND_EMAIL


class Again(Exception):
    pass


class Received:
    """A task as Celery runs it for a message that another process has put into the broker."""

    app = None

    def __init__(self, accept: Any) -> None:
        self.request = SimpleNamespace(called_directly=False, is_eager=False, delivery_info=None, id="x")
        self.call = dataclasses.replace(SEND_EMAIL, accept=accept)


def test_a_stored_attachment_that_cannot_be_asked_for_is_asked_for_later(monkeypatch: pytest.MonkeyPatch) -> None:
    def away(self: object, *, template: str, options: object) -> Accepted:
        raise StoreUnavailable("away")

    monkeypatch.setattr(send, "_put_back", lambda task, error: Again(error))
    monkeypatch.setattr(send, "_check_signature", lambda request, signature: None)
    monkeypatch.setattr("notifier.tasks.calls.runtime", lambda: SimpleNamespace(intake=None))
    task = Received(away)
    with pytest.raises(Again, match="away"):
        send._run(task, {"template": "welcome"}, None)  # type: ignore[arg-type]
