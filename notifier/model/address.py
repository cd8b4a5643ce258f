"""`Address`: one mailbox, checked by the grammar of RFC 5321 section 4.1.2 and RFC 6531 section 3.3.

Everything that could be read in two ways is refused: two addresses in one slot, source routes, comments, groups,
domain literals, control characters. The scanner looks at each character a bounded number of times, so hostile text
costs linear time (a nested group once crashed a neighbour's parser).
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from functools import lru_cache

from notifier.errors import InvalidAddress

MAX_LOCAL_PART = 64  # octets, RFC 5321 section 4.5.3.1.1
MAX_DOMAIN = 255  # octets, RFC 5321 section 4.5.3.1.2
MAX_PATH = 254  # octets without the angle brackets, RFC 5321 section 4.5.3.1.3 (erratum 1690)
MAX_TEXT = 2048  # characters looked at in all, display name included

# By what is not in them: a set that names the million signs beyond ASCII takes a hundred times as long to compile.
_ATEXT = r"""[^\x00-\x20"(),.:;<>@\[\\\]\x7f]"""  # RFC 5322 atext with RFC 6531 UTF8-non-ascii
_DOT_ATOM = re.compile(rf"{_ATEXT}+(?:\.{_ATEXT}+)*\Z")
_QUOTED_LOCAL = re.compile(r'"(?:[^\x00-\x1f"\\\x7f]|\\[ -~])*"\Z')  # RFC 5321 Quoted-string
_DOMAIN_CHARACTERS = re.compile(
    r"[^\x00-,/:-@\[-^`{-\x7f]+\Z"
)  # letters, digits, dot, hyphen, underscore and all beyond ASCII
_QUOTED_NAME = re.compile(r'"((?:[^"\\]|\\.)*)"\Z')
_UNSAFE_CATEGORIES = frozenset({"Cc", "Cs", "Zl", "Zp"})  # controls, lone surrogates, line and paragraph separators
_NAME_SPECIALS = frozenset('<>@,;:\\"[]()')  # RFC 5322 specials but the dot, which names do use ("J. Doe")


@dataclass(frozen=True, slots=True)
class Address:
    """A mailbox: what people see, and where it goes.

    ``domain`` is kept as written (lower case); `ascii_domain` is its A-label form for DNS and for relays without
    SMTPUTF8 (RFC 5890).
    """

    local_part: str
    domain: str
    display_name: str = ""

    def __post_init__(self) -> None:
        """Made by hand, it is held to the same characters: it goes into header fields as it is."""
        is_local_part = _DOT_ATOM.match(self.local_part) or _QUOTED_LOCAL.match(self.local_part)
        if not is_local_part or not _DOMAIN_CHARACTERS.match(self.domain) or _is_unsafe(self.addr_spec):
            raise InvalidAddress(f"not an address: {_shown(self.addr_spec)}")

    @classmethod
    def parse(cls, text: object) -> Address:
        """Read ``zoe@example.com`` or ``Zoë <zoe@example.com>``.

        Raises `InvalidAddress`, naming the text and the reason, for anything else.
        """
        if isinstance(text, Address):
            if _is_unsafe(text.display_name):
                raise InvalidAddress(f"control character or line break in address {_shown(str(text))}")
            return text
        if not isinstance(text, str):
            raise InvalidAddress(f"an address is text, not {type(text).__name__}: {_shown(text)}")
        return _parsed(text)

    @property
    def addr_spec(self) -> str:
        """``local-part@domain`` as written, without the name."""
        return f"{self.local_part}@{self.domain}"

    @property
    def ascii_domain(self) -> str:
        """The domain in A-labels."""
        return a_labels(self.domain)

    @property
    def needs_smtputf8(self) -> bool:
        """True where the local part is not ASCII, so that only a relay with SMTPUTF8 can take it (RFC 6531)."""
        return not self.local_part.isascii()

    @property
    def forward_path(self) -> str:
        """What RCPT TO gets between its brackets: A-labels wherever the local part allows it."""
        return _forward_path(self.local_part, self.domain)

    def __str__(self) -> str:
        if not self.display_name:
            return self.addr_spec
        if _NAME_SPECIALS.isdisjoint(self.display_name):
            return f"{self.display_name} <{self.addr_spec}>"
        escaped = self.display_name.replace("\\", "\\\\").replace('"', '\\"')
        return f'"{escaped}" <{self.addr_spec}>'


@lru_cache(maxsize=1024)  # the sender is the same in mail after mail
def _parsed(text: str) -> Address:
    name, mailbox = _split(text)
    local_part, domain = _split_mailbox(mailbox, text)
    address = Address(_checked_local_part(local_part, text), _checked_domain(domain, text), name)
    if len(address.forward_path.encode()) > MAX_PATH:
        raise InvalidAddress(f"address is over {MAX_PATH} octets: {_shown(text)}")
    return address


@lru_cache(maxsize=1024)  # from the call to the ledger a mail asks ten times for each of its own
def _forward_path(local_part: str, domain: str) -> str:
    return f"{local_part}@{a_labels(domain) if local_part.isascii() else domain}"


def _shown(value: object) -> str:
    shown = repr(value)
    return shown if len(shown) <= 80 else f"{shown[:77]}..."


def _is_unsafe(text: str) -> bool:
    return not text.isprintable() and any(unicodedata.category(char) in _UNSAFE_CATEGORIES for char in text)


def _split(text: str) -> tuple[str, str]:
    """Divide the text into display name and mailbox."""
    if len(text) > MAX_TEXT:
        raise InvalidAddress(f"address of {len(text)} characters is too long: {_shown(text)}")
    # Before any stripping: a newline at the end is an attack or a bug, never part of an address.
    if _is_unsafe(text):
        raise InvalidAddress(f"control character or line break in address {_shown(text)}")
    text = text.strip(" ")
    if not text.endswith(">"):
        return "", text
    name, bracket, mailbox = text[:-1].rpartition("<")
    if not bracket:
        raise InvalidAddress(f"unbalanced '>' in address {_shown(text)}")
    return _checked_name(name.strip(" "), text), mailbox


def _checked_name(name: str, text: str) -> str:
    if quoted := _QUOTED_NAME.match(name):
        return re.sub(r"\\(.)", r"\1", quoted[1])
    if not _NAME_SPECIALS.isdisjoint(name):
        raise InvalidAddress(
            f'display name in {_shown(text)} needs quotes around it ("Doe, Jane" <jane@example.com>); '
            "one address goes in one slot, several go in a list"
        )
    return name


def _split_mailbox(mailbox: str, text: str) -> tuple[str, str]:
    if not mailbox:
        raise InvalidAddress(f"no address in {_shown(text)}")
    if mailbox.startswith("@"):
        raise InvalidAddress(f"no local part (or a source route) in address {_shown(text)}")
    # A quoted local part may hold an "@": only the one behind the closing quote divides (nodemailer #1766).
    local_part, at, domain = mailbox.rpartition("@")
    if not at:
        raise InvalidAddress(f"no '@' in address {_shown(text)}")
    return local_part, domain


def _checked_local_part(local_part: str, text: str) -> str:
    if len(local_part.encode()) > MAX_LOCAL_PART:
        raise InvalidAddress(f"local part is over {MAX_LOCAL_PART} octets in address {_shown(text)}")
    if not (_DOT_ATOM.match(local_part) or _QUOTED_LOCAL.match(local_part)):
        raise InvalidAddress(f"local part {_shown(local_part)} is not valid in address {_shown(text)}")
    return local_part


def _checked_domain(domain: str, text: str) -> str:
    if domain.startswith("["):
        raise InvalidAddress(f"domain literals are not accepted: {_shown(text)}")
    try:
        octets = _octets_of(domain)
    except UnicodeError as error:  # `idna.IDNAError` is one
        raise InvalidAddress(f"domain {_shown(domain)} is not valid in address {_shown(text)}: {error}") from error
    if octets > MAX_DOMAIN:
        raise InvalidAddress(f"domain is over {MAX_DOMAIN} octets in address {_shown(text)}")
    return domain.lower()


@lru_cache(maxsize=1024)  # many addresses have one domain
def _octets_of(domain: str) -> int:
    """How long it is in A-labels. Raises `UnicodeError` for what is no domain."""
    ascii_domain = a_labels(domain)
    if "xn--" in ascii_domain.lower():
        import idna  # noqa: PLC0415 - its tables, which most domains do without

        idna.decode(ascii_domain)  # an A-label that is no IDNA 2008 label is refused as well
    return len(ascii_domain)


@lru_cache(maxsize=4096)  # a mail asks a dozen times for each of its domains, and the next mail for most of them again
def a_labels(domain: str) -> str:
    """A domain as DNS has it. Raises `ValueError` for what is none (RFC 5891)."""
    if domain.isascii() and not _LDH_DOMAIN.match(domain):
        raise UnicodeError("labels are letters, digits and inner hyphens, 1 to 63 each, one dot between them")
    if domain.isascii():
        return domain.lower()
    import idna  # noqa: PLC0415 - as above

    # strict: only "." divides labels; a full-width dot or an NFKC look-alike is refused, never folded into one.
    return idna.encode(domain.lower(), strict=True, std3_rules=True).decode()


_LDH_DOMAIN = re.compile(r"(?!.*\.\Z)(?:[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?(?:\.(?!\Z)|\Z))+\Z")
