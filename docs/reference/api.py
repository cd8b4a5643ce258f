"""The page of the API: what may be imported, its arguments, and its docstring."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from enum import Enum, EnumType
from importlib import import_module
from types import ModuleType
from typing import Any

from celery.local import Proxy

OWN = "__all__"
ROOMS: dict[str, tuple[str, list[str] | str]] = {
    "notifier": ("What an application calls. The rest of the package is loaded when one of these names is used.", OWN),
    "notifier.tasks.result": ("What the calls of an application return.", ["MailResult"]),
    "notifier.store.base": ("", ["MailStatus"]),
    "notifier.tasks.bulk": ("", ["BulkRow", "InvalidBulk"]),
    "notifier.model.hook": ("What receivers of signals are given.", ["HookEvent"]),
    "notifier.tasks": ("For a Celery app that you have.", OWN),
    "notifier.tasks.worker": ("For a worker of its own.", ["create_worker_app"]),
    "notifier.tasks.app": ("For programs that give their settings themselves.", ["use_settings"]),
    "notifier.reports": ("For [reports](../how-to/reports.md).", OWN),
    "notifier.smtp": (
        "SMTP alone. The names of the standard module's `smtplib` are here as well: [the drop-in](dropin.md).",
        ["Session", "Endpoint", "Mode", "TLSPolicy", "Timeouts", "Window", "Quota", "Proxy", "ProxyKind"],
    ),
    "notifier.model.envelope": ("What a session sends.", ["Envelope", "MailObject"]),
    "notifier.model.outcome": ("What became of it.", ["Outcome", "RecipientOutcome", "RecipientState"]),
    "notifier.integrations.django": ("For [Django](../how-to/django.md).", OWN),
    "notifier.integrations.flask": ("For [Flask](../how-to/flask.md).", OWN),
    "notifier.testing": (
        "For [tests](../how-to/testing.md), and for [a server that misbehaves](../how-to/hostile-server.md).",
        OWN,
    ),
}
MOST_COLUMNS = 90
_TOLD_ELSEWHERE = {"smtp": "a module: [below](#notifiersmtp)"}


def api() -> str:
    """Every name that is meant to be imported."""
    head = (
        "# The API\n\nWhat is not named here may change without a word. Errors: [errors](errors.md). "
        "Settings: [settings](settings.md).\n"
    )
    return "\n".join([head, *(_room(name, words, names) for name, (words, names) in ROOMS.items())])


def _room(name: str, words: str, names: list[str] | str) -> str:
    module = import_module(name)
    parts = [f"## {name}\n", *([f"{words}\n"] if words else [])]
    return "\n".join([*parts, *(_name(module, one) for one in (module.__all__ if names == OWN else names))])


def _name(module: ModuleType, name: str) -> str:
    if name in _TOLD_ELSEWHERE:
        return f"### {name}\n\n{_TOLD_ELSEWHERE[name]}\n"
    value = getattr(module, name)
    said = value.run if isinstance(value, Proxy) else value
    if isinstance(value, EnumType):
        members = ", ".join(f"`{one.name}`" for one in value)
        return f"### {name}\n\n{_words(value)}\n\nOne of {members}.\n"
    if type(value).__name__ in _CONSTANTS:
        return f"### {name}\n\n{_CONSTANTS[type(value).__name__]}\n"
    calls = f"```text\n{name}{_signature(said)}\n```\n\n" if _signature(said) else ""
    methods = "\n".join(_methods(value)) if inspect.isclass(value) else ""
    table = f"\n| | |\n|---|---|\n{methods}\n" if methods else ""
    return f"### {name}\n\n{calls}{_words(said if said.__doc__ else value)}\n{table}"


_CONSTANTS = {
    "Signal": "A signal, for `connect`: [hooks](../how-to/hooks.md).",
    "NamedSignal": "A signal of blinker's, for `connect`.",
    "Namespace": "blinker's namespace of the signals.",
    "WSGI": "A WSGI application: [unsubscribing](../how-to/dkim-and-unsubscribe.md).",
    "ASGI": "An ASGI application: [unsubscribing](../how-to/dkim-and-unsubscribe.md).",
}


def _words(value: Any) -> str:
    text = re.sub(r"``([^`]+)``", r"`\1`", inspect.getdoc(value) or "").replace("::\n", ":\n")
    return "`".join(part if number % 2 else part.replace("<", "\\<") for number, part in enumerate(text.split("`")))


def _methods(value: type) -> Iterator[str]:
    one: Any
    for name, one in vars(value).items():
        if name.startswith("_") or not inspect.getdoc(one):
            continue
        first = _words(one).partition("\n\n")[0].replace("\n", " ").replace("|", "\\|")
        if isinstance(one, property):
            yield f"| `.{name}` | {first} |"
        elif inspect.isroutine(one):
            function = one.__func__ if isinstance(one, classmethod | staticmethod) else one
            yield f"| `.{name}{_signature(function, own=True)}` | {first} |".replace("str | None", "str \\| None")


def _signature(value: Any, *, own: bool = False) -> str:
    """Without annotations in tables, which the words tell better; defaults that read the same in every Python."""
    try:
        found = inspect.signature(value)
    except (TypeError, ValueError):
        return ""
    given = [one for one in found.parameters.values() if one.name not in {"self", "cls"}]
    if own:
        return f"({', '.join(_argument(one, typed=False) for one in given)})"
    lines, starred = [], False
    for one in given:
        if one.kind is one.KEYWORD_ONLY and not starred:
            lines.append("*")
            starred = True
        lines.append(_argument(one, typed=True))
    gives = (
        f" -> {found.return_annotation}"
        if isinstance(found.return_annotation, str) and found.return_annotation != "None"
        else ""
    )
    short = ", ".join(lines)
    return f"({short}){gives}" if len(short) < MOST_COLUMNS else "(\n    " + ",\n    ".join(lines) + f",\n){gives}"


def _argument(one: inspect.Parameter, *, typed: bool) -> str:
    stars = {"VAR_POSITIONAL": "*", "VAR_KEYWORD": "**"}.get(one.kind.name, "")
    kind = f": {one.annotation}" if typed and isinstance(one.annotation, str) else ""
    if one.default is one.empty:
        return f"{stars}{one.name}{kind}"
    equals = " = " if kind else "="
    return f"{stars}{one.name}{kind}{equals}{_default(one.default)}"


def _default(value: object) -> str:
    if isinstance(value, Enum):
        return f"{type(value).__name__}.{value.name}"
    plain = value is None or isinstance(value, bool | int | float | str | bytes | tuple)
    return repr(value) if plain else "..."
