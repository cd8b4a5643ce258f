"""Signatures of mails that come through the broker with their payload: whoever can publish there cannot forge one.

HMAC-SHA256 over canonical JSON of the task's id, the arguments and the time until which it holds. The id is the mail's,
so that a message which is played again registers the same mail again, which is a no-op.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from notifier.errors import UnsignedPayload
from notifier.model.secret import Secret

ARGUMENT = "signature"  # of the task; everything else among its arguments is signed


@dataclass(frozen=True, slots=True)
class SigningKey:
    """``key_id`` tells which of several keys it is, and is no secret."""

    key_id: str
    secret: Secret


def sign(arguments: Mapping[str, Any], *, task_id: str, key: SigningKey, expires_at: float) -> dict[str, Any]:
    """The signature to send along as the argument ``signature``; ``expires_at`` is seconds since the epoch."""
    return {"key": key.key_id, "expires": expires_at, "mac": _mac(arguments, task_id, key, expires_at)}


def check_signature(
    arguments: Mapping[str, Any], signature: object, *, task_id: str, keys: Sequence[SigningKey], now: float
) -> None:
    """Raises `UnsignedPayload`, unless one of ``keys`` has signed these arguments for this task. Without keys all is well."""
    if not keys:
        return
    if not isinstance(signature, Mapping):
        raise UnsignedPayload("it has no signature, and NOTIFIER_PAYLOAD_KEYS asks for one")
    key = next((one for one in keys if one.key_id == signature.get("key")), None)
    if key is None:
        raise UnsignedPayload("it is signed with a key that is not in NOTIFIER_PAYLOAD_KEYS")
    expires, mac = signature.get("expires"), signature.get("mac")
    if isinstance(expires, bool) or not isinstance(expires, int | float) or not isinstance(mac, str):
        raise UnsignedPayload("its signature is none: expires is a number and mac a text")
    if not hmac.compare_digest(_mac(arguments, task_id, key, expires).encode(), mac.encode("utf-8", "replace")):
        raise UnsignedPayload("its signature is another's: the arguments, the task's id or the time have changed")
    if not now < expires:  # a NaN, too, is over
        raise UnsignedPayload("its signature is over")


def _mac(arguments: Mapping[str, Any], task_id: str, key: SigningKey, expires: float) -> str:
    return hmac.new(key.secret.reveal().encode(), _canonical(arguments, task_id, expires), hashlib.sha256).hexdigest()


def _canonical(arguments: Mapping[str, Any], task_id: str, expires: float) -> bytes:
    signed = {name: value for name, value in arguments.items() if name != ARGUMENT}
    whole = {"id": task_id, "expires": expires, "kwargs": signed}
    return json.dumps(whole, sort_keys=True, separators=(",", ":"), ensure_ascii=True).encode()
