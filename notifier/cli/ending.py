"""How a command ends: its exit status, and for what went wrong one sentence with an advice, never a traceback."""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Callable
from enum import IntEnum

import click

from notifier.errors import (
    BrokerUnavailable,
    ConfigurationError,
    MailNotFound,
    NotifierError,
    StoreUnavailable,
)


class Exit(IntEnum):
    """The exit statuses of every command; ``told`` is for the reference."""

    told: str

    def __new__(cls, status: int, told: str) -> Exit:
        made = int.__new__(cls, status)
        made._value_ = status
        made.told = told
        return made

    DONE = 0, "Done; nothing that was looked at is at fault."
    FAILED = (
        1,
        "Refused, or not found, or a fault was found; of many mails some could not be done; nobody reads the output.",
    )
    USAGE = 2, "The command was called wrongly: an unknown option, a value of another kind."
    UNAVAILABLE = (
        3,
        "The store or the broker was not reached. Nothing was done, or what was done is said; try again later.",
    )
    INTERRUPTED = 130, "Ctrl-C. (`top`, `queue --watch` and `preview` end with it in order, and with 0.)"


# For errors that do not say by themselves what to do.
ADVICE: dict[type[NotifierError], str] = {
    ConfigurationError: "every setting is in docs/reference/settings.md, and notifier check looks at all of them",
    MailNotFound: "see that NOTIFIER_STORE_URL names the store that it went to",
}


def end(command: Callable[[], object]) -> int:
    """Run it; what to exit with."""
    try:
        status = command()
        if sys.stdout is not None:  # closed by whoever called
            sys.stdout.flush()
    except click.exceptions.Abort:
        click.echo("\nnotifier: interrupted", err=True)
        return Exit.INTERRUPTED
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except NotifierError as error:
        click.echo(f"notifier: {error}", err=True)
        advice = next((ADVICE[one] for one in type(error).__mro__ if one in ADVICE), None)
        if advice is not None:
            click.echo(f"  {advice}", err=True)
        return Exit.UNAVAILABLE if isinstance(error, StoreUnavailable | BrokerUnavailable) else Exit.FAILED
    except OSError as error:
        return _unwritable(error)
    return status if isinstance(status, int) else Exit.DONE


def _unwritable(error: OSError) -> int:
    """The output cannot be written, or a file that was named cannot be read. Raises what is neither."""
    if error.errno == errno.EPIPE:  # `notifier dead list | head`
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())  # or Python complains at its end, when it flushes
        return Exit.FAILED
    where = f"{error.filename}: " if error.filename else "the output: "
    if error.filename is None and error.errno not in (errno.ENOSPC, errno.EIO, errno.EBADF):
        raise error
    if error.filename is None:
        sys.stdout = None  # what is left in it cannot be written either
    click.echo(f"notifier: {where}{error.strerror}", err=True)
    return Exit.FAILED
