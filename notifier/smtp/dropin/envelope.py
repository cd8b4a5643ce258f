"""`Envelope`: who sends, who gets it and with which options, checked as a whole before anything of it is sent."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from notifier.smtp.dropin.addresses import CONTROL, checked_path, encoded, prohibited, quoteaddr, text_only

# A keyword, and behind it what the standard module would send too: values that RFC 5321 section 4.1.2 does not have, such
# as ENVID=QQ== or X="a b", are between the program and its server.
_PARAMETER = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]*(?:=.+| .*)?")


class Envelope(NamedTuple):
    """The arguments of `SMTP.sendmail`, by their names there, checked."""

    from_addr: str
    to_addrs: list[str]
    mail_options: tuple[str, ...]
    rcpt_options: tuple[str, ...]

    @classmethod
    def checked(
        cls,
        from_addr: str,
        to_addrs: str | Iterable[str],
        mail_options: str | Iterable[str],
        rcpt_options: str | Iterable[str],
    ) -> Envelope:
        """Raises `ValueError` and `TypeError`, which name the argument."""
        recipients = [to_addrs] if isinstance(to_addrs, str) else list(to_addrs)
        checked_path(from_addr, "from_addr")
        for recipient in recipients:
            checked_path(recipient, "to_addrs")
        return cls(from_addr, recipients, _clean(mail_options, "mail_options"), _clean(rcpt_options, "rcpt_options"))

    @property
    def international(self) -> bool:
        """True where SMTPUTF8 (RFC 6531) is asked for."""
        return asks_for_utf8(self.mail_options)

    def check_encoding(self, encoding: str) -> None:
        """Raises `UnicodeEncodeError`, which names the argument, where a command with it could not be sent."""
        encoded(quoteaddr(self.from_addr), encoding, "from_addr")
        for recipient in self.to_addrs:
            encoded(quoteaddr(recipient), encoding, "to_addrs")
        encoded(" ".join(self.mail_options), encoding, "mail_options")
        encoded(" ".join(self.rcpt_options), encoding, "rcpt_options")


def checked_options(options: str | Iterable[str], what: str) -> tuple[str, ...]:
    """The parameters of MAIL or RCPT. Raises `ValueError` for what is none; control characters are `SMTP.putcmd`'s matter."""
    given = [options] if isinstance(options, str) else options
    parameters = tuple(filter(None, (text_only(option, what).strip(" ") for option in given)))
    for parameter in parameters:
        if not (_PARAMETER.fullmatch(parameter) or CONTROL.search(parameter)):
            raise ValueError(f"{what} holds what is no ESMTP parameter: {parameter!r}")
    return parameters


def _clean(options: str | Iterable[str], what: str) -> tuple[str, ...]:
    parameters = checked_options(options, what)
    together = " ".join(parameters)
    if CONTROL.search(together):
        raise ValueError(prohibited(what, together, together))
    return parameters


def asks_for_utf8(options: Sequence[str]) -> bool:
    """True where SMTPUTF8 is among the options."""
    return "smtputf8" in " ".join(options).lower().split()
