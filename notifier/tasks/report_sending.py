"""One period of a report: made once, then a mail for each recipient, each once."""

from __future__ import annotations

import hashlib
import json
import logging
import random
import traceback
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from celery.exceptions import WorkerShutdown, WorkerTerminate

from notifier.delivery.context import checked_context
from notifier.delivery.intake import Accepted, Options
from notifier.delivery.leases import LeaseKeeper, say_until_heard
from notifier.errors import (
    BlobUnavailable,
    BrokerUnavailable,
    IdempotencyConflict,
    InvalidAddress,
    InvalidMail,
    InvalidReport,
    NotifierError,
    StoreError,
    StoreUnavailable,
    TemplateError,
)
from notifier.model.address import Address
from notifier.model.ids import new_mail_id
from notifier.model.tenant import DEFAULT
from notifier.reports.periods import Period, instant_named, period_until
from notifier.reports.registry import Recipient, Report, listed_recipients
from notifier.reports.result import ReportFile, ReportResult
from notifier.retry import RetryPolicy
from notifier.store.base import Claim
from notifier.store.reports import RedisReports, Taken
from notifier.tasks.attachments import store_attachment
from notifier.tasks.calls import SEND_EMAIL
from notifier.tasks.enqueue import enqueue
from notifier.tasks.runtime import Runtime, runtime

log = logging.getLogger(__name__)

CHUNK = 100  # mails stored in one round trip
TELL_EVERY = 5.0  # seconds until a store that was away is told once more that a run is over
KEPT = 4 * 86400.0  # seconds that what a report says is kept for recipients who have not had it
# Where the retry table has no row for what the function raises.
USUAL = RetryPolicy((60.0, 300.0, 900.0, 3600.0), max_attempts=5)
_OF_A_RECIPIENT = frozenset({"to", "locale", "context"})


@dataclass(frozen=True, slots=True)
class Made:
    """What a report says, to whom; JSON, so that another worker can go on with it."""

    context: Mapping[str, Any]
    attachments: Sequence[Mapping[str, str]]
    recipients: Sequence[Mapping[str, Any]]


class _Lost(Exception):
    """Another worker has the period now."""


def send_period(report: Report, key: str) -> None:
    """Send one period, unless another worker has it or it is over. Raises `StoreUnavailable`; the next look goes on then."""
    mine = runtime()
    reports, lease = mine.store.reports, mine.settings.takeover.lease
    taken = reports.take(report.name, key, f"{mine.owner} {new_mail_id()}", lease)
    if taken is None:
        return
    try:
        with LeaseKeeper(_Lease(reports, taken, lease), (), lease / 3):
            _send_taken(report, taken, mine)
    except StoreUnavailable:
        # Else its lease ends, and it counts as a worker that ended.
        say_until_heard(partial(reports.wait, taken, 0.0, "the store was away", counted=False), TELL_EVERY)
        raise


def _send_taken(report: Report, taken: Taken, mine: Runtime) -> None:
    name, key = taken.report, taken.period
    try:
        state, why = _sent(report, taken, mine)
    except _Lost:
        log.warning("report %s of %s is another worker's now", name, key)
        return
    except Exception as error:  # noqa: BLE001 - whatever an application's function raises
        _put_off(report, taken, error, mine)
        return
    mine.store.reports.close(taken, state, why)
    (log.error if state == "failed" else log.info)("report %s of %s is %s %s", name, key, state, why)


@dataclass(frozen=True, slots=True)
class _Lease:
    """What the keeper of leases renews: a period, and no claims of mails."""

    reports: RedisReports
    taken: Taken
    seconds: float

    def renew(self, claims: Sequence[Claim]) -> None:
        del claims
        self.reports.renew(self.taken, self.seconds)


def period_named(report: Report, key: str) -> Period:
    """The period of that key, also where the schedule has changed since. Raises `ValueError`."""
    return period_until(instant_named(key), report.schedule, report.zone)


def _sent(report: Report, taken: Taken, mine: Runtime) -> tuple[str, str]:
    made = _kept(taken, mine, report)
    if made is None:
        made = _made(report, period_named(report, taken.period))
        if made is None:
            return "nothing", "the function returned None"
        if not mine.store.reports.keep(taken, _stored(made, report, mine)):
            raise _Lost
    if not made.recipients:
        return "nothing", "there are no recipients"
    wrong: dict[str, str] = {}
    left = [(digest_of(one["to"]), one) for one in made.recipients]
    left = [(digest, one) for digest, one in left if digest not in taken.reached]
    for start in range(0, len(left), CHUNK):
        chunk = left[start : start + CHUNK]
        wrong.update(_enqueued(report, taken.period, made, chunk))
        # Whoever was refused has nothing, and gets it when the fault is mended and a person runs the period again.
        if not mine.store.reports.reach(taken, [digest for digest, _ in chunk if digest not in wrong]):
            raise _Lost
    if wrong:
        first = next(iter(wrong.values()))
        return "failed", f"{len(wrong)} of {len(made.recipients)} recipients were refused; {first}"
    return "sent", f"to {len(made.recipients)}"


def _put_off(report: Report, taken: Taken, error: Exception, mine: Runtime) -> None:
    why = _told(error)
    policy = mine.settings.policies.table_of(report.mail_class).policy_for(error)
    if policy is None and not isinstance(error, NotifierError):
        policy = USUAL.scaled(mine.settings.retry_scale)
    free = isinstance(error, StoreError | BrokerUnavailable)
    if isinstance(error, BrokerUnavailable):
        policy = policy or USUAL.scaled(mine.settings.retry_scale)
    frames = "".join(traceback.format_tb(error.__traceback__))
    if policy is None or (policy.exhausted(taken.failures + 1) and not free):
        mine.store.reports.close(taken, "failed", why)
        log.error("report %s of %s is given up: %s\n%s", report.name, taken.period, why, frames)
        return
    wait = policy.delay(taken.failures + 1, random.random)
    mine.store.reports.wait(taken, wait, why, counted=not free)
    log.warning("report %s of %s is made again in %.0f s: %s\n%s", report.name, taken.period, wait, why, frames)


def _told(error: Exception) -> str:
    """Without the words of an application's error: they may name a customer."""
    if isinstance(error, NotifierError):
        return f"{type(error).__name__}: {error}"
    last = traceback.extract_tb(error.__traceback__)[-1]
    return f"{type(error).__module__}.{type(error).__qualname__} in {last.name}, line {last.lineno}"


# What it says -----------------------------------------------------------------------------------------------------------


def _made(report: Report, period: Period) -> Made | None:
    found = _called(report.function, period)
    if found is None:
        return None
    result = found if isinstance(found, ReportResult) else ReportResult(found)
    context: object = result.context
    if not isinstance(context, Mapping):
        raise InvalidReport(f"report {report.name!r} returned {type(found).__name__}; a context is a mapping")
    whom = _called(report.recipients, period) if callable(report.recipients) else report.recipients
    if isinstance(result.attachments, str | bytes | Mapping) or not isinstance(result.attachments, Iterable):
        raise InvalidReport(
            f"report {report.name!r}: attachments are a list of files, and not {type(result.attachments).__name__}"
        )
    tenant = str(report.mail.get("tenant", DEFAULT))
    files = [_file(one, tenant) for one in result.attachments]
    return Made(
        checked_context(context), files, [_recipient(report, one) for one in listed_recipients(report.name, whom)]
    )


def _called(function: Callable[[Period], Any], period: Period) -> Any:
    try:
        return function(period)
    except (WorkerShutdown, WorkerTerminate):
        raise
    except SystemExit as error:  # as commands raise it that a function calls; it is not to end the worker
        raise InvalidReport(f"the function has called exit({error.code!r})") from None


def _file(given: object, tenant: str) -> dict[str, Any]:
    given = given.attachment() if isinstance(given, ReportFile) else given
    inline = given.get("inline", False) if isinstance(given, Mapping) else getattr(given, "inline", False)
    if isinstance(given, Mapping) and "blob" in given:
        return dict(given)
    return {**store_attachment(given, keep=KEPT, tenant=tenant), "inline": inline}


def _recipient(report: Report, given: Recipient) -> dict[str, Any]:
    one = dict(given) if isinstance(given, Mapping) else {"to": given}
    if "to" not in one or not one.keys() <= _OF_A_RECIPIENT:
        raise InvalidReport(
            f"report {report.name!r}: a recipient is an address, or a mapping with to, locale and context"
        )
    return {**one, "to": str(one["to"]), "context": checked_context(one.get("context", {}))}


def _stored(made: Made, report: Report, mine: Runtime) -> str:
    data = json.dumps([made.context, list(made.attachments), list(made.recipients)], ensure_ascii=False).encode()
    return mine.store.shared.put(data, tenant=str(report.mail.get("tenant", DEFAULT)), keep=KEPT)


def _kept(taken: Taken, mine: Runtime, report: Report) -> Made | None:
    """What an earlier run has made of the period; None where there was none, or it is gone."""
    if not taken.made:
        return None
    try:
        mine.store.shared.use(str(report.mail.get("tenant", DEFAULT)), taken.made)
        return Made(*json.loads(mine.store.get_blob(taken.made)))
    except BlobUnavailable:
        log.warning("what report %s of %s said is gone, and it is made anew", report.name, taken.period)
        return None


# To whom ----------------------------------------------------------------------------------------------------------------


def digest_of(to: str) -> str:
    """What the store knows a recipient by."""
    try:
        path = Address.parse(to).forward_path
    except InvalidMail:
        path = to
    return hashlib.sha256(path.lower().encode()).hexdigest()[:32]


def _enqueued(
    report: Report, period: str, made: Made, chunk: Sequence[tuple[str, Mapping[str, Any]]]
) -> Iterator[tuple[str, str]]:
    """Why recipients (digests) were refused; the others have their mails."""
    accepted: list[Accepted] = []
    for digest, one in chunk:
        try:
            accepted.append(accepted_mail(report, made, one, f"report {report.name} {period} {digest}"))
        except (InvalidMail, TemplateError) as error:
            # What is no address may be a person's all the same, and this is listed and logged.
            why = type(error).__name__ if isinstance(error, InvalidAddress) else str(error)
            yield digest, f"recipient {made.recipients.index(one) + 1}: {why}"
    try:
        enqueue(accepted)
    except IdempotencyConflict:
        for mail in accepted:
            _enqueue_one(mail)


def _enqueue_one(mail: Accepted) -> None:
    try:
        enqueue([mail])
    except IdempotencyConflict:  # it was sent, in other words: a worker has ended after it and before it could say so
        log.warning("mail of %s was sent already", mail.email.idempotency_key.rpartition(" ")[0])


def accepted_mail(report: Report, made: Made, recipient: Mapping[str, Any], key: str) -> Accepted:
    """The mail for one recipient. Raises `InvalidMail`, `TemplateError`."""
    call = {
        "template": report.template,
        "mail_class": report.mail_class,
        "attachments": made.attachments,
        "idempotency_key": key,
        **report.mail,
        **recipient,
        "context": {**made.context, **recipient.get("context", {})},
    }
    return SEND_EMAIL.accepted((), call, Options())


def send_to_others(report: Report, key: str, recipients: Sequence[str]) -> list[str]:
    """Send one period to somebody else, for a try: nothing of it is remembered. The mails' ids. Raises what the function raises."""
    made = _made(report, period_named(report, key))
    if made is None:
        return []
    mails = [accepted_mail(report, made, {"to": to}, new_mail_id()) for to in recipients]
    return [one.mail_id for one in enqueue(mails)]
