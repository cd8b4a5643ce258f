"""``proxy=`` in a relay's URL."""

from __future__ import annotations

import re
from urllib.parse import unquote, urlsplit

from notifier.model.secret import Secret
from notifier.smtp import Proxy, ProxyKind

# socks5h says that the proxy looks the name up; ours always does.
_KINDS = {"socks5": ProxyKind.SOCKS5, "socks5h": ProxyKind.SOCKS5, "http": ProxyKind.HTTP}
_SOCKS_PORT = 1080  # IANA's; HTTP proxies have no port of their own
_HOST = re.compile(r"[A-Za-z0-9_.:-]+")  # IPv6 too; its brackets are gone


def parse_proxy(text: str) -> Proxy:
    """Read ``socks5://user:password@host:1080`` or ``http://user:password@host:3128``.

    Raises `ValueError`; its text holds neither user nor password.
    """
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError:
        raise ValueError("is no URL: the port is a number from 1 to 65535") from None
    if parts.scheme not in _KINDS:
        raise ValueError("begins with socks5:// or http://")
    kind = _KINDS[parts.scheme]
    port = _SOCKS_PORT if port is None and kind is ProxyKind.SOCKS5 else port
    if not port:
        raise ValueError("names the proxy's port, from 1 to 65535")
    if not _HOST.fullmatch(parts.hostname or "") or parts.path not in ("", "/") or parts.query or parts.fragment:
        raise ValueError("is written socks5://user:password@host:port, with signs such as @, / and # percent-encoded")
    return Proxy(kind, parts.hostname or "", port, *_login(parts.username, parts.password))


def _login(username: str | None, password: str | None) -> tuple[str | None, Secret | None]:
    if not username:
        if password:
            raise ValueError("has a password without a user")
        return None, None
    return unquote(username), Secret(unquote(password)) if password is not None else None
