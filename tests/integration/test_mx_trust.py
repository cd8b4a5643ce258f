"""Sessions with servers whose certificate nobody vouches for, or whose own zone does (DANE), over real TLS."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from authority import Authority, Certificate, tlsa

from notifier.errors import DeliveryError
from notifier.model.envelope import Envelope, MailObject
from notifier.model.outcome import Outcome, RecipientState
from notifier.model.parameters import MailParameters
from notifier.smtp import Endpoint, Session, TLSPolicy
from notifier.smtp.dane import Anchors
from notifier.smtp.resolving import Address
from notifier.smtp.tlsa import TLSA
from notifier.smtp.trust import Published, Trust, Unauthenticated, WebPKI
from notifier.testing import CatchingServer, Drop, HostileServer, Mischief, Say
from notifier.testing.hostile import OFFERS, Moment

NAME = "mx.example.test"
MAIL = MailObject(Envelope("s@x.example", ("a@x.example",)), b"Subject: hi\r\n\r\nhello\r\n")
SECRET_MAIL = replace(MAIL, envelope=replace(MAIL.envelope, parameters=MailParameters(require_tls=True)))


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path)


@contextmanager
def serving(certificate: Certificate, **options: Any) -> Iterator[HostileServer]:
    with HostileServer(tls=True, context=certificate.context, **options) as server:
        yield server


def endpoint(server: HostileServer | CatchingServer, trust: Trust, tls: TLSPolicy = TLSPolicy.REQUIRED) -> Endpoint:
    return Endpoint(NAME, server.port, tls=tls, trust=trust)


def opened(at: Endpoint, anchors: Anchors | None = None) -> Session:
    address = Address(socket.AF_INET, ("127.0.0.1", at.port))
    return Session.open(at, resolve=lambda host, port: [address], anchors=anchors)


def send(at: Endpoint, mail: MailObject = MAIL, anchors: Anchors | None = None) -> Outcome:
    with opened(at, anchors) as session:
        return next(iter(session.send_many([mail])))


def refused(at: Endpoint, anchors: Anchors | None = None) -> DeliveryError:
    with pytest.raises(DeliveryError) as caught:
        opened(at, anchors)
    return caught.value


def published(*records: str, base: str = NAME, names: tuple[str, ...] = (), **options: Any) -> Published:
    return Published(tuple(sorted(map(parsed, records))), base, names, **options)


def parsed(text: str) -> TLSA:
    usage, selector, matching, data = text.split()
    return TLSA(int(usage), int(selector), int(matching), bytes.fromhex(data))


# nobody vouches -----------------------------------------------------------------------------------------------------


def test_opportunistic_tls_encrypts_to_whoever_answers(authority: Authority) -> None:
    with serving(authority.issue("quite.another.name", expired=True)) as server:
        outcome = send(endpoint(server, Unauthenticated(), TLSPolicy.OPPORTUNISTIC))
        assert outcome.tls is not None
        assert len(server.accepted) == 1


def test_where_no_tls_is_offered_an_opportunistic_mail_goes_in_clear() -> None:
    with HostileServer() as server:
        assert send(endpoint(server, Unauthenticated(), TLSPolicy.OPPORTUNISTIC)).tls is None
        assert len(server.accepted) == 1


def test_where_tls_is_required_and_not_offered_nothing_is_sent() -> None:
    with HostileServer() as server:
        assert refused(endpoint(server, Unauthenticated())).taxonomy_id == "S1"
        assert b"MAIL" not in b"".join(server.heard)


@pytest.mark.parametrize(
    ("mischief", "rows"),  # which of two depends on whether we have begun to speak TLS by then
    [
        ({Moment.TLS: Drop()}, {"L1", "S5"}),
        ({Moment.TLS: Say(b"\x15\x03\x03\x00\x02\x02\x28")}, {"L3", "S2"}),
        ({Moment.STARTTLS: Say(b"454 not now\r\n")}, {"S3"}),
        ({Moment.STARTTLS: Say(b"220 go\r\n250 injected\r\n")}, {"S2"}),
    ],
)
def test_tls_that_was_offered_and_fails_is_never_followed_by_clear_text(
    mischief: dict[Moment, Mischief], rows: set[str], authority: Authority
) -> None:
    with serving(authority.issue(NAME), plan=mischief) as server:
        assert refused(endpoint(server, Unauthenticated(), TLSPolicy.OPPORTUNISTIC)).taxonomy_id in rows
        assert server.connections == 1
        assert b"MAIL" not in b"".join(server.heard)


def test_an_old_tls_version_is_no_tls(authority: Authority) -> None:
    certificate = authority.issue(NAME)
    certificate.context.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED
    with pytest.warns(DeprecationWarning, match="TLSv1_1"):
        certificate.context.maximum_version = ssl.TLSVersion.TLSv1_1
    certificate.context.set_ciphers("ALL:@SECLEVEL=0")
    with serving(certificate) as server:
        assert refused(endpoint(server, Unauthenticated())).taxonomy_id in ("L1", "L3")


def test_a_mail_that_requires_tls_does_not_go_to_a_server_that_nobody_verified(authority: Authority) -> None:
    with serving(authority.issue(NAME), offers=(*OFFERS, "REQUIRETLS")) as server:
        outcome = send(endpoint(server, Unauthenticated()), SECRET_MAIL)
        assert [fault.taxonomy_id for fault in outcome.faults] == ["E7"]
        assert server.accepted == []


def test_a_mail_that_requires_tls_goes_to_a_server_that_is_verified(authority: Authority) -> None:
    certificate = authority.issue(NAME)
    with serving(certificate, offers=(*OFFERS, "REQUIRETLS")) as server:
        for trust in (WebPKI(), published(tlsa(3, 1, 1, certificate.der))):
            at = replace(endpoint(server, trust), ca_file=str(authority.ca_file))
            assert send(at, SECRET_MAIL).recipients["a@x.example"].state is RecipientState.ACCEPTED
        named_by_a_stranger = published(tlsa(3, 1, 1, certificate.der), authenticates=False)
        assert [one.taxonomy_id for one in send(endpoint(server, named_by_a_stranger), SECRET_MAIL).faults] == ["E7"]


# DANE-EE ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("selector", [0, 1])
@pytest.mark.parametrize("matching", [0, 1, 2])
def test_a_server_whose_certificate_is_published_is_the_right_one(
    selector: int, matching: int, authority: Authority
) -> None:
    certificate = authority.issue(NAME)
    with serving(certificate) as server:
        outcome = send(endpoint(server, published(tlsa(3, selector, matching, certificate.der))))
        assert outcome.tls is not None
        assert (len(server.accepted), server.connections) == (1, 1)


def test_of_a_published_certificate_neither_name_nor_date_count(authority: Authority) -> None:
    certificate = authority.issue("quite.another.name", expired=True)
    with serving(certificate) as server:
        send(endpoint(server, published(tlsa(3, 0, 1, certificate.der))))
        assert len(server.accepted) == 1


def test_one_of_several_records_is_enough(authority: Authority) -> None:
    certificate, next_one = authority.issue(NAME), authority.issue(NAME)
    with serving(certificate) as server:
        send(endpoint(server, published(tlsa(3, 1, 1, next_one.der), tlsa(3, 1, 1, certificate.der))))
        assert len(server.accepted) == 1


def test_a_server_with_another_key_gets_nothing(authority: Authority) -> None:
    certificate, other = authority.issue(NAME), authority.issue(NAME)
    with serving(certificate) as server:
        at = replace(endpoint(server, published(tlsa(3, 1, 1, other.der))), ca_file=str(authority.ca_file))
        error = refused(at)
        assert error.taxonomy_id == "L2"
        assert "none of the TLSA records fits" in str(error)
        assert b"MAIL" not in b"".join(server.heard)


def test_a_server_with_published_keys_that_offers_no_tls_gets_nothing(authority: Authority) -> None:
    with HostileServer() as server:
        assert refused(endpoint(server, published(tlsa(3, 1, 1, authority.issue(NAME).der)))).taxonomy_id == "S1"


def test_an_authority_in_the_chain_does_not_stand_for_the_server_itself(authority: Authority) -> None:
    with serving(authority.issue(NAME, shows_root=True)) as server:
        assert refused(endpoint(server, published(tlsa(3, 0, 1, authority.der)))).taxonomy_id == "L2"


# DANE-TA ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("selector", [0, 1])
@pytest.mark.parametrize("matching", [0, 1, 2])
@pytest.mark.parametrize("below", [False, True])
def test_a_server_under_a_published_authority_is_the_right_one(
    selector: int, matching: int, below: bool, authority: Authority
) -> None:
    with serving(authority.issue(NAME, shows_root=True, below=below)) as server:
        send(endpoint(server, published(tlsa(2, selector, matching, authority.der))))
        assert len(server.accepted) == 1


def test_an_authority_is_learned_once_for_all_sessions_of_an_endpoint(authority: Authority) -> None:
    anchors = Anchors()
    with serving(authority.issue(NAME, shows_root=True)) as server:
        at = endpoint(server, published(tlsa(2, 0, 1, authority.der)))
        for _ in range(3):
            send(at, anchors=anchors)
        assert (len(server.accepted), server.connections) == (3, 4)
        assert b"MAIL" not in server.heard[0], "the connection that shows the authority carries no mail"


def test_an_intermediate_authority_may_be_the_published_one(tmp_path: Path, authority: Authority) -> None:
    certificate = authority.issue(NAME, below=True)
    shown = (tmp_path / "root-1.pem").read_text().split("-----BEGIN CERTIFICATE-----")
    intermediate = ssl.PEM_cert_to_DER_cert("-----BEGIN CERTIFICATE-----" + shown[2])
    with serving(certificate) as server:
        send(endpoint(server, published(tlsa(2, 1, 1, intermediate))))
        assert len(server.accepted) == 1


@pytest.mark.parametrize("names", [("the.domain.test",), ("*.domain.test",)])
def test_under_an_authority_the_certificate_may_be_for_the_domain(names: tuple[str, ...], authority: Authority) -> None:
    with serving(authority.issue(*names, shows_root=True)) as server:
        send(endpoint(server, published(tlsa(2, 0, 1, authority.der), names=("the.domain.test",))))
        assert len(server.accepted) == 1


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"names": ("quite.another.name",)}, "for none of mx.example.test"),
        ({"names": (NAME,), "expired": True}, "expired"),
    ],
)
def test_under_an_authority_name_and_date_count(options: dict[str, Any], words: str, authority: Authority) -> None:
    names = options.pop("names")
    with serving(authority.issue(*names, shows_root=True, **options)) as server:
        error = refused(endpoint(server, published(tlsa(2, 0, 1, authority.der))))
        assert error.taxonomy_id == "L2"
        assert words in str(error)
        assert b"MAIL" not in b"".join(server.heard)


def test_an_authority_that_is_shown_and_has_not_signed_the_certificate_proves_nothing(
    tmp_path: Path, authority: Authority
) -> None:
    """Anybody can send a certificate that is public along with their own."""
    stranger = Authority(tmp_path, "stranger")
    certificate = stranger.issue(NAME)
    forged = tmp_path / "forged.pem"
    forged.write_bytes((tmp_path / "stranger-1.pem").read_bytes() + authority.ca_file.read_bytes())
    certificate.context.load_cert_chain(forged)
    with serving(certificate) as server:
        error = refused(endpoint(server, published(tlsa(2, 0, 1, authority.der))))
        assert error.taxonomy_id == "L2"
        assert "certificate not accepted" in str(error)
        assert b"MAIL" not in b"".join(server.heard)


def test_an_authority_that_is_not_shown_cannot_be_known(authority: Authority) -> None:
    with serving(authority.issue(NAME)) as server:
        assert refused(endpoint(server, published(tlsa(2, 0, 1, authority.der)))).taxonomy_id == "L2"


def test_when_a_host_changes_its_authority_one_connection_is_lost_and_no_more(
    tmp_path: Path, authority: Authority
) -> None:
    other = Authority(tmp_path, "other")
    anchors = Anchors()
    both = published(tlsa(2, 0, 1, authority.der), tlsa(2, 0, 1, other.der))
    with serving(authority.issue(NAME, shows_root=True)) as server:
        at = endpoint(server, both)
        send(at, anchors=anchors)
        server.context = other.issue(NAME, shows_root=True).context
        assert refused(at, anchors).taxonomy_id == "L2"
        send(at, anchors=anchors)
        assert len(server.accepted) == 2


# the web's authorities ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("names", "expired"), [(("quite.another.name",), False), ((NAME,), True)])
def test_a_host_of_a_policy_must_be_verified_by_name_and_date(
    names: tuple[str, ...], expired: bool, authority: Authority
) -> None:
    with serving(authority.issue(*names, expired=expired)) as server:
        at = replace(endpoint(server, WebPKI()), ca_file=str(authority.ca_file))
        assert refused(at).taxonomy_id == "L2"
        assert refused(replace(at, ca_file=None)).taxonomy_id == "L2", "and by an authority that we know"
