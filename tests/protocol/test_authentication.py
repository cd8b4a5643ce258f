"""Which mechanism is used, in what order, and what is made of each answer."""

from __future__ import annotations

import base64
import hmac
import traceback

import pytest
from transcripts import Scripted

from notifier.errors import DeliveryError
from notifier.model.secret import Secret
from notifier.protocol.authentication import Login, authenticate
from notifier.protocol.dialogue import Loss
from notifier.protocol.extensions import Extensions
from notifier.protocol.sasl.choice import Credentials, Place, mechanisms_for
from notifier.protocol.sasl.scram import ChannelBinding

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


@pytest.mark.parametrize("field", ["user\0", "a\r\nb", "a\nb", "a\ud800"])
def test_law_5_what_no_mechanism_carries_is_refused_and_not_shown(field: str) -> None:
    for credentials, what in (
        ({"username": field}, "user name"),
        ({"username": "zoe", "password": Secret(field)}, "password"),
    ):
        with pytest.raises(ValueError, match=what) as caught:
            Credentials(**credentials)
        assert field not in str(caught.value)


@pytest.mark.parametrize("name", ["zoe\x01auth=Bearer evil", "z\x07", "z\x7f", "z\x85", "z\t"])
def test_law_5_a_control_character_in_a_name_is_refused(name: str) -> None:
    """\\x01 divides the fields of XOAUTH2: what stood behind it was another."""
    with pytest.raises(ValueError, match="user name") as caught:
        Credentials(name, token=lambda: Secret("t"))
    assert name not in str(caught.value)


@pytest.mark.parametrize("token", ["t\x01\x01host=evil", "t\r\nRSET", "two words", "", "t\ud800", "tök"])
@pytest.mark.parametrize("mechanism", ["XOAUTH2", "OAUTHBEARER"])
def test_law_5_what_is_no_token_is_told_before_anything_is_said(mechanism: str, token: str) -> None:
    error = refused(Credentials("zoe", token=lambda: Secret(token)), mechanism)
    assert error.taxonomy_id == "A3"
    assert not token or token not in str(error)


def test_a_token_that_is_no_secret_is_told_and_not_shown() -> None:
    error = refused(Credentials("zoe", token=lambda: "hunter2"), "XOAUTH2")  # type: ignore[arg-type, return-value]
    assert (error.taxonomy_id, "hunter2" in str(error)) == ("A3", False)


def test_a_token_callable_that_fails_is_a_fault_of_the_moment_and_its_words_stay_with_it() -> None:
    def token() -> Secret:
        raise RuntimeError("client_secret=hunter2")

    error = refused(Credentials("zoe", token=token), "OAUTHBEARER")
    assert (error.taxonomy_id, "RuntimeError" in str(error)) == ("A2", True)
    assert "hunter2" not in "".join(traceback.format_exception(error))


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


def test_law_11_in_clear_it_goes_where_the_caller_allows_it() -> None:
    allowed = Credentials("zoe", Secret("hunter2"), clear_auth=True)
    assert log_in(allowed, "PLAIN", b"235 in\r\n", safe=False).wire.sent.startswith(b"AUTH PLAIN ")


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
    scripted = log_in(Credentials("zoe", Secret("\u0627\u0031")), "SCRAM-SHA-256 PLAIN", b"235 in\r\n")
    assert scripted.wire.sent == b"AUTH PLAIN " + b64("\0zoe\0\u0627\u0031") + b"\r\n"


# servers that repeat what they heard ----------------------------------------------------------------------------------

PLAIN, WORD = b64("\0zoe\0hunter2"), b64("hunter2")
ECHOES = [
    ("PLAIN", [b"535 5.7.8 bad credentials " + PLAIN], PLAIN),
    ("PLAIN", [b'500 unknown command "AUTH PLAIN ' + PLAIN + b'"'], PLAIN),
    ("PLAIN", [b'500 line too long: "AUTH PLAIN ' + PLAIN[:12] + b'"'], PLAIN[:12]),
    ("PLAIN", [b"535-no\r\n535 user zoe, password hunter2, is unknown"], b"hunter2"),
    ("LOGIN", [b"334 eA==", b"334 eA==", b'500 5.5.1 Command unrecognized: "' + WORD + b'"'], WORD),
    ("LOGIN", [b"334 eA==", b"334 eA==", b"535 hunter2?"], b"hunter2"),
    ("XOAUTH2", [b"535 token v3ryS3cret has expired"], b"v3ryS3cret"),
]


@pytest.mark.parametrize(("mechanism", "replies", "secret"), ECHOES)
def test_law_15_what_a_server_repeats_of_a_login_is_masked(mechanism: str, replies: list[bytes], secret: bytes) -> None:
    credentials = Credentials("zoe", Secret("hunter2"), lambda: Secret("v3ryS3cret"), only=(mechanism,))
    error = refused(credentials, mechanism, *(reply + b"\r\n" for reply in replies))
    assert secret.decode() not in f"{error} {error!r} {error.fault} {error.smtp_error!r}"  # type: ignore[attr-defined]
    assert "***" in error.fault.text


def test_law_15_the_servers_own_words_stay() -> None:
    error = refused(PASSWORD, "PLAIN", b"535 5.7.8 Error: authentication failed: UGFzc3dvcmQ6\r\n")
    assert error.fault.text == "5.7.8 Error: authentication failed: UGFzc3dvcmQ6"


def test_law_15_a_short_password_is_masked_as_a_word_and_not_in_every_other_one() -> None:
    error = refused(Credentials("zoe", Secret("in")), "PLAIN", b"535 invalid: in\r\n")
    assert error.fault.text == "invalid: ***"
