from __future__ import annotations

import os
import sys
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO
from pathlib import Path

import pytest
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from hypothesis import given
from hypothesis import strategies as st
from rendering_catalogs import make_note, po, write_catalog

from notifier.errors import TemplateError
from notifier.rendering.catalogs import Catalogs
from notifier.rendering.library import TemplateLibrary

HELLO = "{{ _('Hello') }} {{ _('World') }}"


def compiled(text: str) -> bytes:
    made = BytesIO()
    write_mo(made, read_po(BytesIO(text.encode())))
    return made.getvalue()


def test_a_language_falls_back_to_the_shorter_tag_and_then_to_the_source_text(tmp_path: Path) -> None:
    write_catalog(tmp_path, "de", po({"Hello": "Hallo", "World": "Welt"}))
    write_catalog(tmp_path, "de_AT", po({"Hello": "Servus"}))
    renderer = make_note(tmp_path, HELLO)
    texts = [renderer.render("note", {}, locale).text for locale in ("de-AT", "de_AT", "de", "fr", None, "../de")]
    assert texts == ["Servus Welt"] * 2 + ["Hallo Welt"] + ["Hello World"] * 3


def test_a_compiled_catalog_is_enough_without_babel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_catalog(tmp_path, "de", compiled(po({"Hello": "Hallo"})), "mo")
    monkeypatch.setitem(sys.modules, "babel", None)
    monkeypatch.setitem(sys.modules, "babel.messages.pofile", None)
    assert make_note(tmp_path, HELLO).render("note", {}, "de").text == "Hallo World"


def test_a_source_catalog_without_babel_names_the_extra(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_catalog(tmp_path, "de", po({"Hello": "Hallo"}))
    monkeypatch.setitem(sys.modules, "babel.messages.pofile", None)
    with pytest.raises(TemplateError, match=r"pip install notifier-worker\[i18n\]"):
        make_note(tmp_path, HELLO).render("note", {}, "de")


def test_the_first_folder_comes_first(tmp_path: Path) -> None:
    ours, theirs = tmp_path / "ours", tmp_path / "theirs"
    write_catalog(theirs, "de", po({"Hello": "Guten Tag", "World": "Welt"}))
    write_catalog(ours, "de", po({"Hello": "Hallo"}))
    translations = Catalogs(TemplateLibrary([ours, theirs])).language("de").translations
    assert (translations.gettext("Hello"), translations.gettext("World")) == ("Hallo", "Welt")


def test_a_changed_catalog_is_seen(tmp_path: Path) -> None:
    file = write_catalog(tmp_path, "de", po({"Hello": "Hallo"}))
    renderer = make_note(tmp_path, HELLO)
    assert renderer.render("note", {}, "de").text == "Hallo World"
    file.write_text(po({"Hello": "Moin"}))
    os.utime(file, ns=(1, 1))
    assert renderer.render("note", {}, "de").text == "Moin World"


def test_a_fuzzy_translation_is_not_used(tmp_path: Path) -> None:
    write_catalog(tmp_path, "de", po({}) + '\n#, fuzzy\nmsgid "Hello"\nmsgstr "Hall"\n')
    assert make_note(tmp_path, HELLO).render("note", {}, "de").text == "Hello World"


@pytest.mark.parametrize(
    ("text", "ending"),
    [
        ("no catalog at all", "mo"),
        (b"\xde\x12\x04\x95" + b"\xff" * 8, "mo"),
        ("msgid broken", "po"),
        (po({}).replace("(n != 1)", "__import__('os')"), "po"),
    ],
)
def test_a_catalog_that_is_none_is_told_by_its_name(tmp_path: Path, text: str | bytes, ending: str) -> None:
    write_catalog(tmp_path, "de", text, ending)
    with pytest.raises(TemplateError, match=rf"the catalog _locales/de/LC_MESSAGES/messages\.{ending}"):
        make_note(tmp_path, HELLO).render("note", {}, "de")


@given(st.binary(max_size=100))
def test_whatever_is_in_a_compiled_catalog_only_a_template_error_comes_of_it(
    tmp_path_factory: pytest.TempPathFactory, data: bytes
) -> None:
    root = tmp_path_factory.mktemp("catalog")
    write_catalog(root, "de", b"\xde\x12\x04\x95\x00\x00\x00\x00" + data, "mo")
    try:
        came = Catalogs(TemplateLibrary([root])).language("de").tag
    except TemplateError as error:
        came = str(error)
    assert came == "de" or "_locales/de/LC_MESSAGES/messages.mo" in str(came)


def test_a_link_to_a_catalog_elsewhere_is_not_followed(tmp_path: Path) -> None:
    write_catalog(tmp_path / "outside", "de", po({"Hello": "Hallo"}))
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "_locales").symlink_to(tmp_path / "outside" / "_locales")
    assert make_note(tmp_path / "in", HELLO).render("note", {}, "de").text == "Hello World"


@pytest.mark.long
def test_threads_speak_each_its_own_language(tmp_path: Path) -> None:
    tags = [f"l{letter}" for letter in "abcdefgh"]
    for tag in tags:
        write_catalog(tmp_path, tag, po({"Hello": tag}))
    renderer = make_note(tmp_path, "{% for i in range(300) %}{{ _('Hello') }}{% endfor %}")

    def same(tag: str) -> bool:
        return renderer.render("note", {}, tag).text == tag * 300

    with ThreadPoolExecutor(8) as threads:
        assert all(threads.map(same, tags * 10))


def test_check_speaks_every_language_of_the_catalogs(tmp_path: Path) -> None:
    renderer = make_note(tmp_path, "{% trans name=name %}Hello {{ name }}{% endtrans %}")
    (tmp_path / "note" / "meta.json").write_text('{"samples": {"plain": {"name": "Zoë"}}}')
    renderer.check("note")
    write_catalog(tmp_path, "de", po({"Hello %(name)s": "Hallo %(nam)s"}))
    with pytest.raises(TemplateError, match=r"the translation of .Hello %\(name\)s. to de has placeholders"):
        renderer.check("note")
