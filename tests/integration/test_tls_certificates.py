"""Fault 74: certificates that nobody should accept, authorities that change while everything runs, and recovery."""

from __future__ import annotations

import ssl
from dataclasses import replace
from pathlib import Path

import pytest
import trustme
from certificates import expired, for_another_name, good, self_signed
from workers import plant, wait_until

import notifier
from notifier import send_email
from notifier import smtp as smtplib
from notifier.errors import DeliveryError, TransientError
from notifier.model.envelope import Envelope, MailObject
from notifier.model.secret import Secret
from notifier.smtp import Endpoint, Session, TLSPolicy
from notifier.testing import CatchingServer, HostileServer

HOST = "127.0.0.1"
MAIL = MailObject(Envelope("s@x.example", ("a@x.example",)), b"Subject: hi\r\n\r\nhello\r\n")
BAD = {
    "expired": (expired, "certificate has expired"),
    "another name": (for_another_name, "IP address mismatch"),
    "self-signed": (self_signed, "self-signed certificate"),
    "another authority": (lambda _, host: good(trustme.CA(), host), "unable to get local issuer"),
}


@pytest.fixture
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def ca_file(authority: trustme.CA, tmp_path: Path) -> Path:
    file = tmp_path / "ca.pem"
    authority.cert_pem.write_to_path(str(file))
    return file


@pytest.fixture(params=[TLSPolicy.REQUIRED, TLSPolicy.IMPLICIT], ids=["STARTTLS", "implicit"])
def policy(request: pytest.FixtureRequest) -> TLSPolicy:
    return request.param


def hostile(context: ssl.SSLContext, policy: TLSPolicy) -> HostileServer:
    implicit = policy is TLSPolicy.IMPLICIT
    return HostileServer(tls=not implicit, implicit_tls=implicit, context=context, offers=("AUTH PLAIN",))


def endpoint(server: HostileServer, policy: TLSPolicy, ca_file: Path) -> Endpoint:
    return Endpoint(HOST, server.port, tls=policy, ca_file=str(ca_file), username="zoe", password=Secret("hunter2"))


def row_of(where: Endpoint) -> str | None:
    """How the session fails; None where it opens and takes a mail."""
    try:
        with Session.open(where) as session:
            (outcome,) = session.send_many([MAIL])
    except DeliveryError as error:
        return error.taxonomy_id
    assert outcome.recipients["a@x.example"].state == "accepted"
    return None


@pytest.mark.parametrize("name", BAD)
def test_74_a_bad_certificate_gets_neither_login_nor_mail(
    name: str, policy: TLSPolicy, authority: trustme.CA, ca_file: Path
) -> None:
    make, words = BAD[name]
    with hostile(make(authority, HOST), policy) as server:
        with pytest.raises(DeliveryError, match=words) as caught:
            Session.open(endpoint(server, policy, ca_file))
        assert caught.value.taxonomy_id == "L2"
        assert not any(b"AUTH" in heard or b"MAIL" in heard for heard in server.heard)


@pytest.mark.parametrize("name", BAD)
def test_74_a_bad_certificate_gets_nothing_from_the_drop_in(name: str, authority: trustme.CA, ca_file: Path) -> None:
    make, words = BAD[name]
    trusting = ssl.create_default_context(cafile=str(ca_file))
    with hostile(make(authority, HOST), TLSPolicy.REQUIRED) as server:
        client = smtplib.SMTP(HOST, server.port, timeout=5)
        with pytest.raises(ssl.SSLCertVerificationError, match=words):
            client.starttls(context=trusting)
        assert client.sock is None


def test_74_after_an_authority_has_changed_a_new_file_is_enough(
    policy: TLSPolicy, authority: trustme.CA, ca_file: Path
) -> None:
    """The old one may have been revoked: its file does not count any more once it was written anew."""
    other = trustme.CA()
    with hostile(good(authority, HOST), policy) as server:
        where = endpoint(server, policy, ca_file)
        assert row_of(where) is None
        server.context = good(other, HOST)
        assert row_of(where) == "L2"
        other.cert_pem.write_to_path(str(ca_file))
        assert row_of(where) is None
        server.context = good(authority, HOST)
        assert row_of(where) == "L2"


def test_a_client_certificate_that_was_renewed_is_shown_without_a_restart(
    policy: TLSPolicy, authority: trustme.CA, ca_file: Path, tmp_path: Path
) -> None:
    context = good(authority, HOST)
    context.verify_mode = ssl.CERT_REQUIRED
    context.load_verify_locations(cadata=authority.cert_pem.bytes().decode())
    own = tmp_path / "client.pem"
    trustme.CA().issue_cert("client.example").private_key_and_cert_chain_pem.write_to_path(str(own))
    with hostile(context, policy) as server:
        where = replace(endpoint(server, policy, ca_file), client_cert=str(own))
        assert row_of(where) is not None
        authority.issue_cert("client.example").private_key_and_cert_chain_pem.write_to_path(str(own))
        assert row_of(where) is None


def test_a_file_that_is_away_for_a_moment_is_a_fault_of_the_moment(authority: trustme.CA, ca_file: Path) -> None:
    with hostile(good(authority, HOST), TLSPolicy.REQUIRED) as server:
        where = endpoint(server, TLSPolicy.REQUIRED, ca_file)
        octets = ca_file.read_bytes()
        ca_file.unlink()
        with pytest.raises(TransientError, match="No such file"):
            Session.open(where)
        ca_file.write_bytes(octets)
        assert row_of(where) is None


def test_74_mails_wait_for_the_new_authority_and_go_when_its_file_is_there(tmp_path: Path) -> None:
    """A real worker, which is not restarted: the relay comes back with a certificate of another authority."""
    ca_file = tmp_path / "ca.pem"
    with plant(tmp_path) as made, CatchingServer(port=0) as other:
        ca_file.write_bytes(Path(str(made.server.ca_file)).read_bytes())
        other.stop()
        made.use(NOTIFIER_SMTP_URL=f"smtp://{HOST}:{made.server.port}?tls=required&ca={ca_file}")
        made.start_worker()
        before = send_email.delay(**welcome("before@example.com")).id
        made.settle([before], "sent")
        made.server.stop()
        other.port = made.server.port
        other.start()
        ids = [send_email.delay(**welcome(f"wait{number}@example.com")).id for number in range(5)]
        wait_until(lambda: all("L2" in rows(one) for one in ids), "each met the certificate")
        assert {notifier.status(one).state for one in ids} <= {"waiting", "claimed"}
        assert len(other.mailbox) == 0
        ca_file.write_bytes(Path(str(other.ca_file)).read_bytes())
        made.settle(ids, "sent")
        assert sorted(caught.recipients for caught in other.mailbox) == [
            (f"wait{number}@example.com",) for number in range(5)
        ]


def welcome(to: str) -> dict[str, object]:
    return {"template": "welcome", "to": to, "context": {"name": "Zoë"}}


def rows(mail_id: str) -> set[str]:
    return {(entry.get("fault") or {}).get("taxonomy_id") for entry in notifier.status(mail_id).history}
