"""What an operator gets wrong in a hurry is said, and does not look as if there were nothing to do."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from types import SimpleNamespace

import pytest
from click.testing import CliRunner, Result
from fake_ledger import Clock, fake_redis, fake_store
from store_conformance import GREYLISTED, added, an_email, claimed, state_of

from notifier.cli import cancel, dead, pause
from notifier.model.state import MailState
from notifier.settings import Settings
from notifier.store import RedisStore
from notifier.store.base import Settlement

RELAYS = "smtp://relay.example:2525"
Run = Callable[..., Result]


@pytest.fixture
def store() -> Iterator[RedisStore]:
    with fake_redis(Clock()) as server:
        store = fake_store()
        yield store
        store.close()
        server.close()


@pytest.fixture
def run(store: RedisStore, monkeypatch: pytest.MonkeyPatch) -> Run:
    given = {"NOTIFIER_BROKER_URL": "redis://ledger.test", "NOTIFIER_SMTP_URL": RELAYS}

    def run(command: SimpleNamespace, *words: str, **more: str) -> Result:
        mine = SimpleNamespace(store=store, settings=Settings.load({**given, **more}))
        for where in ("tasks.operating", "cli.choosing", "cli.pause"):
            monkeypatch.setattr(f"notifier.{where}.runtime", lambda: mine)
        monkeypatch.setattr("notifier.cli.dead.ring_for_what_is_due", lambda: None)
        return CliRunner().invoke(command.command, words)

    return run


def failed(store: RedisStore, address: str = "zoe@example.com", **more: str) -> str:
    claim = claimed(store, an_email(address, **more))
    store.settle([Settlement(claim, MailState.FAILED, fault=GREYLISTED)])
    return claim.mail_id


@pytest.mark.parametrize("domain", ["bücher.example", "BÜCHER.example", "xn--bcher-kva.example"])
@pytest.mark.parametrize("address", ["zoe@bücher.example", "zoë@bücher.example"])
def test_a_domain_is_meant_in_whatever_script_it_is_written(
    run: Run, store: RedisStore, address: str, domain: str
) -> None:
    meant, other = added(store, an_email(address), an_email("zoe@cher.example"))
    assert run(cancel, "--domain", domain).stdout == "1 cancelled\n"
    assert (state_of(store, meant), state_of(store, other)) == ("cancelled", "waiting")


@pytest.mark.parametrize("domain", ["", "@example.com", "no domain"])
def test_what_is_no_domain_is_said(run: Run, domain: str) -> None:
    found = run(cancel, "--domain", domain)
    assert (found.exit_code, "is no domain" in found.output) == (2, True)


def test_a_row_is_meant_in_any_case_and_one_that_there_is_not_is_said(run: Run, store: RedisStore) -> None:
    mail_id, row = failed(store), GREYLISTED.taxonomy_id
    (listed,) = json.loads(run(dead, "list", "--row", row.lower(), "--json").stdout)
    assert listed["id"] == mail_id
    found = run(dead, "list", "--row", "R77")
    assert (found.exit_code, "is no row of the taxonomy" in found.output) == (2, True)


def test_a_queue_that_never_had_a_mail_is_said_where_mails_are_chosen_by_it(run: Run, store: RedisStore) -> None:
    (mail_id,) = added(store, an_email())
    assert "no mail was ever in a queue 'mial'; there are mail" in run(cancel, "--queue", "mial").output
    assert run(cancel, "--queue", "mail").output == "1 cancelled\n"
    assert state_of(store, mail_id) is MailState.CANCELLED


def test_one_mail_to_another_address_takes_no_rate(run: Run, store: RedisStore) -> None:
    """It went out at once."""
    mail_id = failed(store)
    found = run(dead, "requeue", mail_id, "--to", "zoe@example.com=ann@example.com", "--rate", "1/min")
    assert (found.exit_code, "which has no --rate" in found.output) == (2, True)
    assert state_of(store, mail_id) is MailState.FAILED


def test_another_address_in_place_of_one_that_the_mail_is_not_for_is_refused_with_its_id(
    run: Run, store: RedisStore
) -> None:
    mail_id = failed(store)
    found = run(dead, "requeue", mail_id, "--to", "nobody@example.com=ann@example.com")
    assert found.exit_code == 1
    assert found.stderr.startswith(f"{mail_id}: ")
    assert state_of(store, mail_id) is MailState.FAILED


def test_a_requeued_mail_to_a_suppressed_address_is_told_with_what_helps(run: Run, store: RedisStore) -> None:
    """It failed again, and nothing had said so before."""
    kept, free = failed(store), failed(store, "ann@example.com")
    store.suppress("zoe@example.com", "bounced")
    found = run(dead, "requeue", kept, free)
    assert (found.exit_code, found.stdout) == (0, "2 waiting\n")
    assert found.stderr == (
        f"{kept}: zoe@example.com is on the suppression list (bounced), and is not mailed until it is off it: "
        "notifier suppress remove zoe@example.com\n"
    )


def test_so_is_one_to_somebody_who_has_unsubscribed_from_such_mails(run: Run, store: RedisStore) -> None:
    """Of that tenant and class alone: his others go out, and no word is lost about them."""
    theirs = failed(store, mail_class="bulk", tenant="shop")
    others = failed(store, mail_class="bulk"), failed(store, tenant="shop")
    store.suppress("zoe@example.com", "unsubscribed", "shop/bulk")
    found = run(dead, "requeue", *others, theirs)
    assert (found.exit_code, found.stdout) == (0, "3 waiting\n")
    assert found.stderr == (
        f"{theirs}: zoe@example.com is on the suppression list of shop/bulk (unsubscribed), and is not mailed until it is off it: "
        "notifier suppress remove zoe@example.com --list shop/bulk\n"
    )


def test_so_is_another_address_that_is_not_mailed_either(run: Run, store: RedisStore) -> None:
    mail_id = failed(store)
    store.suppress("ann@example.com", "bounced")
    found = run(dead, "requeue", mail_id, "--to", "zoe@example.com=ann@example.com")
    assert (found.exit_code, found.stdout) == (0, "1 waiting\n")
    assert f"{mail_id}: ann@example.com is on the suppression list (bounced)" in found.stderr


def test_so_it_is_told_to_programs(run: Run, store: RedisStore) -> None:
    mail_id = failed(store)
    store.suppress("zoe@example.com", "bounced")
    (row,) = json.loads(run(dead, "requeue", mail_id, "--json").stdout)
    assert (row["state"], row["error"], "notifier suppress remove" in row["warning"]) == ("waiting", None, True)


@pytest.mark.parametrize("rate", ["1e-300", "1e-12/h"])
def test_a_rate_that_nobody_lives_to_see_is_refused(run: Run, store: RedisStore, rate: str) -> None:
    """The due time was no whole number any more, and no list of waiting mails could be read."""
    ids = [failed(store), failed(store)]
    found = run(dead, "requeue", *ids, "--rate", rate)
    assert (found.exit_code, "would wait for over ten years" in found.output) == (2, True)
    assert {state_of(store, one) for one in ids} == {MailState.FAILED}


@pytest.mark.parametrize(
    ("kind", "name", "told"),
    [
        ("queue", "mail", ""),
        ("queue", "mail.bulk", ""),  # of a shipped class, whose first mail may still come
        ("queue", "mial", "no queue 'mial' is known here; there are mail"),
        ("relay", "relay.example:2525", ""),
        ("relay", "relay.example", "no relay 'relay.example' is known here; there are relay.example:2525"),
        ("tenant", "default", ""),
        ("tenant", "shop", "no tenant 'shop' is known here; there are default"),
    ],
)
def test_a_pause_of_what_nobody_knows_is_said_and_holds_all_the_same(
    run: Run, store: RedisStore, kind: str, name: str, told: str
) -> None:
    found = run(pause, kind, name)
    assert (found.exit_code, bool(found.stderr)) == (0, bool(told))
    assert found.stderr.startswith(told)
    assert [str(one) for one in store.pauses()] == [f"{kind} {name}"]


def test_with_delivery_to_the_recipients_own_servers_any_relay_may_be_one(run: Run) -> None:
    assert run(pause, "relay", "mx.example:25", NOTIFIER_SMTP_URL="mx://").stderr == ""


@pytest.mark.parametrize("name", ["", " "])
def test_nothing_is_paused_without_a_name(run: Run, store: RedisStore, name: str) -> None:
    found = run(pause, "queue", name)
    assert (found.exit_code, "which queue?" in found.output) == (2, True)
    assert store.pauses() == {}


def test_an_id_is_whole_on_a_narrow_terminal(run: Run, store: RedisStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    mail_id = failed(store)
    assert mail_id in run(dead, "list").stdout
