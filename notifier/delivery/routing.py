"""Which way a mail goes: from its tenant and sender to an account, and from there to the relays of its recipients."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Protocol

from notifier.errors import Phase, fault_error
from notifier.model.address import Address
from notifier.model.email import Email
from notifier.model.envelope import MailObject
from notifier.model.limits import Rate
from notifier.model.outcome import Outcome
from notifier.model.prospect import Prospect
from notifier.model.tenant import Tenants
from notifier.protocol import taxonomy
from notifier.protocol.paths import wire_form
from notifier.smtp.session import BeforeDot, BeforeWait

AT_ONCE_WAIT = 30.0  # seconds for a session; as long as a caller who has nobody else to send it can be kept


class LentSession(Protocol):
    """What the courier needs of a session. ``room``: so many mails more, one at least; ``rate``: the bucket that each of
    its mails takes a token of.
    """

    @property
    def transactions(self) -> int: ...
    @property
    def usable(self) -> bool: ...
    @property
    def room(self) -> int: ...
    @property
    def rate(self) -> Rate | None: ...
    @property
    def begun(self) -> tuple[Outcome, ...]: ...
    def send_many(
        self, mails: Sequence[MailObject], before_dot: BeforeDot | None = None, before_wait: BeforeWait | None = None
    ) -> Iterator[Outcome]: ...


class Sessions(Protocol):
    """What the courier needs of the relays. ``prospect``: how soon a session is to be expected, as far as this process knows."""

    @property
    def prospect(self) -> Prospect: ...
    def session(self, deadline: float) -> AbstractContextManager[LentSession]: ...


@dataclass(frozen=True, slots=True)
class Leg:
    """Recipients of one mail to whom one way leads: a transaction of their own."""

    sessions: Sessions
    paths: tuple[str, ...]


class Ways(Protocol):
    """How an account delivers."""

    def legs(self, paths: Sequence[str]) -> tuple[Leg, ...]:
        """Every recipient in one leg."""


@dataclass(frozen=True, slots=True)
class Smarthost:
    """One way for everybody: relays that deliver further."""

    relays: Sessions

    def legs(self, paths: Sequence[str]) -> tuple[Leg, ...]:
        """One leg."""
        return (Leg(self.relays, tuple(paths)),)


class DomainRelays(Protocol):
    """What is needed of `notifier.pool.mx.MxRelays`."""

    def for_domain(self, domain: str, deadline: float | None = None) -> Sessions: ...
    def prospect(self, domain: str) -> Prospect: ...


@dataclass(frozen=True, slots=True)
class ToDomain:
    """The way to one domain's own servers. Where they are is asked when a session is, so that it fails there."""

    relays: DomainRelays
    domain: str

    @property
    def prospect(self) -> Prospect:
        """Of the domain, when its mail was last sent."""
        return self.relays.prospect(self.domain)

    def session(self, deadline: float) -> AbstractContextManager[LentSession]:
        """Raises the rows D2 to D7 as well. The look-up has the deadline of the session."""
        return self.relays.for_domain(self.domain, deadline).session(deadline)


@dataclass(frozen=True, slots=True)
class OwnServers:
    """A way for each recipient's domain: direct delivery (``mx://``)."""

    relays: DomainRelays

    def legs(self, paths: Sequence[str]) -> tuple[Leg, ...]:
        """One leg a domain, in the order of the recipients."""
        domains: dict[str, list[str]] = {}
        for path in paths:
            domains.setdefault(wire_form(path).rpartition("@")[2].lower(), []).append(path)
        return tuple(Leg(ToDomain(self.relays, domain), tuple(theirs)) for domain, theirs in domains.items())


@dataclass(frozen=True, slots=True)
class Account:
    """Ways out. ``reverse_path`` is the MAIL FROM of its mails; None: the address in From."""

    ways: Ways
    reverse_path: str | None = None


@dataclass(frozen=True, slots=True)
class Router:
    """``sender`` is used where a mail names none; ``session_wait``: seconds that one which is sent at once waits for a session."""

    tenants: Tenants
    accounts: Mapping[str, Account]
    sender: Address
    session_wait: float = AT_ONCE_WAIT

    def account_of(self, email: Email) -> Account:
        """The account that the mail goes through.

        Raises a `MisconfiguredError`, row TEN, where its tenant may not send as its sender any more: the mail waits,
        for what was right when it was accepted has been changed by an operator.
        """
        sender = email.sender or self.sender
        tenant = self.tenants.get(email.tenant)
        account = self.accounts.get((tenant.account_for(sender) if tenant is not None else None) or "")
        if account is None:
            words = f"tenant {email.tenant!r} may not send as {sender.addr_spec} (NOTIFIER_TENANTS)"
            raise fault_error(taxonomy.fault("TEN", Phase.MAIL, words))
        return account
