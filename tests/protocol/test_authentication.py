"""Which mechanism is used, in what order, and what is made of each answer."""

from __future__ import annotations

import base64
import hmac

import pytest
from transcripts import Scripted

from notifier.errors import DeliveryError
from notifier.model.secret import Secret
from notifier.protocol.authentication import Login, authenticate
from notifier.protocol.dialogue import Loss
from notifier.protocol.extensions import Extensions
from notifier.protocol.sasl import ChannelBinding, Credentials, Place, mechanisms_for

EVERYTHING = "PLAIN LOGIN CRAM-MD5 SCRAM-SHA-1 SCRAM-SHA-256 SCRAM-SHA-256-PLUS XOAUTH2 OAUTHBEARER EXTERNAL"
PASSWORD = Credentials("zoe", Secret("hunter2"))


def offered(mechanisms: str) -> Extensions:
    return Extensions("relay", {"AUTH": mechanisms})


def names(credentials: Credentials, offer: str = EVERYTHING, bindings: tuple[ChannelBinding, ...] = ()) -> list[str]:
    place = Place("relay.example", 587, bindings)
    return [mechanism.name for mechanism in mechanisms_for(credentials, offer.split(), place)]


def log_in(credentials: Credentials, offer: str, *replies: bytes, safe: bool = True) -> Scripted:
    scripted = Scripted(iter(replies), Loss.CLOSED)
    scripted.connection.receive(b"220 hi\r\n")
    scripted.connection.next_reply()
    scripted.play(authenticate(Login("relay:587", Place("relay", 587), credentials, safe=safe), offered(offer)))
    return scripted


def refused(credentials: Credentials, offer: str, *replies: bytes, safe: bool = True) -> DeliveryError:
    with pytest.raises(DeliveryError) as caught:
        log_in(credentials, offer, *replies, safe=safe)
    return caught.value


def b64(text: str | bytes) -> bytes:
    return base64.b64encode(text.encode() if isinstance(text, str) else text)


def test_law_11_the_strongest_comes_first() -> None:
    assert names(PASSWORD) == ["SCRAM-SHA-256", "SCRAM-SHA-1", "PLAIN", "LOGIN"]
    bound = names(PASSWORD, bindings=(ChannelBinding("tls-unique", b"x"),))
    assert bound[0] == "SCRAM-SHA-256-PLUS"


def test_law_11_cram_md5_only_when_it_is_named() -> None:
    assert names(Credentials("zoe", Secret("x"), only=("CRAM-MD5",))) == ["CRAM-MD5"]


def test_law_11_what_we_have_decides() -> None:
    assert names(Credentials("zoe", token=lambda: Secret("t"))) == ["OAUTHBEARER", "XOAUTH2"]
    assert names(Credentials(certificate=True)) == ["EXTERNAL"]
    assert names(PASSWORD, "GSSAPI NTLM") == []


@pytest.mark.parametrize("field", ["user\0", "a\r\nb", "a\nb"])
def test_law_5_controls_in_credentials_are_refused_and_not_shown(field: str) -> None:
    for credentials in ({"username": field}, {"username": "zoe", "password": Secret(field)}):
        with pytest.raises(ValueError, match="CR, LF or NUL") as caught:
            Credentials(**credentials)
        assert field not in str(caught.value)


def test_a_mechanism_that_there_is_not_is_refused() -> None:
    with pytest.raises(ValueError, match="no SASL mechanism of ours: 'PLAN'"):
        Credentials("zoe", only=("PLAN",))


def test_law_11_nothing_that_can_be_read_goes_in_clear() -> None:
    for credentials, offer in ((PASSWORD, "PLAIN LOGIN"), (Credentials("zoe", token=lambda: Secret("t")), "XOAUTH2")):
        assert refused(credentials, offer, safe=False).taxonomy_id == "A3"


def test_law_11_in_clear_a_mechanism_that_shows_nothing_will_do() -> None:
    scripted = log_in(Credentials("zoe", Secret("x"), only=("PLAIN", "CRAM-MD5")), "PLAIN CRAM-MD5",
                      b"334 PDE+\r\n", b"235 in\r\n", safe=False)  # fmt: skip
    digest = hmac.new(b"x", b"<1>", "md5").hexdigest()
    assert scripted.wire.flights == [b"AUTH CRAM-MD5\r\n", b64(f"zoe {digest}") + b"\r\n"]


def test_external_sends_an_empty_response() -> None:
    assert log_in(Credentials(certificate=True), "EXTERNAL", b"235 in\r\n").wire.sent == b"AUTH EXTERNAL =\r\n"


def test_oauthbearer_by_rfc_7628() -> None:
    sent = log_in(Credentials("zoe@x.example", token=lambda: Secret("vF9d")), "OAUTHBEARER", b"235 in\r\n").wire.sent
    expected = "n,a=zoe@x.example,\x01host=relay\x01port=587\x01auth=Bearer vF9d\x01\x01"
    assert sent == b"AUTH OAUTHBEARER " + b64(expected) + b"\r\n"


def test_a7_a_token_that_has_expired_is_fetched_anew_once() -> None:
    tokens = iter(["old", "new", "never"])
    replies = (b"334 " + b64('{"status":"401"}') + b"\r\n", b"535 expired\r\n", b"235 in\r\n")
    sent = log_in(Credentials("zoe", token=lambda: Secret(next(tokens))), "XOAUTH2", *replies).wire.flights
    assert sent[0] == b"AUTH XOAUTH2 " + b64("user=zoe\x01auth=Bearer old\x01\x01") + b"\r\n"
    assert sent[1] == b"\r\n"
    assert sent[2] == b"AUTH XOAUTH2 " + b64("user=zoe\x01auth=Bearer new\x01\x01") + b"\r\n"


def test_a7_the_same_token_is_not_tried_twice() -> None:
    error = refused(Credentials("zoe", token=lambda: Secret("t")), "XOAUTH2", b"535 wrong\r\n", b"235 in\r\n")
    assert error.taxonomy_id == "A1"


def test_a_token_that_does_not_fit_the_line_waits_for_its_challenge() -> None:
    token = Secret("t" * 2000)
    flights = log_in(Credentials("zoe", token=lambda: token), "XOAUTH2", b"334 \r\n", b"235 in\r\n").wire.flights
    assert flights[0] == b"AUTH XOAUTH2\r\n"
    assert len(flights[1]) > 2000


def test_law_11_scram_leaves_a_server_that_proves_nothing() -> None:
    error = refused(PASSWORD, "SCRAM-SHA-256", b"235 welcome\r\n")
    assert (error.taxonomy_id, "without proving" in str(error)) == ("A6", True)


def test_law_11_scram_cancels_with_a_server_that_cheats() -> None:
    error = refused(PASSWORD, "SCRAM-SHA-256", b"334 " + b64("r=x,s=AAAA,i=1") + b"\r\n", b"501 ended\r\n")
    assert error.taxonomy_id == "A6"


@pytest.mark.parametrize("challenge", [b"334 ???\r\n", b"334 AA\r\n"])
def test_a6_a_challenge_that_is_no_base64_ends_the_exchange(challenge: bytes) -> None:
    assert refused(PASSWORD, "LOGIN", challenge, b"501 ended\r\n").taxonomy_id == "A6"


def test_a6_endless_questions_are_ended() -> None:
    assert refused(PASSWORD, "LOGIN", *[b"334 eA==\r\n"] * 3, b"501 ended\r\n").taxonomy_id == "A6"


def test_law_11_after_535_stop_and_after_504_go_on() -> None:
    assert b"LOGIN" in log_in(PASSWORD, "PLAIN LOGIN", b"504 no\r\n", *[b"334 eA==\r\n"] * 2, b"235 in\r\n").wire.sent
    assert refused(PASSWORD, "PLAIN LOGIN", b"535 no\r\n", b"334 eA==\r\n").taxonomy_id == "A1"


def test_a_user_name_that_scram_prohibits_is_told_without_it() -> None:
    error = refused(Credentials("\u0627\u0031", Secret("x")), "SCRAM-SHA-256")
    assert error.taxonomy_id == "A3"
    assert "\u0627" not in str(error)
