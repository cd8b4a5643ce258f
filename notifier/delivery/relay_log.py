"""`RelayLog`: what a Postfix that takes our mail has written down about it.

Its cleanup writes the Message-ID beside a queue id; whoever delivers writes what became of each recipient under that queue
id. A line about a recipient is proof that Postfix has taken the mail for him, for it says 250 before it begins to deliver.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from notifier.errors import InvalidAddress
from notifier.model.address import Address
from notifier.model.proof import Inquiry, Proof

MOST = 64 * 2**20  # octets that are read of a log, its newest
_LINE = re.compile(rb" [^ \[]+/([\w-]+)\[\d+\]: ([0-9A-Za-z]+): (.*)")
_MESSAGE_ID = re.compile(rb"message-id=<([^@>]+)@")
# Strict up to the status: what follows, in parentheses, are another server's words.
_RECIPIENT = re.compile(
    rb"to=<(.*?)>, (?:orig_to=<(.*?)>, )?relay=[^,]*, (?:conn_use=\d+, )?delay=[\d.]+, delays=[\d./]+, "
    rb"dsn=[245]\.\d+\.\d+, status=(\w+)"
)
# Deferred: Postfix has it, tries on, and will send a bounce if that comes to nothing.
_PROOF = {b"sent": Proof.DELIVERED, b"deferred": Proof.DELIVERED, b"bounced": Proof.REFUSED}


class RelayLog:
    """An `EvidenceSource` on the log file of a Postfix, and the file that it was rotated to (``.1``)."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __call__(self, asked: Sequence[Inquiry], /) -> dict[str, dict[str, Proof]]:
        """See `EvidenceSource`. Raises `OSError` where the log cannot be read."""
        found: dict[str, dict[str, Proof]] = {one.mail_id: {} for one in asked}
        for mail_id, recipient, proof in self._read(set(found)):
            if proof is Proof.DELIVERED or recipient not in found[mail_id]:
                found[mail_id][recipient] = proof  # of two copies one that has arrived decides
        return {one.mail_id: proven for one in asked if (proven := _by_forward_path(one, found[one.mail_id]))}

    def _read(self, wanted: set[str]) -> Iterator[tuple[str, str, Proof]]:
        """Mail id, recipient, and what became of him."""
        mail_of: dict[bytes, str] = {}  # by queue id
        for program, queue_id, words in self._lines():
            if program == b"cleanup" and (named := _MESSAGE_ID.match(words)) is not None:
                mail_id = named[1].decode("ascii", "replace")
                if mail_id in wanted:
                    mail_of[queue_id] = mail_id
            elif queue_id not in mail_of:
                continue
            elif words == b"removed":
                del mail_of[queue_id]  # Postfix gives it to another mail
            elif (line := _RECIPIENT.match(words)) is not None and line[3] in _PROOF:
                recipient = (line[2] or line[1]).decode("utf-8", "replace")
                yield mail_of[queue_id], _comparable(recipient), _PROOF[line[3]]

    def _lines(self) -> Iterator[tuple[bytes, bytes, bytes]]:
        rotated = self._path.with_name(f"{self._path.name}.1")
        for path in (rotated, self._path) if rotated.exists() else (self._path,):
            with path.open("rb") as file:
                file.seek(max(0, os.fstat(file.fileno()).st_size - MOST))
                for text in file:
                    if (line := _LINE.search(text)) is not None:
                        yield line[1], line[2], line[3].strip()


def _by_forward_path(one: Inquiry, found: dict[str, Proof]) -> dict[str, Proof]:
    return {path: found[key] for path in one.recipients if (key := _comparable(path)) in found}


def _comparable(path: str) -> str:
    """Letters and domain in one way of writing them: Postfix writes what it was given, and not what we keep."""
    try:
        address = Address.parse(path)
    except InvalidAddress:
        return path.lower()
    return f"{address.local_part}@{address.ascii_domain}".lower()
