"""`RedisStanding`: how the ledger stands, as numbers for metrics: two round trips, whatever it holds."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from notifier.model.hook import HookKind
from notifier.model.state import MailState
from notifier.store.connection import LedgerConnection
from notifier.store.keys import INDEX, Keys
from notifier.store.round_trips import Argument

Command = tuple[Argument, ...]


@dataclass(frozen=True, slots=True)
class Standing:
    """One queue. Times are seconds. ``ages``: since the enqueue of the first mail of each state. ``counted``: what the scripts
    have counted since the store began, by their own words (`prelude.lua`).
    """

    queue: str
    mails: Mapping[MailState, int]
    due: int
    oldest_due: float
    ages: Mapping[MailState, float]
    slots: int
    hook_events: Mapping[HookKind, int]
    counted: Mapping[str, int]


class RedisStanding:
    """Every method may raise `StoreUnavailable`. Times are of the server's clock."""

    def __init__(self, connection: LedgerConnection, keys: Keys) -> None:
        self._connection = connection
        self._keys = keys

    def of(self, queues: Sequence[str]) -> list[Standing]:
        """Each of the queues."""
        (moment,) = self._connection.ask(("TIME",))
        now = int(moment[0]) + int(moment[1]) / 1e6
        commands = [list(self._questions(queue, now)) for queue in queues]
        answers = self._asked(commands)
        firsts = self._asked(
            [
                [("HMGET", self._keys.mail(queue, _first(found, at)), "created", "due") for at in range(len(INDEX))]
                for queue, found in zip(queues, answers, strict=True)
            ]
        )
        return [
            _standing(queue, now, found, first) for queue, found, first in zip(queues, answers, firsts, strict=True)
        ]

    def suppressed(self) -> int:
        """Entries of the suppression list."""
        (size,) = self._connection.ask(("HLEN", self._keys.suppressed))
        return int(size)

    def _questions(self, queue: str, now: float) -> Iterator[Command]:
        now_ms = int(now * 1000)
        for state in INDEX:
            yield "ZCARD", self._keys.index(queue, state)
        for state in INDEX:
            yield "ZRANGE", self._keys.index(queue, state), 0, 0
        yield "ZCOUNT", self._keys.index(queue, MailState.WAITING), "-inf", now_ms
        yield "HGETALL", self._keys.counted(queue)
        yield "ZRANGEBYSCORE", self._keys.consumers(queue), f"({now_ms}", "+inf"
        yield "HGETALL", self._keys.slots_of_consumers(queue)
        for kind in HookKind:
            yield "XLEN", self._keys.hook(queue, kind)

    def _asked(self, groups: Sequence[Sequence[Command]]) -> list[list[Any]]:
        flat = [command for group in groups for command in group]
        answers = iter(self._connection.ask(*flat) if flat else ())
        return [[next(answers) for _ in group] for group in groups]


def _standing(queue: str, now: float, found: Sequence[Any], firsts: Sequence[Sequence[bytes | None]]) -> Standing:
    states = tuple(INDEX)
    due, counted, owners, slots, *hooks = found[2 * len(states) :]
    _, first_due = firsts[states.index(MailState.WAITING)]
    return Standing(
        queue=queue,
        mails=dict(zip(states, map(int, found[: len(states)]), strict=True)),
        due=int(due),
        oldest_due=_age(first_due, now) if due else 0.0,
        ages={state: _age(created, now) for state, (created, _) in zip(states, firsts, strict=True)},
        slots=sum(int(slots.get(owner, 0)) for owner in owners),
        hook_events=dict(zip(HookKind, map(int, hooks), strict=True)),
        counted={what.decode(): int(number) for what, number in counted.items()},
    )


def _age(at: bytes | None, now: float) -> float:
    return 0.0 if at is None else max(0.0, now - int(at) / 1000)


def _first(found: Sequence[Any], at: int) -> str:
    """The id of the first mail of a state; of none, a mail that is not there."""
    ids: Sequence[bytes] = found[len(INDEX) + at]
    return ids[0].decode() if ids else ""
