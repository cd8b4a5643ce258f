"""What follows from a report, in a real store."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from typing import Any

import pytest
from delivery_reports import HEADER, recipient, report
from returned_mails import ARF, AWAY, EXIM, TOKEN, ZOE
from store_conformance import an_email, at_dot

from notifier.bounces import Desk, Rules, Taken
from notifier.errors import StoreUnavailable
from notifier.model import bounce_token
from notifier.model.email import Email
from notifier.model.hook import HookEvent, HookKind, Told
from notifier.model.outcome import RecipientState
from notifier.model.secret import Secret
from notifier.model.state import MailState
from notifier.store import RedisStore
from notifier.store.base import MailStatus, Settlement
from notifier.testing import EmbeddedValkey

KEY, OTHER = Secret("k" * 32), Secret("x" * 32)
RULES = Rules(secrets=(KEY,), unsigned=False, tolerated=3, within=3600.0, suppress_for=86400.0 * 30)


@pytest.fixture
def store(valkey_server: EmbeddedValkey) -> Iterator[RedisStore]:
    made = RedisStore(valkey_server.url, namespace=uuid.uuid4().hex, durability="memory", hooks=(HookKind.WEBHOOK,))
    yield made
    made.close()


@pytest.fixture
def desk(store: RedisStore) -> Desk:
    return Desk(store, RULES)


def sent(store: RedisStore, *to: str) -> Email:
    email = an_email(*(to or (ZOE,)))
    claim = at_dot(store, email)
    accepted = dict.fromkeys(claim.recipients, RecipientState.ACCEPTED)
    store.settle([Settlement(claim, MailState.SENT, recipients=accepted, reply="250 Ok")])
    return email


def path(email: Email, key: Secret = KEY) -> str:
    return f"bounce+{bounce_token.for_path(email.id, key)}@shop.example"


def bounce(status: str = "5.1.1", who: str = ZOE, number: object = None, envelope_id: str = "") -> bytes:
    field = f"Original-Envelope-Id: {envelope_id}\n" if envelope_id else ""
    said = recipient("failed", who, who).replace("5.1.1", status)
    octets = report(said, envelope_id=field, returned="Content-Type: text/plain\n\n")
    return octets.replace(b"20261125193445", str(number or uuid.uuid4()).encode())


def complaint(kind: str = "abuse") -> bytes:
    return ARF.format(to="fbl@shop.example", token=TOKEN, kind=kind, recipient="").encode()


def status(store: RedisStore, email: Email) -> MailStatus:
    found = store.status(email.id)
    assert found is not None
    return found


def reasons(store: RedisStore) -> dict[str, str]:
    return {entry.address: entry.reason for entry in store.suppression.all()}


def told(store: RedisStore) -> list[HookEvent]:
    _, events = store.hooks.take("mail", HookKind.WEBHOOK, "us", 60.0, 100)
    return [event for event in events if event.name in (Told.BOUNCED, Told.COMPLAINED)]


def test_an_address_that_is_not_there_is_not_mailed_again(store: RedisStore, desk: Desk) -> None:
    email = sent(store)
    (taken,) = desk.take(bounce(), to=path(email))
    assert taken == Taken("bounced", email.id, ZOE, "5.1.1", "suppressed")
    (entry,) = store.suppression.all()
    assert (entry.address, entry.mail_id) == (ZOE, email.id)
    assert entry.until is not None
    assert "5.1.1 No such user" in entry.reason


def test_the_mail_tells_of_it_and_stays_sent(store: RedisStore, desk: Desk) -> None:
    email = sent(store)
    desk.take(bounce(), to=path(email))
    found = status(store, email)
    assert (found.state, found.recipients[ZOE]) == (MailState.SENT, RecipientState.ACCEPTED)
    last = found.history[-1]
    assert (last["report"]["kind"], last["report"]["recipient"], last["report"]["cause"]) == ("bounced", ZOE, "hard")
    assert last["why"].startswith(f"{ZOE} bounced (hard 5.1.1), suppressed: ")


def test_a_mail_that_still_waits_for_others_tells_of_it_too(store: RedisStore, desk: Desk) -> None:
    email = an_email(ZOE, "bob@example.com")
    claim = at_dot(store, email)
    states = {ZOE: RecipientState.ACCEPTED, "bob@example.com": RecipientState.DEFERRED}
    store.settle([Settlement(claim, MailState.WAITING, due_in=60.0, recipients=states)])
    (taken,) = desk.take(bounce(), to=path(email))
    assert (taken.recipient, taken.effect) == (ZOE, "suppressed")
    assert status(store, email).history[-1]["report"]["recipient"] == ZOE


def test_hooks_hear_of_it_without_the_address(store: RedisStore, desk: Desk) -> None:
    email = sent(store)
    desk.take(bounce(), to=path(email))
    desk.take(complaint(), to=path(email))
    first, second = told(store)
    assert (first.name, first.mail_id, first.why, first.fault) == (
        Told.BOUNCED,
        email.id,
        "hard",
        {"enhanced": "5.1.1"},
    )
    assert (first.state, first.template, first.mail_class) == ("sent", "welcome", "transactional")
    assert (second.name, second.why) == (Told.COMPLAINED, "abuse")
    assert ZOE not in str((first, second))


def test_the_same_report_counts_once(store: RedisStore, desk: Desk) -> None:
    email, octets = sent(store), bounce()
    assert [one.outcome for _ in range(3) for one in desk.take(octets, to=path(email))] == [
        "bounced",
        "bounced (known)",
        "bounced (known)",
    ]
    assert len(told(store)) == 1
    assert [entry["state"] for entry in status(store, email).history] == ["sent", "sent"]


def test_softly_bounced_mails_are_counted_and_too_many_suppress(store: RedisStore, desk: Desk) -> None:
    effects = [desk.take(bounce("5.2.2"), to=path(sent(store)))[0].effect for _ in range(3)]
    assert effects == ["counted: 1 of 3", "counted: 2 of 3", "suppressed"]
    assert reasons(store)[ZOE].startswith("3 mails bounced: 5.2.2")


def test_whoever_is_taken_off_the_list_begins_anew(store: RedisStore, desk: Desk) -> None:
    for _ in range(3):
        desk.take(bounce("5.2.2"), to=path(sent(store)))
    store.suppression.remove(ZOE.upper())
    assert desk.take(bounce("5.2.2"), to=path(sent(store)))[0].effect == "counted: 1 of 3"


def test_one_mail_counts_once_however_many_reports_there_are(store: RedisStore, desk: Desk) -> None:
    email = sent(store)
    effects = [desk.take(bounce("4.4.7"), to=path(email))[0].effect for _ in range(5)]
    assert effects == ["counted: 1 of 3"] * 5


def test_softly_bounced_mails_of_long_ago_do_not_count(store: RedisStore) -> None:
    desk = Desk(store, replace(RULES, within=-1.0))
    effects = [desk.take(bounce("5.2.2"), to=path(sent(store)))[0].effect for _ in range(4)]
    assert effects == ["counted: 0 of 3"] * 4


def test_a_mail_that_was_taken_for_spam_says_nothing_of_the_address(store: RedisStore, desk: Desk) -> None:
    effects = [desk.take(bounce("5.7.1"), to=path(sent(store)))[0].effect for _ in range(4)]
    assert set(effects) == {"nothing: its address is sound"}
    assert reasons(store) == {}
    assert {event.why for event in told(store)} == {"policy"}


@pytest.mark.parametrize("code", ["5.1.7", "5.1.8", "5.2.3", "5.3.4", "5.6.1"])
def test_a_sender_or_a_message_that_is_wrong_says_nothing_of_the_address(
    store: RedisStore, desk: Desk, code: str
) -> None:
    """RFC 3463: the sender's address, the size or the content is what is refused, and another mail may pass."""
    effects = [desk.take(bounce(code), to=path(sent(store)))[0].effect for _ in range(3)]
    assert set(effects) == {"nothing: its address is sound"}
    assert reasons(store) == {}


@pytest.mark.parametrize(("kind", "reason"), [("abuse", "complaint"), ("opt-out", "opt-out")])
def test_whoever_complains_is_not_mailed_again_ever(store: RedisStore, desk: Desk, kind: str, reason: str) -> None:
    email = sent(store)
    store.suppression.add(ZOE, "bounced", lasts=60.0)
    desk.take(complaint(kind), to=path(email))
    (entry,) = store.suppression.all()
    assert (entry.address, entry.reason, entry.until) == (ZOE, reason, None)


def test_what_a_person_has_entered_is_not_overwritten(store: RedisStore, desk: Desk) -> None:
    store.suppression.add(ZOE, "by hand")
    desk.take(bounce(), to=path(sent(store)))
    assert reasons(store) == {ZOE: "by hand"}


def test_an_address_whose_domain_is_not_known_is_tried_again_the_next_day(store: RedisStore, desk: Desk) -> None:
    desk.take(bounce("5.1.2"), to=path(sent(store)))
    (entry,) = store.suppression.all()
    assert entry.until is not None
    assert entry.until - entry.since <= 86400.0


# whose word counts --------------------------------------------------------------------------------------------------


def test_a_forged_token_suppresses_nobody(store: RedisStore, desk: Desk) -> None:
    email = sent(store)
    (taken,) = desk.take(bounce(), to=path(email, OTHER))
    assert (taken.mail_id, taken.effect) == (None, "nothing")
    assert (reasons(store), told(store)) == ({}, [])


def test_a_message_id_alone_counts_where_it_is_allowed_to(store: RedisStore, desk: Desk) -> None:
    email = sent(store)
    octets = report(recipient("failed", ZOE), envelope_id="", returned=f"Content-Type: text/rfc822-headers\n\n{HEADER}")
    octets = octets.replace(b"01931f6e-0000-7000-8000-000000000001", email.id.encode())
    assert "NOTIFIER_BOUNCE_UNSIGNED" in desk.take(octets)[0].outcome
    assert reasons(store) == {}
    assert Desk(store, replace(RULES, unsigned=True)).take(octets)[0].effect == "suppressed"


def test_the_token_of_one_mail_reaches_no_one_elses_address(store: RedisStore, desk: Desk) -> None:
    """Whoever got a mail of ours holds its token."""
    email = sent(store, "mallory@example.com", "bob@example.com")
    (taken,) = desk.take(bounce(who=ZOE), to=path(email))
    assert (taken.outcome, taken.effect) == ("it names no recipient of the mail", "nothing")
    assert reasons(store) == {}


def test_a_wrong_address_that_his_mail_goes_on_to_is_not_his_own(store: RedisStore, desk: Desk) -> None:
    email = sent(store)
    octets = report(
        recipient("failed", "member@elsewhere.example", ""), envelope_id="", returned="Content-Type: text/plain\n\n"
    )
    assert desk.take(octets, to=path(email))[0].effect == "counted: 1 of 3"


def test_nor_where_the_server_remembers_whom_we_had_named(store: RedisStore, desk: Desk) -> None:
    """ORCPT goes on with the mail (RFC 3461 section 5.2.3)."""
    octets = report(recipient("failed", "member@elsewhere.example", ZOE), returned="Content-Type: text/plain\n\n")
    assert desk.take(octets, to=path(sent(store)))[0].effect == "counted: 1 of 3"


def test_a_domain_may_be_written_in_its_own_letters(store: RedisStore, desk: Desk) -> None:
    email = sent(store, "zoe@bücher.example", "bob@example.com")
    (taken,) = desk.take(bounce(who="Zoe@Bücher.example"), to=path(email))
    assert (taken.recipient, taken.effect) == ("zoe@xn--bcher-kva.example", "suppressed")


def test_the_envid_will_do_where_the_bounce_goes_to_the_sender(store: RedisStore, desk: Desk) -> None:
    email = sent(store)
    envelope_id = bounce_token.for_envelope_id(email.id, KEY)
    assert desk.take(bounce(envelope_id=envelope_id))[0].effect == "suppressed"


@pytest.mark.parametrize(
    "octets", [AWAY.format(token=TOKEN).encode(), complaint("not-spam"), b"", b"Subject: Re: Hello\r\n\r\nThanks!\r\n"]
)
def test_nothing_follows_from_what_is_no_bounce(store: RedisStore, desk: Desk, octets: bytes) -> None:
    email = sent(store)
    (taken,) = desk.take(octets, to=path(email))
    assert taken.effect == "nothing"
    assert len(status(store, email).history) == 1


def test_a_report_that_it_is_late_changes_nothing(store: RedisStore, desk: Desk) -> None:
    email = sent(store)
    octets = EXIM.replace("Mail delivery failed", "Warning: delayed").format(token=TOKEN, said="451 later").encode()
    assert desk.take(octets, to=path(email)) == [Taken("late", email.id, ZOE, "4.0.0")]


def test_of_a_mail_that_is_gone_nothing_follows(store: RedisStore, desk: Desk) -> None:
    assert "NOTIFIER_RETENTION" in desk.take(bounce(), to=path(an_email()))[0].outcome


# and its limits -----------------------------------------------------------------------------------------------------


def test_whoever_has_a_token_cannot_push_out_the_history(store: RedisStore, desk: Desk) -> None:
    email = sent(store)
    outcomes = [desk.take(bounce("5.7.1"), to=path(email))[0].outcome for _ in range(60)]
    assert outcomes[-1] == "bounced (enough)"
    history = status(store, email).history
    assert history[0]["reply"] == "250 Ok"
    assert len(history) == 50
    assert len(told(store)) == 50


def test_a_report_proves_that_a_relay_had_the_mail(store: RedisStore, desk: Desk) -> None:
    """RFC 1047: its final reply was lost."""
    email = an_email()
    claim = at_dot(store, email)
    states = dict.fromkeys(claim.recipients, RecipientState.UNKNOWN)
    store.settle([Settlement(claim, MailState.UNKNOWN, recipients=states)])
    desk.take(bounce(), to=path(email))
    assert status(store, email).state is MailState.FAILED


def test_a_purge_takes_the_person_out_of_reports_too(store: RedisStore, desk: Desk) -> None:
    email = sent(store)
    desk.take(bounce(), to=path(email))
    store.purge(ZOE)
    assert ZOE not in str(status(store, email))
    assert "No such user" not in str(status(store, email))
    assert desk.take(bounce(), to=path(email))[0].outcome == "it names no recipient of the mail"


# at least once, and once ---------------------------------------------------------------------------------------------


class Breaking:
    """The store's connection, that breaks with the step of this number: before it is done, or behind it."""

    def __init__(self, store: RedisStore, number: int, *, done: bool) -> None:
        self._connection, self._left, self._done = store._connection, number, done

    def __getattr__(self, name: str) -> Any:
        step = getattr(self._connection, name)
        return partial(self._taken, step) if name in ("run", "ask") else step

    def _taken(self, step: Callable[..., Any], *arguments: Any, **options: Any) -> Any:
        self._left -= 1
        answer = step(*arguments, **options) if self._left or self._done else None
        if not self._left:
            raise StoreUnavailable("it has gone away")
        return answer


@pytest.mark.parametrize("done", [False, True])
@pytest.mark.parametrize("status_code", ["5.1.1", "5.2.2"])
def test_wherever_it_breaks_off_a_second_time_brings_it_to_the_same_end(
    store: RedisStore, monkeypatch: pytest.MonkeyPatch, status_code: str, done: bool
) -> None:
    desk = Desk(store, replace(RULES, tolerated=1))
    for number in range(1, 50):
        email, octets = sent(store), bounce(status_code)
        with monkeypatch.context() as broken:
            broken.setattr(store, "_connection", Breaking(store, number, done=done))
            try:
                desk.take(octets, to=path(email))
            except StoreUnavailable:
                whole = False
            else:
                whole = True
        desk.take(octets, to=path(email))
        assert set(reasons(store)) == {ZOE}
        assert sum("report" in entry for entry in status(store, email).history) == 1
        assert [event.mail_id for event in told(store)].count(email.id) == 1
        store.suppression.remove(ZOE)
        if whole:
            break
    assert number > 5  # so many steps there are
