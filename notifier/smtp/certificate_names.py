"""For which hosts a certificate is (RFC 6125), where OpenSSL is not asked because several names will do."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any


def is_for_one_of(certificate: Mapping[str, Any], names: Iterable[str]) -> bool:
    """``certificate`` is as `ssl.SSLSocket.getpeercert` has it, so verified; ``names`` are A-labels.

    RFC 7672 section 3.2.3: the subject's common name counts where there is no DNS name, and a wildcard is a whole first
    label.
    """
    wanted = {name.lower() for name in names}
    return any(_fits(presented.lower(), name) for presented in _presented(certificate) for name in wanted)


def _presented(certificate: Mapping[str, Any]) -> list[str]:
    alternative = [name for kind, name in certificate.get("subjectAltName", ()) if kind == "DNS"]
    return alternative or list(_common_names(certificate))


def _common_names(certificate: Mapping[str, Any]) -> Iterator[str]:
    for relative in certificate.get("subject", ()):
        yield from (value for kind, value in relative if kind == "commonName")


def _fits(presented: str, name: str) -> bool:
    wildcard, _, parent = presented.partition(".")
    if wildcard != "*":
        return presented == name
    return "." in parent and name.partition(".")[2] == parent
