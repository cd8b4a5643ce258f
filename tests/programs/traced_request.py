"""A web request that traces: mails are enqueued in its span; the mails' ids are printed."""

from __future__ import annotations

import json

from opentelemetry import trace
from spans_to_file import provide

from notifier import send_bulk, send_email

provider = provide()
with trace.get_tracer("the web framework").start_as_current_span("POST /signup"):
    one = send_email.delay(template="welcome", to="zoe@example.com", context={"name": "Zoë"})
with trace.get_tracer("the web framework").start_as_current_span("POST /newsletter"):
    people = [{"to": f"p{number}@example.com", "context": {"name": "P"}} for number in range(5)]
    rows = send_bulk(template="welcome", recipients=people, mail_class="transactional")
provider.force_flush()
print(json.dumps([one.id, *(row.result.id for row in rows if row.result)]))
