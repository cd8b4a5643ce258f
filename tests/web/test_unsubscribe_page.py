"""The endpoint of RFC 8058: what a mailbox provider posts, what people and scanners open, and who tries what he must not."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import io
import logging
import re
from collections.abc import Callable
from dataclasses import fields, replace
from typing import Any
from wsgiref.validate import validator

import httpx
import pytest

from notifier.delivery.signatures import SigningKey
from notifier.delivery.unsubscribing import Unsubscription, made
from notifier.errors import StoreUnavailable
from notifier.model.ids import new_mail_id
from notifier.model.secret import Secret
from notifier.unsubscribe import ASGI, WSGI, Desk
from notifier.unsubscribe.desk import MAX_BODY
from notifier.unsubscribe.words import ENGLISH, LANGUAGES, language_for

KEY = SigningKey("2026", Secret("s" * 32))
NOW = 1_800_000_000.0
ZOE = Unsubscription("zoe@example.com", "default/bulk", new_mail_id())
TOKEN = made(ZOE, KEY)
FORM = {"List-Unsubscribe": "One-Click"}
Client = Callable[..., httpx.Response]


@pytest.fixture
def gone() -> list[Unsubscription]:
    return []


@pytest.fixture(params=["wsgi", "asgi"])
def ask(request: pytest.FixtureRequest, gone: list[Unsubscription]) -> Client:
    desk = Desk([KEY], gone.append, clock=lambda: NOW)
    return client(request.param, desk)


def client(kind: str, desk: Desk) -> Client:
    def by_wsgi(method: str, token: str = TOKEN, **more: Any) -> httpx.Response:
        transport = httpx.WSGITransport(app=validator(WSGI(lambda: desk)))
        with httpx.Client(transport=transport, base_url="https://shop.example") as http:
            return http.request(method, f"/unsubscribe?t={token}", **more)

    def by_asgi(method: str, token: str = TOKEN, **more: Any) -> httpx.Response:
        async def asked() -> httpx.Response:
            transport = httpx.ASGITransport(app=ASGI(lambda: desk))
            async with httpx.AsyncClient(transport=transport, base_url="https://shop.example") as http:
                return await http.request(method, f"/unsubscribe?t={token}", **more)

        return asyncio.run(asked())

    return by_wsgi if kind == "wsgi" else by_asgi


def test_one_click_of_a_mailbox_provider_unsubscribes(ask: Client, gone: list[Unsubscription]) -> None:
    answer = ask("POST", data=FORM)
    assert answer.status_code == 200
    assert gone == [ZOE]
    assert not {"set-cookie", "location"} & set(answer.headers)


def test_the_form_may_come_in_parts(ask: Client, gone: list[Unsubscription]) -> None:
    """RFC 8058 section 3 prefers multipart/form-data."""
    assert ask("POST", files={"List-Unsubscribe": (None, "One-Click")}).status_code == 200
    assert gone == [ZOE]


def test_the_same_click_once_more_is_as_good(ask: Client) -> None:
    assert [ask("POST", data=FORM).status_code for _ in range(2)] == [200, 200]


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_a_scanner_that_follows_the_link_unsubscribes_nobody(
    ask: Client, gone: list[Unsubscription], method: str
) -> None:
    answer = ask(method)
    assert answer.status_code == 200
    assert gone == []
    assert bool(answer.content) == (method == "GET")


def test_the_page_has_a_form_that_says_what_a_provider_says(ask: Client, gone: list[Unsubscription]) -> None:
    page = ask("GET").text
    name, value = re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]+)">', page)[0]
    assert '<form method="post">' in page
    assert "<button" in page
    assert 'lang="en"' in page
    assert ask("POST", data={name: value}).status_code == 200
    assert gone == [ZOE]


@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize(
    "token",
    ["", "2026.AAAA", f"{TOKEN}AAAA", "%00%ff", "x" * 5000, "&" * 100],
    ids=["nothing", "too short", "longer", "no text", "too long", "signs"],
)
def test_a_link_that_is_none_is_told_so(ask: Client, gone: list[Unsubscription], method: str, token: str) -> None:
    answer = ask(method, token, **({"data": FORM} if method == "POST" else {}))
    assert (answer.status_code, gone) == (404, [])
    assert "not whole" in answer.text


def test_a_link_whose_time_is_over_is_told_so(ask: Client, gone: list[Unsubscription]) -> None:
    answer = ask("POST", made(replace(ZOE, expires_at=int(NOW) - 1), KEY), data=FORM)
    assert (answer.status_code, gone) == (400, [])
    assert "too old" in answer.text


@pytest.mark.parametrize(
    "more",
    [
        {},
        {"data": {"List-Unsubscribe": "no"}},
        {"data": {"other": "One-Click"}},
        {"content": b"List-Unsubscribe=One-Click&List-Unsubscribe=no"},
        {"content": b"&" * 100 + b"List-Unsubscribe=One-Click"},
        {"content": b"\xff\xfe"},
        {"files": {"other": (None, "One-Click")}},
        {"content": b"--x\r\n", "headers": {"Content-Type": "multipart/form-data"}},
    ],
)
def test_a_post_without_the_words_changes_nothing(ask: Client, gone: list[Unsubscription], more: Any) -> None:
    assert (ask("POST", **more).status_code, gone) == (400, [])


def test_a_big_body_is_refused(ask: Client, gone: list[Unsubscription]) -> None:
    answer = ask("POST", content=b"List-Unsubscribe=One-Click&x=" + b"x" * MAX_BODY)
    assert (answer.status_code, gone) == (413, [])


@pytest.mark.parametrize("method", ["PUT", "DELETE", "OPTIONS"])
def test_other_methods_are_told_which_there_are(ask: Client, method: str) -> None:
    answer = ask(method)
    assert (answer.status_code, answer.headers["allow"]) == (405, "GET, HEAD, POST")


@pytest.mark.parametrize("kind", ["wsgi", "asgi"])
def test_a_store_that_is_away_is_not_told_as_done(kind: str, caplog: pytest.LogCaptureFixture) -> None:
    def away(_: Unsubscription) -> None:
        raise StoreUnavailable("away")

    answer = client(kind, Desk([KEY], away))("POST", data=FORM)
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "300")
    assert ZOE.mail_id in caplog.text


def test_the_log_names_mail_and_list_and_no_address(ask: Client, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, "notifier"):
        ask("POST", data=FORM)
    assert f"mail {ZOE.mail_id}: its recipient has unsubscribed from default/bulk" in caplog.text
    assert "zoe" not in caplog.text


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_no_answer_shows_the_whole_address(ask: Client, method: str) -> None:
    answer = ask(method, **({"data": FORM} if method == "POST" else {}))
    assert "z…@example.com" in answer.text
    assert "zoe" not in answer.text


def test_an_address_that_is_markup_stays_text() -> None:
    token = made(replace(ZOE, address='"<b>"@example.com'), KEY)
    assert (
        "&lt;" not in client("wsgi", Desk([KEY], print))("GET", token).text
    )  # one character of it is shown: the quote
    assert "&quot;…@example.com" in client("wsgi", Desk([KEY], print))("GET", token).text


def test_the_page_may_load_nothing_and_its_link_goes_nowhere(ask: Client) -> None:
    answer = ask("GET")
    style = re.findall(r"<style>(.*)</style>", answer.text)[0]
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    rules = answer.headers["content-security-policy"]
    assert "default-src 'none'" in rules
    assert f"'sha256-{digest}'" in rules
    assert answer.headers["referrer-policy"] == "no-referrer"
    assert answer.headers["cache-control"] == "no-store"


def test_a_length_that_is_none_is_refused_before_anything_is_read() -> None:
    class Unread(io.BytesIO):
        def read(self, *_: object) -> bytes:
            raise AssertionError("it was read")

    told: list[str] = []
    environ = {"REQUEST_METHOD": "POST", "CONTENT_LENGTH": "-1", "wsgi.input": Unread()}
    WSGI(lambda: Desk([KEY], print))(environ, lambda status, _: told.append(status))
    assert told[0].startswith("413 ")


def test_a_body_without_end_is_read_no_further_than_it_may_be() -> None:
    asked: list[int] = []
    sent: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        asked.append(1)
        return {"type": "http.request", "body": b"x" * 1024, "more_body": True}

    async def send(event: Any) -> None:
        sent.append(event)

    scope = {"type": "http", "method": "POST", "query_string": f"t={TOKEN}".encode(), "headers": []}
    asyncio.run(ASGI(lambda: Desk([KEY], print))(scope, receive, send))
    assert (sent[0]["status"], len(asked)) == (413, MAX_BODY // 1024 + 1)


def test_what_is_no_request_is_left_alone() -> None:
    told: list[object] = []

    async def receive() -> dict[str, Any]:
        told.append("something is read")
        return {"type": "lifespan.startup"}

    async def send(event: Any) -> None:
        told.append(event)

    asyncio.run(ASGI(lambda: Desk([KEY], told.append))({"type": "lifespan"}, receive, send))
    assert told == []


@pytest.mark.parametrize("status", [200, 404])
@pytest.mark.parametrize("language", LANGUAGES)
def test_the_pages_are_in_the_readers_language(ask: Client, language: str, status: int) -> None:
    answer = ask("GET", TOKEN if status == 200 else "none", headers={"Accept-Language": f"{language}-AT,xx;q=0.5"})
    words = LANGUAGES[language].question if status == 200 else LANGUAGES[language].no_token
    assert answer.status_code == status
    assert f'<html lang="{language}">' in answer.text
    assert f"<h1>{words.title}</h1>" in answer.text
    assert (answer.headers["content-language"], answer.headers["vary"]) == (language, "Accept-Language")


def test_a_reader_clicks_in_his_language_and_a_provider_in_none(ask: Client, gone: list[Unsubscription]) -> None:
    german = {"Accept-Language": "de"}
    assert "Abmelden</button>" in ask("GET", headers=german).text
    assert "z…@example.com gehen keine" in ask("POST", data=FORM, headers=german).text
    assert "No more of these mails" in ask("POST", data=FORM, headers={"Accept-Language": ""}).text
    assert gone == [ZOE, ZOE]


@pytest.mark.parametrize(
    ("accepted", "name"),
    [
        ("", "en"),
        ("de", "de"),
        ("DE-at", "de"),
        ("fr, de", "de"),
        ("en, de", "en"),
        ("en;q=0.2, de;q=0.3", "de"),
        ("en;q=0.2,de ; q=0.200", "en"),
        ("de;q=0, fr", "en"),
        ("de;q=2, en;q=0.1", "en"),
        ("de;q=nan", "en"),
        ("*", "en"),
        ("deutsch", "en"),
        ("de-", "en"),
        ("fr," * 400 + "de", "en"),
        (";;q=,,\x00, de\r\nX: y", "en"),
    ],
)
def test_of_what_is_accepted_the_language_is_taken_that_is_liked_best(accepted: str, name: str) -> None:
    assert language_for(accepted).name == name


def test_every_page_is_in_every_language() -> None:
    """And none is left as it is in English."""
    for other in set(LANGUAGES.values()) - {ENGLISH}:
        for field in fields(ENGLISH):
            assert getattr(other, field.name) != getattr(ENGLISH, field.name)
            assert str(getattr(other, field.name)).count("{}") == str(getattr(ENGLISH, field.name)).count("{}")
