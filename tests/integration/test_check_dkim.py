"""What `notifier check` says of the keys, with a nameserver on loopback."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest
from dns_server import DNSServer, Mischief
from signing_keys import ed25519_key, rsa_key

from notifier.cli.check_dkim import looked_at
from notifier.delivery.unsubscribing import Unsubscribe
from notifier.mime.dkim_key import DkimKey
from notifier.model.tenant import Grant, Sender, Tenant
from notifier.settings import Settings
from notifier.settings.dkim import DkimKeys
from notifier.settings.tenants import Matrix
from notifier.smtp.mx.resolver import Resolver

LEAST = {"NOTIFIER_BROKER_URL": "redis://localhost", "NOTIFIER_FROM": "shop@shop.example"}
KEY = ed25519_key("shop.example")


@pytest.fixture
def server() -> Iterator[DNSServer]:
    with DNSServer() as made:
        yield made


def chosen(*keys: DkimKey) -> Settings:
    return replace(Settings.load(LEAST), dkim=DkimKeys(keys))


def told(server: DNSServer, *keys: DkimKey) -> list[tuple[bool, str, str]]:
    return list(looked_at(chosen(*keys), Resolver([("127.0.0.1", server.port)])))


def test_a_public_key_in_the_dns_is_found(server: DNSServer) -> None:
    server.add(KEY.record_name, "TXT", f'"{KEY.record}"')
    assert [(ok, advice) for ok, _, advice in told(server, KEY)] == [(True, "")]


@pytest.mark.parametrize("record", ["v=DKIM1; k=ed25519; p=AAAA", "v=DKIM1; p="])
def test_another_public_key_is_a_fault_and_the_right_one_is_told(server: DNSServer, record: str) -> None:
    server.add(KEY.record_name, "TXT", f'"{record}"')
    ((ok, _, advice),) = told(server, KEY)
    assert (ok, KEY.record in advice) == (False, True)


def test_a_dns_that_does_not_answer_is_no_fault_of_the_key(server: DNSServer) -> None:
    server.misbehave(KEY.record_name, "TXT", Mischief.SERVFAIL)
    ((ok, seen, _),) = told(server, KEY)
    assert (ok, "did not tell" in seen) == (True, True)


def test_a_short_key_is_told() -> None:
    ((ok, _, advice),) = looked_at(chosen(rsa_key("shop.example", bits=1024)), None)
    assert (ok, "2048 bits" in advice) == (True, True)


def test_a_short_key_is_made_anew_before_it_is_published(server: DNSServer) -> None:
    ((ok, _, advice),) = told(server, rsa_key("shop.example", bits=1024))
    assert (ok, "2048 bits" in advice) == (False, True)


def test_senders_without_a_key_are_named() -> None:
    senders = tuple(map(Sender, ("*", "news.shop.example", "zoe@other.example", "*.third.example")))
    settings = replace(chosen(KEY), matrix=Matrix({"shop": Tenant("shop", (Grant(senders),))}, {}))
    seen = [seen for _, seen, _ in looked_at(settings, None)]
    assert seen[1:] == ["mails from other.example go unsigned", "mails from third.example go unsigned"]


def test_unsigned_mails_that_are_to_be_unsubscribed_from_are_told_why_that_matters() -> None:
    settings = replace(chosen(), unsubscribe=Unsubscribe("https://shop.example/u", ()))
    ((ok, _, advice),) = looked_at(settings, None)
    assert (ok, "one click" in advice) == (True, True)
