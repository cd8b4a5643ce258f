"""Django's words for a relay, as the URL of one: ``host``, ``port``, ``username``, ``password``, ``use_tls``, ``use_ssl`` …"""

from __future__ import annotations

from urllib.parse import quote, urlencode

from notifier.settings.bounds import TIMEOUTS

# Django has one timeout for the socket; the last word has its own (RFC 1047), and the two resets are short as they are.
PATIENT = ("timeout_final_reply", "timeout_rset", "timeout_quit")


def relay_url(
    *,
    host: str,
    port: int | None = None,
    username: str | None = None,
    password: str | None = None,
    use_tls: bool = False,
    use_ssl: bool = False,
    timeout: float | None = None,
    ssl_keyfile: str | None = None,
    ssl_certfile: str | None = None,
) -> str:
    """For `NOTIFIER_SMTP_URL`, of what `relay_problems` has nothing against. ``timeout`` in seconds. A user or a password
    alone is no login, as with Django's own.

    Without ``use_tls`` STARTTLS is still required, but on this host without a password: mail in clear text is asked for in the
    URL itself (``tls=none``), and not by leaving a word out.
    """
    login = f"{quote(username, safe='')}:{quote(password, safe='')}@" if username and password else ""
    named = f"[{host}]" if ":" in host else host
    options: dict[str, object] = {"tls": "required"} if use_tls and not use_ssl else {}
    if timeout is not None:
        options |= {name: timeout for name in TIMEOUTS if name not in PATIENT}
    options |= {name: path for name, path in (("cert", ssl_certfile), ("key", ssl_keyfile)) if path}
    query = f"?{urlencode(options)}" if options else ""
    return f"{'smtps' if use_ssl else 'smtp'}://{login}{named}{f':{port}' if port else ''}{query}"
