"""``token_file=``: an access token in place of a password."""

from __future__ import annotations

from pathlib import Path

import pytest

from notifier.settings.relay import ManyProblems, parse_relay
from notifier.smtp import TLSPolicy

pytestmark = pytest.mark.unit


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "token"
    path.write_text("first\n")
    path.chmod(0o600)
    return path


def url(file: Path, user: str = "zoe%40shop.example@") -> str:
    return f"smtp://{user}relay.example?token_file={file}&mechanisms=XOAUTH2"


def test_each_login_has_the_token_that_is_there_then(file: Path) -> None:
    credentials = parse_relay(url(file)).endpoint.credentials
    assert credentials is not None
    assert credentials.token is not None
    assert credentials.username == "zoe@shop.example"
    assert credentials.password is None
    assert credentials.token().reveal() == "first"
    file.write_text("second")
    assert credentials.token().reveal() == "second"


def test_it_is_a_login_and_goes_to_the_port_of_logins_over_tls(file: Path) -> None:
    endpoint = parse_relay(url(file)).endpoint
    assert (endpoint.port, endpoint.tls) == (587, TLSPolicy.REQUIRED)


def test_relays_with_one_file_share_sessions_and_no_repr_shows_a_token(file: Path) -> None:
    one, other = parse_relay(url(file)).endpoint, parse_relay(url(file)).endpoint
    assert one == other
    assert "first" not in repr(one)


@pytest.mark.parametrize("user", ["", "zoe:secret@"], ids=["nobody", "a password as well"])
def test_it_stands_for_a_users_password(file: Path, user: str) -> None:
    with pytest.raises(ManyProblems, match="stands for the password of a user") as caught:
        parse_relay(url(file, user))
    assert "secret" not in str(caught.value)


def test_a_file_that_is_not_there_or_that_everybody_reads_is_told_at_the_start(file: Path) -> None:
    file.chmod(0o644)
    with pytest.raises(ManyProblems, match="can be read by everybody"):
        parse_relay(url(file))
    file.unlink()
    with pytest.raises(ManyProblems, match="cannot be read: No such file"):
        parse_relay(url(file))


def test_a_file_that_is_gone_later_is_told_by_its_name_alone(file: Path) -> None:
    token = parse_relay(url(file)).endpoint.token
    assert token is not None
    file.unlink()
    with pytest.raises(OSError, match="token cannot be read"):
        token()
