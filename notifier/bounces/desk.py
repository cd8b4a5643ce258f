"""`Desk`: a message that came back goes in, and what follows from it is in the store when the answer comes.

Every step may be taken twice: the suppression list and the counter do not mind, and the ledger, which is told last, knows a
report that it has seen. So whoever brings a message may bring it again until he has had the answer.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from notifier.bounces.attribution import by_recipient, is_of, named_mail, proofs, signed_mail
from notifier.bounces.causes import Cause, cause_of
from notifier.bounces.reading import read_report
from notifier.bounces.report import Action, Kind, Report, Told
from notifier.model import hook
from notifier.model.outcome import RecipientState
from notifier.model.secret import Secret
from notifier.store.base import MailStatus
from notifier.store.evidence import Proofs
from notifier.store.reported import Bounces, Noted, Suppressions

log = logging.getLogger(__name__)

DAY = 86400.0
MOST_WORDS = 200  # characters of a server's words in a reason
_NOTHING = {
    Kind.FEEDBACK: "feedback from which nothing follows",
    Kind.AUTO_REPLY: "an automatic reply",
    Kind.OTHER: "neither a bounce nor a complaint",
}


class Ledger(Protocol):
    """What the desk needs of the store."""

    @property
    def bounces(self) -> Bounces: ...
    @property
    def suppression(self) -> Suppressions: ...
    @property
    def proofs(self) -> Proofs: ...
    def status(self, mail_id: str) -> MailStatus | None: ...


@dataclass(frozen=True, slots=True)
class Rules:
    """``secrets`` open tokens. ``unsigned``: a mail that is named without one counts too. ``tolerated`` mails may bounce softly
    in ``within`` seconds. ``suppress_for``: seconds that a bounce suppresses.
    """

    secrets: Sequence[Secret]
    unsigned: bool
    tolerated: int
    within: float
    suppress_for: float


@dataclass(frozen=True, slots=True)
class Taken:
    """What followed. ``outcome`` is a few words: bounced, complained, late, or why nothing followed."""

    outcome: str
    mail_id: str | None = None
    recipient: str | None = None
    status: str = ""
    effect: str = "nothing"


@dataclass(frozen=True, slots=True)
class Desk:
    """Safe to share between threads."""

    store: Ledger
    rules: Rules

    def knows(self, path: str) -> bool:
        """False for an address with a token that we have not made: a forged one, or of a key that is gone."""
        report = read_report(b"", to=path)
        return not report.tokens or signed_mail(report, self.rules.secrets) is not None

    def take(self, octets: bytes, *, to: str = "") -> list[Taken]:
        """Act on a message; ``to``: the envelope's recipient, where it is known. Raises `StoreError`, and then take it again."""
        report = read_report(octets, to=to)
        taken = self._taken(report)
        for one in taken:
            what = " ".join(filter(None, (one.outcome, one.status)))
            log.info("mail %s: %s; %s", one.mail_id or "not known", what, one.effect)
        return taken

    def _taken(self, report: Report) -> list[Taken]:
        if report.kind in _NOTHING:
            return [Taken(_NOTHING[report.kind])]
        mail_id = signed_mail(report, self.rules.secrets)
        if mail_id is None:
            mail_id = named_mail(report)
            if mail_id is None:
                return [Taken("it names no mail of ours")]
            if not self.rules.unsigned:
                return [Taken("it names a mail without a token of ours (NOTIFIER_BOUNCE_UNSIGNED)", mail_id)]
        mail = self.store.status(mail_id)
        if mail is None:
            return [Taken("the mail is no longer in the store (NOTIFIER_RETENTION)", mail_id)]
        self._prove(mail, report)
        found = by_recipient(report, tuple(mail.recipients))
        if not found:
            return [Taken("it names no recipient of the mail", mail_id)]
        return [self._of(mail, path, told, report, named=named) for path, (told, named) in found.items()]

    def _prove(self, mail: MailStatus, report: Report) -> None:
        """Where nobody knew whether a relay had taken it, the report says so."""
        told = {
            path: proof
            for path, proof in proofs(report, tuple(mail.recipients)).items()
            if mail.recipients[path] is RecipientState.UNKNOWN
        }
        if told:
            self.store.proofs.take(
                mail.queue, mail.mail_id, told, f"a report says: {', '.join(sorted(set(told.values())))}"
            )

    def _of(self, mail: MailStatus, path: str, told: Told, report: Report, *, named: bool) -> Taken:
        if report.kind is not Kind.DELIVERY:
            return self._complained(mail, path, report)
        if told.action is not Action.FAILED:
            return Taken("late" if told.action is Action.DELAYED else "delivered", mail.mail_id, path, told.status)
        cause = cause_of(told.status)
        if cause is Cause.HARD and not (named and is_of(told, path)):
            cause = Cause.SOFT  # it is another's address that is wrong: one to whom his mail goes on
        effect = self._suppressed(mail, path, cause, told)
        return self._noted(mail, path, report, told, outcome="bounced", why=cause.value, effect=effect)

    def _suppressed(self, mail: MailStatus, path: str, cause: Cause, told: Told) -> str:
        reason = f"bounced: {told.status or 'no status'} {told.words[:MOST_WORDS]}".strip()
        lasts = self.rules.suppress_for
        if cause is Cause.POLICY:
            return "nothing: its address is sound"
        if cause is Cause.SOFT:
            count = self.store.bounces.count_soft(path, mail.mail_id, self.rules.within)
            if count < self.rules.tolerated:
                return f"counted: {count} of {self.rules.tolerated}"
            reason = f"{count} mails {reason}"
        elif told.status == "5.1.2":
            lasts = min(lasts, DAY)  # that its domain is not known can change any day
        self.store.suppression.learn(path, reason, lasts=lasts, mail_id=mail.mail_id, durably=True)
        return "suppressed"

    def _complained(self, mail: MailStatus, path: str, report: Report) -> Taken:
        reason = "complaint" if report.kind is Kind.ABUSE else "opt-out"
        self.store.suppression.learn(path, reason, lasts=None, mail_id=mail.mail_id, durably=True)
        told = Told((path,), Action.DELIVERED)
        return self._noted(mail, path, report, told, outcome="complained", why=report.kind.value, effect="suppressed")

    def _noted(
        self, mail: MailStatus, path: str, report: Report, told: Told, *, outcome: str, why: str, effect: str
    ) -> Taken:
        about = {
            "kind": outcome,
            "recipient": path,
            "cause": why,
            "status": told.status,
            "words": told.words,
            "effect": effect,
        }
        sentence = (
            f"{path} {outcome} ({' '.join(filter(None, (why, told.status)))}), {effect}: {told.words[:MOST_WORDS]}"
        )
        noted = self.store.bounces.note(
            mail.queue,
            mail.mail_id,
            hashlib.sha256(f"{report.digest} {path}".encode()).hexdigest()[:32],
            hook.Told.BOUNCED if outcome == "bounced" else hook.Told.COMPLAINED,
            why=why,
            status=told.status,
            entry={"why": sentence.rstrip(": "), "report": about},
        )
        if noted is not Noted.NOTED:
            outcome = f"{outcome} ({noted})"
        return Taken(outcome, mail.mail_id, path, told.status, effect)
