"""`notifier demo`: a mail merge through a real worker, from the file to the page where every mail can be read."""

from __future__ import annotations

import json
import signal
import sys
import threading
from pathlib import Path

import click
from rich.console import Console

from notifier.cli.demo.merge import Merge
from notifier.cli.demo.orders import demo_file, read_orders
from notifier.cli.demo.report import facts, judged, print_report
from notifier.cli.demo.stage import Stage


@click.command("demo")
@click.option(
    "--exit", "exit_at_once", is_flag=True, help="End when all is compared; exit status 0 only if all is right."
)
@click.option("--smtp-url", metavar="URL", help="Send through a relay of your own (as NOTIFIER_SMTP_URL).")
@click.option("--broker-url", metavar="URL", help="Use a broker and store of your own (as NOTIFIER_BROKER_URL).")
@click.option("--csv", "csv_file", type=click.Path(path_type=Path, exists=True, dir_okay=False), help="Other rows.")
@click.option(
    "--kill-worker", is_flag=True, help="kill -9 the whole worker in the middle of the run, and see it go on."
)
@click.option("--port", default=0, metavar="PORT", help="Port of the page; a free one by default.")
@click.option(
    "--json",
    "as_json",
    is_flag=True,
    help="Print what became of it as JSON for programs; the rest goes to standard error.",
)
def command(  # noqa: PLR0917 - click passes by keyword
    exit_at_once: bool,
    smtp_url: str | None,
    broker_url: str | None,
    csv_file: Path | None,
    kill_worker: bool,
    port: int,
    as_json: bool,
) -> None:
    """Send a mail merge through a real worker, and show every mail.

    Starts a Valkey, a mail server that catches everything, and a Celery worker; ends them all.
    """
    console = Console(stderr=as_json)
    signal.signal(signal.SIGTERM, _as_interrupt)
    try:
        orders = read_orders(csv_file or demo_file())
        with Stage(console, smtp_url=smtp_url, broker_url=broker_url, port=port) as stage:
            merge = Merge(orders, stage, kill_worker=kill_worker)
            merge.run(console)
            verdict = judged(merge.rows, stage.mailbox)
            print_report(console, verdict, merge, stage)
            if as_json:
                click.echo(json.dumps(facts(verdict, merge, stage), ensure_ascii=False))
            if not exit_at_once:
                _stay(console, stage.page_url)
    except KeyboardInterrupt:
        console.print("\nEnded; every process of the demo is stopped, and its store is thrown away.")
        sys.exit(130)
    sys.exit(0 if verdict.all_right else 1)


def _as_interrupt(number: int, frame: object) -> None:
    """SIGTERM ends the demo as Ctrl-C does, in order."""
    del number, frame
    raise KeyboardInterrupt


def _stay(console: Console, url: str | None) -> None:
    console.print(f"\nRead the mail at [bold]{url}[/bold]" if url else "")
    console.print("Ctrl-C ends everything.")
    try:
        threading.Event().wait()
    except KeyboardInterrupt:
        console.print("\nStopping.")
