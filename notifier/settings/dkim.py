"""``NOTIFIER_DKIM``: ``domain:selector:/path/of/key.pem`` with blanks between. A domain may have an RSA and an Ed25519 key."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from notifier.errors import InvalidAddress
from notifier.mime.dkim_key import DkimKey, read_key
from notifier.model.address import Address
from notifier.settings.relay import ManyProblems
from notifier.settings.sources import read_file

_SELECTOR = re.compile(
    r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?(?:\.[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?)*\Z"
)


@dataclass(frozen=True, slots=True)
class DkimKeys:
    """``files`` are those that were read."""

    keys: tuple[DkimKey, ...] = ()
    files: tuple[Path, ...] = ()


def parse_dkim(text: str) -> DkimKeys:
    """Read every key. Raises `ValueError` with every problem at once, which holds nothing of a key."""
    problems: list[str] = []
    found = [key for part in text.split() for key in _keys(part, problems)]
    problems.extend(_twice(found))
    if problems:
        raise ManyProblems(problems)
    return DkimKeys(tuple(found), tuple(Path(part.split(":", 2)[2]) for part in text.split()))


def _keys(part: str, problems: list[str]) -> Iterator[DkimKey]:
    """One, or none and a problem."""
    domain, _, rest = part.partition(":")
    selector, _, path = rest.partition(":")
    if not _SELECTOR.match(selector) or not Path(path).is_absolute():
        problems.append(f"is written domain:selector:/whole/path/of/key.pem, and not {part!r}")
        return
    pem = read_file(Path(path), secret=True, problems=problems)
    if pem is None:
        return
    try:
        a_labels = Address.parse(f"postmaster@{domain}").ascii_domain.lower()
        yield read_key(pem, domain=a_labels, selector=selector)
    except InvalidAddress:
        problems.append(f"names the domain {domain!r}, which is none")
    except ImportError:
        problems.append("needs: pip install notifier-worker[dkim]")
    except ValueError as error:
        problems.append(f"names {path}, which {error}")


def _twice(keys: list[DkimKey]) -> Iterator[str]:
    """Receivers look at a few signatures and no more; two of a kind are a mistake in the list."""
    for index, key in enumerate(keys):
        if any((key.domain, key.algorithm) == (other.domain, other.algorithm) for other in keys[:index]):
            yield f"has two {key.algorithm} keys for {key.domain}; one of each kind signs"
