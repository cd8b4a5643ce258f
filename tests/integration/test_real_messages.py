"""Messages that people's programs really sent: the test data of CPython and of two mail libraries, which go out as they are."""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import cache
from importlib.util import find_spec
from pathlib import Path

import pytest
from workers import TOP

from notifier.delivery.own_message import OwnMessage, read_own_message
from notifier.errors import InvalidMail
from notifier.mime.message import completed, header_is_ascii
from notifier.model.address import Address
from notifier.model.envelope import Envelope, MailObject
from notifier.model.octets import whole
from notifier.smtp import Endpoint, Session, TLSPolicy
from notifier.testing import HostileServer

PUBLISHED = TOP / ".cache" / "published"
CORPORA = {"CPython": "msg_*.txt", "flufl.bounce": "tests/data/*.txt", "django-mailbox": "**/*.eml"}
SENDER, READER = Address.parse("s@x.example"), [Address.parse("r@y.example")]
NO_FROM = "the header has no From"
# What RFC 5322 does not take for a message: told with its reason and never repaired by guessing.
REFUSED = {
    "msg_05.txt": "no '@' in address",
    **dict.fromkeys((f"msg_{number}.txt" for number in (11, 18, 37, 38, 39, 40)), NO_FROM),
    "msg_19.txt": "line 1 of the header is no field",
    "msg_20.txt": "3 fields Cc",
    "msg_25.txt": "2 fields To",
    "msg_35.txt": "line 4 of the header is no field",
    "msg_43.txt": "no address in '<>'",
    "sendmail_01.txt": "2 fields To",
    "simple_13.txt": NO_FROM,
    **dict.fromkeys(("bounce_01.txt", "simple_24.txt", "simple_31.txt", "simple_35.txt"), "no address in '<>'"),
    **dict.fromkeys(
        ("sina_01.txt", "message_with_single_byte_extended_subject_encoding.eml"), "neither ASCII nor UTF-8"
    ),
}


@cache
def files(corpus: str) -> list[Path]:
    """The messages, where they are."""
    if corpus == "CPython":
        found = find_spec("test.test_email")
        folder = Path(found.origin).parent / "data" if found and found.origin else None
        why = "this Python came without its own tests"
    else:
        folder = PUBLISHED / corpus
        why = f"no {corpus} here; NOTIFIER_INSTALL_SERVERS=1 make test unpacks it"
        assert folder.is_dir() or not os.environ.get("CI"), f"CI has every package (tests/install_servers.sh): {why}"
    if folder is None or not folder.is_dir():
        pytest.skip(why)
    return sorted(folder.glob(CORPORA[corpus]))


def octets_of(file: Path) -> bytes:
    """Without the line that a mailbox file puts before each message."""
    octets = file.read_bytes()
    return octets.partition(b"\n")[2] if octets.startswith(b"From ") else octets


def taken(corpus: str) -> Iterator[tuple[Path, OwnMessage]]:
    for file in files(corpus):
        if file.name not in REFUSED:
            yield file, read_own_message(octets_of(file), SENDER, READER, limit=10**7)


@pytest.mark.parametrize("corpus", CORPORA)
def test_what_is_a_message_is_taken_as_it_is(corpus: str) -> None:
    messages = dict(taken(corpus))
    assert len(messages) >= 20 or corpus == "django-mailbox"
    for file, own in messages.items():
        assert whole(own.data) == octets_of(file).replace(b"\r\n", b"\n").replace(b"\n", b"\r\n"), file.name


@pytest.mark.parametrize("corpus", CORPORA)
def test_what_is_no_message_is_refused_with_its_reason(corpus: str) -> None:
    for file in files(corpus):
        if file.name in REFUSED:
            with pytest.raises(InvalidMail, match=REFUSED[file.name]):
                read_own_message(octets_of(file), SENDER, READER, limit=10**7)


@pytest.mark.parametrize("way", ["CHUNKING", "PIPELINING"])
@pytest.mark.parametrize("corpus", CORPORA)
def test_what_was_taken_arrives_to_the_octet(corpus: str, way: str) -> None:
    envelope = Envelope("s@x.example", ("r@y.example",))
    made = [
        completed(own.data, message_id="<1@x.example>", date=datetime(2026, 11, 28, tzinfo=UTC))
        for _, own in taken(corpus)
    ]
    mails = [MailObject(envelope, data, smtputf8=not header_is_ascii(data)) for data in made]
    sent = [whole(data) for data in made]
    with HostileServer(offers=("PIPELINING", "8BITMIME", "SMTPUTF8", way)) as server:
        with Session.open(Endpoint("127.0.0.1", server.port, tls=TLSPolicy.NONE)) as session:
            outcomes = list(session.send_many(mails))
        assert not [fault for outcome in outcomes for fault in outcome.faults]
        ended = [data if data.endswith(b"\r\n") else data + b"\r\n" for data in sent]
        arrived = [one.octets if one.octets.endswith(b"\r\n") else one.octets + b"\r\n" for one in server.accepted]
        assert arrived == ended
