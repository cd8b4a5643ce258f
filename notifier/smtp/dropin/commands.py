"""`Commands`: SMTP's commands, a method each, with the standard module's names and return values."""

from __future__ import annotations

import re
from collections.abc import Sequence

from notifier.protocol.transparency import framed
from notifier.smtp.dropin.addresses import bare_address, checked_options, checked_path, message_octets
from notifier.smtp.dropin.dialogue import Answer, Dialogue
from notifier.smtp.dropin.exceptions import SMTPDataError, SMTPHeloError, SMTPNotSupportedError, SMTPServerDisconnected

OLDSTYLE_AUTH = re.compile(r"auth=(.*)", re.IGNORECASE)
_FEATURE = re.compile(r"([A-Za-z0-9][A-Za-z0-9-]*) ?(.*)\Z", re.DOTALL)


class Commands(Dialogue):
    """The commands, and what the server has told in answer to its greeting."""

    helo_resp: bytes | None = None
    ehlo_msg = "ehlo"
    ehlo_resp: bytes | None = None
    does_esmtp = False
    esmtp_features: dict[str, str]
    _accepted: list[str]

    def _forget(self) -> None:
        super()._forget()
        self.helo_resp = self.ehlo_resp = None
        self.esmtp_features = {}
        self.does_esmtp = False
        self._accepted = []

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
        if not 200 <= code <= 299 and self.ehlo_msg == "ehlo":
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
        self._accepted = []
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

    def mail(self, sender: str, options: Sequence[str] = ()) -> Answer:
        """MAIL. Raises `SMTPNotSupportedError` where SMTPUTF8 is asked for and not offered, `ValueError`."""
        wishes = ""
        if options and self.does_esmtp:
            wishes = checked_options(options)
            if "smtputf8" in wishes.lower().split():
                if not self.has_extn("smtputf8"):
                    raise SMTPNotSupportedError("SMTPUTF8 not supported by server")
                self.command_encoding = "utf-8"
        self._accepted = []
        return self.docmd("mail", f"FROM:{checked_path(sender, 'sender')}{wishes}")

    def rcpt(self, recip: str, options: Sequence[str] = ()) -> Answer:
        """RCPT. Raises `ValueError`."""
        wishes = checked_options(options) if options and self.does_esmtp else ""
        reply = self.docmd("rcpt", f"TO:{checked_path(recip, 'recipient')}{wishes}")
        if reply[0] in (250, 251):
            self._accepted.append(recip)
        return reply

    def data(self, msg: str | bytes) -> Answer:
        """DATA and the message; returns the final reply. Raises `SMTPDataError` where DATA is refused."""
        octets = framed(message_octets(msg))
        code, reply = self.docmd("data")
        if self.debuglevel > 0:
            self._print_debug("data:", (code, reply))
        if code != 354:
            raise SMTPDataError(code, reply)
        self._send(octets, self._final_replies_to_come())
        self.final_replies = [self.getreply() for _ in range(self._final_replies_to_come())]
        if self.debuglevel > 0:
            self._print_debug("data:", self.final_replies)
        return self.final_replies[-1]

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
