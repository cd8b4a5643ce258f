"""What the standard module imports, programs reach through it, as in ``except smtplib.socket.error``."""

from __future__ import annotations

from importlib import import_module
from typing import Any

_MODULES = frozenset({"base64", "copy", "datetime", "email", "hmac", "io", "re", "socket", "ssl", "sys"})
_PARTS = {"email": ("email.generator", "email.message", "email.utils")}


def borrowed(name: str, module: str) -> Any:
    """The module or function of that name, loaded when it is used. Raises `AttributeError`, of ``module``."""
    if name == "encode_base64":
        return import_module("email.base64mime").body_encode
    if name not in _MODULES:
        raise AttributeError(f"module {module!r} has no attribute {name!r}")
    for part in _PARTS.get(name, ()):
        import_module(part)
    return import_module(name)
