"""AUTH as the standard class has it: one method a mechanism, each a callable of the challenge that programs override."""

from __future__ import annotations

import base64
import binascii
import hmac
from collections.abc import Callable
from typing import Any

from notifier.model.secret import Secret
from notifier.protocol.sasl.mechanism import MechanismFailed
from notifier.protocol.sasl.scram import Scram
from notifier.smtp.dropin.commands import Commands
from notifier.smtp.dropin.exceptions import SMTPAuthenticationError, SMTPException, SMTPNotSupportedError

MAX_CHALLENGES = 5
ORDER = ("SCRAM-SHA-256", "SCRAM-SHA-1", "CRAM-MD5", "PLAIN", "LOGIN")


class LoginMethods(Commands):
    """`SMTP`'s methods about logging in. ``user`` and ``password`` are what the ``auth_…`` methods answer with."""

    user: str
    password: str
    _auth_challenge_count = 0
    _scram: Scram | None = None

    def auth(
        self, mechanism: str, authobject: Callable[..., Any], *, initial_response_ok: bool = True
    ) -> tuple[int, bytes]:
        """AUTH with any mechanism; returns the reply.

        ``authobject()`` gives the initial response or None; ``authobject(challenge)``, with octets, the answer to each
        challenge, as text. Raises `SMTPAuthenticationError`, `SMTPException`.
        """
        mechanism = mechanism.upper()
        initial = authobject() if initial_response_ok else None
        self._answering = True
        try:
            self._auth_challenge_count = int(initial is not None)
            words = mechanism if initial is None else f"{mechanism} {_base64(initial) or '='}"
            reply = self.docmd("AUTH", words)
            while reply[0] == 334:
                reply = self._answer(reply[1], authobject)
        finally:
            self._answering = False
        if reply[0] in (235, 503):
            return reply
        raise SMTPAuthenticationError(*reply)

    def _answer(self, challenge: bytes, authobject: Callable[..., Any]) -> tuple[int, bytes]:
        self._auth_challenge_count += 1
        if self._auth_challenge_count > MAX_CHALLENGES:
            self.docmd("*")
            raise SMTPException("the server asks for answers to AUTH without end")
        try:
            answer = authobject(base64.b64decode(challenge, validate=True))
        except (MechanismFailed, binascii.Error) as error:
            self.docmd("*")
            raise SMTPException(f"AUTH was broken off: {error}") from error
        return self.docmd(_base64(answer))

    def auth_plain(self, challenge: bytes | None = None) -> str:  # noqa: ARG002 - the shape of all of them
        """PLAIN (RFC 4616). Raises `ValueError` for a NUL in user or password."""
        if "\0" in self.user or "\0" in self.password:
            raise ValueError("user name or password holds NUL, which PLAIN cannot carry")
        return f"\0{self.user}\0{self.password}"

    def auth_login(self, challenge: bytes | None = None) -> str:
        """LOGIN."""
        return self.user if challenge is None or self._auth_challenge_count < 2 else self.password

    def auth_cram_md5(self, challenge: bytes | None = None) -> str | None:
        """CRAM-MD5 (RFC 2195)."""
        if challenge is None:
            return None
        return f"{self.user} {hmac.new(self.password.encode(), challenge, 'md5').hexdigest()}"

    def auth_scram_sha_256(self, challenge: bytes | None = None) -> str | None:
        """SCRAM-SHA-256 (RFC 7677)."""
        return self._scram_answer("SHA-256", challenge)

    def auth_scram_sha_1(self, challenge: bytes | None = None) -> str | None:
        """SCRAM-SHA-1 (RFC 5802)."""
        return self._scram_answer("SHA-1", challenge)

    def _scram_answer(self, hash_name: str, challenge: bytes | None) -> str:
        if challenge is None or self._scram is None:
            self._scram = Scram(hash_name, self.user, Secret(self.password))
        if challenge is None:
            return self._scram.initial().reveal()
        return self._scram.answer(challenge).reveal()

    def login(self, user: str, password: str, *, initial_response_ok: bool = True) -> tuple[int, bytes]:
        """Log in with the best mechanism that both sides have; in clear text too, where the caller asks for that.

        Returns the reply. Raises `SMTPNotSupportedError` where the server has no AUTH, `SMTPException` where it has no
        mechanism of ours, `SMTPAuthenticationError` where it refuses. After a 535 nothing else is tried: that is how
        accounts get locked.
        """
        self.ehlo_or_helo_if_needed()
        if not self.has_extn("auth"):
            raise SMTPNotSupportedError("SMTP AUTH extension not supported by server.")
        offered = self.esmtp_features["auth"].upper().split()
        refusal: SMTPAuthenticationError | None = None
        self.user, self.password = user, password
        for mechanism in (name for name in ORDER if name in offered):
            try:
                return self._login_with(mechanism, initial_response_ok=initial_response_ok)
            except SMTPAuthenticationError as error:
                refusal = error
                if error.smtp_code == 535:
                    break
        raise refusal or SMTPException("No suitable authentication method found.")

    def _login_with(self, mechanism: str, *, initial_response_ok: bool) -> tuple[int, bytes]:
        self._scram = None
        method = getattr(self, f"auth_{mechanism.lower().replace('-', '_')}")
        reply = self.auth(mechanism, method, initial_response_ok=initial_response_ok)
        if reply[0] == 235:
            self._check_proof()
        return reply

    def _check_proof(self) -> None:
        try:
            if self._scram is not None:
                self._scram.succeeded()
        except MechanismFailed as error:
            self.close()
            raise SMTPException(str(error)) from error


def _base64(answer: str) -> str:
    return base64.b64encode(answer.encode()).decode()
