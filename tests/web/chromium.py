"""A real Chromium, driven by Playwright."""

from __future__ import annotations

import os
import select
import shutil
import socket
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext, BrowserType, Page

PATIENCE = 120_000  # milliseconds until what is waited for is given up; nothing is measured by it
PICTURES = Path(__file__).resolve().parents[2] / "docs" / "images"
# QUIC would look for servers over UDP, which no trap of ours hears.
FLAGS = ("--disable-quic",)


@contextmanager
def driver() -> Iterator[BrowserType]:
    """Starts Chromium. Not for a whole session: meanwhile ``asyncio.run``, which tests of other files call, is refused in its thread."""
    needed_program()
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        yield playwright.chromium


def needed_program() -> str:
    """Debian's Chromium; Playwright's own is never fetched. Where it or Playwright is missing a test is skipped, and in CI it fails."""
    found = shutil.which("chromium")
    try:
        import playwright.sync_api  # noqa: F401 - whether it is there is asked
    except ModuleNotFoundError:
        found = None
    if found is None:
        assert not os.environ.get("CI"), "CI has Chromium and Playwright: tests/install_servers.sh installs them"
        pytest.skip("no Chromium or no Playwright here; NOTIFIER_INSTALL_SERVERS=1 make test installs them")
    return found


@contextmanager
def launched(driver: BrowserType, *flags: str) -> Iterator[Browser]:
    """A browser whose contexts are all private."""
    with driver.launch(executable_path=needed_program(), args=[*FLAGS, *flags], timeout=PATIENCE) as browser:
        yield browser


@contextmanager
def with_a_profile(driver: BrowserType, folder: Path) -> Iterator[BrowserContext]:
    """A browser as people have it: a private context does not connect ahead of a click."""
    program = needed_program()
    with driver.launch_persistent_context(folder, executable_path=program, args=FLAGS, timeout=PATIENCE) as context:
        yield context


def patient(tab: Page) -> Page:
    """Which waits on a machine that has much else to do."""
    tab.set_default_timeout(PATIENCE)
    return tab


def listened(tab: Page, complaints: list[str]) -> Page:
    """Whose complaints in the browser's console, and errors of scripts, are written down."""
    tab.on("console", lambda message: complaints.append(message.text))
    tab.on("pageerror", lambda error: complaints.append(str(error)))
    return patient(tab)


def last_words(tab: Page, complaints: list[str]) -> list[str]:
    """All that it has complained of, taken out of the list; the tab is closed, for a frame may complain when its page is loaded."""
    tab.close()
    said = list(complaints)
    complaints.clear()
    return said


def look(tab: Page, url: str, *, width: int = 1280, height: int = 900, dark: bool = False) -> None:
    """Open a page, and wait until all of it is loaded."""
    tab.set_viewport_size({"width": width, "height": height})
    tab.emulate_media(color_scheme="dark" if dark else "light")
    tab.goto(url)


def pictured(tab: Page, name: str) -> None:
    """For the documentation: made anew where NOTIFIER_SCREENSHOTS is set; else where it is not there."""
    file = PICTURES / f"{name}.png"
    if os.environ.get("NOTIFIER_SCREENSHOTS") or not file.exists():
        tab.screenshot(path=file)
    assert file.read_bytes().startswith(b"\x89PNG")
    assert file.stat().st_size < 250_000


@contextmanager
def untold(tab: Page) -> Iterator[str]:
    """The address of somebody who is to hear nothing of what the tab opens meanwhile; the tab is of a browser with a profile.

    A browser connects behind the load. So it is led to somebody else afterwards, who must hear of it: it does connect here, and
    what was on its way before has come.
    """
    with (
        closing(socket.create_server(("127.0.0.1", 0))) as stranger,
        closing(socket.create_server(("127.0.0.1", 0))) as other,
    ):
        yield address(stranger)
        with tab.context.new_page() as afterwards:
            afterwards.set_content(f'<link rel="preconnect" href="{address(other)}">')
            other.settimeout(PATIENCE / 1000)
            other.accept()[0].close()
        assert not select.select([stranger], [], [], 0)[0], "somebody is told that the mail is read"


def address(server: socket.socket) -> str:
    return f"http://127.0.0.1:{server.getsockname()[1]}/"
