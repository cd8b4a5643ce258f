"""`Metadata`: a template's ``meta.json``, checked. An unknown key is a typo, and a typo in ``sensitive`` shows a secret."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from notifier.errors import InvalidAddress, TemplateError
from notifier.model.address import Address
from notifier.model.nearest import nearest
from notifier.model.template import MailDefaults

MAX_BYTES = 2**20


class _Wrong(Exception):
    """Its words go on from the file's name."""


@dataclass(frozen=True, slots=True)
class Metadata:
    """``samples`` are contexts by name; ``schema`` is a JSON Schema, or the name of one: see `notifier.rendering.schemas`."""

    description: str = ""
    defaults: MailDefaults = field(default_factory=MailDefaults)
    sensitive: frozenset[str] = frozenset()
    samples: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    schema: Mapping[str, Any] | str | None = None
    untrusted: bool = False
    inline_css: bool = False

    def beyond_a_stranger(self) -> str | None:
        """A key that is only for the application to give: a schema's patterns are matched and its class is imported where
        mails are enqueued, ``from`` is whose word the mail is, and the class is whose turn comes first.
        """
        given = {"schema": self.schema, "from": self.defaults.sender, "mail_class": self.defaults.mail_class}
        return next((key for key, value in given.items() if value is not None), None)


def read_metadata(file: Path, template: str) -> Metadata:
    """The file's; the default where there is none. Raises `TemplateError`, naming template and key."""
    if not file.is_file():
        return Metadata()
    try:
        return _metadata(_object(file))
    except _Wrong as error:
        raise TemplateError(f"template {template!r}: meta.json {error}") from None


def _object(file: Path) -> dict[str, Any]:
    if file.stat().st_size > MAX_BYTES:
        raise _Wrong(f"is over {MAX_BYTES:,} octets")
    try:
        found = json.loads(file.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        raise _Wrong(f"is no JSON: {error}") from None
    if not isinstance(found, dict):
        raise _Wrong("is a JSON object")
    return found


def _metadata(given: Mapping[str, Any]) -> Metadata:
    for key in given:
        if key not in _READ:
            near = nearest(key, _READ)
            hint = f"did you mean {near!r}?" if near else f"known: {', '.join(_READ)}"
            raise _Wrong(f"has the unknown key {key!r}; {hint}")
    read = {key: _READ[key](value) for key, value in given.items()}
    defaults = MailDefaults(read.pop("mail_class", None), read.pop("from", None), read.pop("reply_to", ()))
    return Metadata(**read, defaults=defaults)


def _text(key: str) -> Callable[[object], str]:
    def read(value: object) -> str:
        if not isinstance(value, str):
            raise _Wrong(f"has a {key} that is no text")
        return value

    return read


def _sender(value: object) -> Address:
    try:
        return Address.parse(value)
    except InvalidAddress as error:
        raise _Wrong(f"has a from that cannot be used: {error}") from None


def _reply_to(value: object) -> tuple[Address, ...]:
    try:
        return tuple(Address.parse(one) for one in (value if isinstance(value, list) else [value]))
    except InvalidAddress as error:
        raise _Wrong(f"has a reply_to that cannot be used: {error}") from None


def _sensitive(value: object) -> frozenset[str]:
    if not isinstance(value, list) or not all(isinstance(key, str) for key in value):
        raise _Wrong("has a sensitive that is no list of the context's keys")
    return frozenset(value)


def _samples(value: object) -> Mapping[str, Mapping[str, Any]]:
    if not isinstance(value, dict) or not all(isinstance(sample, dict) for sample in value.values()):
        raise _Wrong("has samples that are no object of contexts by name")
    return value


def _schema(value: object) -> Mapping[str, Any] | str:
    if not isinstance(value, dict | str):
        raise _Wrong("has a schema that is neither a JSON Schema, nor a file's name, nor package.module:Name")
    return value


def _flag(key: str) -> Callable[[object], bool]:
    def read(value: object) -> bool:
        if not isinstance(value, bool):
            raise _Wrong(f"has an {key} that is neither true nor false")
        return value

    return read


_READ: Mapping[str, Callable[[object], Any]] = {
    "description": _text("description"),
    "mail_class": _text("mail_class"),
    "from": _sender,
    "reply_to": _reply_to,
    "sensitive": _sensitive,
    "samples": _samples,
    "schema": _schema,
    "untrusted": _flag("untrusted"),
    "inline_css": _flag("inline_css"),
}
