"""What is said to a proxy so that it leads to the relay: SOCKS5 (RFC 1928, RFC 1929) and HTTP CONNECT (RFC 9110).

No I/O: a dialogue yields octets to write, with the measure of the answer to them, and is sent that answer. The relay's
name goes to the proxy as it is: who needs a proxy has mostly no resolver that knows it.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Callable, Generator
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple, NoReturn

from notifier.model.secret import Secret
from notifier.smtp.hosts import Target, as_target

MAX_HEAD = 8 * 1024  # octets of an HTTP proxy's answer
_UNFIT = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]")  # control characters, and what UTF-8 has no octets for
_STATUS = re.compile(rb"HTTP/1\.[0-9] ([1-9][0-9]{2})[ \r\n]")
_BLANK_LINE = re.compile(rb"\n\r?\n")
_SOCKS_VERSION, _LOGIN_VERSION = 5, 1
_NO_LOGIN, _WITH_PASSWORD, _NO_METHOD = 0, 2, 0xFF
_IPV4, _NAME_OF_HOST, _IPV6 = 1, 3, 4


class ProxyKind(StrEnum):
    """How a proxy is spoken to."""

    SOCKS5 = "socks5"
    HTTP = "http"


@dataclass(frozen=True, slots=True)
class Proxy:
    """Raises `ValueError` for what the proxy's protocol cannot carry; its text holds neither user nor password."""

    kind: ProxyKind
    host: str
    port: int
    username: str | None = None
    password: Secret | None = None

    def __post_init__(self) -> None:
        _check_port(self.port)
        if any(_UNFIT.search(text) for text in (self.host, *self._login)):
            raise ValueError("a proxy's host, user and password hold no control character")
        if self.kind is ProxyKind.SOCKS5 and any(len(text.encode()) > 255 for text in self._login):
            raise ValueError("user and password of a SOCKS5 proxy have 255 octets at most (RFC 1929)")
        if self.kind is ProxyKind.HTTP and ":" in self._login[0]:
            raise ValueError("the user of an HTTP proxy holds no colon (RFC 7617 section 2)")

    @property
    def name(self) -> str:
        """How logs and errors call it: never with credentials."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"the proxy {self.kind}://{host}:{self.port}"

    @property
    def _login(self) -> tuple[str, str]:
        return self.username or "", self.password.reveal() if self.password is not None else ""


class ProxyRefusal(Exception):
    """The proxy does not lead there. ``row`` is the taxonomy's.

    Its words are ours alone: a proxy may give back what it was told, and that was a password.
    """

    def __init__(self, row: str, words: str) -> None:
        self.row = row
        super().__init__(words)


class Say(NamedTuple):
    """Octets to write, and the measure of the answer: its length once it is whole, None as long as it is not."""

    octets: bytes
    measure: Callable[[bytes], int | None]


Dialogue = Generator[Say, bytes, None]


def dialogue(proxy: Proxy, host: str, port: int) -> Dialogue:
    """What is said so that ``proxy`` leads to ``host``; it raises `ProxyRefusal`.

    Raises `ValueError` at once for what is no host: a line end in it would be a header of its own (CRLF injection).
    """
    target = _target(host)
    _check_port(port)
    return _socks5(proxy, target, port) if proxy.kind is ProxyKind.SOCKS5 else _connect(proxy, target, port)


def _check_port(port: int) -> None:
    if not 0 < port < 2**16:
        raise ValueError(f"a port is a number from 1 to 65535, and not {port}")


def _target(host: str) -> Target:
    if "%" in host:
        raise ValueError("the zone of an address is of this host, and means nothing to a proxy")
    return as_target(host)


# SOCKS5 -------------------------------------------------------------------------------------------------------------


def _socks5(proxy: Proxy, target: Target, port: int) -> Dialogue:
    methods = [_NO_LOGIN] if proxy.username is None else [_NO_LOGIN, _WITH_PASSWORD]
    version, method = yield Say(bytes([_SOCKS_VERSION, len(methods), *methods]), _two_octets)
    if version != _SOCKS_VERSION:
        _refuse("C4", "no SOCKS5 is spoken there")
    if method not in methods:
        _refuse_login("it takes none of the logins that we can do")
    if method == _WITH_PASSWORD:
        user, password = (text.encode() for text in proxy._login)
        request = bytes([_LOGIN_VERSION, len(user)]) + user + bytes([len(password)]) + password
        _, status = yield Say(request, _two_octets)
        if status:
            _refuse_login("it refuses the user or the password")
    reply = yield Say(bytes([_SOCKS_VERSION, 1, 0]) + _socks_address(target) + port.to_bytes(2, "big"), _socks_reply)
    if reply[1]:
        _refuse(*_SOCKS_FAILURES.get(reply[1], ("C1", f"it fails with code {reply[1]}")))


# RFC 1928 section 6. C4 is the row of a way out of this process that cannot work as it is set, until an operator acts.
_SOCKS_FAILURES = {
    1: ("C1", "it fails"),
    2: ("C4", "its rules do not allow it"),
    3: ("C1", "it says that the network cannot be reached"),
    4: ("C1", "it says that the host cannot be reached"),
    5: ("C1", "it says that the host refused the connection"),
    6: ("C2", "it says that the host did not answer in time"),
    7: ("C4", "it makes no connections"),
    8: ("C4", "it does not know this type of address"),
}


def _socks_address(target: Target) -> bytes:
    if isinstance(target, bytes):
        return bytes([_NAME_OF_HOST, len(target)]) + target
    return bytes([_IPV4 if target.version == 4 else _IPV6]) + target.packed


def _two_octets(octets: bytes) -> int | None:
    return 2 if len(octets) >= 2 else None


def _socks_reply(octets: bytes) -> int | None:
    """Exactly as long as its own address says: what follows is the relay's greeting."""
    if octets[0] != _SOCKS_VERSION:
        _refuse("C4", "its answer is no SOCKS5")
    if octets[1:2] > b"\0":
        return 2  # of a failure some proxies say no more, and the rest tells nothing
    if len(octets) < 5:
        return None
    length = {_IPV4: 10, _NAME_OF_HOST: 7 + octets[4], _IPV6: 22}.get(octets[3])
    if length is None:
        _refuse("C4", "its answer is no SOCKS5")
    return length if len(octets) >= length else None


# HTTP CONNECT -------------------------------------------------------------------------------------------------------


def _connect(proxy: Proxy, target: Target, port: int) -> Dialogue:
    """RFC 9110 section 9.3.6."""
    octets = _request(proxy, target, port)
    while (status := _status_of((yield Say(octets, _head)))) < 200:
        octets = b""  # RFC 9110 section 15.2: the final answer is behind interim ones
    if status == 407:
        _refuse_login("it wants another user or password (407)")
    if status in (408, 429, 500, 502, 503):
        _refuse("C1", f"it did not reach the host ({status})")
    if status == 504:
        _refuse("C2", "it says that the host did not answer in time (504)")
    if status >= 300:
        _refuse("C4", f"it does not lead to this host and port ({status})")


def _request(proxy: Proxy, target: Target, port: int) -> bytes:
    host = target.decode("ascii") if isinstance(target, bytes) else str(target)
    authority = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    lines = [f"CONNECT {authority} HTTP/1.1", f"Host: {authority}"]
    if proxy.username is not None:
        credentials = base64.b64encode(":".join(proxy._login).encode()).decode("ascii")  # RFC 7617
        lines.append(f"Proxy-Authorization: Basic {credentials}")
    return "\r\n".join([*lines, "", ""]).encode("ascii")


def _head(octets: bytes) -> int | None:
    """As far as the blank line and no octet more: the relay's greeting stands behind it, in the same segment often."""
    if not octets.startswith(b"HTTP/1."[: len(octets)]):
        _refuse("C4", "no HTTP is spoken there")
    if (end := _BLANK_LINE.search(octets, 0, MAX_HEAD)) is not None:
        return end.end()
    if len(octets) >= MAX_HEAD:
        _refuse("C4", f"its answer has no end within {MAX_HEAD} octets")
    return None


def _status_of(head: bytes) -> int:
    if (status := _STATUS.match(head)) is None:
        _refuse("C4", "its answer is no HTTP")
    return int(status[1])


def _refuse_login(words: str) -> NoReturn:
    # Not A1: that is the relay's word on the account, and the account is sound. What an operator must mend is this
    # process's own way out, as with a source address that is not there.
    _refuse("C4", words)


def _refuse(row: str, words: str) -> NoReturn:
    raise ProxyRefusal(row, words)
