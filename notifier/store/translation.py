"""Errors of the Redis client become ours, with words for people; the one place that knows both trees."""

from __future__ import annotations

from redis import exceptions as theirs

from notifier.errors import StoreError, StoreUnavailable

# The first row that fits is the one. Nothing was stored in any of these cases.
_ADVICE: tuple[tuple[type[theirs.RedisError], str], ...] = (
    (theirs.AuthenticationError, "refused the user or password; correct them in NOTIFIER_STORE_URL"),
    (
        theirs.NoPermissionError,
        "does not let this user do what the ledger needs; give the user all keys and scripting (ACL)",
    ),
    (theirs.OutOfMemoryError, "is full (maxmemory) and takes no more mail; give it more memory, or deliver what waits"),
    (theirs.ReadOnlyError, "is a read-only replica; set NOTIFIER_STORE_URL to the primary"),
    (theirs.BusyLoadingError, "is still loading its data; try again in a moment"),
    (
        theirs.TimeoutError,
        "did not answer in time; look whether it hangs, or allow it more with NOTIFIER_STORE_TIMEOUT",
    ),
)
# The client has no class for these. WAITAOF: of a server that has become a replica, or has no append-only file any more.
_DISK_ERRORS = ("MISCONF", "NOREPLICAS", "WAITAOF", "UNBLOCKED")
_OWN_WORDS = "LEDGER "  # what our scripts refuse for people, who need no address of the store for it
_NOT_REACHED = "was not reached; start it, or set NOTIFIER_STORE_URL to the one that runs"


def store_error(error: theirs.RedisError, where: str) -> StoreError:
    """The error to raise for ``error`` of the server at ``where``, which must hold no credentials.

    `StoreUnavailable` where the server or its state is at fault, plain `StoreError` where it refused one step.
    """
    for kind, words in _ADVICE:
        if isinstance(error, kind):
            return StoreUnavailable(f"the store at {where} {words} ({_words(error)})")
    if isinstance(error, theirs.ResponseError):
        return _refused(error, where)
    return StoreUnavailable(f"the store at {where} {_NOT_REACHED} ({_words(error)})")


def _words(error: theirs.RedisError) -> str:
    return str(error) or type(error).__name__


def _refused(error: theirs.ResponseError, where: str) -> StoreError:
    if str(error).startswith(_OWN_WORDS):
        return StoreError(f"the ledger refuses: {str(error).removeprefix(_OWN_WORDS)}")
    if str(error).startswith(_DISK_ERRORS):
        return StoreUnavailable(f"the store at {where} cannot keep what it is given: {error}")
    return StoreError(f"the store at {where} refused a step: {error}")
