"""One transaction, and what each reply, or its absence, means for each recipient.

Nothing is sent from here: `notifier.protocol.sending` says what goes when, and tells a `Transaction` what came back.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

from notifier.errors import Fault, Phase
from notifier.model.envelope import MailObject
from notifier.model.outcome import RecipientOutcome, RecipientState
from notifier.protocol import taxonomy
from notifier.protocol.delivery import Delivery
from notifier.protocol.dialogue import Lost
from notifier.protocol.envelope_lines import (
    is_special,
    needed_keywords,
    plain_lines,
    size_of,
    special_lines,
)
from notifier.protocol.link import Link
from notifier.protocol.parameters import missing
from notifier.protocol.reply import Reply

_STATE = {
    "transient": RecipientState.DEFERRED,
    "misconfigured": RecipientState.DEFERRED,
    "permanent": RecipientState.REFUSED,
    "unknown": RecipientState.UNKNOWN,
}
# R3 and R4: the server would take these recipients, only not in this transaction (RFC 5321 section 4.5.3.1.10).
_TOO_MANY = frozenset({"R3", "R4"})
# The server has lost count, or forgotten the login: a mail behind this one would hear the same.
_ONLY_ANOTHER_CONNECTION = frozenset({"M5", "A5"})
_OF_AN_ADDRESS = b"2.1."  # RFC 3463 section 3.2: said of a sender or a recipient, never of a message


def verdict(fault: Fault) -> RecipientOutcome:
    """The recipient's state that follows from a fault."""
    return RecipientOutcome(_STATE[fault.error_class], fault)


@lru_cache(maxsize=256)
def accepted(reply: Reply) -> RecipientOutcome:
    """An accepted recipient, of whom the server said this; servers say the same all day long."""
    return RecipientOutcome(RecipientState.ACCEPTED, None, taxonomy.clean(str(reply)))


def of_an_address(reply: Reply) -> bool:
    """True where its enhanced code is about a sender or a recipient, which a reply about a message never has."""
    return reply.lines[0].startswith(_OF_AN_ADDRESS)


def good_in_step(said: Sequence[Reply], *, enhanced: bool) -> bool:
    """True where replies to RSET, MAIL, RCPT and BDAT, over and over, and the one to RSET behind them, are all 250, each
    where it belongs as far as one can see. `Transaction.is_all_good` says the same, of one mail.
    """
    if any(reply.code != 250 for reply in set(said)):
        return False
    return not (enhanced and any(map(of_an_address, {*said[3::4], *said[4::4]})))


class Transaction:
    """``delivery``'s mail to ``paths``, as many of them as the server takes in one transaction.

    ``lines``: MAIL and every RCPT, encoded. ``unfit``: why the server cannot take it, as it has said itself. ``framed``:
    the message with its terminator, once it is prepared. ``flying``: the message went out with its envelope, so that
    the final reply alone decides; ``ended`` is then why it should not have been accepted.
    """

    # Most of it is never set, so it stands here, and one is made in half the time.
    mail_said = b""  # the first line of the reply to MAIL
    ended: Fault | None = None
    flying = False
    framed = b""
    mail_fault: Fault | None = None
    phase = Phase.MAIL  # the one whose reply is waited for
    reused = False  # the connection has carried a mail before
    resets = False  # RSET goes before it
    owed = 0  # replies, for the envelope
    shifted = False  # a reply is not of the kind that its command has: replies are out of step
    continued = False  # its mail goes on in a further transaction
    unfit: Fault | None = None
    more: Sequence[str] = ()  # paths that are beyond what the server takes in one transaction

    def __init__(self, delivery: Delivery, paths: Sequence[str], link: Link, lines: bytes | None = None) -> None:
        self.delivery = delivery
        self.link = link
        self.paths = paths
        if (most := link.rcpt_max) is not None and len(paths) > most:
            self.paths, self.more = paths[:most], paths[most:]
        self.accepted: list[str] = []
        self.welcomes: list[Reply] = []  # to the RCPT of each of those
        self.lines = lines or self._own_lines()
        limit = link.size_limit
        if limit is not None and len(delivery.mail.data) + 2 > limit:  # it is measured where that may decide it
            self._check_size(limit)

    # what goes out --------------------------------------------------------------------------------------------------

    def _check_size(self, limit: int) -> None:
        if (size := size_of(self.delivery.mail.data)) > limit:
            words = f"the message has {size} octets and the server takes {limit}"
            self.unfit = self._fault("E5", Phase.MAIL, words)

    def _own_lines(self) -> bytes:
        mail = self.delivery.mail
        self.unfit = self._what_is_missing(mail)
        return (special_lines if is_special(mail) else plain_lines)(mail, self.paths, self.link)

    def _what_is_missing(self, mail: MailObject) -> Fault | None:
        """E6 and E7: what the server has said that it cannot take is not tried."""
        offered = self.link.offered
        for keyword in needed_keywords(mail):
            if keyword not in offered or (self.link.lmtp and keyword == "CHUNKING"):
                return self._fault("E6", Phase.MAIL, f"the mail needs {keyword}, and the server has it not")
        if (wish := mail.envelope.parameters) is not None:
            lack = missing(wish, offered, encrypted=self.link.encrypted)
            return self._fault(lack.row, Phase.MAIL, lack.words) if lack else None
        return None

    def begin(self) -> bytes:
        """The envelope's lines, with RSET before them where it is due; the transaction begins with them."""
        link = self.link
        self.stands(reused=link.carried > 0, resets=link.reset_first)
        link.carried, link.reset_first = link.carried + 1, False
        return b"RSET\r\n" + self.lines if self.resets else self.lines

    def stands(self, *, reused: bool, resets: bool) -> None:
        """Where it is once its envelope has gone."""
        self.reused, self.resets = reused, resets
        self.owed = 1 + len(self.paths) + resets

    @property
    def alike(self) -> bool:
        """True where it owes as many replies as nearly all in a window do: RSET's, MAIL's, and one recipient's."""
        return self.resets and self.owed == 3 and not self.more

    def is_all_good(self, *, followed: bool) -> bool:
        """True where all replies have come and are 250, each where it belongs as far as one can see.

        ``followed``: another mail has gone behind, whose RSET shows whether a final reply is missing.
        """
        link, owed = self.link, self.owed
        replies, enhanced = link.replies, link.enhanced
        if len(replies) <= owed + (followed and enhanced) or self.more:
            return False
        for number in range(owed + 1):
            if replies[number].code != 250:
                return False
        return not (enhanced and (of_an_address(replies[owed]) or (followed and of_an_address(replies[owed + 1]))))

    def accept(self, welcome: Reply, final: Reply) -> Delivery:
        """Its one recipient was welcome, and the final reply is 250."""
        delivery = self.delivery
        delivery.recipients[self.paths[0]] = accepted(welcome)
        delivery.reply, delivery.terminator_sent = final, True
        return delivery

    def take_all_good(self) -> Delivery:
        """Take the replies to the envelope and the final one, which are there and are all 250: everybody is accepted."""
        delivery, replies = self.delivery, self.link.replies
        for _ in range(1 + self.resets):
            replies.popleft()
        for path in self.paths:
            delivery.recipients[path] = accepted(replies.popleft())
        delivery.reply, delivery.terminator_sent = replies.popleft(), True
        return delivery

    def further(self) -> Transaction | None:
        """The transaction for those whom the server did not take in this one, if there are any (law 12).

        They are not this one's any more.
        """
        if self.accepted and not self.delivery.recipients and not self.more:
            return None
        recipients, over = self.delivery.recipients, []
        if self.accepted:
            over = [path for path in self.paths if path in recipients and _is_too_many(recipients[path])]
        if not (over or self.more):
            return None
        for path in over:
            del recipients[path]
        self.paths = [path for path in self.paths if path not in over]
        rest, self.more, self.continued = [*over, *self.more], (), True
        return Transaction(self.delivery, rest, self.link)

    # what came back -------------------------------------------------------------------------------------------------

    def taken_as_asked(self) -> bool:
        """Take the replies to the envelope and to DATA, where all have come and each is the one that is wished for.

        That is what nearly all come to. Where it is not, nothing is taken.
        """
        replies, owed = self.link.replies, self.owed
        if len(replies) <= owed or replies[owed].code != 354:
            return False
        for number in range(owed):
            if replies[number].code != 250:
                return False
        for _ in range(1 + self.resets):
            replies.popleft()
        for path in self.paths:
            self.accepted.append(path)
            self.welcomes.append(replies.popleft())
        replies.popleft()
        return True

    def reset_answered(self, reply: Reply) -> None:
        """The reply to RSET."""
        self.link.closing = self.link.closing or reply.code == 421
        if not reply.positive:
            self._end(taxonomy.of_reply(Phase.RSET, reply, host=self.link.host))

    def mail_answered(self, reply: Reply) -> None:
        """The reply to MAIL."""
        if reply.positive:
            self.mail_said = reply.lines[0]
            return
        self.shifted = reply.code < 400
        self.mail_fault = fault = taxonomy.of_reply(Phase.MAIL, reply, host=self.link.host, reused=self.reused)
        self.link.closing = self.link.closing or reply.code == 421
        if reply.code == 421 or fault.taxonomy_id in _ONLY_ANOTHER_CONNECTION:
            self.link.doubt = str(reply)
        if self.flying and fault.taxonomy_id == "M5":  # another transaction is open, and our message may join it
            self.ended = fault
        else:
            self.refuse(fault, everybody=True)

    def rcpt_answered(self, path: str, reply: Reply) -> None:
        """The reply to the RCPT of ``path``."""
        self.shifted = self.shifted or 300 <= reply.code < 400
        if reply.positive and self.mail_fault is None:
            self.accepted.append(path)
            self.welcomes.append(reply)
        elif reply.code == 421:
            fault = taxonomy.of_reply(Phase.RCPT, reply, host=self.link.host)
            self.link.closing = True
            self._end(fault)
            self.delivery.recipients[path] = verdict(fault)
        elif self.mail_fault is None:
            after = bool(self.accepted)
            fault = taxonomy.of_reply(Phase.RCPT, reply, host=self.link.host, after_accepted=after)
            if fault.taxonomy_id == "M5":
                self._end(fault)
            self.delivery.recipients[path] = verdict(fault)

    def data_answered(self, reply: Reply) -> bool:
        """The reply to DATA; True where a message is waited for now."""
        if reply.code == 354:
            return not self.shifted
        self.shifted = self.shifted or reply.positive
        fault = taxonomy.of_reply(Phase.DATA, reply, host=self.link.host)
        self.refuse(fault)
        self.broken_off()
        self.link.closing = self.link.closing or reply.code == 421
        if reply.code == 421 or fault.taxonomy_id == "X4" or (self.accepted and fault.taxonomy_id == "X2"):
            self.link.doubt = str(reply)
        return False

    def finally_answered(self, reply: Reply) -> None:
        """The final reply, for everybody who was accepted."""
        fault = self._final(reply)
        for path, welcome in zip(self.accepted, self.welcomes, strict=True):
            self.delivery.recipients[path] = accepted(welcome) if fault is None else verdict(fault)

    def finally_answered_for(self, path: str, reply: Reply) -> None:
        """The final reply for one recipient (LMTP, RFC 2033 section 4.2)."""
        fault = self._final(reply)
        self.delivery.recipients[path] = accepted(reply) if fault is None else verdict(fault)

    def chunk_answered(self, reply: Reply) -> bool:
        """The reply to a BDAT that was not the last; True where the message may go on."""
        if reply.positive and reply.code != 221 and self.accepted:
            return True
        self.last_chunk_answered(reply)
        self.broken_off()
        return False

    def last_chunk_answered(self, reply: Reply) -> None:
        """The final reply to a message in chunks."""
        if not self.accepted:
            self._nobody_left(reply)
        elif self.link.out_of_step():
            # Without DATA's 354 in between nothing tells whose reply this is: a stale 250 is never a success.
            self.in_doubt("more replies than commands")
        elif self.flying and self._is_an_envelopes(reply):
            self.in_doubt("a reply to the envelope stands where the message's is due")
        elif self.ended is not None and not reply.positive:
            self.refuse(self.ended)
        elif reply.code in (500, 502, 503):  # RFC 3030 section 2: the chunk was not taken as one
            fault = taxonomy.of_reply(Phase.DATA, Reply(503, reply.lines), host=self.link.host)
            self.refuse(fault)
            self.link.doubt = str(reply)
        else:
            self.finally_answered(reply)
            if not reply.positive:
                self.broken_off()

    def _is_an_envelopes(self, reply: Reply) -> bool:
        """True where replies have moved: what should be said of the message is said of an address.

        A server that says the same to everything is not meant.
        """
        if not (self.link.enhanced and of_an_address(reply)):
            return False
        return reply.lines[0].partition(b" ")[0] != self.mail_said.partition(b" ")[0]

    def _nobody_left(self, reply: Reply) -> None:
        """The message went out with its envelope, and nobody was accepted: a refusal is not about it."""
        self.broken_off()
        if reply.positive:
            if self.mail_fault is not None:
                # What was read as MAIL's refusal may have come unasked (a 421 while the connection was idle), and each
                # reply behind it belong to the command before.
                self._forget()
            self.in_doubt("a message accepted for no recipient")
        elif self.ended is not None:
            self.refuse(self.ended)

    def in_doubt(self, why: str) -> None:
        """The message was handed over, and the reply to it may be another one's: whoever was accepted is unknown."""
        for path in self.accepted:
            self.delivery.recipients.pop(path, None)
        self.delivery.terminator_sent = True
        self.link.doubt = why
        self.refuse(self._fault("Z7", Phase.FINAL_REPLY, why))

    def broken_off(self) -> None:
        """The transaction ended without a message, perhaps still open: RSET before the next."""
        self.link.reset_first = True

    def _final(self, reply: Reply) -> Fault | None:
        """What a final reply says; None where somebody is accepted by it. Such a one is kept before any other."""
        delivery, code = self.delivery, reply.code
        good = 200 <= code < 300 and code != 221
        if good or delivery.reply is None or not delivery.reply.positive:
            delivery.reply = reply
        delivery.terminator_sent = True
        if good:
            return None
        if code == 221:
            fault = self._fault("Z7", Phase.FINAL_REPLY, str(reply))
        else:
            fault = taxonomy.of_reply(Phase.FINAL_REPLY, reply, host=self.link.host)
        self.link.closing = self.link.closing or reply.code == 421
        if code == 421 or fault.taxonomy_id == "Z7":
            self.link.doubt = str(reply)
        return fault

    def refuse(self, fault: Fault, *, everybody: bool = False) -> None:
        """The fault for all of this transaction's paths, or ``everybody`` behind too, that are undecided."""
        recipients, outcome = self.delivery.recipients, verdict(fault)
        if everybody:
            self.paths, self.more = [*self.paths, *self.more], ()
        for path in self.paths:
            if path not in recipients:
                recipients[path] = outcome

    # what did not come ----------------------------------------------------------------------------------------------

    def lost(self, lost: Lost, *, handed_over: bool = False) -> None:
        """The connection failed at ``phase``. ``handed_over``: the terminator had gone, whatever is waited for."""
        link = self.link
        link.doubt = link.doubt or lost.text or str(lost.loss)
        phase = self.phase
        if handed_over or phase is Phase.FINAL_REPLY:
            phase = Phase.FINAL_REPLY if handed_over else Phase.BODY
        self.delivery.terminator_sent = self.delivery.terminator_sent or handed_over
        if lost.reply is not None and not lost.reply.positive and phase is Phase.BODY:
            link.closing = link.closing or lost.reply.code == 421
            self.refuse(taxonomy.of_reply(Phase.BODY, lost.reply, host=link.host))
            return
        fault = taxonomy.of_loss(phase, lost.loss, lost.text, host=link.host, reused=self.reused)
        if handed_over and any(path in self.delivery.recipients for path in self.accepted):
            fault = self._fault("Z9", phase, lost.text)
        elif phase in (Phase.RSET, Phase.MAIL, Phase.RCPT):
            self._forget()
        self.refuse(fault)

    def _end(self, fault: Fault) -> None:
        """The server ends the connection: what it had accepted in this transaction counts for nothing (R10)."""
        self.link.doubt = fault.text or fault.taxonomy_id
        if self.flying:
            self.ended = fault
            return
        self._forget()
        self.refuse(fault)

    def _forget(self) -> None:
        for path in self.paths:
            self.delivery.recipients.pop(path, None)

    def _fault(self, row: str, phase: Phase, words: str) -> Fault:
        return taxonomy.fault(row, phase, words, host=self.link.host)


def _is_too_many(outcome: RecipientOutcome) -> bool:
    return outcome.fault is not None and outcome.fault.taxonomy_id in _TOO_MANY
