"""The command group. Each command lives in a file of its own, loaded when it is asked for."""

from __future__ import annotations

import sys
from importlib import import_module
from importlib.metadata import version

import click

from notifier.errors import NotifierError

COMMANDS = {
    "alive": "notifier.cli.alive",
    "cancel": "notifier.cli.cancel",
    "check": "notifier.cli.check",
    "dead": "notifier.cli.dead",
    "demo": "notifier.cli.demo.command",
    "pause": "notifier.cli.pause",
    "preview": "notifier.cli.preview",
    "purge": "notifier.cli.purge",
    "ready": "notifier.cli.ready",
    "report": "notifier.cli.report",
    "reschedule": "notifier.cli.reschedule",
    "resolve": "notifier.cli.resolve",
    "resume": "notifier.cli.resume",
    "send": "notifier.cli.send",
    "smtp": "notifier.cli.smtp",
    "status": "notifier.cli.status",
    "suppress": "notifier.cli.suppress",
}


class LazyGroup(click.Group):
    """Loads a command's module when the command is named, so that `notifier --help` is quick."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The names, in order."""
        del ctx
        return sorted(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command of that name."""
        del ctx
        if cmd_name not in COMMANDS:
            return None
        command: click.Command = import_module(COMMANDS[cmd_name]).command
        return command


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(version("notifier-worker"), prog_name="notifier")
def group() -> None:
    """Send e-mail that arrives: try it, send, look, check."""


def main() -> None:
    """The entry point: errors of our own end in one clear line and exit status 1, never in a traceback."""
    try:
        group(prog_name="notifier")
    except NotifierError as error:
        click.echo(f"notifier: {error}", err=True)
        sys.exit(1)
