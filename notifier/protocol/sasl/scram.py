"""SCRAM-SHA-1 and SCRAM-SHA-256 (RFC 5802, RFC 7677), with and without channel binding.

The password never crosses the wire, and the server proves that it knows it too; a server whose signature is wrong, or
missing at the end, is refused.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field

from notifier.model.secret import Secret
from notifier.protocol.sasl.mechanism import BindingRefused, MechanismFailed
from notifier.protocol.sasl.saslprep import saslprep

MIN_ITERATIONS = 4096  # RFC 5802 section 5.1; fewer, and the exchange is an invitation to guess
# What a hostile server may ask of us: no deadline can break the computing off, so it has to be a part of a second.
MAX_ITERATIONS = 2_000_000
MIN_SALT = 1
_HASHES = {"SHA-1": "sha1", "SHA-256": "sha256"}


@dataclass(frozen=True, slots=True)
class ChannelBinding:
    """What ties the exchange to its TLS connection (RFC 5056): the type's name, and the connection's octets."""

    kind: str
    data: bytes = field(repr=False)


class Scram:
    """One exchange.

    ``binding``: used by the -PLUS mechanisms. ``could_bind``: the client has a binding and the server offers no -PLUS;
    it is told so, and notices where somebody took the offer away (RFC 5802 section 6).
    """

    in_clear = False

    def __init__(
        self,
        hash_name: str,
        username: str,
        password: Secret,
        *,
        binding: ChannelBinding | None = None,
        could_bind: bool = False,
        nonce: str | None = None,
    ) -> None:
        self.name = f"SCRAM-{hash_name}" + ("-PLUS" if binding else "")
        self._hash = _HASHES[hash_name]
        self._password = Secret(saslprep(password.reveal()))
        self._nonce = nonce or secrets.token_urlsafe(24)
        flag = f"p={binding.kind}" if binding else ("y" if could_bind else "n")
        self._gs2_header = f"{flag},,"
        self._bound = self._gs2_header.encode() + (binding.data if binding else b"")
        self._client_first_bare = f"n={_escaped(saslprep(username))},r={self._nonce}"
        self._server_signature: bytes | None = None
        self._proved = False
        self._step = 0

    def initial(self) -> Secret:
        """client-first-message."""
        self._step = 1
        return Secret(self._gs2_header + self._client_first_bare)

    def answer(self, challenge: bytes) -> Secret:
        """client-final-message, and the empty answer to the server's proof. Raises `MechanismFailed`."""
        step, self._step = self._step, self._step + 1
        match step:
            case 0 if not challenge:  # a server that takes no initial response asks for it
                return self.initial()
            case 1:
                return self._client_final(challenge)
            case 2:
                self._check_server_final(challenge)
                return Secret("")
        raise MechanismFailed("the server goes on with SCRAM where it should have ended")

    def succeeded(self) -> None:
        """Raises `MechanismFailed` where the server has not proved that it knows the password."""
        if not self._proved:
            raise MechanismFailed("the server said welcome without proving that it knows the password")

    def _client_final(self, server_first: bytes) -> Secret:
        message = _text(server_first)
        fields = _fields(message)
        _check_for_error(fields)
        salt, iterations = self._checked(message, fields)
        salted = hashlib.pbkdf2_hmac(self._hash, self._password.reveal().encode(), salt, iterations)
        client_key = self._hmac(salted, b"Client Key")
        without_proof = f"c={base64.b64encode(self._bound).decode()},r={fields['r']}"
        auth_message = f"{self._client_first_bare},{message},{without_proof}".encode()
        signature = self._hmac(hashlib.new(self._hash, client_key).digest(), auth_message)
        proof = bytes(one ^ other for one, other in zip(client_key, signature, strict=True))
        self._server_signature = self._hmac(self._hmac(salted, b"Server Key"), auth_message)
        return Secret(f"{without_proof},p={base64.b64encode(proof).decode()}")

    def _checked(self, message: str, fields: Mapping[str, str]) -> tuple[bytes, int]:
        if message.startswith("m=") or not {"r", "s", "i"} <= fields.keys():
            raise MechanismFailed("the server's first SCRAM message is not one that we can answer")
        if not fields["r"].startswith(self._nonce) or len(fields["r"]) == len(self._nonce):
            raise MechanismFailed("the server's SCRAM nonce does not go on from ours")
        if not (fields["i"].isascii() and fields["i"].isdigit() and len(fields["i"]) <= 9):
            raise MechanismFailed("the server's SCRAM iteration count is no number")
        iterations, salt = int(fields["i"]), _decoded(fields["s"])
        if not MIN_ITERATIONS <= iterations <= MAX_ITERATIONS or len(salt) < MIN_SALT:
            raise MechanismFailed(f"the server's SCRAM iteration count is {iterations}, or its salt is empty")
        return salt, iterations

    def _check_server_final(self, server_final: bytes) -> None:
        fields = _fields(_text(server_final))
        _check_for_error(fields)
        signature = _decoded(fields.get("v", ""))
        if self._server_signature is None or not hmac.compare_digest(signature, self._server_signature):
            raise MechanismFailed("the server's SCRAM signature is wrong: it does not know the password")
        self._proved = True

    def _hmac(self, key: bytes, message: bytes) -> bytes:
        return hmac.new(key, message, self._hash).digest()


def _escaped(username: str) -> str:
    return username.replace("=", "=3D").replace(",", "=2C")


def _text(message: bytes) -> str:
    try:
        return message.decode()
    except UnicodeDecodeError:
        raise MechanismFailed("the server's SCRAM message is no UTF-8") from None


def _fields(message: str) -> Mapping[str, str]:
    fields: dict[str, str] = {}
    for attribute in message.split(","):
        name, equals, value = attribute.partition("=")
        if len(name) != 1 or not equals or name in fields:
            raise MechanismFailed("the server's SCRAM message is malformed")
        fields[name] = value
    return fields


def _check_for_error(fields: Mapping[str, str]) -> None:
    if "e" in fields:
        kind = BindingRefused if fields["e"] == "unsupported-channel-binding-type" else MechanismFailed
        raise kind(f"the server ended SCRAM: {_shown(fields['e'])}")


def _decoded(value: str) -> bytes:
    try:
        return base64.b64decode(value, validate=True)
    except (binascii.Error, ValueError):
        raise MechanismFailed("the server's SCRAM message holds no base64 where it should") from None


def _shown(value: str) -> str:
    return "".join(char for char in value if char.isprintable())[:80]
