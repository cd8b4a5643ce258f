"""What to do with a mail after an attempt: `Done`, `Retry`, `GiveUp` or `Ask`."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from notifier.errors import (
    DeliveryError,
    ErrorClass,
    Fault,
    Phase,
    PoolError,
    RelayUnavailable,
    RendererUnavailable,
    Scope,
    StoreError,
    fault_error,
)
from notifier.model.outcome import Outcome, RecipientState
from notifier.model.spent import Spent
from notifier.model.state import MailState
from notifier.retry.table import RetryTable

POOL_BUSY_WAIT = 1.0  # seconds; no session was free in time
_BEFORE_ANY_MAIL = frozenset({Scope.HOST, Scope.ACCOUNT, Scope.PROCESS, Scope.CONNECTION})
_MESSAGE = frozenset({Phase.BODY, Phase.FINAL_REPLY})


@dataclass(frozen=True, slots=True)
class Done:
    """Settled: every recipient has an answer."""

    state: MailState = MailState.SENT


@dataclass(frozen=True, slots=True)
class Retry:
    """Again in ``delay`` seconds, for ``recipients``."""

    delay: float
    recipients: tuple[str, ...] = ()
    spent: Spent = Spent.ATTEMPT


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


@dataclass(frozen=True, slots=True)
class Past:
    """What the ledger knew before the try. ``deadline_in``: seconds. ``fresh_retry_used``: on another connection it
    would fare no better, so that the ladder begins at once.
    """

    attempt: int = 0
    setbacks: int = 0
    deadline_in: float = float("inf")
    fresh_retry_used: bool = False

    @property
    def next_step(self) -> int:
        """Of the ladder."""
        return self.attempt + self.setbacks + 1


def decide(
    outcome: Outcome,
    *,
    recipients: Mapping[str, RecipientState],
    past: Past,
    table: RetryTable,
    rng: Callable[[], float],
) -> Decision:
    """What follows from a transaction. ``recipients`` are the ledger's states before it.

    Of several waits the longest counts: the mail goes out once more, for all who wait.
    """
    after = {**recipients, **{path: verdict.state for path, verdict in outcome.recipients.items()}}
    if RecipientState.UNKNOWN in after.values() and outcome.terminator_sent:
        return Ask(_first(outcome, ErrorClass.UNKNOWN))
    waiting = tuple(path for path, verdict in outcome.recipients.items() if verdict.state is RecipientState.DEFERRED)
    faults = [fault for path in waiting if (fault := outcome.recipients[path].fault) is not None]
    if faults:
        return _again(faults, waiting, RecipientState.ACCEPTED in after.values(), past, table, rng)
    return _settled(after, outcome)


def _again(  # noqa: PLR0917 - the arguments of `decide`, in its order
    faults: Sequence[Fault],
    waiting: tuple[str, ...],
    somebody_accepted: bool,
    past: Past,
    table: RetryTable,
    rng: Callable[[], float],
) -> Decision:
    policies = [policy for fault in faults if (policy := table.policy_for(fault_error(fault))) is not None]
    hopeless = len(policies) < len(faults)
    if not past.fresh_retry_used and not hopeless and all(policy.fresh_first for policy in policies):
        return Retry(0.0, waiting, Spent.NOTHING)
    spent = Spent.SETBACK if all(map(_before_the_message, faults)) else Spent.ATTEMPT
    exhausted = any(policy.exhausted(past.attempt + 1) for policy in policies)
    if hopeless or (exhausted and spent is Spent.ATTEMPT):
        return Done(MailState.SENT) if somebody_accepted else GiveUp(faults[0])
    delay = max(policy.delay(past.next_step, rng) for policy in policies)
    return Retry(min(delay, max(past.deadline_in, 0.0)), waiting, spent)


def _before_the_message(fault: Fault) -> bool:
    """True where the connection ended, or the host refused to go on, before the first octet of the message.

    That says little about the mail. Little, not nothing: an address can be what makes a server fall over.
    """
    return fault.phase not in _MESSAGE and (fault.scope in (Scope.HOST, Scope.CONNECTION) or fault.code == 421)


def _settled(after: Mapping[str, RecipientState], outcome: Outcome) -> Decision:
    if RecipientState.ACCEPTED in after.values():
        return Done()
    return GiveUp(next(iter(outcome.faults), None))


def _first(outcome: Outcome, error_class: ErrorClass) -> Fault | None:
    return next((fault for fault in outcome.faults if fault.error_class is error_class), None)


def decide_error(
    error: Exception,
    *,
    past: Past,
    table: RetryTable,
    rng: Callable[[], float],
) -> Decision:
    """What follows where no transaction took place: no session, or no message to send.

    What is wrong with the host, the account or this process costs the mail nothing, its ladder included: breakers
    keep mails away from a relay that is down, and when it is back they shall not wait for hours.
    """
    if isinstance(error, RelayUnavailable):  # those who wait together do not come back together
        return Retry(error.retry_after + max(1.0, error.retry_after / 5) * rng(), spent=Spent.NOTHING)
    if isinstance(error, PoolError):
        return Retry(POOL_BUSY_WAIT * (0.5 + rng()), spent=Spent.NOTHING)
    policy = table.policy_for(error)
    free = isinstance(error, StoreError | RendererUnavailable) or (
        isinstance(error, DeliveryError) and error.fault.scope in _BEFORE_ANY_MAIL
    )
    if policy is None or (policy.exhausted(past.attempt + 1) and not free):
        return GiveUp(error.fault if isinstance(error, DeliveryError) else None)
    return Retry(policy.delay(past.attempt + 1, rng), spent=Spent.NOTHING if free else Spent.ATTEMPT)
