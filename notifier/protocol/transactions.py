"""A call's mails: checked all at once, and the first transaction of each, made when it is asked for.

Most mails are plain: nothing special is asked for, and there is one recipient. Such a one has no transaction of its own as
long as each reply is the one that is wished for; where one is not, its transaction is made as if it had been there before.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from notifier.model.envelope import MailObject
from notifier.model.octets import whole
from notifier.protocol.commands import plain_envelope, plain_flight
from notifier.protocol.delivery import Delivery
from notifier.protocol.envelope_lines import are_plain, is_special, plain_lines, size_of, special_lines
from notifier.protocol.extensions import Extensions
from notifier.protocol.link import Link
from notifier.protocol.reply import Reply
from notifier.protocol.transaction import Transaction, accepted
from notifier.protocol.transparency import check_line_ends, framed, surely_lines

_ANYWHERE = Link("", Extensions())


def check_mail(mail: MailObject) -> None:
    """Raises `ValueError` for paths and line ends that SMTP cannot carry, whatever the server offers."""
    _checked(mail, _ANYWHERE)


def _checked(mail: MailObject, link: Link) -> bytes:
    """The envelope's lines of a mail that asks for nothing special and goes in one transaction; nothing for others.

    Raises `ValueError` for what SMTP cannot carry, whichever it is.
    """
    if not mail.binary:
        check_line_ends(mail.data)
    paths = mail.envelope.forward_paths
    if not paths:
        raise ValueError("a mail without a forward-path")
    if is_special(mail):
        special_lines(mail, paths, link)  # for what it raises
        return b""
    lines = plain_lines(mail, paths, link)
    return b"" if link.rcpt_max is not None and len(paths) > link.rcpt_max else lines


def transactions_for(mails: Sequence[MailObject], link: Link) -> Transactions:
    """Each mail's first transaction. All mails are checked now.

    Raises `ValueError` for what SMTP cannot carry, for the first mail of which that is so.
    """
    mails = tuple(mails)  # what is checked is what goes
    if are_plain(mails) and surely_lines([mail.data for mail in mails]):
        return Transactions(mails, link)
    return Transactions(mails, link, [_checked(mail, link) for mail in mails])


class Transactions(Iterator[Transaction]):
    """Each mail's first transaction, made when it is asked for: so many objects at once would keep the collector busy.

    ``lines``: of each mail's envelope, where they are known. Without them all mails are ``plain``: none asks for anything special or
    has more than one recipient, and its lines are made when it goes. Then mails can be in flight by their positions alone; whichever turns out not to
    be accepted has its transaction made then.
    """

    def __init__(self, mails: Sequence[MailObject], link: Link, lines: Sequence[bytes] | None = None) -> None:
        self._mails = mails
        self._link = link
        self._lines = lines
        self.plain = lines is None
        self._at = 0
        self._fit: dict[int, bool] = {}

    def __next__(self) -> Transaction:
        if self.over:
            raise StopIteration
        self._at += 1
        return self.first_of(self._at - 1)

    @property
    def over(self) -> bool:
        """True where none is left."""
        return self._at >= len(self._mails)

    def first_of(self, position: int) -> Transaction:
        """The first transaction of the mail that stands there."""
        mail = self._mails[position]
        lines = self.envelope(position)
        return Transaction(Delivery(position, mail, {}), mail.envelope.forward_paths, self._link, lines)

    def envelope(self, position: int) -> bytes:
        """Its lines; nothing where they are not known."""
        if self._lines is not None:
            return self._lines[position]
        mail = self._mails[position]
        size = size_of(mail.data) if self._link.declares_size else None
        return plain_envelope(mail.envelope.reverse_path, mail.envelope.forward_paths[0], size)

    def give_many(self, most: int, size: int) -> range:
        """The positions of the next mails, up to ``most``, where all are plain, fit into what the server takes, and have up to ``size`` octets; else
        none. Nobody else is given them then.
        """
        if not self.are_plain(size):
            return range(0)
        start = self._at
        self._at = min(len(self._mails), start + max(0, most))
        return range(start, self._at)

    def give(self) -> int | None:
        """The position of the next mail, which nobody else is given then; None where none is left."""
        if self.over:
            return None
        self._at += 1
        return self._at - 1

    def are_plain(self, size: int) -> bool:
        """True where all are, and each has up to ``size`` octets, which the server takes."""
        if not self.plain:
            return False
        if size not in self._fit:
            limit = min(size, self._link.size_limit or size)
            self._fit[size] = max([len(mail.data) for mail in self._mails]) + 2 <= limit
        return self._fit[size]

    def framed(self, position: int) -> bytes:
        """The message with its terminator."""
        return framed(whole(self._mails[position].data))

    def delivered(self, position: int, welcome: Reply, final: Reply) -> Delivery:
        """A plain mail that is accepted."""
        mail = self._mails[position]
        return Delivery(position, mail, {mail.envelope.forward_paths[0]: accepted(welcome)}, final, True)

    def begun(self, position: int) -> Transaction:
        """The transaction of a plain mail whose envelope has gone behind another mail."""
        one = self.first_of(position)
        one.stands(reused=True, resets=False)
        return one

    def welcomed(self, position: int, welcome: Reply) -> Transaction:
        """The same, where its recipient is accepted and the message may go."""
        one = self.begun(position)
        one.accepted, one.welcomes = list(one.paths), [welcome]
        return one

    def flight(self, positions: range) -> list[tuple[bytes, bytes]]:
        """Plain mails, each with RSET, its envelope and BDAT, and its message."""
        self._link.carried += len(positions)
        messages, envelopes = [], []
        for mail in self._mails[positions.start : positions.stop]:
            data, envelope = mail.data, mail.envelope
            if not isinstance(data, bytes):
                data = whole(data)
            messages.append(data)
            octets = len(data)
            size = octets if data.endswith(b"\r\n") else octets + 2
            envelopes.append((envelope.reverse_path, envelope.forward_paths[0], size, octets))
        return list(zip(plain_flight(envelopes, declares_size=self._link.declares_size), messages, strict=True))

    def in_chunks(self, position: int) -> tuple[bytes, bytes]:
        """One without RSET."""
        data = whole(self._mails[position].data)
        return b"%bBDAT %d LAST\r\n" % (self.envelope(position), len(data)), data

    def in_flight(self, position: int, *, reused: bool = True, resets: bool = True) -> Transaction:
        """The transaction of a mail that went out so."""
        one = self.first_of(position)
        one.stands(reused=reused, resets=resets)
        one.flying = True
        return one

    def taken(self, positions: Sequence[int], welcomes: Sequence[Reply], finals: Sequence[Reply]) -> Taken:
        """What is yielded of those."""
        mails = self._mails
        paths = [mails[position].envelope.forward_paths[0] for position in positions]
        return Taken(positions, paths, welcomes, finals)


class Taken(NamedTuple):
    """Plain mails that are accepted, each by its one recipient's ``welcomes`` and its final reply."""

    positions: Sequence[int]
    paths: Sequence[str]
    welcomes: Sequence[Reply]
    finals: Sequence[Reply]
