"""`notifier completion SHELL`: what makes the shell complete commands and options."""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class

from notifier.cli.as_json import as_json_option, one_line

SHELLS = ("bash", "zsh", "fish")
VARIABLE = "_NOTIFIER_COMPLETE"


@click.command("completion")
@click.argument("shell", type=click.Choice(SHELLS))
@as_json_option
@click.pass_context
def command(context: click.Context, shell: str, as_json: bool) -> None:
    """Print what SHELL is to read at its start, such as: notifier completion bash >> ~/.bashrc"""
    found = get_completion_class(shell)
    if found is None:
        raise click.UsageError(f"this version of click knows no {shell}")
    script = found(context.find_root().command, {}, "notifier", VARIABLE).source()
    if as_json:
        one_line({"shell": shell, "script": script})
    else:
        click.echo(script)
