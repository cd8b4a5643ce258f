"""Sessions that are broken off, that cannot write, and that the server limits: nothing follows an open transaction, a verdict
that came counts, and nobody waits for a reply that cannot come.
"""

from __future__ import annotations

import time
from collections.abc import Sequence

import pytest
from hostile_sessions import DATA, WAYS, endpoint, honest, mail, rows, states

from notifier.model.envelope import Envelope, MailObject
from notifier.model.outcome import RecipientState
from notifier.smtp import Session, Timeouts
from notifier.smtp.window import TRUST, Window
from notifier.testing.hostile import HostileServer, Moment
from notifier.testing.mischief import Blackhole, Drop, Refuse, Say

BIG = b"y" * 70 + b"\r\n" + b"x" * 68 + b"\r\n"


@pytest.fixture(params=WAYS)
def offers(request: pytest.FixtureRequest) -> tuple[str, ...]:
    return WAYS[request.param]


class Stop(BaseException):
    """As a signal's exception, or gevent's timeout."""


def stop(_: Sequence[int]) -> float:
    raise Stop


@pytest.mark.parametrize("size", [1, 10_000], ids=["small", "in chunks"])
def test_an_exception_of_a_signal_before_the_dot_ends_the_session(offers: tuple[str, ...], size: int) -> None:
    """What was said next would be read as a part of the open message, and go to its recipients."""
    with HostileServer(offers=offers) as server, Session.open(endpoint(server)) as session:
        with pytest.raises(Stop):
            list(session.send_many([mail("alice@x.example", data=DATA + BIG * size)], stop))
        assert not session.usable
        (outcome,) = session.send_many([mail("bob@x.example")])
        assert rows(outcome) == ["M0"]
    assert server.accepted == []


def test_a_consumer_that_stops_in_the_middle_ends_the_session(offers: tuple[str, ...]) -> None:
    with HostileServer(offers=offers) as server, Session.open(endpoint(server)) as session:
        outcomes = session.send_many([mail("a@x.example"), mail("b@x.example"), mail("c@x.example")])
        assert states(next(outcomes)) == {"accepted"}
        outcomes.close()
        assert not session.usable


def test_a_consumer_that_takes_every_outcome_may_leave_the_iterator_open(offers: tuple[str, ...]) -> None:
    with HostileServer(offers=offers) as server, Session.open(endpoint(server)) as session:
        outcomes = session.send_many([mail()])
        assert states(next(outcomes)) == {"accepted"}
        outcomes.close()
        assert session.is_alive()
        assert states(next(session.send_many([mail()]))) == {"accepted"}


@pytest.mark.parametrize("size", [60_000, 3_000_000])
@pytest.mark.parametrize("tls", [False, True])
def test_66_an_early_refusal_counts_where_the_server_closes_behind_it(
    offers: tuple[str, ...], size: int, tls: bool
) -> None:
    plan = {Moment.BODY: Say(b"552 5.3.4 too big\r\n", then_close=True)}
    with HostileServer(plan, offers=offers, tls=tls) as server, Session.open(endpoint(server)) as session:
        (outcome,) = session.send_many([mail(data=DATA + BIG * (size // len(BIG)))])
        # A RST may destroy what the kernel had not handed on yet; then nobody has heard the word.
        assert states(outcome) in ({"refused"}, {"deferred"})
        honest(server, outcome)


@pytest.mark.parametrize(("window", "mails", "size"), [(1, 2, 9_000_000), (32, 24, 500_000)])
def test_55_where_nothing_more_is_taken_nothing_is_waited_for(
    offers: tuple[str, ...], window: int, mails: int, size: int
) -> None:
    """What the system has taken whole is unknown; the one that it was taking is not, and those behind it were not begun."""
    data = DATA + BIG * (size // len(BIG))
    with HostileServer({Moment.BODY: Blackhole(reading=False)}, offers=offers, small_window=True) as server:
        with Session.open(endpoint(server, window=window)) as session:
            outcomes = list(session.send_many([mail(data=data)] * mails))
        taken = sum(states(one) == {"unknown"} for one in outcomes)
        assert [states(one) for one in outcomes] == [{"unknown"}] * taken + [{"deferred"}] * (mails - taken)
        stuck = ["M0"] if taken and window > 1 and "CHUNKING" not in offers else ["W2"]  # one at a time, taken whole
        assert [rows(one)[0] for one in outcomes[taken:]] == stuck + ["M0"] * (mails - taken - 1)
        assert all("final_reply" not in one.phase_seconds for one in outcomes[taken:])


@pytest.mark.parametrize("window", [1, 8])
def test_law_10_mailmax_is_kept_within_one_call(offers: tuple[str, ...], window: int) -> None:
    with HostileServer(offers=(*offers, "LIMITS MAILMAX=2")) as server:
        with Session.open(endpoint(server, window=window)) as session:
            outcomes = list(session.send_many([mail(f"{number}@x.example") for number in range(5)]))
            assert [rows(one) for one in outcomes] == [[None]] * 2 + [["M0"]] * 3
            assert not session.takes_another(1000)
        assert server.heard[0].count(b"MAIL FROM") == 2
        for outcome in outcomes:
            honest(server, outcome)


@pytest.mark.parametrize("lmtp", [False, True])
def test_a_recipient_who_is_named_twice_is_told_once(offers: tuple[str, ...], lmtp: bool) -> None:
    with HostileServer({(Moment.RCPT, 2): Refuse("452 4.5.3 too many")}, offers=offers, lmtp=lmtp) as server:
        with Session.open(endpoint(server, **_mode(lmtp))) as session:
            (outcome,) = session.send_many([mail("a@x.example", "a@x.example", "b@x.example")])
        assert {path: one.state for path, one in outcome.recipients.items()} == {
            "a@x.example": RecipientState.ACCEPTED,
            "b@x.example": RecipientState.ACCEPTED,
        }, "the one who was too many goes in a further transaction"
        assert [one.recipients for one in server.accepted] == [("a@x.example",), ("b@x.example",)]


def _mode(lmtp: bool) -> dict[str, object]:
    from notifier.smtp import Mode

    return {"mode": Mode.LMTP} if lmtp else {}


def test_octets_over_127_are_announced_whoever_forgot_to_say_so(offers: tuple[str, ...]) -> None:
    octets = "Subject: hi\r\n\r\nZoë\r\n".encode()
    with HostileServer(offers=offers) as server, Session.open(endpoint(server)) as session:
        (outcome,) = session.send_many([mail(data=octets)])
        assert states(outcome) == {"accepted"}
        assert b"BODY=8BITMIME" in server.heard[0]
    with HostileServer(offers=("PIPELINING",)) as server, Session.open(endpoint(server)) as session:
        (outcome,) = session.send_many([mail(data=octets)])
        assert rows(outcome) == ["E6"]
        assert server.accepted == []


def test_law_10_an_international_domain_needs_no_smtputf8(offers: tuple[str, ...]) -> None:
    with HostileServer(offers=offers) as server, Session.open(endpoint(server)) as session:
        (outcome,) = session.send_many([MailObject(Envelope("s@bücher.example", ("zoe@bücher.example",)), DATA)])
        assert outcome.recipients["zoe@bücher.example"].state is RecipientState.ACCEPTED
        assert server.accepted[0].recipients == ("zoe@xn--bcher-kva.example",)
        (outcome,) = session.send_many([MailObject(Envelope("s@x.example", ("zoë@x.example",)), DATA)])
        assert rows(outcome) == ["E6"]


def test_a_long_flight_has_its_time_for_each_piece_of_it() -> None:
    """Half of a window is megabytes; a slow line is no fault as long as it moves."""
    began = time.monotonic()
    with HostileServer(offers=WAYS["chunked"]) as server:
        with Session.open(endpoint(server, window=32)) as session:
            outcomes = list(session.send_many([mail(f"{n}@x.example", data=DATA + BIG * 2800) for n in range(32)]))
        assert {frozenset(states(one)) for one in outcomes} == {frozenset({"accepted"})}
        assert len(server.accepted) == 32
    assert time.monotonic() > began


def test_law_8_both_may_have_much_to_say_at_once(offers: tuple[str, ...]) -> None:
    """Ten thousand RCPTs, and a reply to each: neither side waits until the other has read."""
    paths = tuple(f"recipient-{number}@x.example" for number in range(10_000))
    patient = {"timeouts": Timeouts(body_block=60, rcpt=60, final_reply=60)}
    with (
        HostileServer(offers=offers, small_window=True) as server,
        Session.open(endpoint(server, **patient)) as session,
    ):
        (outcome,) = session.send_many([mail(*paths)])
        assert states(outcome) == {"accepted"}
        assert len(outcome.recipients) == len(server.accepted[0].recipients) == 10_000


def test_law_9_a_loss_shuts_the_window_and_trust_opens_it() -> None:
    window = Window(16)
    with HostileServer({(Moment.FINAL_REPLY, 3): Drop(accepts=True)}, connection=1, offers=WAYS["chunked"]) as server:
        with Session.open(endpoint(server, window=16), window=window) as session:
            outcomes = list(session.send_many([mail(f"{number}@x.example") for number in range(8)]))
        assert {"unknown"} in [states(one) for one in outcomes]
        assert window.size == 1
        with Session.open(endpoint(server, window=16), window=window) as session:
            assert {frozenset(states(one)) for one in session.send_many([mail()] * TRUST)} == {frozenset({"accepted"})}
        assert window.size == 2
