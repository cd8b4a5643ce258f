"""The session against Postfix."""

from __future__ import annotations

from dataclasses import replace

import pytest
from real_servers.messages import as_lines, mail, message, messages, rows, unlike
from real_servers.postfix import SIZE_LIMIT, Log, Postfix

from notifier.errors import DeliveryError
from notifier.model.envelope import Envelope, MailObject
from notifier.model.secret import Secret
from notifier.smtp import Endpoint, Session, TLSPolicy

ZOE, BOB, LATER, NOBODY = "zoe@x.example", "bob@x.example", "later@x.example", "nobody@x.example"


@pytest.mark.parametrize("door", ["everything", "no BDAT", "lock step"])
@pytest.mark.parametrize("tls", [TLSPolicy.NONE, TLSPolicy.REQUIRED], ids=["plain", "STARTTLS"])
def test_what_is_stored_is_what_was_sent(postfix: Postfix, door: str, tls: TLSPolicy) -> None:
    sent = messages()
    with Session.open(postfix.door(door, tls)) as session:
        outcomes = list(session.send_many([mail(data, ZOE) for data in sent.values()]))
    assert [rows(outcome) for outcome in outcomes] == [{ZOE: None}] * len(sent)
    stored = postfix.maildir("zoe").take(len(sent))
    assert unlike(stored, [as_lines(data) for data in sent.values()]) == []
