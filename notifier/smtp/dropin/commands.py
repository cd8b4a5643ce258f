"""`Commands`: SMTP's commands, a method each, with the standard module's names and return values."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable

from notifier.protocol.transparency import framed
from notifier.smtp.dropin.addresses import bare_address, checked_path, message_octets
from notifier.smtp.dropin.dialogue import Answer, Dialogue
from notifier.smtp.dropin.envelope import asks_for_utf8, checked_options
from notifier.smtp.dropin.exceptions import SMTPDataError, SMTPHeloError, SMTPNotSupportedError, SMTPServerDisconnected
from notifier.smtp.dropin.exchange import END_OF_MESSAGE

OLDSTYLE_AUTH = re.compile(r"auth=(.*)", re.IGNORECASE)
# As this Python's own module writes them.
_FROM, _TO = ("from", "to") if sys.version_info >= (3, 13) else ("FROM", "TO")
_FEATURE = re.compile(r"([A-Za-z0-9][A-Za-z0-9-]*) ?(.*)\Z", re.DOTALL)


class Commands(Dialogue):
    """The commands, and what the server has told in answer to its greeting."""

    helo_resp: bytes | None = None
    ehlo_msg = "ehlo"
    ehlo_resp: bytes | None = None
    does_esmtp = False
    esmtp_features: dict[str, str]
    _said_utf8 = False  # the mail before had asked for SMTPUTF8

    def _forget(self) -> None:
        super()._forget()
        self.helo_resp = self.ehlo_resp = None
        self.esmtp_features = {}
        self.does_esmtp = self._said_utf8 = False

    def helo(self, name: str = "") -> Answer:
        """HELO."""
        code, msg = self.docmd("helo", name or self.local_hostname)
        self.helo_resp = msg
        return code, msg

    def ehlo(self, name: str = "") -> Answer:
        """EHLO, or LHLO; fills ``esmtp_features``."""
        self.esmtp_features = {}
        code, msg = self.docmd(self.ehlo_msg, name or self.local_hostname)
        self.ehlo_resp = msg
        if code == 250:
            self.does_esmtp = True
            for line in msg.decode("latin-1").split("\n")[1:]:
                self._note_feature(line)
        return code, msg

    def _note_feature(self, line: str) -> None:
        if (old := OLDSTYLE_AUTH.match(line)) is not None:
            keyword, parameters = "auth", old[1]
        elif (found := _FEATURE.match(line)) is not None:
            keyword, parameters = found[1].lower(), found[2].strip()
        else:
            return
        if keyword == "auth":
            parameters = f"{self.esmtp_features.get('auth', '')} {parameters}"
        self.esmtp_features[keyword] = parameters

    def ehlo_or_helo_if_needed(self) -> None:
        """Greet, if it has not been done. Raises `SMTPHeloError`."""
        if self.helo_resp is not None or self.ehlo_resp is not None:
            return
        code, msg = self.ehlo()
        if (
            not 200 <= code <= 299 and code != 421 and self.ehlo_msg == "ehlo"
        ):  # LMTP has no HELO (RFC 2033 section 4.1)
            code, msg = self.helo()
        if not 200 <= code <= 299:
            raise SMTPHeloError(code, msg)

    def has_extn(self, opt: str) -> bool:
        """True where the server offers the extension, in any case of letters."""
        return opt.lower() in self.esmtp_features

    def help(self, args: str = "") -> bytes:
        """HELP; returns the words."""
        return self.docmd("help", args)[1]

    def rset(self) -> Answer:
        """RSET."""
        self.command_encoding = "ascii"
        return self.docmd("rset")

    def _rset(self) -> None:
        """After a refusal; where the server has gone, the next command says so."""
        try:
            self.rset()
        except SMTPServerDisconnected:
            return

    def noop(self) -> Answer:
        """NOOP."""
        return self.docmd("noop")

    def mail(self, sender: str, options: Iterable[str] = ()) -> Answer:
        """MAIL. Raises `SMTPNotSupportedError` where SMTPUTF8 is asked for and not offered, `ValueError`."""
        self._begin_mail()
        wishes = checked_options(options, "options") if self.does_esmtp else ()
        if asks_for_utf8(wishes):
            if not self.has_extn("smtputf8"):
                raise SMTPNotSupportedError("SMTPUTF8 not supported by server")
            self.command_encoding, self._said_utf8 = "utf-8", True
        return self.docmd("mail", " ".join([f"{_FROM}:{checked_path(sender, 'sender')}", *wishes]))

    def _begin_mail(self) -> None:
        """Nothing of the mail before is there any more."""
        self.final_replies = []
        if self._said_utf8:
            self.command_encoding, self._said_utf8 = "ascii", False

    def rcpt(self, recip: str, options: Iterable[str] = ()) -> Answer:
        """RCPT. Raises `ValueError`."""
        wishes = checked_options(options, "options") if self.does_esmtp else ()
        return self.docmd("rcpt", " ".join([f"{_TO}:{checked_path(recip, 'recip')}", *wishes]))

    def data(self, msg: str | bytes) -> Answer:
        """DATA and the message; returns the final reply. Raises `SMTPDataError` where DATA is refused."""
        self.final_replies = []
        octets = framed(message_octets(msg))
        replies = self._final_replies_to_come()
        code, reply = self.docmd("data")
        if self.debuglevel > 0:
            self._print_debug("data:", (code, reply))
        if code != 354:
            raise SMTPDataError(code, reply)
        self._send(octets, END_OF_MESSAGE, replies)
        for _ in range(replies):
            self.final_replies.append(self.getreply())
        if self.debuglevel > 0:
            self._print_debug("data:", *self.final_replies)
        return next((answer for answer in self.final_replies if answer[0] != 250), self.final_replies[0])

    def _final_replies_to_come(self) -> int:
        return 1

    def verify(self, address: str) -> Answer:
        """VRFY."""
        return self.docmd("vrfy", bare_address(address))

    vrfy = verify

    def expn(self, address: str) -> Answer:
        """EXPN."""
        return self.docmd("expn", bare_address(address))

    def quit(self) -> Answer:
        """QUIT and close; returns the reply."""
        reply = self.docmd("quit")
        self.close()
        return reply
