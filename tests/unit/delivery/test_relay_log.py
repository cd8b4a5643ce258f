"""Lines as Postfix 3.7 and 3.8 write them through syslog, and through a log file of its own."""

from __future__ import annotations

from pathlib import Path

import pytest

from notifier.delivery.relay_log import RelayLog
from notifier.model.proof import Inquiry, Proof

ONE, OTHER = "01931f6e-0000-7000-8000-000000000001", "01931f6e-0000-7000-8000-000000000002"
ZOE, BOB = "zoe@example.com", "bob@example.org"
AT = "Nov 25 19:34:43 mx1"


def lines(queue_id: str, mail_id: str, *recipients: str, at: str = AT, removed: bool = True) -> str:
    """One mail's way through Postfix."""
    return "\n".join(
        [
            f"{at} postfix/smtpd[1201]: connect from worker-1.example.net[192.0.2.7]",
            f"{at} postfix/smtpd[1201]: {queue_id}: client=worker-1.example.net[192.0.2.7]",
            f"{at} postfix/cleanup[1204]: {queue_id}: message-id=<{mail_id}@shop.example>",
            f"{at} postfix/qmgr[987]: {queue_id}: from=<shop@shop.example>, size=1893, nrcpt=1 (queue active)",
            *(f"{at} postfix/smtp[1210]: {queue_id}: {line}" for line in recipients),
            *([f"{at} postfix/qmgr[987]: {queue_id}: removed"] if removed else []),
            "",
        ]
    )


def to(path: str, status: str = "sent", words: str = "250 2.0.0 Ok: queued as 4XyZ", more: str = "") -> str:
    dsn = {"sent": "2.0.0", "deferred": "4.4.1", "bounced": "5.1.1"}.get(status, "2.0.0")
    return (
        f"to=<{path}>, {more}relay=mail.example.com[198.51.100.4]:25, delay=0.71, delays=0.05/0.01/0.4/0.25, "
        f"dsn={dsn}, status={status} ({words})"
    )


def ask(folder: Path, text: str, *recipients: str, mail_id: str = ONE) -> dict[str, Proof]:
    log = folder / "mail.log"
    log.write_text(text, encoding="utf-8")
    asked = Inquiry(mail_id, f"<{mail_id}@shop.example>", mail_id, recipients or (ZOE,), 0.0)
    return RelayLog(log)([asked]).get(mail_id, {})


@pytest.mark.parametrize(
    ("line", "proof"),
    [
        (to(ZOE), Proof.DELIVERED),
        (to(ZOE, "deferred", "connect to mail.example.com[198.51.100.4]:25: Connection timed out"), Proof.DELIVERED),
        (to(ZOE, "bounced", "host mail.example.com[198.51.100.4] said: 550 5.1.1 No such user"), Proof.REFUSED),
        (to("Zoe@Example.COM"), Proof.DELIVERED),
        (to("zoe@mailbox.example.com", more=f"orig_to=<{ZOE}>, "), Proof.DELIVERED),
        (to(ZOE).replace("delay=", "conn_use=2, delay="), Proof.DELIVERED),
        (to(ZOE).replace("relay=mail.example.com[198.51.100.4]:25", "relay=none"), Proof.DELIVERED),
    ],
)
def test_what_became_of_a_recipient_is_read_under_the_mails_queue_id(tmp_path: Path, line: str, proof: Proof) -> None:
    assert ask(tmp_path, lines("4F1A2B3C4D", ONE, line)) == {ZOE: proof}


@pytest.mark.parametrize(
    "at", [AT, "2026-11-25T19:34:43.123456+00:00 mx1", "Nov 25 19:34:43 mx1.example.net", "Nov  5 09:04:03 mx1"]
)
def test_every_form_of_time_and_queue_id_is_read(tmp_path: Path, at: str) -> None:
    for queue_id in ("4F1A2B3C4D", "3ZqYcN0nhqz9vN"):
        assert ask(tmp_path, lines(queue_id, ONE, to(ZOE), at=at)) == {ZOE: Proof.DELIVERED}


def test_an_instance_of_postfix_with_a_name_of_its_own_is_read(tmp_path: Path) -> None:
    text = lines("4F1A2B3C4D", ONE, to(ZOE)).replace(" postfix/", " postfix-out/submission/")
    assert ask(tmp_path, text) == {ZOE: Proof.DELIVERED}


def test_recipients_of_whom_nothing_is_written_are_left_out(tmp_path: Path) -> None:
    text = lines("4F1A2B3C4D", ONE, to(ZOE), to("somebody@example.net"), removed=False)
    assert ask(tmp_path, text, ZOE, BOB) == {ZOE: Proof.DELIVERED}


def test_a_mail_that_postfix_has_not_taken_proves_nothing(tmp_path: Path) -> None:
    begun = "\n".join(lines("4F1A2B3C4D", ONE).splitlines()[:3])
    lost = f"{AT} postfix/smtpd[1201]: lost connection after DATA (812 bytes) from worker-1.example.net[192.0.2.7]"
    assert ask(tmp_path, f"{begun}\n{lost}\n") == {}
    assert ask(tmp_path, "") == {}


def test_another_mails_lines_are_not_taken_for_ours(tmp_path: Path) -> None:
    text = lines("4F1A2B3C4D", OTHER, to(ZOE)) + lines("4F1A2B3C4E", ONE, removed=False)
    assert ask(tmp_path, text) == {}


def test_a_queue_id_that_comes_again_is_of_another_mail(tmp_path: Path) -> None:
    text = lines("4F1A2B3C4D", OTHER, to(ZOE, "bounced")) + lines("4F1A2B3C4D", ONE, to(ZOE))
    text += lines("4F1A2B3C4D", OTHER, to(ZOE, "bounced"))
    assert ask(tmp_path, text) == {ZOE: Proof.DELIVERED}


def test_of_two_copies_the_one_that_has_arrived_decides(tmp_path: Path) -> None:
    first, second = lines("4F1A2B3C4D", ONE, to(ZOE)), lines("4F1A2B3C4E", ONE, to(ZOE, "bounced"))
    assert ask(tmp_path, first + second) == ask(tmp_path, second + first) == {ZOE: Proof.DELIVERED}


@pytest.mark.parametrize(
    "line",
    [
        to(ZOE, "undeliverable"),
        to(ZOE, "deliverable"),
        f"warning: header Subject: message-id=<{ONE}@shop.example>, to=<{ZOE}>, status=sent",
        f"host mail.example.com said: 450 to=<{ZOE}>, relay=x, delay=1, delays=1/1/1/1, dsn=2.0.0, status=sent",
    ],
)
def test_what_only_looks_like_proof_is_none(tmp_path: Path, line: str) -> None:
    assert ask(tmp_path, lines("4F1A2B3C4D", ONE, line)) == {}


def test_another_servers_words_are_no_status(tmp_path: Path) -> None:
    words = f"host said: 550 no. to=<{ZOE}>, relay=x, delay=1, delays=1/1/1/1, dsn=2.0.0, status=sent (250 ok)"
    assert ask(tmp_path, lines("4F1A2B3C4D", ONE, to(ZOE, "bounced", words))) == {ZOE: Proof.REFUSED}


def test_a_resent_message_id_is_not_the_mails(tmp_path: Path) -> None:
    text = lines("4F1A2B3C4D", ONE, to(ZOE)).replace("message-id=", "resent-message-id=")
    assert ask(tmp_path, text) == {}


def test_recipients_of_other_scripts_are_found(tmp_path: Path) -> None:
    assert ask(tmp_path, lines("4F1A2B3C4D", ONE, to("jürgen@bücher.example")), "jürgen@bücher.example")
    assert ask(tmp_path, lines("4F1A2B3C4D", ONE, to("j@xn--bcher-kva.example")), "j@xn--bcher-kva.example")


def test_a_log_that_was_rotated_meanwhile_is_read_too(tmp_path: Path) -> None:
    whole = lines("4F1A2B3C4D", ONE, to(ZOE)).splitlines(keepends=True)
    (tmp_path / "mail.log.1").write_text("".join(whole[:4]))
    assert ask(tmp_path, "".join(whole[4:])) == {ZOE: Proof.DELIVERED}


def test_of_a_long_log_the_newest_part_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("notifier.delivery.relay_log.MOST", 2000)
    ours, others = lines("4F1A2B3C4D", ONE, to(ZOE)), lines("4F1A2B3C4E", OTHER, to(BOB)) * 4
    assert ask(tmp_path, others + ours) == {ZOE: Proof.DELIVERED}
    assert ask(tmp_path, ours + others) == {}


def test_octets_that_are_no_text_are_in_nobodys_way(tmp_path: Path) -> None:
    (tmp_path / "mail.log.1").write_bytes(b"\xff\xfe\x00 mx1 postfix/cleanup[1]: AB\xff: message-id=<\xff@x>\n")
    assert ask(tmp_path, lines("4F1A2B3C4D", ONE, to(ZOE))) == {ZOE: Proof.DELIVERED}


def test_a_log_that_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        RelayLog(tmp_path / "mail.log")([])
