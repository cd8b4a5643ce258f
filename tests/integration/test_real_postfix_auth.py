"""AUTH against Postfix, with Dovecot behind it: every password mechanism that the two know (RFC 4954)."""

from __future__ import annotations

from dataclasses import replace

import pytest
from real_servers.dovecot import USERS
from real_servers.messages import mail, message, rows
from real_servers.postfix import Postfix

from notifier.errors import DeliveryError
from notifier.model.secret import Secret
from notifier.smtp import Endpoint, Session, TLSPolicy

MECHANISMS = ("PLAIN", "LOGIN", "CRAM-MD5", "SCRAM-SHA-1", "SCRAM-SHA-256")
ELSEWHERE = "somebody@elsewhere.invalid"  # Postfix relays there for those who are logged in, and for nobody else
ZOE, BOB = "zoe@x.example", "bob@x.example"


@pytest.fixture(params=[TLSPolicy.NONE, TLSPolicy.REQUIRED], ids=["plain", "STARTTLS"])
def door(request: pytest.FixtureRequest, postfix: Postfix) -> Endpoint:
    return postfix.door(tls=request.param)


def login(door: Endpoint, user: str, password: str, *mechanisms: str) -> Endpoint:
    return replace(door, username=user, password=Secret(password), mechanisms=mechanisms or None)


def test_without_a_login_nothing_is_relayed(door: Endpoint) -> None:
    with Session.open(door) as session:
        (outcome,) = session.send_many([mail(message("relayed"), ELSEWHERE)])
    assert rows(outcome) == {ELSEWHERE: "R9"}


@pytest.mark.parametrize("user", [ZOE, BOB], ids=["ASCII password", "password of all languages"])
@pytest.mark.parametrize("mechanism", MECHANISMS)
def test_a_login_opens_the_relay(postfix: Postfix, door: Endpoint, mechanism: str, user: str) -> None:
    with Session.open(login(door, user, USERS[user], mechanism)) as session:
        (outcome,) = session.send_many([mail(message("relayed"), ELSEWHERE)])
    assert rows(outcome) == {ELSEWHERE: None}
    (conversation,) = postfix.log.conversations()
    assert conversation.commands["auth"] == 1
    assert postfix.log.logins() == [(mechanism, user)]


def test_the_strongest_mechanism_is_chosen(postfix: Postfix, door: Endpoint) -> None:
    with Session.open(login(door, ZOE, USERS[ZOE])) as session:
        (outcome,) = session.send_many([mail(message("relayed"), ELSEWHERE)])
    assert rows(outcome) == {ELSEWHERE: None}
    postfix.log.conversations()
    assert postfix.log.logins() == [("SCRAM-SHA-256", ZOE)]


@pytest.mark.parametrize("mechanism", [*MECHANISMS, None])
def test_a_wrong_password_is_tried_once_and_never_shown(
    postfix: Postfix, door: Endpoint, mechanism: str | None
) -> None:
    where = login(door, ZOE, "hunter8", *([mechanism] if mechanism else []))
    with pytest.raises(DeliveryError) as refused:
        Session.open(where)
    assert (refused.value.taxonomy_id, refused.value.fault.code) == ("A1", 535)
    assert "hunter8" not in f"{refused.value!r} {refused.value} {where!r}"
    (conversation,) = postfix.log.conversations()
    assert conversation.commands["auth"] == conversation.failed["auth"] == 1


def test_an_unknown_user_is_told_no_more_than_that(postfix: Postfix, door: Endpoint) -> None:
    with pytest.raises(DeliveryError) as refused:
        Session.open(login(door, "nobody@x.example", "hunter2"))
    assert refused.value.taxonomy_id == "A1"
    (conversation,) = postfix.log.conversations()
    assert conversation.commands["auth"] == 1


def test_a_mechanism_that_is_not_offered_is_not_tried(postfix: Postfix, door: Endpoint) -> None:
    with pytest.raises(DeliveryError) as refused:
        Session.open(login(door, ZOE, USERS[ZOE], "SCRAM-SHA-256-PLUS"))
    assert refused.value.taxonomy_id == "E4"
    (conversation,) = postfix.log.conversations()
    assert "auth" not in conversation.commands
