"""AUTH as the standard class has it: one method a mechanism, each a callable of the challenge that programs override."""

from __future__ import annotations

import base64
import binascii
import contextlib
import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from notifier.protocol.sasl.mechanism import MechanismFailed
from notifier.smtp.dropin.commands import Commands
from notifier.smtp.dropin.exceptions import (
    SMTPAuthenticationError,
    SMTPException,
    SMTPNotSupportedError,
    SMTPServerDisconnected,
)

if TYPE_CHECKING:
    from notifier.protocol.sasl.scram import Scram

# What a login needs is imported by the login: a program that has none starts without it.
MAX_CHALLENGES = 5
# Law 5, and what UTF-8 cannot say. A control character in a password is between the two who know it.
_NOT_IN_USER = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
_NOT_IN_PASSWORD = re.compile(r"[\0\r\n\ud800-\udfff]")
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
        challenge, as text. What it raises ends the exchange as RFC 4954 section 4 says, and is raised. Raises
        `SMTPAuthenticationError`, `SMTPException`.
        """
        mechanism = mechanism.upper()
        initial = authobject() if initial_response_ok else None
        words = mechanism if initial is None else f"{mechanism} {_base64(initial) or '='}"
        self._auth_challenge_count = int(initial is not None)
        reply = self.docmd("AUTH", words)
        while reply[0] == 334:
            reply = self.docmd(self._answer(reply[1], authobject))
        if reply[0] in (235, 503):
            return reply
        raise SMTPAuthenticationError(*reply)

    def _answer(self, challenge: bytes, authobject: Callable[..., Any]) -> str:
        self._auth_challenge_count += 1
        if self._auth_challenge_count > MAX_CHALLENGES:
            raise SMTPException(f"Server AUTH mechanism infinite loop. Last response: {self.docmd('*')!r}")
        try:
            return _base64(authobject(_decoded(challenge)))
        except MechanismFailed as error:
            self._cancel()
            raise SMTPException(f"AUTH was broken off: {error}") from error
        except Exception:
            self._cancel()
            raise

    def _cancel(self) -> None:
        """Ends AUTH unanswered; where the server has gone, the next command says so."""
        with contextlib.suppress(SMTPServerDisconnected):
            self.docmd("*")

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
        import hmac  # noqa: PLC0415 - see above

        return f"{self.user} {hmac.new(self.password.encode(), challenge, 'md5').hexdigest()}"

    def auth_scram_sha_256(self, challenge: bytes | None = None) -> str | None:
        """SCRAM-SHA-256 (RFC 7677)."""
        return self._scram_answer("SHA-256", challenge)

    def auth_scram_sha_1(self, challenge: bytes | None = None) -> str | None:
        """SCRAM-SHA-1 (RFC 5802)."""
        return self._scram_answer("SHA-1", challenge)

    def _scram_answer(self, hash_name: str, challenge: bytes | None) -> str:
        from notifier.model.secret import Secret  # noqa: PLC0415 - see above
        from notifier.protocol.sasl.scram import Scram  # noqa: PLC0415 - see above

        if challenge is None or self._scram is None:
            self._scram = Scram(hash_name, self.user, Secret(self.password))
        if challenge is None:
            return self._scram.initial().reveal()
        return self._scram.answer(challenge).reveal()

    def login(self, user: str, password: str, *, initial_response_ok: bool = True) -> tuple[int, bytes]:
        """Log in with the best mechanism that both sides have; in clear text too, where the caller asks for that.

        Returns the reply. Raises `SMTPNotSupportedError` where the server has no AUTH, `SMTPException` where it has no
        mechanism of ours, `SMTPAuthenticationError` where it refuses, and before anything is sent `ValueError`, without
        the text, for what no login can hold. After a 535 nothing else is tried: that is how accounts get locked.
        """
        if _NOT_IN_USER.search(user):
            raise ValueError("user holds a control character or half of a surrogate pair")
        if _NOT_IN_PASSWORD.search(password):
            raise ValueError("password holds CR, LF, NUL or half of a surrogate pair")
        self.ehlo_or_helo_if_needed()
        if not self.has_extn("auth"):
            raise SMTPNotSupportedError("SMTP AUTH extension not supported by server.")
        self.user, self.password = user, password
        refusal: SMTPAuthenticationError | None = None
        for mechanism in self._mechanisms():
            try:
                return self._login_with(mechanism, initial_response_ok=initial_response_ok)
            except SMTPAuthenticationError as error:
                refusal = error
                if error.smtp_code in (421, 535):
                    break
        raise refusal or SMTPException("No suitable authentication method found.")

    def _mechanisms(self) -> list[str]:
        """What both sides have, in our order."""
        offered = self.esmtp_features["auth"].upper().split()
        both = [name for name in ORDER if name in offered]
        others = [name for name in both if not name.startswith("SCRAM-")]
        return both if self._fits_scram() or not others else others

    def _fits_scram(self) -> bool:
        """RFC 4013 prohibits characters that the mechanisms behind SCRAM take as they are."""
        from notifier.protocol.sasl.saslprep import saslprep  # noqa: PLC0415 - see above

        try:
            saslprep(self.user)
            saslprep(self.password)
        except ValueError:
            return False
        return True

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
    try:
        return base64.b64encode(answer.encode()).decode()
    except UnicodeEncodeError:  # it would hold the text
        raise ValueError("an answer to AUTH holds half of a surrogate pair") from None


def _decoded(challenge: bytes) -> bytes:
    """A challenge's octets; those of servers that ask in plain words (``334 Password:``) as they are."""
    try:
        return base64.decodebytes(challenge)
    except binascii.Error:
        return challenge
