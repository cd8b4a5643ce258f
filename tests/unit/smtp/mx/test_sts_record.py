"""The TXT record of MTA-STS: RFC 8461 section 3.1."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from notifier.smtp.mx.sts_record import policy_id

ID = "20160831085700Z"


@pytest.mark.parametrize(
    "text",
    [
        f"v=STSv1; id={ID};",
        f"v=STSv1;id={ID}",
        f"v=STSv1 ; \t id={ID} ; ",
        f"v=STSv1; id={ID}; later.field-1=anything/at:all;",
        f"v=STSv1; other=x; id={ID}",
    ],
)
def test_the_id_is_read(text: str) -> None:
    assert policy_id([text.encode()]) == ID


@pytest.mark.parametrize(
    "text",
    [
        "",
        "v=STSv1",
        "v=STSv1;",
        "v=STSv1; id=",
        "v=STSv1; id=a-b;",
        f"v=STSv1; id={'a' * 33};",
        f"v=stsv1; id={ID};",
        f"v=STSv2; id={ID};",
        f" v=STSv1; id={ID};",
        f"id={ID}; v=STSv1;",
        f"v=STSv1; id={ID};;",
        f"v=STSv1; id={ID}; no field;",
        f"v=STSv1; id={ID}; _x=1;",
        f"v=STSv1; id={ID}\n;",
        f"v=STSv1; ID={ID};",
    ],
)
def test_what_breaks_the_grammar_is_no_record(text: str) -> None:
    assert policy_id([text.encode()]) is None


def test_other_records_of_the_name_do_not_count_and_two_of_the_kind_are_none() -> None:
    one, other = f"v=STSv1; id={ID};".encode(), b"v=STSv1; id=2;"
    assert policy_id([b"v=spf1 -all", one, b"\xff\xfe"]) == ID
    assert policy_id([one, other]) is None
    assert policy_id([]) is None


@given(st.binary(max_size=300))
def test_no_octets_break_it(octets: bytes) -> None:
    found = policy_id([octets, b"v=STSv1;" + octets])
    assert found is None or (found.isascii() and found.isalnum())
