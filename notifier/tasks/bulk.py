"""`send_bulk`: one template, many recipients, each with a context and a mail of its own."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from itertools import islice
from typing import Any

from notifier.delivery.intake import Accepted
from notifier.errors import IdempotencyConflict, InvalidAttachment, InvalidMail, TemplateError
from notifier.tasks.app import app
from notifier.tasks.at_once import Sent, send_at_once
from notifier.tasks.calls import SEND_EMAIL
from notifier.tasks.enqueue import enqueue
from notifier.tasks.offload import offload
from notifier.tasks.options import mail_options
from notifier.tasks.registered import is_eager, raises_at_once
from notifier.tasks.result import MailResult
from notifier.tasks.runtime import inline_runtime, runtime

CHUNK = 100  # mails stored in one round trip

Refusal = InvalidMail | TemplateError | IdempotencyConflict


@dataclass(frozen=True, slots=True)
class BulkRow:
    """What became of one recipient: a mail, or the reason why there is none."""

    position: int
    result: MailResult | Sent | None
    error: Refusal | None


class InvalidBulk(InvalidMail):
    """Rows that are wrong. Nothing was stored; ``rows`` holds each with its reason."""

    def __init__(self, rows: tuple[BulkRow, ...]) -> None:
        self.rows = rows
        super().__init__(rows)

    def __str__(self) -> str:
        shown = "".join(f"\n  - recipient {row.position}: {row.error}" for row in self.rows[:20])
        more = f"\n  … and {len(self.rows) - 20} more" if len(self.rows) > 20 else ""
        return (
            f"{len(self.rows)} recipients are wrong, and nothing was sent to anybody "
            f"(skip_invalid=True sends to the others):{shown}{more}"
        )


def send_bulk(
    *,
    template: str,
    recipients: Iterable[Mapping[str, Any]],
    mail_class: str = "bulk",
    skip_invalid: bool = False,
    options: Mapping[str, Any] | None = None,
    **common: Any,
) -> list[BulkRow]:
    """Send ``template`` to many, one mail each, so that nobody sees another's address.

    Each of ``recipients`` holds ``to`` and its own ``context``, ``idempotency_key`` and so on, as `send_email` takes
    them; ``common`` holds what all share, a ``context`` of which each recipient's is laid over. ``options`` are
    Celery's (``{"queue": …, "countdown": …}``). All are checked first: raises `InvalidBulk` with nothing stored, or
    with ``skip_invalid`` sends to the others. Returns one row a recipient, in order.
    """
    accepted, rows = _checked(template, recipients, mail_class, common, skip_invalid=skip_invalid, options=options)
    while accepted:
        rows |= _take_next(accepted)
    return [rows[position] for position in sorted(rows)]


async def asend_bulk(
    *,
    template: str,
    recipients: Iterable[Mapping[str, Any]],
    mail_class: str = "bulk",
    skip_invalid: bool = False,
    options: Mapping[str, Any] | None = None,
    **common: Any,
) -> list[BulkRow]:
    """The same as `send_bulk` for coroutines. The event loop goes on meanwhile.

    Cancelled, it ends behind the chunk that it has begun: some have their mail then and others have not. With an
    ``idempotency_key`` for each recipient, call it again.
    """
    accepted, rows = await offload(
        partial(_checked, template, recipients, mail_class, common, skip_invalid=skip_invalid, options=options)
    )
    while accepted:
        rows |= await offload(partial(_take_next, accepted))
    return [rows[position] for position in sorted(rows)]


def _checked(
    template: str,
    recipients: Iterable[Mapping[str, Any]],
    mail_class: str,
    common: Mapping[str, Any],
    *,
    skip_invalid: bool,
    options: Mapping[str, Any] | None,
) -> tuple[dict[int, Accepted], dict[int, BulkRow]]:
    """The mails to store by their position, and the rows of those that are wrong."""
    chosen = mail_options(options or {})
    accepted: dict[int, Accepted] = {}
    rows: dict[int, BulkRow] = {}
    intake = (inline_runtime() if is_eager(app) else runtime()).intake
    for position, recipient in enumerate(recipients):
        try:
            call = _call(template, mail_class, common, recipient)
            accepted[position] = SEND_EMAIL.accepted((), call, chosen, intake)
        except (InvalidMail, TemplateError) as error:
            rows[position] = BulkRow(position, None, error)
    if rows and not skip_invalid:
        raise InvalidBulk(tuple(rows.values()))
    return accepted, rows


def _take_next(accepted: dict[int, Accepted]) -> dict[int, BulkRow]:
    """Take the next chunk out and store it; eagerly: send it."""
    chunk = {position: accepted.pop(position) for position in list(islice(accepted, CHUNK))}
    rows = _send_chunk(chunk) if is_eager(app) else _enqueue_chunk(chunk)
    return {row.position: row for row in rows}


def _call(template: str, mail_class: str, common: Mapping[str, Any], recipient: object) -> dict[str, Any]:
    if not isinstance(recipient, Mapping):
        raise InvalidMail(f"a recipient is a mapping with to and context, not {type(recipient).__name__}")
    call = {"template": template, "mail_class": mail_class, **common, **recipient}
    shared, own = common.get("context"), recipient.get("context")
    if isinstance(shared, Mapping) and isinstance(own, Mapping):
        call["context"] = {**shared, **own}
    return call


def _send_chunk(chunk: Mapping[int, Accepted]) -> list[BulkRow]:
    raises = raises_at_once(app)
    return [BulkRow(position, send_at_once(mail, raises=raises), None) for position, mail in chunk.items()]


def _enqueue_chunk(chunk: Mapping[int, Accepted]) -> list[BulkRow]:
    try:
        added = enqueue(list(chunk.values()))
    except (IdempotencyConflict, InvalidAttachment):  # a file has changed since it was looked at
        return [_enqueue_one(position, mail) for position, mail in chunk.items()]  # find the one; the others go on
    return [
        BulkRow(position, MailResult(one.mail_id, app=app), None) for position, one in zip(chunk, added, strict=True)
    ]


def _enqueue_one(position: int, mail: Accepted) -> BulkRow:
    try:
        return BulkRow(position, MailResult(enqueue([mail])[0].mail_id, app=app), None)
    except (IdempotencyConflict, InvalidAttachment) as error:
        return BulkRow(position, None, error)
