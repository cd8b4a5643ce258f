"""`LMTP` (RFC 2033): a final reply for each recipient, and Unix sockets."""

from __future__ import annotations

import socket
import sys
from collections.abc import Sequence
from typing import Any

from notifier.smtp.dropin.client import SMTP, Refused
from notifier.smtp.dropin.dialogue import DEFAULT_TIMEOUT, Answer
from notifier.smtp.dropin.exceptions import SMTPDataError, SMTPRecipientsRefused, SMTPServerDisconnected

LMTP_PORT = 2003


class LMTP(SMTP):
    """As `SMTP`, to a delivery agent; a host that begins with ``/`` is a Unix socket's path."""

    ehlo_msg = "lhlo"

    def __init__(
        self,
        host: str = "",
        port: int = LMTP_PORT,
        local_hostname: str | None = None,
        source_address: tuple[str, int] | None = None,
        timeout: float | None = DEFAULT_TIMEOUT,
    ) -> None:
        """See `SMTP`."""
        super().__init__(host, port, local_hostname, timeout, source_address)

    def connect(self, host: str = "localhost", port: int = 0, source_address: tuple[str, int] | None = None) -> Answer:
        """Connect and read the greeting."""
        if not host.startswith("/"):
            return super().connect(host, port, source_address)
        sys.audit("smtplib.connect", self, host, 0)
        self._begin(self._unix_socket(host))
        return self.getreply()

    def _unix_socket(self, path: str) -> Any:
        if self.timeout is not None and not self.timeout:
            raise ValueError("Non-blocking socket (timeout=0) is not supported")
        sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            if self.timeout is not DEFAULT_TIMEOUT:
                sock.settimeout(self.timeout)
            sock.connect(path)
        except OSError:
            if self.debuglevel > 0:
                self._print_debug("connect fail:", path)
            sock.close()
            raise
        return sock

    def _final_replies_to_come(self) -> int:
        return max(1, self._exchange.recipients)

    def _say_data(self, octets: bytes, refused: Refused, owners: Sequence[str]) -> Refused:
        """Each recipient has a final reply; those refused now join those refused before.

        Where the connection ends among them, the `SMTPServerDisconnected` has those that came, and those refused before,
        in its ``recipients``: whoever was accepted has the mail.
        """
        if not owners:  # no RCPT was seen to stand: an override sent them in its own way, and has it as `SMTP` does
            return super()._say_data(octets, refused, owners)
        try:
            answer = self.data(octets)
        except SMTPDataError as error:
            self._after_refusal(error.smtp_code)
            raise
        except SMTPServerDisconnected as error:
            error.recipients = {**refused, **_outcomes(owners, self.final_replies)}
            raise
        outcomes = _outcomes(owners, self.final_replies or [answer] * len(owners))
        late = {recipient: reply for recipient, reply in outcomes.items() if reply[0] != 250}
        if len(late) == len(outcomes):
            self._raise_for(late, refused)
        return {**refused, **late}

    def _raise_for(self, late: Refused, refused: Refused) -> None:
        if self.sock:
            self._rset()
        if len(late) == 1 and not refused:
            raise SMTPDataError(*next(iter(late.values())))
        raise SMTPRecipientsRefused({**refused, **late})


def _outcomes(owners: Sequence[str], replies: Sequence[Answer]) -> Refused:
    """Each recipient's final reply. Who was named twice has the mail if one copy was accepted."""
    outcomes: Refused = {}
    for recipient, reply in zip(owners, replies, strict=False):  # fewer replies, where the connection has ended
        if reply[0] == 250 or recipient not in outcomes:
            outcomes[recipient] = reply
    return outcomes
