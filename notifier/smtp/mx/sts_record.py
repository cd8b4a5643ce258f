"""The TXT record that says that a domain has an MTA-STS policy, and which (RFC 8461 section 3.1). Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable

_BEGINNING = re.compile(r"v=STSv1[ \t]*;")
_FIELD = re.compile(r"([A-Za-z0-9][A-Za-z0-9_.-]{0,31})=([\x21-\x3a\x3c\x3e-\x7e]+)\Z")
_ID = re.compile(r"[A-Za-z0-9]{1,32}\Z")


def policy_id(texts: Iterable[bytes]) -> str | None:
    """The policy's id; None where there is no record, more than one, or one that breaks the grammar."""
    records = [text for octets in texts if _BEGINNING.match(text := octets.decode("ascii", "replace"))]
    return _id_of(records[0]) if len(records) == 1 else None


def _id_of(record: str) -> str | None:
    _version, *fields = (part.strip(" \t") for part in record.split(";"))
    if fields and not fields[-1]:  # a semicolon at the end is no field
        fields.pop()
    found = [_FIELD.match(field) for field in fields]
    ids = [field[2] for field in found if field is not None and field[1] == "id"]
    return ids[0] if all(found) and ids and _ID.match(ids[0]) else None
