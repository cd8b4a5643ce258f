"""What a fault says about the place where it happened: rows of the delivery taxonomy, as its breaker column has them."""

from __future__ import annotations

from dataclasses import replace

from notifier.errors import Fault
from notifier.model.breaker import About, BreakerRule, BreakerRules

_UNTIL_READY = (
    "D1",
    "D3",
    "D6",
    "D7",
    "C1",
    "C2",
    "C5",
    "L1",
    "L2",
    "L3",
    "L4",
    "G1",
    "G2",
    "G3",
    "G4",
    "E1",
    "E2",
    "E3",
)
_STARTTLS_AND_AUTH = ("S1", "S2", "S3", "S4", "S5", "A8")
_IN_TRANSACTION = ("M1", "M3", "R10", "X4", "X5", "W1", "W2", "Z4", "Z5", "Z7")
_HOST = frozenset((*_UNTIL_READY, *_STARTTLS_AND_AUTH, *_IN_TRANSACTION))
_ON_421 = frozenset({"X1", "Z2"})
_ACCOUNT = frozenset({"A1", "A2", "A3", "A4", "A6", "E4"})
_BEFORE_ANYTHING = frozenset({"G1", "M1"})
# A wrong password is wrong for every mail, and relays lock accounts: the first one opens the breaker.
_AT_ONCE = frozenset({"A1", "A3", "A4", "E4"})
# Of one session: it had died while it was parked, or had lost its step. The next one tells how the relay is.
_OF_THE_SESSION = frozenset({"M0", "M5", "P1"})
# Silence takes a worker's time, a connection's whole time limit for each of them: the second in a row is enough.
_SILENT = frozenset({"C2", "G3", "Z4"})
SILENCES = 2


def held_against(fault: Fault, rules: BreakerRules) -> tuple[About, BreakerRule] | None:
    """Whose breaker the fault counts for, and by which rule; None where it is about the mail alone."""
    row = fault.taxonomy_id
    if row in _ACCOUNT:
        return "account", replace(rules.account, consecutive=1) if row in _AT_ONCE else rules.account
    if row in _SILENT:
        return "host", replace(rules.host, consecutive=min(SILENCES, rules.host.consecutive))
    return ("host", rules.host) if is_the_relays(fault) else None


def is_the_relays(fault: Fault) -> bool:
    """True where another mail would have fared no better."""
    return fault.taxonomy_id in _HOST or (fault.taxonomy_id in _ON_421 and fault.code == 421)


def says_nothing(fault: Fault) -> bool:
    """True where the relay may be well or not."""
    return fault.taxonomy_id in _OF_THE_SESSION


def is_too_much(fault: Fault) -> bool:
    """True where the relay says that it gets too many connections, or too much mail.

    A 421 says so before it has taken anything from us, or with a code of policy (RFC 3463 X.7.X). Any other one is about
    its session, which was idle too long or carried enough, or about the relay, which is going down: with fewer
    connections it would go down as well.
    """
    if fault.code != 421:
        return fault.enhanced == "4.7.28"
    return fault.taxonomy_id in _BEFORE_ANYTHING or (fault.enhanced or "").startswith("4.7.")
