"""Whether a server is the one that its published records are about (DANE for SMTP, RFC 7672 section 3).

Usage 3 is a comparison. Usage 2 names an authority, mostly by its digest, and OpenSSL must know a certificate before it
verifies a chain by it, so it takes two connections: the first shows the authority, to which the records fit, and the second
is verified by it. That is so once for an endpoint; its sessions share what was learned.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from notifier.smtp.certificate_names import is_for_one_of
from notifier.smtp.tlsa import AUTHORITY, SERVER, TLSA
from notifier.smtp.trust import Published


class AnchorsShown(Exception):
    """The server has shown published authorities (DER): connect again, and verify by them."""

    def __init__(self, certificates: tuple[bytes, ...]) -> None:
        self.certificates = certificates
        super().__init__("published authorities were shown")


class Anchors:
    """Certificates (DER) of published authorities. Shared by the sessions of an endpoint, in threads too."""

    def __init__(self, known: tuple[bytes, ...] = ()) -> None:
        self.known = known

    def learn(self, certificates: tuple[bytes, ...]) -> None:
        """Verify by these from now on."""
        self.known = certificates

    def forget(self) -> None:
        """What was learned is of no use any more."""
        self.known = ()


def check_shown(published: Published, chain: Sequence[bytes]) -> str | None:
    """After a handshake that verified nothing: None where a record fits the server's own certificate, else why not.

    ``chain``: as shown, DER, the server's own first. Raises `AnchorsShown`.
    """
    if any(record.fits(certificate) for record in _of(published, SERVER) for certificate in chain[:1]):
        return None  # neither name nor date count: the records say both (RFC 7672 section 3.1.1)
    authorities = [one for one in chain[1:] if any(record.fits(one) for record in _of(published, AUTHORITY))]
    if authorities:
        raise AnchorsShown(tuple(authorities))
    return "none of the TLSA records fits the certificates that the server shows"


def check_verified(published: Published, certificate: Mapping[str, Any]) -> str | None:
    """After a handshake that was verified by anchors: None where the certificate is for the host, else why not."""
    names = (published.server_name, *published.names)
    if is_for_one_of(certificate, names):
        return None
    return f"the published authority vouches for the certificate, but it is for none of {', '.join(names)}"


def _of(published: Published, usage: int) -> list[TLSA]:
    return [record for record in published.records if record.usage == usage]
