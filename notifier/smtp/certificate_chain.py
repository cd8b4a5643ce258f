"""The certificates that a TLS server has shown, which the standard library tells openly since Python 3.13."""

from __future__ import annotations

import ssl
import sys

_DER = 2  # `_ssl.ENCODING_DER`


def shown_chain(connection: ssl.SSLSocket) -> list[bytes]:
    """DER, in the server's order, its own certificate first; verified or not."""
    if sys.version_info >= (3, 13):
        return connection.get_unverified_chain()
    connected = connection._sslobj  # type: ignore[attr-defined]  # 3.11 and 3.12 have the call one step below
    return [certificate.public_bytes(_DER) for certificate in connected.get_unverified_chain() or ()]
