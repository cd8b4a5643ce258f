"""`--json`: every command has it."""

from __future__ import annotations

import json
from collections.abc import Mapping

import click

as_json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON for programs.")
served_as_json_option = click.option(
    "--json", "as_json", is_flag=True, help="Print one line of JSON for programs once it is served."
)


def one_line(facts: Mapping[str, object]) -> None:
    """At once, for a program that waits for it."""
    click.echo(json.dumps(facts, ensure_ascii=False))
