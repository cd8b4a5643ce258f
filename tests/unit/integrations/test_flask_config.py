"""Flask's configuration becomes Notifier's settings."""

from __future__ import annotations

import os
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from flask import Flask

from notifier.errors import ConfigurationError
from notifier.integrations.flask import Mail
from notifier.integrations.flask.config import NO_BROKER, names_a_broker, texts_of
from notifier.settings import Settings
from notifier.smtp import TLSPolicy


@pytest.fixture(autouse=True)
def no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.startswith("NOTIFIER_") or name in ("CELERY_BROKER_URL", "REDIS_URL"):
            monkeypatch.delenv(name)


def settings(**config: Any) -> Settings:
    return Settings.load({**NO_BROKER, **texts_of(config)})


def test_nothing_said_is_nothing_set() -> None:
    assert texts_of({"DEBUG": True, "SECRET_KEY": "x", "MAIL_SERVER": None}) == {}


@pytest.mark.parametrize(
    ("config", "policy", "port"),
    [
        ({"MAIL_SERVER": "relay.example"}, TLSPolicy.REQUIRED, 25),
        ({"MAIL_SERVER": "localhost"}, TLSPolicy.NONE, 25),
        ({"MAIL_SERVER": "localhost", "MAIL_USE_TLS": True}, TLSPolicy.REQUIRED, 25),
        ({"MAIL_SERVER": "relay.example", "MAIL_USE_TLS": True, "MAIL_PORT": 587}, TLSPolicy.REQUIRED, 587),
        ({"MAIL_SERVER": "relay.example", "MAIL_USE_SSL": True, "MAIL_PORT": "465"}, TLSPolicy.IMPLICIT, 465),
        ({"MAIL_PORT": 1025}, TLSPolicy.NONE, 1025),
        ({"MAIL_SERVER": "::1", "MAIL_PORT": 1025}, TLSPolicy.NONE, 1025),
    ],
)
def test_a_server_is_a_relay_with_tls_or_on_this_host(config: dict[str, Any], policy: TLSPolicy, port: int) -> None:
    (endpoint,) = settings(**config).endpoints
    assert (endpoint.host, endpoint.port, endpoint.tls) == (config.get("MAIL_SERVER", "127.0.0.1"), port, policy)


def test_user_and_password_are_those_of_the_relay_whatever_is_in_them() -> None:
    config = {
        "MAIL_SERVER": "relay.example",
        "MAIL_PORT": 587,
        "MAIL_USERNAME": "zoë@shop",
        "MAIL_PASSWORD": "a/b:c@d?e#%",
    }
    (endpoint,) = settings(**config).endpoints
    assert endpoint.username == "zoë@shop"
    assert endpoint.password is not None
    assert endpoint.password.reveal() == "a/b:c@d?e#%"


@pytest.mark.parametrize(
    "server",
    [
        "smtp.x\r\n",
        "http://smtp",
        "user:hunter2@host",
        "host:25",
        "a b",
        "host?tls=none",
        "host#x",
        "host/x",
        "x" * 300,
    ],
)
def test_a_server_that_is_no_host_is_refused_and_not_shown(server: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        settings(MAIL_SERVER=server)
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize("config", [{"MAIL_USERNAME": "u"}, {"MAIL_PASSWORD": "p"}])
def test_one_of_user_and_password_alone_is_no_login(config: dict[str, str]) -> None:
    (endpoint,) = settings(**config).endpoints
    assert endpoint.username is None


def test_the_most_mails_of_a_connection_are_those_of_a_session() -> None:
    (tier,) = settings(MAIL_MAX_EMAILS=7).relays
    assert tier[0].pool.messages_per_connection == 7


@pytest.mark.parametrize("sender", ["Shop <shop@example.com>", ("Shop", "shop@example.com")])
def test_the_default_sender_is_from(sender: Any) -> None:
    assert str(settings(MAIL_DEFAULT_SENDER=sender).sender) == "Shop <shop@example.com>"


def test_settings_are_said_by_name_or_in_a_mapping(tmp_path: Path) -> None:
    config = {
        "NOTIFIER_RETENTION": timedelta(days=9),
        "NOTIFIER_BATCH": 7,
        "NOTIFIER": {"templates": [tmp_path, str(tmp_path)], "broker_url": "redis://localhost", "feedback_id": None},
    }
    found = settings(**config)
    assert (found.retention, found.batch, found.template_folders) == (9 * 86400, 7, (tmp_path, tmp_path))


def test_flasks_own_words_come_before_the_environment_and_mail_settings_behind_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("NOTIFIER_SMTP_URL", "smtp://from-environ")
    monkeypatch.setenv("NOTIFIER_FEEDBACK_ID", "environ")
    monkeypatch.setenv("NOTIFIER_BROKER_URL_FILE", str(tmp_path / "none"))
    found = texts_of(
        {"MAIL_SERVER": "from-mail", "NOTIFIER_FEEDBACK_ID": "config", "NOTIFIER_BROKER_URL": "redis://here"}
    )
    assert found == {
        "NOTIFIER_SMTP_URL": "smtp://from-environ",
        "NOTIFIER_FEEDBACK_ID": "config",
        "NOTIFIER_BROKER_URL": "redis://here",
    }


@pytest.mark.parametrize("name", ["NOTIFIER_BROKER_URL", "NOTIFIER_BROKER_URL_FILE", "CELERY_BROKER_URL", "REDIS_URL"])
def test_a_broker_may_be_named_in_each_of_its_ways(name: str) -> None:
    assert names_a_broker({name: "x"})
    assert not names_a_broker({"NOTIFIER_SMTP_URL": "x"})


def test_everything_that_is_wrong_is_told_at_once_and_no_secret() -> None:
    config = {
        "NOTIFIER": {"batch": object(), "retention": True, "lease": 3},
        "NOTIFIER_LEASE": 4,
        "NOTIFIER_TEMPLATES": {"a": 1},
        "MAIL_PORT": True,
        "MAIL_SERVER": "x",
        "MAIL_USE_TLS": True,
        "MAIL_USE_SSL": True,
        "MAIL_USERNAME": "u",
        "MAIL_PASSWORD": "hunter2",
        "MAIL_DEFAULT_SENDER": "nobody",
    }
    with pytest.raises(ConfigurationError) as caught:
        texts_of(config)
    for word in (
        "['batch']",
        "['retention']",
        "NOTIFIER_LEASE and",
        "NOTIFIER_TEMPLATES is",
        "MAIL_PORT",
        "MAIL_USE_SSL",
        "MAIL_DEFAULT",
    ):
        assert word in str(caught.value)
    assert "hunter2" not in str(caught.value)
    with pytest.raises(ConfigurationError, match="NOTIFIER is a mapping"):
        texts_of({"NOTIFIER": ["x"]})


def test_an_app_that_cannot_work_is_told_so_when_it_is_made_also_in_tests() -> None:
    app = Flask("shop")
    app.config.update(TESTING=True, NOTIFIER_BATCH="many", NOTIFIER_SMTP_URL="smtp://u:hunter2@")
    with pytest.raises(ConfigurationError, match=r"NOTIFIER_BATCH") as caught:
        Mail(app)
    assert "NOTIFIER_SMTP_URL" in str(caught.value)
    assert "hunter2" not in str(caught.value)


WORDS = [("1", True), ("True", True), (" yes ", True), ("on", True), (1, True), ("0", False), ("False", False), ("no", False), ("", False), (None, False)]  # fmt: skip


@pytest.mark.parametrize(("value", "meant"), WORDS, ids=repr)
def test_yes_and_no_may_be_words_as_the_environment_has_them(value: object, meant: bool) -> None:
    """With Flask-Mail "False" is yes, and no mail goes out."""
    app = Flask("shop")
    names = ("USE_TLS", "SUPPRESS_SEND", "SEND_NOW", "ASCII_ATTACHMENTS", "DEBUG")
    app.config.update({f"MAIL_{name}": value for name in names})
    state = Mail(app).state
    assert state is not None
    assert (state.use_tls, state.suppress, state.send_now, state.ascii_attachments, state.debug) == (meant,) * 5


def test_numbers_may_be_words_too() -> None:
    app = Flask("shop")
    app.config.update(MAIL_PORT="587", MAIL_MAX_EMAILS="5", MAIL_DEBUG="2", MAIL_SERVER="relay.example")
    state = Mail(app).state
    assert state is not None
    assert (state.port, state.max_emails, state.debug) == (587, 5, 2)


def test_nought_is_no_limit_of_a_connection_as_with_flask_mail() -> None:
    assert "messages_per_connection" not in texts_of({"MAIL_MAX_EMAILS": 0})["NOTIFIER_SMTP_URL"]


def test_a_default_sender_of_json_or_toml_is_a_list() -> None:
    app = Flask("shop")
    app.config["MAIL_DEFAULT_SENDER"] = ["Shop", "shop@example.com"]
    state = Mail(app).state
    assert state is not None
    assert state.default_sender == ("Shop", "shop@example.com")


WRONG: list[dict[str, Any]] = [
    {"MAIL_PORT": "²"}, {"MAIL_PORT": 0}, {"MAIL_PORT": 70_000}, {"MAIL_PORT": [25]}, {"MAIL_PORT": 465}, {"MAIL_USE_SSL": True},
    {"MAIL_USE_SSL": True, "MAIL_PORT": 587}, {"MAIL_MAX_EMAILS": -1}, {"MAIL_MAX_EMAILS": "x"}, {"MAIL_MAX_EMAILS": True},
    {"MAIL_USE_TLS": "maybe"}, {"MAIL_SUPPRESS_SEND": "maybe"}, {"MAIL_SEND_NOW": "maybe"}, {"MAIL_DEBUG": "maybe"}, {"MAIL_SERVER": ["x"]},
    {"MAIL_SERVER": b"x"}, {"MAIL_PASSWORD": b"hunter2"}, {"MAIL_PASSWORD": True}, {"MAIL_PASSWORD": "hunter2\ud800"}, {"MAIL_USERNAME": "u\r\n"},
]  # fmt: skip


@pytest.mark.parametrize("config", WRONG, ids=repr)
def test_a_value_of_the_wrong_kind_is_named_by_the_setting_that_has_it(config: dict[str, Any]) -> None:
    app = Flask("shop")
    app.config.update(config)
    with pytest.raises(ConfigurationError) as caught:
        Mail(app)
    (problem,) = caught.value.problems
    assert problem.startswith(tuple(config))
    assert "hunter2" not in problem
