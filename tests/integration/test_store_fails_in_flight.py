"""The store goes away while mails are in flight: what has been handed over is never handed back."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from unittest import mock

import pytest
from delivering import Desk, copies, desk, relay
from workers import wait_until

from notifier.delivery.late import tell_late
from notifier.errors import StoreUnavailable
from notifier.model.state import MailState
from notifier.store import RedisStore, SettlementJournal
from notifier.store.base import Claim, Settlement, Turn
from notifier.testing import EmbeddedValkey, HostileServer


def apart(store: RedisStore) -> mock._patch[object]:
    """A turn between two mails takes the two steps that a test has its hands on."""

    def both(settlements: Sequence[Settlement], claims: Sequence[Claim]) -> Turn:
        store.settle(settlements)
        store.begin_dot(claims)
        return Turn((), ())

    return mock.patch.object(store, "settle_and_begin_dot", both)


def heal(at: Desk) -> None:
    """What the sweeper and later rounds make of it."""

    def none_at_the_dot() -> bool:
        at.store.sweep(at.queue)
        return not at.store.counts(at.queue)[MailState.AT_DOT]

    wait_until(none_at_the_dot, "the time of those at the dot is over")
    at.deliver()


@pytest.mark.parametrize("window", [1, 4])
def test_a_settlement_that_fails_doubles_no_mail_in_flight(window: int, valkey_server: EmbeddedValkey) -> None:
    offers = ("PIPELINING", "CHUNKING")
    with HostileServer(offers=offers) as server, desk(valkey_server.url, relay(server, window=window)) as at:
        ids = at.post(8, mail_class="bulk")
        settle, calls = at.store.settle, []

        def fails_once(settlements: Sequence[Settlement]) -> None:
            calls.append(settlements)
            if len(calls) == 1:
                raise StoreUnavailable("the answer was lost")
            settle(settlements)

        with apart(at.store), mock.patch.object(at.store, "settle", fails_once), pytest.raises(StoreUnavailable):
            at.round()
        heal(at)
        arrived = copies(server)
        assert set(arrived.values()) == {1}, "at most once is what this class promises"
        unknown = [one for one in ids if at.status(one).state is MailState.PARKED]
        assert 1 <= len(unknown) <= window
        assert all(arrived[one] for one in ids if one not in unknown)


def test_a_dot_that_cannot_be_recorded_hands_back_what_was_not_sent(valkey_server: EmbeddedValkey) -> None:
    with HostileServer() as server, desk(valkey_server.url, relay(server)) as at:
        ids = at.post(3)
        begin, calls = at.store.begin_dot, []

        def fails_once(claims: Sequence[Claim]) -> None:
            calls.append(claims)
            begin(claims)
            if len(calls) == 2:
                raise StoreUnavailable("recorded, and the answer was lost")

        with apart(at.store), mock.patch.object(at.store, "begin_dot", fails_once), pytest.raises(StoreUnavailable):
            at.round()
        heal(at)
        assert copies(server) == dict.fromkeys(ids, 1)
        assert {(at.status(one).attempt, at.status(one).unknowns) for one in ids} == {(1, 0)}


@pytest.mark.parametrize("done", [True, False], ids=["and the steps are done", "and nothing is"])
def test_a_turn_whose_answer_is_lost_loses_and_doubles_nothing(
    done: bool, valkey_server: EmbeddedValkey, tmp_path: Path
) -> None:
    """The settlement lies in the journal as well, and the next mail's dot is recorded by itself."""
    journal = SettlementJournal(tmp_path / "journal")
    with HostileServer() as server, desk(valkey_server.url, relay(server), keep=journal.keep) as at:
        ids, both = at.post(3, mail_class="bulk"), at.store.settle_and_begin_dot

        def loses_its_answer(settlements: Sequence[Settlement], claims: Sequence[Claim]) -> Turn:
            if done:
                both(settlements, claims)
            raise StoreUnavailable("the answer was lost")

        with mock.patch.object(at.store, "settle_and_begin_dot", loses_its_answer):
            at.round()
        tell_late(journal, at.store, at.store.epoch(), at.events.append)
        assert copies(server) == dict.fromkeys(ids, 1)
        assert {(at.status(one).state, at.status(one).attempt) for one in ids} == {(MailState.SENT, 1)}


@pytest.mark.parametrize("window", [1, 4])
def test_with_a_journal_every_reply_that_was_read_counts(
    window: int, valkey_server: EmbeddedValkey, tmp_path: Path
) -> None:
    """The dots were recorded, and then the store is away: those in flight are read to the end."""
    journal = SettlementJournal(tmp_path / "journal")
    offers = ("PIPELINING", "CHUNKING")
    with (
        HostileServer(offers=offers) as server,
        desk(valkey_server.url, relay(server, window=window), keep=journal.keep) as at,
    ):
        ids = at.post(8, mail_class="bulk")
        with apart(at.store), mock.patch.object(at.store, "settle", side_effect=StoreUnavailable("away")):
            at.round()
        assert len(list(journal.entries(at.store.epoch()))) == 8
        tell_late(journal, at.store, at.store.epoch(), at.events.append)
        assert copies(server) == dict.fromkeys(ids, 1)
        assert {(at.status(one).state, at.status(one).unknowns) for one in ids} == {(MailState.SENT, 0)}


def test_a_store_that_is_away_for_the_next_dot_as_well_costs_nothing_but_time(
    valkey_server: EmbeddedValkey, tmp_path: Path
) -> None:
    journal = SettlementJournal(tmp_path / "journal")
    away = StoreUnavailable("away")
    with HostileServer() as server, desk(valkey_server.url, relay(server), keep=journal.keep) as at:
        ids, begin, begun = at.post(3, mail_class="bulk"), at.store.begin_dot, []

        def once(claims: Sequence[Claim]) -> None:
            begun.append(claims)
            if len(begun) > 1:
                raise away
            begin(claims)

        with (
            apart(at.store),
            mock.patch.object(at.store, "begin_dot", once),
            mock.patch.object(at.store, "settle", side_effect=away),
            pytest.raises(StoreUnavailable),
        ):
            at.round()
        tell_late(journal, at.store, at.store.epoch(), at.events.append)
        (sent,) = [one for one in ids if at.status(one).state is MailState.SENT]
        assert {at.status(one).state for one in ids if one != sent} == {MailState.WAITING}, "given back, by the journal"
        assert copies(server) == {sent: 1}
        at.deliver()
        assert copies(server) == dict.fromkeys(ids, 1)
        assert {(at.status(one).attempt, at.status(one).crashes) for one in ids} == {(1, 0)}


# Mails with more recipients than the relay takes at once: each transaction has a dot and a final reply of its own.


class Killed(BaseException):
    """The worker's end."""


def accepted_for(server: HostileServer) -> Counter[str]:
    """How often the server has accepted something for each."""
    return Counter(one for message in server.accepted for one in message.recipients)


SEVERAL = ("ann@example.com", "bob@example.com", "cem@example.com")
OFFERS = [("LIMITS RCPTMAX=1",), ("PIPELINING", "LIMITS RCPTMAX=1"), ("PIPELINING", "CHUNKING", "LIMITS RCPTMAX=1")]


@pytest.mark.parametrize("offers", OFFERS, ids=["lock step", "pipelined", "in chunks"])
def test_a_store_away_between_two_transactions_of_a_mail_mails_nobody_twice(
    offers: Sequence[str], valkey_server: EmbeddedValkey, tmp_path: Path
) -> None:
    journal = SettlementJournal(tmp_path / "journal")
    away = StoreUnavailable("away")
    with HostileServer(offers=offers) as server, desk(valkey_server.url, relay(server), keep=journal.keep) as at:
        (mail_id,) = at.post(1, mail_class="bulk", to=SEVERAL)
        with mock.patch.object(at.store, "settle_and_begin_dot", side_effect=away), pytest.raises(StoreUnavailable):
            at.round()
        assert accepted_for(server) == {"ann@example.com": 1}
        tell_late(journal, at.store, at.store.epoch(), at.events.append)
        at.deliver()
        assert accepted_for(server) == dict.fromkeys(SEVERAL, 1)
        found = at.status(mail_id)
        assert (found.state, found.unknowns, found.crashes) == (MailState.SENT, 0, 0)


@pytest.mark.parametrize("offers", OFFERS, ids=["lock step", "pipelined", "in chunks"])
def test_a_worker_that_ends_between_two_transactions_of_a_mail_mails_nobody_of_the_first_twice(
    offers: Sequence[str], valkey_server: EmbeddedValkey
) -> None:
    with HostileServer(offers=offers) as server, desk(valkey_server.url, relay(server)) as at:
        (mail_id,) = at.post(1, to=SEVERAL)
        both, calls = at.store.settle_and_begin_dot, []

        def ends(settlements: Sequence[Settlement], claims: Sequence[Claim]) -> Turn:
            turn = both(settlements, claims)
            calls.append(turn)
            if len(calls) == 2:  # the third transaction's dot is recorded
                raise Killed
            return turn

        nothing = mock.patch.object(at.store, "settle", side_effect=Killed)
        with mock.patch.object(at.store, "settle_and_begin_dot", ends), nothing, pytest.raises(Killed):
            at.round()
        heal(at)
        assert accepted_for(server) == dict.fromkeys(SEVERAL, 1)
        found = at.status(mail_id)
        assert (found.state, found.unknowns) == (MailState.SENT, 1)
