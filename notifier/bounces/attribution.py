"""Which mail of ours a report is about, and on whose word."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from notifier.bounces.report import Action, Report, Told
from notifier.model import bounce_token
from notifier.model.address import a_labels
from notifier.model.proof import Proof
from notifier.model.secret import Secret

# With all but the first a server has or had the mail, and tries on or has handed it on.
_PROOF = {**dict.fromkeys(Action, Proof.DELIVERED), Action.FAILED: Proof.REFUSED}


def signed_mail(report: Report, secrets: Sequence[Secret]) -> str | None:
    """The id in its first token of ours."""
    opened = (bounce_token.opened(token, secrets) for token in report.tokens)
    return next((mail_id for mail_id in opened if mail_id is not None), None)


def named_mail(report: Report) -> str | None:
    """The id that it gives without proof, as whoever has seen the mail can."""
    return next(iter(report.mail_ids), None)


def by_recipient(report: Report, paths: Sequence[str]) -> Mapping[str, tuple[Told, bool]]:
    """What is said of the mail's recipients, and whether they are named in it. A mail's only recipient need not be: servers
    name whoever he has his mail forwarded to, and providers nobody.
    """
    paths = [path for path in paths if "@" in path]  # and not who was purged
    found: dict[str, tuple[Told, bool]] = {}
    for told in report.recipients:
        named = set(map(_comparable, told.addresses))
        for path in paths:
            if _comparable(path) in named:
                found.setdefault(path, (told, True))
    if not found and len(paths) == 1:
        told = next(iter(report.recipients), Told((), Action.DELIVERED))
        found[paths[0]] = (told, False)
    return found


def is_of(told: Told, path: str) -> bool:
    """False where the status is another's, to whom his mail goes on: ORCPT goes with it (RFC 3461 section 5.2.3)."""
    return not told.final or _comparable(path) in map(_comparable, told.final)


def proofs(report: Report, paths: Sequence[str]) -> Mapping[str, Proof]:
    """What it proves of recipients of whom nobody knew. Of two words about one the first counts."""
    return {path: _PROOF[told.action] for path, (told, named) in by_recipient(report, paths).items() if named}


def _comparable(address: str) -> str:
    """In small letters, its domain in A-labels: servers write it as they like (RFC 5891)."""
    local_part, _, domain = address.lower().rpartition("@")
    try:
        return f"{local_part}@{a_labels(domain)}"
    except ValueError:
        return f"{local_part}@{domain}"
