"""Tenants: who may send as whom, and through which account.

A *tenant* is whoever a mail is sent for: a customer of yours, or a part of your house. An *account* is one way out: a
relay, or several, with a login. The matrix between them is a tenant's list of grants. There is one tenant, called
``default``, that may send as anybody through the account of the settings; who needs no more need not think about it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from notifier.model.address import Address
from notifier.model.limits import Rate

DEFAULT = "default"  # the tenant, and the account, that nobody has to name


@dataclass(frozen=True, slots=True)
class Sender:
    """Whom a tenant may send as: ``*``, a domain, ``*.`` and a domain for those below it, or one address.

    Domains are A-labels in small letters.
    """

    pattern: str

    def includes(self, address: Address) -> bool:
        """True where the address may stand in From."""
        if self.pattern == "*":
            return True
        domain = address.ascii_domain.lower()
        if "@" in self.pattern:
            return f"{address.local_part}@{domain}" == self.pattern
        if self.pattern.startswith("*."):
            return domain.endswith(self.pattern[1:])
        return self.pattern == domain


@dataclass(frozen=True, slots=True)
class Grant:
    """Mail from one of ``senders`` goes through ``account``."""

    senders: tuple[Sender, ...]
    account: str = DEFAULT


@dataclass(frozen=True, slots=True)
class Tenant:
    """``grants``: the first that includes a sender decides. ``rate``: mails a second from all replicas together.
    ``max_recipients`` of one mail, and its ``max_mail_bytes``, are for this tenant; everybody's hold beside them.
    """

    name: str
    grants: tuple[Grant, ...]
    rate: Rate | None = None
    max_recipients: int | None = None
    max_mail_bytes: int | None = None

    def account_for(self, sender: Address) -> str | None:
        """The account that mail from ``sender`` goes through; None where the tenant may not send as that."""
        for grant in self.grants:
            if any(one.includes(sender) for one in grant.senders):
                return grant.account
        return None

    @property
    def may_send_as(self) -> str:
        """Whom it may send as, for people."""
        return ", ".join(one.pattern for grant in self.grants for one in grant.senders)


Tenants = Mapping[str, Tenant]

THE_DEFAULT = Tenant(DEFAULT, (Grant((Sender("*"),)),))
