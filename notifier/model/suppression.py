"""`Suppression`: an address that is not mailed, why, and until when."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Suppression:
    """``address`` is a forward-path in small letters. Times are seconds since the epoch; ``until`` None: for ever.

    ``mail_id`` is the mail that taught it, where one did. ``mailing_list``: only mails of this list are not sent
    (`MailClass.mailing_list`); None: no mail at all.
    """

    address: str
    reason: str
    since: float
    until: float | None = None
    mail_id: str | None = None
    mailing_list: str | None = None


def entry_name(address: str, mailing_list: str | None = None) -> str:
    """What an entry is called. No domain holds a blank or a slash, so that an address is never taken for one with a list."""
    return address if mailing_list is None else f"{address} {mailing_list}"


def parts_of(name: str) -> tuple[str, str | None]:
    """Address and list: the inverse of `entry_name`. A quoted local part may hold a blank and a slash itself."""
    address, blank, mailing_list = name.rpartition(" ")
    return (address, mailing_list) if blank and "@" not in mailing_list else (name, None)
