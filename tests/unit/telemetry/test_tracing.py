"""What tracing costs where nobody traces: nothing of OpenTelemetry is imported, and none of it is called."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from unittest import mock

import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SimpleSpanProcessor, SpanExporter, SpanExportResult
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from store_conformance import an_email

from notifier.errors import ErrorClass, Fault, Phase, Scope
from notifier.model.events import MailsDelivered, MailSettled
from notifier.model.state import MailState
from notifier.model.stopwatch import Step, Took
from notifier.telemetry import tracing

SENT = MailSettled("1", "mail", MailState.SENT, 1, 2.0, "127.0.0.1:25", "250 2.0.0 ok", template="welcome", began=1.0)
LATER = Fault("R2", ErrorClass.TRANSIENT, Scope.RECIPIENT, Phase.RCPT, "zoe@example.com: later")

WITHOUT = """
import sys
sys.modules["opentelemetry"] = None  # as where the extra is not installed
from notifier.model.events import MailSettled
from notifier.model.state import MailState
from notifier.telemetry import tracing
tracing.trace(MailSettled("1", "mail", MailState.SENT, 1, 2.0, began=1.0))
with tracing.enqueueing(["a mail"]) as emails:
    assert emails == ["a mail"]
tracing.flush(1.0)
assert tracing.ids("") == {}
assert not [name for name in sys.modules if name.startswith("opentelemetry.")]
"""


@pytest.fixture
def exported() -> Iterator[InMemorySpanExporter]:
    """A provider for one test: the one of the process can be set only once."""
    exporter, provider = InMemorySpanExporter(), TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    with mock.patch.object(trace, "get_tracer_provider", return_value=provider):
        yield exporter
    provider.shutdown()


def test_without_the_extra_nothing_of_it_is_needed() -> None:
    subprocess.run([sys.executable, "-c", WITHOUT], check=True, timeout=60)


def test_without_a_provider_no_span_is_made() -> None:
    with mock.patch.object(trace.ProxyTracerProvider, "get_tracer", side_effect=AssertionError):
        assert tracing.provider() is None
        tracing.trace(SENT)
        emails = [an_email()]
        with tracing.enqueueing(emails) as same:
            assert same is emails
        tracing.flush(1.0)


def test_an_exporter_that_hangs_does_not_hold_up_a_process_that_ends() -> None:
    class Hanging(SpanExporter):
        def __init__(self) -> None:
            self.may_end, self.has_ended = threading.Event(), False

        def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
            self.may_end.wait(10.0)
            self.has_ended = True
            return SpanExportResult.SUCCESS

    exporter, provider = Hanging(), TracerProvider()
    provider.add_span_processor(BatchSpanProcessor(exporter))
    with mock.patch.object(trace, "get_tracer_provider", return_value=provider):
        provider.get_tracer("a test").start_span("held").end()
        tracing.flush(0.1)
    assert not exporter.has_ended
    exporter.may_end.set()
    provider.shutdown()


def test_a_mail_carries_the_span_of_the_call_that_enqueued_it(exported: InMemorySpanExporter) -> None:
    with tracing.enqueueing([an_email(), an_email()]) as emails:
        pass
    (span,) = exported.get_finished_spans()
    assert span.context is not None
    (carried,) = {email.trace for email in emails}
    assert carried.startswith(f"00-{span.context.trace_id:032x}-{span.context.span_id:016x}-")
    assert span.attributes is not None
    assert span.attributes["messaging.batch.message_count"] == 2


def test_a_call_that_fails_is_a_span_with_the_errors_class_and_not_its_words(exported: InMemorySpanExporter) -> None:
    with pytest.raises(ValueError, match="zoe"), tracing.enqueueing([an_email()]):
        raise ValueError("zoe@example.com")
    (span,) = exported.get_finished_spans()
    assert span.attributes is not None
    assert span.attributes["error.type"] == "ValueError"
    assert "zoe" not in span.to_json()


def test_a_mail_that_brought_no_trace_along_has_one_of_its_own(exported: InMemorySpanExporter) -> None:
    with trace.get_tracer_provider().get_tracer("celery").start_as_current_span("run notifier.bell") as bell:
        tracing.trace(SENT)
    process, around = exported.get_finished_spans()
    assert process.parent is None
    assert process.context is not None
    assert around.context is not None
    assert process.context.trace_id != around.context.trace_id
    assert [link.context.span_id for link in process.links] == [bell.get_span_context().span_id]


def test_a_retry_is_an_error_by_its_row_and_holds_no_words_of_the_server(exported: InMemorySpanExporter) -> None:
    took = [Took(Step.CHECKOUT, 1.0, 0.1), Took(Step.TRANSACTION, 1.1, 0.2, failed=True)]
    tracing.trace(MailSettled("1", "mail", MailState.WAITING, 1, 2.0, "[::1]:25", fault=LATER, began=1.0, took=took))
    checkout, transaction, process = exported.get_finished_spans()
    for span in (transaction, process):
        assert span.attributes is not None
        assert span.attributes["error.type"] == "R2"
        assert (span.attributes["server.address"], span.attributes["server.port"]) == ("::1", 25)
        assert not span.status.is_ok
    assert checkout.status.is_unset
    assert process.end_time == 1_300_000_000
    assert "zoe" not in "".join(span.to_json() for span in exported.get_finished_spans())


@pytest.mark.parametrize(
    ("trace_of_mail", "ids"),
    [
        ("00-0af7-b7ad-01", {"trace_id": "0af7", "span_id": "b7ad"}),
        ("01-0af7-b7ad-01-more", {"trace_id": "0af7", "span_id": "b7ad"}),
        ("what is this", {}),
        ("", {}),
    ],
)
def test_a_log_line_has_the_ids_that_can_be_read(trace_of_mail: str, ids: dict[str, str]) -> None:
    assert tracing.ids(trace_of_mail) == ids


def test_a_trace_that_cannot_be_read_is_none(exported: InMemorySpanExporter) -> None:
    tracing.trace(MailSettled("1", "mail", MailState.SENT, 1, 2.0, trace="what is this", began=1.0))
    (process,) = exported.get_finished_spans()
    assert process.parent is None


def test_a_batch_of_one_has_no_span_of_its_own(exported: InMemorySpanExporter) -> None:
    tracing.trace(SENT)
    tracing.trace(MailsDelivered("mail", 1, 1.0, 0.5))
    tracing.trace(SENT)
    tracing.trace(SENT)
    tracing.trace(MailsDelivered("mail", 2, 1.0, 0.5))
    receive = [span for span in exported.get_finished_spans() if span.name == "receive mail"]
    assert [len(span.links) for span in receive] == [2]
