from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import mrml
import pytest
from hypothesis import event, given
from hypothesis import strategies as st

from notifier.errors import TemplateError, TemplateRenderError
from notifier.rendering import Renderer, TemplateLibrary
from notifier.rendering.html_tokens import tokens
from notifier.rendering.mjml_source import compiled

PATH = "note/html.mjml.j2"


def make(folder: Path, body: str, **others: str) -> Renderer:
    source = (
        body
        if "<mjml" in body
        else f"<mjml><mj-body><mj-section><mj-column>{body}</mj-column></mj-section></mj-body></mjml>"
    )
    (folder / "note").mkdir(parents=True, exist_ok=True)
    (folder / "_parts").mkdir(exist_ok=True)
    (folder / PATH).write_text(source, encoding="utf-8")
    (folder / "note" / "subject.txt.j2").write_text("Hi", encoding="utf-8")
    for name, text in others.items():
        (folder / "_parts" / f"{name}.mjml.j2").write_text(text, encoding="utf-8")
    return Renderer(TemplateLibrary([folder]))


def made(renderer: Renderer, **context: Any) -> str:
    return renderer.render("note", context).html or ""


def words(html: str) -> list[object]:
    return [
        token if not isinstance(token, str) else " ".join(token.split())
        for token in tokens(html)
        if not isinstance(token, str) or token.strip()
    ]


def each_by_itself(renderer: Renderer, **context: Any) -> str:
    return mrml.to_html(renderer._mjml.plain.get_template(PATH).render(context)).content


def test_mjml_becomes_html_and_text(tmp_path: Path) -> None:
    renderer = make(tmp_path, "<mj-text>Hi {{ name }}</mj-text><mj-button href='{{ url | link }}'>Go</mj-button>")
    content = renderer.render("note", {"name": "<Zoë>", "url": "https://x.example/?a=1&b=2"})
    assert content.html is not None
    assert "Hi &lt;Zoë&gt;" in content.html
    assert content.text == "Hi <Zoë>\n\nGo [1]\n\n[1] https://x.example/?a=1&b=2\n"


@pytest.mark.parametrize(
    "body",
    [
        "<mj-text>{% if name %}Hi {{ name }}{% else %}Hi{% endif %}</mj-text>",
        "<mj-table>{% for i in [1, 2] %}<tr><td>{{ i }}</td></tr>{% endfor %}</mj-table>",
        "<mj-image src='{{ name }}' alt=\"{{ name }} 'x'\" width='80px'/>",
        "<mj-text><a href='{{ name }}'>x</a>{# a note #}</mj-text>",
        "{% set a = 'b' %}<mjml><mj-head><mj-title>{{ a }}</mj-title><mj-preview>{{ name }}</mj-preview></mj-head><mj-body><mj-section><mj-column><mj-text>{{ a }}</mj-text></mj-column></mj-section></mj-body></mjml>",
    ],
)
def test_what_mjml_hands_on_is_compiled_once(tmp_path: Path, body: str) -> None:
    renderer = make(tmp_path, body)
    assert renderer._mjml.environment_for(PATH) is not None
    for name in ("Zoë", '"><script>&amp;', ""):
        assert words(made(renderer, name=name)) == words(each_by_itself(renderer, name=name))


@pytest.mark.parametrize(
    ("body", "why"),
    [
        ("{% if name %}<mj-text>x</mj-text>{% endif %}", "between the parts of mj-column"),
        ("</mj-column>{% for i in [1, 2] %}<mj-column><mj-text>{{ i }}</mj-text></mj-column>{% endfor %}<mj-column>", "between the parts of mj-section"),
        ("<mj-text color='{{ name }}'>x</mj-text>", "<mj-text> depends on the mail"),
        ("<mj-text {% if name %}color='red'{% endif %}>x</mj-text>", "<mj-text> depends on the mail"),
        ("{{ name }}<mj-text>x</mj-text>", "between the parts"),
        ("<mj-text>{% if name %}<b>{% else %}<b class='x'>{% endif %}x</b></mj-text>", "</b> depends on the mail"),
        ("<mj-text>{% if name %}<b>{% endif %}x{% if name %}</b>{% endif %}</mj-text>", "</b> depends on the mail"),
    ],
)  # fmt: skip
def test_what_decides_about_elements_is_compiled_mail_by_mail(tmp_path: Path, body: str, why: str) -> None:
    renderer = make(tmp_path, body)
    assert renderer._mjml.environment_for(PATH) is None
    assert why in renderer._mjml.why_not(PATH)
    assert made(renderer, name="red") == each_by_itself(renderer, name="red")


TEXTS = st.sampled_from(["{{ name }}", "x", "{% if name %}y{% endif %}", "<b>z</b>", "{% for i in [1, 2] %}<i>{{ i }}</i>{% endfor %}", "<br/>", "&amp;", "{% if name %}<b>x{% endif %}{% if name %}</b>{% endif %}", "<i>{% if name %}</i><i>{% else %}w{% endif %}</i>", "{% set a %}<u>{{ name }}</u>{% endset %}{{ a }}", "<a href='{{ name }}'>q</a>"])  # fmt: skip
PARTS = st.builds(
    str.format,
    st.sampled_from(["<mj-text>{}</mj-text>", "<mj-button href='{{{{ name }}}}'>{}</mj-button>", "<mj-raw>{}</mj-raw>", "<mj-text align='right'>{}</mj-text>",
        "{{% if name %}}<mj-text>{}</mj-text>{{% endif %}}", "<mj-divider/>{}", "<mj-text color='{{{{ name }}}}'>{}</mj-text>"]),
    st.lists(TEXTS, max_size=4).map("".join),
)  # fmt: skip


@pytest.mark.long
@given(st.lists(PARTS, min_size=1, max_size=4).map("".join), st.sampled_from(["", "red", "<&\"'>"]))
def test_a_template_compiled_at_load_makes_the_mails_that_compiling_each_would(tmp_path_factory: pytest.TempPathFactory, body: str, name: str) -> None:  # fmt: skip
    renderer = make(tmp_path_factory.mktemp("mjml"), "<mj-text>x</mj-text>" + body)
    try:
        environment = renderer._mjml.environment_for(PATH)
        expected = each_by_itself(renderer, name=name)
    except (TemplateError, OSError):
        return
    event("at load" if environment else renderer._mjml.why_not(PATH))
    assert words(made(renderer, name=name)) == words(expected)


def test_a_message_to_translate_stays_as_its_catalog_knows_it() -> None:
    message = "{% trans name=name %}Hi<br>{{ name }}, <b>you{% pluralize %}all</b>{% endtrans %}"
    body = f"<mjml><mj-body><mj-section><mj-column><mj-text>a<br>{message}</mj-text></mj-column></mj-section></mj-body></mjml>"
    assert f">a<br />{message}<" in compiled(body, lambda mjml: mrml.to_html(mjml).content)


def test_an_include_is_read_from_the_template_folders(tmp_path: Path) -> None:
    renderer = make(tmp_path, "<mj-include path='_parts/foot.mjml.j2'/><mj-include path='_parts/raw.mjml.j2' type='html'></mj-include>", foot="<mj-text>Bye {{ name }}</mj-text>", raw="<tr><td>raw</td></tr>")  # fmt: skip
    assert "Bye Zoë" in made(renderer, name="Zoë")
    assert "<td>raw</td>" in made(renderer, name="Zoë")
    make(tmp_path, "<mj-include path='_parts/foot.mjml.j2'/>", foot="<mj-text>Ciao {{ name }}</mj-text>")
    assert "Ciao Zoë" in made(renderer, name="Zoë")


@pytest.mark.parametrize(
    "path", ["../secret.mjml", "/etc/passwd", "file:///etc/passwd", "http://127.0.0.1:9/x", "nope", ""]
)
def test_an_include_leads_nowhere_else(tmp_path: Path, path: str) -> None:
    (tmp_path / "secret.mjml").write_text("<mj-text>secret</mj-text>")
    with pytest.raises(TemplateRenderError, match=r"includes .*, which is not there"):
        made(make(tmp_path / "in", f"<mj-include path='{path}'/>"))


def test_an_include_of_itself_ends(tmp_path: Path) -> None:
    with pytest.raises(TemplateRenderError, match="includes itself"):
        made(make(tmp_path, "<mj-include path='_parts/a.mjml.j2'/>", a="<mj-include path='_parts/a.mjml.j2'/>"))


@pytest.mark.parametrize(
    ("body", "error"),
    [
        ("<mj-text>x", r"note/html\.mjml\.j2: MJML: unexpected"),
        ("<mj-txt>x</mj-txt>", r"note/html\.mjml\.j2: MJML has no element mj-txt"),
        ("<mj-text>\n{{ nam }}</mj-text>", r"note/html\.mjml\.j2, line 2: 'nam' is undefined"),
        ("{% if name %}<mj-text>x{% endif %}", r"note/html\.mjml\.j2: MJML: unexpected"),
        ("<mj-text>\n{% if %}</mj-text>", r"note/html\.mjml\.j2, line 2: syntax"),
    ],
)
def test_an_error_names_the_file(tmp_path: Path, body: str, error: str) -> None:
    with pytest.raises(TemplateRenderError, match=error):
        made(make(tmp_path, body), name="Zoë")


def test_a_missing_library_names_the_extra(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "mrml", None)
    with pytest.raises(TemplateError, match=r"notifier-worker\[mjml\]"):
        made(make(tmp_path, "<mj-text>x</mj-text>"))


@pytest.mark.long
@pytest.mark.parametrize("loop", ["", "{% for i in items %}{% endfor %}"])
def test_what_is_nested_without_end_is_an_error_and_not_the_end_of_the_process(tmp_path: Path, loop: str) -> None:
    body = f"{loop}<mj-raw>{'<div>' * 30_000}{'</div>' * 30_000}</mj-raw>"
    with pytest.raises(TemplateError, match="1,000 deep"):
        make(tmp_path, body).render("note", {"items": []})


def test_half_a_character_is_the_templates_error(tmp_path: Path) -> None:
    body = "{% for item in items %}<mj-text>{{ item }}</mj-text>{% endfor %}"
    with pytest.raises(TemplateError, match="half of a surrogate pair"):
        make(tmp_path, body).render("note", {"items": ["\ud800"]})
