from __future__ import annotations

from notifier.settings.bounds import POOL, REPLY, TIMEOUTS
from notifier.settings.mx import OPTIONS
from notifier.settings.options import options
from notifier.settings.relay import _PLAIN


def test_every_option_of_a_relays_url_is_told_with_its_reason() -> None:
    told = {one.name: one for one in options()}
    assert set(told) == {*_PLAIN, *POOL, *TIMEOUTS, *REPLY}
    assert all(one.default and one.doc.endswith(".") for one in told.values())


def test_it_says_which_options_direct_delivery_has() -> None:
    assert {one.name for one in options() if one.mx} == set(OPTIONS) & {one.name for one in options()}
