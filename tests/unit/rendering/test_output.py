"""`Output`: of a file that is linked as of one that is not."""

from __future__ import annotations

from pathlib import Path

import pytest

from notifier.errors import TemplateRenderError
from notifier.rendering import Renderer, TemplateLibrary
from notifier.rendering import output as output_of_files
from notifier.rendering.environment import make_environment
from notifier.rendering.glances import Glances
from notifier.rendering.linking import linker
from notifier.rendering.linking.beside import at_once
from notifier.rendering.output import Output

pytestmark = pytest.mark.unit

HTML = """{% import "_macros/words.html.j2" as words %}
<p>{{ words.twice(name) }}</p>
"""
WORDS = """{% macro twice(word) %}
{{ word }}
{{ word.first }}
{% endmacro %}
"""


@pytest.fixture(autouse=True)
def linked_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """No test has to wait for a thread."""
    monkeypatch.setattr(output_of_files, "beside", at_once)


@pytest.fixture
def renderer(tmp_path: Path) -> Renderer:
    files = {"hello/subject.txt.j2": "Hello", "hello/html.html.j2": HTML, "_macros/words.html.j2": WORDS}
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    return Renderer(TemplateLibrary([tmp_path]))


def test_an_error_in_a_macro_that_was_linked_names_the_macros_file_and_line(renderer: Renderer) -> None:
    for _ in range(linker.USES + 2):
        renderer.render("hello", {"name": {"first": "Zoë"}})
    with pytest.raises(TemplateRenderError, match=r"^_macros/words\.html\.j2, line 3: .*first") as failed:
        renderer.render("hello", {"name": "a secret"})
    assert "a secret" not in str(failed.value)


def test_a_linked_file_that_changes_is_printed_as_it_is_now(renderer: Renderer, tmp_path: Path) -> None:
    for _ in range(linker.USES + 2):
        renderer.render("hello", {"name": {"first": "Zoë"}})
    (tmp_path / "_macros" / "words.html.j2").write_text("{% macro twice(word) %}changed{% endmacro %}")
    assert "changed" in str(renderer.render("hello", {"name": {"first": "Zoë"}}).html)


@pytest.mark.parametrize("uses", [1, linker.USES + 2])
def test_a_file_of_the_same_name_in_an_earlier_folder_takes_the_place_of_one_that_was_printed(
    tmp_path: Path, uses: int
) -> None:
    for name, text in {"last/page.html.j2": "{% include '_part.html.j2' %}", "last/_part.html.j2": "last"}.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    (tmp_path / "first").mkdir()
    library = TemplateLibrary([tmp_path / "first", tmp_path / "last"])
    environment, output = make_environment(library), Output(library.glances)
    for _ in range(uses):
        assert output.of(environment, "page.html.j2", {}) == "last"
    (tmp_path / "first" / "_part.html.j2").write_text("first")
    assert output.of(environment, "page.html.j2", {}) == "first"


def test_what_only_the_linked_file_raises_is_printed_by_jinja_and_it_is_linked_no_more(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    environment = make_environment(TemplateLibrary())
    broken = environment.from_string("{{ nowhere }}")
    monkeypatch.setattr(linker.Linker, "link", lambda *_: linker.Linked(broken, "", ()))
    output = Output(Glances())
    for _ in range(linker.USES + 2):
        assert output.of(environment, "welcome/subject.txt.j2", {"name": "Zoë", "product": "P"})
    assert output._linkers[environment].template("welcome/subject.txt.j2") is None


def test_what_only_quick_code_raises_is_printed_by_jinja_until_the_file_changes(tmp_path: Path) -> None:
    library = TemplateLibrary([tmp_path])
    environment, output = make_environment(library), Output(library.glances)
    page = tmp_path / "page.html.j2"
    page.write_text("{{ w }}")
    assert output.of(environment, "page.html.j2", {"w": 1}) == "1"
    quick, rendered = output._linkers[environment].quick, []

    class Broken:
        def generate(self, names: object) -> list[str]:
            rendered.append(names)
            raise ValueError

    broken = Broken()
    quick.get_template = lambda *_: broken  # type: ignore[method-assign, assignment]
    for number in range(3):
        assert output.of(environment, "page.html.j2", {"w": number}) == str(number)
    assert rendered == [{"w": 0}]


@pytest.mark.parametrize("uses", [0, linker.USES + 2])
def test_what_strikes_from_outside_is_told_and_does_not_begin_a_mail_once_more(tmp_path: Path, uses: int) -> None:
    """A task's time limit: begun once more, the mail would go on until its child is killed."""
    library = TemplateLibrary([tmp_path])
    environment, output, begun = make_environment(library), Output(library.glances), []
    (tmp_path / "page.html.j2").write_text("{{ begin() }}")

    class SoftLimit(Exception):
        pass

    def struck() -> str:
        begun.append(1)
        raise SoftLimit

    for _ in range(uses):
        output.of(environment, "page.html.j2", {"begin": str})
    with pytest.raises(TemplateRenderError, match=r"page\.html\.j2.*: SoftLimit while rendering"):
        output.of(environment, "page.html.j2", {"begin": struck})
    assert begun == [1]


def test_only_jinjas_own_code_prints_the_files_of_strangers() -> None:
    environment, output = make_environment(TemplateLibrary()), Output(Glances(), own_code=False)
    assert output.of(environment, "welcome/subject.txt.j2", {"name": "Zoë", "product": "P"})
    assert not output._linkers
