from __future__ import annotations

from typing import Any
from unittest import mock

import pytest
from test_attempt import an_attempt

from notifier.delivery.courier import Courier
from notifier.model.state import MailState
from notifier.store.base import Claim

UTF8, ASCII = "zoë@example.com", "zoe@example.com"


def screened(*claims: Claim, listed: str = "", **more: Any) -> tuple[list[Claim], mock.Mock]:
    """Who goes on, and the store that was asked."""
    store, unused = mock.Mock(), mock.sentinel.unused
    store.suppressed.return_value = {listed: "asked for it"} if listed else {}
    courier = Courier(store=store, router=unused, composer=unused, limiter=unused, pauses=unused, table=unused, **more)
    return courier._screen(claims), store


@pytest.mark.parametrize(("path", "asked"), [(UTF8, 1), (ASCII, 0)])
def test_the_list_is_asked_again_only_for_letters_that_the_store_has_no_lower_case_of(path: str, asked: int) -> None:
    claim = an_attempt(path).claim
    went_on, store = screened(claim)
    assert (went_on, store.suppressed.call_count) == ([claim], asked)


def test_whoever_is_on_it_is_not_mailed() -> None:
    went_on, store = screened(an_attempt(UTF8).claim, an_attempt(ASCII).claim, listed=UTF8)
    assert [list(claim.recipients) for claim in went_on] == [[ASCII]]
    ((settlements,), _) = store.settle.call_args
    assert [(one.state, one.recipients) for one in settlements] == [(MailState.FAILED, {UTF8: "suppressed"})]


def test_it_is_asked_about_the_mails_list_as_well() -> None:
    _, store = screened(an_attempt(UTF8).claim, mailing_list=lambda email: f"{email.tenant}/{email.mail_class}")
    assert store.suppressed.call_args_list == [mock.call([UTF8], "default/transactional")]
