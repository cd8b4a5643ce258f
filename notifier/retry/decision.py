"""What to do with a mail after an attempt: `Done`, `Retry`, `GiveUp` or `Ask`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from notifier.errors import (
    DeliveryError,
    ErrorClass,
    Fault,
    PoolError,
    RelayUnavailable,
    Scope,
    StoreError,
    fault_error,
)
from notifier.model.outcome import Outcome, RecipientState
from notifier.model.state import MailState
from notifier.retry.table import RetryTable

POOL_BUSY_WAIT = 1.0  # seconds; no session was free in time
BLOB_WAIT = 60.0  # seconds; an attachment could not be read from the store
_BEFORE_ANY_MAIL = frozenset({Scope.HOST, Scope.ACCOUNT, Scope.PROCESS, Scope.CONNECTION})


@dataclass(frozen=True, slots=True)
class Done:
    """Settled: every recipient has an answer."""

    state: MailState = MailState.SENT


@dataclass(frozen=True, slots=True)
class Retry:
    """Again in ``delay`` seconds, for ``recipients``; ``counts`` False: no attempt was spent."""

    delay: float
    recipients: tuple[str, ...] = ()
    counts: bool = True


@dataclass(frozen=True, slots=True)
class GiveUp:
    """A dead letter."""

    fault: Fault | None = None
    state: MailState = MailState.FAILED


@dataclass(frozen=True, slots=True)
class Ask:
    """The outcome is unknown: the mail's class decides, or a person."""

    fault: Fault | None = None


Decision = Done | Retry | GiveUp | Ask


def decide(
    outcome: Outcome,
    *,
    recipients: Mapping[str, RecipientState],
    attempt: int,
    deadline_in: float,
    table: RetryTable,
    rng: Callable[[], float],
    fresh_retry_used: bool = False,
) -> Decision:
    """What follows from a transaction.

    ``recipients`` are the ledger's states before it, ``attempt`` the attempts before it, ``deadline_in`` seconds.
    Of several waits the longest counts: the mail goes out once more, for all who wait.
    """
    after = {**recipients, **{path: verdict.state for path, verdict in outcome.recipients.items()}}
    if RecipientState.UNKNOWN in after.values() and outcome.terminator_sent:
        return Ask(_first(outcome, ErrorClass.UNKNOWN))
    waiting = tuple(path for path, verdict in outcome.recipients.items() if verdict.state is RecipientState.DEFERRED)
    faults = [fault for path in waiting if (fault := outcome.recipients[path].fault) is not None]
    if faults:
        return _again(faults, waiting, after, attempt, deadline_in, table, rng, fresh_retry_used)
    return _settled(after, outcome)


def _again(  # noqa: PLR0917 - the arguments of `decide`, in its order
    faults: list[Fault],
    waiting: tuple[str, ...],
    after: Mapping[str, RecipientState],
    attempt: int,
    deadline_in: float,
    table: RetryTable,
    rng: Callable[[], float],
    fresh_retry_used: bool,
) -> Decision:
    policies = [(table.policy_for(fault_error(fault)), fault) for fault in faults]
    if not fresh_retry_used and all(policy is not None and policy.fresh_first for policy, _ in policies):
        return Retry(0.0, waiting, counts=False)
    if any(policy is None or policy.exhausted(attempt + 1) for policy, _ in policies):
        return Done(MailState.SENT) if RecipientState.ACCEPTED in after.values() else GiveUp(faults[0])
    delay = max(policy.delay(attempt + 1, rng) for policy, _ in policies if policy is not None)
    return Retry(min(delay, max(deadline_in, 0.0)), waiting)


def _settled(after: Mapping[str, RecipientState], outcome: Outcome) -> Decision:
    if RecipientState.ACCEPTED in after.values():
        return Done()
    return GiveUp(next(iter(outcome.faults), None))


def _first(outcome: Outcome, error_class: ErrorClass) -> Fault | None:
    return next((fault for fault in outcome.faults if fault.error_class is error_class), None)


def decide_error(
    error: Exception,
    *,
    attempt: int,
    deadline_in: float,
    table: RetryTable,
    rng: Callable[[], float],
) -> Decision:
    """What follows where no transaction took place: no session, or no message to send.

    What is wrong with the host, the account or this process spends no attempt of the mail.
    """
    del deadline_in  # the ledger never makes a mail due after its deadline
    if isinstance(error, RelayUnavailable):  # those who wait together do not come back together
        return Retry(error.retry_after + max(1.0, error.retry_after / 5) * rng(), counts=False)
    if isinstance(error, PoolError):
        return Retry(POOL_BUSY_WAIT * (0.5 + rng()), counts=False)
    policy = table.policy_for(error)
    if policy is None and isinstance(error, StoreError):
        return Retry(BLOB_WAIT * (0.5 + rng()), counts=False)
    if policy is None or policy.exhausted(attempt + 1):
        return GiveUp(error.fault if isinstance(error, DeliveryError) else None)
    spent = not (isinstance(error, DeliveryError) and error.fault.scope in _BEFORE_ANY_MAIL)
    return Retry(policy.delay(attempt + 1, rng), counts=spent)
