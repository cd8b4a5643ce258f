"""examples/django_shop by its README's commands: a site, a worker, Valkey and an SMTP server, each a process or a server of its own."""

from __future__ import annotations

import os
import re
import shlex
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
from workers import CLOCKS, QUICK, TOP, wait_until

from notifier.testing import CatchingServer, CaughtMail, EmbeddedValkey
from notifier.testing.supervised import SupervisedProcess

EXAMPLE = TOP / "examples" / "django_shop"
README = (EXAMPLE / "README.md").read_text(encoding="utf-8")
TOKEN = re.compile(r'name="csrfmiddlewaretoken" value="(\w+)"')
LINK = re.compile(r"http://\S+")
PASSWORD = "sixteen saltines"
DECLINED = "4000000000000002"
PDF = b"%PDF-1.7\n" + bytes(range(256)) * 8 + b"\r\n.\r\n%%EOF"
CSV = "\ufeffname;price\r\nGröße 7;1,50\nno line end".encode()


@dataclass
class Site:
    """The shop while it runs. Each test has customers of its own."""

    url: str
    server: CatchingServer
    database: Path

    def mails_to(self, name: str) -> list[CaughtMail]:
        return [mail for mail in self.server.mailbox if mail.recipients == (f"{name}@example.com",)]

    def mail_to(self, name: str, number: int = 1) -> CaughtMail:
        """The last of so many."""
        wait_until(lambda: len(self.mails_to(name)) >= number, f"mail {number} to {name}")
        mails = self.mails_to(name)
        assert len(mails) == number
        return mails[-1]

    def rows(self, query: str, *values: str) -> list[tuple[object, ...]]:
        with closing(sqlite3.connect(self.database, timeout=20)) as connection:
            return connection.execute(query, values).fetchall()

    def outbox(self, name: str) -> list[tuple[object, ...]]:
        """State, outcome and hand-overs of each row."""
        query = "select state, outcome, hand_overs from notifier_outboxmail where recipients = ?"
        return self.rows(query, f"{name}@example.com")

    def settled(self, name: str, mails: int) -> None:
        """Nobody sweeps here but the worker, and each row was handed over once."""
        query = "select id from notifier_outboxmail where state <> 'settled'"
        wait_until(lambda: not self.rows(query), "the outbox is settled", look_every=0.2)
        assert self.outbox(name) == [("settled", "sent", 1)] * mails


@dataclass
class Browser:
    client: httpx.Client

    def fill_in(self, page: str, *, files: dict[str, tuple[str, bytes]] | None = None, **fields: str) -> httpx.Response:
        """Open a page, and send its form."""
        opened = self.client.get(page)
        token = TOKEN.search(opened.text)
        assert token, opened.text
        return self.client.post(opened.url, data={"csrfmiddlewaretoken": token[1], **fields}, files=files)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    folder = tmp_path_factory.mktemp("django_shop")
    with EmbeddedValkey() as valkey, CatchingServer() as server:
        inherited = {name: text for name, text in os.environ.items() if not name.startswith(("NOTIFIER_", "DJANGO_"))}
        environ = {
            **inherited,
            **CLOCKS,
            "PYTHONPATH": str(TOP),
            "PYTHONDONTWRITEBYTECODE": "1",
            "PYTHONUNBUFFERED": "1",
            "NOTIFIER_BROKER_URL": valkey.url,
            "NOTIFIER_SMTP_URL": server.url,
            "NOTIFIER_JOURNAL": str(folder / "journal"),
            "SHOP_DATABASE": str(folder / "shop.sqlite3"),
        }
        subprocess.run(command("migrate"), env=environ, cwd=EXAMPLE, check=True, capture_output=True, timeout=100)
        runserver = [word.replace(":8080", ":0") for word in command("runserver")]
        celery = [*command("celery"), "-c", "1", "-l", "INFO", *QUICK]
        with (
            running(runserver, environ, folder / "site.log", re.compile(r"server at (http://\S+)/")) as url,
            running(celery, environ, folder / "worker.log", re.compile(r"(\S+) ready\.")),
        ):
            yield Site(url, server, folder / "shop.sqlite3")


def command(word: str) -> list[str]:
    """The line of the README that has this word, for this Python."""
    (line,) = (line for line in README.splitlines() if line.startswith("    ") and word in line.split())
    first, *others = shlex.split(line, comments=True)
    return [sys.executable, *(() if first == "python" else ("-m", first)), *others]


@contextmanager
def running(words: list[str], environ: dict[str, str], log: Path, ready: re.Pattern[str]) -> Iterator[str]:
    with log.open("wb") as file:
        process = SupervisedProcess(words, env=environ, cwd=EXAMPLE, output=file)
    try:
        wait_until(lambda: bool(ready.search(log.read_text())) or not process.running, f"{log.stem} is up")
        found = ready.search(log.read_text())
        assert found, log.read_text()
        yield found[1]
    finally:
        process.stop()


@pytest.fixture
def browser(site: Site) -> Iterator[Browser]:
    with httpx.Client(base_url=site.url, follow_redirects=True, timeout=60, trust_env=False) as client:
        yield Browser(client)


def sign_up(browser: Browser, name: str, email: str = "") -> httpx.Response:
    address = email or f"{name}@example.com"
    return browser.fill_in("/sign-up", username=name, email=address, password1=PASSWORD, password2=PASSWORD)


def log_in(browser: Browser, name: str, password: str = PASSWORD) -> httpx.Response:
    return browser.fill_in("/accounts/login/", username=name, password=password)


def link_in(mail: CaughtMail) -> str:
    (link,) = LINK.findall(mail.text())
    return str(link)


def customer(site: Site, browser: Browser, name: str) -> None:
    """One who has a mail already, and is logged in."""
    sign_up(browser, name)
    browser.fill_in(link_in(site.mail_to(name)))
    assert "What may we print?" in log_in(browser, name).text


def test_a_sign_up_sends_one_mail_and_its_link_opens_the_account_once(site: Site, browser: Browser) -> None:
    assert "A mail is on its way" in sign_up(browser, "zoe").text
    mail = site.mail_to("zoe")
    assert (mail.subject, mail.message["From"]) == ("Is this your address?", "The print shop <shop@example.com>")
    assert "enter a correct username and password" in log_in(browser, "zoe").text
    assert "Please log in" in browser.fill_in(link_in(mail)).text
    assert browser.client.get(link_in(mail)).status_code == 404
    assert "What may we print?" in log_in(browser, "zoe").text
    site.settled("zoe", mails=1)
    assert len(site.mails_to("zoe")) == 1


def test_an_address_that_cannot_be_mailed_is_told_and_opens_no_account(site: Site, browser: Browser) -> None:
    too_long = f"{'x' * 65}@example.com"  # RFC 5321, 4.5.3.1.1
    assert "This address cannot be mailed" in sign_up(browser, "lea", too_long).text
    assert site.rows("select 1 from auth_user where username = 'lea'") == []


def test_a_link_of_somebody_else_opens_no_account(site: Site, browser: Browser) -> None:
    sign_up(browser, "mia")
    sign_up(browser, "zoë@home", "zoe.home@example.com")
    link = link_in(site.mail_to("mia"))
    assert browser.client.get(link.replace("/mia/", "/zoë@home/")).status_code == 404
    assert browser.client.get(link.replace("/mia/", "/nobody/")).status_code == 404


def test_a_reset_of_the_password_is_mailed_and_its_link_leads_to_the_form(site: Site, browser: Browser) -> None:
    customer(site, browser, "pat")
    browser.client.cookies.clear()
    assert browser.fill_in("/accounts/password_reset/", email="pat@example.com").url.path.endswith("/done/")
    link = link_in(site.mail_to("pat", 2))
    other = "seventeen saltines"
    assert "complete" in browser.fill_in(link, new_password1=other, new_password2=other).text
    assert "What may we print?" in log_in(browser, "pat", other).text
    site.settled("pat", mails=2)


@pytest.mark.parametrize(
    ("name", "document", "octets", "kind"),
    [
        ("petra", "Größen, 2. Auflage.pdf", PDF, "application/pdf"),
        ("carl", "prices.csv", CSV, "application/octet-stream"),
        ("lara", "latin.CSV", "Größe;7\r\n".encode("latin-1"), "application/octet-stream"),
    ],
)
def test_an_order_sends_one_mail_with_the_document_as_it_was(
    site: Site, browser: Browser, name: str, document: str, octets: bytes, kind: str
) -> None:
    customer(site, browser, name)
    ordered = browser.fill_in("/", files={"document": (document, octets)}, copies="3", card="4111")
    assert "is on its way" in ordered.text
    mail = site.mail_to(name, 2)
    (attached,) = mail.message.iter_attachments()
    assert attached.get_payload(decode=True) == octets
    assert (attached.get_filename(), attached.get_content_type()) == (document, kind)
    assert f"we print {document}, 3 times" in mail.text()
    site.settled(name, mails=2)
    assert len(site.mails_to(name)) == 2


def test_an_order_that_is_rolled_back_leaves_neither_mail_nor_row(site: Site, browser: Browser) -> None:
    customer(site, browser, "rolf")
    site.settled("rolf", mails=1)
    document = {"document": ("prices.csv", CSV)}
    assert "card was declined" in browser.fill_in("/", files=document, copies="1", card=DECLINED).text
    orders = "select document from shop_order join auth_user on auth_user.id = customer_id where username = ?"
    assert (len(site.outbox("rolf")), site.rows(orders, "rolf")) == (1, [])
    assert site.rows("select name from notifier_outboxblob") == []
    assert "is on its way" in browser.fill_in("/", files=document, copies="2", card="4111").text
    assert "prices.csv, 2 times" in site.mail_to("rolf", 2).text()
    site.settled("rolf", mails=2)
    assert len(site.mails_to("rolf")) == 2


def test_a_document_of_another_format_is_told_to_the_customer(site: Site, browser: Browser) -> None:
    customer(site, browser, "fred")
    refused = browser.fill_in("/", files={"document": ("run.exe", b"MZ")}, copies="1", card="4111")
    assert "exe” is not allowed" in refused.text
    assert len(site.outbox("fred")) == 1


def test_its_readme_is_short() -> None:
    assert len(README.splitlines()) < 10
