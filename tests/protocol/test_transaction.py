"""One mail against a scripted server, at every split of what the server says."""

from __future__ import annotations

from copy import copy

import pytest
from transcripts import Scripted, at_every_split, splits, told

from notifier.model.envelope import Envelope, MailObject
from notifier.model.outcome import RecipientState
from notifier.model.parameters import DeliverBy, MailParameters, RcptParameters
from notifier.protocol.delivery import Delivery
from notifier.protocol.dialogue import Loss, Lost
from notifier.protocol.extensions import Extensions
from notifier.protocol.link import Link
from notifier.protocol.transactions import check_mail

FULL = Extensions("relay", {"PIPELINING": "", "SIZE": "1000", "8BITMIME": "", "SMTPUTF8": ""})
PLAIN = Extensions("relay", {})
PIPELINING = Extensions("relay", {"PIPELINING": ""})
ACCEPTED = b"250 m\r\n250 r\r\n354 go\r\n250 kept\r\n"
BODY = b"Subject: hi\r\n\r\n.dot\r\n"


def mail(*recipients: str, data: bytes = BODY, eight_bit: bool = False) -> MailObject:
    return MailObject(Envelope("s@x.example", recipients or ("a@x.example",)), data, eight_bit=eight_bit)


def play(
    server: bytes, message: MailObject, link: Link, ending: Loss = Loss.CLOSED, pieces: list[bytes] | None = None
) -> tuple[Delivery, Scripted]:
    """With ``pieces`` as they are; else at every split."""
    if pieces is None:
        scripted = play_all(server, [message], link, ending)
    else:
        scripted = Scripted(iter(pieces), ending)
        scripted.send([message], link)
    (delivery,) = scripted.decided
    return delivery, scripted


def states(delivery: Delivery) -> list[str]:
    return [str(outcome.state) for outcome in delivery.recipients.values()]


def rows(delivery: Delivery) -> dict[str, str | None]:
    return {path: outcome.fault.taxonomy_id if outcome.fault else None for path, outcome in delivery.recipients.items()}


@pytest.mark.parametrize("offered", [FULL, PLAIN], ids=["pipelined", "lock step"])
def test_law_8_an_accepted_mail_at_every_split(offered: Extensions) -> None:
    server = b"250 2.1.0 ok\r\n250 2.1.5 ok\r\n354 go\r\n250-2.0.0 kept\r\n250 2.0.0 as 42\r\n"
    for pieces in splits(server):
        delivery, scripted = play(server, mail(), Link("relay:25", offered), pieces=pieces)
        assert states(delivery) == ["accepted"]
        assert str(delivery.reply).endswith("2.0.0 as 42")
        assert delivery.terminator_sent
        assert scripted.connection.quiet
        assert scripted.wire.sent.endswith(b"DATA\r\nSubject: hi\r\n\r\n..dot\r\n.\r\n")


def test_law_8_the_envelope_is_one_flight() -> None:
    _, scripted = play(
        b"250 a\r\n250 b\r\n250 c\r\n354 d\r\n250 e\r\n", mail("a@x.example", "b@x.example"), Link("r", FULL)
    )
    assert len(scripted.wire.flights) == 2
    assert scripted.wire.sent.startswith(b"MAIL FROM:<s@x.example> SIZE=21\r\nRCPT TO:<a@x.example>\r\nRCPT TO:<b@x.ex")


def test_law_8_rset_rides_in_the_next_flight() -> None:
    _, scripted = play(b"250 r\r\n250 a\r\n250 b\r\n354 d\r\n250 e\r\n", mail(), Link("r", FULL, reset_first=True))
    assert scripted.wire.flights[0].startswith(b"RSET\r\nMAIL FROM")
    assert len(scripted.wire.flights) == 2


def test_three_recipients_get_three_results() -> None:
    server = b"250 a\r\n550 5.1.1 no\r\n250 ok\r\n451 4.7.1 later\r\n354 go\r\n250 kept\r\n"
    for pieces in splits(server):
        delivery, _ = play(server, mail("bad@x", "ok@x", "later@x"), Link("r", FULL), pieces=pieces)
        assert rows(delivery) == {"bad@x": "R7", "later@x": "R2", "ok@x": None}


def test_law_8_all_refused_and_354_sends_the_lone_dot() -> None:
    link = Link("r", FULL)
    delivery, scripted = play(b"250 a\r\n550 no\r\n354 go\r\n554 nobody\r\n", mail(), link)
    assert scripted.wire.sent.endswith(b"DATA\r\n.\r\n")
    assert "commit" not in scripted.wire.events
    assert (states(delivery), delivery.terminator_sent) == (["refused"], False)
    assert link.doubt


def test_all_refused_and_data_refused_keeps_the_connection() -> None:
    link = Link("r", FULL)
    _, scripted = play(b"250 a\r\n550 5.1.1 no\r\n554 5.5.1 nobody\r\n", mail(), link)
    assert (link.doubt, link.reset_first, scripted.connection.quiet) == (None, True, True)


def test_lock_step_sends_no_data_where_nobody_is_left() -> None:
    link = Link("r", PLAIN)
    _, scripted = play(b"250 a\r\n550 5.1.1 no\r\n", mail(), link)
    assert b"DATA" not in scripted.wire.sent
    assert link.reset_first


@pytest.mark.parametrize(
    ("server", "row", "state"),
    [
        (b"250 a\r\n250 b\r\n354 c\r\n451 later\r\n", "Z2", "deferred"),
        (b"250 a\r\n250 b\r\n354 c\r\n421 bye\r\n", "Z2", "deferred"),
        (b"250 a\r\n250 b\r\n354 c\r\n554 5.7.1 no\r\n", "Z3", "refused"),
        (b"250 a\r\n250 b\r\n354 c\r\n221 bye\r\n", "Z7", "unknown"),
        (b"250 a\r\n250 b\r\n354 c\r\n354 again\r\n", "Z7", "unknown"),
        (b"250 a\r\n250 b\r\n354 c\r\nnonsense\r\n", "Z7", "unknown"),
        (b"250 a\r\n250 b\r\n354 c\r\n250-x\r\n550 y\r\n", "Z7", "unknown"),
        (b"250 a\r\n250 b\r\n354 c\r\n", "Z5", "unknown"),
        (b"250 a\r\n250 b\r\n250 no\r\n", "X4", "deferred"),
        (b"250 a\r\n250 b\r\n451 later\r\n", "X1", "deferred"),
        (b"250 a\r\n250 b\r\n554 5.7.1 no\r\n", "X3", "refused"),
        (b"250 a\r\n250 b\r\n", "X5", "deferred"),
        (b"250 a\r\n", "R10", "deferred"),
        (b"250 a\r\n421 bye\r\n", "R10", "deferred"),
        (b"421 bye\r\n", "M1", "deferred"),
        (b"", "M1", "deferred"),
        (b"452 4.3.1 full\r\n503 x\r\n503 x\r\n", "M3", "deferred"),
        (b"550 5.7.1 not you\r\n503 x\r\n503 x\r\n", "M6", "deferred"),
        (b"552 5.3.4 too big\r\n503 x\r\n503 x\r\n", "M7", "refused"),
        (b"503 what\r\n", "M5", "deferred"),
    ],
)
def test_each_answer_has_its_row(server: bytes, row: str, state: str) -> None:
    for pieces in splits(server) if server else [[]]:
        delivery, _ = play(server, mail(), Link("r", FULL), pieces=pieces)
        assert rows(delivery) == {"a@x.example": row}
        assert states(delivery) == [state]


@pytest.mark.parametrize("cut", [b"2", b"25", b"250", b"250 ok", b"250-ok\r\n", b"250 ok\r"])
def test_law_14_a_final_reply_that_is_cut_off_is_unknown_and_never_a_success(cut: bytes) -> None:
    delivery, _ = play(b"250 a\r\n250 b\r\n354 c\r\n" + cut, mail(), Link("r", FULL))
    assert rows(delivery) == {"a@x.example": "Z6"}
    assert delivery.terminator_sent


def test_law_14_no_final_reply_in_time_is_unknown() -> None:
    delivery, _ = play(b"250 a\r\n250 b\r\n354 c\r\n", mail(), Link("r", FULL), ending=Loss.TIMEOUT)
    assert rows(delivery) == {"a@x.example": "Z4"}


def test_law_3_421_in_the_middle_takes_back_those_accepted() -> None:
    link = Link("r", FULL)
    delivery, _ = play(b"250 a\r\n250 b\r\n421 bye\r\n", mail("a@x", "b@x", "c@x"), link)
    assert rows(delivery) == {"a@x": "R10", "b@x": "R10", "c@x": "R10"}
    assert link.doubt


def test_a_reused_connection_that_had_died_costs_no_attempt() -> None:
    for server in (b"", b"421 idle too long\r\n"):
        delivery, _ = play(server, mail(), Link("r", FULL, carried=1))
        assert rows(delivery) == {"a@x.example": "M0"}


@pytest.mark.parametrize("offered", [FULL, PLAIN], ids=["pipelined", "lock step"])
def test_law_12_too_many_recipients_go_in_a_further_transaction_at_once(offered: Extensions) -> None:
    first = b"250 a\r\n250 b\r\n452 4.5.3 too many\r\n552 too many\r\n354 c\r\n250 first\r\n"
    second = b"250 a\r\n250 c\r\n550 5.1.1 no\r\n354 c\r\n250 second\r\n"
    for pieces in splits(first + second):
        delivery, scripted = play(b"", mail("a@x", "b@x", "c@x"), Link("r", offered), pieces=pieces)
        assert rows(delivery) == {"a@x": None, "b@x": None, "c@x": "R7"}
        assert scripted.wire.sent.count(b"MAIL FROM") == 2
        assert scripted.wire.commits == [(0,), (0,)]
        assert scripted.connection.quiet


def test_law_12_where_nobody_was_accepted_too_many_is_only_deferred() -> None:
    server = b"250 a\r\n452 4.5.3 too many\r\n452 4.5.3 too many\r\n554 5.5.1 nobody\r\n"
    delivery, scripted = play(server, mail("a@x", "b@x"), Link("r", FULL))
    assert rows(delivery) == {"a@x": "R3", "b@x": "R3"}
    assert scripted.wire.sent.count(b"MAIL FROM") == 1


def test_law_12_those_behind_a_loss_were_not_handed_over() -> None:
    server = b"250 a\r\n250 b\r\n452 4.5.3 too many\r\n354 c\r\n"
    delivery, _ = play(server, mail("a@x", "b@x"), Link("r", FULL))
    assert rows(delivery) == {"a@x": "Z5", "b@x": "M0"}
    assert delivery.terminator_sent


def test_law_10_recipients_over_the_servers_limit_have_a_transaction_of_their_own() -> None:
    limited = Extensions("relay", {"PIPELINING": "", "LIMITS": "RCPTMAX=2 MAILMAX=20"})
    accepted = b"250 m\r\n250 r\r\n250 r\r\n354 go\r\n250 kept\r\n"
    server = accepted + b"250 m\r\n250 r\r\n354 go\r\n250 kept\r\n"
    delivery, scripted = play(server, mail("a@x", "b@x", "c@x"), Link("r", limited))
    assert rows(delivery) == {"a@x": None, "b@x": None, "c@x": None}
    assert scripted.wire.sent.count(b"MAIL FROM") == 2
    assert limited.mail_max == 20


def test_law_10_where_the_sender_is_refused_nobody_behind_the_limit_is_tried() -> None:
    limited = Extensions("relay", {"PIPELINING": "", "LIMITS": "RCPTMAX=1"})
    delivery, scripted = play(b"550 5.7.1 no\r\n503 x\r\n503 x\r\n", mail("a@x", "b@x"), Link("r", limited))
    assert rows(delivery) == {"a@x": "M6", "b@x": "M6"}
    assert scripted.wire.sent.count(b"MAIL FROM") == 1


def test_law_10_the_replies_to_a_refused_sender_are_those_of_what_was_sent() -> None:
    limited = Extensions("relay", {"PIPELINING": "", "LIMITS": "RCPTMAX=1"})
    server = ACCEPTED + b"451 4.7.1 later\r\n503 x\r\n503 x\r\n250 reset\r\n" + ACCEPTED
    scripted = play_all(server, [mail("a@x"), mail("b@x", "c@x"), mail("d@x")], Link("r", limited))
    assert [rows(one) for one in scripted.decided] == [{"a@x": None}, {"b@x": "M2", "c@x": "M2"}, {"d@x": None}]
    assert scripted.connection.quiet


def test_law_10_a_mail_over_the_servers_size_is_not_begun() -> None:
    delivery, scripted = play(b"", mail(data=b"x" * 1001), Link("r", FULL))
    assert rows(delivery) == {"a@x.example": "E5"}
    assert scripted.wire.sent == b""


@pytest.mark.parametrize("message", [mail("ü@x.example"), mail(eight_bit=True)], ids=["SMTPUTF8", "8BITMIME"])
def test_law_10_what_the_server_does_not_offer_is_not_begun(message: MailObject) -> None:
    delivery, scripted = play(b"", message, Link("r", PLAIN))
    assert {v.fault.taxonomy_id for v in delivery.recipients.values() if v.fault} == {"E6"}
    assert scripted.wire.sent == b""


def test_law_13_lmtp_answers_for_each_accepted_recipient() -> None:
    server = (
        b"250 m\r\n250 a\r\n550 5.1.1 b\r\n250 c\r\n250 d\r\n354 go\r\n250 kept\r\n452 4.2.2 full\r\n554 5.7.1 no\r\n"
    )
    for pieces in splits(server):
        delivery, _ = play(server, mail("a@x", "b@x", "c@x", "d@x"), Link("r", FULL, lmtp=True), pieces=pieces)
        assert rows(delivery) == {"b@x": "R7", "a@x": None, "c@x": "Z2", "d@x": "Z3"}


def test_law_13_a_missing_lmtp_reply_is_unknown_for_its_recipient_alone() -> None:
    delivery, _ = play(
        b"250 m\r\n250 a\r\n250 b\r\n354 go\r\n250 kept\r\n", mail("a@x", "b@x"), Link("r", FULL, lmtp=True)
    )
    assert {path: v.state for path, v in delivery.recipients.items()} == {
        "a@x": RecipientState.ACCEPTED,
        "b@x": RecipientState.UNKNOWN,
    }
    assert rows(delivery)["b@x"] == "Z9"


@pytest.mark.parametrize(("size", "steps"), [(100, ["commit", "whole"]), (70_000, ["body", "commit", "send"])])
def test_the_dot_is_announced_before_it_goes_out_and_after_the_body_of_a_big_message(
    size: int, steps: list[str]
) -> None:
    _, scripted = play(ACCEPTED, mail(data=b"x" * size + b"\r\n"), Link("r", PIPELINING))
    assert scripted.wire.events == ["send", *steps]


@pytest.mark.parametrize("path", ["a@b> SIZE=1", "a@b\r\nDATA", "a b@c", "", "a\ud800@b.c"])
def test_law_5_a_path_that_smuggles_is_refused_before_the_first_step(path: str) -> None:
    with pytest.raises(ValueError, match="forward-path"):
        check_mail(mail(path))


def test_a_mail_for_nobody_is_refused_before_the_first_step() -> None:
    with pytest.raises(ValueError, match="without a forward-path"):
        check_mail(MailObject(Envelope("a@b.c", ()), BODY))


# several mails ------------------------------------------------------------------------------------------------------


def play_all(server: bytes, messages: list[MailObject], link: Link, ending: Loss = Loss.CLOSED) -> Scripted:
    def run(pieces: list[bytes]) -> object:
        scripted = Scripted(iter(pieces), ending)
        scripted.send(messages, copy(link))
        return told(scripted)

    at_every_split(server, run)
    scripted = Scripted(iter(server.splitlines(keepends=True)), ending)
    scripted.send(messages, link)
    return scripted


def test_law_8_the_next_envelope_rides_behind_the_terminator() -> None:
    server = b"".join(
        [b"250 m\r\n250 r\r\n354 go\r\n", *[b"250 kept\r\n250 m\r\n250 r\r\n354 go\r\n"] * 2, b"250 kept\r\n"]
    )
    for pieces in splits(server):
        scripted = Scripted(iter(pieces), Loss.CLOSED)
        scripted.send([mail(f"{n}@x") for n in range(3)], Link("r", FULL))
        assert [rows(one) for one in scripted.decided] == [{"0@x": None}, {"1@x": None}, {"2@x": None}]
        assert len(scripted.wire.flights) == 4
        assert scripted.wire.flights[1].endswith(
            b"\r\n.\r\nMAIL FROM:<s@x.example> SIZE=21\r\nRCPT TO:<1@x>\r\nDATA\r\n"
        )
        assert scripted.wire.commits == [(0,), (1,), (2,)]


def test_a_lost_final_reply_leaves_the_mails_behind_untouched() -> None:
    scripted = play_all(b"250 m\r\n250 r\r\n354 go\r\n", [mail("a@x"), mail("b@x"), mail("c@x")], Link("r", FULL))
    assert [rows(one) for one in scripted.decided] == [{"a@x": "Z5"}, {"b@x": "M0"}, {"c@x": "M0"}]
    assert [one.terminator_sent for one in scripted.decided] == [True, False, False]


@pytest.mark.parametrize("behind", [b"", b"250 m\r\n", b"250 m\r\n250 r\r\n", b"2", b"what?\r\n", b"421 bye\r\n"])
def test_a_connection_lost_in_the_envelope_behind_decides_each_mail_once(behind: bytes) -> None:
    scripted = play_all(ACCEPTED + behind, [mail("a@x"), mail("b@x"), mail("c@x")], Link("r", FULL))
    assert [one.position for one in scripted.decided] == [0, 1, 2]
    assert [states(one) for one in scripted.decided] == [["accepted"], ["deferred"], ["deferred"]]


def test_law_3_a_421_for_one_mail_leaves_those_behind_untouched() -> None:
    scripted = play_all(b"250 m\r\n250 r\r\n354 go\r\n421 bye\r\n", [mail("a@x"), mail("b@x")], Link("r", FULL))
    assert [rows(one) for one in scripted.decided] == [{"a@x": "Z2"}, {"b@x": "M0"}]


def test_a_refused_mail_is_followed_by_rset_and_the_next() -> None:
    server = b"250 m\r\n550 5.1.1 no\r\n554 5.5.1 nobody\r\n250 reset\r\n" + ACCEPTED
    scripted = play_all(server, [mail("a@x"), mail("b@x")], Link("r", FULL))
    assert [rows(one) for one in scripted.decided] == [{"a@x": "R7"}, {"b@x": None}]
    assert scripted.wire.flights[1].startswith(b"RSET\r\nMAIL FROM")


def test_a_mail_that_the_server_cannot_take_does_not_hold_up_the_next() -> None:
    big = mail("big@x", data=b"x" * 1001)
    scripted = play_all(ACCEPTED, [mail("a@x"), big], Link("r", FULL))
    assert [rows(one) for one in scripted.decided] == [{"big@x": "E5"}, {"a@x": None}]


def test_no_rset_goes_before_a_connections_first_mail() -> None:
    scripted = play_all(ACCEPTED, [mail()], Link("r", FULL))
    assert b"RSET" not in scripted.wire.sent


def test_whatever_the_record_keeper_raises_passes_through_without_a_terminator() -> None:
    def refuse(_: tuple[int, ...]) -> None:
        raise RuntimeError("fenced")

    scripted = Scripted(iter(ACCEPTED.splitlines(keepends=True)), Loss.CLOSED, at_commit=refuse)
    with pytest.raises(RuntimeError, match="fenced"):
        scripted.send([mail()], Link("r", FULL))
    assert not scripted.wire.sent.endswith(b".\r\n")


def test_too_late_for_the_dot_is_deferred_and_ends_the_connection() -> None:
    def late(_: tuple[int, ...]) -> None:
        raise Lost(Loss.TOO_LATE, "too late")

    link = Link("r", FULL)
    scripted = Scripted(iter(ACCEPTED.splitlines(keepends=True)), Loss.CLOSED, at_commit=late)
    scripted.send([mail("a@x")], link)
    assert [rows(one) for one in scripted.decided] == [{"a@x": "W3"}]
    assert link.doubt
    assert not scripted.decided[0].terminator_sent


# what is asked for beside -------------------------------------------------------------------------------------------


def test_law_10_parameters_go_where_the_server_knows_them() -> None:
    wish = MailParameters(ret="HDRS", envid="a+b=c d", require_tls=True, priority=-3, hold_for=60)
    envelope = Envelope("s@x", ("a@x",), wish, {"a@x": RcptParameters(("FAILURE", "DELAY"), "rfc822;a+b@x")})
    offered = Extensions("r", dict.fromkeys(("DSN", "REQUIRETLS", "MT-PRIORITY", "FUTURERELEASE", "PIPELINING"), ""))
    scripted = play_all(ACCEPTED, [MailObject(envelope, BODY)], Link("r", offered, encrypted=True))
    assert scripted.wire.flights[0] == (
        b"MAIL FROM:<s@x> RET=HDRS ENVID=a+2Bb+3Dc+20d REQUIRETLS HOLDFOR=60 MT-PRIORITY=-3\r\n"
        b"RCPT TO:<a@x> NOTIFY=FAILURE,DELAY ORCPT=rfc822;a+2Bb@x\r\nDATA\r\n"
    )


def test_law_10_parameters_that_the_server_does_not_know_are_not_sent() -> None:
    wish = MailParameters(ret="FULL", envid="x", priority=2, auth="a@b.c", deliver_by=DeliverBy(-5, "N"))
    envelope = Envelope("s@x", ("a@x",), wish, {"a@x": RcptParameters(("NEVER",))})
    scripted = play_all(ACCEPTED, [MailObject(envelope, BODY)], Link("r", Extensions("r", {"PIPELINING": ""})))
    assert scripted.wire.flights[0] == b"MAIL FROM:<s@x>\r\nRCPT TO:<a@x>\r\nDATA\r\n"


@pytest.mark.parametrize(
    ("wish", "row"),
    [
        (MailParameters(require_tls=True), "E7"),
        (MailParameters(hold_for=60), "E6"),
        (MailParameters(deliver_by=DeliverBy(60, "R")), "E6"),
    ],
)
def test_law_10_what_changes_the_mails_way_is_not_dropped_silently(wish: MailParameters, row: str) -> None:
    scripted = play_all(b"", [MailObject(Envelope("s@x", ("a@x",), wish), BODY)], Link("r", FULL))
    assert rows(scripted.decided[0]) == {"a@x": row}
    assert scripted.wire.sent == b""


def test_a_reply_behind_the_354_means_that_nothing_was_handed_over() -> None:
    scripted = Scripted(iter([b"250 m\r\n250 r\r\n354 go\r\n250 already\r\n"]), Loss.CLOSED)
    scripted.send([mail("a@x")], Link("r", FULL))
    assert [rows(one) for one in scripted.decided] == [{"a@x": "W1"}]
    assert not scripted.decided[0].terminator_sent
