"""How people find mails: by id, key, recipient, template or state. Every question has a bound, and the answer says where it ended."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from uuid import UUID

from notifier.errors import InvalidAddress
from notifier.model.address import Address
from notifier.model.state import MailState
from notifier.store.base import MailStatus
from notifier.store.keys import INDEX
from notifier.store.searching import BEGIN
from notifier.tasks.operating import PAGE, Selection
from notifier.tasks.runtime import runtime

SHOWN = 50  # mails in one answer
MOST_READ = 5000  # mails that are read for one answer from an index
_CURSOR = re.compile(r"[0-9]{1,20}")


@dataclass(frozen=True, slots=True)
class Found:
    """``rest``: what to begin with for more; None where everything was looked at. ``looked_at``: how many mails were read."""

    mails: Sequence[MailStatus]
    looked_at: int
    rest: str | None = None


def find(by: str, words: str, begin: str = "") -> Found:
    """What one field of `FIELDS` says. Nothing is found by words that cannot be such a field. Raises `StoreUnavailable`."""
    return FIELDS[by](words.strip(), begin if _CURSOR.fullmatch(begin) else BEGIN)


def browse(selection: Selection, begin: str = "") -> Found:
    """The mails of a selection, queue by queue and state by state, oldest first. Raises `StoreUnavailable`."""
    skip = int(begin) if _CURSOR.fullmatch(begin) else 0
    found: list[MailStatus] = []
    looked_at = 0
    for mail in islice(_indexed(selection, skip), MOST_READ):
        looked_at += 1
        if selection.includes(mail):
            found.append(mail)
        if len(found) == SHOWN:
            break
    more = len(found) == SHOWN or looked_at == MOST_READ
    return Found(found, looked_at, str(skip + looked_at) if more else None)


def _indexed(selection: Selection, skip: int) -> Iterator[MailStatus]:
    """As `operating.selected` goes through them, without the first ``skip``."""
    store = runtime().store
    queues = store.queues() if selection.queue is None else (selection.queue,)
    for queue in queues:
        counts = store.counts(queue)
        for state in selection.states:
            passed = min(skip, counts[state])
            skip -= passed
            while page := store.list_mails(queue, state, limit=PAGE, skip=passed):
                yield from page
                passed += PAGE


def _by_id(words: str, begin: str) -> Found:
    del begin
    try:
        found = runtime().store.status(str(UUID(words)))
    except ValueError:
        found = None
    return Found([found] if found is not None else [], 1)


def _by_key(words: str, begin: str) -> Found:
    holder = runtime().store.holder(words)
    return _by_id(holder or words, begin)  # a mail that was given no key has its id for one


def _by_recipient(words: str, begin: str) -> Found:
    """A whole address, or a part of one."""
    try:
        wanted = Address.parse(words).forward_path.lower()
    except InvalidAddress:
        wanted = words.lower()
    return _looked_through(lambda mail: any(wanted in path.lower() for path in mail.recipients), begin)


def _by_template(words: str, begin: str) -> Found:
    return _looked_through(lambda mail: mail.template == words, begin)


def _by_state(words: str, begin: str) -> Found:
    if words not in tuple(MailState):
        return Found([], 0)
    state = MailState(words)
    if state in INDEX:
        return browse(Selection((state,)), begin)
    return _looked_through(lambda mail: mail.state is state, begin)


def _looked_through(fits: Callable[[MailStatus], bool], begin: str) -> Found:
    piece = runtime().store.look_through(fits, wanted=SHOWN, begin=begin)
    newest = sorted(piece.found, key=lambda mail: mail.created_at, reverse=True)
    return Found(newest, piece.looked_at, piece.rest)


FIELDS: Mapping[str, Callable[[str, str], Found]] = {
    "recipient": _by_recipient,
    "id": _by_id,
    "template": _by_template,
    "key": _by_key,
    "state": _by_state,
}
