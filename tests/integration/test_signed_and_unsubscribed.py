"""Signed mails on their way, and the endpoint at the end of their links, with a real worker and a real store."""

from __future__ import annotations

import asyncio
import shutil
import time
from collections.abc import Callable, Iterator
from dataclasses import replace

import httpx
import pytest
from signing_keys import ed25519_key, ed25519_pem, rsa_key, rsa_pem, verified
from workers import Plant, plant, wait_until

from notifier import send_bulk, send_email, unsubscribe_asgi, unsubscribe_wsgi
from notifier.errors import ConfigurationError, ContextMismatch, Phase
from notifier.model.state import MailState
from notifier.tasks.runtime import configure, runtime
from notifier.testing import Script
from notifier.testing.mailbox import CaughtMail
from notifier.testing.script import Action

KEYS = [rsa_key("shop.example"), ed25519_key("shop.example")]
SCRIPT = Script()
FORM = {"List-Unsubscribe": "One-Click"}
Post = Callable[[str], httpx.Response]


@pytest.fixture(scope="module")
def works(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Plant]:
    folder = tmp_path_factory.mktemp("signed")
    for name, pem in (("rsa.pem", rsa_pem()), ("ed25519.pem", ed25519_pem())):
        (folder / name).write_text(pem)
        (folder / name).chmod(0o600)
    news = folder / "templates" / "news"
    news.mkdir(parents=True)
    (news / "subject.txt.j2").write_text("News")
    (news / "text.txt.j2").write_text("No more of it: {{ unsubscribe_url }}\n")
    linked = folder / "templates" / "linked"
    shutil.copytree(news, linked)
    (linked / "meta.json").write_text('{"mail_class": "bulk", "schema": {"required": ["unsubscribe_url"]}}')
    with plant(
        folder,
        SCRIPT,
        NOTIFIER_FROM="shop@mail.shop.example",
        NOTIFIER_TEMPLATES=str(folder / "templates"),
        NOTIFIER_DKIM=f"shop.example:r1:{folder}/rsa.pem shop.example:e1:{folder}/ed25519.pem",
        NOTIFIER_UNSUBSCRIBE_URL="https://shop.example/unsubscribe",
        NOTIFIER_UNSUBSCRIBE_KEYS=f"2026:{'s' * 32}",
    ) as made:
        made.start_worker()
        yield made


def caught(works: Plant, mail_id: str) -> list[CaughtMail]:
    return [mail for mail in works.server.mailbox if mail_id in mail.message_id]


def news(works: Plant, to: str) -> tuple[str, str]:
    """The mail's id, and the link in it."""
    (row,) = send_bulk(template="news", recipients=[{"to": to}])
    assert row.result is not None
    works.settle([row.result.id], MailState.SENT)
    (mail,) = caught(works, row.result.id)
    return row.result.id, str(mail.message["List-Unsubscribe"])[1:-1]


def test_a_mail_arrives_signed_and_with_a_link_that_its_text_shows(works: Plant) -> None:
    mail_id, link = news(works, "ann@example.com")
    (mail,) = caught(works, mail_id)
    assert verified(mail.data, KEYS) == [True, True]
    assert mail.message["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert link in mail.text()


def test_a_link_that_the_schema_requires_is_supplied_and_where_there_will_be_none_the_call_is_refused(
    works: Plant,
) -> None:
    mail_id = send_email.delay(template="linked", to="linked@example.com").id
    works.settle([mail_id], MailState.SENT)
    (mail,) = caught(works, mail_id)
    assert str(mail.message["List-Unsubscribe"])[1:-1] in mail.text()
    with pytest.raises(ContextMismatch, match="unsubscribe_url is missing"):
        send_email.delay(template="linked", to=["one@example.com", "two@example.com"])


def test_a_mail_that_is_sent_once_more_is_the_same_octets(works: Plant) -> None:
    SCRIPT.at(Phase.FINAL_REPLY, Action.LOSE_REPLY, times=1)
    mail_id = send_email.delay(template="welcome", to="twice@example.com", context={"name": "Zoë"}).id
    wait_until(lambda: works.status(mail_id).unknowns == 1, "nobody knows whether it has arrived")
    runtime().store.reschedule(mail_id, time.time())  # and not when a lost worker's time would be over
    works.settle([mail_id], MailState.SENT)
    first, second = caught(works, mail_id)
    assert first.data == second.data
    assert first.message_id == f"<{mail_id}@mail.shop.example>"
    assert verified(first.data, KEYS) == [True, True]


def by_flask(link: str) -> httpx.Response:
    from flask import Flask
    from werkzeug.middleware.dispatcher import DispatcherMiddleware

    mounted = DispatcherMiddleware(Flask("shop").wsgi_app, {"/unsubscribe": unsubscribe_wsgi})
    with httpx.Client(transport=httpx.WSGITransport(app=mounted)) as http:
        return http.post(link, data=FORM)


def by_django(link: str) -> httpx.Response:
    from django.conf import settings
    from django.core.wsgi import get_wsgi_application
    from django.test.utils import override_settings

    if not settings.configured:  # another test of this process may have done it
        settings.configure()
    django = get_wsgi_application()

    def application(environ: dict[str, object], start_response: Callable[..., object]) -> object:
        app = unsubscribe_wsgi if environ["PATH_INFO"] == "/unsubscribe" else django
        return app(environ, start_response)

    asked = {"ALLOWED_HOSTS": ["shop.example"], "ROOT_URLCONF": ()}
    with (
        override_settings(**asked),
        httpx.Client(transport=httpx.WSGITransport(app=application)) as http,  # type: ignore[arg-type]
    ):
        assert http.get("https://shop.example/elsewhere").status_code == 404
        return http.post(link, data=FORM)


def by_starlette(link: str) -> httpx.Response:
    from starlette.applications import Starlette
    from starlette.routing import Route

    async def asked() -> httpx.Response:
        mounted = Starlette(routes=[Route("/unsubscribe", unsubscribe_asgi)])
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app=mounted), follow_redirects=False) as http:
            return await http.post(link, data=FORM)

    return asyncio.run(asked())


def by_asgi_alone(link: str) -> httpx.Response:
    async def asked() -> httpx.Response:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app=unsubscribe_asgi)) as http:
            return await http.post(link, data=FORM)

    return asyncio.run(asked())


@pytest.mark.parametrize("post", [by_flask, by_django, by_starlette, by_asgi_alone])
def test_one_click_ends_the_news_and_nothing_else(works: Plant, post: Post) -> None:
    zoe = f"zoe.{post.__name__}@example.com"
    mail_id, link = news(works, zoe)
    answer = post(link)
    assert (answer.status_code, answer.headers.get("location")) == (200, None)
    (entry,) = (one for one in runtime().store.suppression.all() if one.address == zoe)
    assert (entry.reason, entry.mailing_list, entry.mail_id) == ("unsubscribed", "default/bulk", mail_id)
    (more,) = send_bulk(template="news", recipients=[{"to": zoe}])
    reset = send_email.delay(template="welcome", to=zoe, context={"name": "Zoë"}, mail_class="otp")
    assert more.result is not None
    works.settle([more.result.id], MailState.FAILED)
    works.settle([reset.id], MailState.SENT)
    assert works.status(more.result.id).recipients == {zoe: "suppressed"}
    assert works.status(reset.id).recipients == {zoe: "accepted"}


def test_a_scanner_that_opens_the_link_ends_nothing(works: Plant) -> None:
    _, link = news(works, "scanned@example.com")
    with httpx.Client(transport=httpx.WSGITransport(app=unsubscribe_wsgi)) as http:
        assert http.get(link).status_code == 200
    assert runtime().store.suppressed(["scanned@example.com"], "default/bulk") == {}
    news(works, "scanned@example.com")


def test_without_the_settings_the_endpoint_says_what_is_missing(works: Plant) -> None:
    before = runtime().settings
    configure(replace(before, unsubscribe=None))
    try:
        with pytest.raises(ConfigurationError, match="NOTIFIER_UNSUBSCRIBE_URL"):
            unsubscribe_wsgi({"REQUEST_METHOD": "GET", "QUERY_STRING": ""}, lambda *_: None)
    finally:
        configure(before)
