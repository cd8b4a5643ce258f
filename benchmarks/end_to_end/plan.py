"""How many mails each part has."""

from __future__ import annotations

import argparse
from dataclasses import dataclass, replace


@dataclass(frozen=True, slots=True)
class Plan:
    """``peers``: mails of one that is several times as slow; ``light``: mails at 20 a second; ``far``: over 100 ms; ``portions``:
    looks at what is held.
    """

    rounds: int
    bulk: int
    singles: int
    peers: int
    light: int
    light_rounds: int
    enqueue_blocks: int
    enqueue_rounds: int
    held: int
    portions: int
    far: int
    far_peers: int
    imports: int
    starts: int
    waiting: tuple[int, ...]
    replicas: tuple[int, ...]
    templates: tuple[int, ...]
    grown: int
    encrypted: int


DEFAULT = Plan(
    rounds=3,
    bulk=8_000,
    singles=4_000,
    peers=1_000,
    light=400,
    light_rounds=2,
    enqueue_blocks=12,
    enqueue_rounds=2,
    held=20_000,
    portions=5,
    far=8_000,
    far_peers=120,
    imports=5,
    starts=5,
    waiting=(1_000, 10_000, 100_000, 1_000_000),
    replicas=(1, 2, 4, 8),
    templates=(1, 10, 100, 1_000),
    grown=2_000,
    encrypted=20,
)
FULL = replace(
    DEFAULT,
    bulk=50_000,
    singles=20_000,
    peers=5_000,
    light=2_000,
    light_rounds=3,
    enqueue_blocks=20,
    enqueue_rounds=3,
    held=100_000,
    far=200_000,
    far_peers=1_000,
    imports=9,
    starts=9,
    grown=5_000,
    encrypted=50,
)
QUICK = Plan(
    rounds=1,
    bulk=60,
    singles=40,
    peers=20,
    light=10,
    light_rounds=1,
    enqueue_blocks=1,
    enqueue_rounds=1,
    held=60,
    portions=2,
    far=60,
    far_peers=10,
    imports=1,
    starts=1,
    # `benchmarks.delivery` and `benchmarks.scale` have smoke tests of what these two ask them for.
    waiting=(),
    replicas=(),
    templates=(2,),
    grown=40,
    encrypted=1,
)


def chosen(given: argparse.Namespace) -> Plan:
    """The one that was asked for, with ``--mails`` and ``--rounds`` where those were said."""
    plan = QUICK if given.quick else FULL if given.full else DEFAULT
    if given.mails is not None:
        plan = replace(plan, bulk=given.mails, singles=max(1, given.mails // 2), peers=max(1, given.mails // 8))
    return replace(plan, rounds=given.rounds) if given.rounds is not None else plan
