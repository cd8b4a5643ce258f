"""One trace from a web request in its own process to the relay's 250 in a child of a worker that is recycled after it."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from workers import TOP, Plant, plant, wait_until

pytestmark = pytest.mark.integration
Span = dict[str, Any]


@pytest.fixture(scope="module")
def traced(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Plant, list[str]]]:
    """The request has been answered, its mails have been sent, and the child that sent them has ended."""
    folder = tmp_path_factory.mktemp("traces")
    with plant(folder, NOTIFIER_LOG="json") as made:
        made.environ |= {"PYTHONPATH": f"{TOP}:{TOP / 'tests' / 'programs'}", "SPANS_FILE": str(folder / "spans")}
        request = [sys.executable, str(TOP / "tests" / "programs" / "traced_request.py")]
        ids = json.loads(
            subprocess.run(request, env=made.environ, check=True, stdout=subprocess.PIPE, timeout=60).stdout
        )
        made.start_worker("--max-tasks-per-child", "1", slots=1, app="traced")
        made.settle(ids, "sent")
        wait_until(lambda: sum(span["name"] == "process mail" for span in spans(made)) == len(ids), "spans are flushed")
        yield made, ids


def spans(made: Plant) -> list[Span]:
    file = Path(made.environ["SPANS_FILE"])
    lines = file.read_text().splitlines(keepends=True) if file.exists() else []
    return [json.loads(line) for line in lines if line.endswith("\n")]  # the last one may be being written


def children(of: Span, all_spans: list[Span]) -> dict[str, Span]:
    return {one["name"]: one for one in all_spans if one["parent_id"] == of["context"]["span_id"]}


def test_the_trace_of_a_request_ends_with_the_relays_reply(traced: tuple[Plant, list[str]]) -> None:
    made, (mail_id, *_) = traced
    found = spans(made)
    (request,) = (span for span in found if span["name"] == "POST /signup")
    enqueue = children(request, found)["send mail"]
    process = children(enqueue, found)["process mail"]
    steps = children(process, found)
    assert (enqueue["kind"], process["kind"]) == ("SpanKind.PRODUCER", "SpanKind.CONSUMER")
    assert set(steps) == {"render", "compose", "checkout", "transaction"}
    assert set(children(steps["transaction"], found)) == {"dot wait"}
    assert process["attributes"]["messaging.message.id"] == enqueue["attributes"]["messaging.message.id"] == mail_id
    assert steps["transaction"]["attributes"]["notifier.smtp.reply_code"] == 250
    assert steps["transaction"]["attributes"]["server.port"] == made.server.port
    in_trace = [span for span in found if span["context"]["trace_id"] == request["context"]["trace_id"]]
    assert len(in_trace) == 8
    assert all(span["status"]["status_code"] == "UNSET" for span in in_trace)


def test_mails_that_share_a_bell_are_linked_by_a_span_of_its_own(traced: tuple[Plant, list[str]]) -> None:
    made, ids = traced
    found = spans(made)
    links = {link["context"]["span_id"] for span in found if span["name"] == "receive mail" for link in span["links"]}
    processed = {span["context"]["span_id"] for span in found if span["name"] == "process mail"}
    assert len(processed) == len(ids)
    assert links <= processed
    assert len(links) >= 2


def test_no_span_holds_an_address_or_a_subject(traced: tuple[Plant, list[str]]) -> None:
    made, _ = traced
    text = Path(made.environ["SPANS_FILE"]).read_text()
    (mail,) = (one for one in made.server.mailbox if one.recipients == ("zoe@example.com",))
    assert "example.com" not in text
    assert mail.subject
    assert mail.subject not in text
    assert "Zo" not in text


def test_each_line_of_the_log_is_json_with_the_mail_and_its_trace(traced: tuple[Plant, list[str]]) -> None:
    made, (mail_id, *_) = traced
    lines = [json.loads(line) for line in made.logs().splitlines() if line.startswith("{")]
    (sent,) = (line for line in lines if line.get("mail_id") == mail_id)
    (request,) = (span for span in spans(made) if span["name"] == "POST /signup")
    assert f"0x{sent['trace_id']}" == request["context"]["trace_id"]
    assert (sent["queue"], sent["state"], sent["attempt"]) == ("mail", "sent", 1)
    assert sent["relay"] == f"127.0.0.1:{made.server.port}"
    assert sent["recipients"] == ["z…@example.com"]
    assert "zoe@example.com" not in made.logs()
    assert ".> transport:" not in made.logs(), "Celery's banner is no JSON"
