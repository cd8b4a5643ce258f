"""`beside`: mails go on while a template is linked."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable

import pytest
from jinja2 import DictLoader

from notifier.rendering import TemplateLibrary
from notifier.rendering.environment import make_environment
from notifier.rendering.linking import beside as module
from notifier.rendering.linking.beside import GIVES_WAY, beside
from notifier.rendering.linking.linked import Linked
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


@pytest.mark.filterwarnings("ignore:.*multi-threaded:DeprecationWarning")  # from Python 3.12: that is what is tested
def test_a_process_that_is_forked_while_a_template_is_linked_links_it_by_itself(finish: Callable[[], None]) -> None:
    may_end, usual = threading.Event(), sys.getswitchinterval()
    begun = threading.Event()

    class Slow(Linker):
        def link(self, path: str) -> Linked:
            begun.set()
            may_end.wait(30 if os.getpid() == parent else 0)
            return super().link(path)

    parent = os.getpid()
    environment = make_environment(TemplateLibrary()).overlay(loader=DictLoader({PAGE: "{{ name }}"}))
    linker = Slow(environment, uses=0, aside=beside)
    assert linker.template(PAGE) is None
    assert begun.wait(30)
    child = os.fork()
    if not child:
        as_usual = sys.getswitchinterval() == usual
        for _ in range(32):
            linker.template(PAGE)
        finish()
        os._exit(0 if as_usual and linker.template(PAGE) is not None else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    may_end.set()
    finish()
    assert linker.template(PAGE) is not None
