"""The ESMTP parameters as they stand in MAIL and RCPT, and what becomes of one that the server does not offer.

A parameter without its extension is never sent (RFC 5321 section 2.2.1). Where the mail would then do something else
than was asked (go out in clear, go out at once), it is not sent at all; where it would only be told less, it goes.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC
from typing import NamedTuple

from notifier.model.parameters import MailParameters, RcptParameters, xtext
from notifier.protocol.extensions import Extensions


class Missing(NamedTuple):
    """An extension that a mail cannot do without, and the taxonomy's row for that."""

    row: str
    words: str


def missing(wish: MailParameters, offered: Extensions, *, encrypted: bool) -> Missing | None:
    """What the server lacks that the mail must have; None where all is well."""
    if wish.require_tls and not (encrypted and "REQUIRETLS" in offered):
        return Missing("E7", "REQUIRETLS is asked for, and the server does not offer it, or nothing verified it")
    if (wish.hold_for is not None or wish.hold_until is not None) and "FUTURERELEASE" not in offered:
        return Missing("E6", "the mail is to be held, and the server has no FUTURERELEASE: it would go at once")
    if wish.deliver_by is not None and wish.deliver_by.mode == "R" and "DELIVERBY" not in offered:
        return Missing("E6", "the mail is to be delivered in time or returned, and the server has no DELIVERBY")
    return None


def mail_parameters(wish: MailParameters, offered: Extensions) -> Iterator[str]:
    """The parameters of MAIL that the server understands."""
    if "DSN" in offered:
        if wish.ret is not None:
            yield f"RET={wish.ret}"
        if wish.envid is not None:
            yield f"ENVID={xtext(wish.envid)}"
    if wish.require_tls:
        yield "REQUIRETLS"
    if wish.deliver_by is not None and "DELIVERBY" in offered:
        by = wish.deliver_by
        yield f"BY={by.seconds};{by.mode}{'T' if by.trace else ''}"
    if wish.hold_for is not None:
        yield f"HOLDFOR={wish.hold_for}"
    if wish.hold_until is not None:
        yield f"HOLDUNTIL={wish.hold_until.astimezone(UTC).replace(tzinfo=None).isoformat(timespec='seconds')}Z"
    if wish.priority is not None and "MT-PRIORITY" in offered:
        yield f"MT-PRIORITY={wish.priority}"
    if wish.auth is not None and "AUTH" in offered:
        yield f"AUTH={xtext(wish.auth) or '<>'}"


def rcpt_parameters(wish: RcptParameters, offered: Extensions) -> Iterator[str]:
    """The parameters of RCPT that the server understands."""
    if "DSN" not in offered:
        return
    if wish.notify:
        yield f"NOTIFY={','.join(wish.notify)}"
    if wish.orcpt is not None:
        kind, _, address = wish.orcpt.partition(";")
        yield f"ORCPT={kind};{xtext(address)}"
