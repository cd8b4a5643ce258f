"""The mails that ship, in a real browser: narrow and wide, light and dark, by Outlook.com's marks, and without their style element.

One page has all of them side by side in frames. It is measured in the light, and again in the dark.
"""

from __future__ import annotations

import base64
import re
import socketserver
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from chromium import launched, patient

from notifier.rendering import Renderer, TemplateLibrary, shipped_templates

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserType, Page

RENDERER = Renderer(TemplateLibrary())
WIDTHS = (320, 600)
MEASURE = (Path(__file__).parent / "measure_mail.js").read_text(encoding="utf-8")
CONTRAST, CONTRAST_LARGE = 4.5, 3.0  # WCAG 2.2, 1.4.3, level AA
TARGET = 44  # pixels, of a button's height


@dataclass(frozen=True, slots=True)
class View:
    """A mail as somebody sees it."""

    name: str
    sample: str
    locale: str
    width: int
    look: str  # as it is · marked by Outlook.com · without its style element

    @property
    def key(self) -> str:
        return "/".join((self.name, self.locale, self.sample, str(self.width), self.look))


def as_it_is(html: str) -> str:
    return html


def marked_by_outlook(html: str) -> str:
    return html.replace("<html ", "<html data-ogsc data-ogsb ", 1)


def without_style(html: str) -> str:
    """Gmail drops the element where it holds what Gmail does not know."""
    return re.sub(r"<style>.*?</style>", "", html, flags=re.DOTALL)


LOOKS: dict[str, Callable[[str], str]] = {
    "as it is": as_it_is,
    "Outlook.com": marked_by_outlook,
    "no style": without_style,
}


def languages(name: str) -> list[str]:
    """Those that the mail is written in."""
    return ["en", *sorted(folder.name for folder in (shipped_templates() / name / "locales").iterdir())]


VIEWS = [
    View(name, sample, locale, width, look)
    for name in RENDERER.names()
    for locale in languages(name)
    for sample in RENDERER.sample_contexts(name)
    for width in WIDTHS
    for look in LOOKS
    if look == "as it is" or locale == "en"
]


@cache
def document(name: str, sample: str, locale: str) -> str:
    """The html part, with its images in it."""
    content = RENDERER.render(name, RENDERER.sample_contexts(name)[sample], locale)
    assert content.html is not None
    html = content.html
    for image in content.inline_images:
        data = base64.b64encode(image.data).decode()
        html = html.replace(f"cid:{image.content_id}", f"data:{image.content_type};base64,{data}")
    return html


def page_of(mails: Mapping[str, tuple[int, str]]) -> str:
    frames = "".join(
        f'<iframe title="{escape(key)}" width="{width}" height="800" style="border:0" srcdoc="{escape(html)}"></iframe>'
        for key, (width, html) in mails.items()
    )
    return f'<!doctype html><meta name="color-scheme" content="light dark">{frames}'


class Trap(socketserver.ThreadingTCPServer):
    """Where every name ends: it keeps what is said to it, and hangs up."""

    daemon_threads = True

    def __init__(self) -> None:
        self.heard: list[bytes] = []
        super().__init__(("127.0.0.1", 0), Caller)

    def names(self, host: str) -> bool:
        """True where somebody asked for that host, in the clear or in the name that TLS begins with."""
        return any(host.encode() in words for words in self.heard)


class Caller(socketserver.BaseRequestHandler):
    def handle(self) -> None:
        assert isinstance(self.server, Trap)
        self.request.settimeout(10)
        self.server.heard.append(self.request.recv(65536))


@contextmanager
def listening() -> Iterator[Trap]:
    with Trap() as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield server
        finally:
            server.shutdown()


@pytest.fixture(scope="module")
def trap() -> Iterator[Trap]:
    with listening() as server:
        yield server


@pytest.fixture(scope="module")
def trapped(browsers: BrowserType, trap: Trap) -> Iterator[Browser]:
    """Whatever a mail asks the network for ends at the port of the trap."""
    with launched(browsers, f"--host-resolver-rules=MAP * 127.0.0.1:{trap.server_address[1]}") as browser:
        yield browser


@pytest.fixture(scope="module")
def gallery(trapped: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    with trapped.new_page(viewport={"width": 1000, "height": 800}) as page:
        mails = {
            view.key: (view.width, LOOKS[view.look](document(view.name, view.sample, view.locale))) for view in VIEWS
        }
        hang(page, mails, tmp_path_factory.mktemp("gallery"))
        yield page


def hang(page: Page, mails: Mapping[str, tuple[int, str]], folder: Path) -> None:
    file = folder / "mails.html"
    file.write_text(page_of(mails), encoding="utf-8")
    patient(page).goto(file.as_uri())


def measured(page: Page, keys: Sequence[str]) -> dict[str, Any]:
    """What Chromium says of each of these mails."""
    found: dict[str, Any] = page.evaluate(MEASURE, keys)
    return found


@pytest.fixture(scope="module", params=["light", "dark"])
def seen(request: pytest.FixtureRequest, gallery: Page) -> dict[str, Any]:
    """What was measured of every view, by its key, in a light and in a dark room."""
    scheme: Any = request.param
    gallery.emulate_media(color_scheme=scheme)
    found = measured(gallery, [view.key for view in VIEWS if scheme == "light" or view.look == "as it is"])
    assert {told["scheme"] for told in found.values()} == {scheme}
    return found


def wrong(seen: dict[str, Any], faults: Callable[[dict[str, Any]], object]) -> dict[str, object]:
    """The views in which something is wrong, with what it is."""
    return {key: found for key, told in seen.items() if (found := faults(told))}


def too_wide(told: dict[str, Any]) -> bool:
    return bool(told["width"] > told["room"])


def pale(told: dict[str, Any]) -> list[Any]:
    return [text for text in told["texts"] if text["contrast"] < (CONTRAST_LARGE if text["large"] else CONTRAST)]


def mistaken(told: dict[str, Any]) -> bool:
    dark = told["scheme"] == "dark" or told["marked"]
    return bool(told["background"] > 0.05 if dark else told["background"] < 0.8)


def blind(told: dict[str, Any]) -> list[Any]:
    return [image for image in told["images"] if image["alt"] is None or not image["shown"]]


def missed(told: dict[str, Any]) -> list[Any]:
    return [link for link in told["links"] if not link["words"] or (link["button"] and link["height"] < TARGET)]


def test_nothing_is_wider_than_the_screen(seen: dict[str, Any]) -> None:
    assert not wrong(seen, too_wide)


def test_every_text_has_the_contrast_that_eyes_need(seen: dict[str, Any]) -> None:
    assert not wrong(seen, pale)
    assert all(len(told["texts"]) > 4 for told in seen.values())


def test_the_dark_is_dark_and_the_light_is_light(seen: dict[str, Any]) -> None:
    assert not wrong(seen, mistaken)


def test_images_say_what_they_are_and_are_there(seen: dict[str, Any]) -> None:
    assert not wrong(seen, blind)
    assert all(told["images"] for told in seen.values())


def test_links_have_words_and_buttons_are_big_enough_for_a_thumb(seen: dict[str, Any]) -> None:
    assert not wrong(seen, missed)
    assert any(link["button"] for told in seen.values() for link in told["links"])


def test_a_mail_names_its_language_and_its_direction(seen: dict[str, Any]) -> None:
    for key, told in seen.items():
        locale = key.split("/")[1]
        assert (told["lang"], told["dir"]) == (locale, "rtl" if locale == "ar" else "ltr"), key


def test_the_preheader_is_seen_by_nobody_who_reads_the_mail(seen: dict[str, Any]) -> None:
    assert not wrong(seen, lambda told: not told["preheader_hidden"])


def test_data_is_no_markup(seen: dict[str, Any]) -> None:
    assert not wrong(seen, lambda told: told["scripts"])


def test_nobody_is_told_that_a_mail_is_read(seen: dict[str, Any], trap: Trap) -> None:
    """Neither the browser's own list of what it fetched, nor the trap knows of a request; its own errands name other hosts."""
    assert not wrong(seen, lambda told: told["fetched"])
    assert not trap.names(".example")


WORST = (
    '<html lang="en"><body><p style="color:#999">pale</p><h1 style="background:#888">{0}</h1>'
    '<img src="https://tracker.test/a.png"><a class="t-button" href="https://x.example">go</a><a href="https://x.example"></a>'
    "<script>0</script>"
)


def test_what_is_wrong_would_be_seen(trapped: Browser, trap: Trap, tmp_path: Path) -> None:
    with trapped.new_page() as page:
        hang(page, {"worst": (320, WORST.format("x" * 99))}, tmp_path)
        found = measured(page, ["worst"])["worst"]
    assert too_wide(found)
    assert [text["words"] for text in pale(found)] == ["pale"]
    assert mistaken(found)
    assert len(blind(found)) == 1
    assert len(missed(found)) == 2
    assert found["fetched"] == ["https://tracker.test/a.png"]
    assert found["scripts"] == 1
    assert not found["preheader_hidden"]
    assert trap.names("tracker.test")
