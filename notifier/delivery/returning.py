"""Where reports about our mail are to come, and what they will say of which mail they mean."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from notifier.delivery.signatures import SigningKey
from notifier.model import bounce_token
from notifier.model.address import Address
from notifier.model.email import Email


@dataclass(frozen=True, slots=True)
class Returning:
    """``to``: the mailbox of bounces. ``keys``: the first makes tokens, each opens them; without keys there are none."""

    to: Address | None = None
    keys: Sequence[SigningKey] = ()

    def reverse_path(self, email: Email) -> str | None:
        """One for each mail, whoever its recipients are, so that they stay one transaction (VERP by mail). None: no mailbox."""
        if self.to is None:
            return None
        token = bounce_token.for_path(email.id, self.keys[0].secret)
        return f"{self.to.local_part}+{token}@{self.to.ascii_domain}"

    def envelope_id(self, email: Email) -> str:
        """ENVID (RFC 3461 section 4.4): a DSN names the mail by it, whatever became of the message on its way."""
        return bounce_token.for_envelope_id(email.id, self.keys[0].secret) if self.keys else email.id
