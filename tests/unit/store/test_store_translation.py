from __future__ import annotations

import pytest
from redis import exceptions as theirs

from notifier.errors import StoreError, StoreUnavailable
from notifier.store.translation import store_error

WHERE = "redis://db.example:6379/0"


@pytest.mark.parametrize(
    ("error", "advice"),
    [
        (theirs.ConnectionError("Error 111 connecting to db.example:6379. Connection refused."), "start it"),
        (theirs.TimeoutError("Timeout reading from socket"), "NOTIFIER_STORE_TIMEOUT"),
        (theirs.AuthenticationError("invalid username-password pair or user is disabled."), "user or password"),
        (theirs.NoPermissionError("this user has no permissions"), "ACL"),
        (theirs.OutOfMemoryError("command not allowed when used memory > 'maxmemory'."), "more memory"),
        (theirs.ReadOnlyError("You can't write against a read only replica."), "the primary"),
        (theirs.BusyLoadingError("Redis is loading the dataset in memory"), "loading"),
        (theirs.ResponseError("MISCONF Errors writing to the AOF file: No space left on device"), "No space left"),
        (theirs.ResponseError("WAITAOF cannot be used with replica instances."), "cannot keep"),
    ],
)
def test_a_server_that_cannot_be_used_is_unavailable_and_the_words_say_what_to_do(
    error: theirs.RedisError, advice: str
) -> None:
    translated = store_error(error, WHERE)
    assert isinstance(translated, StoreUnavailable)
    assert advice in str(translated)
    assert WHERE in str(translated)


def test_a_refused_step_is_no_outage() -> None:
    translated = store_error(theirs.ResponseError("LEDGER no edge from sent to waiting"), WHERE)
    assert type(translated) is StoreError
    assert "no edge from sent to waiting" in str(translated)


def test_an_error_without_words_is_named() -> None:
    assert "ConnectionError" in str(store_error(theirs.ConnectionError(), WHERE))
