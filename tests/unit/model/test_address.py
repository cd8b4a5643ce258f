from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from notifier.errors import InvalidAddress
from notifier.model.address import Address
from notifier.protocol.commands import Mail, Rcpt

GOOD = {
    "zoe@example.com": ("", "zoe@example.com"),
    "Zoë Ångström <zoe@example.com>": ("Zoë Ångström", "zoe@example.com"),
    '"Doe, Jane" <jane@example.com>': ("Doe, Jane", "jane@example.com"),
    "J. Doe <j@example.com>": ("J. Doe", "j@example.com"),
    "a@bücher.example": ("", "a@xn--bcher-kva.example"),
    "ü@b.example": ("", "ü@b.example"),
    '"x@evil.com x"@internal.dom': ("", '"x@evil.com x"@internal.dom'),
    "postmaster@localhost": ("", "postmaster@localhost"),
}

BAD = {
    "empty": "",
    "no at": "a",
    "no local part": "@b.c",
    "no domain": "a@",
    "two ats": "a@@b.c",
    "blank in local part": "a b@c.d",
    "empty label": "a@b..c",
    "dot first": ".a@b.c",
    "dot last": "a.@b.c",
    "local part of 65": "a" * 65 + "@b.c",
    "label of 64": "a@" + "b" * 64 + ".c",
    "domain of 256": "a@" + ".".join(["b" * 60] * 5),
    "second command": "a@b.c\r\nRCPT TO:<e@x>",
    "bare LF": "a@b.c\nx",
    "bare CR": "a@b.c\rx",
    "NUL": "a\x00@b.c",
    "DEL": "a\x7f@b.c",
    "parameter": "a@b> SIZE=1",
    "two addresses": "a@b.c, d@e.f",
    "comment": "alice@example.org)bob@evil",
    "two domains": "a@evil.com@ok.org",
    "quoted CRLF": '"a\r\nDATA"@b.c',
    "source route": "<@x:a@b>",
    "literal": "a@[127.0.0.1]",
    "literal v6": "a@[IPv6:::1]",
    "group": "g: a@b;",
    "newline at the end": "a@b.c\n",
    "full-width at": "a＠b.c",
    "full-width dot": "a@b．c",
    "bidi in domain": "a@b\u202ec.d",
    "dot at the end": "a@b.c.",
    "lone surrogate": "\ud800@b.c",
    "underscore": "a@b_c.d",
    "hyphen first": "a@-b.c",
    "path of over 254": "a" * 64 + "@" + ".".join(["b" * 60] * 4),
    "a megabyte": "x" * 10**6,
    "unbalanced": "a@b.c>",
    "no A-label": "a@xn--a.c",
    "name with a comma": "Doe, Jane <jane@example.com>",
    "nested groups": "g:" * 3000 + "a@b.c" + ";" * 3000,
}


@pytest.mark.parametrize("text", GOOD)
def test_reads_a_mailbox_and_where_it_goes(text: str) -> None:
    address = Address.parse(text)
    assert (address.display_name, address.forward_path) == GOOD[text]


@pytest.mark.parametrize("text", GOOD)
def test_what_it_writes_it_reads_again(text: str) -> None:
    address = Address.parse(text)
    assert Address.parse(str(address)) == address


@pytest.mark.parametrize("case", BAD)
def test_refuses(case: str) -> None:
    with pytest.raises(InvalidAddress):
        Address.parse(BAD[case])


@pytest.mark.parametrize("thing", [None, 1, b"a@b.c", ["a@b.c"], {}])
def test_refuses_what_is_no_text(thing: object) -> None:
    with pytest.raises(InvalidAddress, match="an address is text"):
        Address.parse(thing)


@pytest.mark.parametrize("char", ["\u760d", "\u760a", "\u010d", "\u010a"])
def test_never_narrows_a_character_to_its_low_octet(char: str) -> None:
    """CVE-2025-7962: the low octet of these is CR or LF."""
    path = Address.parse(f"a{char}@b.example").forward_path
    assert not {"\r", "\n"} & set(path)
    assert not {0x0D, 0x0A} & set(path.encode())


@pytest.mark.parametrize(
    ("local_part", "domain"),
    [
        ("a\r\nBcc: e", "x.example"),
        ("ü\r\nBcc: e", "x.example"),
        ("ü", "x.example\r\nBcc: e"),
        ("a> , <b", "x.example"),
        ("a", "x.example, b@y.example"),
        ("a", ""),
    ],
)
def test_one_made_by_hand_forges_no_field_either(local_part: str, domain: str) -> None:
    with pytest.raises(InvalidAddress):
        Address(local_part, domain)


def test_a_line_end_in_the_name_of_one_made_by_hand_is_refused_at_the_call() -> None:
    with pytest.raises(InvalidAddress, match="line break"):
        Address.parse(Address("a", "x.example", "Zoë\r\nBcc: e@x.example"))


def test_only_a_local_part_beyond_ascii_needs_smtputf8() -> None:
    assert Address.parse("ü@b.example").needs_smtputf8
    assert not Address.parse("a@bücher.example").needs_smtputf8


@given(st.text(max_size=80))
def test_any_text_is_a_mailbox_or_refused(text: str) -> None:
    try:
        address = Address.parse(text)
    except InvalidAddress:
        return
    path = address.forward_path
    Mail(path, smtputf8=True).encode()
    Rcpt(path).encode()
    assert not any(ord(char) < 32 or ord(char) == 127 for char in path)
    assert Address.parse(str(address)) == address
