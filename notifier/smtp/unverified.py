"""The certificate of a server that could not prove who it is: looked at, and the connection ends with that."""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from notifier.errors import DeliveryError
from notifier.protocol.dialogue import Await, Lost, UpgradeToTLS
from notifier.protocol.handshake import Wish, handshake
from notifier.protocol.reply import Reply
from notifier.smtp.deadline import Deadline
from notifier.smtp.endpoint import Endpoint, Mode, TLSPolicy
from notifier.smtp.session import own_name
from notifier.smtp.stream import NetworkStream, StreamTimeout
from notifier.smtp.wire import Wire


def shown_certificate(endpoint: Endpoint) -> Mapping[str, Any] | None:
    """As `ssl.SSLSocket.getpeercert` has it; None where the server does not get as far as to show one.

    Nothing is said behind the handshake: whoever shows the certificate gets neither a mail nor a login.
    """
    with suppress(DeliveryError, Lost, StreamTimeout, OSError):
        stream = NetworkStream.connect(endpoint)
        try:
            if endpoint.tls is not TLSPolicy.IMPLICIT:
                _lead_to_tls(stream, endpoint)
            return _shown(stream, endpoint)
        finally:
            stream.close()
    return None


def _lead_to_tls(stream: NetworkStream, endpoint: Endpoint) -> None:
    name, lmtp = endpoint.ehlo_name or own_name(), endpoint.mode is Mode.LMTP
    wire, dialogue = (
        Wire(stream, endpoint.timeouts, caps=endpoint.reply_caps),
        handshake(Wish(endpoint.name, name, lmtp)),
    )
    answer: Reply | None = None
    while not isinstance(step := dialogue.send(answer), UpgradeToTLS):  # type: ignore[arg-type]  # None begins it
        answer = None
        if isinstance(step, Await):
            answer = wire.reply(step.phase)
        else:
            wire.do(step)  # type: ignore[arg-type]  # no other steps are taken before TLS


def _shown(stream: NetworkStream, endpoint: Endpoint) -> Mapping[str, Any] | None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    stream.start_tls(context, endpoint.server_name, Deadline.after(endpoint.timeouts.starttls))
    # The library tells what stands in a certificate only where one is to be verified, and looks for that when it is asked.
    context.verify_mode = ssl.CERT_REQUIRED
    return stream.certificate
