"""The admin's pages in a real browser: a dead letter is found, looked at and discarded by hand."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from chromium import look
from real_servers.ground import held_ports, running
from shops import Shop, shop, sqlite
from workers import plant, wait_until

import notifier
from notifier.model.state import MailState
from notifier.testing import Script

if TYPE_CHECKING:
    from playwright.sync_api import Page


def test_a_dead_letter_is_found_looked_at_and_discarded_by_hand(tab: Page, tmp_path: Path) -> None:
    script = Script().refuse(lambda path: path.startswith("no"))
    with plant(tmp_path, script) as made, shop(made, sqlite(tmp_path)) as opened:
        made.start_worker(slots=1)
        opened.call("user", name="root")
        mail_id = opened.order("no one")
        made.settle([mail_id], "failed")
        opened.sweep()
        by_hand(tab, opened, mail_id, tmp_path)
        assert notifier.status(mail_id).state is MailState.DISCARDED


def by_hand(tab: Page, opened: Shop, mail_id: str, folder: Path) -> None:
    with held_ports(1) as (port,):
        # Without the reloader, whose child would outlive it; "insecure" serves the admin's own files.
        command = [sys.executable, "-m", "django", "runserver", "--noreload", "--insecure", f"127.0.0.1:{port}"]
        server = running(command, environ=opened.environ, ports=[port], said=folder / "server.log")
        with server:
            admin = f"http://127.0.0.1:{port}/admin/notifier"
            look(tab, f"{admin}/ledgermail/")
            tab.fill("#id_username", "root")
            tab.fill("#id_password", "root")
            tab.get_by_role("button", name="Log in").click()
            tab.locator("#result_list tbody tr", has_text=mail_id).wait_for()
            assert tab.locator("#result_list tbody tr").count() == 1
            keep(tab, "list")
            tab.locator("#result_list tbody a").first.click()
            tab.locator("#timeline", has_text="No such user here").wait_for()
            keep(tab, "mail")
            look(tab, f"{admin}/ledgermail/?state=failed", width=480)
            tab.locator("input.action-select").check()
            tab.select_option("select[name=action]", "discard")
            tab.locator("#changelist-form .actions button").click()
            tab.get_by_text("Discard is done").wait_for()
            wait_until(lambda: notifier.status(mail_id).state is MailState.DISCARDED, "it is discarded")
            look(tab, f"{admin}/outboxmail/", dark=True)
            assert mail_id in tab.inner_text("#result_list")
            keep(tab, "outbox")


def keep(tab: Page, name: str) -> None:
    """A picture for people, where one is wanted."""
    if os.environ.get("NOTIFIER_SCREENSHOTS"):
        tab.screenshot(path=Path(".cache") / "pictures" / f"admin-{name}.png", full_page=True)
