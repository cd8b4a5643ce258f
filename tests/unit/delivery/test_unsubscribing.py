from __future__ import annotations

import base64
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from store_conformance import an_email

from notifier.delivery.signatures import SigningKey
from notifier.delivery.unsubscribing import MAX_TOKEN, NoToken, TokenOver, Unsubscribe, Unsubscription, made, opened
from notifier.mime import check_headers
from notifier.mime.list_unsubscribe import one_click
from notifier.model.address import Address
from notifier.model.ids import new_mail_id
from notifier.model.secret import Secret

OLD, NEW = (SigningKey(name, Secret(name * 20)) for name in ("2025", "20.6"))
ZOE = Unsubscription("zoe@example.com", "default/bulk", new_mail_id())
NOW = 1_800_000_000.0
UNSUBSCRIBE = Unsubscribe("https://shop.example/unsubscribe", [NEW, OLD])
LISTS = st.from_regex(r"[a-z0-9][a-z0-9_-]{0,62}/[a-z0-9][a-z0-9_-]{0,62}", fullmatch=True)


@given(st.emails(), LISTS, st.uuids(), st.none() | st.integers(int(NOW) + 1, 2**40))
def test_a_token_opens_to_what_it_was_made_of(address: str, mailing_list: str, mail_id: object, over: int) -> None:
    one = Unsubscription(address, mailing_list, str(mail_id), over)
    assert opened(made(one, NEW), [OLD, NEW], now=NOW) == one


def test_an_address_in_any_alphabet_and_with_a_blank_comes_back() -> None:
    for address in ("zoë@example.com", '"a b/c"@example.com'):
        assert opened(made(replace(ZOE, address=address), NEW), [NEW], now=NOW).address == address


def test_the_same_mail_has_the_same_token_and_another_mail_another() -> None:
    assert made(ZOE, NEW) == made(ZOE, NEW) != made(replace(ZOE, mail_id=new_mail_id()), NEW)


def test_no_address_and_no_list_can_be_read_in_a_token() -> None:
    text = made(ZOE, NEW).rpartition(".")[2]
    plain = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    assert not any(word in plain for word in (b"zoe", b"example", b"bulk"))


def test_a_key_that_makes_no_more_tokens_opens_its_old_ones() -> None:
    assert opened(made(ZOE, OLD), UNSUBSCRIBE.keys, now=NOW) == ZOE


@given(st.data())
def test_a_token_that_was_changed_anywhere_opens_no_more(data: st.DataObject) -> None:
    token = made(ZOE, NEW)
    at = data.draw(st.integers(0, len(token) - 1))
    other = data.draw(st.sampled_from("Aa0-_.=é").filter(lambda char: char != token[at]))
    # The last character of base64 has bits that say nothing.
    if at == len(token) - 1 and other.isascii() and (other.isalnum() or other in "-_"):
        return
    with pytest.raises(NoToken):
        opened(token[:at] + other + token[at + 1 :], [NEW], now=NOW)


@pytest.mark.parametrize(
    "token",
    ["", ".", "20.6.", "20.6.AAAA", "20.6.*", "x" * 100_000, made(ZOE, OLD)],
    ids=["nothing", "a dot", "no text", "too short", "no base64", "too long", "of another key"],
)
def test_what_is_no_token_is_told_so(token: str) -> None:
    with pytest.raises(NoToken):
        opened(token, [NEW], now=NOW)


def test_a_token_of_another_key_under_the_same_name_is_none() -> None:
    with pytest.raises(NoToken):
        opened(made(ZOE, NEW), [SigningKey(NEW.key_id, Secret("another" * 5))], now=NOW)


def test_a_token_whose_time_is_over_is_told_from_one_that_is_none() -> None:
    token = made(replace(ZOE, expires_at=int(NOW)), NEW)
    assert opened(token, [NEW], now=NOW - 1) == replace(ZOE, expires_at=int(NOW))
    with pytest.raises(TokenOver):
        opened(token, [NEW], now=NOW)


def opened_link(unsubscribe: Unsubscribe, link: str | None) -> Unsubscription:
    assert link is not None
    assert link.startswith("https://shop.example/unsubscribe?t=")
    return opened(link.partition("?t=")[2], unsubscribe.keys, now=NOW)


def test_a_link_is_the_recipients_and_the_lists() -> None:
    email = an_email("Zoë <Zoe@bücher.example>")
    found = opened_link(UNSUBSCRIBE, UNSUBSCRIBE.link(email, "default/bulk"))
    assert found == Unsubscription("Zoe@xn--bcher-kva.example", "default/bulk", email.id)


def test_a_link_lasts_from_when_the_mail_may_be_sent() -> None:
    unsubscribe = replace(UNSUBSCRIBE, lasts=500.0)
    email = an_email(created_at=NOW, send_at=NOW + 1000)
    assert opened_link(unsubscribe, unsubscribe.link(email, "default/bulk")).expires_at == NOW + 1500


@pytest.mark.parametrize("more", [{"cc": "ann"}, {"bcc": "ann"}])
def test_a_mail_to_several_has_no_link(more: dict[str, str]) -> None:
    others = {name: (Address.parse(f"{local}@example.com"),) for name, local in more.items()}
    assert UNSUBSCRIBE.link(an_email(**others), "default/bulk") is None
    assert UNSUBSCRIBE.link(an_email("zoe@example.com", "ann@example.com"), "default/bulk") is None


def test_a_mail_of_no_list_has_no_link() -> None:
    assert UNSUBSCRIBE.link(an_email(), None) is None


def test_the_longest_link_stands_in_a_header() -> None:
    address = f"{'a' * 64}@{'.'.join(['b' * 61] * 3)}.c"
    email = an_email(f"{address}{'c' * (254 - len(address))}")
    unsubscribe = Unsubscribe(f"https://shop.example/{'x' * 129}", [SigningKey("k" * 32, Secret("s" * 32))])
    link = unsubscribe.link(email, f"{'t' * 63}/{'c' * 63}")
    assert link is not None
    check_headers(one_click(link))
    assert len(link.partition("?t=")[2]) <= MAX_TOKEN
