"""`beside`: mails go on while a template is linked."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable

import pytest
from jinja2 import DictLoader

from notifier.rendering import TemplateLibrary
from notifier.rendering.environment import make_environment
from notifier.rendering.linking import beside as module
from notifier.rendering.linking.beside import GIVES_WAY, beside
from notifier.rendering.linking.linker import Linker

pytestmark = pytest.mark.unit
PAGE = "page.html.j2"


@pytest.fixture
def finish() -> Callable[[], None]:
    """The thread that links is at its end."""

    def wait() -> None:
        for one in threading.enumerate():
            if one.name == "notifier-linker":
                one.join(30)

    wait()
    return wait


class Aside(list[Callable[[], None]]):
    """Work that waits until the test has it done."""

    def __call__(self, work: Callable[[], None]) -> bool:
        self.append(work)
        return True

    def done(self) -> None:
        self.pop()()


def linker_of(files: dict[str, str], aside: Aside) -> Linker:
    return Linker(make_environment(TemplateLibrary()).overlay(loader=DictLoader(files)), uses=0, aside=aside)


def test_it_runs_in_a_thread_that_gives_way_one_at_a_time(finish: Callable[[], None]) -> None:
    begun, may_end, seen, before = threading.Event(), threading.Event(), [], sys.getswitchinterval()

    def work() -> None:
        seen.append((threading.current_thread().daemon, sys.getswitchinterval()))
        begun.set()
        may_end.wait(30)

    assert beside(work)
    assert begun.wait(30)
    assert not beside(work), "another is under way"
    may_end.set()
    finish()
    assert seen == [(True, pytest.approx(GIVES_WAY))]
    assert sys.getswitchinterval() == before
    assert beside(lambda: None), "the next may begin"
    finish()


def test_where_no_thread_is_to_be_had_it_may_be_tried_again(
    monkeypatch: pytest.MonkeyPatch, finish: Callable[[], None]
) -> None:
    def none(*_: object, **__: object) -> threading.Thread:
        raise RuntimeError("can't start new thread")

    with monkeypatch.context() as patched:
        patched.setattr(module.threading, "Thread", none)
        assert not beside(lambda: None)
    assert beside(lambda: None)
    finish()


def test_a_template_is_printed_as_it_is_until_its_linked_one_is_there() -> None:
    linker = linker_of({PAGE: "{{ name }}"}, aside := Aside())
    assert [linker.template(PAGE) for _ in range(2)] == [None, None]
    assert len(aside) == 1, "begun once"
    aside.done()
    assert linker.template(PAGE) is not None


def test_a_changed_file_is_never_printed_as_it_was() -> None:
    files = {PAGE: "old"}
    linker = linker_of(files, aside := Aside())
    linker.template(PAGE)
    aside.done()
    files[PAGE] = "new"
    assert linker.template(PAGE) is None
    aside.done()
    template = linker.template(PAGE)
    assert template is not None
    assert template.render() == "new"
