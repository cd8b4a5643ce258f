"""TLS for the drop-in: verified unless an explicit context says otherwise."""

from __future__ import annotations

import ssl
import warnings


def tls_context(keyfile: str | None, certfile: str | None, context: ssl.SSLContext | None) -> ssl.SSLContext:
    if context is not None:
        if keyfile is not None or certfile is not None:
            raise ValueError("context and keyfile or certfile exclude each other")
        return context
    context = ssl.create_default_context()
    if keyfile is not None or certfile is not None:
        warnings.warn("keyfile and certfile are deprecated, use context", DeprecationWarning, stacklevel=3)
        context.load_cert_chain(certfile or keyfile or "", keyfile)
    return context
