"""What a Postfix has written down about mails whose final reply nobody has read."""

from __future__ import annotations

from real_servers.messages import mail, message
from real_servers.postfix import Postfix
from workers import wait_until

from notifier.delivery.relay_log import RelayLog
from notifier.model.ids import new_mail_id
from notifier.model.proof import Inquiry, Proof
from notifier.smtp import Session

ASKED, SINK = "asked@x.example", "anybody@x.invalid"
GONE, LATER, REFUSED = "gone@x.example", "waits@x.example", "nobody@x.example"


def send(postfix: Postfix, *recipients: str) -> Inquiry:
    """A mail with the Message-ID of ours; a null sender, whom no bounce goes back to."""
    mail_id = new_mail_id()
    message_id = f"<{mail_id}@x.example>"
    data = f"Message-ID: {message_id}\r\n".encode() + message("asked after")
    with Session.open(postfix.door()) as session:
        list(session.send_many([mail(data, *recipients, sender="")]))
    return Inquiry(mail_id, message_id, mail_id, recipients, 0.0)


def test_whoever_it_has_taken_over_is_proven_whatever_became_of_him_then(postfix: Postfix) -> None:
    asked, read = send(postfix, ASKED, SINK, GONE, LATER, REFUSED), RelayLog(postfix.log_file)
    expected = {ASKED: Proof.DELIVERED, SINK: Proof.DELIVERED, GONE: Proof.REFUSED, LATER: Proof.DELIVERED}
    wait_until(lambda: len(read([asked]).get(asked.mail_id, {})) >= len(expected), "Postfix has tried all of them")
    assert read([asked]) == {asked.mail_id: expected}


def test_a_mail_that_it_never_saw_is_not_proven(postfix: Postfix) -> None:
    known = send(postfix, ASKED)
    unseen = Inquiry(new_mail_id(), "<unseen@x.example>", "unseen", (ASKED,), 0.0)
    read = RelayLog(postfix.log_file)
    wait_until(lambda: known.mail_id in read([known]), "Postfix has tried the other one")
    assert set(read([known, unseen])) == {known.mail_id}


def test_an_address_with_letters_of_another_alphabet_is_found(postfix: Postfix) -> None:
    asked, read = send(postfix, "äsked@müller.example"), RelayLog(postfix.log_file)
    wait_until(lambda: asked.mail_id in read([asked]), "Postfix has tried it")
    assert read([asked]) == {asked.mail_id: {"äsked@müller.example": Proof.DELIVERED}}
