"""The journey without Celery: a real store, a courier, a pool of real sessions; a case takes milliseconds."""

from __future__ import annotations

import time
import uuid
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from workers import wait_until

from notifier.delivery.composer import Composer
from notifier.delivery.courier import Courier, Timing, no_journal
from notifier.delivery.limiter import Limiter
from notifier.delivery.routing import Account, Router, Smarthost
from notifier.errors import Fault, Phase
from notifier.model.address import Address
from notifier.model.breaker import BreakerRules
from notifier.model.content import Content
from notifier.model.email import Email
from notifier.model.events import Event
from notifier.model.ids import new_mail_id
from notifier.model.limits import DomainRates
from notifier.model.state import MailState
from notifier.model.tenant import DEFAULT, THE_DEFAULT
from notifier.pool import Member, PoolConfig, Relays, SessionPool
from notifier.retry import DEFAULT_TABLE
from notifier.smtp import Endpoint, Timeouts, TLSPolicy
from notifier.store import RedisStore
from notifier.store.base import MailStatus, Takeover
from notifier.store.evidence import Evidence
from notifier.testing import HostileServer

SOON = 0.0001  # of every wait between attempts
OPENING = Timeouts(connect=5, greeting=5, ehlo=5, mail=5, rcpt=5, data=5, body_block=5, final_reply=5)
_IN_MESSAGE = (Phase.BODY, Phase.FINAL_REPLY)


class PlainTexts:
    """A renderer whose templates are their own text."""

    def render(self, template: str, context: Mapping[str, Any], locale: str | None = None) -> Content:
        return Content("To the point", template)


@dataclass
class Desk:
    """Mails go in, and out to the relay, in this process."""

    store: RedisStore
    relays: Relays
    courier: Courier
    events: list[Event] = field(default_factory=list)
    queue: str = "mail"

    def post(
        self, count: int, *, text: str = "Hello", mail_class: str = "transactional", to: Sequence[str] = ()
    ) -> list[str]:
        """Enqueue so many mails, each for somebody else, or each for all of ``to``."""
        emails = [self._email(to or (f"n{number}@example.com",), text, mail_class) for number in range(count)]
        self.store.add(emails)
        return [email.id for email in emails]

    def _email(self, to: Sequence[str], text: str, mail_class: str) -> Email:
        key = uuid.uuid4().hex
        addresses = tuple(Address.parse(one) for one in to)
        return Email(new_mail_id(), text, addresses, {}, key, time.time(), mail_class=mail_class, queue=self.queue)

    def round(self, batch: int = 8) -> int:
        """Claim what is due, once, and deliver it."""
        claims = self.store.claim(self.queue, "desk", batch)
        if claims:
            self.courier.deliver(claims)
        return len(claims)

    def deliver(self, batch: int = 8) -> None:
        """Go on until nothing waits any more."""

        def over() -> bool:
            while self.round(batch):
                pass
            return not self.waiting

        wait_until(over, "every mail has come to rest", look_every=0.001)

    @property
    def waiting(self) -> int:
        return self.store.counts(self.queue)[MailState.WAITING]

    def status(self, mail_id: str) -> MailStatus:
        found = self.store.status(mail_id)
        assert found is not None
        return found

    def kinds(self) -> Counter[str]:
        """Of the pool's events, with the reason where there is one."""
        return Counter(getattr(event, "reason", type(event).__name__) for event in self.events)


def relay(server: HostileServer, **options: Any) -> Endpoint:
    tls = TLSPolicy.REQUIRED if server.tls else TLSPolicy.NONE
    return Endpoint(
        server.host,
        server.port,
        **{"tls": tls, "ca_file": server.ca_file, "timeouts": OPENING, "ehlo_name": "us.example"} | options,
    )


@contextmanager
def desk(
    store_url: str,
    endpoint: Endpoint,
    bounds: PoolConfig | None = None,
    *,
    scale: float = SOON,
    breakers: BreakerRules | None = None,
    keep: Callable[[Evidence], bool] = no_journal,
) -> Iterator[Desk]:
    """Everything is closed afterwards. ``scale`` multiplies the waits between attempts, and the breakers'."""
    takeover = Takeover(lease=30.0, at_dot=0.005)
    store = RedisStore(store_url, namespace=f"desk-{uuid.uuid4().hex}", durability="memory", takeover=takeover)
    events: list[Event] = []
    pool = SessionPool(endpoint, bounds or PoolConfig(), listener=events.append)
    rules = breakers or BreakerRules().scaled(scale)
    relays = Relays([[Member(pool)]], store.breakers, rules=rules, listener=events.append)
    us = Address.parse("us@example.com")
    tenants = {DEFAULT: THE_DEFAULT}
    courier = Courier(
        store=store,
        router=Router(tenants, {DEFAULT: Account(Smarthost(relays))}, us),
        composer=Composer(PlainTexts(), store, us),
        limiter=Limiter(store.rates, tenants, DomainRates()),
        pauses=store.pause_board,
        table=lambda _: DEFAULT_TABLE.scaled(scale),
        timing=Timing(session_wait=5.0, dot_deadline=5.0),
        listener=events.append,
        keep=keep,
        rng=lambda: 0.0,
    )
    try:
        yield Desk(store, relays, courier, events)
    finally:
        relays.close(0.0)
        store.close()


def copies(server: HostileServer) -> Counter[str]:
    """How often the server has accepted each mail, by its id."""
    return Counter(_mail_id(message.octets) for message in server.accepted)


def _mail_id(octets: bytes) -> str:
    (line,) = [
        line for line in octets.partition(b"\r\n\r\n")[0].split(b"\r\n") if line.lower().startswith(b"message-id:")
    ]
    return line.partition(b"<")[2].partition(b"@")[0].decode()


def promises(statuses: Sequence[MailStatus], accepted: Counter[str]) -> None:
    """No mail is lost, none is doubled but for an unknown that is counted, and what cost no message cost no attempt."""
    for found in statuses:
        sent, arrived = found.state is MailState.SENT, accepted[found.mail_id]
        assert sent or (found.state is MailState.PARKED and found.unknowns), f"lost: {found}"
        assert sent <= arrived <= sent + found.unknowns, f"{arrived} copies: {found}"
        broken = sum(_in_message(entry) for entry in found.history)
        assert found.attempt == sent + broken, f"an attempt without a message: {found}"
    assert set(accepted) <= {found.mail_id for found in statuses}


def _in_message(entry: Mapping[str, Any]) -> bool:
    fault = Fault.from_dict(entry["fault"]) if "fault" in entry else None
    return fault is not None and fault.phase in _IN_MESSAGE
