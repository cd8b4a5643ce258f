from __future__ import annotations

from pathlib import Path

import pytest

from notifier.errors import ConfigurationError
from notifier.protocol.reply import ReplyCaps
from notifier.settings import Settings
from notifier.settings.relay import parse_relay, parse_relays
from notifier.settings.table import TABLE
from notifier.smtp import Mode, TLSPolicy

LEAST = {"NOTIFIER_BROKER_URL": "redis://localhost:6379/0"}


def problems(**environ: str) -> list[str]:
    with pytest.raises(ConfigurationError) as error:
        Settings.load({**LEAST, **environ})
    return list(error.value.problems)


def test_a_broker_is_enough() -> None:
    settings = Settings.load(LEAST)
    assert settings.store_url == settings.broker_url
    assert (settings.endpoints[0].name, settings.endpoints[0].tls) == ("localhost:25", TLSPolicy.NONE)
    assert settings.durability == "fsync"


@pytest.mark.parametrize("name", ["CELERY_BROKER_URL", "REDIS_URL"])
def test_the_broker_falls_back_to_the_usual_names(name: str) -> None:
    assert Settings.load({name: "redis://other"}).broker_url.reveal() == "redis://other"


def test_without_a_broker_it_says_what_to_set() -> None:
    with pytest.raises(ConfigurationError, match="NOTIFIER_BROKER_URL is not set"):
        Settings.load({})


def test_a_broker_that_is_no_redis_needs_a_store() -> None:
    assert "NOTIFIER_STORE_URL is not set" in problems(NOTIFIER_BROKER_URL="amqp://localhost")[0]


def test_every_problem_is_told_at_once() -> None:
    found = problems(
        NOTIFIER_SMTP_URL="smtp://relay:465?tls=maybe&timeout_mail=-1&colour=red",
        NOTIFIER_LEASE="5 minutes",
        NOTIFIER_DURABILITY="sure",
        NOTIFIER_TYPO="x",
    )
    assert len(found) == 7
    text = "\n".join(found)
    for word in ("465", "maybe", "timeout_mail", "colour", "5 minutes", "sure", "NOTIFIER_TYPO"):
        assert word in text


def test_a_typo_is_told_with_what_was_meant() -> None:
    assert problems(NOTIFIER_SMTP_URI="x") == [
        "NOTIFIER_SMTP_URI is no setting of Notifier; did you mean NOTIFIER_SMTP_URL?"
    ]


@pytest.mark.parametrize("value", ["0", "-1", "nan", "inf", "5 minutes", "true", "1e999"])
@pytest.mark.parametrize("name", ["NOTIFIER_LEASE", "NOTIFIER_STORE_TIMEOUT", "NOTIFIER_RETRY_SCALE"])
def test_a_number_of_seconds_is_finite_and_over_0(name: str, value: str) -> None:
    assert name in problems(**{name: value})[0]


@pytest.mark.parametrize("value", ["0", "-1", "1.5", "ten", "٣"])
def test_a_count_is_a_whole_number(value: str) -> None:
    assert "NOTIFIER_BATCH" in problems(NOTIFIER_BATCH=value)[0]


def test_a_setting_that_is_empty_is_told() -> None:
    assert "set and empty" in problems(NOTIFIER_FROM=" ")[0]


def test_settings_that_do_not_fit_together_are_told() -> None:
    assert "could send twice" in problems(NOTIFIER_RETENTION="10", NOTIFIER_IDEMPOTENCY_WINDOW="20")[0]
    assert "NOTIFIER_LEASE" in problems(NOTIFIER_LEASE="1", NOTIFIER_TIME_SLICE="2")[0]
    assert "expire after 600 s" in problems(NOTIFIER_RETRY_SCALE="20")[0]


def test_secrets_stand_in_files(tmp_path: Path) -> None:
    file = tmp_path / "url"
    file.write_text("smtp://zoe:hunter2@relay.example\n")
    file.chmod(0o600)
    settings = Settings.load({**LEAST, "NOTIFIER_SMTP_URL_FILE": str(file)})
    assert settings.endpoints[0].password is not None
    assert settings.endpoints[0].password.reveal() == "hunter2"


@pytest.mark.parametrize(
    ("content", "mode", "words"),
    [
        (b"smtp://x", 0o644, "everybody"),
        (b"\xef\xbb\xbfsmtp://x", 0o600, "byte order mark"),
        (b"\xff\xfe", 0o600, "not UTF-8"),
        (None, 0, "cannot be read"),
    ],
)
def test_a_file_that_cannot_be_trusted_is_told(tmp_path: Path, content: bytes | None, mode: int, words: str) -> None:
    file = tmp_path / "url"
    if content is not None:
        file.write_bytes(content)
        file.chmod(mode)
    assert words in problems(NOTIFIER_SMTP_URL_FILE=str(file))[0]


def test_a_setting_and_its_file_are_not_both(tmp_path: Path) -> None:
    found = problems(NOTIFIER_SMTP_URL="smtp://x", NOTIFIER_SMTP_URL_FILE=str(tmp_path / "url"))
    assert found == ["NOTIFIER_SMTP_URL and NOTIFIER_SMTP_URL_FILE are both set; keep one"]


CANARY = "hunter2"


@pytest.mark.parametrize(
    "environ",
    [
        {"NOTIFIER_SMTP_URL": f"smtp://zoe:{CANARY}@relay:465?x=y"},
        {"NOTIFIER_SMTP_URL": f"http://zoe:{CANARY}@relay"},
        {"NOTIFIER_SMTP_URL": f"smtp://zoe:{CANARY}@relay:port"},
        {"NOTIFIER_BROKER_URL": f"http://zoe:{CANARY}@relay"},
        {"NOTIFIER_BROKER_URL": f"redis://:{CANARY}@relay:port"},
    ],
)
def test_no_problem_shows_a_password(environ: dict[str, str]) -> None:
    assert CANARY not in "\n".join(problems(**environ))


def test_no_repr_shows_a_password() -> None:
    urls = {"NOTIFIER_BROKER_URL": f"redis://:{CANARY}@x", "NOTIFIER_SMTP_URL": f"smtp://zoe:{CANARY}@relay"}
    assert CANARY not in repr(Settings.load(urls))


def test_every_setting_is_explained() -> None:
    assert all(len(row.doc) > 20 for row in TABLE)
    assert len({row.name for row in TABLE}) == len(TABLE)


# the relay's URL ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("url", "name", "tls"),
    [
        ("smtp://relay.example", "relay.example:25", TLSPolicy.REQUIRED),
        ("smtp://zoe:x@relay.example", "relay.example:587", TLSPolicy.REQUIRED),
        ("smtps://relay.example", "relay.example:465", TLSPolicy.IMPLICIT),
        ("smtp://127.0.0.1:2525", "127.0.0.1:2525", TLSPolicy.NONE),
        ("smtp://[::1]:2525", "[::1]:2525", TLSPolicy.NONE),
        ("smtp://zoe:x@localhost:2525", "localhost:2525", TLSPolicy.REQUIRED),
        ("smtp://zoe:x@localhost:2525?tls=none", "localhost:2525", TLSPolicy.NONE),
        ("smtp://relay.example?tls=opportunistic", "relay.example:25", TLSPolicy.OPPORTUNISTIC),
        ("lmtp://localhost", "localhost:2003", TLSPolicy.NONE),
        ("lmtp+unix:///run/dovecot/lmtp", "/run/dovecot/lmtp", TLSPolicy.NONE),
    ],
)
def test_a_relay_is_one_url(url: str, name: str, tls: TLSPolicy) -> None:
    endpoint = parse_relay(url).endpoint
    assert (endpoint.name, endpoint.tls) == (name, tls)
    assert (endpoint.mode is Mode.LMTP) == url.startswith("lmtp")


@pytest.mark.parametrize(
    ("text", "tiers"),
    [
        ("smtp://a", [["a:25"]]),
        ("smtp://a smtp://b", [["a:25"], ["b:25"]]),
        ("smtp://a,smtps://b", [["a:25", "b:465"]]),
        ("smtp://a,lmtp+unix:///run/lmtp\n  smtp://c?mechanisms=PLAIN,LOGIN", [["a:25", "/run/lmtp"], ["c:25"]]),
    ],
)
def test_several_relays_are_one_list(text: str, tiers: list[list[str]]) -> None:
    assert [[relay.endpoint.name for relay in tier] for tier in parse_relays(text)] == tiers


def test_relays_share_by_weight() -> None:
    assert [relay.weight for relay in parse_relays("smtp://a?weight=3,smtp://b")[0]] == [3, 1]


def test_of_several_relays_each_problem_says_which_one_it_is_about() -> None:
    found = problems(NOTIFIER_SMTP_URL="smtp://a?colour=red smtp://b,http://c")
    assert len(found) == 2
    assert "(its URL number 1) has no option 'colour'" in found[0]
    assert "(its URL number 3) begins with smtp://" in found[1]


def test_the_same_relay_twice_is_a_mistake() -> None:
    assert "twice" in problems(NOTIFIER_SMTP_URL="smtp://a smtp://b smtp://a")[0]


def test_waits_of_breakers_are_scaled_as_those_between_attempts() -> None:
    settings = Settings.load({**LEAST, "NOTIFIER_RETRY_SCALE": "0.1", "NOTIFIER_BREAKER_OPEN": "20"})
    assert (settings.breakers.host.first, settings.breakers.host.longest) == (2, 40)
    assert settings.breakers.account.first == 30


def test_a_relays_options() -> None:
    relay = parse_relay(
        "smtp://z%40x:p%2Fw@relay.example?timeout_final_reply=900&pool=9&max_idle=5&ehlo=me.example&reply_lines=9"
    )
    assert (relay.endpoint.username, relay.endpoint.timeouts.final_reply, relay.endpoint.ehlo_name) == (
        "z@x",
        900,
        "me.example",
    )
    assert (relay.pool.size, relay.pool.max_idle) == (9, 5)
    assert relay.endpoint.reply_caps == ReplyCaps(lines=9)
    assert relay.endpoint.password is not None
    assert relay.endpoint.password.reveal() == "p/w"


@pytest.mark.parametrize(
    "url",
    [
        "relay.example", "http://relay", "smtp://", "smtp://relay:0", "smtp://relay:65536", "smtp://relay:25; rm",
        "smtp://relay.x\r\n", "smtp://re lay", "smtp://relay:465", "smtps://relay:587", "smtps://relay?tls=required",
        "smtp://relay?tls=maybe", "smtp://zoe@relay", "smtp://zoe:x@relay?tls=none", "smtp://zoe:x@relay?tls=opportunistic",
        "smtp://zo%0de:x@relay", "smtp://relay?ca=/no/such/file", "smtp://relay?source=here", "smtp://relay?pool=0",
        "smtp://relay?timeout_mail=nan", "smtp://relay/path", "smtp://relay?reply_line=511", "lmtp+unix://relative", "smtp://re_lay", "smtp://relay?ehlo=a%20b",
    ],
)  # fmt: skip
def test_a_relay_url_that_cannot_work_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        parse_relay(url)


@pytest.mark.parametrize(
    ("url", "secret", "words"),
    [
        ("http://example.com/", "k:0123456789abcdef", "on this host alone"),
        ("ftp://example.com/", "k:0123456789abcdef", "is a URL that begins with one of"),
        ("https://", "k:0123456789abcdef", "a host is a domain name"),
        ("https://zoe:hunter2@example.com/", "k:0123456789abcdef", "without user"),
        ("https://example.com/", "0123456789abcdef", "is KEY-ID:SECRET"),
        ("https://example.com/", "k:hunter2", "16 characters or more"),
        ("https://example.com/?t=hunter2", None, "go together"),
        (None, "k:0123456789abcdef", "go together"),
    ],
)
def test_a_webhook_that_cannot_work_is_a_problem(url: str | None, secret: str | None, words: str) -> None:
    given = {"NOTIFIER_WEBHOOK_URL": url, "NOTIFIER_WEBHOOK_SECRET": secret}
    with pytest.raises(ConfigurationError, match=words) as caught:
        Settings.load({"NOTIFIER_BROKER_URL": "redis://localhost", **{k: v for k, v in given.items() if v}})
    assert len(caught.value.problems) == 1
    assert "hunter2" not in str(caught.value)


def test_a_webhook_shows_neither_its_url_nor_its_secret() -> None:
    given = {
        "NOTIFIER_BROKER_URL": "redis://localhost",
        "NOTIFIER_WEBHOOK_URL": "http://localhost:8000/?token=hunter2",
        "NOTIFIER_WEBHOOK_SECRET": "2026-01:0123456789abcdef",
    }
    chosen = Settings.load(given)
    assert chosen.webhook is not None
    assert chosen.webhook.key_id == "2026-01"
    assert "hunter2" not in repr(chosen)
    assert "0123456789abcdef" not in repr(chosen)


def test_the_journal_lies_in_the_users_state_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    assert (
        Settings.load({"NOTIFIER_BROKER_URL": "redis://localhost"}).journal_folder
        == tmp_path / "state/notifier/journal"
    )


def test_the_journal_of_a_user_without_a_home_lies_in_the_temporary_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", "relative")
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    assert Settings.load({"NOTIFIER_BROKER_URL": "redis://localhost"}).journal_folder.parent == tmp_path


def test_a_journal_by_half_a_path_is_a_problem() -> None:
    with pytest.raises(ConfigurationError, match="whole path"):
        Settings.load({"NOTIFIER_BROKER_URL": "redis://localhost", "NOTIFIER_JOURNAL": "journal"})


def test_a_broker_whose_name_is_misspelt_is_told_once_and_nothing_is_said_of_its_kind() -> None:
    with pytest.raises(ConfigurationError) as caught:
        Settings.load({"NOTIFIER_BROKR_URL": "redis://localhost"})
    (problem,) = caught.value.problems
    assert "did you mean NOTIFIER_BROKER_URL?" in problem
