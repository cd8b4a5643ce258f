"""What a reply or a loss means: the delivery taxonomy as tables that read like the design's.

Rules: decide by code and enhanced code, never by the text (g7); the first digit decides where a code is not known
(g1); scope is independent of permanence (g3); a lost connection is a 451, but after the terminator it is unknown (g6).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

from notifier.errors import ErrorClass, Fault, Phase, Scope
from notifier.protocol.dialogue import Loss
from notifier.protocol.reply import Reply

T, P, CFG, UNK = ErrorClass.TRANSIENT, ErrorClass.PERMANENT, ErrorClass.MISCONFIGURED, ErrorClass.UNKNOWN
R, M, C, A, H, G = Scope.RECIPIENT, Scope.MESSAGE, Scope.CONNECTION, Scope.ACCOUNT, Scope.HOST, Scope.PROCESS

MAX_TEXT = 512  # characters of a server's words that are kept
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]+")


class Row(NamedTuple):
    """Class and scope of one row of the taxonomy."""

    error_class: ErrorClass
    scope: Scope


ROWS: Mapping[str, Row] = {
    # the way to the host
    "D1": Row(CFG, H), "D2": Row(P, R), "D3": Row(T, H), "D4": Row(P, R), "D5": Row(T, R), "D6": Row(CFG, H),
    "D7": Row(T, H),
    "D5P": Row(P, R),  # D5 for a day (RFC 5321 section 5.1); whoever counts the days says so
    "C1": Row(T, H), "C2": Row(T, H), "C3": Row(T, G), "C4": Row(CFG, G), "C5": Row(T, H),
    # TLS
    "L1": Row(T, H), "L2": Row(CFG, H), "L3": Row(CFG, H), "L4": Row(CFG, H),
    # greeting and EHLO
    "G1": Row(T, H), "G2": Row(CFG, H), "G3": Row(T, H), "G4": Row(T, H), "G5": Row(T, C),
    "E1": Row(CFG, H), "E2": Row(CFG, G), "E3": Row(T, H), "E4": Row(CFG, A), "E5": Row(P, M), "E6": Row(P, M),
    "E7": Row(P, M),
    # STARTTLS
    "S1": Row(CFG, H), "S2": Row(T, C), "S3": Row(T, H), "S4": Row(CFG, H), "S5": Row(T, C), "S6": Row(T, C),
    # AUTH
    "A1": Row(CFG, A), "A2": Row(T, A), "A3": Row(CFG, A), "A4": Row(CFG, A), "A5": Row(CFG, A), "A6": Row(T, C),
    "A8": Row(T, H),
    # MAIL
    "M0": Row(T, C), "M1": Row(T, H), "M2": Row(T, M), "M3": Row(T, H), "M4": Row(P, M), "M5": Row(T, C),
    "M6": Row(CFG, A), "M7": Row(P, M),
    # RCPT
    "R2": Row(T, R), "R3": Row(T, R), "R4": Row(T, R), "R5": Row(T, R), "R6": Row(P, R), "R7": Row(P, R),
    "R8": Row(P, R), "R9": Row(P, R), "R10": Row(T, C), "R12": Row(T, C),
    # DATA and the body
    "X1": Row(T, M), "X2": Row(T, M), "X3": Row(P, M), "X4": Row(T, C), "X5": Row(T, C),
    "W1": Row(T, M), "W2": Row(T, H), "W3": Row(T, M),
    # the final reply
    "Z2": Row(T, M), "Z3": Row(P, M), "Z4": Row(UNK, M), "Z5": Row(UNK, M), "Z6": Row(UNK, M), "Z7": Row(UNK, M),
    "Z9": Row(UNK, R),
    # the pool's own
    "P1": Row(T, C), "N7": Row(T, A), "N7C": Row(CFG, A), "Q1": Row(T, C),
    # what needs no server: suppressed, over a limit, paused, a sender that is not the tenant's
    "SUP": Row(P, R), "LIM": Row(T, A), "PAU": Row(T, A), "TEN": Row(CFG, A),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Rule:
    """A reply in ``phase`` with these codes (and enhanced codes) is row ``row``; the first rule that fits decides."""

    phase: Phase
    codes: str
    row: str
    enhanced: str = ""  # empty: whatever it is
    reused: bool | None = None
    after_accepted: bool | None = None

    def fits(self, code: int, enhanced: str, *, reused: bool, after_accepted: bool) -> bool:
        """True where the rule is about such a reply."""
        return (
            re.fullmatch(self.codes, str(code)) is not None
            and (not self.enhanced or re.fullmatch(self.enhanced, enhanced) is not None)
            and self.reused in (None, reused)
            and self.after_accepted in (None, after_accepted)
        )


RULES: tuple[Rule, ...] = (
    Rule(Phase.GREETING, r"4..", "G1"),
    Rule(Phase.GREETING, r"5..", "G2"),
    Rule(Phase.GREETING, r"...", "G4"),
    Rule(Phase.EHLO, r"500|502", "E1"),
    Rule(Phase.EHLO, r"5..", "E2"),
    Rule(Phase.EHLO, r"...", "E3"),
    Rule(Phase.STARTTLS, r"4..", "S3"),
    Rule(Phase.STARTTLS, r"...", "S4"),
    Rule(Phase.AUTH, r"421", "A8"),
    Rule(Phase.AUTH, r"432", "A4"),
    Rule(Phase.AUTH, r"4..", "A2"),
    Rule(Phase.AUTH, r"504|534|538", "A3"),
    Rule(Phase.AUTH, r"500|501|2..|3..", "A6"),
    Rule(Phase.AUTH, r"5..", "A1"),
    Rule(Phase.MAIL, r"421", "M0", reused=True),
    Rule(Phase.MAIL, r"421", "M1"),
    Rule(Phase.MAIL, r"4..", "N7", enhanced=r"4\.7\.28"),
    Rule(Phase.MAIL, r"452", "M3"),
    Rule(Phase.MAIL, r"4..", "M2"),
    Rule(Phase.MAIL, r"503", "M5"),
    Rule(Phase.MAIL, r"530", "A5"),
    Rule(Phase.MAIL, r"501|504|555", "M4"),
    Rule(Phase.MAIL, r"552", "M7"),
    Rule(Phase.MAIL, r"5..", "M6"),
    Rule(Phase.MAIL, r"...", "M5"),
    Rule(Phase.RCPT, r"421", "R10"),
    Rule(Phase.RCPT, r"4..", "N7", enhanced=r"4\.7\.28"),
    Rule(Phase.RCPT, r"45.", "R5", enhanced=r"4\.2\.2"),
    Rule(Phase.RCPT, r"452", "R3", enhanced=r"4\.5\.3"),
    Rule(Phase.RCPT, r"452", "R3", after_accepted=True),
    Rule(Phase.RCPT, r"452", "R5"),
    Rule(Phase.RCPT, r"4..", "R2"),
    Rule(Phase.RCPT, r"552", "R6", enhanced=r"5\.2\.2|5\.3\.4"),
    Rule(Phase.RCPT, r"552", "R4", after_accepted=True),
    Rule(Phase.RCPT, r"552", "R6"),
    Rule(Phase.RCPT, r"551", "R8"),
    Rule(Phase.RCPT, r"530", "A5"),
    Rule(Phase.RCPT, r"503", "M5"),
    Rule(Phase.RCPT, r"5..", "N7C", enhanced=r"5\.7\.2[0-7]"),
    Rule(Phase.RCPT, r"5..", "R9", enhanced=r"5\.7\..*"),
    Rule(Phase.RCPT, r"554", "R9"),
    Rule(Phase.RCPT, r"5..", "R7"),
    Rule(Phase.RCPT, r"...", "R12"),
    Rule(Phase.DATA, r"4..", "X1"),
    Rule(Phase.DATA, r"503", "X2"),
    Rule(Phase.DATA, r"554", "X2", enhanced=r"5\.5\.1"),
    Rule(Phase.DATA, r"5..", "X3"),
    Rule(Phase.DATA, r"...", "X4"),
    Rule(Phase.BODY, r"4..", "W1"),
    Rule(Phase.BODY, r"5..", "Z3"),  # said early, while we wrote: it is still the server's verdict on the message
    Rule(Phase.BODY, r"...", "W1"),
    Rule(Phase.FINAL_REPLY, r"4..", "N7", enhanced=r"4\.7\.28"),
    Rule(Phase.FINAL_REPLY, r"4..", "Z2"),
    Rule(Phase.FINAL_REPLY, r"5..", "N7C", enhanced=r"5\.7\.2[0-7]"),
    Rule(Phase.FINAL_REPLY, r"5..", "Z3"),
    Rule(Phase.FINAL_REPLY, r"...", "Z7"),
    Rule(Phase.RSET, r"...", "P1"),
)

ANY = None

LOSSES: Mapping[tuple[Phase, Loss | None], str] = {
    (Phase.CONNECT, ANY): "C1",
    (Phase.GREETING, Loss.TIMEOUT): "G3",
    (Phase.GREETING, Loss.VIOLATION): "G4",
    (Phase.GREETING, ANY): "C5",
    (Phase.EHLO, ANY): "E3",
    (Phase.STARTTLS, Loss.VIOLATION): "S2",
    (Phase.STARTTLS, ANY): "L1",
    (Phase.AUTH, Loss.VIOLATION): "A6",
    (Phase.AUTH, ANY): "A8",
    (Phase.RSET, ANY): "P1",
    (Phase.MAIL, ANY): "M1",
    (Phase.RCPT, Loss.VIOLATION): "R12",
    (Phase.RCPT, ANY): "R10",
    (Phase.DATA, Loss.VIOLATION): "X4",
    (Phase.DATA, ANY): "X5",
    (Phase.BODY, Loss.TIMEOUT): "W2",
    (Phase.BODY, Loss.TOO_LATE): "W3",
    (Phase.BODY, ANY): "W1",
    (Phase.FINAL_REPLY, Loss.TIMEOUT): "Z4",
    (Phase.FINAL_REPLY, Loss.CLOSED): "Z5",
    (Phase.FINAL_REPLY, Loss.CUT): "Z6",
    (Phase.FINAL_REPLY, ANY): "Z7",
    (Phase.QUIT, ANY): "Q1",
}


def clean(text: str) -> str:
    """A peer's words, fit for a log or a terminal: no control, escape or bidi character, and at most 512 of them."""
    if not text.isprintable():
        text = _CONTROL.sub(" ", text)
    return text.strip()[:MAX_TEXT]


def fault(
    row: str,
    phase: Phase,
    text: str,
    *,
    host: str | None = None,
    reply: Reply | None = None,
    enhanced: str | None = None,
) -> Fault:
    """The fault of a row, by its id. ``enhanced``: the code (RFC 3463) that we give it, where no server has."""
    return Fault(
        taxonomy_id=row,
        error_class=ROWS[row].error_class,
        scope=ROWS[row].scope,
        phase=phase,
        text=clean(text),
        code=reply.code if reply else None,
        enhanced=reply.enhanced if reply else enhanced,
        host=host,
    )


def of_reply(phase: Phase, reply: Reply, *, host: str, reused: bool = False, after_accepted: bool = False) -> Fault:
    """What a reply other than the one hoped for means."""
    enhanced = reply.enhanced or ""
    for rule in RULES:
        if rule.phase is phase and rule.fits(reply.code, enhanced, reused=reused, after_accepted=after_accepted):
            return fault(rule.row, phase, reply.text, host=host, reply=reply)
    raise LookupError(f"no rule for {reply.code} at {phase}")


def of_loss(phase: Phase, loss: Loss, text: str, *, host: str, reused: bool = False) -> Fault:
    """What a connection that failed at ``phase`` means."""
    row = LOSSES.get((phase, loss)) or LOSSES[phase, ANY]
    if reused and phase in (Phase.MAIL, Phase.RSET):
        row = "M0"  # a parked connection that had died: nothing of the mail was handed over
    return fault(row, phase, text, host=host)
