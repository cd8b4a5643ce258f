"""The command group. Each command lives in a file of its own, loaded when it is asked for."""

from __future__ import annotations

import sys
from importlib import import_module

import click
from click.shell_completion import CompletionItem

from notifier.cli.ending import end
from notifier.cli.output import take_every_text
from notifier.cli.project import set_up_project
from notifier.cli.summaries import SUMMARIES

COMMANDS = {
    "alive": "notifier.cli.alive",
    "bench": "notifier.cli.bench",
    "bounce": "notifier.cli.bounce",
    "cancel": "notifier.cli.cancel",
    "check": "notifier.cli.check",
    "completion": "notifier.cli.completion",
    "console": "notifier.cli.console",
    "dead": "notifier.cli.dead",
    "demo": "notifier.cli.demo.command",
    "metrics": "notifier.cli.metrics",
    "pause": "notifier.cli.pause",
    "preview": "notifier.cli.preview",
    "purge": "notifier.cli.purge",
    "queue": "notifier.cli.queue",
    "ready": "notifier.cli.ready",
    "report": "notifier.cli.report",
    "reschedule": "notifier.cli.reschedule",
    "resolve": "notifier.cli.resolve",
    "resume": "notifier.cli.resume",
    "send": "notifier.cli.send",
    "smtp": "notifier.cli.smtp",
    "status": "notifier.cli.status",
    "suppress": "notifier.cli.suppress",
    "top": "notifier.cli.top",
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
        set_up_project(cmd_name)
        command: click.Command = import_module(COMMANDS[cmd_name]).command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Each with its line, and none loaded."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, SUMMARIES[name]) for name in self.list_commands(ctx)])

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """Names without their help, which would load every command at each press of the key."""
        names = [CompletionItem(name) for name in self.list_commands(ctx) if name.startswith(incomplete)]
        return names + click.Command.shell_complete(self, ctx, incomplete)


def _tell_version(ctx: click.Context, param: click.Parameter, wanted: bool) -> None:
    """Looked up when it is asked for: that takes as long as all the rest of ``--help``."""
    del param
    if wanted:
        from notifier.model.release import release  # noqa: PLC0415 - as said

        click.echo(f"notifier, version {release()}")
        ctx.exit()


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--version",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=_tell_version,
    help="Show the version and exit.",
)
def group() -> None:
    """Send e-mail that arrives: try it, send, look, check."""


def main() -> None:
    """The entry point."""
    take_every_text()
    sys.exit(end(lambda: group.main(prog_name="notifier", standalone_mode=False)))
