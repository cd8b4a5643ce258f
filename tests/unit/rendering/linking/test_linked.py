"""`SharedLinks`: what one process of a worker has linked, the others need not link."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from jinja2 import DictLoader, Environment, nodes

from notifier.rendering import SharedCode, TemplateLibrary
from notifier.rendering.environment import make_environment
from notifier.rendering.linking.linked import Linked
from notifier.rendering.linking.linker import Linker

pytestmark = pytest.mark.unit
PAGE, PART, UNFIT = "page.html.j2", "part.html.j2", "unfit.html.j2"
FILES = {PAGE: "{% include 'part.html.j2' %}, {{ name }}", PART: "Dear", UNFIT: "{{ self }}"}


class Worker:
    """The linkers of its processes. ``linked``: what they have linked, in the order that they did it."""

    def __init__(self) -> None:
        self.shared = SharedCode()
        self.linked: list[str] = []

    def process(self, uses: int = 0, **changed: str) -> Linker:
        files = {**FILES, **{f"{name}.html.j2": text for name, text in changed.items()}}
        linker = _Counted(make_environment(TemplateLibrary(), self.shared).overlay(loader=DictLoader(files)), uses=uses)
        linker.told = self.linked
        return linker


class _Counted(Linker):
    told: list[str]

    def link(self, path: str) -> Linked:
        self.told.append(path)
        return super().link(path)


def printed(linker: Linker, path: str = PAGE) -> str | None:
    template = linker.template(path)
    return None if template is None else template.render(name="Zoë")


def test_what_one_process_has_linked_another_has_at_its_first_mail() -> None:
    worker = Worker()
    assert printed(worker.process()) == "Dear, Zoë"
    assert printed(worker.process(uses=200)) == "Dear, Zoë"
    assert worker.linked == [PAGE]


def test_a_process_at_work_takes_over_what_another_has_linked_meanwhile() -> None:
    worker = Worker()
    early = worker.process(uses=200)
    assert printed(early) is None
    assert printed(worker.process()) == "Dear, Zoë"
    assert printed(early) == "Dear, Zoë"
    assert worker.linked == [PAGE]


def test_what_was_linked_of_other_texts_is_not_taken_over() -> None:
    worker = Worker()
    assert printed(worker.process()) == "Dear, Zoë"
    assert printed(worker.process(part="Hello")) == "Hello, Zoë"
    assert printed(worker.process()) == "Dear, Zoë"
    assert worker.linked == [PAGE, PAGE, PAGE]


def test_a_file_that_is_no_longer_there_is_another_text() -> None:
    worker = Worker()
    assert printed(worker.process()) == "Dear, Zoë"
    late = worker.process(uses=200)
    assert isinstance(late._environment.loader, DictLoader)
    del late._environment.loader.mapping[PART]  # type: ignore[attr-defined]
    assert printed(late) is None


def test_a_file_that_cannot_be_read_is_told_by_rendering(monkeypatch: pytest.MonkeyPatch) -> None:
    worker = Worker()
    assert printed(worker.process()) == "Dear, Zoë"
    late = worker.process(uses=200)

    def torn(*_: object) -> None:
        raise UnicodeDecodeError("utf-8", b"\xff", 0, 1, "invalid start byte")

    monkeypatch.setattr(DictLoader, "get_source", torn)
    assert printed(late) is None


def test_that_a_template_is_not_to_be_linked_is_found_out_once() -> None:
    worker = Worker()
    for _ in range(2):
        process = worker.process()
        assert printed(process, UNFIT) is None
        assert process._linked[UNFIT].why == "it uses self"
    assert worker.linked == [UNFIT]


def test_an_error_is_nobody_elses() -> None:
    """A file may have been missing for a moment."""
    worker = Worker()
    assert printed(worker.process(page="{% include 'gone.html.j2' %}")) is None
    assert printed(worker.process(page="{% include 'gone.html.j2' %}", gone="Back")) == "Back"
    assert worker.linked == [PAGE, PAGE]


def test_while_another_process_links_a_template_is_printed_as_it_is_and_taken_over_then(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    worker = Worker()
    late = worker.process()
    with monkeypatch.context() as patched:
        patched.setattr(worker.shared, "_locked", lambda *_: False)
        assert printed(late) is None
    assert worker.linked == []
    assert printed(worker.process()) == "Dear, Zoë"
    assert printed(late) == "Dear, Zoë"
    assert worker.linked == [PAGE]


def test_it_is_tried_again_when_nobody_else_has_done_it(monkeypatch: pytest.MonkeyPatch) -> None:
    worker = Worker()
    late = worker.process()
    with monkeypatch.context() as patched:
        patched.setattr(worker.shared, "_locked", lambda *_: False)
        assert printed(late) is None
    assert [printed(late) for _ in range(16)][-1] == "Dear, Zoë"


def test_a_template_that_was_given_up_is_not_taken_over_again() -> None:
    worker = Worker()
    printed(worker.process())
    late = worker.process()
    assert printed(late) is not None
    late.give_up(PAGE, "it raised")
    assert printed(late) is None


def test_what_two_templates_include_is_parsed_once_for_all_processes(monkeypatch: pytest.MonkeyPatch) -> None:
    worker, parsed = Worker(), []
    before: Callable[..., nodes.Template] = Environment.parse

    def counted(self: Environment, source: str, *names: str) -> nodes.Template:
        parsed.append(names[0])
        return before(self, source, *names)

    monkeypatch.setattr(Environment, "parse", counted)
    for text in ("{% include 'part.html.j2' %} 1", "{% include 'part.html.j2' %} 2"):
        assert printed(worker.process(other=text), "other.html.j2") == f"Dear {text[-1]}"
    assert sorted(parsed) == ["other.html.j2", "other.html.j2", PART]
    assert printed(worker.process(other="{% include 'part.html.j2' %}", part="Hi"), "other.html.j2") == "Hi"


def test_linking_compiles_no_file_that_is_compiled_already(monkeypatch: pytest.MonkeyPatch) -> None:
    worker, compiled = Worker(), []
    process = worker.process()
    for name in FILES:
        process.quick.get_template(name)
    before: Callable[..., object] = Environment.compile

    def counted(self: Environment, source: object, *rest: object, **more: object) -> object:
        compiled.append(type(source).__name__)
        return before(self, source, *rest, **more)

    monkeypatch.setattr(Environment, "compile", counted)
    assert printed(process) == "Dear, Zoë"
    assert compiled == ["Template"], "the joined tree alone"
