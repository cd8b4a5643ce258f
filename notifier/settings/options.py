"""What each option of a relay's URL is for, and why its default is what it is. The reference in docs/ is written from this."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from notifier.pool import PoolConfig
from notifier.pool.mx import MX_POOL
from notifier.protocol.reply import ReplyCaps
from notifier.settings.bounds import POOL, REPLY, TIMEOUTS
from notifier.smtp import Timeouts
from notifier.smtp.mx import MX_TIMEOUTS


class Option(NamedTuple):
    """One row. ``default`` is that of a relay, ``mx`` that of ``mx://`` (empty: it has no such option)."""

    name: str
    default: str
    mx: str
    doc: str


WAYS: tuple[Option, ...] = (
    Option(
        "tls", "required", "opportunistic", "required, none or opportunistic. On loopback without a password: none."
    ),
    Option(
        "ca",
        "the system's",
        "the system's",
        "A PEM file with the authorities that are trusted, for a relay whose certificate is of an authority of your own.",
    ),
    Option("cert", "–", "", "A PEM file with a client certificate. With mechanisms=EXTERNAL it is the login."),
    Option("key", "in cert=", "", "A PEM file with the certificate's key, where the certificate's file has none."),
    Option(
        "pin",
        "–",
        "",
        "sha256/… of the server's key, several with commas: one must fit, beside a chain and a name that are good.",
    ),
    Option("proxy", "–", "", "socks5://user:password@host:port or http://…: the way out of a closed network."),
    Option("ehlo", "the host's name", "the host's name", "The name for EHLO. Relays that look it up want it to exist."),
    Option("source", "the system's choice", "the system's choice", "An IP address of this host to connect from."),
    Option(
        "mechanisms", "the strongest offered", "", "SASL mechanisms that may be used, with commas; CRAM-MD5 only so."
    ),
    Option(
        "token_file",
        "–",
        "",
        "A file with an access token, in place of a password (OAUTHBEARER, XOAUTH2). It is read at each login; a program of "
        "yours keeps it fresh. See [relays](../how-to/relays.md).",
    ),
    Option(
        "window", "1", "", "Mails in flight with CHUNKING. More is faster, and more are unknown when a line breaks."
    ),
    Option("weight", "1", "", "The relay's share of the mails beside those it stands with by a comma."),
)

_BOUNDS: Mapping[str, str] = {
    "pool": "Sessions in each process, parked and lent together. Relays count connections; a prefork child uses one.",
    "messages_per_connection": "Mails after which a session ends. Many relays end it after a hundred; fewer is learned.",
    "max_age": "Seconds after which a session ends, a tenth more or less, so that those opened together do not end "
    "together. A relay that was moved in the DNS is left by then.",
    "max_idle": "Seconds that a session waits for the next mail. Relays drop idle ones after 10 to 90 s; ending it first "
    "spares a failed mail.",
    "connections": "Connections from all workers together. Unset: as many as the relay takes without complaint.",
    "rate": "Mails a second from all workers together, or such as 100/min. What is over it waits in the store.",
}
_TIMES: Mapping[str, str] = {
    "connect": "For TCP, over all addresses of the host, which are tried side by side. Room for three SYNs that were lost; a host that is there "
    "answers in one round trip.",
    "greeting": "For the 220. RFC 5321 section 4.5.3.2.1 asks for five minutes of strangers; a relay of yours is quicker.",
    "ehlo": "For the reply to EHLO. Some relays look the name up before they answer, and a resolver takes its time.",
    "starttls": "For STARTTLS with the handshake: three round trips and some arithmetic, on a relay that may be busy.",
    "auth": "For each step of the login. A relay may ask a directory, and may let a wrong password wait on purpose.",
    "mail": "For the reply to MAIL. RFC 5321 section 4.5.3.2.2 asks for five minutes of strangers: of those that check the sender meanwhile.",
    "rcpt": "For the reply to each RCPT. As for MAIL; a relay that checks recipients asks somebody else.",
    "data": "For the 354. Nothing was handed over, so whoever is slower than this is tried again at no risk.",
    "body_block": "For each block of the message that the server is to take. A relay that takes nothing for so long has stopped reading.",
    "final_reply": "For the last word. Never shorter: a relay may deliver before it answers, and a mail that was given "
    "up here may arrive all the same (RFC 1047).",
    "rset": "For the reply to RSET, which no relay has to think about: one that is late for it is out of step.",
    "quit": "For the reply to QUIT; nothing depends on it.",
}
_CAPS: Mapping[str, str] = {
    "reply_line": "Octets of one line of a reply, with its CRLF; 512 or more. RFC 5321 section 4.5.3.1.5 asks servers for 512, and some "
    "that explain a refusal write more. A line over it ends the connection: it would fill the memory of whoever reads on.",
    "reply_octets": "Octets of a whole reply. A hostile server's greeting has no end.",
    "reply_lines": "Lines of a reply. A server with every extension there is answers EHLO with some 30.",
}


def options() -> Iterator[Option]:
    """Every option of a relay's URL."""
    yield from WAYS
    for name, (attribute, _) in POOL.items():
        yield Option(name, _shown(getattr(PoolConfig(), attribute)), _shown(getattr(MX_POOL, attribute)), _BOUNDS[name])
    for name, attribute in TIMEOUTS.items():
        default, mx = (_shown(getattr(one, attribute)) for one in (Timeouts(), MX_TIMEOUTS))
        yield Option(name, default, mx, _TIMES[attribute])
    for name, (attribute, _) in REPLY.items():
        default = _shown(getattr(ReplyCaps(), attribute))
        yield Option(name, default, default, _CAPS[name])


def _shown(value: object) -> str:
    return "–" if value is None else f"{value:g}" if isinstance(value, float) else str(value)
