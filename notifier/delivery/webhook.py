"""`Webhook`: an event as a signed POST. Verified TLS, one absolute deadline, no redirect."""

from __future__ import annotations

import hashlib
import hmac
import json
import re
import time
from dataclasses import asdict, dataclass
from urllib.parse import SplitResult, urlsplit

from notifier.delivery.hooks import HookFailed, HookRefused
from notifier.errors import DeliveryError
from notifier.model.hook import HookEvent
from notifier.model.secret import Secret
from notifier.smtp import tls
from notifier.smtp.deadline import Deadline
from notifier.smtp.endpoint import Endpoint, Timeouts, TLSPolicy
from notifier.smtp.stream import NetworkStream, StreamClosed, StreamTimeout

PATIENCE = 10.0  # seconds for all of one event
MOST_OCTETS = 1024  # of the answer, of which only the first line counts
# The content is at fault, whoever sends it: all others (a wrong URL or secret too) are for an operator to mend.
REFUSED = frozenset({400, 410, 413, 415, 422})
_STATUS = re.compile(rb"HTTP/1\.[01] ([2-5][0-9]{2})[ \r\n]")


@dataclass(frozen=True, slots=True)
class Webhook:
    """``url``: https, or http on this host. ``key_id`` names the secret, so that it can be changed without a gap."""

    url: Secret  # a token may stand in it
    key_id: str
    secret: Secret
    ca_file: str | None = None

    def __call__(self, event: HookEvent) -> None:
        """Tell it. Raises `HookFailed`, or `HookRefused` where the answer says that this event is never taken."""
        parts = urlsplit(self.url.reveal())
        try:
            status = _status(self._answer(parts, event, Deadline.after(PATIENCE)))
        except (DeliveryError, OSError, StreamClosed, ValueError) as error:
            raise HookFailed(f"{parts.hostname}: {error}") from error
        except StreamTimeout:
            raise HookFailed(f"{parts.hostname}: no answer in {PATIENCE:.0f} s") from None
        if status in REFUSED:
            raise HookRefused(f"{parts.hostname} answered {status}")
        if not 200 <= status < 300:  # a redirect too: it would lead where nobody has looked
            raise HookFailed(f"{parts.hostname} answered {status}")

    def _answer(self, parts: SplitResult, event: HookEvent, deadline: Deadline) -> bytes:
        secure, host = parts.scheme == "https", parts.hostname or ""
        endpoint = Endpoint(
            host,
            parts.port or (443 if secure else 80),
            tls=TLSPolicy.IMPLICIT if secure else TLSPolicy.NONE,
            timeouts=Timeouts(connect=deadline.remaining),
        )
        stream = NetworkStream.connect(endpoint)
        try:
            if secure:
                stream.start_tls(tls.verified_context(self.ca_file), host, deadline)
            octets = bytearray()  # an answer may come before all is written
            stream.write(self._request(parts, event, time.time()), deadline, lambda _: None, octets.extend)
            while b"\n" not in octets and len(octets) < MOST_OCTETS:
                octets += stream.read(deadline)
            return bytes(octets)
        finally:
            stream.close()

    def _request(self, parts: SplitResult, event: HookEvent, now: float) -> bytes:
        body = json.dumps(asdict(event), ensure_ascii=True, separators=(",", ":")).encode()
        timestamp = str(int(now))
        lines = (
            f"POST {(parts.path or '/') + (f'?{parts.query}' if parts.query else '')} HTTP/1.1",
            f"Host: {parts.netloc}",
            "User-Agent: notifier",
            "Content-Type: application/json",
            f"Content-Length: {len(body)}",
            f"Notifier-Event: {event.id}",
            f"Notifier-Timestamp: {timestamp}",
            f"Notifier-Key: {self.key_id}",
            f"Notifier-Signature: {signature(self.secret, timestamp, body)}",
            "Connection: close",
        )
        return "\r\n".join((*lines, "", "")).encode("ascii") + body


def signature(secret: Secret, timestamp: str, body: bytes) -> str:
    """HMAC-SHA256 over the timestamp, a full stop and the body, hex. The timestamp is signed against replays."""
    return hmac.new(secret.reveal().encode(), timestamp.encode() + b"." + body, hashlib.sha256).hexdigest()


def _status(octets: bytes) -> int:
    found = _STATUS.match(octets)
    if found is None:
        raise ValueError("the answer is not HTTP")
    return int(found[1])
