"""`notifier metrics`: the store's figures for Prometheus, once or served."""

from __future__ import annotations

import json
import signal

import click

from notifier.cli.as_json import one_line
from notifier.errors import NotifierError
from notifier.settings.listening import ListenAt, parse_listen_at
from notifier.tasks.metrics_pages import Pages, standing_rows, store_pages
from notifier.tasks.runtime import shut_down
from notifier.telemetry.serving import MetricsServer, listen


class _ListenAt(click.ParamType):  # type: ignore[type-arg]  # generic in newer versions only
    """See `parse_listen_at`."""

    name = "address"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> ListenAt:
        """An address with a port."""
        try:
            found = parse_listen_at(str(value))
        except ValueError as error:
            self.fail(str(error), param, ctx)
        if found is None:
            self.fail("is empty", param, ctx)
        return found


@click.command("metrics")
@click.option(
    "--listen",
    "at",
    type=_ListenAt(),
    metavar="[ADDRESS:]PORT",
    help="Serve them until Ctrl-C, at /metrics: a port on loopback such as 9465, or 0.0.0.0:9465.",
)
@click.option(
    "--json", "as_json", is_flag=True, help="Print JSON for programs; with --listen, one line once they are served."
)
def command(at: ListenAt | None, as_json: bool) -> None:
    """Print the store's metrics for Prometheus, or serve them: queues, ages, edges, unknown outcomes, pauses, breakers.

    They are the same for the whole fleet, so one process that serves them is enough. What workers count is served by each of them
    (NOTIFIER_METRICS). Needs `pip install 'notifier-worker[metrics]'`.
    """
    try:
        if at is not None:
            _serve(at, store_pages(), as_json=as_json)
        elif as_json:
            click.echo(json.dumps(standing_rows(), indent=2))
        else:
            text, _ = store_pages()["/metrics"]("")
            click.echo(text.decode(), nl=False)
    finally:
        shut_down(grace=0.0)


def _serve(at: ListenAt, pages: Pages, *, as_json: bool) -> None:
    signal.signal(signal.SIGTERM, _as_interrupt)
    try:
        listening = listen(*at)
    except OSError as error:
        raise NotifierError(f"nothing can listen at {at}: {error.strerror or error}; choose another port") from error
    with MetricsServer(listening, pages) as server:
        url = f"http://{ListenAt(at.host, listening.getsockname()[1])}/metrics"
        if as_json:
            one_line({"url": url})
        else:
            click.echo(f"The store's metrics are at {url} - Ctrl-C ends it.")
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            click.echo("\nEnded.", err=as_json)


def _as_interrupt(number: int, frame: object) -> None:
    """SIGTERM ends it as Ctrl-C does, in order."""
    del number, frame
    raise KeyboardInterrupt
