"""One browser for each file of tests; each test has a context of its own: its cookies, its cache, its tab."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest
from chromium import driver, launched, listened, with_a_profile

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext, BrowserType, Page


@pytest.fixture(scope="module")
def browsers() -> Iterator[BrowserType]:
    with driver() as started:
        yield started


@pytest.fixture(scope="module")
def chromium(browsers: BrowserType) -> Iterator[Browser]:
    with launched(browsers) as browser:
        yield browser


@pytest.fixture(scope="module")
def everyday(browsers: BrowserType, tmp_path_factory: pytest.TempPathFactory) -> Iterator[BrowserContext]:
    with with_a_profile(browsers, tmp_path_factory.mktemp("profile")) as context:
        yield context


@pytest.fixture
def complaints() -> Iterator[list[str]]:
    """What pages have written to the browser's console. A test that expects some takes them out."""
    said: list[str] = []
    yield said
    assert said == []


@pytest.fixture
def room(chromium: Browser) -> Iterator[BrowserContext]:
    with chromium.new_context() as context:
        yield context


@pytest.fixture
def tab(room: BrowserContext, complaints: list[str]) -> Page:
    return listened(room.new_page(), complaints)


@pytest.fixture
def everyday_tab(everyday: BrowserContext, complaints: list[str]) -> Iterator[Page]:
    """Of a browser with a profile: only such a one connects ahead."""
    with everyday.new_page() as page:
        yield listened(page, complaints)
