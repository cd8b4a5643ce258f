"""Rendering and sending at once, without a store: for eager tasks, direct calls and `notifier send --now`."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Mapping
from dataclasses import replace

from notifier.delivery.attempt import Attempt
from notifier.delivery.composer import BlobReader, Composer
from notifier.delivery.intake import Accepted
from notifier.delivery.routing import Router
from notifier.errors import fault_error
from notifier.model.octets import Source, whole
from notifier.model.outcome import Outcome
from notifier.store.base import Claim


class HeldBlobs:
    """The attachments of one mail, at hand; those that were stored before are ``elsewhere``."""

    def __init__(self, blobs: Mapping[str, bytes | Source], elsewhere: BlobReader) -> None:
        self._blobs = blobs
        self._elsewhere = elsewhere

    def get_blob(self, blob: str) -> bytes:
        """The octets. Raises `StoreError`, or `InvalidAttachment` for a file that has changed since."""
        return whole(self._blobs[blob]) if blob in self._blobs else self._elsewhere.get_blob(blob)

    def open_blob(self, blob: str) -> bytes | Source:
        """The same."""
        return self._blobs[blob] if blob in self._blobs else self._elsewhere.open_blob(blob)


def deliver_inline(accepted: Accepted, *, composer: Composer, router: Router) -> Outcome:
    """Hand one mail to the relay now. Raises the delivery error of the first recipient that was not accepted."""
    outcome = inline_outcome(accepted, composer=composer, router=router)
    for fault in outcome.faults:
        raise fault_error(fault)
    return outcome


def inline_outcome(accepted: Accepted, *, composer: Composer, router: Router) -> Outcome:
    """Hand one mail to the relay now: what became of each recipient. Raises where no session can be had."""
    email = accepted.email
    account = router.account_of(email)
    paths = tuple(address.forward_path for address in email.recipients)
    here = replace(composer, blobs=HeldBlobs(accepted.blobs, composer.blobs))
    attempt = Attempt(
        Claim(email, 0, {}, 0, 0, 0, 0.0),
        here.compose(email, paths, reverse_path=account.reverse_path),
        deque(account.ways.legs(paths)),
    )
    while not attempt.over:
        with attempt.leg.sessions.session(deadline=time.monotonic() + router.session_wait) as session:
            (outcome,) = session.send_many([attempt.message])
        attempt.leg_over(outcome)
    return attempt.outcome
