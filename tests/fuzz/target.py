"""What must hold for any octets from a server: the parsers end, stay in their bounds, and do not care how they are cut."""

from __future__ import annotations

from notifier.protocol.extensions import Extensions
from notifier.protocol.reply import CAPS, Reply, ReplyParser


def one_input(data: bytes) -> None:
    """The first octet says how long the pieces are; the rest is what the server says."""
    if not data:
        return
    size, octets = data[0] % 64 + 1, data[1:]
    whole = _parsed([octets])
    pieces = _parsed([octets[at : at + size] for at in range(0, len(octets), size)])
    assert whole == pieces, "the replies depend on how the octets were cut"
    for reply in whole[0]:
        _check(reply)


def _parsed(pieces: list[bytes]) -> tuple[list[Reply], bool]:
    parser = ReplyParser()
    replies = [reply for piece in pieces for reply in parser.feed(piece)]
    return replies, parser.violation is not None


def _check(reply: Reply) -> None:
    assert 200 <= reply.code <= 599
    assert 1 <= len(reply.lines) <= CAPS.lines
    assert sum(map(len, reply.lines)) <= CAPS.octets
    assert not any(octet in line for line in reply.lines for octet in b"\r\n\0")
    assert reply.enhanced is None or int(reply.enhanced[0]) == reply.code // 100
    offered = Extensions.parse(reply)
    assert all(keyword == keyword.upper() for keyword in offered.keywords)
    for limit in (offered.size_limit, offered.mail_max, offered.rcpt_max):
        assert limit is None or limit > 0
    assert offered.name is None or offered.name.isprintable()
