"""Small values: secrets, ids, mails, states, outcomes."""

from __future__ import annotations

import json
import pickle
import uuid
from dataclasses import replace

import pytest

from notifier.errors import ErrorClass, Fault, Phase, Scope
from notifier.model.address import Address
from notifier.model.content import Calendar
from notifier.model.email import AttachmentRef, Email, MessageRef, UnknownPayloadVersion
from notifier.model.ids import new_mail_id
from notifier.model.outcome import Outcome, RecipientState
from notifier.model.secret import Secret
from notifier.model.state import DEAD, EDGES, ENDED, MailState

MAIL = Email(
    id="01234567-89ab-7cde-8f01-23456789abcd",
    template="welcome",
    to=(Address.parse("Zoë <zoe@example.com>"),),
    cc=(Address.parse("zoe@example.com"), Address.parse("b@example.com")),
    bcc=(Address.parse("c@bücher.example"),),
    context={"link": "https://x.example/?token=hunter2"},
    idempotency_key="k",
    created_at=1.5,
    attachments=(AttachmentRef("a.pdf", "application/pdf", "ab" * 32, 7),),
)


def test_a_secret_shows_itself_nowhere() -> None:
    secret = Secret("hunter2")
    assert "hunter2" not in f"{secret} {secret!r} {[secret]}"
    assert secret.reveal() == "hunter2"
    assert secret == Secret("hunter2")
    assert secret != Secret("hunter3")


def test_a_secret_is_not_pickled() -> None:
    with pytest.raises(TypeError, match="not pickled"):
        pickle.dumps(Secret("hunter2"))


def test_mail_ids_are_uuids_of_version_7_and_sort_by_time() -> None:
    ids = [new_mail_id() for _ in range(100)]
    assert {uuid.UUID(one).version for one in ids} == {7}
    assert {uuid.UUID(one).variant for one in ids} == {uuid.RFC_4122}
    assert [one[:13] for one in ids] == sorted(one[:13] for one in ids)


def test_a_mail_survives_json() -> None:
    assert Email.from_payload(json.loads(json.dumps(MAIL.to_payload()))) == MAIL


def test_a_mail_of_a_later_version_is_told_apart() -> None:
    with pytest.raises(UnknownPayloadVersion, match="version 99"):
        Email.from_payload({**MAIL.to_payload(), "v": 99})


def test_a_mail_that_an_older_worker_would_send_without_a_part_of_it_is_none_that_it_can_read() -> None:
    invited = replace(MAIL, calendar=Calendar("REQUEST", "BEGIN:VCALENDAR\r\n"))
    assert (MAIL.to_payload()["v"], invited.to_payload()["v"]) == (1, 2)
    assert Email.from_payload(json.loads(json.dumps(invited.to_payload()))) == invited
    assert invited.body_hash != MAIL.body_hash
    own = replace(MAIL, template="", message=MessageRef("ab" * 32, 7, "", "<1@example.com>"))
    assert own.to_payload()["v"] == 2
    assert Email.from_payload(json.loads(json.dumps(own.to_payload()))) == own


def test_a_mail_does_not_show_its_context() -> None:
    assert "hunter2" not in repr(MAIL)


def test_each_recipient_counts_once() -> None:
    paths = [address.forward_path for address in MAIL.recipients]
    assert paths == ["zoe@example.com", "b@example.com", "c@xn--bcher-kva.example"]


def test_the_body_hash_is_about_what_the_mail_says() -> None:
    assert replace(MAIL, id="x", created_at=9.0, send_at=3.0).body_hash == MAIL.body_hash
    assert replace(MAIL, context={"link": "y"}).body_hash != MAIL.body_hash
    assert replace(MAIL, bcc=()).body_hash != MAIL.body_hash


def test_every_state_has_its_edges_and_ended_states_only_lead_back_by_hand() -> None:
    assert set(EDGES) == set(MailState)
    assert all(EDGES[state] == {MailState.WAITING, MailState.DISCARDED} for state in DEAD)
    assert all(not EDGES[state] for state in ENDED - DEAD)


def test_nothing_is_sent_without_the_dot() -> None:
    """From CLAIMED only where an earlier dot of the same claim had reached somebody: the store sees to that."""
    assert [state for state in MailState if MailState.SENT in EDGES[state]] == [
        MailState.CLAIMED,
        MailState.AT_DOT,
        MailState.UNKNOWN,
        MailState.PARKED,
    ]


@pytest.mark.parametrize(
    ("error_class", "state"),
    [
        (ErrorClass.TRANSIENT, RecipientState.DEFERRED),
        (ErrorClass.MISCONFIGURED, RecipientState.DEFERRED),
        (ErrorClass.PERMANENT, RecipientState.REFUSED),
        (ErrorClass.UNKNOWN, RecipientState.UNKNOWN),
    ],
)
def test_a_fault_for_all_gives_each_recipient_its_state(error_class: ErrorClass, state: RecipientState) -> None:
    fault = Fault("X", error_class, Scope.MESSAGE, Phase.DATA, "words")
    outcome = Outcome.for_all(0, ["a@b.c", "d@e.f"], fault)
    assert {verdict.state for verdict in outcome.recipients.values()} == {state}
    assert outcome.faults == (fault, fault)
