"""A template's context on the command line."""

from __future__ import annotations

import json
from typing import Any

import click


def json_object(text: str | None) -> dict[str, Any]:
    """What ``--context`` says; empty for None. Raises `click.BadParameter`."""
    if text is None:
        return {}
    try:
        value = json.loads(text)
    except ValueError as error:
        raise click.BadParameter(f"--context is not JSON: {error}") from error
    if not isinstance(value, dict):
        raise click.BadParameter('--context must be a JSON object, such as \'{"name": "Zoë"}\'')
    return value
