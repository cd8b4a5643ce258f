"""Tenants, accounts and passwords that change, with real workers: whose mail goes by which login, under which name."""

from __future__ import annotations

from pathlib import Path

import pytest
from workers import Plant, plant, wait_until

import notifier
from notifier import send_email
from notifier.errors import InvalidMail
from notifier.model.state import MailState
from notifier.settings import Settings
from notifier.tasks.app import use_settings
from notifier.testing import CatchingServer

USERS = {"main": "canary-main", "bulk": "canary-bulk"}


def secret_file(path: Path, text: str) -> str:
    """Moved into its place whole, as secret managers do it."""
    fresh = path.with_suffix(".new")
    fresh.write_text(text)
    fresh.chmod(0o600)
    fresh.replace(path)
    return str(path)


def login(server: CatchingServer, user: str, password: str) -> str:
    return server.url.replace("://", f"://{user}:{password}@", 1)


def matrix(folder: Path, server: CatchingServer) -> Path:
    secret_file(folder / "bulk.url", login(server, "bulk", USERS["bulk"]))
    path = folder / "tenants.toml"
    path.write_text(
        """
        [accounts.bulk]
        smtp_url_file = "bulk.url"
        envelope_from = "bounces@shop.example"
        [tenants.shop]
        send = [{ as = "news@shop.example", through = "bulk" }, { as = "shop.example" }]
        """
    )
    return path


def send(sender: str, to: str = "zoe@example.com", **more: object) -> str:
    return send_email.delay(template="welcome", to=to, context={"name": "Zoë"}, sender=sender, **more).id


def from_files(made: Plant, folder: Path, **environ: str) -> None:
    """Settings that are read again when their files change, in the workers; this process is told."""
    made.environ.pop("NOTIFIER_SMTP_URL", None)
    made.environ.update(environ)
    chosen = {name: text for name, text in made.environ.items() if name.startswith("NOTIFIER_")}
    use_settings(Settings.load(chosen))


def test_each_mail_goes_by_the_login_of_its_sender_and_no_other(tmp_path: Path) -> None:
    """Fault 81: two accounts on one host, at once."""
    with CatchingServer(credentials=USERS) as server, plant(tmp_path) as made:
        made.use(NOTIFIER_SMTP_URL=login(server, "main", USERS["main"]), NOTIFIER_TENANTS=str(matrix(tmp_path, server)))
        made.start_worker(slots=2)
        news = [send("news@shop.example", f"n{number}@example.com", tenant="shop") for number in range(40)]
        orders = [send("orders@shop.example", f"o{number}@example.com", tenant="shop") for number in range(40)]
        made.settle([*news, *orders], "sent")
        who = {mail.recipients[0][0]: set() for mail in server.mailbox}
        for mail in server.mailbox:
            who[mail.recipients[0][0]].add((mail.user, mail.reverse_path))
        assert who == {"n": {("bulk", "bounces@shop.example")}, "o": {("main", "orders@shop.example")}}
        assert "canary" not in made.logs()


def test_a_sender_that_is_not_the_tenants_is_refused_at_the_call(tmp_path: Path) -> None:
    with plant(tmp_path) as made:
        made.use(NOTIFIER_TENANTS=str(matrix(tmp_path, made.server)).replace("bulk@", ""))
        with pytest.raises(InvalidMail, match=r"may not send as boss@house\.example"):
            send("boss@house.example", tenant="shop")
        with pytest.raises(InvalidMail, match="unknown tenant"):
            send("boss@house.example", tenant="nobody")


def test_a_right_that_was_taken_away_holds_up_the_mails_and_fails_none(tmp_path: Path) -> None:
    tenants = tmp_path / "tenants.toml"
    tenants.write_text('[tenants.shop]\nsend = [{ as = "shop.example" }]\n')
    with plant(tmp_path, NOTIFIER_TENANTS=str(tenants)) as made:
        mail_id = send("a@shop.example", tenant="shop")
        tenants.write_text('[tenants.shop]\nsend = [{ as = "other.example" }]\n')
        made.start_worker()
        wait_until(lambda: bool(notifier.status(mail_id).history), "it was looked at")
        found = notifier.status(mail_id)
        assert (found.state, found.attempt, found.last_fault.taxonomy_id) == (MailState.WAITING, 0, "TEN")
        made.workers.pop().stop()
        tenants.write_text('[tenants.shop]\nsend = [{ as = "shop.example" }]\n')
        made.start_worker()
        made.settle([mail_id], "sent")


def test_a_changed_password_is_used_without_a_restart_and_the_old_sessions_end(tmp_path: Path) -> None:
    """Fault 80."""
    url = tmp_path / "relay.url"
    with CatchingServer(credentials={"main": "canary-old"}) as server, plant(tmp_path) as made:
        from_files(
            made,
            tmp_path,
            NOTIFIER_SMTP_URL_FILE=secret_file(
                url, login(server, "main", "canary-old") + "&messages_per_connection=100000"
            ),
        )
        made.start_worker(slots=1)
        made.settle([send("a@x.example")], "sent")
        server.use_credentials({"main": "canary-new"})
        secret_file(url, login(server, "main", "canary-new") + "&messages_per_connection=100000")
        wait_until(lambda: sends_by_another_connection(made, server), "the new password is in use")
        wait_until(lambda: server.visits.now == 1, "the old session is over, and the new one waits for more")
        (first, *_), (old, *_) = server.mailbox, server.visits
        assert (old.number, old.said_quit) == (first.connection, True)
        assert "changed settings are in use" in made.logs()
        assert "canary" not in made.logs()


def sends_by_another_connection(made: Plant, server: CatchingServer) -> bool:
    made.settle([send("a@x.example")], "sent")
    first, *_, last = server.mailbox
    return first.connection != last.connection


def test_changed_settings_that_cannot_work_leave_those_of_before(tmp_path: Path) -> None:
    url = tmp_path / "relay.url"
    with plant(tmp_path) as made:
        good = made.server.url
        from_files(made, tmp_path, NOTIFIER_SMTP_URL_FILE=secret_file(url, good))
        made.start_worker(slots=1)
        made.settle([send("a@x.example")], "sent")
        secret_file(url, "smtp://user:canary@relay.example:465?colour=red")

        def told() -> bool:
            made.settle([send("a@x.example")], "sent")
            return "changed settings are not taken" in made.logs()

        wait_until(told, "the worker says why it goes on as before")
        assert "colour" in made.logs()
        assert "canary" not in made.logs()
