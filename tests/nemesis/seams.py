"""Failpoints inside a process: the store's steps are wrapped, and the wait for a final reply. For test programs only.

Asking whether there is an order costs a look into a folder; the product itself knows nothing of it.
"""

from __future__ import annotations

import functools
import os
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nemesis.failpoints import FOLDER, OUTSIDE, Moment, Order, Orders, Seam, Struck
from notifier.delivery.routing import Leg, Smarthost
from notifier.model.mail_class import SHIPPED_CLASSES, Delivery
from notifier.model.pause import Pause
from notifier.model.state import MailState
from notifier.smtp.wire import Wire
from notifier.store import RedisStore
from notifier.store.evidence import Verdict

Edges = Mapping[str, frozenset[str]]  # mail id → edges that the step takes it along
Look = Callable[..., Edges]

_at_the_dot = threading.local()  # what this thread has recorded, and not settled yet
_STAYS = frozenset({""})
LOOKING_TAKES = 0.5  # seconds at most: the step comes behind the look, and what was not over then may be by now


def install() -> None:
    """In the process that the failpoints are for, before it forks."""
    striker = Striker(Orders(Path(os.environ[FOLDER])), os.getpid())
    for seam, look in LOOKS.items():
        setattr(RedisStore, seam.value, _wrapped(getattr(RedisStore, seam.value), seam, look, striker))
    RedisStore.settle_and_begin_dot = _of_both(striker)  # type: ignore[method-assign]
    _wrap_the_wait(striker)


@dataclass(frozen=True)
class Striker:
    """Carries out orders. ``main``: the process that installed the failpoints; its children have them by the fork."""

    orders: Orders
    main: int

    def orders_at(self, seam: Seam) -> list[Order]:
        """Those that this seam may have to carry out."""
        return [order for order in self.orders.open() if order.failpoint.seam is seam]

    def strike(self, store: RedisStore, seam: Seam, moment: Moment, found: Edges) -> None:
        """Give the signal where one of ``found`` has an order for this moment."""
        for order in self.orders_at(seam) if found else ():
            hit = [mail for mail in order.mails if order.failpoint.edge in found.get(mail, ())]
            if hit and order.failpoint.moment is moment:
                self._carry_out(order, store, hit)

    def _carry_out(self, order: Order, store: RedisStore, hit: list[str]) -> None:
        me = os.getpid()
        main = me if order.failpoint.seam in OUTSIDE else self.main
        states = {mail: status.state.value for mail in hit if (status := store.status(mail)) is not None}
        if self.orders.take(order, Struck(me, main, states)):
            os.kill(main if order.blow.at_main else me, order.blow.number)


def way_for_each_domain() -> None:
    """The relay is two ways: so a mail to two domains has two legs, and goes from its first dot back to `claimed`."""

    def legs(self: Smarthost, paths: tuple[str, ...]) -> tuple[Leg, ...]:
        domains: dict[str, list[str]] = {}
        for path in paths:
            domains.setdefault(path.rpartition("@")[2], []).append(path)
        return tuple(Leg(self.relays, tuple(theirs)) for theirs in domains.values())

    Smarthost.legs = legs  # type: ignore[assignment,method-assign]


def _wrapped(step: Callable[..., Any], seam: Seam, look: Look, striker: Striker) -> Callable[..., Any]:
    @functools.wraps(step)
    def wrapper(store: RedisStore, *arguments: Any, **named: Any) -> Any:
        orders = striker.orders_at(seam)
        found = look(store, orders, *arguments) if orders else {}
        striker.strike(store, seam, Moment.BEFORE, found)
        result = step(store, *arguments, **named)
        if orders:
            striker.strike(store, seam, Moment.AFTER, _taken(store, seam, found, result))
        return result

    return wrapper


def _of_both(striker: Striker) -> Callable[..., Any]:
    """One round trip is two seams: the settlements of mails that are over, and the dots of those that come next."""
    both = RedisStore.settle_and_begin_dot

    def wrapper(store: RedisStore, settlements: Any, claims: Any) -> Any:
        found = {}
        for seam, theirs in ((Seam.SETTLE, settlements), (Seam.BEGIN_DOT, claims)):
            orders = striker.orders_at(seam)
            found[seam] = LOOKS[seam](store, orders, theirs) if orders else {}
        for seam, edges in found.items():
            striker.strike(store, seam, Moment.BEFORE, edges)
        result = both(store, settlements, claims)
        for seam, edges in found.items():
            striker.strike(store, seam, Moment.AFTER, edges)
        return result

    return wrapper


def _wrap_the_wait(striker: Striker) -> None:
    """The dot is written by then: whatever waited goes out before a reply is waited for."""
    read = Wire._read_reply

    def read_reply(self: Wire, deadline: Any) -> Any:
        if claims := getattr(_at_the_dot, "claims", ()):
            store, found = _at_the_dot.store, {claim.mail_id: _STAYS for claim in claims}
            striker.strike(store, Seam.REPLY, Moment.BEFORE, found)
        return read(self, deadline)

    Wire._read_reply = read_reply  # type: ignore[method-assign]
    begin, settle, both = RedisStore.begin_dot, RedisStore.settle, RedisStore.settle_and_begin_dot

    def begin_dot(self: RedisStore, claims: Any) -> None:
        begin(self, claims)
        _at_the_dot.store, _at_the_dot.claims = self, claims

    def settled(self: RedisStore, settlements: Any) -> None:
        _at_the_dot.claims = ()
        settle(self, settlements)

    def turned(self: RedisStore, settlements: Any, claims: Any) -> Any:
        turn = both(self, settlements, claims)
        _at_the_dot.store, _at_the_dot.claims = self, () if turn.lost else claims
        return turn

    RedisStore.begin_dot, RedisStore.settle = begin_dot, settled  # type: ignore[method-assign]
    RedisStore.settle_and_begin_dot = turned  # type: ignore[method-assign]


# what a step is about to do, for mails that there is an order for -----------------------------------------------------


def _chosen(orders: list[Order]) -> Iterator[tuple[str, str]]:
    """Each mail and the edge that its order is for."""
    return ((mail, order.failpoint.edge) for order in orders for mail in order.mails)


def _of_state(store: RedisStore, orders: list[Order], *, over: bool, queue: str | None = None) -> Edges:
    """Those that stand where their edge begins; ``over``: and whose time there is over, or will be when the step is done."""
    found = {}
    for mail, edge in _chosen(orders):
        status = store.status(mail)
        if status is None or status.state != edge.partition(">")[0] or queue not in (None, status.queue):
            continue
        if not over or _time_of(store, status.queue, status.state, mail) <= time.time() + LOOKING_TAKES:
            found[mail] = frozenset({edge})
    return found


def _time_of(store: RedisStore, queue: str, state: MailState, mail: str) -> float:
    (score,) = store._connection.ask(("ZSCORE", store._keys.index(queue, state), mail))
    return float(score or "inf") / 1000


def _of_queue(store: RedisStore, orders: list[Order], queue: str, *_: Any) -> Edges:
    return _of_state(store, orders, over=True, queue=queue)


def _to_park(store: RedisStore, orders: list[Order], queue: str, *_: Any) -> Edges:
    return _of_state(store, orders, over=False, queue=queue)


def _to_claim(store: RedisStore, orders: list[Order], queue: str, *_: Any) -> Edges:
    return {} if Pause("queue", queue) in store.pauses() else _of_state(store, orders, over=True, queue=queue)


def _of_claims(edge: str) -> Look:
    return lambda _, __, claims: {claim.mail_id: frozenset({edge}) for claim in claims}


def _of_settlements(store: RedisStore, orders: list[Order], settlements: Any) -> Edges:
    chosen = {mail for mail, _ in _chosen(orders)}
    return {
        one.claim.mail_id: frozenset(_edges_from(status.state, one.state, status.mail_class))
        for one in settlements
        if one.claim.mail_id in chosen and (status := store.status(one.claim.mail_id)) is not None
    }


def _edges_from(here: MailState, there: MailState, mail_class: str) -> Iterator[str]:
    yield f"{here}>{there}"
    if there is MailState.UNKNOWN:  # its class decides in the same step
        once = SHIPPED_CLASSES[mail_class].delivery is Delivery.AT_MOST_ONCE
        yield f"unknown>{'parked' if once else 'waiting'}"


def _of_evidence(store: RedisStore, _: list[Order], evidence: Any) -> Edges:
    status = store.status(evidence.mail_id)
    return {} if status is None else {evidence.mail_id: frozenset({f"{status.state}>{evidence.state}"})}


def _of_person(store: RedisStore, orders: list[Order], mail: str, *_: Any) -> Edges:
    return {mail: edges} if (edges := _of_state(store, orders, over=False).get(mail)) else {}


def _of_added(_: RedisStore, __: list[Order], emails: Any, ___: Any = None) -> Edges:
    return {email.id: _STAYS for email in emails}


LOOKS: Mapping[Seam, Look] = {
    Seam.ADD: _of_added,
    Seam.CLAIM: _to_claim,
    Seam.RENEW: _of_claims(""),
    Seam.BEGIN_DOT: _of_claims("claimed>at_dot"),
    Seam.SETTLE: _of_settlements,
    Seam.SWEEP: _of_queue,
    Seam.EVIDENCE: _of_evidence,
    Seam.PARK: _to_park,
    Seam.CANCEL: _of_person,
    Seam.RESCHEDULE: _of_person,
    Seam.RESOLVE: _of_person,
}


def _taken(store: RedisStore, seam: Seam, found: Edges, result: Any) -> Edges:
    """Of what a step was about to do, what it has done."""
    if seam is Seam.CLAIM:
        return {claim.mail_id: frozenset({"waiting>claimed"}) for claim in result or ()}
    if seam is Seam.EVIDENCE:
        return found if result is Verdict.SETTLED else {}
    if seam not in (Seam.SWEEP, Seam.PARK):
        return found
    return {mail: edges for mail, edges in found.items() if (now := store.status(mail)) and not _from(edges, now.state)}


def _from(edges: frozenset[str], state: MailState) -> bool:
    return any(edge.startswith(f"{state}>") for edge in edges)
