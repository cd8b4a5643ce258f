"""TLS as mail wants it: 1.2 or newer, chain and name verified, SNI. There is no switch that turns that off."""

from __future__ import annotations

import ssl
from functools import lru_cache
from pathlib import Path

from notifier.errors import Fault, Phase
from notifier.protocol import taxonomy

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
    return _context(*files, tuple(map(_state, files)))


@lru_cache(maxsize=16)
def _context(
    ca_file: str | None, client_cert: str | None, client_key: str | None, states: tuple[object, ...]
) -> ssl.SSLContext:
    del states  # a part of the cache's key alone
    context = ssl.create_default_context(cafile=ca_file)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if client_cert is not None:
        context.load_cert_chain(client_cert, client_key)
    return context


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
