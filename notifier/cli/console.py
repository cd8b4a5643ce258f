"""`notifier console`: how everything stands, in a browser, and what an operator decides."""

from __future__ import annotations

import ipaddress
import sys
from pathlib import Path
from typing import Any

import click

from notifier.cli.as_json import served_as_json_option
from notifier.cli.catalogue import Catalogue
from notifier.cli.serving import serve
from notifier.errors import ConfigurationError, NotifierError
from notifier.rendering import Renderer, TemplateLibrary
from notifier.settings.sources import read_file
from notifier.tasks.runtime import settings

SECONDS = 3.0  # of the processor for a template: whoever looks waits
SHORTEST_TOKEN = 20  # characters of one that a person chose
EXTRA = ("starlette", "uvicorn")
NEEDED = "notifier console needs Starlette and uvicorn: pip install 'notifier-worker[console]'"
TOLD = "The console is at {} (the link works once) - Ctrl-C ends it."
EXPOSED = (
    "the console listens on {host}: whoever reaches it there and has the link, or the token, sees every mail's story and "
    "decides on mails. What goes to and fro is not encrypted: put a proxy with TLS in front of it."
)


@click.command("console")
@click.option("--host", default="127.0.0.1", show_default=True, metavar="ADDRESS", help="Where it is served.")
@click.option("--port", type=click.IntRange(0, 65535), default=8026, show_default=True, help="0 takes a free one.")
@click.option("--expose", is_flag=True, help="Allow a --host that other machines reach.")
@click.option(
    "--name", "names", multiple=True, metavar="NAME", help="What a proxy calls it; may be given several times."
)
@click.option("--read-only", is_flag=True, help="Show, and change nothing.")
@click.option("--show-bodies", is_flag=True, help="Show what mails say, and whole addresses.")
@click.option(
    "--token-file",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    metavar="FILE",
    help="A token of yours that lets people in, as often as they like.",
)
@served_as_json_option
def command(  # noqa: PLR0917 - click passes each option by its name
    host: str,
    port: int,
    expose: bool,
    names: tuple[str, ...],
    read_only: bool,
    show_bodies: bool,
    token_file: Path | None,
    as_json: bool,
) -> None:
    """Show queues, relays, workers, mails, dead letters, suppressed addresses, templates and reports in a browser.

    It listens on this machine alone and prints a link that lets one browser in. Addresses are covered and what mails say
    is not shown, unless --show-bodies says so.
    """
    try:
        from notifier.console.operator_page.access import Access  # noqa: PLC0415 - an extra
        from notifier.console.operator_page.serving import ConsolePage  # noqa: PLC0415
        from notifier.console.preview_page.main_thread import MainThread  # noqa: PLC0415
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] not in EXTRA:
            raise
        raise NotifierError(NEEDED) from error
    _check_host(host, expose=expose)
    access = Access(_token(token_file))
    _find_modules_here()
    chosen = settings()
    library = TemplateLibrary(chosen.template_folders, chosen.untrusted_folders)
    thread: Any = MainThread()
    page = ConsolePage(
        access,
        Catalogue(library, Renderer(library, SECONDS)),
        chosen.sender,
        host=host,
        port=port,
        names_beside=names,
        show_bodies=show_bodies,
        read_only=read_only,
        rendering=thread.run,
    )
    serve(page, TOLD, lambda: page.link, thread.serve, as_json=as_json)


def _check_host(host: str, *, expose: bool) -> None:
    if _is_loopback(host):
        return
    if not expose:
        raise click.UsageError(
            f"other machines reach {host}: --expose says that they may, and docs/how-to/console.md what it means"
        )
    click.echo(f"notifier: {EXPOSED.format(host=host)}", err=True)


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _find_modules_here() -> None:
    """Those that NOTIFIER_REPORTS names, as `celery -A worker` finds its own."""
    here = str(Path.cwd())
    if here not in sys.path:
        sys.path.insert(0, here)


def _token(file: Path | None) -> str | None:
    """Raises `ConfigurationError`."""
    if file is None:
        return None
    problems: list[str] = []
    token = (read_file(file, secret=True, problems=problems) or "").strip()
    if not problems and len(token) < SHORTEST_TOKEN:
        problems.append(f"{file} holds fewer than {SHORTEST_TOKEN} characters: whoever guesses them decides on mails")
    if problems:
        raise ConfigurationError(problems)
    return token
