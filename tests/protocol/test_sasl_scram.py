"""SCRAM by the vectors of RFC 5802 and RFC 7677, against a peer, and against servers that cheat."""

from __future__ import annotations

import pytest
import scramp

from notifier.model.secret import Secret
from notifier.protocol.sasl.mechanism import BindingRefused, MechanismFailed
from notifier.protocol.sasl.saslprep import saslprep
from notifier.protocol.sasl.scram import ChannelBinding, Scram

VECTORS = [
    pytest.param(
        "SHA-1", "fyko+d2lbbFgONRv9qkxdawL", "n,,n=user,r=fyko+d2lbbFgONRv9qkxdawL",
        b"r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,s=QSXCR+Q6sek8bf92,i=4096",
        "c=biws,r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,p=v0X8v3Bz2T0CJGbJQyF0X+HI4Ts=",
        b"v=rmF9pqV8S7suAoZWja4dJRkFsKQ=", id="RFC 5802 section 5",
    ),
    pytest.param(
        "SHA-256", "rOprNGfwEbeRWgbNEkqO", "n,,n=user,r=rOprNGfwEbeRWgbNEkqO",
        b"r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096",
        "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=",
        b"v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=", id="RFC 7677 section 3",
    ),
]  # fmt: skip


def exchange(hash_name: str = "SHA-1", password: str = "pencil", **options: object) -> Scram:
    return Scram(hash_name, "user", Secret(password), **options)  # type: ignore[arg-type]


@pytest.mark.parametrize(("hash_name", "nonce", "first", "server_first", "final", "server_final"), VECTORS)
def test_law_11_the_vectors_of_the_rfcs(
    hash_name: str, nonce: str, first: str, server_first: bytes, final: str, server_final: bytes
) -> None:
    scram = exchange(hash_name, nonce=nonce)
    assert scram.initial().reveal() == first
    assert scram.answer(server_first).reveal() == final
    assert scram.answer(server_final).reveal() == ""
    scram.succeeded()


@pytest.mark.parametrize("hash_name", ["SHA-1", "SHA-256"])
@pytest.mark.parametrize(
    "binding", [None, ChannelBinding("tls-unique", b"xyz"), ChannelBinding("tls-server-end-point", b"\0\1")]
)
@pytest.mark.parametrize(("username", "password"), [("user", "pencil"), ("a,b=c", "pässwörd"), ("ⅸ", "Ⅷ\u00a0x")])
def test_law_11_a_peer_agrees(hash_name: str, binding: ChannelBinding | None, username: str, password: str) -> None:
    name = f"SCRAM-{hash_name}" + ("-PLUS" if binding else "")
    mechanism = scramp.ScramMechanism(name)
    theirs = (binding.kind, binding.data) if binding else None
    known = mechanism.make_auth_info(saslprep(password), iteration_count=4096)
    server = mechanism.make_server(lambda _: known, channel_binding=theirs)
    ours = Scram(hash_name, username, Secret(password), binding=binding)
    assert ours.name == name
    server.set_client_first(ours.initial().reveal())
    server.set_client_final(ours.answer(server.get_server_first().encode()).reveal())
    ours.answer(server.get_server_final().encode())
    ours.succeeded()


def test_law_11_a_binding_of_another_connection_is_noticed_by_the_peer() -> None:
    mechanism = scramp.ScramMechanism("SCRAM-SHA-256-PLUS")
    known = mechanism.make_auth_info("pencil")
    server = mechanism.make_server(lambda _: known, channel_binding=("tls-unique", b"theirs"))
    ours = Scram("SHA-256", "user", Secret("pencil"), binding=ChannelBinding("tls-unique", b"ours"))
    server.set_client_first(ours.initial().reveal())
    with pytest.raises(scramp.ScramException, match="channel bindings"):
        server.set_client_final(ours.answer(server.get_server_first().encode()).reveal())


@pytest.mark.parametrize(
    ("options", "flag"),
    [({}, "n,,"), ({"could_bind": True}, "y,,"), ({"binding": ChannelBinding("tls-unique", b"x")}, "p=tls-unique,,")],
)
def test_law_11_the_server_is_told_whether_we_could_bind(options: dict[str, object], flag: str) -> None:
    assert exchange(**options).initial().reveal().startswith(flag)


NONCE = "fyko+d2lbbFgONRv9qkxdawL"
FIRST = b"r=fyko+d2lbbFgONRv9qkxdawL3rfc,s=QSXCR+Q6sek8bf92,i=4096"


@pytest.mark.parametrize(
    ("server_first", "why"),
    [
        (b"r=other,s=QSXCR+Q6sek8bf92,i=4096", "nonce"),
        (b"r=" + NONCE.encode() + b",s=QSXCR+Q6sek8bf92,i=4096", "nonce"),
        (FIRST.replace(b"4096", b"1"), "iteration"),
        (FIRST.replace(b"4096", b"999999999"), "iteration"),
        (FIRST.replace(b"4096", b"2000001"), "iteration"),  # whole seconds, with no way to break them off
        (FIRST.replace(b"4096", b"-4096"), "iteration"),
        (FIRST.replace(b"4096", b"4096999999999"), "iteration"),
        (FIRST.replace(b"QSXCR+Q6sek8bf92", b"?"), "base64"),
        (FIRST.replace(b"QSXCR+Q6sek8bf92", b""), "salt"),
        (b"m=ext," + FIRST, "not one that we can answer"),
        (FIRST + b",r=twice", "malformed"),
        (b"hello", "malformed"),
        (b"\xff", "UTF-8"),
        (b"r=x,i=4096", "not one that we can answer"),
        (b"e=other-error", "ended SCRAM: other-error"),
    ],
)
def test_law_11_a_server_that_cheats_at_first_is_left(server_first: bytes, why: str) -> None:
    scram = exchange(nonce=NONCE)
    scram.initial()
    with pytest.raises(MechanismFailed, match=why):
        scram.answer(server_first)


@pytest.mark.parametrize("server_final", [b"v=AAAA", b"v=", b"x", b"e=invalid-proof", b"v=rmF9pqV8S7suAoZWja4dJRkFsKQ"])
def test_law_11_a_server_that_does_not_know_the_password_is_left(server_final: bytes) -> None:
    scram = exchange(nonce=NONCE)
    scram.initial()
    scram.answer(FIRST)
    with pytest.raises(MechanismFailed):
        scram.answer(server_final)


def test_law_11_welcome_without_a_proof_is_no_login() -> None:
    scram = exchange(nonce=NONCE)
    scram.initial()
    scram.answer(FIRST)
    with pytest.raises(MechanismFailed, match="without proving"):
        scram.succeeded()


def test_another_type_of_binding_is_told_apart_from_a_failure() -> None:
    scram = exchange(binding=ChannelBinding("tls-unique", b"x"))
    scram.initial()
    with pytest.raises(BindingRefused):
        scram.answer(b"e=unsupported-channel-binding-type")


def test_challenges_do_not_go_on_for_ever() -> None:
    scram = exchange(nonce=NONCE)
    scram.initial()
    scram.answer(FIRST)
    with pytest.raises(MechanismFailed):
        scram.answer(b"v=x")
    with pytest.raises(MechanismFailed, match="should have ended"):
        scram.answer(b"v=x")


@pytest.mark.parametrize(
    ("text", "prepared"),
    [("I\u00adX", "IX"), ("user", "user"), ("USER", "USER"), ("ª", "a"), ("Ⅸ", "IX")],
)
def test_saslprep_by_the_vectors_of_rfc_4013(text: str, prepared: str) -> None:
    assert saslprep(text) == prepared


@pytest.mark.parametrize("text", ["\u0007", "\u0627\u0031", "a\0b", "\ud800"])
def test_saslprep_refuses_what_rfc_4013_prohibits_and_does_not_show_it(text: str) -> None:
    with pytest.raises(ValueError, match="RFC 4013") as caught:
        saslprep(text)
    assert text not in str(caught.value)
