from __future__ import annotations

from pathlib import Path

import pytest

from notifier.errors import TemplateError, TemplateNotFound, TemplateRenderError
from notifier.rendering import Renderer, TemplateLibrary
from notifier.rendering.renderer import MAX_SECONDS


def make(folder: Path, name: str = "note", seconds: float = MAX_SECONDS, **parts: str) -> Renderer:
    """A renderer with one notification of these parts."""
    place = folder / name
    place.mkdir(parents=True)
    for part, text in {"subject_txt_j2": "Hi", "text_txt_j2": "hello", **parts}.items():
        (place / part.replace("_", ".")).write_text(text, encoding="utf-8")
    return Renderer(TemplateLibrary([folder]), seconds)


@pytest.mark.long
def test_the_shipped_templates_render_their_samples() -> None:
    renderer = Renderer(TemplateLibrary())
    assert {"welcome", "order_confirmation", "password_reset"} <= set(renderer.names())
    for name in renderer.names():
        renderer.check(name)
        assert renderer.sample_contexts(name) != {}, name


def test_a_language_falls_back_to_the_default() -> None:
    renderer = Renderer(TemplateLibrary())
    subjects = [
        renderer.render("welcome", {"name": "Zoë"}, locale).subject for locale in ("de-AT", "de", "fr", None, "../x")
    ]
    assert subjects == ["Willkommen, Zoë"] * 2 + ["Welcome, Zoë"] * 3


def test_a_language_that_could_be_no_folders_name_is_the_default(tmp_path: Path) -> None:
    renderer = make(tmp_path)
    (tmp_path / "note" / "locales" / "de").mkdir(parents=True)
    (tmp_path / "_locales").mkdir()
    assert renderer.render("note", {}, "de" + "-abcdefgh" * 40).text == "hello"


def test_an_inline_image_goes_along_once(tmp_path: Path) -> None:
    content = Renderer(TemplateLibrary()).render(
        "order_confirmation",
        {"name": "x", "order_number": "1", "items": [], "total": "0", "currency": "EUR", "address": "y"},
    )
    (image,) = content.inline_images
    assert image.data.startswith(b"\x89PNG")
    assert f"cid:{image.content_id}" in (content.html or "")


def test_an_undefined_name_is_an_error_that_says_where(tmp_path: Path) -> None:
    renderer = make(tmp_path, text_txt_j2="one\n{{ nam }}\n")
    with pytest.raises(TemplateRenderError, match=r"note/text\.txt\.j2, line 2: 'nam' is undefined"):
        renderer.render("note", {"name": "x"})


def test_a_syntax_error_says_where(tmp_path: Path) -> None:
    with pytest.raises(TemplateRenderError, match=r"note/text\.txt\.j2, line 1: syntax"):
        make(tmp_path, text_txt_j2="{% if %}").render("note", {})


@pytest.mark.parametrize(
    "name", ["../note", "/etc/passwd", "note/../note", "no\x00te", "Note", "", "_layouts", "nope", "n" * 99]
)
def test_a_name_is_one_of_those_found_and_never_a_path(tmp_path: Path, name: str) -> None:
    renderer = make(tmp_path)
    with pytest.raises(TemplateNotFound):
        renderer.render(name, {})


def test_a_link_that_leads_out_is_not_followed(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    make(outside, "secret")
    inside = tmp_path / "inside"
    inside.mkdir()
    (inside / "secret").symlink_to(outside / "secret")
    with pytest.raises(TemplateNotFound):
        Renderer(TemplateLibrary([inside])).require("secret")


@pytest.mark.parametrize(
    "text",
    [
        "{% include '../outside.txt.j2' %}",
        "{% include '/etc/passwd' %}",
        "{% include 'nope' %}",
        "{% include 'invoice/meta.json' %}",
    ],
)
def test_an_include_stays_inside(tmp_path: Path, text: str) -> None:
    (tmp_path / "outside.txt.j2").write_text("secret")
    with pytest.raises(TemplateRenderError, match="not there"):
        make(tmp_path / "in", text_txt_j2=text).render("note", {})


def test_data_is_never_compiled(tmp_path: Path) -> None:
    renderer = make(tmp_path, text_txt_j2="{{ name }}")
    assert renderer.render("note", {"name": "{{7*7}}{% raw %}"}).text == "{{7*7}}{% raw %}"


@pytest.mark.parametrize(
    "attack",
    [
        "{{ ''.__class__ }}", "{{ ''|attr('__class__') }}", "{{ lipsum.__globals__ }}", "{{ cycler.__init__ }}",
        "{{ x.append(1) }}", "{{ '{0.__class__}'.format(x) }}", "{{ x['__class__'] }}",
    ],
)  # fmt: skip
def test_the_sandbox_holds(tmp_path: Path, attack: str) -> None:
    renderer = make(tmp_path, text_txt_j2="ok " + attack)
    try:
        text = renderer.render("note", {"x": []}).text
    except TemplateError:
        return
    assert "class" not in text


def test_a_loop_is_bounded(tmp_path: Path) -> None:
    with pytest.raises(TemplateRenderError):
        make(tmp_path, text_txt_j2="{% for i in range(10**9) %}{% endfor %}").render("note", {})


def test_an_endless_output_is_cut_off(tmp_path: Path) -> None:
    text = "{% for i in range(9000) %}{% for j in range(9000) %}0123456789{% endfor %}{% endfor %}"
    with pytest.raises(TemplateRenderError, match="over 10,485,760 characters"):
        make(tmp_path, text_txt_j2=text).render("note", {})


ENDLESS = "one\n{% for i in range(99999) %}{% for j in range(99999) %}{% endfor %}{% endfor %}"


# A strike that falls into the collector's callback that Hypothesis leaves behind is swallowed, told, and comes again.
SWALLOWED = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")


@SWALLOWED
def test_a_loop_without_end_is_stopped_where_it_is(tmp_path: Path) -> None:
    renderer = make(tmp_path, text_txt_j2=ENDLESS, seconds=0.05)
    with pytest.raises(TemplateRenderError, match=r"note/text\.txt\.j2, line 2: it had not ended when its time"):
        renderer.render("note", {})


@SWALLOWED
def test_the_next_mail_has_its_own_time(tmp_path: Path) -> None:
    renderer = make(tmp_path, text_txt_j2=ENDLESS, seconds=0.05)
    make(tmp_path, name="good")
    for _ in range(2):
        with pytest.raises(TemplateRenderError):
            renderer.render("note", {})
        assert renderer.render("good", {}).text == "hello"


def test_a_template_that_includes_itself_ends(tmp_path: Path) -> None:
    with pytest.raises(TemplateRenderError, match="without end"):
        make(tmp_path, text_txt_j2="{% include 'note/text.txt.j2' %}").render("note", {})


def test_html_is_escaped_and_text_is_not(tmp_path: Path) -> None:
    content = make(tmp_path, text_txt_j2="{{ name }}", html_html_j2='<p title="{{ name }}">{{ name }}').render(
        "note", {"name": '<script>"&'}
    )
    assert content.text == '<script>"&'
    assert content.html == '<p title="&lt;script&gt;&#34;&amp;">&lt;script&gt;&#34;&amp;'


@pytest.mark.parametrize(
    "url", ["javascript:alert(1)", " JaVaScRiPt:x", "data:text/html,x", "//evil.example", "https://a b"]
)
def test_a_link_has_a_scheme_that_is_safe(tmp_path: Path, url: str) -> None:
    with pytest.raises(TemplateRenderError, match="a link begins with"):
        make(tmp_path, text_txt_j2="{{ url | link }}").render("note", {"url": url})


@pytest.mark.parametrize(("subject", "line"), [("a\r\nBcc: b", "a Bcc: b"), ("\n a \n b \n", "a b")])
def test_a_subject_is_one_line(tmp_path: Path, subject: str, line: str) -> None:
    assert make(tmp_path, subject_txt_j2="{{ s }}").render("note", {"s": subject}).subject == line


def test_an_empty_subject_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(TemplateRenderError, match="subject is empty"):
        make(tmp_path, subject_txt_j2="{{ s }}").render("note", {"s": " "})


def test_errors_hold_no_value_of_the_context(tmp_path: Path) -> None:
    renderer = make(tmp_path, text_txt_j2="{{ secret | money }}")
    with pytest.raises(TemplateRenderError) as error:
        renderer.render("note", {"secret": "hunter2"})
    assert "hunter2" not in f"{error.value!r}{error.value.__cause__!r}"


def test_a_changed_file_is_seen(tmp_path: Path) -> None:
    renderer = make(tmp_path, text_txt_j2="old")
    assert renderer.render("note", {}).text == "old"
    (tmp_path / "note" / "text.txt.j2").write_text("new, and longer")
    assert renderer.render("note", {}).text == "new, and longer"


def test_an_apps_own_template_comes_first(tmp_path: Path) -> None:
    renderer = make(tmp_path, "welcome", subject_txt_j2="ours")
    assert renderer.render("welcome", {}).subject == "ours"


def test_check_compiles_what_no_sample_reaches(tmp_path: Path) -> None:
    renderer = make(tmp_path, html_html_j2="{% if %}")
    with pytest.raises(TemplateRenderError, match=r"note/html\.html\.j2, line 1: syntax"):
        renderer.check("note")


def test_check_renders_each_sample_in_each_language(tmp_path: Path) -> None:
    renderer = make(tmp_path)
    (tmp_path / "note" / "meta.json").write_text('{"samples": {"empty": {}}}')
    renderer.check("note")
    german = tmp_path / "note" / "locales" / "de"
    german.mkdir(parents=True)
    (german / "text.txt.j2").write_text("{{ nam }}")
    with pytest.raises(TemplateRenderError, match="'nam' is undefined"):
        renderer.check("note")


def without_text(folder: Path, html: str) -> Renderer:
    renderer = make(folder, html_html_j2=html)
    (folder / "note" / "text.txt.j2").unlink()
    return renderer


def test_a_text_that_is_not_there_is_made_from_the_html(tmp_path: Path) -> None:
    renderer = without_text(tmp_path, "<p>Hi {{ name }}, <a href='{{ url | link }}'>begin</a></p>")
    content = renderer.render("note", {"name": "<Zoë>", "url": "https://x.example/?a=1&b=2"})
    assert content.text == "Hi <Zoë>, begin [1]\n\n[1] https://x.example/?a=1&b=2\n"


def test_an_html_without_anything_to_read_makes_no_mail_without_a_text(tmp_path: Path) -> None:
    with pytest.raises(TemplateRenderError, match=r"nothing to read .* alt"):
        without_text(tmp_path, "<img src='x'>").render("note", {})


def test_a_notification_has_a_text_or_an_html(tmp_path: Path) -> None:
    renderer = make(tmp_path)
    (tmp_path / "note" / "text.txt.j2").unlink()
    with pytest.raises(TemplateRenderError, match=r"needs text\.txt\.j2, or one of html"):
        renderer.render("note", {})
