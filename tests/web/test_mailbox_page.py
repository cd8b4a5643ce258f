"""The page on which caught mail is read: over HTTP, and in a real browser where there is one."""

from __future__ import annotations

import re
import ssl
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import httpx
import pytest
from chromium import last_words, look, pictured, untold

from notifier.console.mailbox_page import MailboxPage
from notifier.mime import Composition, compose
from notifier.model.address import Address
from notifier.model.content import Attachment, Content, InlineImage
from notifier.model.envelope import Envelope
from notifier.rendering import Renderer, TemplateLibrary, shipped_templates
from notifier.testing import Mailbox

if TYPE_CHECKING:
    from playwright.sync_api import Page

# No page here has TLS: the list of authorities, which each call would read, stays away.
NO_TLS = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
LOGO = (shipped_templates() / "_images" / "logo.png").read_bytes()


def catch(
    mailbox: Mailbox,
    subject: str = "Hello",
    html: str | None = "<p>Hi",
    to: str = "Zoë <zoe@example.com>",
    **more: object,
) -> None:
    image = InlineImage("logo@notifier", "logo.png", "image/png", LOGO)
    catch_content(mailbox, Content(subject, "the text part", html, (image,)), to, **more)


def catch_content(mailbox: Mailbox, content: Content, to: str, **more: object) -> None:
    mail = compose(
        Composition(
            content,
            sender=Address.parse("shop@example.com"),
            to=[Address.parse(to)],
            message_id=f"<{len(mailbox)}@example.com>",
            date=datetime(2026, 11, 3, tzinfo=UTC),
            envelope=Envelope("shop@example.com", ("zoe@example.com",)),
            **more,  # type: ignore[arg-type]
        )
    )
    mailbox.add(
        reverse_path="shop@example.com",
        recipients=("zoe@example.com",),
        data=mail.data,
        helo="x",
        tls="TLSv1.3",
        smtputf8=False,
    )


@pytest.fixture(scope="module")
def page() -> Iterator[MailboxPage]:
    mailbox = Mailbox()
    catch(mailbox, "First <b>subject</b>", '<p>Hi <img src="cid:logo@notifier"><script>alert(1)</script>')
    catch(mailbox, "With a file", attachments=[Attachment('Über"sicht.pdf', "application/pdf", b"%PDF")])
    catch(mailbox, "Only text", html=None)
    for number in range(60):
        catch(mailbox, f"Number {number}", to=f"u{number}@example.com")
    with MailboxPage(mailbox) as served:
        yield served


def get(page: MailboxPage, path: str) -> httpx.Response:
    return httpx.get(page.url.rstrip("/") + path, trust_env=False, verify=NO_TLS, timeout=60)


def test_the_list_has_the_newest_first_fifty_to_a_page(page: MailboxPage) -> None:
    first, second = get(page, "/").text, get(page, "/?page=2").text
    assert "63 mails" in first
    assert first.index("Number 59") < first.index("Number 58")
    assert first.count("<li>") == 50
    assert second.count("<li>") == 13
    assert "2 of 2" in second


@pytest.mark.parametrize(
    ("words", "count"),
    [("number 7", "1 mail with"), ("u7@example.com", "1 mail"), ("text part", "63 mails"), ("nope", "0 mails")],
)
def test_the_search_looks_into_subjects_people_and_text(page: MailboxPage, words: str, count: str) -> None:
    assert count in get(page, f"/?q={words}").text


def test_what_a_mail_says_is_never_markup_of_the_page(page: MailboxPage) -> None:
    text = get(page, "/mail/1").text
    assert "First &lt;b&gt;subject&lt;/b&gt;" in text
    assert "<b>subject" not in text
    assert "<script" not in text


def test_every_tab_of_a_mail(page: MailboxPage) -> None:
    frame = get(page, "/mail/1?tab=html").text
    assert "<iframe" in frame
    assert "sandbox=" in frame
    assert "allow-scripts" not in frame
    assert "allow-same-origin" not in frame
    assert "the text part" in get(page, "/mail/1?tab=text").text
    headers = get(page, "/mail/1?tab=headers").text
    assert "Message-ID" in headers
    assert "&lt;0@example.com&gt;" in headers
    assert "Content-Transfer-Encoding" in get(page, "/mail/1?tab=source").text
    assert "logo.png" in get(page, "/mail/1?tab=attachments").text
    assert "<iframe" not in get(page, "/mail/3").text


def test_the_mails_html_may_do_nothing_and_shows_its_own_images(page: MailboxPage) -> None:
    answer = get(page, "/mail/1/html")
    policy = answer.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert policy.endswith("sandbox")
    (image,) = re.findall(r'src="(/mail/1/image/\d+)"', answer.text)
    shown = get(page, image)
    assert (shown.headers["Content-Type"], shown.content) == ("image/png", LOGO)


def test_a_file_is_saved_and_not_shown(page: MailboxPage) -> None:
    answer = get(page, "/mail/2/file/1")
    assert answer.content == b"%PDF"
    assert answer.headers["Content-Disposition"].lower() == "attachment; filename*=utf-8''%c3%9cber%22sicht.pdf"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    source = get(page, "/mail/1/source")
    assert source.headers["Content-Disposition"].startswith("attachment;")
    assert b"Message-ID: <0@example.com>" in source.content


def test_the_style_and_the_icon_that_the_page_names_are_there(page: MailboxPage) -> None:
    named = re.findall(r'(?:href|src)="(/static/[^"]+)"', get(page, "/").text)
    assert {"/static/base/base.css", "/static/base/icon.svg", "/static/mailbox.css"} <= set(named)
    assert {get(page, path).status_code for path in named} == {200}


@pytest.mark.parametrize(
    "path",
    [
        "/mail/0",
        "/mail/999",
        "/mail/x",
        "/mail/1/file/99",
        "/mail/2/image/1",
        "/nope",
        "/static/../app.py",
        "/mail/3/html",
    ],
)
def test_what_is_not_there_is_404(page: MailboxPage, path: str) -> None:
    assert get(page, path).status_code == 404


@pytest.mark.parametrize("path", ["/?page=0", "/?page=99999", "/?page=x", "/?q=%00%3Cscript%3E", "/mail/1?tab=nope"])
def test_odd_questions_get_a_page(page: MailboxPage, path: str) -> None:
    answer = get(page, path)
    assert answer.status_code == 200
    assert "<script" not in answer.text


def test_a_browser_shows_the_list_and_a_mail(tab: Page, page: MailboxPage) -> None:
    look(tab, page.url)
    tab.get_by_role("link", name="Number 59").click()
    tab.set_viewport_size({"width": 320, "height": 900})
    tab.frame_locator("iframe").get_by_text("Hi").wait_for()
    assert tab.evaluate("document.documentElement.scrollWidth") == 320


def test_a_picture_is_made_for_the_documentation(tab: Page) -> None:
    mailbox, renderer = Mailbox(), Renderer(TemplateLibrary())
    content = renderer.render("order_confirmation", renderer.sample_contexts("order_confirmation")["one item"])
    catch_content(mailbox, content, "Zoë Ångström <zoe@example.com>")
    with MailboxPage(mailbox) as page:
        look(tab, page.url + "mail/1")
        pictured(tab, "mailbox")


CONNECTING = (
    '<link rel="preconnect" href="{0}"><LINK rel=dns-prefetch href="{0}"><lInK rel="preload" as="image" href="{0}">'
    '<svg><link xmlns="http://www.w3.org/1999/xhtml" rel="preconnect" href="{0}"></svg>'
    '<!--><link rel=preconnect href={0}>--><base href="{0}"><img src="a.png">'
    '<iframe srcdoc="&lt;link rel=preconnect href={0}&gt;"></iframe><svg><foreignObject><iframe src="{0}"></iframe></svg>'
    '<object data="{0}"></object><embed src="{0}">'
)
FRAMES = '<frameset><frame src="{0}"></frameset>'
GOING = '<meta http-equiv="refresh" content="0;url={0}">'


@pytest.mark.parametrize("opened", ["/mail/1", "/mail/1/html"], ids=["in its frame", "by itself"])
@pytest.mark.parametrize("html", [CONNECTING, FRAMES, GOING], ids=["connecting", "frames", "going there"])
def test_a_browser_tells_nobody_that_a_mail_is_read(
    everyday_tab: Page, html: str, opened: str, complaints: list[str]
) -> None:
    mailbox = Mailbox()
    with MailboxPage(mailbox) as page, untold(everyday_tab) as place:
        catch(mailbox, html=f"<html><head>{html.format(place)}</head><p>Hi")
        look(everyday_tab, page.url.rstrip("/") + opened)
    last_words(everyday_tab, complaints)  # each of them was blocked, and said so
