"""Mailboxes as Flask-Mail has them: ``zoe@example.com``, ``Zoë <zoe@example.com>``, or ``("Zoë", "zoe@example.com")``."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

from notifier.errors import InvalidAddress
from notifier.model.address import Address

Mailbox = str | tuple[str, str]


def mailbox(given: object) -> Address:
    """One mailbox. Raises `InvalidAddress`: what could be read in two ways is never half sent."""
    if not isinstance(given, tuple):
        return Address.parse(given)
    if len(given) != 2 or not isinstance(given[0], str | None):
        raise InvalidAddress(f"a mailbox is text or a pair of name and address, not {given!r}")
    bare = Address.parse(given[1])
    # Parsed once more for the sake of the name.
    return Address.parse(str(replace(bare, display_name=given[0] or bare.display_name)))


def mailboxes(field: str, given: object) -> tuple[Address, ...]:
    """Those of a field, each once, in their order. Raises `InvalidAddress`, also for what can be read only once."""
    if isinstance(given, str | bytes | Iterator) or not isinstance(given, Iterable):
        raise InvalidAddress(f"{field} is a list of mailboxes, not {type(given).__name__}")
    try:
        return each_once(map(mailbox, given))
    except InvalidAddress as error:
        raise InvalidAddress(f"{field}: {error}") from error


def each_once(many: Iterable[Address]) -> tuple[Address, ...]:
    """Without those whose mail would go to the same place."""
    found: dict[str, Address] = {}
    for address in many:
        found.setdefault(address.forward_path, address)
    return tuple(found.values())


def as_text(given: Mailbox) -> str:
    """A pair as text; a name is quoted where it has to be. What is no mailbox stays as it is."""
    if not isinstance(given, tuple) or len(given) != 2:
        return given
    name, address = "" if given[0] is None else str(given[0]), given[1]
    if any(char in '<>@,;:\\"[]()' for char in name):
        escaped = name.replace("\\", "\\\\").replace('"', '\\"')
        name = f'"{escaped}"'
    return f"{name} <{address}>"
