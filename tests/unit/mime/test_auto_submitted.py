from __future__ import annotations

import pytest

from notifier.errors import InvalidHeader
from notifier.mime import check_headers


@pytest.mark.parametrize("value", ["auto-generated", "auto-replied", "Auto-Notified; owner-email=a@b.example"])
def test_a_mail_may_say_what_kind_of_automatic_it_is(value: str) -> None:
    check_headers({"auto-submitted": value})


@pytest.mark.parametrize("value", ["no", "No", " no ; x=y", "", "yes"])
def test_no_mail_says_that_a_person_wrote_it(value: str) -> None:
    with pytest.raises(InvalidHeader, match="Auto-Submitted"):
        check_headers({"Auto-Submitted": value})
