"""Mailboxes in Flask-Mail's forms."""

from __future__ import annotations

import pytest

from notifier.errors import InvalidAddress
from notifier.integrations.flask.mailboxes import as_text, each_once, mailbox, mailboxes
from notifier.model.address import Address


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        ("zoe@example.com", "zoe@example.com"),
        ("Zoë <zoe@example.com>", "Zoë <zoe@example.com>"),
        (("Zoë", "zoe@example.com"), "Zoë <zoe@example.com>"),
        (("Doe, Jane", "jane@example.com"), '"Doe, Jane" <jane@example.com>'),
        (('a "b" \\ c', "x@example.com"), '"a \\"b\\" \\\\ c" <x@example.com>'),
        (("", "zoe@example.com"), "zoe@example.com"),
        ((None, "zoe@example.com"), "zoe@example.com"),
        (("<evil@x>", "zoe@example.com"), '"<evil@x>" <zoe@example.com>'),
    ],
)
def test_a_mailbox_is_text_or_a_pair(given: object, shown: str) -> None:
    assert str(mailbox(given)) == shown


@pytest.mark.parametrize(
    "given", [("a\r\nb", "a@b.c"), ("a",), ("a", "b", "c"), (7, "a@b.c"), ("a", "nobody"), ("a", None), 7, None]
)
def test_what_is_no_mailbox_is_refused(given: object) -> None:
    with pytest.raises(InvalidAddress):
        mailbox(given)


def test_a_field_is_a_list_and_an_error_names_it() -> None:
    assert [str(one) for one in mailboxes("cc", ("a@b.c", ("A", "a@b.c"), "d@e.f"))] == ["a@b.c", "d@e.f"]
    for given in ("a@b.c", b"a@b.c", 7, None):
        with pytest.raises(InvalidAddress, match="cc is a list"):
            mailboxes("cc", given)
    with pytest.raises(InvalidAddress, match="cc: "):
        mailboxes("cc", ["nobody"])


def test_the_first_of_two_to_one_place_stays_where_it_is() -> None:
    many = [Address.parse(text) for text in ("A <a@b.c>", "d@e.f", "a@B.C")]
    assert each_once(many) == (many[0], many[1])


@pytest.mark.parametrize(
    ("given", "text"),
    [
        (("A B", "a@b.c"), "A B <a@b.c>"),
        (("B, A", "a@b.c"), '"B, A" <a@b.c>'),
        ("x", "x"),
        (("a", "b", "c"), ("a", "b", "c")),
    ],
)
def test_a_pair_is_text_that_reads_as_the_pair(given: object, text: object) -> None:
    assert as_text(given) == text  # type: ignore[arg-type]  # the odd ones too
