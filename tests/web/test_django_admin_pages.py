"""The admin's pages in a real browser: a dead letter is found, looked at and discarded by hand."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from chromium import Browser
from real_servers.ground import held_ports, running
from shops import Shop, shop, sqlite
from workers import plant, wait_until

import notifier
from notifier.model.state import MailState
from notifier.testing import Script

SIGN_IN = """
document.querySelector('#id_username').value = 'root';
document.querySelector('#id_password').value = 'root';
document.querySelector('#login-form').submit();
"""
DISCARD = """
document.querySelector('input.action-select').click();
document.querySelector('select[name=action]').value = 'discard';
document.querySelector('#changelist-form .actions button').click();
"""


def test_a_dead_letter_is_found_looked_at_and_discarded_by_hand(tmp_path: Path) -> None:
    script = Script().refuse(lambda path: path.startswith("no"))
    with plant(tmp_path, script) as made, shop(made, sqlite(tmp_path)) as opened:
        made.start_worker(slots=1)
        opened.call("user", name="root")
        mail_id = opened.order("no one")
        made.settle([mail_id], "failed")
        opened.sweep()
        by_hand(opened, mail_id, tmp_path)
        assert notifier.status(mail_id).state is MailState.DISCARDED


def by_hand(opened: Shop, mail_id: str, folder: Path) -> None:
    with held_ports(1) as (port,):
        # Without the reloader, whose child would outlive it; "insecure" serves the admin's own files.
        command = [sys.executable, "-m", "django", "runserver", "--noreload", "--insecure", f"127.0.0.1:{port}"]
        server = running(command, environ=opened.environ, ports=[port], said=folder / "server.log")
        with server, Browser(folder / "browser") as browser:
            browser.open(f"http://127.0.0.1:{port}/admin/notifier/ledgermail/")
            browser.js(SIGN_IN)
            browser.until(lambda: browser.js("document.querySelectorAll('#result_list tbody tr').length") == 1)
            assert mail_id in browser.js("document.querySelector('#result_list').innerText")
            keep(browser, "list")
            browser.js("document.querySelector('#result_list tbody a').click()")
            browser.until(
                lambda: "No such user here" in browser.js("document.querySelector('#timeline')?.innerText ?? ''")
            )
            keep(browser, "mail")
            browser.open(f"http://127.0.0.1:{port}/admin/notifier/ledgermail/?state=failed", width=480)
            browser.js(DISCARD)
            browser.until(lambda: "Discard is done" in browser.js("document.body?.innerText ?? ''"))
            wait_until(lambda: notifier.status(mail_id).state is MailState.DISCARDED, "it is discarded")
            browser.open(f"http://127.0.0.1:{port}/admin/notifier/outboxmail/", dark=True)
            assert mail_id in browser.js("document.querySelector('#result_list').innerText")
            keep(browser, "outbox")
            assert browser.errors == []


def keep(browser: Browser, name: str) -> None:
    """A picture for people, where one is wanted."""
    if folder := os.environ.get("NOTIFIER_SCREENSHOTS"):
        browser.screenshot(Path(folder) / f"admin-{name}.png")
