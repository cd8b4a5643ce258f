from __future__ import annotations

import json
import logging
import sys
from typing import Any

import pytest

from notifier.errors import ErrorClass, Fault, Phase, Scope
from notifier.model.events import BreakerOpened, MailSettled, RelayComplained
from notifier.model.state import MailState
from notifier.telemetry.json_lines import JsonLines
from notifier.telemetry.logs import log_event

TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
ECHOED = Fault("R7", ErrorClass.PERMANENT, Scope.RECIPIENT, Phase.RCPT, "<zoe@example.com>: no such user", code=550)
REFUSED = Fault("R7", ErrorClass.PERMANENT, Scope.RECIPIENT, Phase.RCPT, "5.1.1 no such user", code=550)


class Lines(logging.Handler):
    def __init__(self) -> None:
        super().__init__()
        self.setFormatter(JsonLines())
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(self.format(record))


def logged(*events: Any) -> list[dict[str, Any]]:
    handler, logger = Lines(), logging.getLogger("notifier")
    before = logger.level
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    try:
        for event in events:
            log_event(event)
    finally:
        logger.setLevel(before)
        logger.removeHandler(handler)
    return [json.loads(line) for line in handler.lines]


def test_a_mail_that_failed_is_a_line_with_its_facts_and_nobodys_address() -> None:
    recipients = ("zoe@example.com", "bob@example.org", "c@example.net", "d@example.net")
    event = MailSettled(
        "id-1", "mail", MailState.FAILED, 2, 1.23456, "r:25", None, REFUSED, "welcome", recipients, trace=TRACE
    )
    (line,) = logged(event)
    assert line["level"] == "WARNING"
    assert line["mail_id"] == "id-1"
    assert (line["queue"], line["state"], line["attempt"], line["relay"]) == ("mail", "failed", 2, "r:25")
    assert line["recipients"] == ["z…@example.com", "b…@example.org", "c…@example.net", "and 1 more"]
    assert line["taxonomy_id"] == "R7"
    assert (line["trace_id"], line["span_id"]) == tuple(TRACE.split("-")[1:3])
    assert "zoe@" not in json.dumps(line, ensure_ascii=False)


@pytest.mark.parametrize(
    "event",
    [
        MailSettled("1", "mail", MailState.FAILED, 1, 1.0, "r:25", None, ECHOED, "welcome", ("zoe@example.com",)),
        MailSettled(
            "1", "mail", MailState.SENT, 1, 1.0, "r:25", "250 for <Zoe@Example.com>", recipients=("zoe@example.com",)
        ),
        BreakerOpened("r:25", "host", 300.0, "421 4.7.0 <zoe@example.com>: too much"),
        RelayComplained("r:25", 1, "421 4.7.28 to zoe@example.com: too much"),
    ],
)
def test_a_server_that_repeats_the_recipient_does_not_name_him_in_the_log(event: Any) -> None:
    (line,) = logged(event)
    assert "zoe@" not in json.dumps(line).lower()
    assert "z…@example.com" in line["message"].lower()


@pytest.mark.parametrize("said", ["250 ok\n2026-01-01 ERROR forged", "250 \x1b[2Jok", "250 a\x85b\u2028c\rd"])
def test_a_servers_words_forge_no_line_and_paint_no_terminal(said: str) -> None:
    (line,) = logged(MailSettled("1", "mail", MailState.SENT, 1, 1.0, "r:25", said))
    assert line["message"].isprintable()


def test_another_event_is_a_line_with_its_own_fields() -> None:
    (line,) = logged(BreakerOpened("r:25", "account", 300.0, "A1 no"))
    assert line["event"] == "BreakerOpened"
    assert (line["relay"], line["about"], line["seconds"]) == ("r:25", "account", 300.0)


def test_whatever_a_message_holds_it_is_one_line_and_json() -> None:
    record = logging.LogRecord("x", logging.INFO, "f", 1, "two\nlines, %s and \x00\udc80", ("ü",), None)
    text = JsonLines().format(record)
    assert "\n" not in text
    assert json.loads(text)["message"] == "two\nlines, ü and \x00\udc80"
    text.encode()


def test_an_exception_is_a_field() -> None:
    try:
        raise RuntimeError("broken")
    except RuntimeError:
        record = logging.LogRecord("x", logging.ERROR, "f", 1, "it failed", (), sys.exc_info())
    line = json.loads(JsonLines().format(record))
    assert line["message"] == "it failed"
    assert line["exception"].endswith("RuntimeError: broken")


@pytest.mark.parametrize(("row", "level"), [("BlobUnavailable", "WARNING"), ("R2", "INFO")])
def test_a_mail_that_waits_for_somebody_to_mend_this_host_is_a_warning(row: str, level: str) -> None:
    fault = Fault(row, ErrorClass.TRANSIENT, Scope.MESSAGE, Phase.MAIL, "cannot be read")
    (line,) = logged(MailSettled("1", "mail", MailState.WAITING, 0, 1.0, None, None, fault))
    assert line["level"] == level
