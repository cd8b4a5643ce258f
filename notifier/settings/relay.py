"""``NOTIFIER_SMTP_URL``: a relay with its TLS policy, credentials, timers and pool bounds, in one URL."""

from __future__ import annotations

import ipaddress
import itertools
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

from notifier.model.secret import Secret
from notifier.pool import PoolConfig
from notifier.protocol.hello_name import hello_name
from notifier.protocol.reply import ReplyCaps
from notifier.protocol.sasl.choice import STRONGEST_FIRST, Credentials
from notifier.settings.bounds import POOL, REPLY, TIMEOUTS
from notifier.settings.parsers import Parser, count, seconds
from notifier.settings.proxy import parse_proxy
from notifier.settings.token_file import TokenFile
from notifier.smtp import Endpoint, Mode, Proxy, Timeouts, TLSPolicy
from notifier.smtp.pinning import canonical_pin

_PORTS = {"smtp": 25, "smtps": 465, "lmtp": 2003}  # 2003 is what the standard module's LMTP uses
SUBMISSION = 587  # RFC 6409: what a user and password are for
_HOST = re.compile(r"[A-Za-z0-9]([A-Za-z0-9.-]{0,253}[A-Za-z0-9])?\Z")
_ANOTHER = re.compile(r",(?=[a-z+]+://)")  # a comma in an option is not followed by a scheme
_PLAIN = ("tls", "ca", "cert", "key", "pin", "proxy", "ehlo", "source", "mechanisms", "token_file", "window", "weight")


@dataclass(frozen=True, slots=True)
class Relay:
    """What the URL says. ``weight``: its share of the mails beside others of its tier."""

    endpoint: Endpoint
    pool: PoolConfig
    weight: int = 1


Tiers = tuple[tuple[Relay, ...], ...]


class ManyProblems(ValueError):
    """Several sentences for one setting."""

    def __init__(self, problems: list[str]) -> None:
        self.problems = problems
        super().__init__("; ".join(problems))


def parse_relays(text: str) -> Tiers:
    """Read URLs: with blanks between them the next one is used where the one before cannot be, with commas they share
    the mails by ``weight=``: ``smtp://a?weight=3,smtp://b smtp://c`` uses a and b, three to one, and c without them.

    Raises `ValueError` as `parse_relay` does, saying which URL it is about where there are several.
    """
    tiers = [_ANOTHER.split(part) for part in text.split()]
    problems: list[str] = []
    found = [[_numbered(url, number, problems) for url, number in tier] for tier in _counted(tiers)]
    if problems:
        raise ManyProblems(problems)
    read = tuple(tuple(relay for relay in tier if relay is not None) for tier in found)
    endpoints = [relay.endpoint for tier in read for relay in tier]
    if not endpoints:
        raise ValueError("names no relay")
    if twice := next((one for one in endpoints if endpoints.count(one) > 1), None):
        raise ValueError(f"names the relay {twice.name} twice in the same way")
    return read


def _counted(tiers: list[list[str]]) -> list[list[tuple[str, int]]]:
    """With the number of each URL among all; 0 where it is the only one."""
    only, number = sum(map(len, tiers)) == 1, itertools.count(1)
    return [[(url, 0 if only else next(number)) for url in tier] for tier in tiers]


def _numbered(url: str, number: int, problems: list[str]) -> Relay | None:
    where = f"(its URL number {number}) " if number else ""
    try:
        return parse_relay(url)
    except ManyProblems as error:
        problems.extend(where + problem for problem in error.problems)
    except ValueError as error:
        problems.append(f"{where}{error}")
    return None


def parse_relay(text: str) -> Relay:
    """Read ``smtp://user:password@host:port?tls=required&timeout_connect=5``.

    Schemes: ``smtp``, ``smtps``, ``lmtp``, ``lmtp+unix``. Raises `ValueError`; its text holds neither user nor
    password.
    """
    if any(ord(char) < 33 or ord(char) == 127 for char in text):
        raise ValueError("is no URL: it holds a blank or a control character (%20 stands for a blank)")
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError:
        raise ValueError("is no URL: the port is a number from 1 to 65535") from None
    if parts.scheme not in (*_PORTS, "lmtp+unix"):
        raise ValueError("begins with smtp://, smtps://, lmtp:// or lmtp+unix://")
    return _Reader(parts, port).relay()


class _Reader:
    """Collects every problem of one URL."""

    def __init__(self, parts: SplitResult, port: int | None) -> None:
        self._parts = parts
        self._given_port = port
        self._problems: list[str] = []
        self._query = self._read_query()

    def relay(self) -> Relay:
        """The relay, or every problem at once."""
        unix = self._parts.scheme == "lmtp+unix"
        username, password = self._credentials()
        endpoint = {
            "host": "localhost" if unix else self._host(),
            "port": 0 if unix else self._port(username),
            "socket_path": self._socket_path() if unix else None,
            "mode": Mode.LMTP if self._parts.scheme.startswith("lmtp") else Mode.SMTP,
            "tls": self._tls(username),
            "username": username,
            "password": password,
            "token": self._token(username),
            "ca_file": self._file("ca"),
            "client_cert": self._file("cert"),
            "client_key": self._file("key"),
            "pins": self._pins(),
            "proxy": self._proxy(),
            "mechanisms": self._mechanisms(),
            "window": self._value("window", count) or 1,
            "ehlo_name": self._name("ehlo"),
            "source_address": self._source(),
        }
        weight = self._value("weight", count) or 1
        timeouts = self._values({key: (name, seconds) for key, name in TIMEOUTS.items()})
        bounds, caps = self._values(POOL), self._values(REPLY)
        if self._problems:
            raise ManyProblems(self._problems)
        try:
            made = Endpoint(**endpoint, timeouts=Timeouts(**timeouts), reply_caps=ReplyCaps(**caps))  # type: ignore[arg-type]  # each by its name
        except ValueError as error:
            raise ManyProblems([f"cannot be used: {error}"]) from None
        return Relay(made, PoolConfig(**bounds), weight)

    def _read_query(self) -> dict[str, str]:
        known = (*_PLAIN, *POOL, *TIMEOUTS, *REPLY)
        pairs = parse_qsl(self._parts.query, keep_blank_values=True)
        query = dict(pairs)
        for key, _ in pairs:
            if key not in known:
                # An & in a proxy's password makes an option of the rest of it, and that is not shown.
                name = "of such a name (an & in a value is %26)" if "proxy" in query else repr(key)
                self._problems.append(f"has no option {name}; known: {', '.join(sorted(known))}")
        return query

    def _value(self, key: str, parser: Callable[[str], Any]) -> Any:
        if key not in self._query:
            return None
        try:
            return parser(self._query[key])
        except ValueError as error:
            self._problems.append(f"{key}= {error}")
            return None

    def _values(self, options: Mapping[str, tuple[str, Parser]]) -> dict[str, Any]:
        """Those that are given, by their attributes' names."""
        found = {name: self._value(key, parser) for key, (name, parser) in options.items()}
        return {name: value for name, value in found.items() if value is not None}

    def _credentials(self) -> tuple[str | None, Secret | None]:
        if self._parts.username is None:
            return None, None
        username, password = unquote(self._parts.username), unquote(self._parts.password or "")
        if username and not password and "token_file" in self._query:
            return username, None
        if not username or not password:
            self._problems.append("has a user without a password (or the other way round)")
        try:
            Credentials(username, Secret(password))
        except ValueError as error:
            self._problems.append(f"has a user or password that no mechanism can carry: {error}")
        return username, Secret(password)

    def _token(self, username: str | None) -> TokenFile | None:
        if (path := self._query.get("token_file")) is None:
            return None
        if username is None or self._parts.password:
            self._problems.append(
                "has token_file=, which stands for the password of a user: smtp://user@host?token_file=…"
            )
        file = TokenFile(path)
        self._problems.extend(f"token_file= {problem}" for problem in file.problems())
        return file

    def _host(self) -> str:
        host = self._parts.hostname or ""
        if not host:
            self._problems.append("names no host")
        elif ":" not in host and not _HOST.match(host.encode("idna").decode() if not host.isascii() else host):
            self._problems.append("names a host that is no domain name or IP address")
        if self._parts.path not in ("", "/"):
            self._problems.append("has a path behind the host, which means nothing for a relay")
        return host

    def _port(self, username: str | None) -> int:
        scheme, port = self._parts.scheme, self._given_port
        if port is None:
            return SUBMISSION if scheme == "smtp" and username else _PORTS[scheme]
        if port == 0:
            self._problems.append("names port 0; a port is a number from 1 to 65535")
        if scheme == "smtp" and port == 465:
            self._problems.append("names port 465 with smtp://; there TLS begins at once, which is smtps://")
        if scheme == "smtps" and port in (25, SUBMISSION):
            self._problems.append(f"names port {port} with smtps://; there TLS begins with STARTTLS, which is smtp://")
        return port

    def _socket_path(self) -> str:
        if self._parts.netloc or not self._parts.path.startswith("/"):
            self._problems.append("is written lmtp+unix:///path/of/the/socket")
        return unquote(self._parts.path)

    def _tls(self, username: str | None) -> TLSPolicy:
        given = self._query.get("tls")
        if "pin" in self._query and given in ("none", "opportunistic"):
            self._problems.append(f"has pin= with tls={given}, where no key need be shown; use tls=required")
        if self._parts.scheme == "smtps":
            if given is not None:
                self._problems.append("says smtps:// and tls=; smtps is TLS from the start, leave tls= out")
            return TLSPolicy.IMPLICIT
        if given is None:
            return self._default_tls(username)
        if given not in ("required", "none", "opportunistic"):
            self._problems.append(f"tls= is required, none or opportunistic, and not {given!r}")
            return TLSPolicy.REQUIRED
        if username and given != "required" and not self._is_local():
            self._problems.append(f"would send a password with tls={given}; use tls=required")
        return TLSPolicy(given)

    def _default_tls(self, username: str | None) -> TLSPolicy:
        """On this host, clear text for mail without a password; everywhere else STARTTLS or nothing."""
        clear = self._is_local() and not username and "pin" not in self._query
        return TLSPolicy.NONE if clear else TLSPolicy.REQUIRED

    def _is_local(self) -> bool:
        host = self._parts.hostname or ""
        if "proxy" in self._query:
            return False  # the proxy's localhost is another one
        if self._parts.scheme == "lmtp+unix" or host == "localhost":
            return True
        try:
            return ipaddress.ip_address(host).is_loopback
        except ValueError:
            return False

    def _file(self, key: str) -> str | None:
        path = self._query.get(key)
        if path is not None and not Path(path).is_file():
            self._problems.append(f"{key}= names the file {path!r}, which is not there")
        if key == "key" and path is not None and "cert" not in self._query:
            self._problems.append("has key= without cert=: a key is of use with its certificate alone")
        return path

    def _raw(self, key: str) -> str:
        """An option's value as it is written: there a + is a +, and the proxy's URL is decoded by parts, once."""
        options = (option.partition("=") for option in self._parts.query.split("&"))
        return next((value for name, _, value in reversed(list(options)) if name == key), "")

    def _pins(self) -> tuple[str, ...]:
        if "pin" not in self._query:
            return ()
        try:
            return tuple(canonical_pin(pin) for pin in unquote(self._raw("pin")).split(","))
        except ValueError as error:
            self._problems.append(f"pin= cannot be read: {error}")
            return ()

    def _proxy(self) -> Proxy | None:
        if "proxy" not in self._query:
            return None
        if self._parts.scheme == "lmtp+unix":
            self._problems.append("has proxy= with a Unix socket, which no proxy leads to")
        written = self._raw("proxy")
        try:
            return parse_proxy(written if "://" in written else unquote(written))  # as it is, or encoded as a whole
        except ValueError as error:
            self._problems.append(f"proxy= {error}")
            return None

    def _mechanisms(self) -> tuple[str, ...] | None:
        given = self._query.get("mechanisms")
        if given is None:
            return None
        names = tuple(name.strip().upper() for name in given.split(","))
        unknown = [name for name in names if name not in STRONGEST_FIRST]
        if unknown:
            self._problems.append(f"mechanisms= names {unknown[0]!r}; there are {', '.join(STRONGEST_FIRST)}")
        return names

    def _name(self, key: str) -> str | None:
        name = self._query.get(key)
        try:
            return None if name is None else hello_name(name)
        except ValueError as error:
            self._problems.append(f"{key}= is a domain name or an address in brackets: {error}")
            return None

    def _source(self) -> str | None:
        source = self._query.get("source")
        if source is not None:
            try:
                ipaddress.ip_address(source)
            except ValueError:
                self._problems.append(f"source= is an IP address of this host, and not {source!r}")
        return source
