"""What Flask-Mail's users catch, for what Notifier's intake refuses."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from notifier.errors import InvalidAddress, InvalidHeader


class BadHeaderError(InvalidHeader):
    """A field of the message would break or forge its header."""


class BadAddressError(BadHeaderError, InvalidAddress):
    """A sender or recipient is not one mailbox."""


class MissingAddressError(InvalidAddress, AssertionError):
    """A message without recipients, or without a sender. Flask-Mail asserts it, which ``python -O`` leaves out."""


@contextmanager
def as_flask_mails() -> Iterator[None]:
    """Raise Flask-Mail's kind of error for an `InvalidAddress` or `InvalidHeader`."""
    try:
        yield
    except (BadHeaderError, MissingAddressError):
        raise
    except InvalidAddress as error:
        raise BadAddressError(*error.args) from error
    except InvalidHeader as error:
        raise BadHeaderError(*error.args) from error
