from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.test.utils import override_settings
from django_mail import MAILERS  # noqa: F401 - it sets Django up

from notifier.errors import TemplateNotFound, TemplateRenderError
from notifier.integrations.django.template_engine import DjangoTemplates
from notifier.rendering import Renderer, TemplateLibrary

FILES = {
    "shop/welcome/subject.txt": "Welcome,\n {{ name }} & others\n",
    "shop/welcome/body.txt": "Hello {{ name }}, {{ days|floatformat:1 }} days\n",
    "shop/welcome/body.html": "{% extends 'shop/base.html' %}{% block main %}<p>Hello {{ name }}</p>{% endblock %}",
    "shop/base.html": "<html><body>{% block main %}{% endblock %}</body></html>",
    "shop/html_alone/subject.txt": "S",
    "shop/html_alone/body.html": "<h1>Title</h1><p>Text</p>",
    "shop/no_body/subject.txt": "S",
    "shop/broken/subject.txt": "{% if %}",
    "shop/broken/body.txt": "",
    "shop/orphan/subject.txt": "S",
    "shop/orphan/body.html": "{% extends 'shop/nowhere.html' %}",
    "shop/failing/subject.txt": "S",
    "shop/failing/body.txt": "{% include name %}",
    "shop/dangling/subject.txt": "S",
    "shop/dangling/body.txt": "Hello\n{% include 'shop/footer.txt' %}",
    "shop/filtered/subject.txt": "S",
    "shop/filtered/body.txt": "Hello\n\n{{ name|shout }}",
    "shop/library/subject.txt": "S",
    "shop/library/body.txt": "{% load shouting %}",
    "shop/blank/subject.txt": " \n",
    "shop/blank/body.txt": "x",
}


@pytest.fixture(autouse=True)
def files() -> Iterator[None]:
    loaders = [("django.template.loaders.locmem.Loader", FILES)]
    engine = {"BACKEND": "django.template.backends.django.DjangoTemplates", "OPTIONS": {"loaders": loaders}}
    with override_settings(TEMPLATES=[engine], LANGUAGE_CODE="en"):
        yield


@pytest.fixture
def renderer() -> Renderer:
    return Renderer(TemplateLibrary([]), engine=DjangoTemplates())


def context(**more: Any) -> dict[str, Any]:
    return {"name": "Zoë <b>O'Neil</b>", "days": 2.5, **more}


def test_html_is_escaped_and_text_is_not(renderer: Renderer) -> None:
    content = renderer.render("shop/welcome", context())
    assert content.subject == "Welcome, Zoë <b>O'Neil</b> & others"
    assert content.text == "Hello Zoë <b>O'Neil</b>, 2.5 days\n"
    assert content.html == "<html><body><p>Hello Zoë &lt;b&gt;O&#x27;Neil&lt;/b&gt;</p></body></html>"


def test_the_language_is_the_mails(renderer: Renderer) -> None:
    assert "2,5 days" in renderer.render("shop/welcome", context(), "de_DE").text


def test_a_text_is_made_of_the_html_where_there_is_none(renderer: Renderer) -> None:
    content = renderer.render("shop/html_alone", {})
    assert "Title" in content.text
    assert "Text" in content.text


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("shop/nothing", "no subject.txt"),
        ("shop/no_body", "no body.txt and no body.html"),
        ("../shop/welcome", "no subject.txt"),
        ("/etc/passwd", "no subject.txt"),
    ],
)
def test_a_template_that_is_not_there_is_refused_at_the_call(renderer: Renderer, name: str, said: str) -> None:
    with pytest.raises(TemplateNotFound, match=said):
        renderer.require(name)


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("shop/broken", r"subject\.txt"),
        ("shop/orphan", r"body\.html .*line 1: .extends 'shop/nowhere\.html'"),
        ("shop/failing", r"body\.txt .*line 1: 'include name'\) raised TemplateDoesNotExist"),
        ("shop/dangling", r"line 2: .include 'shop/footer\.txt'"),
        ("shop/filtered", r"body\.txt, line 3: .*Invalid filter: 'shout'"),
        ("shop/library", r"body\.txt, line 1: .*'shouting' is not a registered tag library. Must be one of: cache"),
        ("shop/blank", "the subject is empty"),
    ],
)
def test_what_a_template_does_wrong_is_its_error_and_shows_no_value(renderer: Renderer, name: str, said: str) -> None:
    with pytest.raises(TemplateRenderError, match=said) as caught:
        renderer.render(name, context(name="hunter2"))
    assert "hunter2" not in str(caught.value)


def test_a_file_that_is_no_utf8_is_the_templates_error(tmp_path: Path, renderer: Renderer) -> None:
    folder = tmp_path / "shop" / "latin"
    folder.mkdir(parents=True)
    (folder / "subject.txt").write_bytes("Grüße".encode("latin-1"))
    engine = {"BACKEND": "django.template.backends.django.DjangoTemplates", "DIRS": [tmp_path]}
    with (
        override_settings(TEMPLATES=[engine]),
        pytest.raises(TemplateRenderError, match=r"subject\.txt cannot be read: UnicodeDecodeError"),
    ):
        renderer.require("shop/latin")


def test_it_has_no_metadata_and_no_schema(renderer: Renderer) -> None:
    assert renderer.defaults("shop/welcome").mail_class is None
    assert renderer.sensitive("shop/welcome") == frozenset()
    renderer.check_context("shop/welcome", {"anything": 1})


def test_names_without_a_slash_are_our_own(renderer: Renderer) -> None:
    renderer.require("welcome")
    with pytest.raises(TemplateNotFound, match="there are"):
        renderer.require("nothing_of_the_kind")


def test_without_an_engine_a_name_with_a_slash_is_no_template() -> None:
    with pytest.raises(TemplateNotFound):
        Renderer(TemplateLibrary([])).require("shop/welcome")
