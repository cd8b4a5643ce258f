"""Keys that a template declares ``sensitive`` (reset links, codes): their values are shown nowhere.

A context is in no status and no log anyway. But a server's words can quote what the mail said, and those are kept in the
history and logged; and whoever shows a record's context to people shows it through here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from notifier.errors import Fault, TemplateError
from notifier.model.email import Email
from notifier.store.base import Settlement

REDACTED = "[redacted]"
SHORTEST = 4  # characters: "1" would be found everywhere, and says nothing


class Redactor:
    """``sensitive(template)`` gives the names of the keys; a template that is gone or cannot be read has only such."""

    def __init__(self, sensitive: Callable[[str], frozenset[str]]) -> None:
        self._sensitive = sensitive

    def context(self, email: Email) -> dict[str, Any]:
        """The context for people to see; a sensitive key is one at any depth."""
        names = self._names(email)
        if names is None:
            return dict.fromkeys(email.context, REDACTED)
        return redacted(email.context, names)

    def settlement(self, one: Settlement) -> Settlement:
        """The same edge, and no sensitive value in the words that go into history and logs."""
        if one.fault is None and one.reply is None and not one.transcript:
            return one
        hidden = self._values(one.claim.email)
        if not hidden:
            return one
        return replace(
            one,
            fault=one.fault and _without_in(one.fault, hidden),
            reply=one.reply and _without(one.reply, hidden),
            wrong_addresses={path: _without_in(fault, hidden) for path, fault in one.wrong_addresses.items()},
            transcript=tuple(_without(line, hidden) for line in one.transcript),
        )

    def _names(self, email: Email) -> frozenset[str] | None:
        try:
            return self._sensitive(email.template)
        except TemplateError:
            return None

    def _values(self, email: Email) -> list[str]:
        """Longest first, so that no rest of a value is left where another is part of it."""
        names = self._names(email)
        if names is not None and not names:
            return []
        found = {text for text in _secrets(email.context, names) if len(text) >= SHORTEST}
        return sorted(found, key=len, reverse=True)


def redacted(context: Mapping[str, Any], names: frozenset[str]) -> dict[str, Any]:
    """The context for people to see, without the values of those keys at any depth."""
    return {key: _shown(key, value, names) for key, value in context.items()}


def _shown(key: str, value: Any, names: frozenset[str]) -> Any:
    if key in names:
        return REDACTED
    if isinstance(value, Mapping):
        return {inner: _shown(inner, one, names) for inner, one in value.items()}
    if isinstance(value, list | tuple):
        return [_shown("", one, names) for one in value]
    return value


def _secrets(value: Any, names: frozenset[str] | None) -> Iterator[str]:
    """The texts under sensitive keys; ``names`` None: everything is one."""
    if isinstance(value, Mapping):
        for key, inner in value.items():
            yield from _secrets(inner, None if names is None or key in names else names)
    elif isinstance(value, list | tuple):
        for inner in value:
            yield from _secrets(inner, names)
    elif names is None and value is not None and not isinstance(value, bool):
        yield str(value)


def _without(text: str, hidden: list[str]) -> str:
    for secret in hidden:
        text = text.replace(secret, REDACTED)
    return text


def _without_in(fault: Fault, hidden: list[str]) -> Fault:
    return replace(fault, text=_without(fault.text, hidden))
