"""An invitation on the whole journey, with a real worker; read again by the library that made it."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import icalendar
from workers import plant, wait_until

from notifier import send_email
from notifier.model.ids import new_mail_id
from notifier.model.state import MailState
from notifier.tasks.app import app


def invitation(summary: str) -> icalendar.Calendar:
    calendar = icalendar.Calendar()
    for name, value in {"prodid": "-//shop//EN", "version": "2.0", "method": "REQUEST"}.items():
        calendar.add(name, value)
    event = icalendar.Event()
    event.add("uid", "1@shop.example")
    event.add("dtstart", datetime(2026, 12, 1, 9, tzinfo=UTC))
    event.add("summary", summary)
    calendar.add_component(event)
    return calendar


def test_it_arrives_as_programs_take_it_from_a_call_and_by_name(tmp_path: Path) -> None:
    summary = "Gespräch mit Zoë über 発票 " * 10
    call = {"template": "welcome", "context": {"name": "Zoë"}}
    with plant(tmp_path) as made:
        made.start_worker(slots=1)
        result = send_email.delay(to="a@x.example", calendar=invitation(summary), **call)
        made.settle([result.id], MailState.SENT)
        text = invitation(summary).to_ical().decode()
        named = {"to": "b@x.example", "calendar": text, **call}
        app.send_task("notifier.send_email", kwargs=named, queue="mail", task_id=new_mail_id())
        wait_until(lambda: len(made.server.mailbox) == 2, "both")
        for mail in made.server.mailbox:
            alternatives = next(mail.message.walk()).get_payload()[0]
            *_, part = alternatives.get_payload()
            assert dict(part["Content-Type"].params) == {"method": "REQUEST", "charset": "utf-8"}
            (file,) = mail.message.iter_attachments()
            assert (file.get_content_type(), file.get_filename()) == ("application/ics", "invite.ics")
            for octets in (part.get_payload(decode=True), file.get_payload(decode=True)):
                read = icalendar.Calendar.from_ical(octets)
                assert read.walk("VEVENT")[0]["summary"] == summary
