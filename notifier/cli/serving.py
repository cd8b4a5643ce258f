"""A page that is served until somebody ends it."""

from __future__ import annotations

import signal
from collections.abc import Callable
from typing import Any

import click

from notifier.cli.as_json import one_line
from notifier.errors import NotifierError
from notifier.tasks.runtime import shut_down


def serve(
    page: Any, told: str, link: Callable[[], str], until_interrupted: Callable[[], None], *, as_json: bool
) -> None:
    """``told``: what is said when it is there, with `{}` for its link. Raises `NotifierError` where the port is taken."""
    signal.signal(signal.SIGTERM, _as_interrupt)
    try:
        with page:
            if as_json:
                one_line({"url": link()})
            else:
                click.echo(told.format(link()))
            until_interrupted()
    except OSError as error:
        raise NotifierError(f"{page.host} port {page.port}: {error.strerror}; choose another with --port") from error
    except KeyboardInterrupt:
        click.echo("\nEnded.", err=as_json)
    finally:
        shut_down(grace=0.0)


def _as_interrupt(number: int, frame: object) -> None:
    """SIGTERM ends it as Ctrl-C does, in order."""
    del number, frame
    raise KeyboardInterrupt
