from __future__ import annotations

from collections.abc import Callable

import pytest

from notifier.model import bounce_token
from notifier.model.ids import new_mail_id
from notifier.model.secret import Secret

OLD, NEW = Secret("o" * 32), Secret("n" * 32)
Made = Callable[[str, Secret], str]
MAKERS: list[Made] = [bounce_token.for_path, bounce_token.for_envelope_id]


@pytest.mark.parametrize("made", MAKERS)
def test_a_token_says_which_mail_is_meant(made: Made) -> None:
    mail_id = new_mail_id()
    assert bounce_token.opened(made(mail_id, OLD), [NEW, OLD]) == mail_id


@pytest.mark.parametrize("made", MAKERS)
def test_of_a_key_that_is_gone_it_says_nothing(made: Made) -> None:
    assert bounce_token.opened(made(new_mail_id(), OLD), [NEW]) is None
    assert bounce_token.opened(made(new_mail_id(), OLD), []) is None


@pytest.mark.parametrize("made", MAKERS)
def test_one_that_was_changed_anywhere_is_none(made: Made) -> None:
    token = made(new_mail_id(), OLD)
    for place, char in enumerate(token):
        other = "a" if char != "a" else "b"
        changed = token[:place] + other + token[place + 1 :]
        # The last letter of base32 carries bits that stand for nothing.
        if place < len(token) - 1:
            assert bounce_token.opened(changed, [OLD]) is None


A_MAIL = "01a22462-342a-7231-8155-4088627658dc"


def test_servers_may_change_the_case_of_a_local_part() -> None:
    mail_id = new_mail_id()
    assert bounce_token.opened(bounce_token.for_path(mail_id, OLD).upper(), [OLD]) == mail_id


def test_the_tag_of_one_mail_is_not_that_of_another() -> None:
    one, other = (bounce_token.for_envelope_id(new_mail_id(), OLD) for _ in range(2))
    assert bounce_token.opened(one.partition(".")[0] + "." + other.partition(".")[2], [OLD]) is None


@pytest.mark.parametrize("text", ["", "x", "é" * 42, "1" * 42, "." * 53, A_MAIL, f"{A_MAIL}.", "a" * 5000])
def test_anything_else_is_none(text: str) -> None:
    assert bounce_token.opened(text, [OLD]) is None


def test_it_fits_into_a_local_part_and_needs_no_quotes() -> None:
    token = bounce_token.for_path(new_mail_id(), OLD)
    assert len(token) == bounce_token.IN_PATH
    assert token.isalnum()
