from __future__ import annotations

import hashlib
import hmac
import re
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest import mock

import certificates
import pytest
import trustme
from real_servers.ground import held_ports
from receivers import receiver

from notifier.delivery import webhook
from notifier.delivery.hooks import HookFailed, HookRefused
from notifier.delivery.webhook import Webhook
from notifier.model.hook import HookEvent, Told
from notifier.model.secret import Secret

SECRET = "a secret of some length"
EVENT = HookEvent("mail/1-0", Told.ACCEPTED, "mail-1", "mail", "sent", 1.5, "welcome", "otp", 1, relay="r.example:25")


def hook(url: str, ca_file: str | None = None) -> Webhook:
    return Webhook(Secret(url), "2026-01", Secret(SECRET), ca_file)


def test_the_event_comes_as_json_and_signed() -> None:
    with receiver(200) as made:
        hook(made.url)(EVENT)
        (heard,) = made.heard
    assert heard.path == "/hook?from=notifier"
    assert heard.event["name"] == "mail_accepted"
    assert heard.event["mail_id"] == "mail-1"
    assert (heard.headers["Content-Type"], heard.headers["Notifier-Key"]) == ("application/json", "2026-01")
    assert heard.headers["Notifier-Event"] == heard.event["id"] == "mail/1-0"
    signed = heard.headers["Notifier-Timestamp"].encode() + b"." + heard.body
    assert heard.headers["Notifier-Signature"] == hmac.new(SECRET.encode(), signed, hashlib.sha256).hexdigest()


@pytest.mark.parametrize("status", [200, 201, 202, 204])
def test_any_2xx_is_thanks(status: int) -> None:
    with receiver(status) as made:
        hook(made.url)(EVENT)
        assert made.names("mail-1") == ["mail_accepted"]


@pytest.mark.parametrize("status", [401, 403, 404, 408, 429, 500, 502, 503])
def test_what_may_be_mended_is_told_again(status: int) -> None:
    with receiver(status) as made, pytest.raises(HookFailed, match=f"localhost answered {status}"):
        hook(made.url)(EVENT)


@pytest.mark.parametrize("status", [400, 410, 413, 415, 422])
def test_what_is_wrong_with_the_event_is_refused_for_good(status: int) -> None:
    with receiver(status) as made, pytest.raises(HookRefused, match=f"localhost answered {status}"):
        hook(made.url)(EVENT)


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_a_redirect_leads_nowhere(status: int) -> None:
    with receiver(200) as elsewhere, receiver(status, Location=elsewhere.url) as made:
        with pytest.raises(HookFailed, match=f"answered {status}"):
            hook(made.url)(EVENT)
        assert elsewhere.heard == []


def test_nobody_there_is_told_again_and_the_url_is_not_shown() -> None:
    with held_ports(1) as (port,), pytest.raises(HookFailed) as caught:
        hook(f"http://127.0.0.1:{port}/?token=hunter2")(EVENT)
    assert "hunter2" not in str(caught.value)


@contextmanager
def saying(octets: bytes, endlessly: bool = False) -> Iterator[str]:
    """A server that says this to whoever comes; ``endlessly``: an octet now and then, and never an end."""
    over = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            connection, _ = listener.accept()
            with connection:
                connection.recv(65536)
                connection.sendall(octets)
                while endlessly and not over.wait(0.05):
                    connection.sendall(b"H")

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}/"
        finally:
            over.set()
            thread.join()


@pytest.mark.parametrize(
    "octets", [b"", b"220 smtp.example ESMTP\r\n", b"HTTP/1.1 99", b"\x00" * 2000, b"HTTP/1.1 100 Go\r\n"]
)
def test_what_is_no_answer_is_told_again(octets: bytes) -> None:
    with saying(octets) as url, pytest.raises(HookFailed):
        hook(url)(EVENT)


def test_a_server_that_drips_octets_gains_nothing() -> None:
    with (
        mock.patch.object(webhook, "PATIENCE", 0.3),
        saying(b"", endlessly=True) as url,
        pytest.raises(HookFailed, match="no answer in"),
    ):
        hook(url)(EVENT)


@pytest.fixture
def authority(tmp_path: Path) -> tuple[trustme.CA, str]:
    made = trustme.CA()
    made.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    return made, str(tmp_path / "ca.pem")


def test_tls_is_verified(authority: tuple[trustme.CA, str]) -> None:
    issuer, ca_file = authority
    with receiver(200, tls=certificates.good(issuer, "localhost")) as made:
        hook(made.url, ca_file)(EVENT)
        assert len(made.heard) == 1


@pytest.mark.parametrize("kind", ["expired", "for_another_name", "self_signed"])
def test_a_certificate_that_is_not_right_hears_nothing(authority: tuple[trustme.CA, str], kind: str) -> None:
    issuer, ca_file = authority
    with receiver(200, tls=getattr(certificates, kind)(issuer, "localhost")) as made:
        with pytest.raises(HookFailed):
            hook(made.url, ca_file)(EVENT)
        assert made.heard == []


def test_the_check_that_the_docs_show_works() -> None:
    page = (Path(__file__).resolve().parents[2] / "docs" / "how-to" / "hooks.md").read_text(encoding="utf-8")
    (sample,) = [code for code in re.findall(r"```python\n(.*?)```", page, re.DOTALL) if "hmac" in code]
    names: dict[str, Any] = {}
    exec(sample, names)  # noqa: S102 - our own page
    key_id, secret = next(iter(names["SECRETS"].items()))
    with receiver(200) as made:
        Webhook(Secret(made.url), key_id, Secret(secret))(EVENT)
        (heard,) = made.heard
    assert names["is_genuine"](heard.headers, heard.body)
    assert not names["is_genuine"](heard.headers, heard.body.replace(b"mail-1", b"mail-2"))
    assert not names["is_genuine"]({**heard.headers, "Notifier-Timestamp": "1"}, heard.body)
    assert not names["is_genuine"]({**heard.headers, "Notifier-Key": "another"}, heard.body)
