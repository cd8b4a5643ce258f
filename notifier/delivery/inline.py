"""Rendering and sending at once, without a store: for eager tasks, direct calls and `notifier send --now`."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import replace

from notifier.delivery.composer import Composer
from notifier.delivery.courier import Sessions
from notifier.delivery.intake import Accepted
from notifier.errors import StoreError, fault_error
from notifier.model.outcome import Outcome, RecipientState

SESSION_WAIT = 30.0  # seconds


class HeldBlobs:
    """The attachments of one mail, at hand."""

    def __init__(self, blobs: Mapping[str, bytes]) -> None:
        self._blobs = blobs

    def get_blob(self, blob: str) -> bytes:
        """The octets. Raises `StoreError`."""
        try:
            return self._blobs[blob]
        except KeyError:
            raise StoreError(f"attachment {blob} is not at hand") from None


def deliver_inline(accepted: Accepted, *, composer: Composer, pool: Sessions) -> Outcome:
    """Hand one mail to the relay now. Raises the delivery error of the first recipient that was not accepted."""
    paths = tuple(address.forward_path for address in accepted.email.recipients)
    mail = replace(composer, blobs=HeldBlobs(accepted.blobs)).compose(accepted.email, paths)
    with pool.session(deadline=time.monotonic() + SESSION_WAIT) as session:
        (outcome,) = session.send_many([mail])
    for verdict in outcome.recipients.values():
        if verdict.state is not RecipientState.ACCEPTED and verdict.fault is not None:
            raise fault_error(verdict.fault)
    return outcome
