"""The operator's console over HTTP: who is let in, what is shown and what is covered, and what is decided."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import httpx
import pytest
import redis
from console_ground import TOKEN, Operator, console, fail, lose_the_last_word, notices, write_template
from workers import Plant, plant, wait_until

import notifier
from notifier import send_email
from notifier.console.operator_page import mail_view, overview_view
from notifier.console.operator_page.serving import ConsolePage
from notifier.model.breaker import BreakerRule
from notifier.model.pause import Pause
from notifier.model.state import MailState
from notifier.model.worker import WorkerRecord
from notifier.pool.relays import place_of
from notifier.store import RedisStore, searching
from notifier.store.base import Epoch
from notifier.tasks.runtime import runtime
from notifier.testing import Script

HTML = "<img src=x onerror=alert(1)>"
SECRET = "s3cret-reset-code"
PASSWORD = "hunter2-of-the-relay"
TENANTS = f"""
[accounts.bulk]
smtp_url = "smtps://zoe:{PASSWORD}@127.0.0.1:1"
[tenants.shop]
rate = "600/min"
send = [{{ as = "*", through = "bulk" }}]
"""


@pytest.fixture(scope="module")
def works(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Plant]:
    folder = tmp_path_factory.mktemp("console")
    write_template(
        folder / "templates",
        "reset",
        subject="Reset for {{ name }}",
        text="Your code: {{ code }}",
        html="<h1>Reset for {{ name }}</h1><p>{{ code }}</p><script>document.title = 'x'</script>",
        meta='{"sensitive": ["code"], "samples": {"usual": {"name": "Zoë", "code": "42"}}}',
    )
    (folder / "tenants.toml").write_text(TENANTS, encoding="utf-8")
    (folder / "tenants.toml").chmod(0o600)
    script = Script().refuse(lambda path: path.startswith("no"), f"550 5.1.1 {HTML} no such user as nobody.known")
    environ = {
        "NOTIFIER_TEMPLATES": str(folder / "templates"),
        "NOTIFIER_TENANTS": str(folder / "tenants.toml"),
        "NOTIFIER_TRANSCRIPTS": "on",
        "NOTIFIER_DELIVERY_REPORT_TO": "ops@example.com",
    }
    with plant(folder, script, **environ) as made:
        made.start_worker("-Q", "mail", slots=1)
        yield made


@pytest.fixture(scope="module")
def page(works: Plant) -> Iterator[ConsolePage]:
    with console() as served:
        yield served


@pytest.fixture(scope="module")
def open_page(works: Plant) -> Iterator[ConsolePage]:
    with console(show_bodies=True) as served:
        yield served


@pytest.fixture(scope="module")
def operator(page: ConsolePage) -> Iterator[Operator]:
    with Operator(page) as signed_in:
        yield signed_in


@pytest.fixture(scope="module")
def trusted(open_page: ConsolePage) -> Iterator[Operator]:
    with Operator(open_page) as signed_in:
        yield signed_in


def send(to: str | list[str] = "zoe@example.com", template: str = "reset", **more: Any) -> str:
    context = {"name": "Zoë", "code": SECRET}
    mail_id: str = send_email.apply_async(kwargs={"template": template, "to": to, "context": context, **more}).id
    return mail_id


def waiting(to: str | list[str] = "zoe@example.com") -> str:
    """In the queue that no worker looks into."""
    return send(to, mail_class="bulk")


@pytest.fixture(scope="module")
def dead(works: Plant) -> str:
    """Refused by a server whose words are hostile."""
    mail_id = send("nobody.known@example.com", idempotency_key="welcome-42")
    works.settle([mail_id], "failed")
    return mail_id


@pytest.fixture(scope="module")
def sent(works: Plant) -> str:
    mail_id = send("ann.sent@example.com")
    works.settle([mail_id], "sent")
    return mail_id


PAGES = ("/", "/search", "/dead", "/unknown", "/suppression", "/templates", "/templates/reset", "/reports", "/pauses")
FORMS = (
    "/dead/decide", "/unknown/decide", "/mail/x/decide", "/mail/x/reschedule", "/mail/x/diff", "/mail/x/readdress",
    "/suppression/add", "/suppression/remove", "/pauses/pause", "/pauses/resume", "/leave", "/link",
)  # fmt: skip


# who is let in --------------------------------------------------------------------------------------------------------


def test_the_link_lets_one_browser_in_once(page: ConsolePage) -> None:
    link = page.link
    with httpx.Client(trust_env=False) as first:
        assert first.head(link).status_code == 204
        assert first.get(link, headers={"Sec-Purpose": "prefetch;prerender"}).status_code == 204
        entered = first.get(link)
        assert entered.status_code == 200
        assert "HttpOnly" in entered.headers["Set-Cookie"]
        assert "samesite=strict" in entered.headers["Set-Cookie"].lower()
        assert "Overview" in first.get(page.url).text
    with httpx.Client(trust_env=False) as second:
        again = second.get(link)
        assert again.status_code == 401
        assert "was used before" in again.text
        assert "Set-Cookie" not in again.headers
        assert second.get(page.url).status_code == 401


def test_whoever_has_no_session_sees_and_does_nothing(page: ConsolePage, dead: str) -> None:
    with httpx.Client(base_url=page.url, trust_env=False, cookies={"notifier_console_0": "guessed"}) as stranger:
        for path in (*PAGES, f"/mail/{dead}", f"/mail/{dead}/frame", "/templates/reset/frame"):
            answer = stranger.get(path)
            assert answer.status_code == 401, path
            assert dead not in answer.text
        for path in FORMS:
            assert stranger.post(path, data={"token": "x"}).status_code == 401, path
        assert stranger.post("/enter", data={"token": "guessed"}).status_code == 401


def test_the_operators_token_is_typed_and_never_in_an_address(page: ConsolePage) -> None:
    """Histories and proxies keep addresses."""
    answer = httpx.get(f"{page.url}enter", params={"token": TOKEN}, trust_env=False)
    assert (answer.status_code, "Set-Cookie" in answer.headers, TOKEN in answer.text) == (401, False, False)


def test_behind_tls_the_cookie_is_for_tls_alone(page: ConsolePage) -> None:
    for scheme, secure in (("http", False), ("https", True)):
        answer = httpx.get(page.link, headers={"X-Forwarded-Proto": scheme}, trust_env=False)
        assert ("Secure" in answer.headers["Set-Cookie"]) is secure


def test_signing_out_ends_the_session(page: ConsolePage) -> None:
    with Operator(page) as leaving:
        cookies = dict(leaving.client.cookies)
        assert leaving.post("/leave", {}).status_code == 303
    assert httpx.get(page.url, cookies=cookies, trust_env=False).status_code == 401


def test_one_browser_makes_a_link_for_another(operator: Operator, page: ConsolePage) -> None:
    (link,) = re.findall(r"http://[^<]+", operator.post("/link", {}).text)
    assert httpx.get(link, trust_env=False).status_code == 200


def test_another_name_is_not_answered_to(page: ConsolePage, operator: Operator) -> None:
    """DNS rebinding: a stranger's page whose name points here."""
    assert operator.get("/", headers={"Host": "evil.example"}).status_code == 421
    assert httpx.get(page.link, headers={"Host": "evil.example"}, trust_env=False).status_code == 421


@pytest.mark.parametrize(
    ("fields", "headers"),
    [
        ({"token": ""}, {}),
        ({"token": "guessed"}, {}),
        ({"token": "é"}, {}),
        ({}, {"Origin": "https://evil.example"}),
        ({}, {"Origin": "null"}),
        ({}, {"Origin": "http://["}),
        ({}, {"Origin": "http://somebody@127.0.0.1"}),
        ({}, {"Sec-Fetch-Site": "cross-site"}),
        ({}, {"Sec-Fetch-Site": "same-site"}),
        ({"why": "x" * 200_000}, {}),
    ],
)
def test_a_form_from_elsewhere_changes_nothing(
    operator: Operator, fields: dict[str, str], headers: dict[str, str]
) -> None:
    given = {"kind": "queue", "name": "mail.urgent", **fields}
    assert operator.post("/pauses/pause", given, **headers).status_code == 403
    assert runtime().store.pauses() == {}


def test_the_form_token_of_another_session_is_none(operator: Operator, page: ConsolePage) -> None:
    with Operator(page) as somebody:
        other = somebody.token
    assert operator.post("/pauses/pause", {"token": other, "kind": "queue", "name": "mail"}).status_code == 403


def test_a_read_only_console_has_no_forms_and_takes_none(works: Plant, dead: str) -> None:
    with console(read_only=True) as page, Operator(page) as reader:
        for path in (*PAGES, f"/mail/{dead}"):
            actions = set(re.findall(r'method="post" action="([^"]+)"', reader.text(path)))
            assert actions <= {"/leave", "/link"}, path
        for path in FORMS[:-2]:
            assert reader.post(path, {"act": "discard", "id": dead}).status_code == 403, path
    assert works.status(dead).state is MailState.FAILED


def test_every_answer_has_the_policies(operator: Operator, page: ConsolePage, dead: str) -> None:
    answers = [
        *(operator.get(path) for path in (*PAGES, f"/mail/{dead}", "/nope", "/mail/nope")),
        httpx.get(page.url, trust_env=False),
        operator.get("/static/console.css"),
    ]
    for answer in answers:
        policy = answer.headers["Content-Security-Policy"]
        assert policy.startswith("default-src 'none'; style-src 'self'"), answer.url
        assert "script-src" not in policy
        assert "unsafe" not in policy
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["Cache-Control"] == "no-store"
    frame = operator.get("/templates/reset/frame").headers["Content-Security-Policy"]
    assert "sandbox allow-popups" in frame
    assert "default-src 'none'" in frame


# what is shown --------------------------------------------------------------------------------------------------------


def test_the_overview_tells_how_everything_stands(works: Plant, sent: str) -> None:
    store = runtime().store
    endpoint = runtime().settings.accounts["bulk"].relays[0][0].endpoint  # type: ignore[index]  # relays, and no mx://
    store.breakers.bad(place_of(endpoint), "host", BreakerRule(consecutive=1, first=300), f"refused {HTML}")
    store.look(Epoch("e" * 32, 7))
    what = Pause("tenant", "shop")
    store.pause(what, f"they have not paid {HTML}")
    try:
        with console() as page, Operator(page) as operator:
            text = overview(operator, r'data-label="version"><span>\d')
            again = operator.text("/?again=1")
    finally:
        store.resume(what)
    assert "breaker open</span> host, " in text
    assert "they have not paid &lt;img" in text
    assert 'role="alert"' in text
    assert "eeeeeeee became" in text
    assert "tenant shop</span></td>" in text
    assert "10 a second" in text
    assert "Recipients by day" in text
    assert "From enqueue to the relay" in text
    assert ('http-equiv="refresh"' in text, 'http-equiv="refresh"' in again) == (False, True)


def test_the_sessions_of_a_workers_pool_stand_beside_it(works: Plant, operator: Operator) -> None:
    works.settle([send("ann.sent@example.com")], "sent")
    overview(operator, r'data-label="sessions"><span>1 to 127\.0\.0\.1:\d+<')


def overview(operator: Operator, pattern: str) -> str:
    """The page once it has that: a worker that stands still for some sweeps is not on it meanwhile."""
    seen = ""

    def shown() -> bool:
        nonlocal seen
        seen = operator.text("/")
        return re.search(pattern, seen) is not None

    wait_until(shown, f"{pattern} is on the overview", evidence=lambda: f": {seen}")
    return seen


def test_of_a_thousand_queues_those_are_shown_in_which_something_goes_on(operator: Operator) -> None:
    store = runtime().store
    mail_id = waiting()
    for number in range(10):
        queues = tuple(f"queue-{number}-{other:02}" for other in range(100))
        store.register_worker(WorkerRecord("many", queues=queues), 60)
    try:
        text = operator.text("/")
    finally:
        store.forget_worker("many")
        store.cancel(mail_id)
        with redis.Redis.from_url(runtime().settings.store_url.reveal()) as client:
            client.srem("notifier:queues", *(one for one in store.queues() if one.startswith("queue-")))
    assert text.count('data-label="queue"') == overview_view.QUEUES
    assert '<td data-label="queue"><span>mail.bulk</span></td>' in text
    assert re.search(r"And 9\d\d queues in which less goes on", text)


@pytest.mark.parametrize(
    ("by", "words"),
    [
        ("recipient", "nobody.known@example.com"),
        ("recipient", "NOBODY.known"),
        ("template", "reset"),
        ("key", "welcome-42"),
        ("state", "failed"),
        ("id", ""),
    ],
)
def test_a_mail_is_found_by_each_of_its_fields(operator: Operator, dead: str, by: str, words: str) -> None:
    found = operator.get("/search", params={"by": by, "q": words or dead}).text
    assert f'href="/mail/{dead}"' in found
    assert "looked at" in found


def test_a_sent_mail_is_found_too_and_by_its_state(operator: Operator, sent: str) -> None:
    for by, words in (("state", "sent"), ("recipient", "ann.sent@example.com"), ("key", sent)):
        assert f'href="/mail/{sent}"' in operator.get("/search", params={"by": by, "q": words}).text


@pytest.mark.parametrize(
    "asked",
    [
        {"by": "id", "q": "no id"},
        {"by": "key", "q": "no such key"},
        {"by": "state", "q": "no such state"},
        {"by": "recipient", "q": "nobody at all"},
        {"by": "nothing", "q": "x"},
        {"by": "recipient", "q": "nobody at all", "begin": "-1"},
        {"by": "recipient", "q": HTML, "begin": HTML},
        {"by": "template", "q": "\ud800".encode("utf-8", "surrogatepass")},
    ],
)
def test_odd_questions_find_nothing_and_get_a_page(operator: Operator, asked: dict[str, Any]) -> None:
    answer = operator.get("/search", params=asked)
    assert answer.status_code == 200
    assert "/mail/" not in answer.text


def test_a_search_that_was_cut_says_so_and_goes_on(
    operator: Operator, sent: str, dead: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(searching, "PAGE", 1)
    monkeypatch.setitem(searching.look_through.__kwdefaults__, "most", 1)
    path, seen = "/search?by=recipient&q=example.com", ""
    for _ in range(1000):
        text = operator.text(path)
        seen += text
        on = re.findall(r'href="(/search\?[^"]*begin=\d+)"', text)
        if not on:
            break
        assert "there may be more" in text
        path = on[0].replace("&amp;", "&")
    assert "there are no more" in text
    assert {sent, dead} <= set(re.findall(r'href="/mail/([^"]+)"', seen))


def test_dead_letters_are_filtered(operator: Operator, dead: str) -> None:
    for query in ("", "?state=failed&queue=mail&template=reset&domain=example.com&row=R7", "?state=nope"):
        assert dead in operator.text(f"/dead{query}"), query
    for query in ("?state=expired", "?queue=mail.bulk", "?template=welcome", "?domain=other.example", "?row=A1"):
        assert dead not in operator.text(f"/dead{query}"), query


def test_a_mails_page_tells_its_story(operator: Operator, dead: str) -> None:
    text = operator.text(f"/mail/{dead}")
    assert "enqueued</span>" in text
    assert re.search(r"failed</span> attempt 1 by 127\.0\.0\.1:\d+<span class=\"said\">R7 rcpt 550 5\.1\.1", text)
    assert "Send once more" in text
    assert "--show-bodies" in text
    assert operator.get("/mail/0190a0b0-0000-7000-8000-000000000001").status_code == 404


def test_what_was_said_to_the_relay_is_shown_where_it_is_kept(operator: Operator, trusted: Operator, dead: str) -> None:
    covered, lifted = (someone.text(f"/mail/{dead}") for someone in (operator, trusted))
    assert "C: RCPT TO:&lt;n…@example.com&gt;" in covered
    assert "C: RCPT TO:&lt;nobody.known@example.com&gt;" in lifted
    assert re.search(r"S: 550 5\.1\.1 &lt;img", covered)


def test_addresses_are_covered_and_bodies_are_not_shown(operator: Operator, dead: str, sent: str) -> None:
    runtime().store.suppress("bounced.often@example.com", "bounced.often said no: <bounced.often@example.com>")
    paths = (*PAGES, f"/mail/{dead}", f"/mail/{sent}", "/search?by=state&q=sent", "/suppression?q=other@example.com")
    for path in paths:
        text = operator.text(path)
        for name in ("nobody.known", "ann.sent", "bounced.often"):
            assert name not in text, path
        assert "Reset for" not in text or path == "/templates/reset", path
    assert operator.get(f"/mail/{dead}/frame").status_code == 403
    assert "n…@example.com" in operator.text(f"/mail/{dead}")


def test_what_relays_and_reports_have_said_names_nobody(works: Plant, operator: Operator) -> None:
    store, said = runtime().store, "550 5.7.1 <loud.sender@example.com> sends too much"
    endpoint = runtime().settings.accounts["bulk"].relays[0][0].endpoint  # type: ignore[index]  # relays, and no mx://
    store.breakers.bad(place_of(endpoint), "sender", BreakerRule(consecutive=1, first=300), said)
    store.reports.open("notifier-delivery", store.reports.look("notifier-delivery"), 2e9, ["a period", "another"], [])
    for period in ("a period", "another"):
        taken = store.reports.take("notifier-delivery", period, "somebody", 60)
        assert taken is not None
        assert (
            store.reports.wait(taken, 600, said) if period == "a period" else store.reports.close(taken, "failed", said)
        )
    what = Pause("relay", endpoint.name)
    store.pause(what, said)
    try:
        overview, reports = operator.text("/"), operator.text("/reports")
    finally:
        store.resume(what)
    for text, times in ((overview, 3), (reports, 2)):  # paused on top, paused, its breaker; open, and before
        assert text.count("550 5.7.1 &lt;l…@example.com&gt; sends too much") == times
        assert "loud.sender" not in text


def test_where_bodies_are_allowed_the_mail_is_rendered_without_what_is_secret(trusted: Operator, dead: str) -> None:
    text, frame = trusted.text(f"/mail/{dead}"), trusted.get(f"/mail/{dead}/frame")
    assert "nobody.known@example.com" in text
    assert "Reset for Zoë" in text
    assert "<h1>Reset for Zoë</h1><p>[redacted]</p>" in frame.text
    sandbox = re.findall(r'<iframe[^>]* sandbox="([^"]*)"', text)
    assert sandbox == ["allow-popups allow-popups-to-escape-sandbox"]
    assert "script-src" not in frame.headers["Content-Security-Policy"]
    assert "sandbox" in frame.headers["Content-Security-Policy"]


def test_of_a_mail_that_has_ended_it_is_said_that_nothing_is_kept(trusted: Operator, sent: str) -> None:
    assert "only its history is left" in trusted.text(f"/mail/{sent}")
    assert trusted.get(f"/mail/{sent}/frame").status_code == 404


def test_no_secret_is_on_any_page(trusted: Operator, dead: str, sent: str) -> None:
    for path in (*PAGES, f"/mail/{dead}", f"/mail/{dead}/frame", f"/mail/{sent}", "/search?by=template&q=reset"):
        text = trusted.text(path) if path != f"/mail/{sent}/frame" else ""
        assert SECRET not in text, path
        assert PASSWORD not in text, path
        assert TOKEN not in text, path
        assert not any(secret in text for secret in trusted.client.cookies.values()), path


def test_nothing_from_outside_is_markup(trusted: Operator, works: Plant, dead: str) -> None:
    hostile = waiting(f'"{HTML}"@example.com')
    runtime().store.suppress(f'"{HTML}"@example.com', f"because {HTML}", mailing_list="default/bulk")
    runtime().store.register_worker(WorkerRecord("odd", HTML, HTML, version=HTML, queues=("mail",), pool_kind=HTML), 60)
    name = f"x{HTML}:25"
    runtime().store.pause(Pause("relay", name), HTML)
    asked = f"by=key&q={HTML}&queue={HTML}&template={HTML}&domain={HTML}&row={HTML}&state={HTML}"
    paths = [*PAGES, f"/mail/{dead}", f"/mail/{hostile}", "/search?by=recipient&q=onerror"]
    paths += [f"{path}?{asked}" for path in ("/search", "/dead", "/unknown", "/suppression")]
    try:
        for path in paths:
            text = trusted.text(path)
            assert "<img src=x" not in text, path
            assert "<script" not in text, path
        assert "&lt;img src=x" in trusted.text(f"/mail/{hostile}")
        assert "&lt;img src=x" in trusted.text(f"/mail/{dead}")
        assert "&lt;img src=x" in trusted.text("/pauses")
        assert f"{html.escape(HTML)}<br>" in trusted.text("/")
        diff = trusted.post(f"/mail/{dead}/diff", {"to-0": f'"{HTML}"@example.com'}).text
        assert "<img src=x" not in diff
        assert "+ &quot;&lt;img" in diff
        told = trusted.post("/pauses/resume", {"kind": "relay", "name": f"y{HTML}"})
        assert "<img src=x" not in trusted.text(told.headers["Location"])
    finally:
        runtime().store.resume(Pause("relay", name))
        runtime().store.cancel(hostile)
        runtime().store.forget_worker("odd")


def test_templates_are_listed_and_a_sample_is_shown(operator: Operator) -> None:
    listed = operator.text("/templates")
    assert {"reset", "welcome"} <= set(re.findall(r'href="/templates/(\w+)"', listed))
    assert "Reset for Zoë" in operator.text("/templates/reset")
    assert "<h1>Reset for Zoë</h1>" in operator.text("/templates/reset/frame?sample=usual")
    assert "data:image/png;base64," in operator.text("/templates/welcome/frame")
    assert operator.get("/templates/nope").status_code == 404
    assert operator.get("/templates/..%2f..%2fetc").status_code == 404


def test_a_report_is_listed_with_its_next_runs(operator: Operator) -> None:
    text = operator.text("/reports")
    assert "notifier-delivery" in text
    assert len(set(re.findall(r"\d{4}-\d\d-\d\d 08:00 UTC", text))) == 3


def test_a_store_that_is_away_is_said_in_words(operator: Operator, monkeypatch: pytest.MonkeyPatch) -> None:
    away = RedisStore("redis://:pass-of-the-store@127.0.0.1:1/0", timeout=1)
    monkeypatch.setattr(runtime(), "store", away)
    for path in ("/", "/dead", "/search?by=recipient&q=x", "/suppression"):
        answer = operator.get(path)
        assert answer.status_code == 503, path
        assert "The store does not answer" in answer.text
        assert "pass-of-the-store" not in answer.text


# what is decided ------------------------------------------------------------------------------------------------------


def test_a_dead_letter_goes_to_another_address_after_its_change_was_shown(operator: Operator, works: Plant) -> None:
    mail_id = send("nobody.else@example.com")
    works.settle([mail_id], "failed")
    shown = operator.post(f"/mail/{mail_id}/diff", {"to-0": "Zoë <right@example.com>"}).text
    assert "- n…@example.com" in shown
    assert "+ Zoë &lt;right@example.com&gt;" in shown
    assert works.status(mail_id).state is MailState.FAILED
    fields = {name: value.replace("&lt;", "<").replace("&gt;", ">") for name, value in hidden_fields(shown).items()}
    assert operator.told(f"/mail/{mail_id}/readdress", **fields, why="a typing error") == ["1 mail is waiting now."]
    works.settle([mail_id], "sent")
    found = works.status(mail_id)
    assert dict(found.recipients) == {"right@example.com": "accepted"}
    assert any(entry.get("why") == "a typing error (console)" for entry in found.history)


def test_as_many_recipients_as_are_shown_may_be_given_long_addresses(operator: Operator, works: Plant) -> None:
    mail_id = waiting([f"reader{number}@example.com" for number in range(mail_view.EDITED)])
    fail("mail.bulk")
    fields = {f"to-{number}": f"{'ζ' * 30}{number}@{'x' * 60}.example.com" for number in range(mail_view.EDITED)}
    assert operator.told(f"/mail/{mail_id}/readdress", **fields) == ["1 mail is waiting now."]
    assert set(works.status(mail_id).recipients) == set(fields.values())
    runtime().store.cancel(mail_id)


def hidden_fields(text: str) -> dict[str, str]:
    return dict(re.findall(r'<input type="hidden" name="(to-\d+)" value="([^"]*)">', text))


@pytest.mark.parametrize("given", ["", "no address", "a@b@c", "zoe@example.com\r\nBcc: x@example.com"])
def test_what_is_no_address_changes_nothing(operator: Operator, works: Plant, dead: str, given: str) -> None:
    for verb in ("diff", "readdress"):
        (told,) = operator.told(f"/mail/{dead}/{verb}", **{"to-0": given})
        assert told.startswith("Nothing was changed")
    assert works.status(dead).state is MailState.FAILED


@pytest.mark.parametrize("zone", [None, timezone(timedelta(hours=5, minutes=30))])
def test_another_time_for_a_mail_is_of_utc_where_it_does_not_say_otherwise(
    operator: Operator, works: Plant, zone: timezone | None
) -> None:
    mail_id = waiting("zoe@example.com")
    at = (datetime.now(UTC) + timedelta(minutes=50)).replace(second=0, microsecond=0)
    told = at.replace(tzinfo=None) if zone is None else at.astimezone(zone)
    operator.told(f"/mail/{mail_id}/reschedule", at=told.isoformat())
    assert works.status(mail_id).due_at == at.timestamp()
    operator.told(f"/mail/{mail_id}/decide", act="cancel")


def test_dead_letters_that_are_ticked_go_once_more(operator: Operator, works: Plant) -> None:
    ids = [waiting(f"z{number}@example.com") for number in range(3)]
    for _ in ids:
        fail("mail.bulk")
    answer = operator.post("/dead/decide?queue=mail.bulk", {"act": "requeue", "id": ids[:2]})
    assert answer.headers["Location"] == "/dead?queue=mail.bulk"
    assert notices(operator.text("/dead")) == ["2 mails are waiting now."]
    assert notices(operator.text("/dead")) == []
    assert [works.status(one).state for one in ids] == ["waiting", "waiting", "failed"]
    assert operator.told("/dead/decide", act="discard", many="1", shown=ids[2:]) == ["1 mail is discarded now."]
    assert works.status(ids[2]).state is MailState.DISCARDED
    assert operator.told(f"/mail/{ids[0]}/decide", act="cancel") == ["1 mail is cancelled now."]
    assert operator.told(f"/mail/{ids[1]}/reschedule", at="2126-11-28T22:00")[0].endswith("choose an earlier time")
    assert operator.told(f"/mail/{ids[1]}/reschedule", at="soon")[0].startswith("Nothing was changed")
    operator.told(f"/mail/{ids[1]}/decide", act="cancel")


def test_what_cannot_be_decided_is_said_and_does_not_keep_the_others(operator: Operator, works: Plant) -> None:
    mail_id = waiting()
    fail("mail.bulk")
    gone = "0190a0b0-0000-7000-8000-000000000001"
    told = operator.told("/dead/decide", act="discard", id=[gone, mail_id])
    assert told[0] == "1 mail is discarded now."
    assert told[1].startswith(f"{gone}: no mail")
    assert operator.told("/dead/decide", act="discard") == ["Nothing was done: no mail was ticked."]
    for act in ("nope", "sent", ""):
        assert operator.post("/dead/decide", {"act": act, "id": mail_id}).status_code == 400


def test_of_two_people_who_decide_the_second_is_told_that_it_is_done(
    operator: Operator, page: ConsolePage, works: Plant
) -> None:
    mail_id = waiting()
    fail("mail.bulk")
    assert operator.told(f"/mail/{mail_id}/decide", act="discard") == ["1 mail is discarded now."]
    with Operator(page) as other:
        told = other.told(f"/mail/{mail_id}/decide", act="requeue")
    assert told == [f"{mail_id}: the ledger refuses: nobody can take a mail from discarded to waiting"]
    assert works.status(mail_id).state is MailState.DISCARDED


def test_a_person_decides_on_mails_of_which_nobody_knows(operator: Operator, works: Plant) -> None:
    ids = [waiting(f"p{number}@example.com") for number in range(3)]
    assert [lose_the_last_word("mail.bulk") for _ in ids] == ids
    assert all(mail_id in operator.text("/unknown") for mail_id in ids)
    assert ids[0] not in operator.text("/unknown?state=unknown")
    assert operator.told("/unknown/decide", act="sent", id=ids[0], why="the relay's log") == ["1 mail is sent now."]
    assert operator.told(f"/mail/{ids[1]}/decide", act="discard") == ["1 mail is discarded now."]
    assert operator.told(f"/mail/{ids[2]}/decide", act="resend") == ["1 mail is waiting now."]
    runtime().store.cancel(ids[2])


def test_an_address_is_suppressed_and_mailed_again(operator: Operator) -> None:
    told = operator.told(
        "/suppression/add", address="Ann <STOP@example.com>", reason="asked", days="2", list="default/bulk"
    )
    assert told == ["s…@example.com is not mailed any more."]
    (entry,) = [one for one in runtime().store.suppression.all() if one.address == "stop@example.com"]
    assert (entry.mailing_list, entry.reason) == ("default/bulk", "asked")
    assert entry.until == pytest.approx(entry.since + 2 * 86400)
    text = operator.text("/suppression?q=stop@example.com")
    (reference,) = re.findall(r'name="entry" value="(\w+)"', text)
    assert operator.told("/suppression/remove", entry=reference) == ["s…@example.com is mailed again."]
    assert operator.told("/suppression/remove", entry=reference) == ["That entry was not on the list any more."]


@pytest.mark.parametrize(
    "fields",
    [
        {"address": "x"},
        {"days": "0"},
        {"days": "nan"},
        {"days": "many"},
        {"list": "x"},
        {"list": "a/b\n"},
        {"days": "1e9"},
    ],
)
def test_what_is_no_entry_is_not_added(operator: Operator, fields: dict[str, str]) -> None:
    before = len(list(runtime().store.suppression.all()))
    (told,) = operator.told("/suppression/add", **{"address": "x@example.com", "days": "1e99", **fields})
    assert told.startswith("Nothing was added")
    assert len(list(runtime().store.suppression.all())) == before


def test_a_queue_is_paused_and_goes_on(operator: Operator) -> None:
    assert operator.told("/pauses/pause", kind="queue", name="mail.bulk", why="on fire") == [
        "queue mail.bulk is paused."
    ]
    assert runtime().store.pauses() == {Pause("queue", "mail.bulk"): "on fire"}
    assert "on fire" in operator.text("/")
    assert operator.told("/pauses/resume", kind="queue", name="mail.bulk") == ["queue mail.bulk goes on."]
    assert operator.told("/pauses/resume", kind="queue", name="mail.bulk") == ["queue mail.bulk was not paused."]
    for wrong in ({"kind": "worker", "name": "x"}, {"kind": "queue", "name": ""}, {"kind": "queue", "name": "a\nb"}):
        assert operator.post("/pauses/pause", wrong).status_code == 409
    assert runtime().store.pauses() == {}


@pytest.mark.parametrize("path", ["/dead/decide", "/unknown/decide"])
@pytest.mark.parametrize(
    "query", ["//evil.example", "https://evil.example/", "%0d%0aLocation:%20//evil.example", "/\\evil"]
)
def test_no_form_leads_elsewhere(operator: Operator, path: str, query: str) -> None:
    answer = operator.post(f"{path}?{query}", {"act": "discard" if path == "/dead/decide" else "sent"})
    assert answer.headers["Location"].startswith(f"{path.removesuffix('/decide')}?")


def test_a_mail_that_was_enqueued_by_now_is_there_at_the_next_look(operator: Operator) -> None:
    mail_id = waiting("late@example.com")
    assert mail_id in operator.get("/search", params={"by": "recipient", "q": "late@"}).text
    assert notifier.cancel(mail_id) is MailState.CANCELLED


def test_a_folder_of_the_program_is_not_served(operator: Operator) -> None:
    assert operator.get("/static/../app.py").status_code == 404
    assert (Path(__file__).parents[2] / "notifier/console/operator_page/static/console.css").is_file()
