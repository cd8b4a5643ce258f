"""What operators do to many mails at once: choose them, and decide on each. The commands and the console stand on this."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from itertools import islice

from notifier.bounces import read_report
from notifier.bounces.attribution import named_mail, proofs, signed_mail
from notifier.errors import MailNotFound, NotifierError, StoreError, StoreUnavailable
from notifier.model.address import Address, a_labels
from notifier.model.outcome import RecipientState
from notifier.model.pause import Pause
from notifier.model.state import DEAD, MailState
from notifier.model.suppression import Suppression
from notifier.store import RedisStore
from notifier.store.base import MailStatus, Store
from notifier.store.evidence import Verdict
from notifier.tasks.app import point_at_broker
from notifier.tasks.broker_errors import BROKER_ERRORS
from notifier.tasks.result import status
from notifier.tasks.runtime import runtime
from notifier.tasks.sweeper import sweep

PAGE = 200  # mails read at once


@dataclass(frozen=True, slots=True)
class Selection:
    """Which mails are meant; what is empty leaves it open. ``row``: of the taxonomy, in the last fault. ``since`` and
    ``until``: of their creation, seconds since the epoch.
    """

    states: tuple[MailState, ...] = tuple(sorted(DEAD))
    queue: str | None = None
    template: str | None = None
    domain: str | None = None
    row: str | None = None
    since: float | None = None
    until: float | None = None

    def includes(self, mail: MailStatus) -> bool:
        """True where the mail is meant."""
        fault = mail.last_fault
        return (
            self.template in (None, mail.template)
            and (self.domain is None or any(_domain_of(path) == _ascii(self.domain) for path in mail.recipients))
            and (self.row is None or (fault is not None and fault.taxonomy_id == self.row))
            and (self.since is None or mail.created_at >= self.since)
            and (self.until is None or mail.created_at < self.until)
        )


def _domain_of(path: str) -> str:
    return _ascii(path.rpartition("@")[2])


def _ascii(domain: str) -> str:
    """In A-labels; a forward-path with a local part in another script has its domain in that script too."""
    try:
        return a_labels(domain)
    except ValueError:  # no domain, and so nobody's
        return domain.lower()


def selected(selection: Selection, limit: int | None = None) -> Iterator[MailStatus]:
    """The mails that are meant, queue by queue and state by state, oldest first; ``limit`` at most."""
    left = limit
    every = _all if limit is None else _first
    for mail in every(runtime().store, selection):
        if left == 0:
            return
        if selection.includes(mail):
            left = None if left is None else left - 1
            yield mail


def _all(store: Store, selection: Selection) -> Iterator[MailStatus]:
    """Pages would leave out as many as workers claim between two of them."""
    for queue in _queues(store, selection):
        for state in selection.states:
            yield from store.mails_that_stay(queue, state)


def _first(store: Store, selection: Selection) -> Iterator[MailStatus]:
    for queue in _queues(store, selection):
        for state in selection.states:
            skip = 0
            while page := store.list_mails(queue, state, limit=PAGE, skip=skip):
                yield from page
                skip += PAGE


def _queues(store: Store, selection: Selection) -> Sequence[str]:
    return store.queues() if selection.queue is None else (selection.queue,)


@dataclass(frozen=True, slots=True)
class Done:
    """What became of one mail: its ``state``, or the ``error`` that says why nothing was done. ``warning``: it was done, and may not
    come to what was wished for.
    """

    mail_id: str
    state: MailState | None
    error: str | None = None
    warning: str | None = None


def requeue(mail_ids: Sequence[str], *, why: str, per_second: float | None = None) -> Iterator[Done]:
    """Send mails once more. With a rate each is due a moment after the one before, so that they do not all come at once.

    There is a warning where a recipient is on the suppression list, or has unsubscribed from such mails: nothing goes there, whoever
    asks for it.
    """
    due_in = [number / per_second if per_second else 0.0 for number in range(len(mail_ids))]
    store = runtime().store
    done = _done(mail_ids, store.resolve_each(mail_ids, MailState.WAITING, why, due_in=due_in))
    while portion := list(islice(done, PAGE)):
        yield from _warned(store, portion)


def _warned(store: RedisStore, portion: Sequence[Done]) -> Iterator[Done]:
    warnings: Mapping[str, str] = {}
    with suppress(StoreUnavailable):  # the mails have been requeued, and that is what is told
        warnings = _of_suppressed(store, [one.mail_id for one in portion if one.error is None])
    for one in portion:
        yield replace(one, warning=words) if (words := warnings.get(one.mail_id)) else one


def _of_suppressed(store: RedisStore, mail_ids: Sequence[str]) -> Mapping[str, str]:
    """Of those of the mails that have recipients who get none: what is to be said."""
    policies, left = runtime().settings.policies, dict[str | None, dict[str, list[str]]]()
    for mail in store.statuses(mail_ids):
        theirs = left.setdefault(policies.mailing_list_of(mail), {})
        theirs[mail.mail_id] = [path for path, state in mail.recipients.items() if state is not RecipientState.ACCEPTED]
    said: dict[str, str] = {}
    for mailing_list, theirs in left.items():
        kept = store.suppression.of(sorted({path for paths in theirs.values() for path in paths}), mailing_list)
        for mail_id, paths in theirs.items():
            said[mail_id] = "; ".join(_stays(path, kept[path]) for path in paths if path in kept)
    return said


def _stays(path: str, entry: Suppression) -> str:
    of, option = (f" of {entry.mailing_list}", f" --list {entry.mailing_list}") if entry.mailing_list else ("", "")
    return (
        f"{path} is on the suppression list{of} ({entry.reason}), and is not mailed until it is off it: "
        f"notifier suppress remove {path}{option}"
    )


def readdress(mail_id: str, edits: Mapping[str, Address], *, why: str) -> Done:
    """Send a mail once more, with another address for some of its forward-paths. There is a warning as `requeue` has it."""
    store = runtime().store
    try:
        done = Done(mail_id, store.resolve(mail_id, MailState.WAITING, why, readdress=edits))
    except StoreUnavailable:
        raise
    except NotifierError as error:
        return Done(mail_id, None, str(error))
    return next(_warned(store, [done]))


def discard(mail_ids: Sequence[str], *, why: str) -> Iterator[Done]:
    """Never send them."""
    return _resolved(mail_ids, MailState.DISCARDED, why)


def declare_sent(mail_ids: Sequence[str], *, why: str) -> Iterator[Done]:
    """There is evidence that these unknowns arrived."""
    return _resolved(mail_ids, MailState.SENT, why)


def take_report(octets: bytes) -> Done:
    """What a delivery status notification says of its mail. Raises `ValueError` where it is none of ours."""
    report = read_report(octets)
    if not report.recipients:
        raise ValueError("is no delivery status notification (RFC 3464): it says nothing of a recipient")
    mail_id = signed_mail(report, [key.secret for key in runtime().settings.bounces.returning.keys]) or named_mail(
        report
    )
    if mail_id is None:
        raise ValueError("is about no mail of Notifier: it returns neither the ENVID nor the Message-ID of one")
    try:
        mail = status(mail_id)
    except MailNotFound as error:
        return Done(mail_id, None, str(error))
    told = proofs(report, tuple(mail.recipients))
    why = f"a delivery status notification says: {', '.join(sorted(set(told.values()))) or 'nothing of its recipients'}"
    verdict, state = runtime().store.proofs.take(mail.queue, mail.mail_id, told, why)
    if verdict is Verdict.SETTLED:
        return Done(mail.mail_id, state)
    return Done(mail.mail_id, None, f"{why}; the mail is {state or 'gone'}, and nothing was changed by it")


def cancel_all(mail_ids: Sequence[str]) -> Iterator[Done]:
    """Take waiting mails back."""
    return _done(mail_ids, runtime().store.cancel_each(mail_ids))


def reschedule_all(mail_ids: Sequence[str], send_at: float) -> Iterator[Done]:
    """Another time for waiting mails, seconds since the epoch."""
    return _done(mail_ids, runtime().store.reschedule_each(mail_ids, send_at))


def pause(what: Pause, why: str) -> None:
    """Let nothing go out by it."""
    runtime().store.pause(what, why)


def resume(what: Pause) -> bool:
    """Let it go on, and what has waited for it be due now. False where it was not paused."""
    store = runtime().store
    known = what in store.pauses()
    store.resume(what)
    ring_for_what_is_due()
    return known


def stop_mailing(
    address: Address, reason: str, *, lasts: float | None = None, mailing_list: str | None = None
) -> Suppression:
    """Do not mail it for ``lasts`` seconds, or until it is removed."""
    path = address.forward_path.lower()
    return runtime().store.suppression.add(path, reason, lasts=lasts, mailing_list=mailing_list)


def mail_again(entry: Suppression) -> bool:
    """Mail it again. False where it was not on the list."""
    return runtime().store.suppression.remove(entry.address, entry.mailing_list)


def ring_for_what_is_due() -> None:
    """So that a decision takes effect now; where the broker is away, at the workers' next sweep."""
    point_at_broker()
    store = runtime().store
    with suppress(*BROKER_ERRORS):
        for queue in store.queues():
            if store.counts(queue)[
                MailState.WAITING
            ]:  # a sweep waits for the store's disk, and queues may be a thousand
                sweep(queue)


def _resolved(mail_ids: Sequence[str], state: MailState, why: str) -> Iterator[Done]:
    return _done(mail_ids, runtime().store.resolve_each(mail_ids, state, why, due_in=[0.0] * len(mail_ids)))


def _done(mail_ids: Sequence[str], answers: Iterator[MailState | StoreError]) -> Iterator[Done]:
    """One that cannot be done does not keep the others."""
    for mail_id, answer in zip(mail_ids, answers, strict=True):
        yield Done(mail_id, None, str(answer)) if isinstance(answer, StoreError) else Done(mail_id, answer)
