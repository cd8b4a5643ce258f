"""Which refusals are about the address itself, so that it is not mailed again (row R7, and D2 and D4 of `mx://`)."""

from __future__ import annotations

import re
from collections.abc import Mapping

from notifier.errors import Fault
from notifier.model.outcome import Outcome, RecipientState

# RFC 3463 section 3.2 and RFC 7505: no such mailbox, no such host, bad syntax, moved, takes no mail. A bare 550 says less:
# half of them are about the sender, and an address is not lost on a guess.
_OF_THE_ADDRESS = re.compile(r"5\.1\.(1|2|3|6|10)\Z")
_OF_THE_DOMAIN = frozenset({"D2", "D4"})


def wrong_addresses(outcome: Outcome) -> Mapping[str, Fault]:
    """The recipients that were refused for good because of what they are, with what was said."""
    return {
        path: verdict.fault
        for path, verdict in outcome.recipients.items()
        if verdict.state is RecipientState.REFUSED and verdict.fault is not None and _is_about_address(verdict.fault)
    }


def _is_about_address(fault: Fault) -> bool:
    if fault.taxonomy_id in _OF_THE_DOMAIN:
        return True
    return fault.taxonomy_id == "R7" and _OF_THE_ADDRESS.match(fault.enhanced or "") is not None
