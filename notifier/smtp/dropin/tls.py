"""TLS for the drop-in: verified unless an explicit context says otherwise."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import ssl


def tls_context(keyfile: str | None, certfile: str | None, context: ssl.SSLContext | None) -> ssl.SSLContext:
    """``keyfile`` and ``certfile`` are of Python 3.11. Raises `ValueError` for them beside a context, in its words."""
    for name, given in (("keyfile", keyfile), ("certfile", certfile)):
        if context is not None and given is not None:
            raise ValueError(f"context and {name} arguments are mutually exclusive")
    if context is not None:
        return context
    import ssl  # noqa: PLC0415 - for those that encrypt

    context = ssl.create_default_context()
    if keyfile is not None or certfile is not None:
        warnings.warn(
            "keyfile and certfile are deprecated, use a custom context instead", DeprecationWarning, stacklevel=3
        )
        if certfile is None:
            raise ValueError("certfile must be specified")
        context.load_cert_chain(certfile, keyfile)
    return context
