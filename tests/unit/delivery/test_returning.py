from __future__ import annotations

import pytest
from store_conformance import an_email

from notifier.delivery.composer import Composer
from notifier.delivery.returning import Returning
from notifier.delivery.signatures import SigningKey
from notifier.model import bounce_token
from notifier.model.address import Address
from notifier.model.content import Content
from notifier.model.envelope import Envelope
from notifier.model.secret import Secret

KEY, OLD = SigningKey("new", Secret("n" * 32)), SigningKey("old", Secret("o" * 32))
TO = Address.parse("bounce@bücher.example")


class Plain:
    def render(self, template: str, context: object, locale: str | None = None) -> Content:
        return Content("Hello", "Hello")


class NoBlobs:
    def get_blob(self, blob: str) -> bytes:
        raise AssertionError

    open_blob = get_blob


def envelope(returning: Returning, *to: str, reverse_path: str | None = None) -> tuple[str, Envelope]:
    email = an_email(*to)
    composer = Composer(Plain(), NoBlobs(), Address.parse("shop@shop.example"), returning=returning)
    paths = tuple(address.forward_path for address in email.recipients)
    return email.id, composer.compose(email, paths, reverse_path=reverse_path).envelope


def test_the_reverse_path_says_which_mail_came_back() -> None:
    mail_id, found = envelope(Returning(TO, (KEY, OLD)))
    local_part, _, domain = found.reverse_path.partition("@")
    assert domain == "xn--bcher-kva.example"
    assert bounce_token.opened(local_part.removeprefix("bounce+"), [KEY.secret]) == mail_id


def test_all_recipients_of_a_mail_have_one_so_that_they_stay_one_transaction() -> None:
    _, found = envelope(Returning(TO, (KEY,)), "a@x.example", "b@x.example", "c@x.example")
    assert len(found.forward_paths) == 3


def test_the_envid_is_signed_where_there_is_a_key() -> None:
    mail_id, found = envelope(Returning(None, (KEY,)))
    assert found.reverse_path == "shop@shop.example"
    assert found.parameters is not None
    assert bounce_token.opened(found.parameters.envid or "", [KEY.secret]) == mail_id


def test_without_a_mailbox_and_keys_all_is_as_it_was() -> None:
    mail_id, found = envelope(Returning())
    assert found.parameters is not None
    assert (found.reverse_path, found.parameters.envid) == ("shop@shop.example", mail_id)


@pytest.mark.parametrize("own", ["returns@relay.example", ""])
def test_an_account_with_a_reverse_path_of_its_own_keeps_that(own: str) -> None:
    _, found = envelope(Returning(TO, (KEY,)), reverse_path=own)
    assert found.reverse_path == own
