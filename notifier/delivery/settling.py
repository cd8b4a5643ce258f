"""From a decision to the edge that the ledger takes: pure, one function for each way a mail can go."""

from __future__ import annotations

from notifier.delivery.addresses import wrong_addresses
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
)
from notifier.model.envelope import MailObject
from notifier.model.outcome import Outcome, RecipientState
from notifier.model.pause import Pause
from notifier.model.spent import Spent
from notifier.model.state import MailState
from notifier.protocol import taxonomy
from notifier.retry import Ask, Decision, Done, GiveUp, Retry
from notifier.store.base import Claim, Settlement

STILL_TO_MAIL = frozenset({RecipientState.PENDING, RecipientState.DEFERRED, RecipientState.UNKNOWN})

KEPT_LINES = 100  # of a transcript
PAUSED_FOR = 3600.0  # seconds until a mail that waits for a pause is looked at, if nobody says before that it is over


def open_recipients(claim: Claim) -> tuple[str, ...]:
    """The forward-paths that this attempt is for; those accepted before are never mailed again."""
    return tuple([path for path, state in claim.recipients.items() if state in STILL_TO_MAIL])


def handed_back(claim: Claim) -> Settlement:
    """Claimed and not begun: due at once, and no attempt was made."""
    return Settlement(claim, MailState.WAITING, spent=Spent.NOTHING)


def settlement_of_suppressed(claim: Claim) -> Settlement:
    """Nobody is left to mail: who has not accepted it is on the suppression list."""
    suppressed = {path: state for path, state in claim.recipients.items() if state is RecipientState.SUPPRESSED}
    if RecipientState.ACCEPTED in claim.recipients.values():
        return Settlement(claim, MailState.SENT, recipients=suppressed, spent=Spent.NOTHING)
    fault = taxonomy.fault("SUP", Phase.RCPT, "every recipient is on the suppression list")
    return Settlement(claim, MailState.FAILED, recipients=suppressed, fault=fault, spent=Spent.NOTHING)


def settlement_after_outcome(claim: Claim, mail: MailObject, outcome: Outcome, decision: Decision) -> Settlement:
    """The edge after a transaction, with every recipient's new state."""
    state, due_in, spent = _edge(decision, terminator_sent=outcome.terminator_sent)
    waits = state in (MailState.WAITING, MailState.UNKNOWN)
    return Settlement(
        claim,
        state,
        due_in=due_in,
        recipients={
            **{path: state for path, state in claim.recipients.items() if state is RecipientState.SUPPRESSED},
            **{path: verdict.state for path, verdict in outcome.recipients.items()},
        },
        fault=next(iter(outcome.faults), None),
        reply=outcome.reply,
        relay=outcome.relay,
        composed=mail.data if waits and claim.composed is None else None,
        spent=spent,
        wrong_addresses=wrong_addresses(outcome),
        transcript=() if state is MailState.SENT else outcome.transcript[-KEPT_LINES:],
    )


def settlement_between_legs(claim: Claim, outcome: Outcome) -> Settlement:
    """Some recipients are done, and the others' transaction comes: if we end now, the first are not mailed again."""
    return Settlement(
        claim,
        MailState.CLAIMED,
        recipients={path: verdict.state for path, verdict in outcome.recipients.items()},
        fault=next(iter(outcome.faults), None),
        reply=outcome.reply,
        relay=outcome.relay,
        spent=Spent.NOTHING,
    )


def settlement_of_held(claim: Claim, seconds: float, words: str) -> Settlement:
    """Over a limit: it waits, and no attempt was made."""
    fault = taxonomy.fault("LIM", Phase.MAIL, words)
    return Settlement(claim, MailState.WAITING, due_in=seconds, fault=fault, spent=Spent.NOTHING)


def settlement_of_paused(claim: Claim, what: Pause, why: str) -> Settlement:
    """An operator has paused what it needs: it waits until that goes on, or is looked at again after a while."""
    fault = taxonomy.fault("PAU", Phase.MAIL, f"{what} is paused: {why}")
    return Settlement(claim, MailState.WAITING, due_in=PAUSED_FOR, fault=fault, spent=Spent.NOTHING, held_by=str(what))


def settlement_after_error(claim: Claim, error: Exception, decision: Decision) -> Settlement:
    """The edge where no transaction took place."""
    state, due_in, spent = _edge(decision, terminator_sent=False)
    held_by = error.paused if isinstance(error, RelayUnavailable) else None
    return Settlement(claim, state, due_in=due_in, fault=fault_of(error), spent=spent, held_by=held_by)


def fault_of(error: Exception) -> Fault:
    """The error as a value for the history. Errors of our own carry no secret and no context."""
    if isinstance(error, DeliveryError):
        return error.fault
    if isinstance(error, PoolError):
        return Fault(type(error).__name__, ErrorClass.TRANSIENT, Scope.PROCESS, Phase.CONNECT, str(error)[:512])
    waits = isinstance(error, StoreError | RendererUnavailable)
    error_class = ErrorClass.TRANSIENT if waits else ErrorClass.PERMANENT
    return Fault(type(error).__name__, error_class, Scope.MESSAGE, Phase.MAIL, str(error)[:512])


def _edge(decision: Decision, *, terminator_sent: bool) -> tuple[MailState, float, Spent]:
    match decision:
        case Done(state=MailState.SENT) if not terminator_sent:
            # Others were accepted by an earlier attempt, and nobody by this one: the rest needs a person.
            return MailState.FAILED, 0.0, Spent.ATTEMPT
        case Done(state=state) | GiveUp(state=state):
            return state, 0.0, Spent.ATTEMPT
        case Retry(delay=delay, spent=spent):
            return MailState.WAITING, delay, spent
        case Ask():
            return MailState.UNKNOWN, 0.0, Spent.ATTEMPT
