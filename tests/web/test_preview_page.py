"""The preview of the templates: over HTTP, and in a real browser where there is one."""

from __future__ import annotations

import os
import re
import signal
import ssl
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from chromium import last_words, look, patient, pictured, untold
from workers import wait_until

from notifier.cli.catalogue import Catalogue
from notifier.console.preview_page import live
from notifier.console.preview_page.live import MAX_LISTENERS
from notifier.console.preview_page.sending import Desk
from notifier.console.preview_page.serving import PreviewPage
from notifier.errors import ErrorClass, Fault, InvalidAddress, NotifierError, Phase, Scope, fault_error
from notifier.rendering import Renderer, TemplateLibrary, shipped_templates
from notifier.testing import CatchingServer

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Locator, Page

# No page here has TLS: the list of authorities, which each call would read, stays away.
NO_TLS = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
TOP = Path(__file__).resolve().parents[2]
GOOD = """\
{% extends "_layouts/base.html.j2" %}
{% block title %}Hello{% endblock %}
{% block preheader %}What it is about{% endblock %}
{% block content %}<h1>First words</h1><p>for {{ name }}</p><img src="{{ inline_image('logo.png') }}" alt="Logo" width="48">{% endblock %}
"""
META = """{"description": "Says hello.", "sensitive": ["code"],
 "samples": {"short": {"name": "Zoë <b>", "code": "s3cret"}, "long one": {"name": "Παπαδόπουλος", "code": "x"}}}"""


def write(folder: Path, name: str, **files: str) -> None:
    """A template; of one that is there, the files that are other now, each in one step, as editors do.

    Whoever looks in between sees a stamp of its own, and a page that shows half a file has not the length that it had.
    """
    given = {
        "subject": "Hello {{ name }}",
        "text": "First words for {{ name }}, and all the others that the html part has too: the logo, the footer.",
        "html": GOOD,
        "meta": META,
        **files,
    }
    ends = {"subject": "subject.txt.j2", "text": "text.txt.j2", "html": "html.html.j2", "meta": "meta.json"}
    (folder / name).mkdir(exist_ok=True)
    for part, text in given.items():
        file, saved = folder / name / ends[part], folder.with_name("saved")
        if not file.exists() or file.read_text(encoding="utf-8") != text:
            saved.write_text(text, encoding="utf-8")
            saved.replace(file)


class Sent:
    """A sender that keeps what it was asked for, and says what it is told to."""

    def __init__(self) -> None:
        self.calls: list[Mapping[str, Any]] = []
        self.error: NotifierError | None = None

    def __call__(self, *, template: str, to: str, context: Mapping[str, Any], locale: str | None) -> str:
        if self.error is not None:
            raise self.error
        self.calls.append({"template": template, "to": to, "context": context, "locale": locale})
        return "250 2.0.0 queued as 7"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("templates")
    write(folder, "hello")
    (folder / "hello" / "locales" / "de").mkdir(parents=True)
    (folder / "hello" / "locales" / "de" / "subject.txt.j2").write_text("Hallo {{ name }}", encoding="utf-8")
    write(folder, "bad", html='<p style="position:fixed"><img src="cid:gone"><script>document.title="x"</script>')
    write(folder, "broken", html="<p>\n{{ nobody }}")
    write(folder, "no_json", meta="{")
    write(folder, "only_text")
    (folder / "only_text" / "html.html.j2").unlink()
    write(folder, "live")
    return folder


@pytest.fixture(scope="module")
def sent() -> Sent:
    return Sent()


def served(folder: Path, desk: Desk | None = None) -> PreviewPage:
    library = TemplateLibrary((folder,))
    return PreviewPage(Catalogue(library, Renderer(library)), desk=desk)


@pytest.fixture(scope="module")
def page(folder: Path, sent: Sent) -> Iterator[PreviewPage]:
    with served(folder, Desk(sent)) as page:
        yield page


def get(page: PreviewPage, path: str, **more: Any) -> httpx.Response:
    return httpx.get(page.url.rstrip("/") + path, trust_env=False, verify=NO_TLS, timeout=60, **more)


def test_the_list_has_every_template_with_what_is_wrong(page: PreviewPage) -> None:
    text = get(page, "/").text
    assert set(re.findall(r'href="/t/(\w+)"', text)) >= {"hello", "bad", "broken", "no_json", "welcome"}
    cards = {re.findall(r'/t/(\w+)"', card)[0]: card for card in text.split("<li ")[1:]}
    assert "Says hello." in cards["hello"]
    assert "2 samples · 2 languages" in cards["hello"]
    assert "clean" in cards["hello"]
    assert re.search(r"\d errors", cards["bad"])
    assert "does not render" in cards["broken"]
    assert "does not render" in cards["no_json"]


def test_every_view_of_a_template(page: PreviewPage) -> None:
    preview = get(page, "/t/hello").text
    assert "Hello Zoë &lt;b&gt;" in preview
    assert "First words for Zoë &lt;b&gt;" in get(page, "/t/hello?view=text").text
    assert "&lt;h1&gt;First words&lt;/h1&gt;" in get(page, "/t/hello?view=source").text
    message = get(page, "/t/hello?view=message").text
    assert "multipart/alternative" in message
    assert "Content-Transfer-Encoding" in message
    assert "Παπαδόπουλος" in get(page, "/t/hello?view=context&sample=long+one").text
    assert "Hallo Zoë" in get(page, "/t/hello?locale=de").text
    assert "no HTML part" in get(page, "/t/only_text").text


def test_the_value_of_a_sensitive_key_is_not_shown_in_the_context(page: PreviewPage) -> None:
    text = get(page, "/t/hello?view=context").text
    assert "[redacted]" in text
    assert "s3cret" not in text


def test_the_checks_lead_to_the_line_of_the_source(page: PreviewPage) -> None:
    text = get(page, "/t/bad").text
    assert "position: fixed is not supported by Gmail, Outlook for Windows and Apple Mail" in text
    (address,) = set(re.findall(r'href="([^"]*view=source[^"]*#L1)"', text))
    assert 'id="L1"' in get(page, address.replace("&amp;", "&")).text


def test_what_a_template_makes_is_powerless(page: PreviewPage) -> None:
    shown = get(page, "/t/bad").text
    assert "allow-scripts" not in shown
    assert "allow-same-origin" not in shown
    assert shown.count("<script") == 1  # our own
    policy = get(page, "/t/bad/frame").headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "script-src" not in policy
    assert "allow-scripts" not in policy
    ours = get(page, "/t/bad").headers["Content-Security-Policy"]
    assert "default-src 'none'" in ours
    assert "script-src 'self'" in ours
    assert "unsafe" not in ours


def test_a_frame_shows_the_images_that_go_along(page: PreviewPage) -> None:
    (image,) = set(
        re.findall(r'src="(/t/hello/image/[^"]+)"', get(page, "/t/hello/frame").text)
    )  # ours, and the layout's
    answer = get(page, image)
    assert answer.headers["Content-Type"] == "image/png"
    assert answer.content == (shipped_templates() / "_images" / "logo.png").read_bytes()


def test_a_template_that_does_not_render_says_where_and_why(page: PreviewPage) -> None:
    answer = get(page, "/t/broken")
    assert answer.status_code == 200
    assert "html.html.j2, line 2" in answer.text
    assert "nobody" in answer.text
    assert "s3cret" not in answer.text
    assert "is no JSON" in get(page, "/t/no_json").text


def test_the_style_and_the_icon_that_the_page_names_are_there(page: PreviewPage) -> None:
    named = re.findall(r'(?:href|src)="(/static/[^"]+)"', get(page, "/").text)
    assert {"/static/base/base.css", "/static/base/icon.svg", "/static/preview.css"} <= set(named)
    assert {get(page, path).status_code for path in named} == {200}


@pytest.mark.parametrize(
    "path",
    ["/t/nope", "/t/..%2f..%2fetc", "/t/hello/image/x", "/t/only_text/frame", "/nope", "/static/../app.py", "/t/no_json/frame"],
)  # fmt: skip
def test_what_is_not_there_is_404(page: PreviewPage, path: str) -> None:
    assert get(page, path).status_code == 404


@pytest.mark.parametrize(
    "query", ["sample=gone", "locale=xx", "view=nope&mode=nope&phone=9&desktop=x", "result=nope", "sample=%00<b>"]
)
def test_what_the_address_asks_for_and_is_gone_is_the_first_that_is_there(page: PreviewPage, query: str) -> None:
    answer = get(page, f"/t/hello?{query}")
    assert answer.status_code == 200
    assert "First words" in get(page, f"/t/hello?{query}&view=text").text


def test_another_name_is_not_answered_to(page: PreviewPage) -> None:
    assert get(page, "/", headers={"Host": "evil.example"}).status_code == 421


def test_modes_are_decided_by_the_server(page: PreviewPage) -> None:
    light, dark = get(page, "/t/hello/frame?mode=light").text, get(page, "/t/hello/frame?mode=dark").text
    assert "@media (min-width: 0px)" in dark
    assert "color-scheme: dark !important" in dark
    assert "@media (min-width: 0px)" not in light
    assert "color-scheme: light !important" in light


def token_of(page: PreviewPage) -> str:
    return re.findall(r'name="token" value="([^"]+)"', get(page, "/t/hello").text)[0]


def post(page: PreviewPage, fields: Mapping[str, str], path: str = "/t/hello/send", **headers: str) -> httpx.Response:
    return httpx.post(
        page.url.rstrip("/") + path, data=dict(fields), headers=headers, trust_env=False, verify=NO_TLS, timeout=60
    )


def told_after(page: PreviewPage, answer: httpx.Response) -> str:
    assert answer.status_code == 303
    shown = get(page, answer.headers["Location"]).text
    return re.findall(r'class="card outcome[^"]*" role="status">([^<]*)<', shown)[0]


def test_a_sample_is_sent_and_the_relays_reply_told(page: PreviewPage, sent: Sent) -> None:
    fields = {"token": token_of(page), "to": "me@example.com"}
    answer = post(page, fields, "/t/hello/send?sample=long+one&locale=de", **{"Sec-Fetch-Site": "same-origin"})
    assert told_after(page, answer) == "Sent to me@example.com. The relay said: 250 2.0.0 queued as 7"
    assert sent.calls[-1] == {
        "template": "hello", "to": "me@example.com", "context": {"name": "Παπαδόπουλος", "code": "x"}, "locale": "de",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("fields", "headers"),
    [
        ({}, {}),
        ({"token": "guessed"}, {}),
        ({"token": "é"}, {}),
        (None, {"Origin": "https://evil.example"}),
        (None, {"Origin": "null"}),
        (None, {"Sec-Fetch-Site": "cross-site"}),
        (None, {"Sec-Fetch-Site": "same-site"}),
        ({"to": "x" * 200_000}, {}),
    ],
)
def test_a_form_from_elsewhere_sends_nothing(
    page: PreviewPage, sent: Sent, fields: Mapping[str, str] | None, headers: Mapping[str, str]
) -> None:
    before = len(sent.calls)
    given = {"token": token_of(page)} if fields is None else fields
    assert post(page, {"to": "me@example.com", **given}, **headers).status_code == 403
    assert len(sent.calls) == before


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (InvalidAddress("to: 'me' has no @"), "Nothing was sent. to: &#x27;me&#x27; has no @"),
        (
            fault_error(Fault("C1", ErrorClass.TRANSIENT, Scope.HOST, Phase.CONNECT, "refused", host="mail:25")),
            "It was not accepted for me. [C1]",
        ),
    ],
)
def test_what_went_wrong_with_a_sample_is_told(page: PreviewPage, sent: Sent, error: NotifierError, words: str) -> None:
    sent.error = error
    try:
        assert told_after(page, post(page, {"token": token_of(page), "to": "me"})).startswith(words)
    finally:
        sent.error = None


def test_the_result_leads_to_no_other_site(page: PreviewPage) -> None:
    answer = post(page, {"token": token_of(page), "to": "me@example.com", "back": "//evil.example/t/hello?"})
    assert answer.headers["Location"].startswith("/t/hello?sample=short&")


def test_without_a_relay_the_page_says_what_to_set(folder: Path) -> None:
    with served(folder) as page:
        text = get(page, "/t/hello").text
    assert "set NOTIFIER_SMTP_URL" in text
    assert "<form" not in text


def stamp_of(page: PreviewPage) -> str:
    return re.findall(r'data-stamp="(\w+)"', get(page, "/t/live").text)[0]


def test_a_saved_file_is_told(page: PreviewPage, folder: Path) -> None:
    stamp = stamp_of(page)
    answers: list[httpx.Response] = []
    asking = threading.Thread(target=lambda: answers.append(get(page, f"/changes?since={stamp}")))
    asking.start()
    write(folder, "live", text="Second words")
    asking.join()
    assert answers[0].text == stamp_of(page) != stamp
    assert "Second words" in get(page, "/t/live?view=text").text


def test_who_listens_holds_up_no_end_and_too_many_are_refused(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "WAIT", 600.0)  # nobody makes room for another before the end
    answers: list[int] = []
    with served(folder) as page:
        stamp = stamp_of(page)

        def listen() -> None:
            answers.append(get(page, f"/changes?since={stamp}").status_code)

        listening = [threading.Thread(target=listen) for _ in range(MAX_LISTENERS + 3)]
        for thread in listening:
            thread.start()
        refused = next(thread for thread in _ended_of(listening))
        assert not refused.is_alive()
    for thread in listening:
        thread.join(30)
    assert sorted(answers) == [200] * MAX_LISTENERS + [503] * 3


def _ended_of(threads: list[threading.Thread]) -> Iterator[threading.Thread]:
    """The three that are refused end; all others wait for a change."""
    while sum(not thread.is_alive() for thread in threads) < 3:
        threads[-1].join(0.05)
    yield from (thread for thread in threads if not thread.is_alive())


PATHS = ["/", "/t/hello", "/t/bad", "/t/broken", "/t/hello?view=source", "/t/hello?view=message", "/t/hello?view=context", "/t/hello?view=text"]  # fmt: skip


@pytest.mark.parametrize("width", [320, 1280])
def test_a_browser_shows_every_page_without_scrolling_sideways(
    tab: Page, page: PreviewPage, complaints: list[str], width: int
) -> None:
    for path in PATHS:
        look(tab, page.url.rstrip("/") + path, width=width)
        assert tab.evaluate("document.documentElement.scrollWidth <= innerWidth"), path
    last_words(tab, complaints)  # the bad mail's script, which was blocked and said so


def test_a_picture_is_made_for_the_documentation(tab: Page, page: PreviewPage) -> None:
    look(tab, page.url + "t/order_confirmation", height=1100)
    pictured(tab, "preview")


def test_a_browser_shows_the_mail_at_both_widths(tab: Page, page: PreviewPage) -> None:
    look(tab, page.url + "t/hello?phone=320&desktop=800")
    assert tab.evaluate("[...document.querySelectorAll('iframe')].map(frame => frame.clientWidth)") == [320, 800]
    look(tab, page.url + "t/hello/frame?sample=short", width=320)
    assert tab.evaluate("document.documentElement.scrollWidth") == 320
    assert tab.evaluate("document.images[0].naturalWidth") > 0


GROUND = "getComputedStyle(document.body).backgroundColor"


def test_dark_mode_changes_the_mails_own_colours_whatever_the_browser_prefers(tab: Page, page: PreviewPage) -> None:
    seen = set()
    for prefers in (False, True):
        for mode in ("light", "dark"):
            look(tab, f"{page.url}t/hello/frame?sample=short&mode={mode}", dark=prefers)
            seen.add(
                (mode, tab.evaluate(GROUND), tab.evaluate("getComputedStyle(document.documentElement).colorScheme"))
            )
    assert len(seen) == 2
    assert len({ground for _, ground, _ in seen}) == 2


def test_the_page_itself_has_a_dark_mode(tab: Page, page: PreviewPage) -> None:
    grounds = []
    for dark in (False, True):
        look(tab, page.url + "t/hello", dark=dark)
        grounds.append(tab.evaluate(GROUND))
    assert grounds[0] != grounds[1]


CHOSEN = "[...document.querySelectorAll('.chips a[aria-current]')].map(link => link.textContent)"
FRAMES = "[...document.querySelectorAll('iframe')].map(frame => new URL(frame.src).searchParams.get('mode') + ' ' + frame.width)"


def switch(tab: Page, words: str) -> Locator:
    return tab.locator(".chips").get_by_role("link", name=words, exact=True)


def test_the_switches_move_the_frames_without_loading_the_page(tab: Page, page: PreviewPage) -> None:
    look(tab, page.url + "t/hello")
    tab.evaluate("window.stays = true")
    for words in ("Dark", "320 px", "800 px"):
        switch(tab, words).click()
    assert tab.evaluate(FRAMES) == ["dark 320", "dark 800"]
    assert tab.evaluate(CHOSEN) == ["short", "default", "Dark", "320 px", "800 px"]
    assert tab.evaluate("window.stays")
    with tab.expect_navigation():
        switch(tab, "de").click()
    assert not tab.evaluate("window.stays")
    assert tab.evaluate(FRAMES) == ["dark 320", "dark 800"]


def test_the_switches_work_without_a_script(chromium: Browser, page: PreviewPage) -> None:
    with chromium.new_context(java_script_enabled=False) as room:
        tab = patient(room.new_page())
        look(tab, page.url + "t/hello")
        switch(tab, "Dark").click()
        tab.wait_for_url("**mode=dark**")
        assert tab.evaluate(FRAMES) == ["dark 375", "dark 600"]


def test_an_open_page_shows_what_was_saved_and_keeps_its_place(tab: Page, page: PreviewPage, folder: Path) -> None:
    write(folder, "live", text="Before it was saved\n" * 200)
    # A page that is told what was there just before loads itself again.
    wait_until(lambda: get(page, "/changes?since=").text == stamp_of(page), "who listens is told of what is there now")
    look(tab, page.url + "t/live?view=text", height=500)
    tab.evaluate("scrollTo(0, 900)")
    write(folder, "live", text="After it was saved\n" * 200)
    tab.get_by_text("After it was saved").first.wait_for(state="attached")
    wait_until(lambda: tab.evaluate("scrollY") == 900, "it is where it was")


def test_a_template_that_is_broken_while_the_page_is_open_comes_back(
    tab: Page, page: PreviewPage, folder: Path
) -> None:
    write(folder, "live")
    look(tab, page.url + "t/live")
    write(folder, "live", html="{% if %}")
    tab.get_by_text("html.html.j2, line 1").first.wait_for()
    write(folder, "live")
    tab.locator("iframe").nth(1).wait_for()


NAMED = (
    "(element => element.id || element.name || element.textContent.trim() || element.className)(document.activeElement)"
)


def test_everything_is_reached_by_the_keyboard(tab: Page, page: PreviewPage) -> None:
    look(tab, page.url + "t/hello")
    # A frame has a process of its own: what has the focus is known a moment after the key, and only the page sees all of it.
    tab.evaluate(f"window.reached = []; document.addEventListener('focusin', () => reached.push({NAMED})); 1")
    for _ in range(60):
        tab.keyboard.press("Tab")
        reached = tab.evaluate("reached")
        if "Send" in reached:
            break
    wanted = ["To the content", "Notifier preview", "← All templates", "short", "long one", "default", "de", "Preview", "Text",
              "HTML source", "Message", "Context", "Light", "Dark", "320 px", "375 px", "600 px", "800 px", "to", "Send"]  # fmt: skip
    assert [name for name in reached if name in wanted] == wanted
    switch(tab, "Dark").press("Enter")
    assert tab.evaluate(FRAMES) == ["dark 375", "dark 600"]
    assert tab.evaluate(NAMED) == "Dark"


def test_a_browsers_own_form_is_taken(tab: Page, page: PreviewPage, sent: Sent) -> None:
    look(tab, page.url + "t/hello?mode=dark")
    tab.fill("#to", "me@example.com")
    with tab.expect_navigation():
        tab.get_by_role("button", name="Send").click()
    tab.locator(".outcome", has_text="Sent to me@example.com").wait_for()
    assert tab.evaluate(FRAMES) == ["dark 375", "dark 600"]
    tab.wait_for_url(lambda url: "result=" not in url)


def test_a_page_that_was_left_holds_no_connection(
    tab: Page, page: PreviewPage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live, "WAIT", 600.0)  # longer than the test has patience
    for path in PATHS[4:] * 3:
        look(tab, page.url.rstrip("/") + path)


TRACKING = (
    '<img src="{0}a.png"><link rel="preconnect" href="{0}"><style>@import url("{0}b.css"); p {{ background: url({0}c.png) }}</style>'
    '<p>x<script src="{0}d.js"></script><iframe src="{0}"></iframe><meta http-equiv="refresh" content="0;url={0}"><form action="{0}">'
)


def test_a_browser_tells_nobody_that_a_mail_is_looked_at(
    everyday_tab: Page, page: PreviewPage, folder: Path, complaints: list[str]
) -> None:
    with untold(everyday_tab) as place:
        write(folder, "live", html=TRACKING.format(place))
        for path in ("t/live", "t/live/frame"):
            look(everyday_tab, page.url + path)
    last_words(everyday_tab, complaints)  # each of them was blocked, and said so


def started(*options: str, **environ: str) -> subprocess.Popen[str]:
    clean = {key: value for key, value in os.environ.items() if not key.startswith(("NOTIFIER_", "CELERY_", "REDIS_"))}
    return subprocess.Popen(
        [sys.executable, "-c", "from notifier.cli import main; main()", "preview", "--port", "0", *options],
        env={**clean, "PYTHONPATH": str(TOP), **environ},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        cwd=TOP,
    )


def test_the_command_shows_sends_stops_a_loop_and_ends(folder: Path) -> None:
    write(folder, "loop", html="{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}")
    with CatchingServer() as server:
        relay = f"smtp://127.0.0.1:{server.port}"
        with started(
            "--templates", str(folder), NOTIFIER_SMTP_URL=relay, NOTIFIER_FROM="Shop <shop@example.com>"
        ) as process:
            try:
                assert process.stdout is not None
                base = re.findall(r"http://\S+", process.stdout.readline())[0].rstrip("/")
                shown = httpx.get(f"{base}/t/loop", trust_env=False, verify=NO_TLS, timeout=60).text
                assert "look for loops in loops" in shown
                token = re.findall(
                    r'name="token" value="([^"]+)"',
                    httpx.get(f"{base}/t/hello", trust_env=False, verify=NO_TLS, timeout=60).text,
                )[0]
                sending = f"{base}/t/hello/send?sample=short&locale=de"
                answer = httpx.post(
                    sending, data={"token": token, "to": "me@example.com"}, trust_env=False, verify=NO_TLS, timeout=60
                )
                assert (
                    "Sent to me@example.com"
                    in httpx.get(base + answer.headers["Location"], trust_env=False, verify=NO_TLS, timeout=60).text
                )
                mail = server.mailbox.get(1)
                assert mail is not None
                assert (mail.subject, mail.recipients) == ("Hallo Zoë <b>", ("me@example.com",))
                assert mail.message["From"] == "Shop <shop@example.com>"
            finally:
                process.send_signal(signal.SIGTERM)
                rest, _ = process.communicate(timeout=60)
            assert "Ended." in rest
            assert "Traceback" not in rest
            assert process.returncode == 0


def test_a_port_that_is_taken_is_told(page: PreviewPage) -> None:
    with started("--port", str(page.port)) as process:
        words, _ = process.communicate(timeout=60)
    assert "choose another with --port" in words
    assert process.returncode == 1


def test_a_missing_extra_is_named() -> None:
    program = (
        "import sys; sys.modules['starlette'] = sys.modules['uvicorn'] = None\n"
        "sys.argv = ['notifier', 'preview']\nfrom notifier.cli import main; main()"
    )
    ran = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, cwd=TOP, timeout=60, check=False
    )
    assert (
        ran.stderr.strip()
        == "notifier: notifier preview needs Starlette and uvicorn: pip install 'notifier-worker[preview]'"
    )
    assert ran.returncode == 1
