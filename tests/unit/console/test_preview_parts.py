"""The parts of the preview that need no server: dark mode, the main thread, who may send, and its own colours."""

from __future__ import annotations

import re
import threading
from concurrent.futures import CancelledError
from pathlib import Path

import pytest

from notifier import console
from notifier.console.preview_page.checks.colour import contrast, read_colour
from notifier.console.preview_page.main_thread import MainThread
from notifier.console.preview_page.shown_html import knows_dark, shown_html
from notifier.errors import TemplateRenderError
from notifier.model.content import Content
from notifier.rendering import Renderer, TemplateLibrary

STYLE = (Path(console.__file__).parent / "static" / "base.css").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    "query",
    [
        "(prefers-color-scheme: dark)",
        "( PREFERS-COLOR-SCHEME:dark )",
        "screen and (prefers-color-scheme: dark) and (max-width: 480px)",
    ],
)
def test_dark_mode_is_true_or_false_by_the_server(query: str) -> None:
    html = f"<html><head><style>@media {query} {{ p {{ color: red }} }}</style></head>"
    dark, light = shown_html(html, {}, dark=True), shown_html(html, {}, dark=False)
    assert "prefers-color-scheme" not in (dark + light).lower()
    assert "(min-width: 0px)" in dark
    assert "(min-width: 99999999px)" in light
    assert ("max-width: 480px" in dark) == ("max-width: 480px" in query)


def test_what_is_put_in_comes_behind_the_doctype() -> None:
    assert shown_html("<!DOCTYPE html><p>x", {}, dark=False).startswith("<!DOCTYPE html><base")
    assert shown_html("<p>x", {}, dark=False).startswith("<base")


def test_light_is_the_other_way_round() -> None:
    assert "(min-width: 0px)" in shown_html("<style>@media (prefers-color-scheme: light) {}</style>", {}, dark=False)


@pytest.mark.parametrize(
    ("html", "knows"),
    [
        ('<meta name="color-scheme" content="light dark">', True),
        ("<style>:root { color-scheme: light dark }</style>", True),
        ("<style>@media (prefers-color-scheme: dark) { p { color: red } }</style>", True),
        ("<p>dark</p>", False),
    ],
)
def test_a_mail_that_says_nothing_of_dark_mode_stays_light(html: str, knows: bool) -> None:
    assert knows_dark(html) == knows
    assert (f"color-scheme: {'dark' if knows else 'light'} !important" in shown_html(html, {}, dark=True)) is True


def test_work_of_another_thread_is_done_in_the_one_that_serves() -> None:
    main, done = MainThread(), []

    def elsewhere() -> None:
        done.append(main.run(lambda: Content(threading.current_thread().name, "text")).subject)
        with pytest.raises(KeyError):
            main.run(lambda: Content(**{}["nothing"]))
        main.end()

    thread = threading.Thread(target=elsewhere)
    thread.start()
    main.serve()
    thread.join(30)
    assert done == [threading.current_thread().name]
    assert main.run(lambda: Content("after", "the end")).subject == "after"


def test_a_template_that_loops_without_end_is_stopped_there(tmp_path: Path) -> None:
    loop = "{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}"
    (tmp_path / "loop").mkdir()
    for part, text in {"subject.txt.j2": "s", "text.txt.j2": loop}.items():
        (tmp_path / "loop" / part).write_text(text, encoding="utf-8")
    renderer, main, errors = Renderer(TemplateLibrary((tmp_path,)), 0.2), MainThread(), []

    def elsewhere() -> None:
        try:
            main.run(lambda: renderer.render("loop", {}))
        except TemplateRenderError as error:
            errors.append(str(error))
        main.end()

    thread = threading.Thread(target=elsewhere)
    thread.start()
    main.serve()
    thread.join(30)
    assert "look for loops in loops" in errors[0]


def test_whoever_waits_at_an_interrupt_is_let_go() -> None:
    main, let_go = MainThread(), threading.Event()

    def interrupt() -> Content:
        raise KeyboardInterrupt

    def elsewhere() -> None:
        with pytest.raises(CancelledError):
            main.run(interrupt)
        let_go.set()

    thread = threading.Thread(target=elsewhere)
    thread.start()
    with pytest.raises(KeyboardInterrupt):
        main.serve()
    thread.join(30)
    assert let_go.is_set()


def roles(mode: str) -> dict[str, str]:
    blocks = re.findall(r":root \{(.*?)\}", STYLE, re.DOTALL)
    light = dict(re.findall(r"--([\w-]+): (#\w+);", blocks[0]))
    return light if mode == "light" else {**light, **dict(re.findall(r"--([\w-]+): (#\w+);", blocks[1]))}


@pytest.mark.parametrize("mode", ["light", "dark"])
@pytest.mark.parametrize(
    ("ink", "ground", "needed"),
    [
        ("ink", "ground", 4.5), ("ink", "card", 4.5), ("ink", "soft", 4.5), ("quiet", "ground", 4.5), ("quiet", "card", 4.5),
        ("quiet", "soft", 4.5), ("accent", "ground", 4.5), ("accent", "card", 4.5), ("on-accent", "accent", 4.5),
        ("error", "card", 4.5), ("error", "error-soft", 4.5), ("warning", "warning-soft", 4.5), ("good", "good-soft", 4.5),
        ("edge", "ground", 3), ("edge", "card", 3), ("ink", "warning-soft", 4.5),
    ],
)  # fmt: skip
def test_the_pages_own_colours_have_enough_contrast(mode: str, ink: str, ground: str, needed: float) -> None:
    one, other = read_colour(roles(mode)[ink]), read_colour(roles(mode)[ground])
    assert one is not None
    assert other is not None
    assert contrast(one, other) >= needed
