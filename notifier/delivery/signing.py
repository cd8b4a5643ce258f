"""`Signer`: the DKIM keys that a mail is signed with, and the times that its signatures name."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from notifier.mime.dkim import signatures
from notifier.mime.dkim_key import DkimKey
from notifier.model.email import Email
from notifier.model.envelope import MailObject
from notifier.model.octets import blocks_of, joined

BLOCK = 64 * 1024  # octets that are looked at together


@dataclass(frozen=True, slots=True)
class Signer:
    """``lasts``: seconds that signatures are good for after the mail may be sent; None: they do not end."""

    keys: Sequence[DkimKey] = ()
    lasts: float | None = None

    def keys_for(self, domain: str) -> tuple[DkimKey, ...]:
        """Those of the domain, or of the nearest above it that has any, which DMARC calls aligned (RFC 7489 section 3.1.1).

        ``domain`` is in A-labels.
        """
        if not self.keys:
            return ()
        theirs = (tuple(key for key in self.keys if key.domain == one) for one in _upwards(domain.lower()))
        return next(filter(None, theirs), ())

    def signed(self, mail: MailObject, email: Email, domain: str) -> MailObject:
        """The same mail with a signature of each key; as it is where ``domain``, From's in A-labels, has none.

        The times come from the record and not from the clock, so that every attempt has the same octets.
        """
        keys = self.keys_for(domain)
        if not keys:
            return mail
        last = max(email.created_at, email.send_at or 0.0, email.expires_at or 0.0)
        expires_at = None if self.lasts is None else int(last + self.lasts)
        fields = signatures(blocks_of(mail.data, BLOCK), keys, signed_at=int(email.created_at), expires_at=expires_at)
        return replace(mail, data=joined((fields, mail.data)))


def _upwards(domain: str) -> Iterator[str]:
    while domain:
        yield domain
        domain = domain.partition(".")[2]
