"""One mail, as a generator: envelope, body, terminator, and what became of each recipient.

With PIPELINING (RFC 2920) the envelope is one flight: RSET where the last transaction was broken off, MAIL, every
RCPT, DATA. Replies are matched strictly in order. If every recipient was refused and DATA got a 354 all the same, the
lone dot is sent and its reply read (section 3.1).
"""

from __future__ import annotations

from collections.abc import Generator, Iterator
from dataclasses import dataclass, field

from notifier.errors import Fault, Phase
from notifier.model.envelope import MailObject
from notifier.model.outcome import RecipientOutcome, RecipientState
from notifier.protocol import taxonomy
from notifier.protocol.commands import Command, Data, Mail, Rcpt, Rset, Terminator
from notifier.protocol.dialogue import Await, Commit, Loss, Lost, Send, SendBody, Step
from notifier.protocol.extensions import Extensions
from notifier.protocol.reply import Reply
from notifier.protocol.transparency import check_line_ends

_STATE = {
    "transient": RecipientState.DEFERRED,
    "misconfigured": RecipientState.DEFERRED,
    "permanent": RecipientState.REFUSED,
    "unknown": RecipientState.UNKNOWN,
}


def verdict(fault: Fault) -> RecipientOutcome:
    """The recipient's state that follows from a fault."""
    return RecipientOutcome(_STATE[fault.error_class], fault)


@dataclass(slots=True)
class Verdicts:
    """What became of each recipient, and how the connection came out of it.

    ``reset_next``: the transaction was broken off, RSET rides in the next flight. ``doubt``: never use the
    connection again.
    """

    recipients: dict[str, RecipientOutcome] = field(default_factory=dict)
    reply: Reply | None = None
    terminator_sent: bool = False
    reset_next: bool = False
    doubt: str | None = None


@dataclass(frozen=True, slots=True)
class Setting:
    """Where a transaction takes place."""

    host: str
    offered: Extensions
    lmtp: bool = False
    reused: bool = False  # the connection has carried a mail before
    reset_first: bool = False


Transaction = Generator[Step, Reply, Verdicts]


def transaction(mail: MailObject, setting: Setting) -> Transaction:
    """Hand one mail over. Raises `ValueError`, before the first step, for paths and octets that SMTP cannot carry."""
    run = _Run(mail, setting)
    return run.steps()


def check_mail(mail: MailObject) -> None:
    """Raises `ValueError` for paths and line ends that SMTP cannot carry, whatever the server offers."""
    check_line_ends(mail.data)
    transaction(mail, Setting("", Extensions()))


class _Run:
    """The state of one transaction while its generator runs."""

    def __init__(self, mail: MailObject, setting: Setting) -> None:
        self.mail = mail
        self.setting = setting
        self.verdicts = Verdicts()
        self.accepted: list[str] = []
        self.mail_fault: Fault | None = None
        self.phase = Phase.MAIL
        offered = setting.offered
        self.mail_command = Mail(
            mail.envelope.reverse_path,
            size=len(mail.data) if "SIZE" in offered else None,
            eight_bit=mail.eight_bit and "8BITMIME" in offered,
            smtputf8=self._needs_smtputf8,
        )
        self.rcpt_commands = [Rcpt(path) for path in mail.envelope.forward_paths]
        envelope: tuple[Command, ...] = (self.mail_command, *self.rcpt_commands)
        for command in envelope:
            command.encode()

    @property
    def _needs_smtputf8(self) -> bool:
        return self.mail.smtputf8 or self.mail.envelope.needs_smtputf8

    def steps(self) -> Transaction:
        """The whole dialogue."""
        if (fault := self._unfit()) is not None:
            self._all(fault)
            return self.verdicts
        try:
            yield from self._envelope()
        except Lost as lost:
            self._lost(lost)
        return self.verdicts

    # before anything is sent ----------------------------------------------------------------------------------------

    def _unfit(self) -> Fault | None:
        """E5 and E6: what the server has said that it cannot take is not tried."""
        offered, limit = self.setting.offered, self.setting.offered.size_limit
        if limit is not None and len(self.mail.data) > limit:
            words = f"the message has {len(self.mail.data)} octets and the server takes {limit}"
            return self._fault("E5", Phase.MAIL, words)
        if self._needs_smtputf8 and "SMTPUTF8" not in offered:
            return self._fault("E6", Phase.MAIL, "an address or a header needs SMTPUTF8, and the server has it not")
        if self.mail.eight_bit and "8BITMIME" not in offered:
            return self._fault("E6", Phase.MAIL, "the message needs 8BITMIME, and the server has it not")
        return None

    # envelope -------------------------------------------------------------------------------------------------------

    def _envelope(self) -> Generator[Step, Reply, None]:
        go_ahead = yield from (self._pipelined() if "PIPELINING" in self.setting.offered else self._lock_step())
        if self.verdicts.doubt is not None or go_ahead is None:
            return
        if go_ahead.code != 354:
            self._data_refused(go_ahead)
        elif not self.accepted:
            yield from self._lone_dot()
        else:
            yield from self._message()

    def _opening(self) -> list[Command]:
        return [Rset(), self.mail_command] if self.setting.reset_first else [self.mail_command]

    def _pipelined(self) -> Generator[Step, Reply, Reply | None]:
        yield Send((*self._opening(), *self.rcpt_commands, Data()))
        yield from self._read_opening()
        for command in self.rcpt_commands:
            yield from self._read_rcpt(command)
        if self.verdicts.doubt is not None:
            return None
        self.phase = Phase.DATA
        return (yield Await(Phase.DATA))

    def _lock_step(self) -> Generator[Step, Reply, Reply | None]:
        if self.setting.reset_first:
            yield Send((Rset(),))
            yield from self._read_rset()
        if self.verdicts.doubt is None:
            yield Send((self.mail_command,))
            yield from self._read_mail()
        for command in self.rcpt_commands:
            if self.mail_fault is not None or self.verdicts.doubt is not None:
                break
            yield Send((command,))
            yield from self._read_rcpt(command)
        if not self.accepted or self.verdicts.doubt is not None:
            self.verdicts.reset_next = self.mail_fault is None
            return None
        yield Send((Data(),))
        self.phase = Phase.DATA
        return (yield Await(Phase.DATA))

    def _read_opening(self) -> Generator[Step, Reply, None]:
        if self.setting.reset_first:
            yield from self._read_rset()
        if self.verdicts.doubt is None:
            yield from self._read_mail()

    def _read_rset(self) -> Generator[Step, Reply, None]:
        self.phase = Phase.RSET
        reply = yield Await(Phase.RSET)
        if not reply.positive:
            self._end(taxonomy.of_reply(Phase.RSET, reply, host=self.setting.host))

    def _read_mail(self) -> Generator[Step, Reply, None]:
        self.phase = Phase.MAIL
        reply = yield Await(Phase.MAIL)
        if reply.positive:
            return
        self.mail_fault = taxonomy.of_reply(Phase.MAIL, reply, host=self.setting.host, reused=self.setting.reused)
        self._all(self.mail_fault)
        if reply.code == 421 or self.mail_fault.taxonomy_id == "M5":
            self.verdicts.doubt = str(reply)

    def _read_rcpt(self, command: Rcpt) -> Generator[Step, Reply, None]:
        if self.verdicts.doubt is not None:
            return
        self.phase = Phase.RCPT
        reply = yield Await(Phase.RCPT)
        if reply.positive and self.mail_fault is None:
            self.accepted.append(command.forward_path)
            return
        fault = taxonomy.of_reply(
            Phase.RCPT, reply, host=self.setting.host, after_accepted=bool(self.accepted)
        ) if not reply.positive else self._fault("R12", Phase.RCPT, "RCPT accepted after MAIL was refused")  # fmt: skip
        if reply.code == 421:
            self._end(fault)
        elif self.mail_fault is None:
            self.verdicts.recipients[command.forward_path] = verdict(fault)

    def _data_refused(self, reply: Reply) -> None:
        fault = taxonomy.of_reply(Phase.DATA, reply, host=self.setting.host)
        self._rest(fault)
        self.verdicts.reset_next = True
        if reply.code == 421 or fault.taxonomy_id == "X4" or (self.accepted and fault.taxonomy_id == "X2"):
            self.verdicts.doubt = str(reply)

    # message --------------------------------------------------------------------------------------------------------

    def _lone_dot(self) -> Generator[Step, Reply, None]:
        """Nobody is left, and the server waits for a message: an empty one, whose reply is not about ours (R11)."""
        yield Send((Terminator(),))
        try:
            yield Await(Phase.FINAL_REPLY)
        except Lost as lost:
            self.verdicts.doubt = lost.text
            return
        self.verdicts.doubt = "a 354 with no recipient accepted"

    def _message(self) -> Generator[Step, Reply, None]:
        self.phase = Phase.BODY
        yield SendBody(self.mail.data, replies=len(self.accepted) if self.setting.lmtp else 1)
        yield Commit()
        self.phase = Phase.FINAL_REPLY
        self.verdicts.terminator_sent = True
        yield Send((Terminator(replies=0),))
        yield from self._read_final_lmtp() if self.setting.lmtp else self._read_final()

    def _read_final(self) -> Generator[Step, Reply, None]:
        reply = yield Await(Phase.FINAL_REPLY)
        self.verdicts.reply = reply
        for path in self.accepted:
            self.verdicts.recipients[path] = self._final(reply)

    def _read_final_lmtp(self) -> Generator[Step, Reply, None]:
        for path in list(self.accepted):
            reply = yield Await(Phase.FINAL_REPLY)
            self.verdicts.reply = reply
            self.verdicts.recipients[path] = self._final(reply)

    def _final(self, reply: Reply) -> RecipientOutcome:
        if reply.positive and reply.code != 221:
            return RecipientOutcome(RecipientState.ACCEPTED)
        fault = taxonomy.of_reply(Phase.FINAL_REPLY, reply, host=self.setting.host) if reply.code != 221 else (
            self._fault("Z7", Phase.FINAL_REPLY, str(reply))
        )  # fmt: skip
        if reply.code == 421 or fault.taxonomy_id == "Z7":
            self.verdicts.doubt = str(reply)
        return verdict(fault)

    # faults ---------------------------------------------------------------------------------------------------------

    def _fault(self, row: str, phase: Phase, words: str) -> Fault:
        return taxonomy.fault(row, phase, words, host=self.setting.host)

    def _undecided(self) -> Iterator[str]:
        return (path for path in self.mail.envelope.forward_paths if path not in self.verdicts.recipients)

    def _rest(self, fault: Fault) -> None:
        for path in list(self._undecided()):
            self.verdicts.recipients[path] = verdict(fault)

    def _all(self, fault: Fault) -> None:
        self.verdicts.recipients = dict.fromkeys(self.mail.envelope.forward_paths, verdict(fault))

    def _end(self, fault: Fault) -> None:
        """The server ends the connection: what it had accepted before counts for nothing (R10)."""
        self._all(fault)
        self.verdicts.doubt = fault.text or fault.taxonomy_id

    def _lost(self, lost: Lost) -> None:
        setting = self.setting
        self.verdicts.doubt = lost.text or lost.loss
        if lost.reply is not None and not lost.reply.positive and self.phase is Phase.BODY:
            self._rest(taxonomy.of_reply(Phase.BODY, lost.reply, host=setting.host))
            return
        fault = taxonomy.of_loss(self.phase, lost.loss, lost.text, host=setting.host, reused=setting.reused)
        if lost.loss is Loss.TOO_LATE:
            self.verdicts.terminator_sent = False
        if self.phase in (Phase.RSET, Phase.MAIL, Phase.RCPT):
            self._all(fault)
        else:
            self._rest(fault)
