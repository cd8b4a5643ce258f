"""`Veil`: addresses are covered on every page, unless the operator has said at the start that they may be seen."""

from __future__ import annotations

import re
from collections.abc import Iterable

from notifier.telemetry.masking import ADDRESS

SHORTEST = 3  # characters of a local part that is looked for in a server's words; a shorter one is part of many words


class Veil:
    """``lifted``: everything is shown as it is."""

    def __init__(self, *, lifted: bool) -> None:
        self.lifted = lifted

    def address(self, path: str) -> str:
        """Enough for whoever knows the address, and no address: ``z…@example.com``."""
        if self.lifted:
            return path
        local, at, domain = path.rpartition("@")
        return f"{local[:1]}…@{domain}" if at else f"{path[:1]}…"

    def words(self, text: str, paths: Iterable[str] = ()) -> str:
        """A server's words, without addresses, and without the names in front of these."""
        if self.lifted:
            return text
        for path in paths:
            text = _without_names(text.replace(path, self.address(path)), path.rpartition("@")[0])
        return ADDRESS.sub(lambda found: self.address(found[0]), text)


def _without_names(text: str, local_part: str) -> str:
    """Servers leave the domain out, and what stands behind a plus sign (RFC 5233)."""
    for name in dict.fromkeys((local_part, local_part.partition("+")[0])):
        if len(name) >= SHORTEST and name.lower() in text.lower():
            text = re.sub(rf"(?<!\w){re.escape(name)}(?![\w…])", f"{name[:1]}…", text, flags=re.IGNORECASE)
    return text
