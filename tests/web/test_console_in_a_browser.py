"""The operator's console in a real browser: on a phone, in the dark, by keyboard; and its pictures for the documentation."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import redis
from chromium import last_words, look, patient, pictured
from console_ground import console, fail, lose_the_last_word, taken, write_template
from workers import Plant, plant

from notifier import send_email
from notifier.console.operator_page.serving import ConsolePage
from notifier.model.breaker import BreakerRule
from notifier.model.outcome import RecipientState
from notifier.model.pause import Pause
from notifier.model.state import MailState
from notifier.model.worker import WorkerRecord
from notifier.pool.relays import place_of
from notifier.store.base import Epoch, Settlement
from notifier.store.tallies import EPOCH
from notifier.tasks.runtime import runtime

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext, Page

MEASURE = (Path(__file__).parent / "measure_page.js").read_text(encoding="utf-8")
WORKER = WorkerRecord(
    "mail-1:4711:a1b2c3",
    "celery@mail-1",
    "mail-1",
    4711,
    "0.1.0",
    started_at=time.time() - 3600,
    queues=("mail", "mail.urgent"),
    concurrency=4,
    busy=1,
    pool_kind="prefork",
)


def send(to: str, **more: object) -> str:
    context = {"name": "Zoë", "code": "42"}
    mail_id: str = send_email.apply_async(kwargs={"template": "welcome", "to": to, "context": context, **more}).id
    return mail_id


def accept(queue: str) -> None:
    claim = taken(queue)
    runtime().store.begin_dot([claim])
    everybody = dict.fromkeys(claim.recipients, RecipientState.ACCEPTED)
    runtime().store.settle(
        [
            Settlement(
                claim, MailState.SENT, recipients=everybody, reply="250 2.0.0 queued as 4F1", relay="relay.example:25"
            )
        ]
    )


@pytest.fixture(scope="module")
def works(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Plant]:
    """A store with something of everything; no worker is needed to look at it."""
    folder = tmp_path_factory.mktemp("console")
    hostile = "<p>Hello<script>parent.document.title = 'taken over'</script><form action='/leave' method='post'></form>"
    write_template(folder / "templates", "hostile", subject="Hi", text="Hi", html=hostile)
    with plant(folder, NOTIFIER_TEMPLATES=str(folder / "templates")) as made:
        store = runtime().store
        store.register_worker(WORKER, ttl=3600)
        for number in range(12):
            send(f"reader{number}@example.com")
            accept("mail")
        for number in range(3):
            send(f"nobody{number}@example.com")
            fail("mail", "5.1.1 No such user here")
        send("ann@example.com", mail_class="bulk")
        lose_the_last_word("mail.bulk")
        send("ben@example.com", mail_class="bulk")
        store.pause(Pause("queue", "mail.bulk"), "until the list is cleaned")
        store.suppress("gone@example.com", "5.1.1 No such user here")
        (endpoint,) = runtime().settings.endpoints
        for token in ("one", "two"):
            store.connections.connect(endpoint.name, f"{token} {WORKER.place}", None)
        store.breakers.bad(place_of(endpoint), "host", BreakerRule(consecutive=1, first=300), "C1 connection refused")
        for days in range(1, 14):  # as the settlements of those days have written them
            tally(days, sent=40 + 37 * days % 60, deferred=days % 5, failed=days % 4)
        yield made


def tally(days_ago: int, **counts: int) -> None:
    day = (datetime.now(UTC).date() - EPOCH).days - days_ago
    with redis.Redis.from_url(runtime().settings.store_url.reveal()) as client:
        for state, count in counts.items():
            client.hset(f"notifier:{{mail}}:tally:{day}", f"{state} example.com welcome", count)


@pytest.fixture(scope="module")
def page(works: Plant) -> Iterator[ConsolePage]:
    with console(show_bodies=True) as served:
        yield served


@pytest.fixture(scope="module")
def signed_in(chromium: Browser, page: ConsolePage) -> Any:
    """What a browser keeps that has opened the link."""
    with chromium.new_context() as context:
        tab = patient(context.new_page())
        tab.goto(page.link)
        tab.wait_for_url(page.url)
        return context.storage_state()


@pytest.fixture
def room(chromium: Browser, signed_in: Any) -> Iterator[BrowserContext]:
    with chromium.new_context(storage_state=signed_in) as context:
        yield context


@pytest.fixture(scope="module")
def places(works: Plant) -> list[str]:
    store = runtime().store
    (dead, *_), (parked,) = store.list_mails("mail", MailState.FAILED), store.list_mails("mail.bulk", MailState.PARKED)
    (waiting,) = store.list_mails("mail.bulk", MailState.WAITING)
    mails = [f"/mail/{mail.mail_id}" for mail in (dead, parked, waiting)]
    lists = ["/search", "/search?by=recipient&q=example.com", "/dead", "/unknown", "/suppression"]
    return ["/", *lists, *mails, "/templates", "/templates/welcome", "/reports", "/pauses", "/mail/gone"]


def address(page: ConsolePage, path: str) -> str:
    return page.url.rstrip("/") + path


@pytest.mark.parametrize(
    ("name", "path", "size", "dark"),
    [
        ("console-overview", "/", (1280, 1350), False),
        ("console-dead-letters", "/dead", (1280, 700), False),
        ("console-mail", "mail", (1280, 1350), True),
        ("console-phone", "/", (320, 900), True),
    ],
)
def test_pictures_are_made_for_the_documentation(
    tab: Page, page: ConsolePage, places: list[str], name: str, path: str, size: tuple[int, int], dark: bool
) -> None:
    width, height = size
    look(tab, address(page, places[6] if path == "mail" else path), width=width, height=height, dark=dark)
    pictured(tab, name)


def test_no_script_sees_the_session(tab: Page, page: ConsolePage) -> None:
    look(tab, page.url)
    assert tab.evaluate("document.cookie") == ""
    assert tab.evaluate("document.scripts.length") == 0


@pytest.mark.parametrize(("width", "dark"), [(320, False), (1280, True)], ids=["phone", "dark"])
def test_every_page_is_readable(
    tab: Page, page: ConsolePage, places: list[str], complaints: list[str], width: int, dark: bool
) -> None:
    runtime().store.look(Epoch("e" * 32, 7))  # an alarm is to be seen too
    for path in places:
        look(tab, address(page, path), width=width, dark=dark)
        tab.evaluate("document.querySelectorAll('details').forEach(one => one.open = true)")
        found = tab.evaluate(MEASURE)
        assert not found["wide"], path
        assert found["faint"] == [], path
        assert found["unnamed"] == [], path
        assert found["small"] == [], path
        assert found["twice"] == [], path
        assert found["headings"] == 1, path
    complaints += [one for one in last_words(tab, complaints) if "404" not in one]  # the mail that is gone


FOCUS = """(() => { const one = document.activeElement, style = getComputedStyle(one), box = one.getBoundingClientRect();
return {words: (one.innerText || one.name || one.title || one.ariaLabel || '').trim(), tag: one.tagName, value: one.value ?? '',
ring: style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) > 0, seen: box.right > 0 && box.bottom > 0} })()"""


def test_the_keyboard_reaches_everything_and_shows_where_it_is(tab: Page, page: ConsolePage) -> None:
    for path in ("/", "/dead"):
        look(tab, address(page, path), height=4000)
        stops = []
        for _ in range(tab.evaluate(MEASURE)["focusable"]):
            tab.keyboard.press("Tab")
            stops.append(tab.evaluate(FOCUS))
        assert stops[0]["words"] == "To the content"
        assert all(stop["seen"] for stop in stops), path
        assert [stop for stop in stops if not stop["ring"] and stop["tag"] != "IFRAME"] == [], path
        assert "BODY" not in {stop["tag"] for stop in stops}, path


def test_the_link_to_the_content_jumps_over_the_bar(tab: Page, page: ConsolePage) -> None:
    look(tab, address(page, "/pauses"))
    tab.keyboard.press("Tab")
    tab.keyboard.press("Enter")
    tab.keyboard.press("Tab")
    assert tab.evaluate("document.activeElement.closest('main') !== null")


def test_a_dead_letter_is_discarded_by_keyboard_alone(tab: Page, page: ConsolePage) -> None:
    send("somebody@example.com", mail_class="otp")
    mail_id = fail("mail.urgent")
    look(tab, address(page, "/dead?queue=mail.urgent"))
    reach(tab, "INPUT", mail_id)
    tab.keyboard.press("Space")
    reach(tab, "BUTTON", "Discard")
    tab.keyboard.press("Enter")
    tab.locator(".notices", has_text="1 mail is discarded now.").wait_for()
    assert runtime().store.counts("mail.urgent")[MailState.DISCARDED] == 1


def reach(tab: Page, tag: str, words: str) -> None:
    for _ in range(60):
        tab.keyboard.press("Tab")
        found = tab.evaluate(FOCUS)
        if found["tag"] == tag and words in (found["words"], found["value"]):
            return
    raise AssertionError(f"no {tag} {words} was reached")


def test_what_a_template_makes_is_powerless(tab: Page, page: ConsolePage, complaints: list[str]) -> None:
    look(tab, address(page, "/templates/hostile"))
    assert tab.evaluate("document.title") == "hostile · Notifier"
    assert tab.evaluate("document.querySelector('iframe').contentDocument") is None
    look(tab, address(page, "/templates/hostile/frame"))  # by itself it is as powerless
    assert tab.evaluate("document.title") == ""
    assert any("script" in one.lower() for one in last_words(tab, complaints))


def test_a_mail_shows_its_pictures_in_its_frame(tab: Page, page: ConsolePage, places: list[str]) -> None:
    (mail_id,) = {path.rpartition("/")[2] for path in places[6:7]}
    look(tab, address(page, f"/mail/{mail_id}/frame"))
    assert tab.evaluate("document.images[0].naturalWidth") > 0
