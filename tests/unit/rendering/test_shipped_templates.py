"""The mails that ship: complete, in every language, with a text part that says what the html part says."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from html import unescape
from pathlib import Path
from typing import Any

import pytest

from notifier.errors import TemplateRenderError
from notifier.model.content import Content
from notifier.rendering import Renderer, TemplateLibrary, shipped_templates

LIBRARY = TemplateLibrary()
RENDERER = Renderer(LIBRARY)
NAMES = (
    "alert", "delivery_report", "invoice", "one_time_code", "order_confirmation", "password_reset", "verify_address", "weekly_report", "welcome",
)  # fmt: skip
RIGHT_TO_LEFT = ("one_time_code", "welcome")  # those that ship in Arabic as well
CLIPPED = 102 * 1024  # octets from which on Gmail cuts a mail off
PARTS = ("subject.txt.j2", "text.txt.j2", "html.html.j2")


def languages(name: str) -> list[str]:
    return ["en", "de", *(["ar"] if name in RIGHT_TO_LEFT else [])]


def case(name: str, sample: str, tag: str) -> Any:
    return pytest.param(name, sample, tag, marks=[] if tag == "en" else [pytest.mark.long])


CASES = [case(n, s, tag) for n in NAMES for s in RENDERER.sample_contexts(n) for tag in languages(n)]
of_every_mail = pytest.mark.parametrize(("name", "sample", "locale"), CASES)
by_name = pytest.mark.parametrize("name", NAMES)


def sample_of(name: str, sample: str) -> Mapping[str, Any]:
    return RENDERER.sample_contexts(name)[sample]


def schema_of(name: str) -> dict[str, Any]:
    """The context's, as it stands in ``meta.json``."""
    meta = json.loads((shipped_templates() / name / "meta.json").read_text(encoding="utf-8"))
    schema: dict[str, Any] = meta["schema"]
    return schema


def mail(name: str, sample: str, locale: str) -> Content:
    return RENDERER.render(name, sample_of(name, sample), locale)


def test_these_ship() -> None:
    assert RENDERER.names() == NAMES


@by_name
def test_each_is_written_in_its_languages(name: str) -> None:
    for locale in languages(name)[1:]:
        assert [LIBRARY.part(name, part, locale) for part in PARTS] == [f"{name}/locales/{locale}/{p}" for p in PARTS]


@by_name
def test_each_has_a_short_sample_and_a_long_and_odd_one(name: str) -> None:
    samples = RENDERER.sample_contexts(name)
    assert len(samples) >= 3
    assert "long and odd" in samples


@by_name
def test_samples_hold_what_the_schema_asks_for_and_nothing_that_it_does_not_know(name: str) -> None:
    schema = schema_of(name)
    assert RENDERER.sensitive(name) <= schema["properties"].keys()
    for context in RENDERER.sample_contexts(name).values():
        assert set(schema["required"]) <= context.keys() <= schema["properties"].keys()


@pytest.mark.long
@by_name
def test_a_context_without_what_the_schema_asks_for_is_no_mail(name: str) -> None:
    context = dict(sample_of(name, "long and odd"))
    for key in schema_of(name)["required"]:
        with pytest.raises(TemplateRenderError):
            RENDERER.render(name, {k: v for k, v in context.items() if k != key})


@pytest.mark.long
@of_every_mail
def test_every_link_of_the_html_is_in_the_text(name: str, sample: str, locale: str) -> None:
    content = mail(name, sample, locale)
    assert content.html is not None
    for link in re.findall(r'href="([^"]*)"', content.html):
        assert unescape(link) in content.text


@of_every_mail
def test_the_text_reads_well(name: str, sample: str, locale: str) -> None:
    text = mail(name, sample, locale).text
    assert "\n\n\n" not in text
    assert "&#" not in text
    assert "&amp;" not in text
    assert not text.startswith("\n")
    assert not [line for line in text.splitlines() if line != line.rstrip()]


@of_every_mail
def test_the_html_is_small_and_asks_nobody_for_anything(name: str, sample: str, locale: str) -> None:
    html = mail(name, sample, locale).html or ""
    assert len(html.encode()) < CLIPPED / 2
    assert set(re.findall(r'(?:src|background)="(\w+):', html)) == {"cid"}
    assert not re.search(r"url\(|@import|<link|<script|<iframe|<form", html)


@pytest.mark.long
@by_name
def test_what_is_sensitive_is_told_neither_by_the_subject_nor_beside_it(name: str) -> None:
    context = {**sample_of(name, "long and odd"), **dict.fromkeys(RENDERER.sensitive(name), "https://canary.example")}
    for locale in languages(name):
        content = RENDERER.render(name, context, locale)
        shown_in_lists = re.search(r"<div .*?</div>", content.html or "")
        assert shown_in_lists
        assert "canary" not in content.subject + shown_in_lists[0]


@by_name
def test_a_link_that_is_none_is_refused(name: str) -> None:
    links = {key for key in schema_of(name)["properties"] if key.endswith("_url")}
    assert links >= {"support_url", "unsubscribe_url"}
    for key in links:
        with pytest.raises(TemplateRenderError, match="a link begins with"):
            RENDERER.render(name, {**sample_of(name, "long and odd"), key: "javascript:alert(1)"})


def test_amounts_and_days_are_written_as_the_language_writes_them() -> None:
    english, german = (mail("invoice", "several lines", locale) for locale in ("en", "de"))
    large = RENDERER.render("invoice", {**sample_of("invoice", "plain"), "total": "1234567.5"}, "de")
    assert "Total: 78.50 EUR\nDue on 30 November 2026" in english.text
    assert "Gesamtbetrag: 78,50 EUR\nFällig am 30. November 2026" in german.text
    assert "1.234.567,50 BRL" in large.text
    assert "1.234.567,50 BRL" in (large.html or "")


@pytest.mark.parametrize(
    ("first", "last", "english", "german"),
    [
        ("2026-11-23", "2026-11-29", "23–29 November 2026", "23.–29. November 2026"),
        ("2026-03-30", "2026-04-05", "30 March – 5 April 2026", "30. März – 5. April 2026"),
        ("2026-12-28", "2027-01-03", "28 December 2026 – 3 January 2027", "28. Dezember 2026 – 3. Januar 2027"),
    ],
)
def test_a_week_is_told_in_few_words(first: str, last: str, english: str, german: str) -> None:
    context = {**sample_of("weekly_report", "short"), "from_date": first, "to_date": last}
    assert RENDERER.render("weekly_report", context).subject == f"Your week, {english}"
    assert RENDERER.render("weekly_report", context, "de").subject == f"Ihre Woche, {german}"


@pytest.mark.parametrize(("severity", "word"), [("info", "Info"), ("warning", "Warning"), ("critical", "Critical")])
def test_an_alert_says_in_words_how_bad_it_is(severity: str, word: str) -> None:
    content = RENDERER.render("alert", {**sample_of("alert", "info"), "severity": severity})
    assert content.subject.startswith(f"[{word}] ")
    assert content.text.startswith(f"[{word}] ")
    assert f"&nbsp; {word}</td>" in (content.html or "")


@pytest.mark.long
def test_an_app_puts_its_own_name_in_one_place(tmp_path: Path) -> None:
    theme = (shipped_templates() / "_theme" / "brand.j2").read_text(encoding="utf-8")
    (tmp_path / "_theme").mkdir()
    (tmp_path / "_theme" / "brand.j2").write_text(
        theme.replace("Meridian Paper Goods", "Café Ångström"), encoding="utf-8"
    )
    renderer = Renderer(TemplateLibrary([tmp_path]))
    for name in NAMES:
        content = renderer.render(name, sample_of(name, "long and odd") | {"product": "x"})
        named = renderer.render(name, {k: v for k, v in sample_of(name, "long and odd").items() if k != "product"})
        assert "Café Ångström" not in content.text + (content.html or "")
        assert "Café Ångström" in named.text
        assert "Café Ångström" in (named.html or "")


def test_an_apps_own_mail_extends_the_layout_and_keeps_its_own_names(tmp_path: Path) -> None:
    place = tmp_path / "note"
    place.mkdir()
    (place / "subject.txt.j2").write_text("Hi")
    (place / "text.txt.j2").write_text(
        '{% extends "_layouts/base.txt.j2" %}{% block content %}{{ text }}\n{% endblock %}'
    )
    (place / "html.html.j2").write_text(
        '{% extends "_layouts/base.html.j2" %}'
        "{% block content %}{{ text }} {{ back }} {{ line }} {{ dir }} {{ label }} {{ mail.button(url, label) }}{% endblock %}"
    )
    names = {"text": "one", "back": "two", "line": "three", "dir": "four", "label": "five", "url": "https://x.example"}
    content = Renderer(TemplateLibrary([tmp_path])).render("note", names)
    assert "one two three four five" in (content.html or "")
    assert content.text.startswith("one\n\n---\nYou get this mail because")


PAGE = (Path(__file__).resolve().parents[3] / "docs" / "how-to" / "shipped-mails.md").read_text(encoding="utf-8")


@by_name
def test_the_page_tells_every_key_of_a_context(name: str) -> None:
    (row,) = (line for line in PAGE.splitlines() if line.startswith(f"| `{name}` |"))
    common = next(line for line in PAGE.splitlines() if line.startswith("All of them take"))
    assert schema_of(name)["properties"].keys() <= set(re.findall(r"`(\w+)`", row + common))


def test_the_example_of_the_page_is_a_mail(tmp_path: Path) -> None:
    example = re.search(r"```jinja\n(.*?)```", PAGE, re.DOTALL)
    assert example
    (tmp_path / "ticket").mkdir()
    for part, text in zip(PARTS, ("Your ticket", "Your ticket", example[1]), strict=True):
        (tmp_path / "ticket" / part).write_text(text, encoding="utf-8")
    context = {"name": "Zoë", "doors": "19:00", "seat": "4", "action_url": "https://x.example/7"}
    content = Renderer(TemplateLibrary([tmp_path])).render("ticket", context)
    assert "Your ticket, Zoë" in (content.html or "")
