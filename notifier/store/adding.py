"""Mails into the ledger, those of one queue and one policy by one call of the script: a call by itself, with an answer of
its own, costs more than a mail in it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from notifier.errors import IdempotencyConflict
from notifier.model.email import Email
from notifier.model.ids import new_token
from notifier.model.mail_class import MailClass
from notifier.store.base import Added, AddResult, BellMessage
from notifier.store.connection import Call
from notifier.store.keys import Keys
from notifier.store.records import Arguments, policy_of
from notifier.store.round_trips import Argument

MOST = 100  # mails in one call: the server does nothing else meanwhile
_THERE, _CREATED, _ANOTHER_BODY = b"012"


@dataclass(slots=True)
class Portion:
    """Mails that go with one call, by their places among all. ``bell``: the id of the first one that is leased."""

    queue: str
    policy: Arguments
    places: list[int] = field(default_factory=list)
    bell: str = field(default_factory=new_token)

    def call(self, keys: Keys, records: Sequence[Arguments], bells: Sequence[Argument], message: Sequence[str]) -> Call:
        """``bells``: how long one is leased, ms, and for how many mails. ``message``: of the first one, see `BellMessage`."""
        mails = (argument for place in self.places for argument in records[place])
        return Call("add", keys.queue(self.queue), (self.bell, *bells, *message, *self.policy, *mails))


def portions_of(emails: Sequence[Email], classes: Mapping[str, MailClass]) -> list[Portion]:
    """All of them, in as few calls as may be."""
    done: list[Portion] = []
    begun: dict[tuple[str, ...], Portion] = {}
    for place, email in enumerate(emails):
        kind = (email.queue, email.template, email.mail_class, email.tenant)
        portion = begun.get(kind)
        if portion is None or len(portion.places) == MOST:
            portion = begun[kind] = Portion(email.queue, policy_of(email, classes[email.mail_class]))
            done.append(portion)
        portion.places.append(place)
    return done


def messages_of(portions: Sequence[Portion], message_of: BellMessage | None) -> Iterator[tuple[str, str]]:
    """The bell of each queue's first portion: the others mostly find that it was enough."""
    queues: set[str] = set()
    for portion in portions:
        first = portion.queue not in queues
        queues.add(portion.queue)
        yield message_of(portion.queue, portion.bell) if first and message_of is not None else ("", "")


@dataclass(slots=True)
class Answers:
    """What the script says of all the portions."""

    by_place: list[int]
    bells: dict[str, tuple[str, ...]] = field(default_factory=dict)
    rung: int = 0

    @classmethod
    def read(cls, portions: Sequence[Portion], answers: Sequence[Any], count: int) -> Answers:
        """``count`` is that of the mails."""
        read = cls([_CREATED] * count)
        for portion, (digits, rung, *leased) in zip(portions, answers, strict=True):
            for place, digit in zip(portion.places, digits, strict=True):
                read.by_place[place] = digit
            read.rung += rung
            if leased:
                read.bells[portion.queue] = (*read.bells.get(portion.queue, ()), *(bell.decode() for bell in leased))
        return read

    def new(self, emails: Sequence[Email]) -> list[Email]:
        """Those that were not there before."""
        return [email for email, digit in zip(emails, self.by_place, strict=True) if digit == _CREATED]

    def result(self, emails: Sequence[Email]) -> AddResult:
        """Raises `IdempotencyConflict` for an id that has another body."""
        added = []
        for email, digit in zip(emails, self.by_place, strict=True):
            if digit == _ANOTHER_BODY:
                raise IdempotencyConflict(email.idempotency_key, email.id)
            added.append(Added(email.id, existing=digit == _THERE))
        return AddResult(tuple(added), self.bells, self.rung)
