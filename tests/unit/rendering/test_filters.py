from __future__ import annotations

import sys
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rendering_catalogs import make_note

from notifier.errors import TemplateError
from notifier.rendering import filters

MONEY = "{{ amount | money(currency) }}"


@pytest.fixture
def without_babel(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for name in ("babel", "babel.dates", "babel.numbers"):
        monkeypatch.setitem(sys.modules, name, None)
    filters._known_locale.cache_clear()
    yield
    filters._known_locale.cache_clear()


@pytest.mark.parametrize(
    ("locale", "text"),
    [
        (None, "1,234.50 EUR"),
        ("de", "1.234,50\N{NO-BREAK SPACE}€"),
        ("de-XX", "1.234,50\N{NO-BREAK SPACE}€"),
        ("en-US", "€1,234.50"),
        ("xx", "1,234.50 EUR"),
    ],
)
def test_money_is_written_as_in_the_mails_language(tmp_path: Path, locale: str | None, text: str) -> None:
    assert make_note(tmp_path, MONEY).render("note", {"amount": "1234.5", "currency": "EUR"}, locale).text == text


@given(
    st.from_regex(r"[0-9]{1,21}\.[0-9]{2}\n?", fullmatch=True)
    | st.from_regex(r"\d{1,3}\.\d{2}", fullmatch=True)
    | st.decimals().map(str)
)
def test_a_price_is_written_as_its_decimal_is(amount: str) -> None:
    number = Decimal(amount)
    try:
        written = filters._grouped(amount)
    except ValueError:
        assert not number.is_finite() or number.adjusted() > filters.MOST_DIGITS
    else:
        assert written == f"{number:,.2f}"


def test_money_without_a_currency_is_written_one_way(tmp_path: Path) -> None:
    renderer = make_note(tmp_path, "{{ 1234.5 | money }}")
    assert [renderer.render("note", {}, tag).text for tag in (None, "de")] == ["1,234.50"] * 2


@pytest.mark.parametrize("amount", ["NaN", "-Infinity", "1e999999999", 1e300, "abc"])
@pytest.mark.parametrize("locale", [None, "de"])
def test_money_that_is_no_amount_is_an_error(tmp_path: Path, amount: object, locale: str | None) -> None:
    with pytest.raises(TemplateError, match="line 1: ValueError"):
        make_note(tmp_path, MONEY).render("note", {"amount": amount, "currency": "EUR"}, locale)


@pytest.mark.usefixtures("without_babel")
def test_without_babel_a_locale_changes_nothing(tmp_path: Path) -> None:
    renderer = make_note(tmp_path, MONEY + " {{ '2026-11-28' | day }}")
    assert renderer.render("note", {"amount": 1, "currency": "EUR"}, "de").text == "1.00 EUR 28 November 2026"


@pytest.mark.parametrize(
    ("template", "locale", "text"),
    [
        ("{{ d | day }}", None, "02 March 2026"),
        ("{{ d | day }}", "de", "2. März 2026"),
        ("{{ d | day('short') }}", "de", "02.03.26"),
        ("{{ d | day('full') }}", None, "Monday, March 2, 2026"),
        ("{{ d | day('%Y/%m') }}", "de", "2026/03"),
    ],
)
def test_a_day_is_written_as_in_the_mails_language(
    tmp_path: Path, template: str, locale: str | None, text: str
) -> None:
    assert make_note(tmp_path, template).render("note", {"d": "2026-03-02"}, locale).text == text


@pytest.mark.usefixtures("without_babel")
def test_a_day_by_name_without_babel_names_the_extra(tmp_path: Path) -> None:
    with pytest.raises(TemplateError, match=r"pip install notifier-worker\[i18n\]"):
        make_note(tmp_path, "{{ '2026-03-02' | day('full') }}").render("note", {})


def test_a_constant_is_not_written_once_for_all_languages(tmp_path: Path) -> None:
    renderer = make_note(tmp_path, "{{ '1.5' | money('EUR') }}")
    assert renderer.render("note", {}, "de").text != renderer.render("note", {}).text


@pytest.mark.parametrize(
    ("tag", "way"), [("de-AT", "ltr"), ("ar", "rtl"), ("he_IL", "rtl"), ("fa", "rtl"), ("", "ltr")]
)
def test_the_direction_of_a_language(tmp_path: Path, tag: str, way: str) -> None:
    assert make_note(tmp_path, "{{ tag | direction }}").render("note", {"tag": tag}).text == way
