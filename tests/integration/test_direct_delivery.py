"""mx:// with real workers: each recipient's domain is a way of its own, and what one domain does holds up no other."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from dns_server import DNSServer
from workers import Plant, plant, wait_until

import notifier
from notifier import send_email
from notifier.errors import ConfigurationError
from notifier.model.outcome import RecipientState
from notifier.model.state import MailState
from notifier.settings import Settings
from notifier.testing import CatchingServer, Script


@dataclass
class Domains:
    """Two domains with a mail server each, on one port; others can be added to the nameserver."""

    dns: DNSServer
    one: CatchingServer
    two: CatchingServer
    plant: Plant


@contextmanager
def domains(folder: Path, script: Script | None = None) -> Iterator[Domains]:
    with (
        DNSServer() as dns,
        CatchingServer("127.0.0.2", starttls=False) as one,
        CatchingServer("127.0.0.3", one.port, starttls=False, script=script) as two,
        plant(folder) as made,
    ):
        for name, server in (("one", one), ("two", two)):
            dns.add(f"{name}.example", "MX", f"10 mx.{name}.example.")
            dns.add(f"mx.{name}.example", "A", server.host)
        where = f"resolver=127.0.0.1:{dns.port}&port={one.port}&allow=127.0.0.0/8"
        made.use(NOTIFIER_SMTP_URL=f"mx://?{where}&timeout_connect=2")
        yield Domains(dns, one, two, made)


def send(*to: str, **more: object) -> str:
    return send_email.delay(template="welcome", to=list(to), context={"name": "Zoë"}, **more).id


def test_each_domain_gets_the_mail_for_its_own_people_once(tmp_path: Path) -> None:
    with domains(tmp_path) as internet:
        internet.plant.start_worker()
        ids = [send("a@one.example", "b@two.example", f"c{number}@one.example") for number in range(10)]
        internet.plant.settle(ids, "sent")
        assert [min(mail.recipients) for mail in internet.one.mailbox] == ["a@one.example"] * 10
        assert [mail.recipients for mail in internet.two.mailbox] == [("b@two.example",)] * 10
        one, two = ({mail.message_id: mail.data for mail in server.mailbox} for server in (internet.one, internet.two))
        assert one == two, "each mail octet for octet, in whatever order the children sent them"
        assert len(one) == 10
        assert {notifier.status(one).attempt for one in ids} == {1}


def test_who_was_accepted_is_not_mailed_again_because_another_domain_comes_later(tmp_path: Path) -> None:
    with domains(tmp_path, Script().defer_first("b@two.example", times=2)) as internet:
        internet.plant.start_worker()
        mail_id = send("a@one.example", "b@two.example")
        internet.plant.settle([mail_id], "sent")
        assert (len(internet.one.mailbox), len(internet.two.mailbox)) == (1, 1)
        assert notifier.status(mail_id).attempt == 3


def test_a_domain_that_is_not_there_is_refused_for_good_and_the_others_get_theirs(tmp_path: Path) -> None:
    with domains(tmp_path) as internet:
        internet.plant.start_worker()
        mail_id = send("a@one.example", "b@nowhere.example")
        internet.plant.settle([mail_id], "sent")
        assert notifier.status(mail_id).recipients == {
            "a@one.example": RecipientState.ACCEPTED,
            "b@nowhere.example": RecipientState.REFUSED,
        }
        alone = send("c@nowhere.example")
        internet.plant.settle([alone], "failed")
        assert notifier.status(alone).last_fault.taxonomy_id == "D2"


def test_a_dead_domain_holds_up_its_own_mails_alone_and_spends_no_attempt(tmp_path: Path) -> None:
    """Fault 82."""
    with domains(tmp_path) as internet:
        internet.dns.add("dead.example", "A", "127.0.0.4")  # nobody listens there
        internet.plant.use(NOTIFIER_RETRY_SCALE="1")
        internet.plant.start_worker()
        dead = [send(f"a{number}@dead.example") for number in range(40)]
        both = send("a@one.example", "b@dead.example")
        alive = [send(f"a{number}@two.example") for number in range(100)]
        internet.plant.settle(alive, "sent")
        wait_until(lambda: all(notifier.status(one).history for one in (*dead, both)), "each was tried")
        found = [notifier.status(one) for one in dead]
        assert {(one.state, one.attempt) for one in found} == {(MailState.WAITING, 0)}
        assert notifier.status(both).recipients["a@one.example"] is RecipientState.ACCEPTED
        assert len(internet.one.mailbox) == 1


@pytest.mark.parametrize("text", ["mx:// smtp://relay.example", "smtp://a,mx://?port=25", "mx://relay.example"])
def test_it_stands_alone(text: str) -> None:
    with pytest.raises(ConfigurationError, match="mx://"):
        Settings.load({"NOTIFIER_BROKER_URL": "redis://localhost", "NOTIFIER_SMTP_URL": text})
