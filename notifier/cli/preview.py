"""`notifier preview`: the templates with their samples in a browser, while they are written."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from notifier.cli.as_json import served_as_json_option
from notifier.cli.catalogue import Catalogue
from notifier.cli.serving import serve
from notifier.errors import NotifierError
from notifier.rendering import Renderer, TemplateLibrary
from notifier.settings import Settings
from notifier.tasks.runtime import configure, inline_settings
from notifier.tasks.send import send_email

SECONDS = 3.0  # of the processor for one mail: whoever writes it waits
EXTRA = ("starlette", "uvicorn")
NEEDED = "notifier preview needs Starlette and uvicorn: pip install 'notifier-worker[preview]'"


@click.command("preview")
@click.option("--host", default="127.0.0.1", show_default=True, metavar="ADDRESS", help="Where the page is served.")
@click.option("--port", type=click.IntRange(0, 65535), default=8025, show_default=True, help="0 takes a free one.")
@click.option(
    "--templates",
    "folders",
    multiple=True,
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    metavar="FOLDER",
    help="A folder with templates, searched before those of NOTIFIER_TEMPLATES; may be given several times.",
)
@served_as_json_option
def command(host: str, port: int, folders: tuple[Path, ...], as_json: bool) -> None:
    """Show every template with its samples: HTML, text, source, size, and what is wrong. Saved changes appear at once.

    No broker, store or worker is needed. With NOTIFIER_SMTP_URL set, the page sends a sample to an address of yours.
    """
    try:
        from notifier.console.preview_page.main_thread import MainThread  # noqa: PLC0415 - an extra
        from notifier.console.preview_page.sending import Desk  # noqa: PLC0415
        from notifier.console.preview_page.serving import PreviewPage  # noqa: PLC0415
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] not in EXTRA:
            raise
        raise NotifierError(NEEDED) from error
    chosen = _settings(folders)
    library = TemplateLibrary(chosen.template_folders, chosen.untrusted_folders)
    thread = MainThread()
    page = PreviewPage(
        Catalogue(library, Renderer(library, SECONDS)),
        host=host,
        port=port,
        sender=chosen.sender,
        desk=Desk(_send if _relay_is_named() else None),
        rendering=thread.run,
    )
    serve(page, "The preview is at {} - Ctrl-C ends it.", lambda: page.url, thread.serve, as_json=as_json)


def _settings(folders: tuple[Path, ...]) -> Settings:
    """The settings with those folders first. Raises `ConfigurationError`; that no relay is named is no error here."""
    found = inline_settings()
    chosen = replace(found, template_folders=(*folders, *found.template_folders))
    configure(chosen)
    return chosen


def _relay_is_named() -> bool:
    """The default relay, localhost:25, is nobody's choice: no sample is sent to it."""
    return any(os.environ.get(name) for name in ("NOTIFIER_SMTP_URL", "NOTIFIER_SMTP_URL_FILE"))


def _send(*, template: str, to: str, context: Mapping[str, Any], locale: str | None) -> str:
    """At once, without a store, as a direct call of `send_email` does it."""
    reply: str = send_email(template=template, to=to, context=context, locale=locale)
    return reply
