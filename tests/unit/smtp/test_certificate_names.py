"""For which hosts a certificate is: RFC 7672 section 3.2.3."""

from __future__ import annotations

import pytest

from notifier.smtp.certificate_names import is_for_one_of


def certificate(*names: str, common_name: str | None = None) -> dict[str, object]:
    subject = ((("organizationName", "x"),), *(((("commonName", common_name),),) if common_name else ()))
    return {"subject": subject, "subjectAltName": tuple(("DNS", name) for name in names)}


@pytest.mark.parametrize(
    ("presented", "name", "fits"),
    [
        ("mx.example.com", "mx.example.com", True),
        ("MX.example.com", "mx.EXAMPLE.com", True),
        ("mx.example.com", "mx.example.org", False),
        ("mx.example.com", "mx.example.com.evil", False),
        ("*.example.com", "mx.example.com", True),
        ("*.example.com", "a.mx.example.com", False),
        ("*.example.com", "example.com", False),
        ("*.com", "example.com", False),
        ("*", "example", False),
        ("m*.example.com", "mx.example.com", False),
        ("*x.example.com", "mx.example.com", False),
        ("mx.*.com", "mx.example.com", False),
        ("*.*.com", "mx.example.com", False),
        ("", "mx.example.com", False),
    ],
)
def test_names_are_compared_whole_and_a_wildcard_is_one_first_label(presented: str, name: str, fits: bool) -> None:
    assert is_for_one_of(certificate(presented), [name]) is fits


def test_one_of_several_names_will_do() -> None:
    assert is_for_one_of(certificate("a.example", "b.example"), ["c.example", "b.example"])


def test_the_common_name_counts_where_there_is_no_dns_name_only() -> None:
    assert is_for_one_of(certificate(common_name="mx.example.com"), ["mx.example.com"])
    assert not is_for_one_of(certificate("other.example", common_name="mx.example.com"), ["mx.example.com"])


def test_other_kinds_of_names_are_no_hosts() -> None:
    shown = {"subject": (), "subjectAltName": (("IP Address", "192.0.2.1"), ("URI", "mx.example.com"))}
    assert not is_for_one_of(shown, ["mx.example.com", "192.0.2.1"])
    assert not is_for_one_of({}, ["mx.example.com"])
