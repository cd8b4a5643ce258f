"""Reverse-paths and forward-paths by the grammar of RFC 5321 section 4.1.2 and RFC 6531 section 3.3.

What could be read in two ways never goes out: two addresses in one path, source routes, comments, a second ``@`` (each
has sent some library's mail to somebody else), and nothing that could end the path and begin a parameter.
"""

from __future__ import annotations

import ipaddress
import re
from functools import lru_cache

MAX_PATH = 256  # octets with its brackets, RFC 5321 section 4.5.3.1.3
MAX_LOCAL_PART = 64  # octets, section 4.5.3.1.1
MAX_DOMAIN = 255  # octets, section 4.5.3.1.2
POSTMASTER = "postmaster"  # the one forward-path without a domain (section 4.1.1.3)

# By what is not in them, which compiles quicker. No C1 controls: U+0085 is a line break to some.
_ATEXT = r"""[^\x00-\x20"(),.:;<>@\[\\\]\x7f-\x9f]"""
_QTEXT = r"""[^\x00-\x1f"\\\x7f-\x9f]"""
_LOCAL_PART = re.compile(rf'(?:{_ATEXT}+(?:\.{_ATEXT}+)*|"(?:{_QTEXT}|\\[ -~])*")(?=@|\Z)')
_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_DOMAIN = re.compile(rf"{_LABEL}(?:\.{_LABEL})*\Z")
_LITERAL = re.compile(r"\[(IPv6:)?([0-9A-Fa-f:.]+)\]\Z")
_SURROGATE = re.compile("[\ud800-\udfff\u2028\u2029]")


@lru_cache(maxsize=1024)
def why_no_path(path: str) -> str | None:
    """What is wrong with a mailbox that is to stand between brackets; None for a good one."""
    if _SURROGATE.search(path):
        return "it holds what is no character of an address"
    found = _LOCAL_PART.match(path)
    if found is None:
        return "its local part is none"
    local_part, domain = found[0], path[found.end() + 1 :]
    if len(local_part.encode()) > MAX_LOCAL_PART:
        return f"its local part is over {MAX_LOCAL_PART} octets"
    if found.end() == len(path):
        return None if local_part.lower() == POSTMASTER else "it has no domain"
    if not (_is_literal(domain) if domain.startswith("[") else _is_domain(domain)):
        return "its domain is none"
    return f"it is over {MAX_PATH} octets" if len(path.encode()) + 2 > MAX_PATH else None


@lru_cache(maxsize=1024)
def wire_form(path: str) -> str:
    """The path with its domain in A-labels, where its local part is ASCII: then no server needs SMTPUTF8 for it."""
    local_part, _, domain = path.rpartition("@")
    if path.isascii() or not local_part.isascii() or (labels := _a_labels(domain)) is None:
        return path
    return f"{local_part}@{labels}"


def _is_domain(domain: str) -> bool:
    labels = domain if domain.isascii() else _a_labels(domain)
    return labels is not None and _DOMAIN.match(labels) is not None and len(labels) <= MAX_DOMAIN


def _a_labels(domain: str) -> str | None:
    """RFC 5890; None where there are none. Strict: a full-width dot or an NFKC look-alike is never folded into one."""
    import idna  # noqa: PLC0415 - most programs never need it, and it is a third of what importing the client costs

    try:
        return idna.encode(domain.lower(), strict=True, std3_rules=True).decode()
    except (idna.IDNAError, UnicodeError):
        return None


def _is_literal(domain: str) -> bool:
    """``[192.0.2.1]`` or ``[IPv6:2001:db8::1]`` (section 4.1.3)."""
    if (found := _LITERAL.match(domain)) is None:
        return False
    try:
        return ipaddress.ip_address(found[2]).version == (6 if found[1] else 4)
    except ValueError:
        return False
