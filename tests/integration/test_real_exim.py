"""The session against Exim."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import pytest
from delivering import desk
from real_servers.exim import MAILS_PER_CONNECTION, Exim
from real_servers.ground import CLIENT
from real_servers.messages import as_lines, mail, message, messages, rows, unlike
from real_servers.ways import WAYS

from notifier.errors import MisconfiguredError
from notifier.model.state import MailState
from notifier.pool import PoolConfig
from notifier.smtp import Endpoint, Session, TLSPolicy
from notifier.testing import EmbeddedValkey

ZOE, BOB, LATER, NOBODY = "zoe@x.example", "bob@x.example", "later@x.example", "nobody@x.example"
BEYOND = 40  # mails that Exim does not take on the same connection


@WAYS
@pytest.mark.parametrize("tls", [TLSPolicy.NONE, TLSPolicy.REQUIRED], ids=["plain", "STARTTLS"])
def test_what_is_stored_is_what_was_sent(exim: Exim, door: str, window: int, tls: TLSPolicy) -> None:
    sent = messages()
    with Session.open(replace(exim.door(door, tls), window=window)) as session:
        outcomes = list(session.send_many([mail(data, ZOE) for data in sent.values()]))
        assert session.usable
    assert [rows(outcome) for outcome in outcomes] == [{ZOE: None}] * len(sent)
    stored = exim.maildir("zoe").take(len(sent))
    assert unlike(stored, [as_lines(data) for data in sent.values()]) == []


@pytest.mark.parametrize(
    ("door", "tls", "window", "protocol", "flags"),
    [
        ("everything", TLSPolicy.NONE, 4, "P=esmtp ", {"L", "K"}),
        ("everything", TLSPolicy.REQUIRED, 4, "P=esmtps ", {"L", "K"}),
        ("everything", TLSPolicy.NONE, 1, "P=esmtp ", {"L"}),
        ("no BDAT", TLSPolicy.NONE, 4, "P=esmtp ", {"L"}),
        ("lock step", TLSPolicy.NONE, 4, "P=esmtp ", set()),
    ],
    ids=["BDAT", "BDAT over STARTTLS", "DATA for want of codes", "DATA", "lock step"],
)
def test_a_mail_comes_in_the_best_way_that_is_offered(
    exim: Exim, door: str, tls: TLSPolicy, window: int, protocol: str, flags: set[str]
) -> None:
    """Exim logs L for a mail that was pipelined and K for one that came in chunks. It has no enhanced status codes."""
    with Session.open(replace(exim.door(door, tls), window=window)) as session:
        (outcome,) = session.send_many([mail(message("logged"), "somebody@x.invalid")])
    arrival = exim.arrival(outcome.reply or "")
    assert protocol in arrival
    assert {"L", "K"} & set(arrival.split()) == flags


def test_law_11_a_client_certificate_is_the_login(exim: Exim) -> None:
    door = exim.door(tls=TLSPolicy.REQUIRED)
    known = replace(door, client_cert=str(exim.certificate.client), mechanisms=("EXTERNAL",), username=CLIENT)
    with Session.open(known) as session:
        (outcome,) = session.send_many([mail(message("by a certificate"), ZOE)])
    assert f"A=certificate:{CLIENT} " in exim.arrival(outcome.reply or "")
    assert exim.maildir("zoe").take(1) == [message("by a certificate")]


def test_law_11_a_certificate_for_somebody_else_is_no_login(exim: Exim) -> None:
    door = exim.door(tls=TLSPolicy.REQUIRED)
    other = replace(
        door, client_cert=str(exim.certificate.client), mechanisms=("EXTERNAL",), username="other@x.example"
    )
    with pytest.raises(MisconfiguredError, match="535"):
        Session.open(other)


@WAYS
def test_a_recipient_is_refused_and_one_deferred_beside_good_ones(exim: Exim, door: str, window: int) -> None:
    data = message("to some")
    with Session.open(replace(exim.door(door), window=window)) as session:
        (outcome,) = session.send_many([mail(data, NOBODY, ZOE, LATER, BOB)])
        assert session.usable
    assert rows(outcome) == {NOBODY: "R7", ZOE: None, LATER: "R2", BOB: None}
    assert [(fault.code, fault.enhanced) for fault in outcome.faults] == [(550, "5.1.1"), (450, "4.2.1")]
    assert [*exim.maildir("zoe").take(1), *exim.maildir("bob").take(1)] == [data, data]


@WAYS
def test_a_mail_to_strangers_only_leaves_the_session_for_the_next(exim: Exim, door: str, window: int) -> None:
    mails = [mail(message("to nobody"), NOBODY, LATER), mail(message("to zoe"), ZOE)]
    with Session.open(replace(exim.door(door), window=window)) as session:
        strangers, known = session.send_many(mails)
        assert session.usable
    assert (rows(strangers), rows(known)) == ({NOBODY: "R7", LATER: "R2"}, {ZOE: None})
    assert exim.maildir("zoe").take(1) == [message("to zoe")]


@pytest.mark.parametrize("door", ["everything", "no BDAT", "lock step"])
def test_a_server_that_has_had_enough_of_a_connection_leaves_nothing_in_doubt(exim: Exim, door: str) -> None:
    """Exim answers MAIL with a 421 then; what had been accepted is, and the rest was never handed over."""
    found = verdicts_of_too_many(exim.door(door))
    assert found == [None] * MAILS_PER_CONNECTION + ["M0"] * BEYOND


def test_of_many_in_flight_only_those_behind_a_421_are_in_doubt(exim: Exim) -> None:
    """They were written whole, and a 421 ends the connection before their replies are read."""
    found = verdicts_of_too_many(replace(exim.door(), window=16))
    assert found[: MAILS_PER_CONNECTION + 1] == [None] * MAILS_PER_CONNECTION + ["M0"]
    behind = found[MAILS_PER_CONNECTION + 1 :]
    in_doubt = behind.count("Z5")
    assert in_doubt < 16
    assert behind == ["Z5"] * in_doubt + ["M0"] * (BEYOND - 1 - in_doubt)


@pytest.mark.parametrize("door", ["everything", "no BDAT", "lock step"])
def test_the_pool_goes_on_with_another_connection_and_no_mail_pays_for_it(
    exim: Exim, door: str, valkey_server: EmbeddedValkey
) -> None:
    bounds = PoolConfig(messages_per_connection=10 * MAILS_PER_CONNECTION)
    with desk(valkey_server.url, exim.door(door), bounds) as works:
        mails = [one for n in range(4 * MAILS_PER_CONNECTION) for one in works.post(1, to=(f"r{n}@x.invalid",))]
        works.deliver(batch=20)
        found = [works.status(mail_id) for mail_id in mails]
        assert Counter((one.state, one.attempt, one.unknowns) for one in found) == {(MailState.SENT, 1, 0): len(mails)}
        assert works.kinds()["SessionOpened"] == 4, "none was opened in vain"


def verdicts_of_too_many(door: Endpoint) -> list[str | None]:
    """The row of each mail, where there are more than Exim takes on one connection."""
    mails = [mail(message(f"number {n}"), f"r{n}@x.invalid") for n in range(MAILS_PER_CONNECTION + BEYOND)]
    with Session.open(door) as session:
        outcomes = list(session.send_many(mails))
        assert not session.usable
    return [row for outcome in outcomes for row in rows(outcome).values()]
