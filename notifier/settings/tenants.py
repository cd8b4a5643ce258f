"""``NOTIFIER_TENANTS``: a TOML file with the accounts beside the one of ``NOTIFIER_SMTP_URL``, and with the tenants.

::

    [accounts.bulk]
    smtp_url_file = "bulk.url"              # beside this file; or smtp_url_env = "BULK_SMTP_URL", or smtp_url = "smtp://…"
    envelope_from = "bounces@shop.example"  # MAIL FROM of its mails; without it that is the address in From

    [tenants.shop]
    rate = "600/min"
    max_recipients = 50      # of one mail: To, Cc and Bcc together
    max_mail_bytes = 1000000 # of one mail, attachments included
    send = [
      { as = ["shop.example", "*.shop.example"], through = "default" },
      { as = "news@shop.example", through = "bulk" },
    ]
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from notifier.errors import InvalidAddress
from notifier.model.address import Address
from notifier.model.limits import Rate
from notifier.model.tenant import DEFAULT, THE_DEFAULT, Grant, Sender, Tenant
from notifier.settings.parsers import rate
from notifier.settings.relay import ManyProblems
from notifier.settings.sources import read_file
from notifier.settings.toml_file import read_toml
from notifier.settings.ways import Way, parse_way

_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,62}\Z")
_URLS = ("smtp_url", "smtp_url_file", "smtp_url_env")


@dataclass(frozen=True, slots=True)
class Account:
    """One way out: relays in tiers or ``mx://``, and the reverse-path of its mails (None: the address in From)."""

    relays: Way
    envelope_from: Address | None = None


@dataclass(frozen=True, slots=True)
class Matrix:
    """Every tenant and account, by name; ``files`` are those that were read. The default account is not among them."""

    tenants: Mapping[str, Tenant]
    accounts: Mapping[str, Account]
    files: tuple[Path, ...] = ()


ONE_TENANT = Matrix({DEFAULT: THE_DEFAULT}, {})


def parse_tenants(text: str) -> Matrix:
    """Read the file at ``text``; empty: one tenant. Raises `ValueError` with every problem at once, secrets left out."""
    if not text:
        return ONE_TENANT
    path, problems = Path(text), list[str]()
    matrix = _Reader(path, problems).matrix(read_toml(path))
    if problems:
        raise ManyProblems([f"({path.name}) {problem}" for problem in problems])
    return matrix


@dataclass(slots=True)
class _Reader:
    """Collects every problem of one file."""

    path: Path
    problems: list[str]
    files: list[Path] = field(init=False)

    def __post_init__(self) -> None:
        self.files = [self.path]

    def matrix(self, tables: Mapping[str, Any]) -> Matrix:
        self._only(tables, ("accounts", "tenants"), "the file")
        accounts = {name: self._account(name, table) for name, table in self._named(tables, "accounts")}
        if DEFAULT in accounts:
            self.problems.append("accounts.default is the one of NOTIFIER_SMTP_URL; give this one another name")
        known = {DEFAULT, *accounts}
        tenants = {name: self._tenant(name, table, known) for name, table in self._named(tables, "tenants")}
        sound = {name: one for name, one in accounts.items() if one is not None}
        return Matrix({DEFAULT: THE_DEFAULT, **tenants}, sound, tuple(self.files))

    def _named(self, tables: Mapping[str, Any], kind: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
        found = tables.get(kind, {})
        if not isinstance(found, Mapping):
            self.problems.append(f"{kind} is a table of tables, such as [{kind}.shop]")
            return
        for name, table in found.items():
            if not _NAME.match(name):
                self.problems.append(f"{kind}: a name is small letters, digits, - and _, and not {name!r}")
            elif not isinstance(table, Mapping):
                self.problems.append(f"{kind}.{name} is a table")
            else:
                yield name, table

    def _only(self, table: Mapping[str, Any], known: tuple[str, ...], where: str) -> None:
        self.problems.extend(
            f"{where} has {key!r}, which is none of {', '.join(known)}" for key in table if key not in known
        )

    # accounts -------------------------------------------------------------------------------------------------------

    def _account(self, name: str, table: Mapping[str, Any]) -> Account | None:
        where = f"accounts.{name}"
        self._only(table, (*_URLS, "envelope_from"), where)
        if not all(isinstance(value, str) for value in table.values()):
            self.problems.append(f"{where} holds texts only")
            return None
        text, envelope_from = self._url(table, where), self._address(table, "envelope_from", where)
        if text is None:
            return None
        try:
            return Account(parse_way(text), envelope_from)
        except ManyProblems as error:
            self.problems.extend(f"{where}: its URL {problem}" for problem in error.problems)
        except ValueError as error:
            self.problems.append(f"{where}: its URL {error}")
        return None

    def _url(self, table: Mapping[str, Any], where: str) -> str | None:
        given = [key for key in _URLS if key in table]
        if len(given) != 1:
            self.problems.append(f"{where} has one of {', '.join(_URLS)}")
            return None
        text: str = table[given[0]]
        if given[0] == "smtp_url":
            if "@" in text and stat.S_IMODE(self.path.stat().st_mode) & stat.S_IROTH:
                self.problems.append(f"{where}.smtp_url holds a password and everybody can read it; use smtp_url_file")
            return text
        if given[0] == "smtp_url_file":
            file = self.path.parent / text
            self.files.append(file)
            return read_file(file, secret=True, problems=self.problems)
        if not os.environ.get(text):
            self.problems.append(f"{where}.smtp_url_env names {text!r}, which is not set")
        return os.environ.get(text)

    def _address(self, table: Mapping[str, Any], key: str, where: str) -> Address | None:
        try:
            return Address.parse(table[key]) if key in table else None
        except InvalidAddress as error:
            self.problems.append(f"{where}.{key} is no address: {error}")
            return None

    # tenants --------------------------------------------------------------------------------------------------------

    def _tenant(self, name: str, table: Mapping[str, Any], accounts: set[str]) -> Tenant:
        where = f"tenants.{name}"
        self._only(table, ("rate", "max_recipients", "max_mail_bytes", "send"), where)
        rows = table.get("send", [])
        if not isinstance(rows, list) or not rows:
            self.problems.append(f'{where}.send is a list such as [{{ as = "{name}.example", through = "default" }}]')
            rows = []
        grants = tuple(self._grant(row, f"{where}.send", accounts) for row in rows)
        caps = {key: self._cap(table.get(key), f"{where}.{key}") for key in ("max_recipients", "max_mail_bytes")}
        return Tenant(name, grants, self._rate(name, table.get("rate"), where), **caps)

    def _cap(self, given: object, where: str) -> int | None:
        if given is None or (type(given) is int and given > 0):
            return given
        self.problems.append(f"{where} is a whole number over 0, and not {given!r}")
        return None

    def _grant(self, row: object, where: str, accounts: set[str]) -> Grant:
        if not isinstance(row, Mapping):
            self.problems.append(f'{where} holds tables such as {{ as = "shop.example", through = "default" }}')
            return Grant(())
        self._only(row, ("as", "through"), where)
        account = row.get("through", DEFAULT)
        if account not in accounts:
            self.problems.append(f"{where}: through names {account!r}; there are {', '.join(sorted(accounts))}")
        given = row.get("as", [])
        patterns = [given] if isinstance(given, str) else given
        if not isinstance(patterns, list) or not patterns:
            self.problems.append(f"{where}: as is a domain, an address, or a list of them")
            return Grant((), str(account))
        return Grant(tuple(self._sender(one, where) for one in patterns), str(account))

    def _sender(self, given: object, where: str) -> Sender:
        text = given if isinstance(given, str) else repr(given)
        prefix = "*." if text.startswith("*.") else ""
        if text == "*":
            return Sender(text)
        try:
            if "@" in text:
                address = Address.parse(text)
                return Sender(f"{address.local_part}@{address.ascii_domain.lower()}")
            return Sender(prefix + Address.parse(f"postmaster@{text.removeprefix('*.')}").ascii_domain.lower())
        except InvalidAddress:
            self.problems.append(f"{where}: as is *, a domain, *.domain or an address, and not {text!r}")
            return Sender("")

    def _rate(self, name: str, given: object, where: str) -> Rate | None:
        if given is None:
            return None
        try:
            return Rate(f"tenant {name}", rate(str(given)))
        except ValueError as error:
            self.problems.append(f"{where}.rate {error}")
            return None
