"""TLS as mail wants it: 1.2 or newer, chain and name verified, SNI. There is no switch that turns that off.

From MTA to MTA the recipient's side says what can be verified (`notifier.smtp.trust`): a context for each way.
"""

from __future__ import annotations

import os
import ssl
from functools import lru_cache
from pathlib import Path

from notifier.errors import Fault, Phase
from notifier.protocol import taxonomy
from notifier.smtp.endpoint import Endpoint
from notifier.smtp.trust import WebPKI
from notifier.smtp.unforked import UNFORKED

_LOOKS_LIKE_OTHER_PROTOCOL = frozenset(
    {"WRONG_VERSION_NUMBER", "HTTP_REQUEST", "UNKNOWN_PROTOCOL", "RECORD_LAYER_FAILURE"}
)


def verified_context(
    ca_file: str | None, client_cert: str | None = None, client_key: str | None = None
) -> ssl.SSLContext:
    """A client context that trusts ``ca_file`` (PEM), or the system's store, and shows ``client_cert`` where asked.

    A file that has changed is read anew: certificates are renewed while workers run. Raises `OSError` for a bad file.
    """
    files = (ca_file, client_cert, client_key)
    return _context(*files, tuple(map(_state, files)), os.getpid())


# Every context has locks inside OpenSSL, and a thread of the parent may have held one at a fork: each process has its
# own. Those of the parent stay in the child's caches untouched, for to free one takes its lock too.


@lru_cache(maxsize=16)
def _context(
    ca_file: str | None, client_cert: str | None, client_key: str | None, states: tuple[object, ...], pid: int
) -> ssl.SSLContext:
    del states, pid  # parts of the cache's key alone
    context = ssl.create_default_context(cafile=ca_file)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if client_cert is not None:
        context.load_cert_chain(client_cert, client_key)
    return context


def unverified_context() -> ssl.SSLContext:
    """A client context that encrypts, and leaves it to others what the certificate is worth."""
    return _unverified_context(os.getpid())


@lru_cache(maxsize=4)
def _unverified_context(pid: int) -> ssl.SSLContext:
    del pid
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def anchored_context(anchors: tuple[bytes, ...]) -> ssl.SSLContext:
    """A client context that trusts these certificates (DER) alone, self-signed or not. Names are not looked at."""
    return _anchored_context(anchors, os.getpid())


@lru_cache(maxsize=64)
def _anchored_context(anchors: tuple[bytes, ...], pid: int) -> ssl.SSLContext:
    del pid
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.check_hostname = False  # which names will do is the records' owner's to say: RFC 7672 section 3.2.2
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    for anchor in anchors:
        context.load_verify_locations(cadata=anchor)
    return context


def context_of(endpoint: Endpoint, anchors: tuple[bytes, ...]) -> ssl.SSLContext:
    """For a session of the endpoint. Raises `OSError` for a bad file."""
    with UNFORKED:  # OpenSSL loads what it needs under locks of its own
        if isinstance(endpoint.trust, WebPKI):
            return verified_context(endpoint.ca_file, endpoint.client_cert, endpoint.client_key)
        return anchored_context(anchors) if anchors else unverified_context()


def _state(file: str | None) -> tuple[int, int, int] | None:
    if file is None:
        return None
    found = Path(file).stat()
    return found.st_mtime_ns, found.st_ino, found.st_size


def described(connection: ssl.SSLSocket) -> str:
    """Version and cipher, for outcomes and logs."""
    cipher = connection.cipher()
    return f"{connection.version()} {cipher[0] if cipher else '?'}"


def fault_of(error: Exception, phase: Phase, host: str) -> Fault:
    """Rows L1 to L4 for a handshake that failed."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return taxonomy.fault("L2", phase, f"certificate not accepted: {error.verify_message}", host=host)
    if isinstance(error, ssl.SSLError) and error.reason in _LOOKS_LIKE_OTHER_PROTOCOL:
        return taxonomy.fault("L4", phase, "no TLS is spoken there: wrong port, or wrong mode for it", host=host)
    if isinstance(error, ssl.SSLError) and not isinstance(error, ssl.SSLEOFError | ssl.SSLZeroReturnError):
        return taxonomy.fault("L3", phase, f"no common TLS version or cipher: {error.reason or error}", host=host)
    return taxonomy.fault("L1", phase, f"TLS handshake failed: {error or type(error).__name__}", host=host)
