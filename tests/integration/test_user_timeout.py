"""How long the system goes on writing octets again that nobody acknowledges (RFC 5482): the takeover time counts it."""

from __future__ import annotations

import shutil
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from notifier.settings import Settings
from notifier.settings.ways import parse_way
from notifier.smtp import Endpoint, Timeouts, TLSPolicy
from notifier.smtp.stream import NetworkStream
from notifier.testing import CatchingServer

VANISHING = Path(__file__).resolve().parents[1] / "programs" / "vanishing.py"
OWN_NETWORK = ("unshare", "--map-root-user", "--net")
pytestmark = pytest.mark.skipif(not hasattr(socket, "TCP_USER_TIMEOUT"), reason="the system has no such option")


def has_own_network() -> bool:
    needed = all(shutil.which(program) for program in ("unshare", "ip"))
    return needed and not subprocess.run([*OWN_NETWORK, "true"], capture_output=True, check=False).returncode


def milliseconds(endpoint: Endpoint) -> int:
    stream = NetworkStream.connect(endpoint)
    try:
        return stream._socket.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT)
    finally:
        stream.close()


def test_written_octets_may_be_on_their_way_as_long_as_a_block_of_the_message_has() -> None:
    with CatchingServer() as server:
        for timeouts in (Timeouts(), Timeouts(body_block=7.5)):
            relay = Endpoint("127.0.0.1", server.port, tls=TLSPolicy.NONE, timeouts=timeouts)
            assert milliseconds(relay) == (timeouts.body_block + 5) * 1000


@pytest.mark.parametrize("seconds", [0.0001, 0.5, 30.0, 1e9])
def test_or_as_long_as_the_settings_say(seconds: float) -> None:
    with CatchingServer() as server:
        relay = Endpoint("127.0.0.1", server.port, tls=TLSPolicy.NONE, user_timeout=seconds)
        assert milliseconds(relay) == min(max(1, seconds * 1000), 2**31 - 1)


def test_the_setting_reaches_the_relays_of_every_account_and_the_sum_of_the_takeover_time(tmp_path: Path) -> None:
    tenants = tmp_path / "tenants.toml"
    tenants.write_text('[accounts.bulk]\nsmtp_url_file = "bulk.url"\n')
    (tmp_path / "bulk.url").write_text("mx://?timeout_final_reply=700")
    (tmp_path / "bulk.url").chmod(0o600)
    given = {
        "NOTIFIER_BROKER_URL": "redis://localhost",
        "NOTIFIER_TENANTS": str(tenants),
        "NOTIFIER_SMTP_URL": "smtp://a,smtp://b smtp://c",
    }
    settings = Settings.load({**given, "NOTIFIER_TCP_USER_TIMEOUT": "20"})
    assert [one.silence for one in settings.endpoints] == [20.0] * 4
    assert settings.takeover.at_dot == 30 + 700 + 20 + 60
    settings = Settings.load(given)
    assert [one.silence for one in settings.endpoints] == [65.0, 65.0, 65.0, 185.0]
    assert settings.takeover.at_dot == 30 + 700 + 185 + 60
    assert settings.relays == parse_way(given["NOTIFIER_SMTP_URL"])


@pytest.mark.skipif(not has_own_network(), reason="no network of one's own here")
def test_a_relay_that_vanishes_behind_the_terminator_is_noticed_by_the_system_before_the_final_replys_time() -> None:
    done = subprocess.run(
        [*OWN_NETWORK, sys.executable, str(VANISHING)], capture_output=True, text=True, timeout=100, check=False
    )
    assert done.stdout.split() == ["Z5"], done.stderr  # a connection that ended; Z4 is a reply that did not come
