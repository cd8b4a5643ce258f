"""Events as OpenTelemetry spans: one trace from the enqueue to the relay's 250.

Only OpenTelemetry's API is used, and only where the application, or ``opentelemetry-instrument``, has set a provider:
otherwise nothing of it is imported. The spans of a delivery are made after the fact, with the times that were measured.
The names are those of the semantic conventions for messaging. No address, subject or context stands in a span, and no words of a server.
"""

from __future__ import annotations

import logging
import sys
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

from notifier.model.email import Email
from notifier.model.events import Event, MailsDelivered, MailSettled
from notifier.model.stopwatch import Step, Took

if TYPE_CHECKING:
    from opentelemetry.context import Context
    from opentelemetry.trace import Span, SpanContext, Tracer, TracerProvider

log = logging.getLogger(__name__)

SYSTEM = "notifier"
MOST_LINKS = 128  # what the SDK keeps by default
Attributes = dict[str, str | int]


class _Batch(threading.local):
    """The deliveries of a thread since its last batch."""

    def __init__(self) -> None:
        self.spans: list[SpanContext] = []


_batch = _Batch()


def provider() -> TracerProvider | None:
    """The one that was set, or None: then spans would be nobody's."""
    trace = sys.modules.get("opentelemetry.trace")
    if trace is None:
        return None
    found: TracerProvider = trace.get_tracer_provider()
    return None if isinstance(found, trace.ProxyTracerProvider | trace.NoOpTracerProvider) else found


def _tracer() -> Tracer | None:
    found = provider()
    return None if found is None else found.get_tracer("notifier")


@contextmanager
def enqueueing(emails: Sequence[Email]) -> Iterator[Sequence[Email]]:
    """The span of a call that enqueues mails, which carry it along from then on."""
    tracer = _tracer()
    if tracer is None or not emails:
        yield emails
        return
    from opentelemetry.trace import SpanKind  # noqa: PLC0415 - an extra

    queue = emails[0].queue
    with tracer.start_as_current_span(
        f"send {queue}",
        kind=SpanKind.PRODUCER,
        attributes=_attributes(queue, "send", emails),
        record_exception=False,  # its words may hold an address
        set_status_on_exception=False,
    ) as span:
        try:
            yield _carrying(emails, span.get_span_context())
        except Exception as error:
            _fail(span, type(error).__name__)
            raise


def _carrying(emails: Sequence[Email], span: SpanContext) -> Sequence[Email]:
    if not span.is_valid:
        return emails
    trace = f"00-{span.trace_id:032x}-{span.span_id:016x}-{span.trace_flags:02x}"
    return [replace(email, trace=trace) for email in emails]


_TRACED = (MailSettled, MailsDelivered)  # made once: there is an event for each checkout


def trace(event: Event) -> None:
    """The spans of an event, where it has some."""
    if not isinstance(event, _TRACED) or (tracer := _tracer()) is None:
        return
    if isinstance(event, MailsDelivered):
        _delivered(tracer, event)
    elif event.began is not None:  # else it was no attempt: a late reply, or proof
        _settled(tracer, event, event.began)


def _settled(tracer: Tracer, event: MailSettled, began: float) -> None:
    from opentelemetry.trace import Link, SpanKind, get_current_span  # noqa: PLC0415 - an extra

    around = get_current_span().get_span_context()  # such as the bell's, by Celery's instrumentation
    span = tracer.start_span(
        f"process {event.queue}",
        context=_context_of(event.trace),
        kind=SpanKind.CONSUMER,
        attributes=_attributes_of_attempt(event),
        links=[Link(around)] if around.is_valid else [],
        start_time=_ns(began),
    )
    ends = max([began, *(took.began + took.seconds for took in event.took)])
    _steps(tracer, span, event)
    if event.fault is not None:
        _fail(span, event.fault.taxonomy_id)
    span.end(_ns(ends))
    _batch.spans.append(span.get_span_context())


def _steps(tracer: Tracer, parent: Span, event: MailSettled) -> None:
    from opentelemetry.trace import SpanKind, set_span_in_context  # noqa: PLC0415 - an extra

    above = set_span_in_context(parent, _context_of(""))
    within = above
    for took in event.took:
        is_transaction = took.step is Step.TRANSACTION
        span = tracer.start_span(
            took.step.replace("_", " "),
            context=within if took.step is Step.DOT_WAIT else above,
            kind=SpanKind.CLIENT if is_transaction else SpanKind.INTERNAL,
            attributes=_attributes_of_step(took, event),
            start_time=_ns(took.began),
        )
        if took.failed:
            _fail(span, event.fault.taxonomy_id if event.fault is not None else "_OTHER")
        span.end(_ns(took.began + took.seconds))
        if is_transaction:
            within = set_span_in_context(span, above)


def _delivered(tracer: Tracer, event: MailsDelivered) -> None:
    """Where one bell was for many mails, what they have in common is a span of its own, linked with each."""
    from opentelemetry.trace import Link, SpanKind  # noqa: PLC0415 - an extra

    spans, _batch.spans = _batch.spans, []
    if event.mails < 2:
        return
    span = tracer.start_span(
        f"receive {event.queue}",
        kind=SpanKind.CONSUMER,
        attributes=_base(event.queue, "receive") | {"messaging.batch.message_count": event.mails},
        links=[Link(one) for one in spans[:MOST_LINKS]],
        start_time=_ns(event.began),
    )
    span.end(_ns(event.began + event.seconds))


def _context_of(trace: str) -> Context:
    """What the mail brought along; where it brought nothing, a trace of its own, whatever goes on around us."""
    from opentelemetry.context import Context  # noqa: PLC0415 - an extra
    from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator  # noqa: PLC0415

    return TraceContextTextMapPropagator().extract({"traceparent": trace}, Context()) if trace else Context()


def _base(queue: str, operation: str) -> Attributes:
    return {
        "messaging.system": SYSTEM,
        "messaging.destination.name": queue,
        "messaging.operation.name": operation,
        "messaging.operation.type": operation,
    }


def _attributes(queue: str, operation: str, emails: Sequence[Email]) -> Attributes:
    if len(emails) == 1:
        return _base(queue, operation) | {"messaging.message.id": emails[0].id}
    return _base(queue, operation) | {"messaging.batch.message_count": len(emails)}


def _attributes_of_attempt(event: MailSettled) -> Attributes:
    own: Attributes = {
        "messaging.message.id": event.mail_id,
        "notifier.state": event.state.value,
        "notifier.attempt": event.attempt,
    }
    if event.template:
        own["notifier.template"] = event.template
    return _base(event.queue, "process") | own | _relay(event)


def _attributes_of_step(took: Took, event: MailSettled) -> Attributes:
    if took.step is not Step.TRANSACTION:
        return {}
    code = (event.reply or "")[:3]
    return _relay(event) | ({"notifier.smtp.reply_code": int(code)} if code.isdigit() else {})


def _relay(event: MailSettled) -> Attributes:
    if not event.relay:
        return {}
    host, _, port = event.relay.rpartition(":")
    if not (host and port.isdigit()):  # the path of a socket
        return {"server.address": event.relay}
    return {"server.address": host.strip("[]"), "server.port": int(port)}


def _fail(span: Span, error_type: str) -> None:
    from opentelemetry.trace import StatusCode  # noqa: PLC0415 - an extra

    span.set_attribute("error.type", error_type)
    span.set_status(StatusCode.ERROR)


def _ns(seconds: float) -> int:
    return int(seconds * 1e9)


def flush(seconds: float) -> None:
    """Hand over what an exporter still holds: a process that ends takes it along otherwise.

    On a thread, for the SDK (1.45) waits for the exporter itself, however long that is.
    """
    flushing = getattr(provider(), "force_flush", None)
    if flushing is None:
        return
    thread = threading.Thread(target=_flush, args=(flushing, int(seconds * 1000)), daemon=True)
    thread.start()
    thread.join(seconds)
    if thread.is_alive():
        log.warning("spans were not handed over: the exporter takes longer than %g s", seconds)


def _flush(flushing: Callable[[int], object], milliseconds: int) -> None:
    try:
        flushing(milliseconds)
    except Exception as error:  # noqa: BLE001 - an exporter's own
        log.warning("spans were not handed over: %s", error)


def ids(trace: str) -> Mapping[str, str]:
    """The ids in a ``traceparent`` for a log line; without one, those of the span that is current, if there is one."""
    if trace:
        parts = trace.split("-")  # a newer version may have more of them
        return {"trace_id": parts[1], "span_id": parts[2]} if len(parts) >= 4 else {}
    if provider() is None:
        return {}
    from opentelemetry.trace import get_current_span  # noqa: PLC0415 - an extra

    span = get_current_span().get_span_context()
    return {"trace_id": f"{span.trace_id:032x}", "span_id": f"{span.span_id:016x}"} if span.is_valid else {}
