"""`SharedCode`: what one process of a worker has compiled, the others need not compile."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from jinja2 import Environment

from notifier.errors import TemplateError
from notifier.rendering import Renderer, SharedCode, TemplateLibrary
from notifier.rendering import shared_code as module
from notifier.rendering.environment import make_environment
from notifier.rendering.markdown import markdown_environment
from notifier.rendering.markup_guard import guarded
from notifier.rendering.shared_code import EnvironmentsCode, code_of

pytestmark = pytest.mark.unit
KEY, OTHER = b"k" * 32, b"o" * 32


@pytest.fixture
def shared() -> SharedCode:
    return SharedCode()


def in_a_child(work: Callable[[], object]) -> None:
    """Work that a forked process does, to its end."""
    pid = os.fork()
    if not pid:
        status = 1
        try:
            work()
            status = 0
        finally:
            os._exit(status)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0


@contextmanager
def child_that_stands_still(work: Callable[[], object]) -> Iterator[int]:
    """A forked process that stops for good in the middle of its work, which ends with `stand_still`."""
    pid = os.fork()
    if not pid:
        try:
            work()
        finally:
            os._exit(1)
    os.waitpid(pid, os.WUNTRACED)
    try:
        yield pid
    finally:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)


def stand_still(*_: object) -> None:
    os.kill(os.getpid(), signal.SIGSTOP)


@pytest.fixture
def compiled(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of files, as Jinja2 compiles them in this process."""
    names: list[str] = []
    before = Environment.compile

    def counted(self: Environment, source: object, name: str | None = None, *rest: object, **more: object) -> object:
        names.append(str(name))
        return before(self, source, name, *rest, **more)  # type: ignore[call-overload]

    monkeypatch.setattr(Environment, "compile", counted)
    return names


def written(folder: Path, **files: str) -> Path:
    note = folder / "note"
    note.mkdir(exist_ok=True)
    for name, text in {"subject": "Note", "text": "{{ name }}", **files}.items():
        (note / f"{name}.txt.j2").write_text(text)
    return folder


# what is shared -------------------------------------------------------------------------------------------------------


def test_what_a_child_puts_is_there_for_its_parent_and_for_children_that_are_forked_later(shared: SharedCode) -> None:
    in_a_child(lambda: shared.put(KEY, ("value", 1)))

    def look() -> None:
        assert shared.get(KEY) == ("value", 1)

    in_a_child(look)
    look()
    assert shared.get(OTHER) is None


def test_the_last_value_counts_and_another_number_tells_that_it_is_another(shared: SharedCode) -> None:
    assert shared.newest(KEY) is None
    shared.put(KEY, "first")
    first = shared.newest(KEY)
    assert first == shared.newest(KEY)
    shared.put(KEY, "second")
    assert shared.newest(KEY) != first
    assert shared.get(KEY) == "second"


def test_what_a_killed_process_had_begun_to_write_is_passed_over(shared: SharedCode) -> None:
    shared.put(KEY, "whole")
    record = os.pread(shared._file, 200, 0)
    for torn in (record[:-1], record[:40], record[:80]):
        os.pwrite(shared._file, torn, len(record))
        assert shared.get(KEY) == "whole"
        shared.put(OTHER, len(torn))
        assert shared.get(OTHER) == len(torn)
        record = os.pread(shared._file, 10_000, 0)


def test_what_is_not_what_was_written_is_nothing(shared: SharedCode) -> None:
    shared.put(KEY, "whole")
    size = os.fstat(shared._file).st_size
    os.pwrite(shared._file, b"X", size - 1)
    assert shared.get(KEY) is None


def test_where_there_is_no_room_nothing_more_is_kept() -> None:
    shared = SharedCode(most=200)
    shared.put(KEY, "a" * 50)
    shared.put(OTHER, "b" * 50)
    assert (shared.get(KEY), shared.get(OTHER)) == ("a" * 50, None)


def test_where_memory_is_over_nothing_more_is_kept(shared: SharedCode, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> int:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(module.os, "pwrite", full)
        shared.put(KEY, "lost")
    assert shared.get(KEY) is None
    shared.put(KEY, "kept")
    assert shared.get(KEY) == "kept"


def test_nobody_waits_for_a_process_that_was_stopped_as_it_wrote(
    shared: SharedCode, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patched:
        patched.setattr(shared, "_append", stand_still)
        with child_that_stands_still(lambda: shared.put(KEY, "never")):
            patched.undo()
            shared.put(OTHER, "not now")
            assert shared.get(OTHER) is None
    shared.put(OTHER, "now")
    assert shared.get(OTHER) == "now"


def test_one_process_has_its_turn_until_it_has_ended(shared: SharedCode) -> None:
    def work() -> None:
        with shared.turn() as ours:
            assert ours
            stand_still()

    with child_that_stands_still(work), shared.turn() as ours:
        assert not ours
    with shared.turn() as ours:
        assert ours, "what it held is gone with it"


def test_no_program_that_is_executed_gets_it(shared: SharedCode) -> None:
    assert not os.get_inheritable(shared._file)


def test_where_the_system_has_no_anonymous_memory_a_file_without_a_name_will_do(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delattr(module.os, "memfd_create", raising=False)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    shared = SharedCode()
    shared.put(KEY, "value")
    assert shared.get(KEY) == "value"
    assert not list(tmp_path.iterdir())


# templates ------------------------------------------------------------------------------------------------------------


def test_a_template_that_one_process_has_compiled_no_other_compiles(
    shared: SharedCode, compiled: list[str], tmp_path: Path
) -> None:
    written(tmp_path)
    in_a_child(lambda: Renderer(TemplateLibrary([tmp_path]), shared=shared).render("note", {"name": "Zoë"}))
    assert Renderer(TemplateLibrary([tmp_path]), shared=shared).render("note", {"name": "Zoë"}).text == "Zoë"
    assert compiled == []
    Renderer(TemplateLibrary([tmp_path])).render("note", {"name": "Zoë"})
    assert len(compiled) == 2, "alone, each file is compiled"


def test_a_changed_file_is_compiled_anew_and_only_that(shared: SharedCode, compiled: list[str], tmp_path: Path) -> None:
    written(tmp_path)
    renderer = Renderer(TemplateLibrary([tmp_path]), shared=shared)
    renderer.render("note", {"name": "Zoë"})
    compiled.clear()
    written(tmp_path, text="Dear {{ name }}")
    os.utime(tmp_path / "note" / "text.txt.j2", ns=(1, 1))
    for each in (renderer, Renderer(TemplateLibrary([tmp_path]), shared=shared)):
        assert each.render("note", {"name": "Zoë"}).text == "Dear Zoë"
    assert compiled == ["note/text.txt.j2"]


def test_a_file_of_the_same_text_in_another_folder_has_its_own_code(shared: SharedCode, tmp_path: Path) -> None:
    """Errors name the file."""
    for name in ("one", "other"):
        (tmp_path / name).mkdir()
        written(tmp_path / name, text="{{ 1 / name }}")
        renderer = Renderer(TemplateLibrary([tmp_path / name]), shared=shared)
        renderer.render("note", {"name": 2})
        code = renderer._environment.get_template("note/text.txt.j2").root_render_func.__code__
        assert code.co_filename == str(tmp_path / name / "note" / "text.txt.j2")


def test_a_template_that_does_not_compile_is_told_by_each_process(shared: SharedCode, tmp_path: Path) -> None:
    written(tmp_path, text="{% if %}")
    for _ in range(2):
        with pytest.raises(TemplateError, match=r"text\.txt\.j2, line 1: syntax"):
            Renderer(TemplateLibrary([tmp_path]), shared=shared).render("note", {})


def test_environments_that_make_other_code_of_a_text_do_not_share_it(shared: SharedCode) -> None:
    plain = make_environment(TemplateLibrary(), shared)
    assert plain.loader is not None
    kinds = [code_of(environment) for environment in (plain, guarded(plain, plain.loader), plain.overlay())]
    assert len({kind.key("file") for kind in kinds if kind is not None}) == 2
    assert None not in kinds
    assert kinds[0] == kinds[2], "it differs by what it loads alone"


def test_code_with_the_secret_of_a_process_is_not_shared(shared: SharedCode) -> None:
    """In Markdown, constants stand in by a salt of the process's own."""
    assert code_of(markdown_environment(make_environment(TemplateLibrary(), shared))) is None


def test_a_process_by_itself_shares_nothing() -> None:
    assert code_of(make_environment(TemplateLibrary())) is None


def test_what_is_found_and_is_no_code_is_not_run(shared: SharedCode, tmp_path: Path) -> None:
    written(tmp_path)
    code = EnvironmentsCode(shared, "plain")
    environment = make_environment(TemplateLibrary([tmp_path]), shared)
    text = tmp_path / "note" / "text.txt.j2"
    bucket = code.get_bucket(environment, "note/text.txt.j2", str(text), "{{ name }}")
    shared.put(code.key("file", bucket.key, bucket.checksum), "no code")
    assert environment.get_template("note/text.txt.j2").render(name="Zoë") == "Zoë"
