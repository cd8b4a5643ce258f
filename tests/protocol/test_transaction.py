"""One mail against a scripted server, at every split of what the server says."""

from __future__ import annotations

import pytest
from transcripts import Scripted, splits

from notifier.model.envelope import Envelope, MailObject
from notifier.model.outcome import RecipientState
from notifier.protocol.dialogue import Loss
from notifier.protocol.extensions import Extensions
from notifier.protocol.transaction import Setting, Verdicts, transaction

FULL = Extensions("relay", {"PIPELINING": "", "SIZE": "1000", "8BITMIME": "", "SMTPUTF8": ""})
PLAIN = Extensions("relay", {})
BODY = b"Subject: hi\r\n\r\n.dot\r\n"


def mail(*recipients: str, data: bytes = BODY, eight_bit: bool = False) -> MailObject:
    return MailObject(Envelope("s@x.example", recipients or ("a@x.example",)), data, eight_bit=eight_bit)


def play(
    server: bytes, message: MailObject, setting: Setting, ending: Loss = Loss.CLOSED, pieces: list[bytes] | None = None
) -> tuple[Verdicts, Scripted]:
    scripted = Scripted(iter(pieces if pieces is not None else server.splitlines(keepends=True)), ending)
    scripted.connection.receive(b"220 hi\r\n")
    scripted.connection.next_reply()
    return scripted.play(transaction(message, setting)), scripted


def states(verdicts: Verdicts) -> list[str]:
    return [str(v.state) for v in verdicts.recipients.values()]


def rows(verdicts: Verdicts) -> dict[str, str | None]:
    return {path: v.fault.taxonomy_id if v.fault else None for path, v in verdicts.recipients.items()}


@pytest.mark.parametrize("offered", [FULL, PLAIN], ids=["pipelined", "lock step"])
def test_law_8_an_accepted_mail_at_every_split(offered: Extensions) -> None:
    server = b"250 2.1.0 ok\r\n250 2.1.5 ok\r\n354 go\r\n250-2.0.0 kept\r\n250 2.0.0 as 42\r\n"
    for pieces in splits(server):
        verdicts, scripted = play(server, mail(), Setting("relay:25", offered), pieces=pieces)
        assert states(verdicts) == ["accepted"]
        assert str(verdicts.reply).endswith("2.0.0 as 42")
        assert verdicts.terminator_sent
        assert scripted.connection.quiet
        assert scripted.wire.sent.endswith(b"DATA\r\nSubject: hi\r\n\r\n..dot\r\n.\r\n")


def test_law_8_the_envelope_is_one_flight() -> None:
    _, scripted = play(
        b"250 a\r\n250 b\r\n250 c\r\n354 d\r\n250 e\r\n", mail("a@x.example", "b@x.example"), Setting("r", FULL)
    )
    assert scripted.wire.events == ["flight", "commit", "flight"]
    assert scripted.wire.sent.startswith(b"MAIL FROM:<s@x.example> SIZE=21\r\nRCPT TO:<a@x.example>\r\nRCPT TO:<b@x.ex")


def test_law_8_rset_rides_in_the_next_flight() -> None:
    _, scripted = play(b"250 r\r\n250 a\r\n250 b\r\n354 d\r\n250 e\r\n", mail(), Setting("r", FULL, reset_first=True))
    assert scripted.wire.sent.startswith(b"RSET\r\nMAIL FROM")
    assert scripted.wire.events == ["flight", "commit", "flight"]


def test_three_recipients_get_three_results() -> None:
    server = b"250 a\r\n550 5.1.1 no\r\n250 ok\r\n451 4.7.1 later\r\n354 go\r\n250 kept\r\n"
    for pieces in splits(server):
        verdicts, _ = play(server, mail("bad@x", "ok@x", "later@x"), Setting("r", FULL), pieces=pieces)
        assert rows(verdicts) == {"bad@x": "R7", "later@x": "R2", "ok@x": None}


def test_law_8_all_refused_and_354_sends_the_lone_dot() -> None:
    verdicts, scripted = play(b"250 a\r\n550 no\r\n354 go\r\n554 nobody\r\n", mail(), Setting("r", FULL))
    assert scripted.wire.sent.endswith(b"DATA\r\n.\r\n")
    assert "commit" not in scripted.wire.events
    assert (states(verdicts), verdicts.terminator_sent) == (["refused"], False)
    assert verdicts.doubt


def test_all_refused_and_data_refused_keeps_the_connection() -> None:
    verdicts, scripted = play(b"250 a\r\n550 5.1.1 no\r\n554 5.5.1 nobody\r\n", mail(), Setting("r", FULL))
    assert (verdicts.doubt, verdicts.reset_next, scripted.connection.quiet) == (None, True, True)


def test_lock_step_sends_no_data_where_nobody_is_left() -> None:
    verdicts, scripted = play(b"250 a\r\n550 5.1.1 no\r\n", mail(), Setting("r", PLAIN))
    assert b"DATA" not in scripted.wire.sent
    assert verdicts.reset_next


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
        verdicts, _ = play(server, mail(), Setting("r", FULL), pieces=pieces)
        assert rows(verdicts) == {"a@x.example": row}
        assert states(verdicts) == [state]


@pytest.mark.parametrize("cut", [b"2", b"25", b"250", b"250 ok", b"250-ok\r\n", b"250 ok\r"])
def test_law_14_a_final_reply_that_is_cut_off_is_unknown_and_never_a_success(cut: bytes) -> None:
    verdicts, _ = play(b"250 a\r\n250 b\r\n354 c\r\n" + cut, mail(), Setting("r", FULL))
    assert rows(verdicts) == {"a@x.example": "Z6"}
    assert verdicts.terminator_sent


def test_law_14_no_final_reply_in_time_is_unknown() -> None:
    verdicts, _ = play(b"250 a\r\n250 b\r\n354 c\r\n", mail(), Setting("r", FULL), ending=Loss.TIMEOUT)
    assert rows(verdicts) == {"a@x.example": "Z4"}


def test_law_3_421_in_the_middle_takes_back_those_accepted() -> None:
    verdicts, _ = play(b"250 a\r\n250 b\r\n421 bye\r\n", mail("a@x", "b@x", "c@x"), Setting("r", FULL))
    assert rows(verdicts) == {"a@x": "R10", "b@x": "R10", "c@x": "R10"}
    assert verdicts.doubt


def test_a_reused_connection_that_had_died_costs_no_attempt() -> None:
    for server in (b"", b"421 idle too long\r\n"):
        verdicts, _ = play(server, mail(), Setting("r", FULL, reused=True))
        assert rows(verdicts) == {"a@x.example": "M0"}


def test_law_12_too_many_recipients_go_in_a_further_transaction() -> None:
    server = b"250 a\r\n250 b\r\n452 4.5.3 too many\r\n552 too many\r\n354 c\r\n250 d\r\n"
    verdicts, _ = play(server, mail("a@x", "b@x", "c@x"), Setting("r", FULL))
    assert rows(verdicts) == {"a@x": None, "b@x": "R3", "c@x": "R4"}


def test_law_10_a_mail_over_the_servers_size_is_not_begun() -> None:
    verdicts, scripted = play(b"", mail(data=b"x" * 1001), Setting("r", FULL))
    assert rows(verdicts) == {"a@x.example": "E5"}
    assert scripted.wire.sent == b""


@pytest.mark.parametrize("message", [mail("ü@x.example"), mail(eight_bit=True)], ids=["SMTPUTF8", "8BITMIME"])
def test_law_10_what_the_server_does_not_offer_is_not_begun(message: MailObject) -> None:
    verdicts, scripted = play(b"", message, Setting("r", PLAIN))
    assert {v.fault.taxonomy_id for v in verdicts.recipients.values() if v.fault} == {"E6"}
    assert scripted.wire.sent == b""


def test_law_13_lmtp_answers_for_each_accepted_recipient() -> None:
    server = (
        b"250 m\r\n250 a\r\n550 5.1.1 b\r\n250 c\r\n250 d\r\n354 go\r\n250 kept\r\n452 4.2.2 full\r\n554 5.7.1 no\r\n"
    )
    for pieces in splits(server):
        verdicts, _ = play(server, mail("a@x", "b@x", "c@x", "d@x"), Setting("r", FULL, lmtp=True), pieces=pieces)
        assert rows(verdicts) == {"b@x": "R7", "a@x": None, "c@x": "Z2", "d@x": "Z3"}


def test_law_13_a_missing_lmtp_reply_is_unknown_for_its_recipient_alone() -> None:
    verdicts, _ = play(
        b"250 m\r\n250 a\r\n250 b\r\n354 go\r\n250 kept\r\n", mail("a@x", "b@x"), Setting("r", FULL, lmtp=True)
    )
    assert {path: v.state for path, v in verdicts.recipients.items()} == {
        "a@x": RecipientState.ACCEPTED,
        "b@x": RecipientState.UNKNOWN,
    }


def test_the_dot_is_announced_after_the_body_and_before_the_terminator() -> None:
    _, scripted = play(b"250 a\r\n250 b\r\n354 c\r\n250 d\r\n", mail(), Setting("r", FULL))
    assert scripted.wire.events[-2:] == ["commit", "flight"]


@pytest.mark.parametrize("path", ["a@b> SIZE=1", "a@b\r\nDATA", "a b@c"])
def test_law_5_a_path_that_smuggles_is_refused_before_the_first_step(path: str) -> None:
    with pytest.raises(ValueError, match="forward-path"):
        transaction(mail(path), Setting("r", FULL))
