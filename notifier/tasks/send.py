"""`send_email` and `send_message`: what an application calls."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from typing import Any

from celery import Task
from celery.exceptions import Ignore, Reject

from notifier.delivery.intake import Addresses, Options
from notifier.delivery.signatures import ARGUMENT, check_signature
from notifier.errors import BrokerUnavailable, StoreUnavailable
from notifier.model.address import Address
from notifier.model.ids import new_mail_id
from notifier.tasks.app import app, our_task
from notifier.tasks.at_once import Sent, reply_of_relay, send_at_once
from notifier.tasks.broker_errors import BROKER_ERRORS
from notifier.tasks.calls import SEND_EMAIL, SEND_MESSAGE, Call
from notifier.tasks.enqueue import enqueue
from notifier.tasks.enqueueing import Enqueueing
from notifier.tasks.options import mail_options
from notifier.tasks.registered import is_eager, is_registered, raises_at_once
from notifier.tasks.result import MailResult
from notifier.tasks.runtime import inline_runtime, runtime

log = logging.getLogger(__name__)

RECEIVE_AGAIN = 10  # seconds until a mail that came by name is tried again while the store is away


class MailTask(Task):  # type: ignore[type-arg]  # generic in the stubs only
    """A task whose calls become mails in the store; only a bell goes to the broker."""

    abstract = True
    call: Call = SEND_EMAIL

    def apply_async(  # type: ignore[override]  # returns the mail's own result
        self,
        args: Sequence[Any] | None = None,
        kwargs: Mapping[str, Any] | None = None,
        **options: Any,
    ) -> Any:
        """Enqueue a mail. ``options`` are Celery's; what each means is in `notifier.tasks.options`.

        Raises an `InvalidMail`, `TemplateNotFound` or `IdempotencyConflict` for what is wrong with the call, and
        `BrokerUnavailable` or `StoreUnavailable` within five seconds; nothing is stored then.
        """
        chosen = mail_options(options)
        if is_eager(app, self.app):
            at_once = self.call.accepted(args, kwargs or {}, chosen, inline_runtime().intake)
            return send_at_once(at_once, raises=raises_at_once(app, self.app))
        accepted = self.call.accepted(args, kwargs or {}, chosen)
        return MailResult(enqueue([accepted])[0].mail_id, app=self.app)

    def apply(  # type: ignore[override]  # Celery names them
        self, args: Any = None, kwargs: Any = None, **options: Any
    ) -> Sent:
        """Send at once, as a step of a canvas that is eager. It raises as the apps' ``task_eager_propagates`` says."""
        if options.get("throw") is None:
            options["throw"] = raises_at_once(app, self.app)
        return super().apply(args, kwargs, **options)

    def adelay(self, *args: Any, **kwargs: Any) -> Enqueueing:
        """The same as ``delay`` for coroutines: ``await send_email.adelay(…)``. The event loop goes on meanwhile."""
        return self.aapply_async(args, kwargs)

    def aapply_async(
        self, args: Sequence[Any] | None = None, kwargs: Mapping[str, Any] | None = None, **options: Any
    ) -> Enqueueing:
        """The same as ``apply_async`` for coroutines; see `Enqueueing` for what becomes of it when it is cancelled."""
        named = {**options, "task_id": options.get("task_id") or new_mail_id()}
        return Enqueueing(named["task_id"], partial(self.apply_async, args, kwargs, **named))

    def AsyncResult(self, task_id: str, **_: Any) -> MailResult:  # noqa: N802 - Celery's name
        """The result of a mail by its id."""
        return MailResult(task_id, app=self.app)


# Only a call that arrives with its payload (by name, from a process without this package) runs the body in a worker:
# acknowledged late and registered on receipt. Registering twice is a no-op, for the task's id is the mail's.
@our_task(
    base=MailTask,
    bind=True,
    name="notifier.send_email",
    acks_late=True,
    reject_on_worker_lost=True,
    typing=False,
    shared=False,
)
def send_email(
    self: MailTask,
    *,
    template: str,
    to: Addresses = None,
    context: Mapping[str, Any] | None = None,
    idempotency_key: str | None = None,
    sender: str | Address | None = None,
    cc: Addresses = None,
    bcc: Addresses = None,
    reply_to: Addresses = None,
    headers: Mapping[str, str] | None = None,
    attachments: Iterable[object] = (),
    calendar: object = None,
    locale: str | None = None,
    mail_class: str | None = None,
    tenant: str = "default",
    signature: Mapping[str, Any] | None = None,
) -> str:
    """Send one e-mail: call ``send_email.delay(template=…, to=…, context=…)``.

    ``to``, ``cc``, ``bcc`` and ``reply_to`` are an address or a list. ``attachments`` are ``{"path": …}`` or
    ``{"filename": …, "data": base64}``. ``calendar`` is an invitation (iCalendar text, or an object with ``to_ical()``).
    ``mail_class``, ``sender`` and ``reply_to`` are the template's where none is given. Called directly or eagerly it renders
    and sends at once, without a store, and raises the delivery error. ``signature`` is for mails enqueued by name, where
    `NOTIFIER_PAYLOAD_KEYS` asks for it.
    """
    call = {name: value for name, value in locals().items() if name not in ("self", ARGUMENT)}
    return _run(self, call, signature)


class MessageTask(MailTask):
    """The same for messages that the application has composed itself."""

    abstract = True
    call = SEND_MESSAGE


@our_task(
    base=MessageTask,
    bind=True,
    name="notifier.send_message",
    acks_late=True,
    reject_on_worker_lost=True,
    typing=False,
    shared=False,
)
def send_message(
    self: MailTask,
    *,
    message: object,
    from_addr: str | Address | None = None,
    to_addrs: Addresses = None,
    idempotency_key: str | None = None,
    mail_class: str = "transactional",
    tenant: str = "default",
    signature: Mapping[str, Any] | None = None,
) -> str:
    """Send a message that the application has composed itself: call ``send_message.delay(message=…)``.

    ``message`` is an `email.message.EmailMessage` (or any `Message`), or its octets; by name their base64 text.
    ``from_addr`` (empty: the null sender) and ``to_addrs`` are the envelope's; else the fields of the message name them, as
    with the standard `smtplib`. Called directly or eagerly it is sent at once, as with `send_email`.
    """
    call = {name: value for name, value in locals().items() if name not in ("self", ARGUMENT)}
    return _run(self, call, signature)


def _run(task: MailTask, call: Mapping[str, Any], signature: object) -> str:
    request = task.request
    if request.called_directly or request.is_eager:
        return reply_of_relay(task.call.accepted((), call, Options(mail_id=request.id), inline_runtime().intake))
    _check_signature(request, signature)
    try:
        accepted = task.call.accepted((), call, Options(mail_id=request.id, queue=_queue_named(task), by_name=True))
        return enqueue([accepted])[0].mail_id
    except (StoreUnavailable, BrokerUnavailable) as error:
        raise _put_back(task, error) from error


def _put_back(task: MailTask, error: Exception) -> Ignore | Reject:
    """The one wait that Celery keeps: the ledger that would keep it is away.

    Celery's own ``retry`` would call this task's ``apply_async``, which stores a mail.
    """
    request = task.request
    log.warning(
        "the mail of task %s comes again in %s s, for it cannot be stored: %s", request.id, RECEIVE_AGAIN, error
    )
    again: dict[str, Any] = {
        "kwargs": request.kwargs,
        "task_id": request.id,
        "queue": (request.delivery_info or {}).get("routing_key"),
        "countdown": RECEIVE_AGAIN,
        "retries": request.retries + 1,
    }
    try:
        Task.apply_async(task, **again)
    except BROKER_ERRORS:
        return Reject(error, requeue=True)
    return Ignore()


def _queue_named(task: MailTask) -> str | None:
    """None, for the mail class's own, where it came by an app's default queue: that is where what names none arrives."""
    queue: str | None = (task.request.delivery_info or {}).get("routing_key")
    return None if is_registered(task.app) and queue == task.app.conf.task_default_queue else queue


def _check_signature(request: Any, signature: object) -> None:
    chosen = runtime().settings
    # One that we ourselves put back, because the store was away, does not end meanwhile. Whoever plays an old message
    # again as such a one gets a mail that the ledger knows, for as long.
    waited = chosen.retention if request.retries else 0.0
    check_signature(
        request.kwargs or {},
        signature,
        task_id=str(request.id),
        keys=chosen.payload_keys,
        now=time.time() - waited,
    )
