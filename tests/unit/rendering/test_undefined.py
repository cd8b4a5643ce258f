from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rendering_catalogs import make_note

from notifier.errors import TemplateRenderError


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("{{ nam }}", "'nam' is undefined;"),
        ("{{ user.mail }}", "'dict object' has no attribute 'mail';"),
        ("{{ user['mail'] }}", "'dict object' has no attribute 'mail';"),
        ("{{ items[3] }}", "list object has no element 3;"),
        ("{{ user[code] }}", "'dict object' has no attribute that it looks up;"),
        ("{{ items[number] }}", "list object has no element that it looks up;"),
    ],
)
def test_what_is_undefined_is_named_as_the_template_names_it(tmp_path: Path, text: str, told: str) -> None:
    with pytest.raises(TemplateRenderError) as error:
        make_note(tmp_path, text).render("note", {"user": {}, "items": [], "code": "hunter2", "number": 77})
    assert str(error.value).startswith(f"note/text.txt.j2, line 1: {told}")


@given(st.text(min_size=8).filter(lambda code: code not in "{{ user[code] }}"))
def test_no_value_is_told(tmp_path_factory: pytest.TempPathFactory, code: str) -> None:
    renderer = make_note(tmp_path_factory.mktemp("undefined"), "{{ user[code] }}")
    with pytest.raises(TemplateRenderError, match="that it looks up"):
        renderer.render("note", {"user": {}, "code": code})
