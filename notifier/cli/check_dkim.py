"""What `notifier check` says of DKIM: which senders' mails go unsigned, which keys are short or not in the DNS."""

from __future__ import annotations

from collections.abc import Iterator
from importlib import import_module
from importlib.util import find_spec

from notifier.delivery.signing import Signer
from notifier.mime.dkim_key import SHORT, DkimKey
from notifier.settings import Settings
from notifier.smtp.deadline import Deadline
from notifier.smtp.mx.answers import LookupFailed, Lookups

LOOKUP = 5.0  # seconds for one key

Told = tuple[bool, str, str]  # whether it is well, what was seen, what to do


def resolver() -> Lookups | None:
    """The system's, where dnspython is installed."""
    return None if find_spec("dns") is None else import_module("notifier.smtp.mx.resolver").Resolver()


def looked_at(chosen: Settings, lookups: Lookups | None) -> Iterator[Told]:
    """Each key, then the sender domains that have none."""
    keys = chosen.dkim.keys
    for key in keys:
        yield _of_key(key, lookups)
    signer = Signer(keys)
    for domain in unsigned(chosen, signer):
        yield (
            True,
            f"mails from {domain} go unsigned",
            f"NOTIFIER_DKIM, unless the relay signs them{_needed_by(chosen)}",
        )


def _needed_by(chosen: Settings) -> str:
    """RFC 8058 section 4."""
    return "" if chosen.unsubscribe is None else ": receivers offer one click to unsubscribe in signed mails only"


def unsigned(chosen: Settings, signer: Signer) -> list[str]:
    """The domains that the settings name as senders and that no key signs for."""
    patterns = [
        one.pattern for tenant in chosen.matrix.tenants.values() for grant in tenant.grants for one in grant.senders
    ]
    named = {pattern.rpartition("@")[2].removeprefix("*.") for pattern in patterns} - {"*"}
    return sorted(domain for domain in {chosen.sender.ascii_domain, *named} if not signer.keys_for(domain))


def _of_key(key: DkimKey, lookups: Lookups | None) -> Told:
    advice = f"make one of {SHORT} bits: {key.bits} are few, and receivers will refuse them" if key.is_short else ""
    what = f"{key.domain} is signed with {key.algorithm}, selector {key.selector}"
    if lookups is None:
        return True, f"{what}; the DNS was not asked (pip install notifier-worker[mx])", advice
    try:
        records = lookups.texts(key.record_name, Deadline.after(LOOKUP)).records
    except LookupFailed as error:
        return True, f"{what}; the DNS did not tell its public key: {error}", advice
    if any(key.is_published_in(text.decode("ascii", "replace")) for text in records):
        return True, f"{what}, and its public key is in the DNS", advice
    return (
        False,
        f"{what}, and {key.record_name} has not its public key",
        advice or f"publish there as TXT: {key.record}",
    )
