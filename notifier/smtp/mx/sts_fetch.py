"""A policy fetched over HTTPS (RFC 8461 section 3.3): verified TLS, no redirect, and bounds for time and octets.

The octets come through our own stream, whose deadline is absolute, and are read by the standard library's parser.
"""

from __future__ import annotations

import io
import ssl
from dataclasses import dataclass
from typing import TYPE_CHECKING

from notifier.errors import DeliveryError
from notifier.smtp import tls
from notifier.smtp.deadline import Deadline
from notifier.smtp.endpoint import Endpoint, Timeouts, TLSPolicy
from notifier.smtp.mx.sts_policy import Policy
from notifier.smtp.resolving import Resolve
from notifier.smtp.stream import NetworkStream, StreamClosed, StreamTimeout

if TYPE_CHECKING:
    from http.client import HTTPResponse

PATIENCE = 10.0  # seconds for all of it; the RFC suggests a minute, in which a worker could send a hundred mails
MOST_OCTETS = 64 * 1024  # of a policy, as the RFC suggests
_HEAD = 16 * 1024  # octets of the answer before it
HTTPS = 443


class PolicyUnavailable(Exception):
    """Not fetched, or none that can be used."""


@dataclass(frozen=True, slots=True)
class PolicyFetcher:
    """``resolve`` screens the addresses: the policy's host is a stranger's as well. ``ca_file``: PEM, or the system's store."""

    resolve: Resolve
    ca_file: str | None = None
    port: int = HTTPS

    def fetch(self, domain: str, deadline: Deadline) -> Policy:
        """The domain's policy. Raises `PolicyUnavailable`."""
        host = f"mta-sts.{domain}"
        try:
            octets = self._answer(host, min(deadline, Deadline.after(PATIENCE)))
            return Policy.parse(_body(octets))
        except (DeliveryError, ssl.SSLError, OSError, StreamClosed) as error:
            raise PolicyUnavailable(f"{host}: {error}") from error
        except StreamTimeout:
            raise PolicyUnavailable(f"{host}: not fetched in time") from None
        except ValueError as error:
            raise PolicyUnavailable(f"{host}: {error or type(error).__name__}") from error

    def _answer(self, host: str, deadline: Deadline) -> bytes:
        timeouts = Timeouts(connect=deadline.remaining)
        endpoint = Endpoint(host, self.port, tls=TLSPolicy.IMPLICIT, ca_file=self.ca_file, timeouts=timeouts)
        stream = NetworkStream.connect(endpoint, self.resolve)
        try:
            stream.start_tls(tls.verified_context(self.ca_file), host, deadline)
            stream.write(_request(host), deadline, lambda _: None, lambda _: None)
            return _to_the_end(stream, deadline)
        finally:
            stream.close()


def _request(host: str) -> bytes:
    lines = (
        "GET /.well-known/mta-sts.txt HTTP/1.1",
        f"Host: {host}",
        "Accept: text/plain",
        "User-Agent: notifier",
        "Connection: close",
    )
    return "\r\n".join((*lines, "", "")).encode("ascii")


def _to_the_end(stream: NetworkStream, deadline: Deadline) -> bytes:
    octets = b""
    while len(octets) <= _HEAD + MOST_OCTETS:
        try:
            octets += stream.read(deadline)
        except StreamClosed:
            return octets
    raise ValueError(f"the answer is over {MOST_OCTETS} octets")


class _Heard:
    """What `http.client.HTTPResponse` takes for a socket."""

    def __init__(self, octets: bytes) -> None:
        self._octets = octets

    def makefile(self, mode: str) -> io.BytesIO:
        del mode
        return io.BytesIO(self._octets)


def _body(octets: bytes) -> bytes:
    """The policy's octets. Raises `ValueError` for any other answer."""
    from http.client import HTTPException, HTTPResponse  # noqa: PLC0415 - for whoever turns MTA-STS on

    try:
        return _body_of(HTTPResponse(_Heard(octets)))  # type: ignore[arg-type]  # makefile is all that it asks for
    except HTTPException as error:
        raise ValueError(str(error) or type(error).__name__) from error


def _body_of(response: HTTPResponse) -> bytes:
    response.begin()
    if response.status != 200:  # a redirect is not followed: section 3.3
        raise ValueError(f"the answer is {response.status}, not 200")
    if response.getheader("Content-Type") is None or response.headers.get_content_type() != "text/plain":
        raise ValueError("the answer is not text/plain")
    if response.length is None and not response.chunked:
        raise ValueError("the answer does not say its length, so it may have been cut off")
    body = response.read(MOST_OCTETS + 1)
    if len(body) > MOST_OCTETS:
        raise ValueError(f"the policy is over {MOST_OCTETS} octets")
    if response.length:
        raise ValueError(f"{response.length} octets of the policy did not come")
    return body
